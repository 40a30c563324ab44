package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/plan"
)

// TestMove: what a move writes, or why it writes nothing.
func TestMove(t *testing.T) {
	t.Parallel()
	const (
		cs, sub, cus = "stripe.checkout_sessions.0", "stripe.subscriptions.0", "stripe.customers.0"
		refused      = rightful.KindRefused
	)
	known := func(s setter) { s("db", "subscriptions", []any{row("31", "11", "sub_1", "active")}) }
	another := func(id, customer, status string) map[string]any {
		return map[string]any{"id": id, "object": "subscription", "customer": customer, "status": status, "created": 1755000000, "livemode": true, "metadata": map[string]any{"company_id": "11"}}
	}
	schedule := func(status string, phase map[string]any) []any {
		return []any{map[string]any{"id": "sub_sched_1", "object": "subscription_schedule", "customer": "cus_A", "subscription": "sub_1", "status": status, "created": 1755000000, "livemode": true,
			"phases": []any{phase}}}
	}
	stamping := map[string]any{"start_date": 1755000000, "end_date": 1800000000, "metadata": map[string]any{"company_id": "11"}}
	for name, tt := range map[string]struct {
		to     string
		change func(setter)
		writes string // objects, in order
		kind   rightful.ErrorKind
		says   string // in the error, or in a note
	}{
		"all of it":                 {"12", known, "sub_1 cs_1 31", "", "Stripe goes on billing cus_A"},
		"no row":                    {"12", func(setter) {}, "sub_1 cs_1", "", "no row names it"},
		"no session":                {"12", func(s setter) { known(s); s("stripe", "checkout_sessions", []any{}) }, "sub_1 31", "", ""},
		"a session without a stamp": {"12", func(s setter) { known(s); s(cs, "metadata", nil) }, "sub_1 31", "", ""},
		"no stamp at all":           {"12", func(s setter) { known(s); s(cs, "metadata", nil); s(sub, "metadata", nil) }, "sub_1 31", "", ""},
		"half of it is there":       {"12", func(s setter) { known(s); s(sub, "metadata", map[string]any{"company_id": "12"}) }, "cs_1 31", "", ""},
		"all of it is there":        {"11", known, "", "", ""},
		"the payer is linked":       {"12", func(s setter) { known(s); s("db.companies.0", "stripe_customer_id", "cus_A") }, "sub_1 cs_1 31", "", "company 11 goes on linking cus_A"},
		"one that is over beside it": {"12", func(s setter) {
			known(s)
			s("stripe", "subscriptions", []any{another("sub_1", "cus_A", "active"), another("sub_2", "cus_A", "canceled")})
		}, "sub_1 cs_1 31", "", ""},
		"one of another customer": {"12", func(s setter) {
			known(s)
			s("stripe", "subscriptions", []any{another("sub_1", "cus_A", "active"), another("sub_2", "cus_B", "active")})
		}, "sub_1 cs_1 31", "", ""},
		"a schedule without the key": {"12", func(s setter) {
			known(s)
			s(sub, "schedule", "sub_sched_1")
			s("stripe", "subscription_schedules", schedule("active", map[string]any{"start_date": 1755000000, "end_date": 1800000000}))
		}, "sub_1 cs_1 31", "", ""},
		"a schedule that is over": {"12", func(s setter) { known(s); s("stripe", "subscription_schedules", schedule("released", stamping)) }, "sub_1 cs_1 31", "", ""},

		"another on the same customer": {"12", func(s setter) {
			known(s)
			s("stripe", "subscriptions", []any{another("sub_1", "cus_A", "active"), another("sub_2", "cus_A", "past_due")})
		}, "", refused, "sub_2, which is past_due, is charged to the same customer"},
		"to nobody":                    {"404", known, "", refused, `no company "404"`},
		"to one that is deleted":       {"13", known, "", refused, "company 13 (Gone) is deleted"},
		"to one that is being deleted": {"14", known, "", refused, "company 14 (Going) is being deleted"},
		"to one that is merged":        {"15", known, "", refused, "company 15 (Merged) is merged into 12"},
		"over":                         {"12", func(s setter) { known(s); s(sub, "status", "canceled") }, "", refused, "it is canceled"},
		"no such":                      {"12", func(s setter) { s("stripe", "subscriptions", []any{}); s("stripe", "missing_ids", []any{"sub_1"}) }, "", rightful.KindNotFound, "no such subscription"},
		"two rows": {"12", func(s setter) {
			s("db", "subscriptions", []any{row("31", "11", "sub_1", "active"), row("32", "11", "sub_1", "active")})
		}, "", refused, "2 rows name it"},
		"a schedule with the key": {"12", func(s setter) {
			known(s)
			s(sub, "schedule", "sub_sched_1")
			s("stripe", "subscription_schedules", schedule("active", stamping))
		}, "", refused, "sub_sched_1 has a phase that writes the stamp again"},
		"a schedule nobody read": {"12", func(s setter) { known(s); s(sub, "schedule", "sub_sched_9") }, "", refused, "what its phases will write is not known"},
		"a pending update":       {"12", func(s setter) { known(s); s(sub, "pending_update", map[string]any{"expires_at": 1800000000}) }, "", refused, "pending update"},
		"another application's": {"12", func(s setter) {
			s("config", "ownership", map[string]any{"key": "app", "value": "ledgerly"})
			s(cus, "metadata", map[string]any{"company_id": "11", "app": "shop"})
		}, "", refused, "tagged as another application's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := sold(t, tt.change)
			r, err := e.Move(t.Context(), engine.MoveInput{Subscription: "sub_1", To: tt.to, Confirm: yes})
			if rightful.KindOf(err) != tt.kind || err != nil && !strings.Contains(err.Error(), tt.says) || err != nil && tt.kind == "" {
				t.Fatalf("got %v, want it of kind %q with %q", err, tt.kind, tt.says)
			}
			if err != nil {
				return
			}
			var writes []string
			for _, u := range r.Plan.Units {
				for _, s := range u.Steps {
					writes = append(writes, s.Object.ID)
					if s.Decided != "move:"+tt.to || s.Reverse == nil {
						t.Errorf("step: %+v", s)
					}
				}
			}
			if got := strings.Join(writes, " "); got != tt.writes || !strings.Contains(strings.Join(r.Notes, "\n"), tt.says) {
				t.Errorf("writes %q, want %q; notes %q", got, tt.writes, r.Notes)
			}
			if tt.writes != "" && !r.Applied.Result.Whole() {
				t.Errorf("applied: %+v", r.Applied.Result.Outcomes)
			}
			if again, err := e.Move(t.Context(), engine.MoveInput{Subscription: "sub_1", To: tt.to, Confirm: yes}); err != nil || again.Plan.Steps() > 0 {
				t.Errorf("a second time: %v, %+v", err, again)
			}
		})
	}
}

// TestSavedMove: a plan that was kept is applied while it would be made again, and
// refused when it would not.
func TestSavedMove(t *testing.T) {
	t.Parallel()
	known := func(s setter) { s("db", "subscriptions", []any{row("31", "11", "sub_1", "active")}) }
	for name, tt := range map[string]struct {
		change func(setter)
		kind   rightful.ErrorKind
		says   string
		done   int
	}{
		"nothing changed": {func(setter) {}, "", "", 3},
		"a finding came": {func(s setter) {
			s("stripe.customers.0", "metadata", map[string]any{"company_id": "404", "user_id": "7"})
		}, "", "", 3},
		"a part of it stands there":  {func(s setter) { s("stripe.subscriptions.0", "metadata", map[string]any{"company_id": "12"}) }, "", "", 2},
		"the row went elsewhere":     {func(s setter) { s("db", "subscriptions", []any{row("31", "14", "sub_1", "active")}) }, rightful.KindRefused, "stale", 0},
		"the stamp went elsewhere":   {func(s setter) { s("stripe.subscriptions.0", "metadata", map[string]any{"company_id": "14"}) }, rightful.KindRefused, "stale", 0},
		"it is over":                 {func(s setter) { s("stripe.subscriptions.0", "status", "canceled") }, rightful.KindRefused, "it is canceled", 0},
		"the target is deleted":      {func(s setter) { s("db.companies.1", "deleted_at", 1755086000) }, rightful.KindRefused, "is deleted", 0},
		"the target is being merged": {func(s setter) { s("db.companies.1", "merged_into", "11") }, rightful.KindRefused, "is merged into 11", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := sold(t, known)
			made := must(e.Move(t.Context(), engine.MoveInput{Subscription: "sub_1", To: "12", PlanOnly: true}))(t)
			kept := must(plan.Parse("plan.json", must(plainJSON(made.Plan))(t)))(t)
			later, _ := sold(t, func(s setter) { known(s); tt.change(s) })
			r, err := later.Apply(t.Context(), engine.ApplyInput{Plan: kept})
			if rightful.KindOf(err) != tt.kind || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("got %v, want it of kind %q with %q", err, tt.kind, tt.says)
			}
			if err == nil && (!r.Result.Whole() || r.Result.Count("done") != tt.done) {
				t.Errorf("outcomes: %+v", r.Result.Outcomes)
			}
		})
	}
}

// TestMoveIsToldWhenItWouldNotLast: where every voice names the old company, the
// repair of the next run is among the new findings.
func TestMoveIsToldWhenItWouldNotLast(t *testing.T) {
	t.Parallel()
	e, _ := sold(t, func(s setter) {
		s("stripe", "checkout_sessions", []any{})
		s("db", "subscriptions", "gone")
		s("db.companies.0", "stripe_customer_id", "cus_A")
		s("stripe.customers.0", "created", 1700000000)
		s("stripe.subscriptions.0", "metadata", map[string]any{"company_id": "11", "user_id": "7"})
	})
	r := must(e.Move(t.Context(), engine.MoveInput{Subscription: "sub_1", To: "12", Confirm: yes}))(t)
	if !slices.ContainsFunc(r.Applied.Verified.New, func(f rightful.Finding) bool { return f.Automatic }) {
		t.Errorf("new: %s", fmt.Sprint(r.Applied.Verified.New))
	}
}
