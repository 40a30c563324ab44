package test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful/internal/cli"
	"rightful/internal/engine"
	"rightful/internal/wire"
)

// mapRows maps whole subscription rows for writing. Row 32 is the next.
func (r *rig) mapRows(statements ...string) {
	write := r.config["directory"].(map[string]any)["write"].(map[string]any)
	for _, name := range statements {
		write[name] = map[string]string{
			"subscription_insert": "INSERT INTO subscriptions (id, company_id, stripe_customer_id, stripe_subscription_id, status) VALUES (32, :company_id, :stripe_customer_id, :stripe_subscription_id, :status)",
			"subscription_delete": "DELETE FROM subscriptions WHERE stripe_subscription_id = :stripe_subscription_id AND company_id = :company_id AND status = :status",
		}[name]
	}
}

// subscriptionRows returns the rows of the app's database, in order.
func subscriptionRows(t *testing.T, database int, dsn string) []string {
	t.Helper()
	db := engines[database].open(t, dsn)
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(t.Context(), "SELECT id, company_id, stripe_customer_id, stripe_subscription_id, status FROM subscriptions ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var all []string
	for rows.Next() {
		var c [5]string
		if err := rows.Scan(&c[0], &c[1], &c[2], &c[3], &c[4]); err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.Join(c[:], " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

const (
	norteRow = "31 12 cus_S9norteFoods01 sub_1RnorteActive1 active"
	belaRow  = "32 11 cus_S3belaPaying03 sub_1RbelaActive01 active"
)

// TestSessionsOnRealParts: the founding incident's session is listed as in its world,
// put right with just its own writes and its row, and then there is nothing to do.
func TestSessionsOnRealParts(t *testing.T) {
	t.Parallel()
	for database, on := range engines {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			r, dsn := foundingOn(t, database)
			sessionsAsInWorld(t, r)
			before := r.objects(t)
			const session = "cs_live_a1belaPaid00001"

			code, _, errs := r.rightful(t, "sessions", "fix", session, "--yes")
			if code != cli.ExitRefused || !strings.Contains(errs, "directory.write.subscription_insert is not set") || r.writes() != 0 {
				t.Errorf("without a statement: exit code %d, %d writes, %s", code, r.writes(), errs)
			}
			r.mapRows("subscription_insert")
			code, out, errs := r.rightful(t, "sessions", "fix", session, "--yes")
			if code != cli.ExitOK || errs != "" {
				t.Fatalf("exit code %d, %s\n%s", code, errs, out)
			}
			for _, says := range []string{"5 writes in 1 family", "no new finding", "yes: row 32 of company 11, active; payer linked by 11",
				"it cannot be taken back, because directory.write.subscription_delete is not set", "the row of sub_1RbelaActive01 cannot be taken back by rightful"} {
				if !strings.Contains(out, says) {
					t.Errorf("it does not say %q:\n%s", says, out)
				}
			}
			want := []string{"/checkout_sessions/" + session, "/customers/cus_S3belaPaying03", "/subscriptions/sub_1RbelaActive01"}
			if diff := cmp.Diff(want, stampsWritten(t, before, r.objects(t))); diff != "" {
				t.Errorf("stamps (-want +got):\n%s", diff)
			}
			if rows := subscriptionRows(t, database, dsn); !slices.Equal(rows, []string{norteRow, belaRow}) || link(t, database, dsn) != "cus_S3belaPaying03" {
				t.Errorf("rows %v, link %q", rows, link(t, database, dsn))
			}
			sent := r.writes()
			if code, out, _ := r.rightful(t, "sessions", "fix", session, "--yes"); code != cli.ExitOK || !strings.Contains(out, "nothing to write") || r.writes() != sent {
				t.Errorf("a second time: exit code %d, %d writes\n%s", code, r.writes()-sent, out)
			}
			if code, out, _ := r.rightful(t, "sessions", "--paid"); code != cli.ExitOK || !strings.Contains(out, "none mismatched") {
				t.Errorf("listed after: exit code %d\n%s", code, out)
			}
		})
	}
}

// sessionsAsInWorld compares lists of the real parts with those of the world.
func sessionsAsInWorld(t *testing.T, r *rig) {
	t.Helper()
	for _, args := range [][]string{{}, {"--since", "60d"}, {"--since", "60d", "--paid", "--mismatched"}, {"--since", "60d", "--company", "11"}, {"--since", "60d", "--user", "9"}} {
		code, out, errs := r.rightful(t, append([]string{"sessions", "--format", "json"}, args...)...)
		var real engine.SessionsReport
		if err := json.Unmarshal([]byte(out), &real); err != nil || errs != "" {
			t.Fatalf("%v: %v, %s", args, err, errs)
		}
		e, _, err := wire.World(founding)
		if err != nil {
			t.Fatal(err)
		}
		world := must(e.Sessions(t.Context(), engine.SessionsInput{
			Since: real.Scope.Since, Paid: real.Scope.Paid, Mismatched: real.Scope.Mismatched, User: text(real.Scope.UserID), Company: text(real.Scope.Company),
		}))(t)
		if code == cli.ExitError || real.StripeGETs == 0 {
			t.Errorf("%v: exit code %d, %d requests", args, code, real.StripeGETs)
		}
		real.StripeGETs, real.Now, world.Now = 0, 0, 0
		if diff := cmp.Diff(world, &real); diff != "" {
			t.Errorf("%v (-world +real):\n%s", args, diff)
		}
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// TestMoveOnRealParts writes two stamps and a row, at once or from a plan that was
// kept, and nothing where it is refused.
func TestMoveOnRealParts(t *testing.T) {
	t.Parallel()
	for database, on := range engines {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			r, dsn := foundingOn(t, database)
			before := r.objects(t)
			file := t.TempDir() + "/plan.json"
			code, out, errs := r.rightful(t, "move", "sub_1RnorteActive1", "--to", "11", "--out", file)
			if code != cli.ExitFindings || errs != "" || r.writes() != 0 || !strings.Contains(out, "rightful apply "+file) {
				t.Fatalf("kept: exit code %d, %s\n%s", code, errs, out)
			}
			if code, _, errs := r.rightful(t, "move", "sub_1RnorteActive1", "--to", "4", "--yes"); code != cli.ExitRefused || !strings.Contains(errs, `no company "4"`) || r.writes() != 0 {
				t.Errorf("to nobody: exit code %d, %s", code, errs)
			}
			if code, out, errs := r.rightful(t, "apply", file); code != cli.ExitFindings || errs != "" {
				t.Fatalf("applied: exit code %d, %s\n%s", code, errs, out)
			}
			changed := []string{}
			for path, value := range r.objects(t) {
				if before[path] != value {
					changed = append(changed, path+" "+before[path]+" "+value)
				}
			}
			slices.Sort(changed)
			if len(changed) != 2 || !strings.HasSuffix(changed[0], `metadata/company_id "12" "11"`) || !strings.HasSuffix(changed[1], `metadata/company_id "12" "11"`) {
				t.Errorf("changed: %v", changed)
			}
			if rows := subscriptionRows(t, database, dsn); !slices.Equal(rows, []string{strings.Replace(norteRow, " 12 ", " 11 ", 1)}) {
				t.Errorf("rows: %v", rows)
			}
			if code, out, _ := r.rightful(t, "move", "sub_1RnorteActive1", "--to", "12", "--yes"); code == cli.ExitError || !strings.Contains(out, "3 writes in 1 family") {
				t.Errorf("back: exit code %d\n%s", code, out)
			}
			if rows := subscriptionRows(t, database, dsn); !slices.Equal(rows, []string{norteRow}) {
				t.Errorf("back: rows %v", rows)
			}
		})
	}
}

// TestSessionFixIsTakenBack: what a fix wrote is undone, the new row with it, and a row
// that the app has changed since stays.
func TestSessionFixIsTakenBack(t *testing.T) {
	t.Parallel()
	for database, on := range engines {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			for _, changed := range []bool{false, true} {
				r, dsn := foundingOn(t, database)
				r.mapRows("subscription_insert", "subscription_delete")
				before, state := r.objects(t), "sqlite:"+t.TempDir()+"/state.db"
				code, out, errs := r.rightful(t, "sessions", "fix", "cs_live_a1belaPaid00001", "--yes", "--state", state)
				if code != cli.ExitOK || errs != "" || strings.Contains(out, "cannot be taken back") {
					t.Fatalf("exit code %d, %s\n%s", code, errs, out)
				}
				want, left := cli.ExitOK, []string{norteRow}
				if changed {
					want, left = cli.ExitPartly, []string{norteRow, strings.Replace(belaRow, "active", "paused", 1)}
					db := on.open(t, dsn)
					if _, err := db.ExecContext(t.Context(), "UPDATE subscriptions SET status = 'paused' WHERE id = 32"); err != nil {
						t.Fatal(err)
					}
					_ = db.Close()
				}
				code, out, errs = r.rightful(t, "undo", "run-", "--yes", "--state", state)
				if code != want {
					t.Errorf("undo: exit code %d, %s\n%s", code, errs, out)
				}
				if rows := subscriptionRows(t, database, dsn); !slices.Equal(rows, left) {
					t.Errorf("rows: %v, want %v", rows, left)
				}
				if diff := cmp.Diff(before, r.objects(t)); diff != "" && !changed {
					t.Errorf("Stripe (-before +after):\n%s", diff)
				}
			}
		})
	}
}

// TestSecondPersonForSessionsAndMoves: what a second person has to approve is not
// carried out at once, and a kept plan waits for that person.
func TestSecondPersonForSessionsAndMoves(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"sessions fix": {"sessions", "fix", "cs_live_a1belaPaid00001"},
		"move":         {"move", "sub_1RnorteActive1", "--to", "11"},
	} {
		r, dsn := foundingOn(t, 0)
		r.mapRows("subscription_insert")
		r.config["repair"] = map[string]any{"second_approver": true}
		r.config["state"] = "sqlite:" + t.TempDir() + "/state.db"
		file := t.TempDir() + "/plan.json"
		with := func(more ...string) []string { return append(slices.Clone(args), more...) }
		if code, _, errs := r.rightful(t, with("--yes", "--by", "ana")...); code != cli.ExitRefused || !strings.Contains(errs, "a second person has to approve") {
			t.Errorf("%s, alone: exit code %d, %s", name, code, errs)
		}
		code, out, errs := r.rightful(t, with("--out", file, "--by", "ana")...)
		if code != cli.ExitFindings || errs != "" || !strings.Contains(out, "another person: rightful plan approve "+file) {
			t.Errorf("%s, kept: exit code %d, %s\n%s", name, code, errs, out)
		}
		if code, _, errs := r.rightful(t, "apply", file, "--by", "ana"); code != cli.ExitRefused {
			t.Errorf("%s, not approved: exit code %d, %s", name, code, errs)
		}
		if code, _, errs := r.rightful(t, "plan", "approve", file, "--by", "ana"); code != cli.ExitRefused {
			t.Errorf("%s, approved by its author: exit code %d, %s", name, code, errs)
		}
		if rows := subscriptionRows(t, 0, dsn); !slices.Equal(rows, []string{norteRow}) || r.writes() != 0 {
			t.Errorf("%s, so far: rows %v, %d writes", name, rows, r.writes())
		}
		if code, _, errs := r.rightful(t, "plan", "approve", file, "--by", "ben"); code != cli.ExitOK {
			t.Errorf("%s, approved: exit code %d, %s", name, code, errs)
		}
		if code, out, errs := r.rightful(t, "apply", file, "--by", "ana"); code != cli.ExitFindings {
			t.Errorf("%s, applied: exit code %d, %s\n%s", name, code, errs, out)
		}
		if rows := subscriptionRows(t, 0, dsn); slices.Equal(rows, []string{norteRow}) {
			t.Errorf("%s, applied: rows %v", name, rows)
		}
	}
}
