package config_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"rightful"
)

func TestServe(t *testing.T) {
	t.Parallel()
	c, err := read(t, leastConfig+`serve:
  listen: ':9000'
  tokens: [{name: shop, token: '${SHOP}', scopes: [app]}, {name: ops, token: tok.2, scopes: [read, operator]}]
  tls: {cert: a.pem, key: a.key}
  trusted_proxies: [10.1.2.3, 'fd00::/8']
  rate: 5
  concurrency: 9
  stop_within: 2s
gateway: {mode: enforce, rules: {needs_sign_in: observe}}
`, map[string]string{"SHOP": "tok-1"})
	if err != nil {
		t.Fatal(err)
	}
	s := c.Serve
	if s.Address() != ":9000" || len(s.Tokens) != 2 || s.Tokens[0].Token != "tok-1" || s.Stopping() != 2*time.Second || s.Within() != 60*time.Second {
		t.Errorf("got %+v", s)
	}
	if p := s.Proxies(); len(p) != 2 || p[0].String() != "10.1.2.3/32" || p[1].String() != "fd00::/8" {
		t.Errorf("got %v", p)
	}
	if c.Gateway.Mode != "enforce" || c.Gateway.Rules["needs_sign_in"] != "observe" {
		t.Errorf("got %+v", c.Gateway)
	}
	if c, err = read(t, leastConfig, nil); err != nil || c.Serve.Address() != "127.0.0.1:8787" || c.Serve.Stopping() != 30*time.Second {
		t.Errorf("without anything: %+v, %v", c.Serve, err)
	}
}

func TestServeAndGatewayErrors(t *testing.T) {
	t.Parallel()
	for lines, want := range map[string][2]string{
		"serve: {listen: 8787}":                                     {"serve.listen", "is no address with a port"},
		"serve: {tls: {cert: a.pem}}":                               {"serve.tls.key", "is missing"},
		"serve: {tls: {key: a.pem}}":                                {"serve.tls.cert", "is missing"},
		"serve: {rate: -1}":                                         {"serve.rate", "no number of requests"},
		"serve: {concurrency: -1}":                                  {"serve.concurrency", "no number of requests"},
		"serve: {stop_within: 30}":                                  {"serve.stop_within", `"30" is no time`},
		"serve: {drain_for: -1s}":                                   {"serve.drain_for", "is no time"},
		"serve: {request_time: 1h}":                                 {"serve.request_time", "is no time"},
		"serve: {trusted_proxies: [proxy.example.com]}":             {"serve.trusted_proxies[0]", "neither an address nor a network"},
		"serve: {tokens: [{token: a, scopes: [app]}]}":              {"serve.tokens[0].name", "is missing"},
		"serve: {tokens: [{name: a, scopes: [app]}]}":               {"serve.tokens[0].token", "is missing"},
		"serve: {tokens: [{name: a, token: b}]}":                    {"serve.tokens[0].scopes", "would open nothing"},
		"serve: {tokens: [{name: a, token: b, scopes: [x]}]}":       {"serve.tokens[0].scopes[0]", `"x" is no scope`},
		"serve: {tokens: [{name: a, token: 'b c', scopes: [app]}]}": {"serve.tokens[0].token", "no header can carry"},
		"serve: {tokens: [{name: a, token: b, scopes: [app]}, {name: a, token: c, scopes: [app]}]}":               {"serve.tokens[1].name", "two tokens"},
		"serve: {tokens: [{name: a, token: same-one, scopes: [app]}, {name: b, token: same-one, scopes: [app]}]}": {"serve.tokens[1].token", "the same as another one's"},
		"serve: {tokens: [{nam: a}]}":           {":3:", `no key "nam"`},
		"gateway: {mode: strict}":               {"gateway.mode", `"strict" is no mode`},
		"gateway: {rules: {not_paid: observe}}": {"gateway.rules.not_paid", "no mode decides"},
		"gateway: {rules: {no_company: off}}":   {"gateway.rules.no_company", "is no mode"},
	} {
		_, err := read(t, leastConfig+lines+"\n", nil)
		own, ok := errors.AsType[*rightful.Error](err)
		if !ok || own.Kind != rightful.KindInvalid || !strings.Contains(own.Place, want[0]) || !strings.Contains(own.Message, want[1]) {
			t.Errorf("%s: got %v, want ...%s... ...%s...", lines, err, want[0], want[1])
		}
		if err != nil && strings.Contains(err.Error(), "same-one") {
			t.Errorf("the token is said: %v", err)
		}
	}
}
