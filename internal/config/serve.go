package config

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Serve says how rightful serve is reached, and by whom.
type Serve struct {
	Listen string  `yaml:"listen"` // default 127.0.0.1:8787
	Tokens []Token `yaml:"tokens"` // beside the one in RIGHTFUL_TOKEN
	TLS    TLS     `yaml:"tls"`

	// JobPages shows the queue at /jobs/, to tokens with the scope operator.
	JobPages bool `yaml:"job_pages"`

	// TrustedProxies are addresses or networks whose X-Forwarded-For is believed.
	TrustedProxies []string `yaml:"trusted_proxies"`

	Rate        float64 `yaml:"rate"`         // requests a second of one token; default 200
	Concurrency int     `yaml:"concurrency"`  // requests at a time; default 256
	DrainFor    string  `yaml:"drain_for"`    // how long /readyz says no before nobody new is taken; default 0s
	StopWithin  string  `yaml:"stop_within"`  // for requests under way at the end; default 30s
	RequestTime string  `yaml:"request_time"` // for one request; default 60s
}

// Token lets one caller in.
type Token struct {
	Name   string   `yaml:"name"`  // for logs; the token itself is in none
	Token  string   `yaml:"token"` // ${NAME}
	Scopes []string `yaml:"scopes"`
}

// TLS names the PEM files of a server that ends TLS itself.
type TLS struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// Scopes of tokens. An operator may do what the others may.
const (
	ScopeApp      = "app"      // customers, checkout, validation, guards
	ScopeRead     = "read"     // findings, runs, metrics
	ScopeOperator = "operator" // other companies' data in answers
)

// Scopes returns every scope.
func Scopes() []string { return []string{ScopeApp, ScopeRead, ScopeOperator} }

// Defaults of Serve.
const (
	DefaultListen      = "127.0.0.1:8787"
	DefaultRate        = 200
	DefaultConcurrency = 256
	DefaultStopWithin  = 30 * time.Second
	DefaultRequestTime = 60 * time.Second
)

// Address returns where to listen.
func (s Serve) Address() string { return orDefault(s.Listen, DefaultListen) }

// Stopping returns how long requests under way may take at the end.
func (s Serve) Stopping() time.Duration { return durationOr(s.StopWithin, DefaultStopWithin) }

// Draining returns how long everybody is still served at the end, while /readyz says
// no: as long as whoever is in front needs to notice.
func (s Serve) Draining() time.Duration { return durationOr(s.DrainFor, 0) }

// Within returns how long one request may take.
func (s Serve) Within() time.Duration { return durationOr(s.RequestTime, DefaultRequestTime) }

// Proxies returns the networks whose X-Forwarded-For is believed.
func (s Serve) Proxies() []netip.Prefix {
	var out []netip.Prefix
	for _, text := range s.TrustedProxies {
		if p, ok := network(text); ok {
			out = append(out, p)
		}
	}
	return out
}

func orDefault(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func durationOr(text string, other time.Duration) time.Duration {
	if d, err := time.ParseDuration(text); err == nil {
		return d
	}
	return other // empty: others were refused
}

func network(text string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), true
}

// validateServe checks the section serve.
func (c *Config) validateServe() error {
	s := c.Serve
	if s.Listen != "" {
		if _, _, err := net.SplitHostPort(s.Listen); err != nil {
			return c.invalid("serve.listen", fmt.Sprintf("%q is no address with a port", s.Listen), "write 127.0.0.1:8787, or :8787 for every address of this machine")
		}
	}
	switch {
	case s.TLS.Cert == "" && s.TLS.Key != "":
		return c.invalid("serve.tls.cert", "is missing, but serve.tls.key is set", "tls: {cert: server.pem, key: server.key}")
	case s.TLS.Cert != "" && s.TLS.Key == "":
		return c.invalid("serve.tls.key", "is missing, but serve.tls.cert is set", "tls: {cert: server.pem, key: server.key}")
	case s.Rate < 0 || s.Rate > 1e6:
		return c.invalid("serve.rate", fmt.Sprintf("%v is no number of requests a second", s.Rate), "leave it out for 200")
	case s.Concurrency < 0 || s.Concurrency > 1e5:
		return c.invalid("serve.concurrency", fmt.Sprintf("%d is no number of requests at a time", s.Concurrency), "leave it out for 256")
	}
	for path, of := range map[string]struct {
		text  string
		least time.Duration
	}{"serve.stop_within": {s.StopWithin, time.Second}, "serve.request_time": {s.RequestTime, time.Second}, "serve.drain_for": {s.DrainFor, 0}} {
		if d, err := time.ParseDuration(of.text); of.text != "" && (err != nil || d < of.least || d > 10*time.Minute) {
			return c.invalid(path, fmt.Sprintf("%q is no time between %v and 10m", of.text, of.least), "write it with its unit: 30s")
		}
	}
	for i, text := range s.TrustedProxies {
		if _, ok := network(text); !ok {
			return c.invalid(fmt.Sprintf("serve.trusted_proxies[%d]", i), fmt.Sprintf("%q is neither an address nor a network", text), "write 10.0.0.7 or 10.0.0.0/8")
		}
	}
	return c.validateTokens()
}

// validateTokens checks the tokens, and never says one.
func (c *Config) validateTokens() error {
	names, values := map[string]bool{}, map[string]bool{}
	for i, t := range c.Serve.Tokens {
		at := fmt.Sprintf("serve.tokens[%d]", i)
		switch {
		case t.Name == "":
			return c.invalid(at+".name", "is missing", "say who uses it: logs show the name, and never the token")
		case names[t.Name]:
			return c.invalid(at+".name", fmt.Sprintf("%q is the name of two tokens", t.Name), "give each its own")
		case t.Token == "":
			return c.invalid(at+".token", "is missing", "token: ${SOME_VARIABLE}")
		case !Sendable(t.Token):
			return c.invalid(at+".token", "holds characters that no header can carry", "use letters, digits and - . _ ~ + / =")
		case values[t.Token]:
			return c.invalid(at+".token", "is the same as another one's", "give each caller its own")
		case len(t.Scopes) == 0:
			return c.invalid(at+".scopes", "is missing: the token would open nothing", "scopes: [app], of "+strings.Join(Scopes(), ", "))
		}
		for j, scope := range t.Scopes {
			if !slices.Contains(Scopes(), scope) {
				return c.invalid(fmt.Sprintf("%s.scopes[%d]", at, j), fmt.Sprintf("%q is no scope", scope), "write some of "+strings.Join(Scopes(), ", "))
			}
		}
		names[t.Name], values[t.Token] = true, true
	}
	return nil
}

// Sendable reports whether a token can be sent as a bearer token (RFC 6750).
func Sendable(token string) bool {
	return token != "" && len(token) <= 512 && !strings.ContainsFunc(token, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~+/=", r))
	})
}
