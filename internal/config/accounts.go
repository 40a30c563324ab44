package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"rightful"
)

// UnmarshalYAML reads one account or a list of them.
func (a *Accounts) UnmarshalYAML(n ast.Node) error {
	if _, isList := n.(*ast.SequenceNode); isList {
		var many []Stripe
		if err := yaml.NodeToValue(n, &many, yaml.Strict()); err != nil {
			return err
		}
		*a = many
		return nil
	}
	var one Stripe
	if err := yaml.NodeToValue(n, &one, yaml.Strict()); err != nil {
		return err
	}
	*a = Accounts{one}
	return nil
}

// IDs returns the accounts' ids, in the order of the config. One that is the only one may
// be left unsaid, and then is empty.
func (a Accounts) IDs() []string {
	ids := make([]string, len(a))
	for i, one := range a {
		ids[i] = one.Account
	}
	return ids
}

// Several reports whether the config has more than one account.
func (c *Config) Several() bool { return len(c.Stripe) > 1 }

// TakesEvents reports whether any account has a secret by which its events are known.
func (c *Config) TakesEvents() bool {
	return slices.ContainsFunc(c.Stripe, func(s Stripe) bool { return len(s.WebhookSecrets) > 0 })
}

// Narrowed returns the config as it is for one of its accounts: Stripe has that one
// first, and the others after it, in their order. An empty id is the only account. An
// id that the config does not have, or none where there are several, is an error of kind
// invalid that lists those that there are.
func (c *Config) Narrowed(account string) (*Config, error) {
	at := slices.Index(c.Stripe.IDs(), account)
	switch {
	case account == "" && !c.Several():
		return c, nil
	case account == "":
		return nil, &rightful.Error{
			Kind: rightful.KindInvalid, Place: "--account", Message: fmt.Sprintf("the config has %d Stripe accounts, and this is about one of them", len(c.Stripe)),
			Hint: "add --account with one of " + strings.Join(c.Stripe.IDs(), ", "),
		}
	case at < 0 && len(c.Stripe) == 1 && c.Stripe[0].Account == "":
		// Which account the key opens is not said: it has to be this one.
		own := *c
		own.Stripe = slices.Clone(c.Stripe)
		own.Stripe[0].Account = account
		return &own, nil
	case at < 0:
		return nil, &rightful.Error{
			Kind: rightful.KindInvalid, Place: "--account", Message: fmt.Sprintf("the config has no Stripe account %q", account),
			Hint: "it has " + strings.Join(c.Stripe.IDs(), ", "),
		}
	}
	own := *c
	own.Stripe, own.at = Accounts{c.Stripe[at]}, at
	for i, other := range c.Stripe {
		if i != at {
			own.Stripe = append(own.Stripe, other)
		}
	}
	return &own, nil
}

// validateAccounts checks the accounts: each has a key, and of several each is named, once,
// and all are of one mode.
func (c *Config) validateAccounts() error {
	if len(c.Stripe) == 0 || len(c.Stripe) == 1 && c.Stripe[0].Key == "" {
		return c.invalid("stripe.key", "is missing", "stripe: {key: ${STRIPE_API_KEY}}; a restricted key with read permissions is enough")
	}
	if c.Several() && strings.HasPrefix(c.Webhooks.Endpoint, "we_") {
		return c.invalid("webhooks.endpoint", "is the endpoint of one account, and there are several", "write the address that the endpoints of all of them have: https://app.example.com/v1/webhooks/stripe")
	}
	for i, one := range c.Stripe {
		if one.Account != "" && !strings.HasPrefix(one.Account, "acct_") {
			return c.invalid(c.ofAccount(i, "account"), fmt.Sprintf("%q is no account's id", one.Account), "it begins with acct_; Stripe's dashboard shows it under Settings, Account details")
		}
		if !c.Several() {
			break
		}
		if err := c.validateAmong(i, one); err != nil {
			return err
		}
	}
	return nil
}

// validateAmong checks one of several accounts against those before it.
func (c *Config) validateAmong(i int, one Stripe) error {
	switch {
	case one.Key == "":
		return c.invalid(c.ofAccount(i, "key"), "is missing", "each account has a key of its own: {account: acct_..., key: ${STRIPE_API_KEY_"+fmt.Sprint(i+1)+"}}")
	case one.Account == "":
		return c.invalid(c.ofAccount(i, "account"), "is missing: with several accounts each has to be named", "add account: acct_..., so that --account can say which, and a key of another account is refused")
	}
	for before, other := range c.Stripe[:i] {
		switch {
		case other.Account == one.Account:
			return c.invalid(c.ofAccount(i, "account"), fmt.Sprintf("%s is in the list already, as %s", one.Account, c.At(c.ofAccount(before, "account"))), "name each account once")
		case other.Key == one.Key:
			return c.invalid(c.ofAccount(i, "key"), "is the key of "+other.Account+" too: a key opens one account", "give the key of "+one.Account)
		case shared(other.WebhookSecrets, one.WebhookSecrets):
			return c.invalid(c.ofAccount(i, "webhook_secrets"), "has a secret of "+other.Account+": by its secret it is known whose an event is", "each account has endpoints with secrets of their own")
		}
		mode, known := one.mode()
		if theirs, told := other.mode(); known && told && mode != theirs {
			return c.invalid(fmt.Sprintf("stripe[%d]", i), one.Account+" is opened in "+named(mode)+", and "+other.Account+" in "+named(theirs),
				"one config is one database with its payments in one mode: write a config of its own for the other, with the database that belongs to it")
		}
	}
	return nil
}

// ofAccount is the config path of a key of an account.
func (c *Config) ofAccount(i int, key string) string {
	path := fmt.Sprintf("stripe[%d]", i)
	if _, isList := c.file.at[path]; !isList {
		return "stripe." + key
	}
	return path + "." + key
}

// listed is the path of a key of the account at hand where the file has a list of
// them: whoever speaks of stripe.key need not know which one it is.
func (c *Config) listed(path string) string {
	key, of := strings.CutPrefix(path, "stripe.")
	if !of || c.file == nil {
		return path
	}
	return c.ofAccount(c.at, key)
}

// mode returns in which mode an account is opened, as far as the config or the key says.
func (s Stripe) mode() (live, known bool) {
	if s.Livemode != nil {
		return *s.Livemode, true
	}
	for _, kind := range []string{"sk_", "rk_"} {
		if rest, is := strings.CutPrefix(s.Key, kind); is {
			return strings.HasPrefix(rest, "live_"), strings.HasPrefix(rest, "live_") || strings.HasPrefix(rest, "test_")
		}
	}
	return false, false
}

func named(live bool) string {
	if live {
		return "live mode"
	}
	return "test mode"
}

func shared(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return s != "" && slices.Contains(b, s) })
}
