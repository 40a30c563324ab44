package test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"rightful"
	"rightful/internal/cli"
	"rightful/internal/engine"
	"rightful/internal/testserver"
	"rightful/internal/wire"
)

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
