package test

import (
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/demo"
	"rightful/internal/engine"
	"rightful/internal/wire"
)

// examine runs the doctor on a rig's config, as the command does.
func (r *rig) examine(t *testing.T) *engine.Checkup {
	t.Helper()
	e, _, problems, err := wire.Examine(t.Context(), r.write(t), r.lookup, time.Unix(r.now, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	checkup := e.Doctor(t.Context())
	for _, p := range problems {
		checkup.Undiagnosed(rightful.Fail("", p.Error(), ""))
	}
	return checkup
}

func says(c *engine.Checkup, level rightful.Level, words string) bool {
	for _, d := range c.Lines {
		if d.Level == level && strings.Contains(d.Place+": "+d.Says, words) {
			return true
		}
	}
	return false
}

// TestDoctorOnTheDemo: everything is configured, so nothing is an error, and the
// place that is configured too freely is a warning.
func TestDoctorOnTheDemo(t *testing.T) {
	t.Parallel()
	d, err := demo.Start(t.Context(), t.TempDir(), demo.Founding())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	none := func(string) (string, bool) { return "", false }
	e, _, problems, err := wire.Examine(t.Context(), d.ConfigPath, none, time.Now())
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	t.Cleanup(func() { _ = e.Close() })
	c := e.Doctor(t.Context())
	if !c.Healthy {
		t.Errorf("%+v", c.Lines)
	}
	for words, level := range map[string]rightful.Level{
		"directory.resolve: the app gets a user's company this way: direct": rightful.LevelOK,
		"stripe.account: the key opens the expected account and mode":       rightful.LevelOK,
		"cache.url: the cache answers":                                      rightful.LevelOK,
		"cache.keys[0]: 2 of 2 keys tried hold a value":                     rightful.LevelOK,
		"resolver_probe: the running app answers company 11 for user 7":     rightful.LevelOK,
		"resolver_probe.revision_url: the running app is revision":          rightful.LevelOK,
		"stripe.key: a secret key that opens acct_1RfounderAcct0 in li":     rightful.LevelWarning,
	} {
		if !says(c, level, words) {
			t.Errorf("no %s line says %q", level, words)
		}
	}
}

// TestDoctorSaysWhatIsMissing: what is not configured is a warning with what it
// would give; what does not work is an error, and the rest is still examined.
func TestDoctorSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	r := foundingRig(t)
	delete(r.config, "cache")
	delete(r.config, "resolver_probe")
	directory := r.config["directory"].(map[string]any)
	delete(directory, "memberships")
	delete(directory, "subscriptions")
	c := r.examine(t)
	if !c.Healthy {
		t.Errorf("what is left out is no error: %+v", c.Lines)
	}
	for _, words := range []string{"cache.url: no cache", "resolver_probe: no probe", "directory.memberships: memberships are not mapped", "directory.subscriptions: subscription rows are not mapped", "stripe.account: the expected account"} {
		if !says(c, rightful.LevelWarning, words) {
			t.Errorf("no warning says %q: %+v", words, c.Lines)
		}
	}

	directory["companies"] = "SELECT nonsense FROM companies"
	r.config["stripe"].(map[string]any)["account"] = "acct_other"
	c = r.examine(t)
	if c.Healthy || !says(c, rightful.LevelError, "nonsense") || !says(c, rightful.LevelError, "stripe.account: the Stripe key opens account acct_1RfounderAcct0") {
		t.Errorf("%+v", c.Lines)
	}
}
