package apply_test

import (
	"slices"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/apply"
	"rightful/internal/plan"
)

// reflecting makes a plan that a person asked for: a stamp, and then a write of a
// subscription row.
func reflecting(t *testing.T, w rightful.Proposal) *plan.Plan {
	t.Helper()
	made, err := plan.Make(plan.Input{
		Wishes: []plan.Wish{{Object: rightful.Ref{Type: "checkout.session", ID: "cs_1"}, Decided: plan.WishReflect + "11"}},
		Grant: func(plan.Wish) (plan.Granted, error) {
			return plan.Granted{Family: "cus_A", Company: "11", Writes: []rightful.Proposal{write("sub_A", "4", "11"), w}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

var wanted = rightful.RowValues{CompanyID: "11", StripeCustomerID: "cus_A", Status: "active"}

func newRow() rightful.Proposal {
	text := wanted.Text()
	return rightful.Proposal{Place: "db", Object: rightful.Ref{Type: rightful.RefSubscriptionRow, ID: "sub_A"}, Field: rightful.FieldRow, To: &text}
}

// TestAddsRow: what stands there before decides, and nothing is written twice.
func TestAddsRow(t *testing.T) {
	t.Parallel()
	row := func(id, company, customer, status string) rightful.SubscriptionRow {
		return rightful.SubscriptionRow{ID: id, CompanyID: company, StripeCustomerID: customer, StripeSubscriptionID: "sub_A", Status: status}
	}
	const done, already, conflict, skipped = apply.StateDone, apply.StateAlready, apply.StateConflict, apply.StateSkipped
	for name, tt := range map[string]struct {
		rows       []rightful.SubscriptionRow
		stamp, row apply.State
		says       string
	}{
		"none names it":                {nil, done, done, ""},
		"the webhook was faster":       {[]rightful.SubscriptionRow{row("w", "11", "cus_A", "active")}, done, already, ""},
		"and keeps no status":          {[]rightful.SubscriptionRow{row("w", "11", "", "")}, done, already, ""},
		"and says something else":      {[]rightful.SubscriptionRow{row("w", "11", "cus_A", "canceled")}, skipped, conflict, `canceled`},
		"of another customer":          {[]rightful.SubscriptionRow{row("w", "11", "cus_B", "active")}, skipped, conflict, "cus_B"},
		"of another company":           {[]rightful.SubscriptionRow{row("w", "12", "cus_A", "active")}, skipped, conflict, "12"},
		"of two companies":             {[]rightful.SubscriptionRow{row("w", "12", "cus_A", "active"), row("x", "11", "cus_A", "active")}, skipped, conflict, "2 rows that name sub_A"},
		"rows of another subscription": {[]rightful.SubscriptionRow{{ID: "w", CompanyID: "11", StripeSubscriptionID: "sub_B"}}, done, done, ""},
	} {
		f := newFake()
		f.rows = map[string]rightful.SubscriptionRow{}
		for _, r := range tt.rows {
			f.rows[r.ID] = r
		}
		made := reflecting(t, newRow())
		r := run(t, f, made)
		states := []apply.State{r.Outcomes[0].State, r.Outcomes[1].State}
		if !slices.Equal(states, []apply.State{tt.stamp, tt.row}) || !strings.Contains(r.Outcomes[1].Why, tt.says) {
			t.Errorf("%s: %+v", name, r.Outcomes)
		}
		if added, is := f.rows["new"]; is != (tt.row == done) || is && !wanted.Agrees(added) {
			t.Errorf("%s: rows %+v", name, f.rows)
		}
		if tt.row == done {
			if again := run(t, f, made); again.Count(already) != 2 {
				t.Errorf("%s: applied twice: %+v", name, again.Outcomes)
			}
		}
	}
}

// TestRowIsRefused: the stamp before it is put back, and one that another adds at
// once is told.
func TestRowIsRefused(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.refuses["db:sub_A"] = 1
	if r := run(t, f, reflecting(t, newRow())); r.Count(apply.StatePutBack) != 1 || f.stamps["sub_A"] != "4" {
		t.Errorf("stamp %q, %+v", f.stamps["sub_A"], r.Outcomes)
	}
	f = newFake()
	f.after = func(id string) {
		if id == "db:sub_A" {
			f.rows["twin"] = rightful.SubscriptionRow{ID: "twin", CompanyID: "11", StripeSubscriptionID: "sub_A"}
		}
	}
	if r := run(t, f, reflecting(t, newRow())); r.Outcomes[1].State != apply.StateConflict || !strings.Contains(r.Outcomes[1].Why, "2 rows that name sub_A") {
		t.Errorf("a twin: %+v", r.Outcomes)
	}
	f = newFake()
	f.lost = map[string]int{"db:sub_A": 1}
	if r := run(t, f, reflecting(t, newRow())); !r.Whole() {
		t.Errorf("a lost answer: %+v", r.Outcomes)
	}
}

// TestRowStatus changes where the row is as it was.
func TestRowStatus(t *testing.T) {
	t.Parallel()
	w := rightful.Proposal{Place: "db", Object: rightful.Ref{Type: rightful.RefSubscriptionRow, ID: "r1"}, Field: rightful.FieldRowStatus, From: p("canceled"), To: p("active")}
	for status, want := range map[string]apply.State{"canceled": apply.StateDone, "active": apply.StateAlready, "": apply.StateConflict, "paused": apply.StateConflict} {
		f := newFake()
		f.rows["r1"] = rightful.SubscriptionRow{ID: "r1", CompanyID: "11", Status: status}
		if r := run(t, f, reflecting(t, w)); r.Outcomes[1].State != want {
			t.Errorf("%q: %+v", status, r.Outcomes)
		}
	}
}
