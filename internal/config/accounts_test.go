package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func readText(t *testing.T, text string) *Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rightful.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Read(path, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const threeAccounts = `directory: {dsn: a, companies: b}
stripe:
  - {key: sk_test_a, account: acct_a}
  - {key: sk_test_b, account: acct_b}
  - {key: sk_test_c, account: acct_c}
`

func TestNarrowedToOneAccount(t *testing.T) {
	t.Parallel()
	c := readText(t, threeAccounts)
	b, err := c.Narrowed("acct_b")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(b.Stripe.IDs(), " "); got != "acct_b acct_a acct_c" {
		t.Errorf("narrowed to %s", got)
	}
	if got := strings.Join(c.Stripe.IDs(), " "); got != "acct_a acct_b acct_c" {
		t.Errorf("the config itself became %s", got)
	}
	// Whoever speaks of stripe.key means that of the account at hand.
	for of, want := range map[*Config]string{c: ":3:6", b: ":4:6"} {
		if at := of.At("stripe.key"); !strings.HasSuffix(at, want) || !of.Known("stripe.key") {
			t.Errorf("the key of %s stands at %s, want %s", of.Stripe[0].Account, at, want)
		}
		if at := of.Locate("stripe.key"); !strings.Contains(at, want+": stripe.key") {
			t.Errorf("the key of %s is located at %s", of.Stripe[0].Account, at)
		}
	}
	for account, want := range map[string]string{
		"":       "add --account with one of acct_a, acct_b, acct_c",
		"acct_x": `no Stripe account "acct_x"`,
	} {
		if _, err := c.Narrowed(account); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", account, err)
		}
	}
}

func TestTheOnlyAccountNeedsNoName(t *testing.T) {
	t.Parallel()
	c := readText(t, "directory: {dsn: a, companies: b}\nstripe: {key: sk_test_a}\n")
	if own, err := c.Narrowed(""); err != nil || own != c {
		t.Errorf("%v, %v", own, err)
	}
	own, err := c.Narrowed("acct_a")
	if err != nil || own.Stripe[0].Account != "acct_a" || c.Stripe[0].Account != "" {
		t.Errorf("a name that is given is not expected: %+v, %v", own, err)
	}
	named := readText(t, "directory: {dsn: a, companies: b}\nstripe: [{key: sk_test_a, account: acct_a}]\n")
	if _, err := named.Narrowed("acct_b"); err == nil || !strings.Contains(err.Error(), "it has acct_a") {
		t.Error(err)
	}
}
