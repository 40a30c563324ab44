package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/config"
)

// everything is a config that uses every key.
const everything = `
company:  {metadata_key: tenant_id, also_read: [org_id, organizationId], user_key: uid}
ownership: {key: app, value: ledgerly}
directory:
  dsn: ${DATABASE_URL}   # a comment with ${NOT_SET}
  companies:     SELECT id, name, owner_id AS owner_user_id, stripe_customer_id, deleted_at FROM companies
  users:         SELECT id, email, email_verified, is_active, company_id FROM users
  memberships:   SELECT user_id, company_id, role, joined_at, left_at FROM memberships
  subscriptions: |
    SELECT id, company_id, stripe_customer_id,
           stripe_subscription_id, status
    FROM subscriptions
  links:         SELECT company_id, stripe_customer_id FROM billing_accounts
  resolve: SELECT company_id FROM users WHERE id = :user_id
  write:
    company_customer: UPDATE companies SET stripe_customer_id = :new WHERE id = :id AND stripe_customer_id IS NOT DISTINCT FROM :old
  placeholder_customers: ['^pending_']
stripe:
  {key: ${STRIPE_API_KEY}, account: acct_1, livemode: true, rate: {account: 60, endpoint: 15}, api_base: http://127.0.0.1:12111, webhook_secrets: ['${SECRET}']}
state: sqlite:rightful.db
cache:
  url: redis://127.0.0.1
  ca: private-ca.pem
  cluster: true
  keys: [{pattern: 'stripe:customer:{stripe_customer_id}:company', holds: company_id}, {pattern: ':1:user_company_{user_id}', holds: company_id, decode: text}]
resolver_probe: {url: 'https://app.example.com/users/{user_id}/company', json: company.id, headers: {Authorization: 'Bearer ${TOKEN}'}, expect_revision: abc}
codes: {RF212: off, RF105: warning}
serve: {listen: 127.0.0.1:8787}
`

func environment(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
}

func read(t *testing.T, text string, vars map[string]string) (*config.Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rightful.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Read(path, environment(vars))
}

func TestEveryKey(t *testing.T) {
	t.Parallel()
	// Values that would be YAML, were they ever parsed as such.
	secrets := map[string]string{
		"DATABASE_URL": "postgres://u:p#'w:\"{}@h/db", "STRIPE_API_KEY": "sk_live_1: {x}", "SECRET": "whsec_${A}", "TOKEN": "a, b]\nkey: c",
	}
	c, err := read(t, everything, secrets)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{
		"DATABASE_URL": c.Directory.DSN, "STRIPE_API_KEY": c.Stripe[0].Key, "SECRET": c.Stripe[0].WebhookSecrets[0],
	} {
		if got != secrets[name] {
			t.Errorf("%s became %q", name, got)
		}
	}
	if got := c.Probe.Headers["Authorization"]; got != "Bearer "+secrets["TOKEN"] {
		t.Errorf("header %q", got)
	}
	if k := c.Keys(); k.Company != "tenant_id" || k.User != "uid" || k.Ownership != "app" || len(k.AlsoRead) != 2 {
		t.Errorf("keys %+v", k)
	}
	if !strings.Contains(c.Directory.Write.CompanyCustomer, "= :new WHERE id = :id") || c.Directory.Resolver() != rightful.ResolverSQL {
		t.Errorf("directory %+v", c.Directory)
	}
	if !strings.Contains(c.Directory.Subscriptions, "\nFROM subscriptions") {
		t.Errorf("a block of SQL became %q", c.Directory.Subscriptions)
	}
	if s := c.Stripe[0]; s.Livemode == nil || !*s.Livemode || s.Rate.Endpoint != 15 {
		t.Errorf("stripe %+v", s)
	}
	if !c.Cache.Cluster || c.Cache.CA != "private-ca.pem" {
		t.Errorf("cache %+v", c.Cache)
	}
	for path, want := range map[string]string{
		"directory.users": "rightful.yaml:7:3: directory.users", "stripe.key": "rightful.yaml:19:4: stripe.key", "cache.keys[1].pattern": ":25:", "serve": ":28:1",
	} {
		if got := c.Locate(path); !strings.Contains(got, want) {
			t.Errorf("%s is located at %s, want %s", path, got, want)
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	c, err := read(t, "directory:\n  dsn: sqlite:a.db\n  companies: SELECT id FROM c\nstripe:\n- {key: sk_test_1}\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	if k := c.Keys(); k.Company != "company_id" || k.User != "user_id" || k.Ownership != "" {
		t.Errorf("keys %+v", k)
	}
	if c.Directory.Resolver() != rightful.ResolverNone {
		t.Errorf("resolver %q", c.Directory.Resolver())
	}
}

// TestErrors expects the place and the reason of each mistake.
func TestErrors(t *testing.T) {
	t.Parallel()
	const least = "directory: {dsn: 'sqlite:a.db', companies: SELECT id FROM c}\nstripe: {key: sk_test_1}\n"
	tests := map[string]struct{ text, place, says string }{
		"broken YAML":           {"directory: [\n", ":", ""},
		"empty":                 {"", "directory.dsn", "is missing"},
		"only a comment":        {"# nothing\n", "directory.dsn", "is missing"},
		"unknown section":       {least + "directoryy: {}\n", ":3:1", `no key "directoryy"`},
		"unknown nested key":    {least + "cache: {ulr: x}\n", ":3:9", `no key "ulr"`},
		"unknown in list":       {"directory: {dsn: a, companies: b}\nstripe: [{key: a, kye: b}]\n", ":2:19", `no key "kye"`},
		"wrong type":            {least + "serve: 7\n", ":3:", ""},
		"text for a flag":       {"directory: {dsn: a, companies: b}\nstripe: {key: a, livemode: perhaps}\n", ":2:", ""},
		"key twice":             {least + "codes: {}\ncodes: {}\n", ":4:", ""},
		"limit":                 {"directory: {dsn: a, companies: SELECT id FROM c LIMIT 100}\nstripe: {key: a}\n", ":1:21: directory.companies", "hides rows"},
		"account without id":    {"directory: {dsn: a, companies: b}\nstripe: [{key: a, account: acct_1}, {key: b}]\n", ":2:37: stripe[1].account", "each has to be named"},
		"account without key":   {"directory: {dsn: a, companies: b}\nstripe: [{key: a, account: acct_1}, {account: acct_2}]\n", ":2:37: stripe[1].key", "is missing"},
		"account twice":         {"directory: {dsn: a, companies: b}\nstripe: [{key: a, account: acct_1}, {key: b, account: acct_1}]\n", ":2:46: stripe[1].account", "acct_1 is in the list already"},
		"key of two accounts":   {"directory: {dsn: a, companies: b}\nstripe: [{key: a, account: acct_1}, {key: a, account: acct_2}]\n", ":2:38: stripe[1].key", "is the key of acct_1 too"},
		"no id of an account":   {"directory: {dsn: a, companies: b}\nstripe: {key: a, account: ledgerly}\n", ":2:18: stripe.account", "is no account"},
		"two modes":             {"directory: {dsn: a, companies: b}\nstripe: [{key: sk_live_1, account: acct_1}, {key: rk_test_2, account: acct_2}]\n", ":2:45: stripe[1]", "acct_2 is opened in test mode, and acct_1 in live mode"},
		"two modes, as said":    {"directory: {dsn: a, companies: b}\nstripe: [{key: a, livemode: true, account: acct_1}, {key: b, livemode: false, account: acct_2}]\n", "stripe[1]", "acct_2 is opened in test mode"},
		"endpoint of one":       {"directory: {dsn: a, companies: b}\nstripe: [{key: a, account: acct_1}, {key: b, account: acct_2}]\nwebhooks: {endpoint: we_1}\n", ":3:12: webhooks.endpoint", "is the endpoint of one account"},
		"a secret of two":       {"directory: {dsn: a, companies: b}\nstripe: [{key: a, account: acct_1, webhook_secrets: [whsec_1]}, {key: b, account: acct_2, webhook_secrets: [whsec_1]}]\n", "stripe[1].webhook_secrets", "has a secret of acct_1"},
		"resolver":              {least + "company: {}\n" + "ownership: {key: app}\n", "ownership", "is missing"},
		"unknown resolver":      {"directory: {dsn: a, companies: b, resolve: guess}\nstripe: {key: a}\n", ":1:35: directory.resolve", `"guess" is neither`},
		"probe without user":    {least + "resolver_probe: {url: 'https://app.example.com/'}\n", ":3:18: resolver_probe.url", "{user_id}"},
		"placeholder pattern":   {"directory: {dsn: a, companies: b, placeholder_customers: ['(']}\nstripe: {key: a}\n", "placeholder_customers[0]", "not a regular expression"},
		"no such code":          {least + "codes: {RF1: off}\n", ":3:9: codes.RF1", "is not a code"},
		"a family of codes":     {least + "codes: {RF105: info, RF2xx: off}\n", ":3:22: codes.RF2xx", "is not a code"},
		"a code in small":       {least + "codes: {rf101: off}\n", ":3:9: codes.rf101", "is not a code"},
		"a code that stops":     {least + "codes:\n  RF901: off\n", ":4:3: codes.RF901", "stops a run"},
		"two placeholders":      {least + "cache: {url: 'redis://h', keys: [{pattern: '{user_id}{company_id}', holds: company_id}]}\n", "cache.keys[0].pattern", "exactly one"},
		"cache without url":     {least + "cache: {keys: [{pattern: '{user_id}', holds: company_id}]}\n", "cache.url", "is missing"},
		"cache holds a thing":   {least + "cache: {url: 'redis://h', keys: [{pattern: '{user_id}', holds: thing}]}\n", "cache.keys[0].holds", `"thing"`},
		"cache decoded somehow": {least + "cache: {url: 'redis://h', keys: [{pattern: '{user_id}', holds: company_id, decode: xml}]}\n", "cache.keys[0].decode", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := read(t, tt.text, nil)
			var own *rightful.Error
			if !errors.As(err, &own) {
				t.Fatalf("got %v", err)
			}
			if own.Kind != rightful.KindInvalid || !strings.Contains(own.Place, tt.place) || !strings.Contains(own.Message, tt.says) || own.Message == "" {
				t.Errorf("got %s | %s (%s); want ...%s... | ...%s...", own.Place, own.Message, own.Hint, tt.place, tt.says)
			}
		})
	}
}

// TestWorldTakesNothingFromTheEnvironment: a world is somebody else's file.
func TestWorldTakesNothingFromTheEnvironment(t *testing.T) {
	t.Setenv("RF_TEST_SECRET", "sk_live_verysecret")
	c, err := config.ParseWorld("world.json", 10, []byte(`{"company": {"metadata_key": "${RF_TEST_SECRET}"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Keys().Company; got != "${RF_TEST_SECRET}" {
		t.Errorf("the variable became %q", got)
	}
	_, err = config.ParseWorld("world.json", 10, []byte("{\n\"cmpany\": {}}"))
	if err == nil || !strings.HasPrefix(err.Error(), "world.json:11:1: ") {
		t.Errorf("got %v, want the line in the world", err)
	}
}

func TestStateLiesBesideItsConfig(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "app", "rightful.yaml")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"":                                "sqlite:" + filepath.Join(folder, "app", "rightful.db"),
		"state: sqlite:state.db":          "sqlite:" + filepath.Join(folder, "app", "state.db"),
		"state: sqlite:../state.db":       "sqlite:" + filepath.Join(folder, "state.db"),
		"state: sqlite:/var/state.db":     "sqlite:/var/state.db",
		"state: sqlite:///var/state.db":   "sqlite:///var/state.db",
		"state: 'sqlite:'":                "sqlite:",
		"state: 'sqlite::memory:'":        "sqlite::memory:",
		"state: postgres://u@h/db":        "postgres://u@h/db",
		"state: something that is no URL": "something that is no URL",
	} {
		text := "directory: {dsn: 'sqlite:app.db', companies: SELECT id FROM companies}\nstripe: {key: sk_test_1}\n" + line + "\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Read(path, os.LookupEnv)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.StateAddress(); got != want {
			t.Errorf("%q: got %s, want %s", line, got, want)
		}
	}
}
