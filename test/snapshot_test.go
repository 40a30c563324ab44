package test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"rightful"
	"rightful/internal/cli"
	"rightful/internal/engine"
	"rightful/internal/testserver"
	"rightful/internal/wire"
	"rightful/test/truth"
)

// failer is what a test and a drawn world have in common.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// reopen opens a snapshot as the command line would, from its bytes.
func reopen(t failer, world []byte) *engine.Engine {
	t.Helper()
	e, err := wire.Snapshot("snapshot", world)
	if err != nil {
		t.Fatalf("%v\n%s", err, world)
	}
	return e
}

// take makes a snapshot. It returns nil where none may be made, because what is
// asked for is itself refused or read incompletely.
func take(t *testing.T, f failer, e *engine.Engine, in engine.SnapshotInput) *engine.Snapshot {
	f.Helper()
	in.Open = func(world []byte) (*engine.Engine, error) { return wire.Snapshot("snapshot", world) }
	s, err := e.Snapshot(t.Context(), in)
	if err == nil {
		return s
	}
	if rightful.KindOf(err) != rightful.KindRefused {
		f.Fatalf("%s%s: %v", in.Company, in.Who, err)
	}
	if made := complete(t, f, e, in); made {
		f.Errorf("%s%s, redacted %v: read completely, and refused: %v", in.Company, in.Who, in.Redact, err)
	}
	return nil
}

// complete reports whether a question is answered in full.
func complete(t *testing.T, f failer, e *engine.Engine, in engine.SnapshotInput) bool {
	f.Helper()
	if in.Who != "" {
		inv, err := e.Investigate(t.Context(), in.Who)
		if err != nil {
			f.Fatalf("%v", err)
		}
		return inv.Complete
	}
	r, err := e.Audit(t.Context(), engine.AuditInput{Company: in.Company})
	if err != nil {
		f.Fatalf("%v", err)
	}
	return r.Complete
}

// askable returns what a snapshot can be made of.
func askable(t *testing.T, f failer, e *engine.Engine) (all []engine.SnapshotInput) {
	f.Helper()
	for c, err := range e.Sources.Directory.Companies(t.Context(), rightful.Select{}) {
		if err != nil {
			f.Fatalf("%v", err)
		}
		all = append(all, engine.SnapshotInput{Company: c.ID})
	}
	for u, err := range e.Sources.Directory.Users(t.Context(), rightful.Select{}) {
		if err != nil {
			f.Fatalf("%v", err)
		}
		all = append(all, engine.SnapshotInput{Who: "user:" + u.ID})
	}
	for _, of := range []rightful.ObjectType{rightful.TypeCustomer, rightful.TypeSession} {
		for o, err := range e.Sources.Stripe.List(t.Context(), rightful.ListQuery{Type: of}) {
			if err != nil {
				f.Fatalf("%v", err)
			}
			if strings.HasPrefix(o.ID, "cus_") || strings.HasPrefix(o.ID, "cs_") {
				all = append(all, engine.SnapshotInput{Who: o.ID})
			}
		}
	}
	return all
}

// sameAnswer puts a question to what a snapshot was made of and to the snapshot.
func sameAnswer(t *testing.T, f failer, e *engine.Engine, in engine.SnapshotInput) {
	f.Helper()
	s := take(t, f, e, in)
	if s == nil {
		return
	}
	made := reopen(f, s.World)
	if in.Who != "" {
		want, err := e.Investigate(t.Context(), in.Who)
		if err != nil {
			f.Fatalf("%v", err)
		}
		got, err := made.Investigate(t.Context(), in.Who)
		if err != nil {
			f.Fatalf("%s: %v\n%s", in.Who, err, s.World)
		}
		want.Counts.StripeGETs, want.Next, got.Next = 0, "", ""
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(engine.Investigation{}, "Notes", "Unheard")); diff != "" {
			f.Errorf("%s (-made of +snapshot):\n%s\n%s", in.Who, diff, s.World)
		}
		return
	}
	want, err := e.Audit(t.Context(), engine.AuditInput{Company: in.Company})
	if err != nil {
		f.Fatalf("%v", err)
	}
	got, err := made.Audit(t.Context(), engine.AuditInput{Company: in.Company})
	if err != nil {
		f.Fatalf("company %s: %v\n%s", in.Company, err, s.World)
	}
	want.Counts.StripeGETs = 0
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(engine.AuditReport{}, "Unheard")); diff != "" {
		f.Errorf("company %s (-made of +snapshot):\n%s\n%s", in.Company, diff, s.World)
	}
}

// TestSnapshotSaysTheSame takes every company, user, customer and session of every
// world, and expects the answer over its snapshot to be the same, to the last piece
// of evidence.
func TestSnapshotSaysTheSame(t *testing.T) {
	t.Parallel()
	for _, file := range repairable(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			e, _, err := wire.World(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, in := range askable(t, t, e) {
				sameAnswer(t, t, e, in)
				sameShape(t, t, e, in)
			}
		})
	}
}

// verdict is what of a finding does not depend on texts.
type verdict struct {
	Code      rightful.Code
	Object    rightful.Ref
	Severity  rightful.Severity
	Security  bool
	Automatic bool
	Family    string
	Proposed  string
	Amount    *rightful.Amount
	Evidence  []string
}

func verdicts(findings []rightful.Finding) (all []verdict) {
	for _, f := range findings {
		v := verdict{Code: f.Code, Object: f.Object, Severity: f.Severity, Security: f.Security, Automatic: f.Automatic, Family: f.Family, Amount: f.Amount}
		if !strings.HasPrefix(f.Family, "cus_") && !strings.Contains(f.Family, ":") {
			v.Family = "" // a placeholder, which may hold a text
		}
		if p := f.Proposal; p != nil {
			v.Proposed = fmt.Sprint(p.Place, p.Object, p.Field, p.From != nil, p.To != nil)
		}
		for _, s := range f.Evidence {
			v.Evidence = append(v.Evidence, fmt.Sprint(s.Strength, s.AsOf, s.Forgeable, s.Says == ""))
		}
		slices.Sort(v.Evidence)
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b verdict) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return all
}

// sameShape does what sameAnswer does with a redacted snapshot, in which texts
// differ, and looks for what should be gone.
func sameShape(t *testing.T, f failer, e *engine.Engine, in engine.SnapshotInput) {
	f.Helper()
	in.Redact = true
	s := take(t, f, e, in)
	if s == nil {
		return
	}
	made := reopen(f, s.World)
	var want, got []rightful.Finding
	if in.Who != "" {
		a, err := e.Investigate(t.Context(), in.Who)
		if err != nil {
			f.Fatalf("%v", err)
		}
		b, err := made.Investigate(t.Context(), strings.TrimPrefix(s.Judge, "rightful investigate "))
		if err != nil {
			f.Fatalf("%v", err)
		}
		for i, x := range a.Explanations {
			if b.Explanations[i].Ruling != x.Ruling {
				f.Errorf("%s: %s is %s, and %s when redacted", in.Who, x.Name, x.Ruling, b.Explanations[i].Ruling)
			}
		}
		want, got = a.Findings, b.Findings
	} else {
		a, err := e.Audit(t.Context(), engine.AuditInput{Company: in.Company})
		if err != nil {
			f.Fatalf("%v", err)
		}
		b, err := made.Audit(t.Context(), engine.AuditInput{Company: in.Company})
		if err != nil {
			f.Fatalf("%v", err)
		}
		want, got = a.Findings, b.Findings
	}
	if diff := cmp.Diff(verdicts(want), verdicts(got)); diff != "" {
		f.Errorf("%s%s (-made of +redacted):\n%s\n%s", in.Company, in.Who, diff, s.World)
	}
	for u, err := range e.Sources.Directory.Users(t.Context(), rightful.Select{}) {
		if err != nil {
			f.Fatalf("%v", err)
		}
		if u.Email != "" && bytes.Contains(bytes.ToLower(s.World), bytes.ToLower([]byte(u.Email))) {
			f.Errorf("%s%s: the redacted snapshot holds %s\n%s", in.Company, in.Who, u.Email, s.World)
		}
	}
	for c, err := range e.Sources.Directory.Companies(t.Context(), rightful.Select{}) {
		if err != nil {
			f.Fatalf("%v", err)
		}
		if len(c.Name) > 3 && bytes.Contains(s.World, []byte(`"name": "`+c.Name+`"`)) {
			f.Errorf("%s%s: the redacted snapshot holds the name %s\n%s", in.Company, in.Who, c.Name, s.World)
		}
	}
}

// TestSnapshotOfGrownWorlds does so with worlds that nobody wrote.
func TestSnapshotOfGrownWorlds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := truth.Grow(rt)
		for range rapid.IntRange(0, 1).Draw(rt, "damages") {
			w.StrikeAny(rt, truth.Mutations())
		}
		e := reopen(rt, w.JSON("grown"))
		all := askable(t, rt, e)
		if len(all) == 0 {
			return
		}
		for range min(4, len(all)) {
			in := rapid.SampledFrom(all).Draw(rt, "of")
			sameAnswer(t, rt, e, in)
			sameShape(t, rt, e, in)
		}
	})
}

// unpaced lets the rig's Stripe be asked as fast as it answers: it is nobody's.
func (r *rig) unpaced() *rig {
	r.config["stripe"].(map[string]any)["rate"] = map[string]any{"account": 10000, "endpoint": 10000}
	return r
}

// TestSnapshotOfRealParts takes each company of each world from a real database, a
// Stripe over HTTP, a cache and an app.
func TestSnapshotOfRealParts(t *testing.T) {
	t.Parallel()
	for _, on := range engines {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			for i, file := range repairable(t) {
				if on.name != "sqlite" && i%10 != 0 && file != founding {
					continue // how databases differ, their sources are tested for
				}
				t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
					t.Parallel()
					world, _, err := wire.World(file)
					if err != nil {
						t.Fatal(err)
					}
					dsn := on.dsn(t)
					fillFrom(t, file, on.open(t, dsn))
					r := assemble(t, file, dsn, world.Options.Now)
					e := r.unpaced().open(t)
					for c, err := range world.Sources.Directory.Companies(t.Context(), rightful.Select{}) {
						if err != nil {
							t.Fatal(err)
						}
						sameAnswer(t, t, e, engine.SnapshotInput{Company: c.ID})
						if file == founding {
							sameShape(t, t, e, engine.SnapshotInput{Company: c.ID})
							sameAnswer(t, t, e, engine.SnapshotInput{Who: "company:" + c.ID})
						}
					}
				})
			}
		})
	}
}

// TestSnapshotCommand makes one of real servers, and finds in it nothing of where
// they are and how they are opened.
func TestSnapshotCommand(t *testing.T) {
	t.Parallel()
	for database, on := range engines {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			r, dsn := foundingOn(t, database)
			location := testserver.Redis(t)
			options, err := redis.ParseURL(location)
			if err != nil {
				t.Fatal("the test server's URL cannot be read")
			}
			c := redis.NewClient(options)
			defer c.Close()
			if err := c.MSet(t.Context(), ":1:user_company_7", "4", ":1:user_company_9", "12", "session:1", "hunter2").Err(); err != nil {
				t.Fatal(err)
			}
			r.config["cache"].(map[string]any)["url"] = location
			app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"company": 11}`) }))
			defer app.Close()
			r.config["resolver_probe"] = map[string]any{"url": app.URL + "/{user_id}", "json": "company", "headers": map[string]any{"Authorization": "Bearer s3cret"}}
			for _, redact := range []string{"--redact=false", "--redact"} {
				file := filepath.Join(t.TempDir(), "snapshot.json")
				code, out, errs := r.rightful(t, "snapshot", "--company", "11", "--out", file, redact)
				if code != cli.ExitOK || errs != "" || !strings.Contains(out, "judged again: 10 findings") {
					t.Fatalf("exit code %d, %s\n%s", code, errs, out)
				}
				if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("%v, %v", info.Mode(), err)
				}
				raw := string(must(os.ReadFile(file))(t))
				for _, secret := range []string{dsn, r.stripe.URL, app.URL, location, "sk_live", "s3cret", "hunter2", "SELECT *", "dora", "127.0.0.1"} {
					if strings.Contains(raw, secret) {
						t.Errorf("it holds %s:\n%s", secret, raw)
					}
				}
				if redact == "--redact" && (strings.Contains(raw, "bela@") || strings.Contains(raw, "Consultoria")) {
					t.Errorf("it is not redacted:\n%s", raw)
				}
				made, _, err := wire.World(file)
				if err != nil {
					t.Fatal(err)
				}
				want, got := audit(t, r.open(t), engine.AuditInput{Company: "11"}), audit(t, made, engine.AuditInput{Company: "11"})
				if diff := cmp.Diff(verdicts(want.Findings), verdicts(got.Findings)); diff != "" || len(got.Findings) != 10 {
					t.Errorf("%d findings (-real +snapshot):\n%s", len(got.Findings), diff)
				}
			}
			if r.writes() != 0 || c.DBSize(t.Context()).Val() != 3 {
				t.Error("something was written")
			}
		})
	}
}

// TestSnapshotIsRefused where it would be judged otherwise.
func TestSnapshotIsRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "snapshot.json")
	for says, change := range map[string]func(*rig){
		"no snapshot is made, because it would be judged otherwise: the cache: cache.url: ": func(r *rig) { r.redis.Close() },
		"the running app: resolver_probe.": func(r *rig) {
			r.config["resolver_probe"] = map[string]any{"url": "http://127.0.0.1:1/{user_id}", "json": "company"}
		},
		"no snapshot is made: RF901": func(r *rig) { r.config["stripe"].(map[string]any)["account"] = "acct_other" },
	} {
		r, _ := foundingOn(t, 0)
		change(r)
		code, _, errs := r.rightful(t, "snapshot", "--company", "11", "--out", file)
		if code != cli.ExitRefused || !strings.Contains(errs, says) {
			t.Errorf("exit code %d, %s", code, errs)
		}
		if _, err := os.Stat(file); err == nil {
			t.Error("a file was written")
		}
	}

	// A snapshot that says something else is not given away.
	e, _, err := wire.World(founding)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(string) string{
		"another stamp":  func(world string) string { return strings.Replace(world, `"company_id":"4"`, `"company_id":"11"`, 1) },
		"no cache":       func(world string) string { return strings.Replace(world, `":1:user_company_7": "4"`, "", 1) },
		"a missing user": func(world string) string { return strings.Replace(world, `{"id": "7",`, `{"id": "8",`, 1) },
	} {
		for _, redact := range []bool{false, true} {
			_, err := e.Snapshot(t.Context(), engine.SnapshotInput{Company: "11", Redact: redact, Open: func(world []byte) (*engine.Engine, error) {
				changed := change(string(world))
				if changed == string(world) {
					t.Errorf("%s: nothing was changed", name)
				}
				return wire.Snapshot("changed", []byte(changed))
			}})
			if rightful.KindOf(err) != rightful.KindRefused || !strings.Contains(err.Error(), "judged otherwise") {
				t.Errorf("%s, redacted %v: %v", name, redact, err)
			}
		}
	}
}

// TestSnapshotOfDeadLinks: the links of one company are no sample of a database,
// however many of them are dead.
func TestSnapshotOfDeadLinks(t *testing.T) {
	t.Parallel()
	var links, missing, others []string
	for i := range 6 {
		links = append(links, fmt.Sprintf(`{"company_id": 1, "stripe_customer_id": "cus_gone%d"}`, i))
		missing = append(missing, fmt.Sprintf("%q", fmt.Sprintf("cus_gone%d", i)))
	}
	for i := range 40 {
		links = append(links, fmt.Sprintf(`{"company_id": %d, "stripe_customer_id": "cus_%d"}`, i+2, i))
		others = append(others, fmt.Sprintf(`{"id": "cus_%d", "object": "customer", "created": 1750000000, "metadata": {"company_id": "%d"}}`, i, i+2))
	}
	companies := []string{`{"id": 1}`}
	for i := range 40 {
		companies = append(companies, fmt.Sprintf(`{"id": %d}`, i+2))
	}
	world := fmt.Sprintf(`{"db": {"companies": [%s], "users": [], "links": [%s]}, "stripe": {"account": {"id": "acct_1", "livemode": true}, "customers": [%s], "missing_ids": [%s]}}`,
		strings.Join(companies, ","), strings.Join(links, ","), strings.Join(others, ","), strings.Join(missing, ","))
	e := reopen(t, []byte(world))
	sameAnswer(t, t, e, engine.SnapshotInput{Company: "1"})
	if s := take(t, t, e, engine.SnapshotInput{Company: "1"}); s == nil || bytes.Contains(s.World, []byte("cus_7")) {
		t.Error("no snapshot, or one with what it does not need")
	}
}

// TestSnapshotOfAQuery: what the app's own query answered is kept, and not the
// query.
func TestSnapshotOfAQuery(t *testing.T) {
	t.Parallel()
	for _, query := range []string{
		"SELECT company_id FROM users WHERE id = :user_id",
		"SELECT 99 FROM users WHERE id = :user_id",
		"SELECT company_id FROM users WHERE id = :user_id AND id < 0",
		"SELECT id FROM companies WHERE id <> :user_id",
	} {
		r, _ := foundingOn(t, 0)
		r.config["directory"].(map[string]any)["resolve"] = query
		e := r.unpaced().open(t)
		for _, in := range []engine.SnapshotInput{{Company: "11"}, {Who: "bela@example.com"}} {
			sameAnswer(t, t, e, in)
			sameShape(t, t, e, in)
			if s := take(t, t, e, in); bytes.Contains(s.World, []byte("FROM")) {
				t.Errorf("it holds the query:\n%s", s.World)
			}
		}
	}
}
