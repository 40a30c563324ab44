// Package config reads rightful.yaml.
//
// Decoding is strict: a key that is not known, a value of the wrong type or a
// variable that is not set is an error with file, line, column and a hint.
// Secrets come from the environment as ${NAME} and are never printed.
package config

import (
	"cmp"
	"time"

	"rightful"
)

// Config is rightful.yaml.
type Config struct {
	Company   Company           `yaml:"company"`
	Ownership Ownership         `yaml:"ownership"`
	Directory Directory         `yaml:"directory"`
	Stripe    Accounts          `yaml:"stripe"`
	State     string            `yaml:"state"`  // sqlite:FILE or postgres://; default sqlite:rightful.db; StateAddress says where that is
	Mirror    string            `yaml:"mirror"` // sqlite:FILE or postgres://; default sqlite:rightful-mirror.db; MirrorAddress says where that is
	Sync      Sync              `yaml:"sync"`
	Cache     Cache             `yaml:"cache"`
	Probe     Probe             `yaml:"resolver_probe"`
	Codes     map[string]string `yaml:"codes"` // code: off, error, warning or info
	Serve     Serve             `yaml:"serve"`
	Gateway   Gateway           `yaml:"gateway"`
	Webhooks  Webhooks          `yaml:"webhooks"`
	Repair    Repair            `yaml:"repair"`
	Alerts    []Alert           `yaml:"alerts"`
	Audits    Audits            `yaml:"audits"`
	Schedule  Schedule          `yaml:"schedule"`

	file *file
	at   int // which account of the list in the file is Stripe[0]
}

// Repair says who may repair.
type Repair struct {
	SecondApprover bool `yaml:"second_approver"` // a plan is applied only after another person than its author approved it
}

// Company names the metadata keys that carry identity.
type Company struct {
	MetadataKey string   `yaml:"metadata_key"` // default company_id
	AlsoRead    []string `yaml:"also_read"`
	UserKey     string   `yaml:"user_key"` // default user_id
}

// Ownership is the metadata tag that tells our objects from other apps'.
type Ownership struct {
	Key   string `yaml:"key"`
	Value string `yaml:"value"`
}

// Directory maps the app's database: plain SQL with fixed output columns.
type Directory struct {
	DSN           string `yaml:"dsn"`
	Companies     string `yaml:"companies"`
	Users         string `yaml:"users"`
	Memberships   string `yaml:"memberships"`
	Subscriptions string `yaml:"subscriptions"`
	Links         string `yaml:"links"`
	Resolve       string `yaml:"resolve"` // direct, owner, membership or a SELECT with :user_id
	Write         Write  `yaml:"write"`

	PlaceholderCustomers []string `yaml:"placeholder_customers"` // patterns of links that mean "not yet"
}

// Accounts is one Stripe account, or a list of them.
type Accounts []Stripe

// Stripe is one Stripe account.
type Stripe struct {
	Key            string   `yaml:"key"`
	Account        string   `yaml:"account"`  // acct_...: any other account is refused
	Livemode       *bool    `yaml:"livemode"` // any other mode is refused
	Rate           Rate     `yaml:"rate"`
	APIBase        string   `yaml:"api_base"`
	WebhookSecrets []string `yaml:"webhook_secrets"`
}

// Rate bounds requests per second.
type Rate struct {
	Account  float64 `yaml:"account"`
	Endpoint float64 `yaml:"endpoint"`
}

// Cache is where identity is cached.
type Cache struct {
	URL     string     `yaml:"url"`
	CA      string     `yaml:"ca"`      // PEM file of the authorities to trust
	Cluster bool       `yaml:"cluster"` // the URL names nodes of a Redis Cluster
	Keys    []CacheKey `yaml:"keys"`
}

// CacheKey is one pattern of cache keys.
type CacheKey struct {
	Pattern string `yaml:"pattern"`
	Holds   string `yaml:"holds"`  // company_id or stripe_customer_id
	Decode  string `yaml:"decode"` // text (default), json:path, hash:field, php or pickle
}

// Probe asks the running app for a user's company, by a URL or by a command.
type Probe struct {
	URL             string            `yaml:"url"`     // with {user_id}
	Command         []string          `yaml:"command"` // program and arguments, one of them {user_id}
	JSON            string            `yaml:"json"`
	Headers         map[string]string `yaml:"headers"`
	NoneStatus      []int             `yaml:"none_status"` // default 404
	RevisionURL     string            `yaml:"revision_url"`
	RevisionCommand []string          `yaml:"revision_command"`
	RevisionJSON    string            `yaml:"revision_json"`
	ExpectRevision  string            `yaml:"expect_revision"`
	Timeout         string            `yaml:"timeout"` // with its unit: 5s
	Concurrency     int               `yaml:"concurrency"`
}

// Configured reports whether there is an app to ask.
func (p Probe) Configured() bool { return p.URL != "" || len(p.Command) > 0 }

// Within returns how long one question may take, 0 for the default.
func (p Probe) Within() time.Duration {
	d, _ := time.ParseDuration(p.Timeout) // validated; 0 when empty
	return d
}

// defaultState is where state is kept when the config says nothing.
const defaultState = "sqlite:rightful.db"

// StateAddress returns where state is kept. A relative path of a file starts from
// the config's own folder, unlike that of the app's database: whoever repairs an
// account must find the same journal, from wherever they start.
func (c *Config) StateAddress() string { return c.beside(cmp.Or(c.State, defaultState)) }

// Keys returns the metadata keys that carry identity, with their defaults.
func (c *Config) Keys() rightful.KeySet {
	k := rightful.KeySet{
		Company:   c.Company.MetadataKey,
		AlsoRead:  c.Company.AlsoRead,
		User:      c.Company.UserKey,
		Ownership: c.Ownership.Key,
	}
	if k.Company == "" {
		k.Company = "company_id"
	}
	if k.User == "" {
		k.User = "user_id"
	}
	return k
}

// Resolver returns which way the resolver works; ResolverNone when it is not
// configured and the mapping decides.
func (d Directory) Resolver() rightful.Resolver {
	switch r := rightful.Resolver(d.Resolve); r {
	case rightful.ResolverNone, rightful.ResolverDirect, rightful.ResolverOwner, rightful.ResolverMembership:
		return r
	}
	return rightful.ResolverSQL
}
