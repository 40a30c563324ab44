package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Gateway says what becomes of the gateway's refusals.
type Gateway struct {
	Mode  string            `yaml:"mode"`  // observe (default) or enforce
	Rules map[string]string `yaml:"rules"` // of one status, e.g. other_company: enforce
}

// GatewayRules are the statuses that a mode decides about: refusals that rest on
// whose something is. What is a fact about a payment no mode makes untrue.
func GatewayRules() []string {
	return []string{"other_company", "company_gone", "no_company", "needs_sign_in"}
}

// alreadySubscribed is a rule that no mode switches on or off: selling the same
// subscription twice may be what the app wants, and is nobody else's.
const alreadySubscribed = "already_subscribed"

// UsesGateway reports whether anything says that customers and sessions are made
// through rightful, and not only read.
func (c *Config) UsesGateway() bool {
	return c.Gateway.Mode != "" || len(c.Gateway.Rules) > 0 || len(c.Serve.Tokens) > 0 || c.Directory.Write.CompanyCustomer != "" ||
		c.TakesEvents()
}

// Observes reports whether any refusal is let pass.
func (g Gateway) Observes() bool {
	return slices.ContainsFunc(GatewayRules(), func(rule string) bool {
		if mode, own := g.Rules[rule]; own {
			return mode != "enforce"
		}
		return g.Mode != "enforce"
	})
}

// validateGateway checks the section gateway.
func (c *Config) validateGateway() error {
	mode := func(path, value string) error {
		if value == "observe" || value == "enforce" {
			return nil
		}
		return c.invalid(path, fmt.Sprintf("%q is no mode", value), "write observe, to let pass and tell, or enforce, to refuse")
	}
	if c.Gateway.Mode != "" {
		if err := mode("gateway.mode", c.Gateway.Mode); err != nil {
			return err
		}
	}
	for _, rule := range slices.Sorted(maps.Keys(c.Gateway.Rules)) {
		path := "gateway.rules." + rule
		if known := append(GatewayRules(), alreadySubscribed); !slices.Contains(known, rule) {
			return c.invalid(path, "no mode decides about this", "there are "+strings.Join(known, ", "))
		}
		if err := mode(path, c.Gateway.Rules[rule]); err != nil {
			return err
		}
	}
	return nil
}
