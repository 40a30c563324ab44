package plan_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/plan"
)

// newRow is the write of a subscription row.
func newRow(subscription, company string) rightful.Proposal {
	text := rightful.RowValues{CompanyID: company, StripeCustomerID: "cus_A", Status: "active"}.Text()
	return rightful.Proposal{Place: "db", Object: rightful.Ref{Type: rightful.RefSubscriptionRow, ID: subscription}, Field: rightful.FieldRow, To: &text}
}

func rowStatus(from, to string) rightful.Proposal {
	return rightful.Proposal{Place: "db", Object: rightful.Ref{Type: rightful.RefSubscriptionRow, ID: "31"}, Field: rightful.FieldRowStatus, From: p(from), To: p(to)}
}

var reflect = plan.Wish{Object: rightful.Ref{Type: "checkout.session", ID: "cs_1"}, Decided: plan.WishReflect + "11"}

// granting answers every wish with the same writes.
func granting(because []string, writes ...rightful.Proposal) func(plan.Wish) (plan.Granted, error) {
	return func(w plan.Wish) (plan.Granted, error) {
		return plan.Granted{Family: "cus_A", Company: w.Company(), Because: because, Message: "paid", Why: "a person asked", Writes: writes}, nil
	}
}

// TestWish: its writes stand in order with those that are automatic, and the
// document keeps it.
func TestWish(t *testing.T) {
	t.Parallel()
	paid := asked("RF401-1", "cus_A")
	in := plan.Input{Findings: append(everything(), paid), Family: "cus_A", Reason: "support", Wishes: []plan.Wish{reflect, reflect}, Grant: granting([]string{"RF401-1"}, newRow("sub_1", "11"))}
	made := mustMake(t, in)
	lines := order(made)
	want := []string{"company 11", "subscription_row sub_1 row =", "cache_key"}
	if len(made.Units) != 1 || len(lines) != 7 {
		t.Fatalf("other families: %v", lines)
	}
	for i, says := range want {
		if !strings.Contains(lines[4+i], says) {
			t.Errorf("line %d: %s, want %s", i, lines[4+i], says)
		}
	}
	s := made.Units[0].Steps[5]
	if s.Decided != "reflect:11" || s.Message != "paid" || s.Why != "a person asked" || !slices.Equal(s.Because, []string{"RF401-1"}) || s.Precondition.Value != nil || s.Reverse == nil || s.Reverse.To != nil {
		t.Errorf("step: %+v", s)
	}
	if made.Reason != "support" || len(made.Wishes) != 1 || len(made.Questions) != 0 {
		t.Errorf("reason %q, wishes %v, questions %v", made.Reason, made.Wishes, made.Questions)
	}
	read, err := plan.Parse("plan.json", document(t, made))
	if diff := cmp.Diff(made, read); err != nil || diff != "" {
		t.Errorf("read back: %v (-made +read):\n%s", err, diff)
	}
	if without := mustMake(t, plan.Input{Findings: []rightful.Finding{paid}}); len(without.Questions) != 1 {
		t.Errorf("without the wish it is no question: %+v", without)
	}
	if without := mustMake(t, plan.Input{Findings: everything()}); strings.Contains(string(document(t, without)), "wishes") {
		t.Error("a plan without wishes is another document than it was")
	}
}

// TestWishIsRefused where it cannot be granted or carried out.
func TestWishIsRefused(t *testing.T) {
	t.Parallel()
	decided := plan.Input{
		Findings:  []rightful.Finding{asked("F1", "cus_A", rightful.Choice{Name: "company:12", Writes: []rightful.Proposal{stamp(rightful.TypeSubscription, "sub_1", "4", "12")}})},
		Decisions: []plan.Decision{{Finding: "F1", Choice: "company:12"}},
	}
	for name, tt := range map[string]struct {
		change func(*plan.Input)
		says   string
	}{
		"nobody grants": {func(in *plan.Input) { in.Grant = nil }, "nobody here can say"},
		"no wish":       {func(in *plan.Input) { in.Wishes[0].Decided = "company:11" }, "is no wish"},
		"of nothing":    {func(in *plan.Input) { in.Wishes[0].Object.ID = "" }, "is no wish"},
		"it is not granted": {func(in *plan.Input) {
			in.Grant = func(plan.Wish) (plan.Granted, error) { return plan.Granted{}, errors.New("no") }
		}, "no"},
		"nothing that is written": {func(in *plan.Input) {
			in.Grant = granting(nil, rightful.Proposal{Place: "stripe", Object: rightful.Ref{Type: "subscription", ID: "sub_1"}, Field: "customer", To: p("cus_Z")})
		}, "does not write customer"},
		"a row that is taken away": {func(in *plan.Input) {
			w := newRow("sub_1", "11")
			w.From, w.To = w.To, nil
			in.Grant = granting(nil, w)
		}, "does not write row"},
		"a row of other values": {func(in *plan.Input) { w := newRow("sub_1", "11"); w.To = p("11"); in.Grant = granting(nil, w) }, "does not write row"},
		"no statement for it": {func(in *plan.Input) {
			in.Lacks = func(rightful.Proposal) string { return "directory.write.subscription_insert" }
		}, "directory.write.subscription_insert is not set"},
		"it contradicts a decision": {func(in *plan.Input) {
			*in = plan.Input{Findings: decided.Findings, Decisions: decided.Decisions, Wishes: in.Wishes, Grant: granting(nil, stamp(rightful.TypeSubscription, "sub_1", "4", "11"))}
		}, "F1 was decided"},
	} {
		in := plan.Input{Wishes: []plan.Wish{reflect}, Grant: granting(nil, newRow("sub_1", "11"))}
		tt.change(&in)
		if _, err := plan.Make(in); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v, want it to say %q", name, err, tt.says)
		}
	}
}

// TestRowThatStaysSaysSo: where no statement takes a row away, the plan tells, and
// there is no way back.
func TestRowThatStaysSaysSo(t *testing.T) {
	t.Parallel()
	made := mustMake(t, plan.Input{Wishes: []plan.Wish{reflect}, Grant: granting(nil, newRow("sub_1", "11")), Lacks: func(w rightful.Proposal) string {
		if w.To == nil {
			return "directory.write.subscription_delete"
		}
		return ""
	}})
	s := made.Units[0].Steps[0]
	if s.Reverse != nil || !strings.Contains(s.Why, "it cannot be taken back, because directory.write.subscription_delete is not set") {
		t.Errorf("step: %+v", s)
	}
	if _, err := plan.Parse("plan.json", document(t, made)); err != nil {
		t.Error(err)
	}
}

// TestAccessIsNeverAutomatic: a finding that proposes a row or a status is asked,
// whatever it calls itself.
func TestAccessIsNeverAutomatic(t *testing.T) {
	t.Parallel()
	made := mustMake(t, plan.Input{Findings: []rightful.Finding{
		automatic("F1", "cus_A", "11", newRow("sub_1", "11")), automatic("F2", "cus_A", "11", rowStatus("canceled", "active")),
	}})
	if made.Steps() != 0 || len(made.Questions) != 2 {
		t.Errorf("%v, %d questions", order(made), len(made.Questions))
	}
	for name, forge := range map[string]func(*plan.Plan){
		"nobody decided":      func(p *plan.Plan) { p.Units[0].Steps[0].Decided = "" },
		"no such wish":        func(p *plan.Plan) { p.Wishes = nil },
		"another wish":        func(p *plan.Plan) { p.Wishes[0].Decided = "delete:11" },
		"taken back to a row": func(p *plan.Plan) { p.Units[0].Steps[0].Reverse.To = p.Units[0].Steps[0].To },
	} {
		made := mustMake(t, plan.Input{Wishes: []plan.Wish{reflect}, Grant: granting(nil, newRow("sub_1", "11"))})
		forge(made)
		made.Rehash()
		if _, err := plan.Parse("plan.json", document(t, made)); rightful.KindOf(err) != rightful.KindRefused {
			t.Errorf("%s: got %v, want it refused", name, err)
		}
	}
}

// TestWishGoesStale where it would write something else now, and not because the
// finding that it answers is gone.
func TestWishGoesStale(t *testing.T) {
	t.Parallel()
	in := plan.Input{Findings: everything(), Wishes: []plan.Wish{reflect}, Grant: granting([]string{"RF401-1"}, newRow("sub_1", "11"))}
	made := mustMake(t, in)
	for name, tt := range map[string]struct {
		grant func(plan.Wish) (plan.Granted, error)
		stale int
	}{
		"the same":          {granting([]string{"RF401-1"}, newRow("sub_1", "11")), 0},
		"without a finding": {granting(nil, newRow("sub_1", "11")), 0},
		"another customer":  {granting(nil, rowStatus("canceled", "active")), 1},
		"nothing":           {granting(nil), 1},
	} {
		stale, err := made.Stale(plan.Input{Findings: everything(), Grant: tt.grant})
		if err != nil || len(stale) != tt.stale {
			t.Errorf("%s: %d stale steps (%v), want %d", name, len(stale), err, tt.stale)
		}
	}
	if _, err := made.Stale(plan.Input{Findings: everything()}); rightful.KindOf(err) != rightful.KindRefused {
		t.Errorf("nobody grants: %v", err)
	}
	if _, err := made.Stale(plan.Input{Findings: everything(), Grant: func(plan.Wish) (plan.Granted, error) { return plan.Granted{}, errors.New("it is gone") }}); err == nil {
		t.Error("what is not granted any more is not stale")
	}
}
