package test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/cli"
	"rightful/internal/engine"
	"rightful/internal/plan"
	"rightful/internal/wire"
	"rightful/stripesim"
)

// nullSafe is each database's comparison for which NULL equals NULL.
var nullSafe = map[string]string{"sqlite": "IS", "postgres": "IS NOT DISTINCT FROM", "mariadb": "<=>"}

// mapWrites maps every column of a world's tables for writing.
func (r *rig) mapWrites(t *testing.T, file, database string) {
	t.Helper()
	tables, is := takeApart(t, file).DB, " "+nullSafe[database]+" :old"
	update := func(table, key, column string) string {
		return "UPDATE " + table + " SET " + column + " = :new WHERE " + key + " = :id AND " + column + is
	}
	write := map[string]any{}
	for _, w := range []struct{ name, table, key, column string }{
		{"company_customer", "companies", "id", "stripe_customer_id"},
		{"subscription_company", "subscriptions", "id", "company_id"},
		{"subscription_customer", "subscriptions", "id", "stripe_customer_id"},
	} {
		if rows, there := tables[w.table]; there && appears(rows, w.column) {
			write[w.name] = update(w.table, w.key, w.column)
		}
	}
	if _, there := tables["links"]; there {
		write["link_customer"] = update("links", "company_id", "stripe_customer_id")
		write["link_insert"] = "INSERT INTO links (company_id, stripe_customer_id) VALUES (:id, :new)"
		write["link_delete"] = "DELETE FROM links WHERE company_id = :id AND stripe_customer_id = :old"
	}
	r.config["directory"].(map[string]any)["write"] = write
}

// rightful runs the command line on the rig's config, and returns the exit code
// and what was printed.
func (r *rig) rightful(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = cli.Main(append(args, "--config", r.write(t)), cli.Streams{
		In: strings.NewReader(""), Out: &o, Err: &e, Env: r.lookup, Now: func() time.Time { return time.Unix(r.now, 0) },
	})
	return code, o.String(), e.String()
}

// objects returns every value of Stripe's objects, without its events.
func (r *rig) objects(t *testing.T) map[string]string {
	t.Helper()
	var section map[string]any
	if err := json.Unmarshal(must(r.sim.Dump(""))(t), &section); err != nil {
		t.Fatal(err)
	}
	delete(section, "events")
	file := filepath.Join(t.TempDir(), "stripe.json")
	if err := os.WriteFile(file, must(json.Marshal(section))(t), 0o600); err != nil {
		t.Fatal(err)
	}
	return flat(t, file)
}

// writes returns how many POSTs were sent to Stripe.
func (r *rig) writes() int { return int(r.sim.Counts().Methods["POST"]) }

// foundingOn is the founding incident on a database, writable.
func foundingOn(t *testing.T, database int) (*rig, string) {
	t.Helper()
	on := engines[database]
	dsn := on.dsn(t)
	fillFrom(t, founding, on.open(t, dsn))
	r := assemble(t, founding, dsn, foundingNow)
	r.mapWrites(t, founding, on.name)
	return r, dsn
}

// link returns what company 11 links in the database.
func link(t *testing.T, database int, dsn string) string {
	t.Helper()
	db := engines[database].open(t, dsn)
	defer func() { _ = db.Close() }()
	var customer *string
	if err := db.QueryRowContext(t.Context(), "SELECT stripe_customer_id FROM companies WHERE id = 11").Scan(&customer); err != nil {
		t.Fatal(err)
	}
	if customer == nil {
		return ""
	}
	return *customer
}

// repaired are the stamps that a repair of the founding incident writes.
var repaired = []string{
	"/checkout_sessions/cs_live_a1belaPaid00001", "/customers/cus_S1belaFirst001", "/customers/cus_S2belaSecond02",
	"/customers/cus_S3belaPaying03", "/subscriptions/sub_1RbelaActive01",
}

// stampsWritten returns the objects of which exactly the stamp changed from 4 to
// 11, and fails on every other change.
func stampsWritten(t *testing.T, before, after map[string]string) []string {
	t.Helper()
	var written []string
	keys := maps.Clone(before)
	maps.Copy(keys, after)
	for _, path := range slices.Sorted(maps.Keys(keys)) {
		switch {
		case before[path] == after[path]:
		case strings.HasSuffix(path, "/metadata/company_id") && before[path] == `"4"` && after[path] == `"11"`:
			object := strings.TrimSuffix(path, "/metadata/company_id")
			list := object[:strings.LastIndexByte(object, '/')]
			written = append(written, list+"/"+strings.Trim(after[object+"/id"], `"`))
		default:
			t.Errorf("%s: %q became %q", path, before[path], after[path])
		}
	}
	slices.Sort(written)
	return written
}

// TestFoundingIncidentOnRealParts ends as it should: five stamps, one link, one
// cache key, and nothing else; a second time there is nothing to do.
func TestFoundingIncidentOnRealParts(t *testing.T) {
	t.Parallel()
	for database, on := range engines {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			r, dsn := foundingOn(t, database)
			before := r.objects(t)
			code, out, errs := r.rightful(t, "fix", "--yes")
			if code != cli.ExitFindings || errs != "" {
				t.Errorf("exit code %d, %s", code, errs)
			}
			for _, says := range []string{"7 writes in 4 families, 3 questions", "7 findings are gone", "no new finding", "left: 1 error, 2 warnings"} {
				if !strings.Contains(out, says) {
					t.Errorf("it does not say %q:\n%s", says, out)
				}
			}
			if strings.Contains(out, "--save") || strings.Contains(out, "in memory") {
				t.Errorf("it speaks of a world:\n%s", out)
			}
			if diff := cmp.Diff(repaired, stampsWritten(t, before, r.objects(t))); diff != "" {
				t.Errorf("stamps (-want +got):\n%s", diff)
			}
			if got := link(t, database, dsn); got != "cus_S3belaPaying03" {
				t.Errorf("company 11 links %q", got)
			}
			if diff := cmp.Diff([]string{":1:user_company_9"}, r.redis.Keys()); diff != "" {
				t.Errorf("cache keys (-want +got):\n%s", diff)
			}

			sent := r.writes()
			if code, out, _ := r.rightful(t, "fix", "--yes"); code != cli.ExitFindings || !strings.Contains(out, "nothing to write") || r.writes() != sent {
				t.Errorf("a second time: exit code %d, %d writes sent\n%s", code, r.writes()-sent, out)
			}
		})
	}
}

// TestFixOnRealPartsAsOnWorlds repairs each world in real parts, and expects the
// audit afterwards to find exactly what it finds in the repaired world.
func TestFixOnRealPartsAsOnWorlds(t *testing.T) {
	t.Parallel()
	for _, on := range engines {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			for _, file := range repairable(t) {
				t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
					t.Parallel()
					e, _, err := wire.World(file)
					if err != nil {
						t.Fatal(err)
					}
					now := e.Options.Now
					world, saved, err := fix(t, file)
					if err != nil {
						return // refused: TestFix looks at those
					}
					if on.name != "sqlite" && !writesRows(world.Plan) {
						t.Skip("nothing is written to the database") // whichever it is
					}
					dsn := on.dsn(t)
					fillFrom(t, file, on.open(t, dsn))
					r := assemble(t, file, dsn, now)
					r.mapWrites(t, file, on.name)
					real := r.openForWriting(t)
					report, err := real.Fix(t.Context(), engine.FixInput{Confirm: func(*plan.Plan) (bool, error) { return true, nil }})
					if err != nil {
						t.Fatal(err)
					}
					if report.Plan.Hash != world.Plan.Hash {
						t.Errorf("another plan: %s", cmp.Diff(world.Plan, report.Plan))
					}
					if report.Applied != nil && !report.Applied.Whole() {
						t.Errorf("not whole: %+v\n%+v", report.Applied.Result.Outcomes, report.Applied.Verified)
					}
					repairedWorld, _, err := wire.World(saved)
					if err != nil {
						t.Fatal(err)
					}
					want, got := audit(t, repairedWorld, engine.AuditInput{}), audit(t, real, engine.AuditInput{})
					ignoreRequests(want, got)
					if diff := cmp.Diff(want.Findings, got.Findings); diff != "" {
						t.Errorf("the world and the real parts differ afterwards (-world +real):\n%s", diff)
					}
				})
			}
		})
	}
}

// writesRows reports whether a plan writes to the database.
func writesRows(p *plan.Plan) bool {
	return slices.ContainsFunc(p.Units, func(u plan.Unit) bool {
		return slices.ContainsFunc(u.Steps, func(s plan.Step) bool { return s.Place == rightful.PlaceDB })
	})
}

// openForWriting opens what the rig's config names, as fix and apply do.
func (r *rig) openForWriting(t *testing.T) *engine.Engine {
	t.Helper()
	e, _, err := wire.ConfigForWriting(t.Context(), r.write(t), r.lookup, time.Unix(r.now, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	e.Options.ProbeAll = true
	return e
}

// TestReadersCannotWrite: what a reading command opens has no writers.
func TestReadersCannotWrite(t *testing.T) {
	t.Parallel()
	r, _ := foundingOn(t, 0)
	e := r.open(t)
	if e.Writers != nil {
		t.Error("a reading command is given writers")
	}
	_, err := e.Fix(t.Context(), engine.FixInput{Confirm: func(*plan.Plan) (bool, error) { return true, nil }})
	if rightful.KindOf(err) != rightful.KindUnsupported || r.writes() != 0 {
		t.Errorf("got %v, and %d writes", err, r.writes())
	}
}

// TestRepairWithoutAMapping: what is not mapped for writing is asked instead, and a
// plan that writes it is refused.
func TestRepairWithoutAMapping(t *testing.T) {
	t.Parallel()
	r, dsn := foundingOn(t, 0)
	file := filepath.Join(t.TempDir(), "plan.json")
	if code, _, errs := r.rightful(t, "plan", "--out", file); code != cli.ExitFindings {
		t.Fatal(errs)
	}
	delete(r.config["directory"].(map[string]any), "write")
	code, _, errs := r.rightful(t, "apply", file)
	if code != cli.ExitRefused || !strings.Contains(errs, "stripe_customer_id of company 11, and directory.write.company_customer is not set") || r.writes() != 0 {
		t.Errorf("apply: exit code %d, %d writes, %s", code, r.writes(), errs)
	}
	code, out, errs := r.rightful(t, "fix", "--yes")
	for _, says := range []string{"6 writes in 4 families, 4 questions", "it is not written, because directory.write.company_customer is not set"} {
		if !strings.Contains(out, says) {
			t.Errorf("it does not say %q:\n%s", says, out)
		}
	}
	if code != cli.ExitFindings || errs != "" || link(t, 0, dsn) != "" || r.writes() != 5 {
		t.Errorf("fix: exit code %d, link %q, %d writes, %s", code, link(t, 0, dsn), r.writes(), errs)
	}
}

// TestRepairIsRefused before anything is written.
func TestRepairIsRefused(t *testing.T) {
	t.Parallel()
	account := func(key string, value any) func(*rig) {
		return func(r *rig) { r.config["stripe"].(map[string]any)[key] = value }
	}
	for name, tt := range map[string]struct {
		change func(*rig)
		code   int
		says   string
	}{
		"another account":    {account("account", "acct_other"), cli.ExitRefused, "RF901"},
		"the other mode":     {account("livemode", false), cli.ExitRefused, "RF901"},
		"an incomplete read": {func(r *rig) { r.redis.Close() }, cli.ExitRefused, "the audit is incomplete"},
		"a wrong statement": {func(r *rig) {
			r.config["directory"].(map[string]any)["write"].(map[string]any)["company_customer"] = "UPDATE companies SET customer = :new WHERE id = :id AND customer IS :old"
		}, cli.ExitError, "directory.write.company_customer: no such column: customer"},
		"no guard": {func(r *rig) {
			r.config["directory"].(map[string]any)["write"].(map[string]any)["company_customer"] = "UPDATE companies SET stripe_customer_id = :new WHERE id = :id"
		}, cli.ExitError, "does not mention :old"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, dsn := foundingOn(t, 0)
			plan := filepath.Join(t.TempDir(), "plan.json")
			if code, _, errs := r.rightful(t, "plan", "--out", plan); code != cli.ExitFindings {
				t.Fatal(errs)
			}
			tt.change(r)
			for _, args := range [][]string{{"fix", "--yes"}, {"apply", plan}} {
				code, _, errs := r.rightful(t, args...)
				if code != tt.code || !strings.Contains(errs, tt.says) {
					t.Errorf("%s: exit code %d, %s", args[0], code, errs)
				}
			}
			if r.writes() != 0 || link(t, 0, dsn) != "" {
				t.Errorf("%d writes, link %q", r.writes(), link(t, 0, dsn))
			}
		})
	}
}

// TestRepairThroughFaults: what Stripe does to single writes, before or after they
// took effect, does not change how the repair ends.
func TestRepairThroughFaults(t *testing.T) {
	t.Parallel()
	write := stripesim.FaultRule{Method: "POST", Path: "/v1/customers/*"}
	with := func(change func(*stripesim.FaultRule)) stripesim.FaultRule {
		rule := write
		change(&rule)
		return rule
	}
	for name, rule := range map[string]stripesim.FaultRule{
		"an error that is kept":         with(func(r *stripesim.FaultRule) { r.Status, r.Kept = 500, true }),
		"an error after the effect":     with(func(r *stripesim.FaultRule) { r.Status, r.AfterEffect = 500, true }),
		"an error before the effect":    with(func(r *stripesim.FaultRule) { r.Status = 500 }),
		"no answer, after the effect":   with(func(r *stripesim.FaultRule) { r.Then, r.AfterEffect = stripesim.FaultDrop, true }),
		"no answer, before the effect":  with(func(r *stripesim.FaultRule) { r.Then = stripesim.FaultDrop }),
		"half an answer":                with(func(r *stripesim.FaultRule) { r.Then, r.Bytes = stripesim.FaultTruncate, 30 }),
		"a lock":                        with(func(r *stripesim.FaultRule) { r.Status = 429 }),
		"the rate limit":                with(func(r *stripesim.FaultRule) { r.Status, r.Reason = 429, "endpoint-rate" }),
		"the write twice, each time":    with(func(r *stripesim.FaultRule) { r.Then, r.Times = stripesim.FaultDuplicate, -1 }),
		"the second one, with an error": with(func(r *stripesim.FaultRule) { r.Status, r.Kept, r.Nth = 500, true, 2 }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, dsn := foundingOn(t, 0)
			before := r.objects(t)
			if err := r.sim.Fault(rule); err != nil {
				t.Fatal(err)
			}
			code, out, errs := r.rightful(t, "fix", "--yes")
			if code != cli.ExitFindings || errs != "" || !strings.Contains(out, "7 findings are gone") {
				t.Errorf("exit code %d, %s\n%s", code, errs, out)
			}
			if diff := cmp.Diff(repaired, stampsWritten(t, before, r.objects(t))); diff != "" || link(t, 0, dsn) != "cus_S3belaPaying03" {
				t.Errorf("link %q, stamps (-want +got):\n%s", link(t, 0, dsn), diff)
			}
		})
	}
}

// TestApplyTwiceOnRealParts: the second application finds everything there, and a
// third one, after somebody undid a stamp by hand, writes it again: its
// idempotency keys are not those of the first.
func TestApplyTwiceOnRealParts(t *testing.T) {
	t.Parallel()
	r, _ := foundingOn(t, 0)
	file := filepath.Join(t.TempDir(), "plan.json")
	if code, _, errs := r.rightful(t, "plan", "--out", file); code != cli.ExitFindings {
		t.Fatal(errs)
	}
	before := r.objects(t)
	for i, says := range []string{"done customer cus_S1", "already customer cus_S1", "done customer cus_S1"} {
		if i == 2 {
			e := r.openForWriting(t)
			four := "4"
			if err := e.Writers.Stripe.SetMetadata(t.Context(), rightful.MetadataWrite{Type: rightful.TypeCustomer, ID: "cus_S1belaFirst001", Key: "company_id", To: &four, IdempotencyKey: "by hand"}); err != nil {
				t.Fatal(err)
			}
		}
		code, out, errs := r.rightful(t, "apply", file)
		if code != cli.ExitFindings || !strings.Contains(strings.Join(strings.Fields(out), " "), says) {
			t.Errorf("time %d: exit code %d, %s\n%s", i+1, code, errs, out)
		}
		if diff := cmp.Diff(repaired, stampsWritten(t, before, r.objects(t))); diff != "" {
			t.Errorf("time %d: stamps (-want +got):\n%s", i+1, diff)
		}
	}
	if code, _, errs := r.rightful(t, "apply", file, "--save", "x.json"); code != cli.ExitError || !strings.Contains(errs, "--save is for a world") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}
