package config_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"rightful"
)

const leastConfig = "directory: {dsn: 'sqlite:a.db', companies: SELECT id FROM c}\nstripe: {key: sk_test_1}\n"

func TestProbeByCommand(t *testing.T) {
	t.Parallel()
	c, err := read(t, leastConfig+`resolver_probe:
  command: [bin/rails, runner, 'puts User.find(ARGV[0]).company_id', '{user_id}']
  revision_command: [git, rev-parse, '${REF}']
  timeout: 1m30s
  concurrency: 2
`, map[string]string{"REF": "HEAD"})
	if err != nil {
		t.Fatal(err)
	}
	p := c.Probe
	if !p.Configured() || len(p.Command) != 4 || p.Command[3] != "{user_id}" || !slices.Equal(p.RevisionCommand, []string{"git", "rev-parse", "HEAD"}) {
		t.Errorf("got %+v", p)
	}
	if p.Within() != 90*time.Second || p.Concurrency != 2 || p.NoneStatus != nil {
		t.Errorf("got %+v", p)
	}
}

func TestProbeByURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]int{"": nil, ", none_status: []": {}, ", none_status: [404, 410]": {404, 410}} {
		c, err := read(t, leastConfig+"resolver_probe: {url: 'https://app.example.com/{user_id}'"+text+"}\n", nil)
		if err != nil {
			t.Fatal(err)
		}
		// An empty list says that no status means none, and is not the default.
		if got := c.Probe.NoneStatus; !slices.Equal(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%q: got %#v, want %#v", text, got, want)
		}
		if c.Probe.Within() != 0 || !c.Probe.Configured() {
			t.Errorf("%q: got %+v", text, c.Probe)
		}
	}
	if c, err := read(t, leastConfig, nil); err != nil || c.Probe.Configured() {
		t.Errorf("without a probe: got %+v, %v", c.Probe, err)
	}
}

func TestProbeErrors(t *testing.T) {
	t.Parallel()
	const command, url = "command: [app, '{user_id}']", "url: 'https://app.example.com/{user_id}'"
	for probe, want := range map[string][2]string{
		"expect_revision: abc":           {"resolver_probe.url", "is missing, and so is resolver_probe.command"},
		"revision_command: [git]":        {"resolver_probe.url", "is missing"},
		"timeout: 5s":                    {"resolver_probe.url", "is missing"},
		command + ", headers: {A: b}":    {":3:47: resolver_probe.headers", "belongs to a URL"},
		command + ", none_status: [404]": {"resolver_probe.none_status", "belongs to resolver_probe.url"},
		command + ", timeout: 5":         {"resolver_probe.timeout", `"5" is no time`},
		command + ", timeout: 0s":        {"resolver_probe.timeout", "is no time"},
		command + ", timeout: -5s":       {"resolver_probe.timeout", "is no time"},
		command + ", timeout: 11m":       {"resolver_probe.timeout", "is no time"},
		command + ", timeout: soon":      {"resolver_probe.timeout", "is no time"},
		url + ", timeout: 1ms":           {"resolver_probe.timeout", "is no time"},
		url + ", none_status: 404":       {":3:", ""},
		"command: app {user_id}":         {":3:", ""},
		url + ", concurency: 3":          {":3:", `no key "concurency"`},
	} {
		_, err := read(t, leastConfig+"resolver_probe: {"+probe+"}\n", nil)
		own, ok := errors.AsType[*rightful.Error](err)
		if !ok || own.Kind != rightful.KindInvalid || !strings.Contains(own.Place, want[0]) || !strings.Contains(own.Message, want[1]) {
			t.Errorf("%s: got %v, want ...%s... ...%s...", probe, err, want[0], want[1])
		}
	}
	// Headers may belong to the URL of the revision.
	if _, err := read(t, leastConfig+"resolver_probe: {"+command+", revision_url: 'https://app.example.com', headers: {A: b}}\n", nil); err != nil {
		t.Error(err)
	}
}
