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
	return e.Doctor(t.Context(), problems...)
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

	// What cannot be used is an error, and not "not configured" as well.
	r.config["cache"] = map[string]any{"url": "redis://127.0.0.1:1/0", "ca": "no/such/file.pem", "keys": []any{}}
	r.config["resolver_probe"] = map[string]any{"command": []any{"no-such-program-anywhere", "{user_id}"}}
	c = r.examine(t)
	if c.Errors != 2 || !says(c, rightful.LevelError, "cache.ca:") || !says(c, rightful.LevelError, "resolver_probe.command:") ||
		says(c, rightful.LevelWarning, "is configured") {
		t.Errorf("%+v", c.Lines)
	}
	delete(r.config, "cache")
	delete(r.config, "resolver_probe")

	directory["companies"] = "SELECT nonsense FROM companies"
	r.config["stripe"].(map[string]any)["account"] = "acct_other"
	c = r.examine(t)
	if c.Healthy || !says(c, rightful.LevelError, "nonsense") || !says(c, rightful.LevelError, "stripe.account: the Stripe key opens account acct_1RfounderAcct0") {
		t.Errorf("%+v", c.Lines)
	}
}

// TestDoctorGoesOnAfterWrongQueries: each of them is a line with what to do, and
// hides neither the queries that are right nor the cache and the app, which are
// tried on the ids that can still be read.
func TestDoctorGoesOnAfterWrongQueries(t *testing.T) {
	t.Parallel()
	r := foundingRig(t)
	directory := r.config["directory"].(map[string]any)
	directory["companies"] = "SELECT id, nam AS name FROM companies"
	directory["memberships"] = "SELECT user_id, company_id FROM membership"
	directory["subscriptions"] = "SELECT id, company_id FROM subscriptions"
	delete(directory, "resolve")
	cache := r.config["cache"].(map[string]any)
	cache["keys"] = append(cache["keys"].([]any), map[string]any{"pattern": "org:{company_id}", "holds": "stripe_customer_id"})
	c := r.examine(t)
	for _, place := range []string{"directory.companies: no such column", "directory.memberships: no such table", "directory.subscriptions: the query has no column stripe_subscription_id"} {
		if !says(c, rightful.LevelError, place) {
			t.Errorf("no error says %q", place)
		}
	}
	for words, level := range map[string]rightful.Level{
		"directory.users: looked up by id":                              rightful.LevelOK,
		"resolver_probe: the running app answers company 11 for user 7": rightful.LevelOK,
		"cache.url: the cache answers":                                  rightful.LevelOK,
		"cache.keys[0]: 2 of 2 keys tried hold a value":                 rightful.LevelOK,
		"cache.keys[1]: not tried":                                      rightful.LevelWarning, // by company
		"stripe.account: ":                                              rightful.LevelWarning,
		"directory.resolve: how the app gets":                           rightful.LevelWarning,
	} {
		if !says(c, level, words) {
			t.Errorf("no %s line says %q", level, words)
		}
	}
	for _, d := range c.Lines {
		if d.Level != rightful.LevelOK && d.Todo == "" {
			t.Errorf("no word of what to do: %+v", d)
		}
	}
	if c.Errors != 3 || t.Failed() {
		t.Errorf("%d errors: %+v", c.Errors, c.Lines)
	}
	r.redis.Close()
	down := 0
	for _, d := range r.examine(t).Lines {
		if d.Level == rightful.LevelError && d.Place == "cache.url" {
			down++
		}
	}
	if down != 1 {
		t.Errorf("a cache that is down is told %d times", down)
	}
	if _, err := r.tryOpen(t); rightful.KindOf(err) != rightful.KindInvalid {
		t.Errorf("a run opens on wrong queries: %v", err)
	}
}

// TestDoctorComparesTheRunsClock: the database's clock is compared with the one
// that things are judged by, not with one of its own.
func TestDoctorComparesTheRunsClock(t *testing.T) {
	t.Parallel()
	for ahead, want := range map[time.Duration]struct {
		level rightful.Level
		words string
	}{
		0: {rightful.LevelOK, "directory.dsn: its clock agrees with ours"},
		// Far from a full hour, so that a slow test still says the same.
		2*time.Hour + 30*time.Minute: {rightful.LevelWarning, "directory.dsn: its clock is 2h"},
	} {
		dsn := engines[1].dsn(t)
		fillFrom(t, founding, engines[1].open(t, dsn))
		r := assemble(t, founding, dsn, time.Now().Add(ahead).Unix())
		if c := r.examine(t); !says(c, want.level, want.words) {
			t.Errorf("no %s line says %q: %+v", want.level, want.words, c.Lines)
		}
	}
}

// TestDoctorExaminesWriting: statements are tried and rolled back; without any, the
// database is only read, which is no mistake.
func TestDoctorExaminesWriting(t *testing.T) {
	t.Parallel()
	r, dsn := foundingOn(t, 0)
	directory := r.config["directory"].(map[string]any)
	c := r.examine(t)
	for _, words := range []string{
		"directory.write.company_customer: changes one row where :old stands, and none where it does not: tried on 2 rows",
		"directory.write.subscription_company: changes one row",
	} {
		if !says(c, rightful.LevelOK, words) {
			t.Errorf("no line says %q: %+v", words, c.Lines)
		}
	}
	if link(t, 0, dsn) != "" || r.writes() != 0 {
		t.Error("the doctor wrote")
	}

	write := directory["write"].(map[string]any)
	write["company_customer"] = "UPDATE companies SET stripe_customer_id = :new WHERE id = :id AND stripe_customer_id = :old"
	write["subscription_company"] = "UPDATE subscriptoins SET company_id = :new WHERE id = :id AND company_id IS :old"
	c = r.examine(t)
	if !says(c, rightful.LevelError, "directory.write.company_customer: it changes no row for company") || !says(c, rightful.LevelError, "directory.write.subscription_company: no such table: subscriptoins") {
		t.Errorf("%+v", c.Lines)
	}

	directory["companies"] = "SELECT id, stripe_costumer FROM companies"
	if c = r.examine(t); !says(c, rightful.LevelError, "directory.write.company_customer: it is not examined, because it rests on directory.companies") {
		t.Errorf("%+v", c.Lines)
	}

	delete(directory, "write")
	directory["companies"] = "SELECT * FROM companies"
	if c = r.examine(t); !says(c, rightful.LevelOK, "directory.write: is not set: the database is only read") {
		t.Errorf("%+v", c.Lines)
	}
}
