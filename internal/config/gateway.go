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
		if !slices.Contains(GatewayRules(), rule) {
			return c.invalid(path, "no mode decides about this", "there are "+strings.Join(GatewayRules(), ", "))
		}
		if err := mode(path, c.Gateway.Rules[rule]); err != nil {
			return err
		}
	}
	return nil
}
