package config

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"rightful"
	"rightful/internal/cachevalue"
)

// invalid returns an error about a config path.
func (c *Config) invalid(path, message, hint string) error {
	return &rightful.Error{Kind: rightful.KindInvalid, Place: c.Locate(path), Message: message, Hint: hint}
}

// validate checks a config that real systems are read with.
func (c *Config) validate() error {
	switch {
	case c.Directory.DSN == "":
		return c.invalid("directory.dsn", "is missing", "name your database: dsn: ${DATABASE_URL}")
	case c.Directory.Companies == "":
		return c.invalid("directory.companies", "is missing",
			"write a query: companies: SELECT id, owner_id AS owner_user_id, stripe_customer_id FROM companies")
	case len(c.Cache.Keys) > 0 && c.Cache.URL == "":
		return c.invalid("cache.url", "is missing, but cache.keys is set", "cache: {url: ${REDIS_URL}, keys: [...]}")
	}
	for _, validate := range []func() error{c.validateAccounts, c.validateProbe, c.validateServe, c.validateGateway, c.validateSync, c.validateSchedule} {
		if err := validate(); err != nil {
			return err
		}
	}
	if err := c.validateWebhooks(); err != nil {
		return err
	}
	if err := c.validateAlerts(); err != nil {
		return err
	}
	return c.validateShared()
}

// validateShared checks what a world's config has too.
func (c *Config) validateShared() error {
	for _, path := range slices.Sorted(maps.Keys(c.Codes)) {
		if err := c.validateCode(path); err != nil {
			return err
		}
	}
	for name, query := range map[string]string{
		"companies": c.Directory.Companies, "users": c.Directory.Users, "memberships": c.Directory.Memberships,
		"subscriptions": c.Directory.Subscriptions, "links": c.Directory.Links,
	} {
		if limited.MatchString(query) {
			return c.invalid("directory."+name, "ends in a LIMIT, which hides rows: what is hidden would be taken for missing", "leave the LIMIT out; rightful reads in pages by itself")
		}
	}
	if err := c.validateWrite(); err != nil {
		return err
	}
	for i, k := range c.Cache.Keys {
		if err := c.validateCacheKey(fmt.Sprintf("cache.keys[%d]", i), k); err != nil {
			return err
		}
	}
	for i, p := range c.Directory.PlaceholderCustomers {
		if _, err := regexp.Compile(p); err != nil {
			return c.invalid(fmt.Sprintf("directory.placeholder_customers[%d]", i), "is not a regular expression: "+err.Error(), "")
		}
	}
	if c.Directory.Resolver() == rightful.ResolverSQL && !strings.Contains(c.Directory.Resolve, ":user_id") {
		return c.invalid("directory.resolve", fmt.Sprintf("%q is neither direct, owner or membership, nor a query with :user_id", c.Directory.Resolve),
			"resolve: SELECT company_id FROM memberships WHERE user_id = :user_id")
	}
	if c.Ownership.Key != "" && c.Ownership.Value == "" {
		return c.invalid("ownership.value", "is missing, but ownership.key is set", "say what the key holds on your own objects")
	}
	if u := c.Probe.URL; u != "" && !strings.Contains(u, "{user_id}") {
		return c.invalid("resolver_probe.url", "does not contain {user_id}", "url: https://app.example.com/internal/users/{user_id}/company")
	}
	return nil
}

// limited matches a query that ends in a LIMIT.
var limited = regexp.MustCompile(`(?i)\blimit\s+\d+\s*;?\s*$`)

// validateProbe checks which keys of the probe go together. What each may hold
// is the probe's own business.
func (c *Config) validateProbe() error {
	p := c.Probe
	overHTTP := p.URL != "" || p.RevisionURL != ""
	switch {
	case !p.Configured() && !reflect.ValueOf(p).IsZero():
		return c.invalid("resolver_probe.url", "is missing, and so is resolver_probe.command, but other keys say how to ask",
			"url: https://app.example.com/internal/users/{user_id}/company")
	case len(p.Headers) > 0 && !overHTTP:
		return c.invalid("resolver_probe.headers", "belongs to a URL, and there is none", "a command has the environment of rightful")
	case p.NoneStatus != nil && p.URL == "":
		return c.invalid("resolver_probe.none_status", "belongs to resolver_probe.url, which is not set", "a command prints nothing for a user without company")
	case p.Timeout != "" && (p.Within() < shortestTimeout || p.Within() > longestTimeout):
		return c.invalid("resolver_probe.timeout", fmt.Sprintf("%q is no time between %v and %v", p.Timeout, shortestTimeout, longestTimeout),
			"write it with its unit: timeout: 5s")
	}
	return nil
}

// What one question to the app may take.
const (
	shortestTimeout = 100 * time.Millisecond
	longestTimeout  = 10 * time.Minute
)

// A code, and what people write where they mean a family of codes.
var (
	codeForm   = regexp.MustCompile(`^RF\d{3}$`)
	familyForm = regexp.MustCompile(`^(?i:RF)\d?[x*]{0,2}$`)
)

func (c *Config) validateCode(code string) error {
	path := "codes." + code
	if !codeForm.MatchString(code) {
		return c.invalid(path, fmt.Sprintf("%q is not a code", code), codeHint(code))
	}
	info, _ := rightful.CodeNamed(rightful.Code(code)) // codes of other versions are left alone
	switch c.Codes[code] {
	case "off", "error", "warning", "info":
		if info.Stops {
			return c.invalid(path, fmt.Sprintf("%s stops a run that would be unsafe: it is no finding, and has no other severity", code),
				"take the line out; rightful explain "+code+" says what to do about it")
		}
		return nil
	}
	return c.invalid(path, fmt.Sprintf("%q is not a severity", c.Codes[code]), "write off, error, warning or info")
}

// codeHint says what to write instead of something that is no code.
func codeHint(code string) string {
	switch upper := strings.ToUpper(code); {
	case codeForm.MatchString(upper):
		return "did you mean " + upper + "?"
	case familyForm.MatchString(code):
		return "a family of codes cannot be set at once, since a code that comes later would be silenced unseen: name each code; rightful explain lists them"
	}
	return "codes look like RF105; rightful explain lists them"
}

func (c *Config) validateCacheKey(path string, k CacheKey) error {
	placeholders := 0
	for _, p := range []string{"{user_id}", "{company_id}", "{stripe_customer_id}"} {
		if strings.Contains(k.Pattern, p) {
			placeholders++
		}
	}
	switch {
	case placeholders != 1:
		return c.invalid(path+".pattern", fmt.Sprintf("%q must contain exactly one of {user_id}, {company_id}, {stripe_customer_id}", k.Pattern), "")
	case k.Holds != string(rightful.HoldsCompany) && k.Holds != string(rightful.HoldsCustomer):
		return c.invalid(path+".holds", fmt.Sprintf("%q is not something a key can hold", k.Holds), "write company_id or stripe_customer_id")
	}
	if _, err := cachevalue.ParseDecode(k.Decode); err != nil {
		return c.invalid(path+".decode", err.Error(), "write "+cachevalue.Forms)
	}
	return nil
}
