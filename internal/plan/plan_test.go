package plan_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rightful"
	"rightful/internal/plan"
)

func p(s string) *string { return &s }

// stamp returns the write of a stamp.
func stamp(t rightful.ObjectType, id, from, to string) rightful.Proposal {
	w := rightful.Proposal{Place: "stripe", Object: rightful.Ref{Type: string(t), ID: id}, Field: "metadata.company_id", To: p(to)}
	if from != "" {
		w.From = p(from)
	}
	return w
}

// link returns the write of a company's link; empty is nothing.
func link(company, from, to string) rightful.Proposal {
	w := rightful.Proposal{Place: "db", Object: rightful.Ref{Type: rightful.RefCompany, ID: company}, Field: rightful.FieldLink}
	if from != "" {
		w.From = p(from)
	}
	if to != "" {
		w.To = p(to)
	}
	return w
}

func uncache(key, value string) rightful.Proposal {
	return rightful.Proposal{Place: "cache", Object: rightful.Ref{Type: rightful.RefCacheKey, ID: key}, Field: "value", From: p(value)}
}

// automatic returns a finding that is repaired without asking.
func automatic(id, family, company string, w rightful.Proposal) rightful.Finding {
	return rightful.Finding{
		ID: id, Code: rightful.CodeStampMissing, Severity: rightful.SeverityError, Object: w.Object, Family: family,
		CompanyID: p(company), RightfulCompanyID: p(company), Proposal: &w, Automatic: true, Message: "wrong " + id, Why: "two voices",
		Evidence: []rightful.Signal{{Place: "db:users/7", Says: company, Voice: "user:7", AsOf: 1}},
		Choices:  []rightful.Choice{{Name: "company:" + company, Writes: []rightful.Proposal{w}}},
	}
}

// asked returns a finding that a person decides.
func asked(id, family string, choices ...rightful.Choice) rightful.Finding {
	return rightful.Finding{
		ID: id, Code: rightful.CodeLinkStampSplit, Severity: rightful.SeverityError, Object: rightful.Ref{Type: "customer", ID: family},
		Family: family, CompanyID: p("12"), Message: "split " + id, Why: "a person decides", Choices: choices,
	}
}

// relink moves cus_A from company 12 to company 11.
func relink() rightful.Choice {
	return rightful.Choice{Name: "company:11", Writes: []rightful.Proposal{
		link("12", "cus_A", ""), link("11", "", "cus_A"), stamp(rightful.TypeCustomer, "cus_A", "12", "11"),
	}}
}

func mustMake(t *testing.T, in plan.Input) *plan.Plan {
	t.Helper()
	made, err := plan.Make(in)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func document(t *testing.T, v *plan.Plan) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// order returns what a plan writes, as one line a step.
func order(made *plan.Plan) []string {
	var lines []string
	for _, u := range made.Units {
		for _, s := range u.Steps {
			to := "-"
			if s.To != nil {
				to = *s.To
			}
			lines = append(lines, u.Family+": "+s.Object.Type+" "+s.Object.ID+" "+s.Field+" = "+to)
		}
	}
	return lines
}

func everything() []rightful.Finding {
	return []rightful.Finding{
		automatic("F9", "cus_A", "11", stamp(rightful.TypeSession, "cs_1", "4", "11")),
		automatic("F8", "user:7", "11", uncache("u7", "4")),
		automatic("Fa", "company:12", "12", uncache("k12", "4")),
		automatic("F7", "cus_A", "11", uncache("c:cus_A", "4")),
		automatic("F6", "company:11", "11", link("11", "", "cus_A")),
		automatic("F5", "cus_A", "11", stamp(rightful.TypePaymentIntent, "pi_1", "4", "11")),
		automatic("F4", "cus_A", "11", stamp(rightful.TypeSubscription, "sub_1", "4", "11")),
		automatic("F3", "cus_A", "11", stamp(rightful.TypeCustomer, "cus_A", "4", "11")),
		automatic("F2", "cs_guest", "11", stamp(rightful.TypeSession, "cs_guest", "", "11")),
		asked("F1", "cus_B", relink()),
	}
}

// TestOrder: customers before users, stamps before rows before cache, what others
// are born from before them; a link stands with its customer.
func TestOrder(t *testing.T) {
	t.Parallel()
	want := []string{
		"cs_guest: checkout.session cs_guest metadata.company_id = 11",
		"cus_A: customer cus_A metadata.company_id = 11",
		"cus_A: subscription sub_1 metadata.company_id = 11",
		"cus_A: payment_intent pi_1 metadata.company_id = 11",
		"cus_A: checkout.session cs_1 metadata.company_id = 11",
		"cus_A: company 11 stripe_customer_id = cus_A",
		"cus_A: cache_key c:cus_A value = -",
		"company:12: cache_key k12 value = -",
		"user:7: cache_key u7 value = -",
	}
	made := mustMake(t, plan.Input{Findings: everything()})
	if diff := cmp.Diff(want, order(made)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(made.Questions) != 1 || !slices.Equal(made.Questions[0].Choices, []string{"company:11", plan.Leave}) {
		t.Errorf("questions: %+v", made.Questions)
	}
}

// TestSteps: each step says what must stand there and what takes it back; an added
// key is unset, and a cache key stays deleted.
func TestSteps(t *testing.T) {
	t.Parallel()
	made := mustMake(t, plan.Input{Findings: everything()})
	for _, u := range made.Units {
		for _, s := range u.Steps {
			if diff := cmp.Diff(s.From, s.Precondition.Value); diff != "" {
				t.Errorf("%s: precondition %s", s.Object.ID, diff)
			}
			if s.Place == "cache" {
				if s.Reverse != nil {
					t.Errorf("%s would be taken back: %+v", s.Object.ID, s.Reverse)
				}
				continue
			}
			if diff := cmp.Diff(&plan.Reverse{To: s.From}, s.Reverse); diff != "" {
				t.Errorf("%s: reverse %s", s.Object.ID, diff)
			}
		}
	}
	if first := made.Units[0].Steps[0]; first.From != nil || first.Reverse.To != nil {
		t.Errorf("an added key is not unset: %+v", first)
	}
}

// TestSameFindingsSamePlan: in whatever order, read whenever.
func TestSameFindingsSamePlan(t *testing.T) {
	t.Parallel()
	decisions := []plan.Decision{{Finding: "F1", Choice: "company:11"}, {Finding: "F6", Choice: plan.Leave}}
	first := mustMake(t, plan.Input{Findings: everything(), Decisions: decisions, MadeAt: 1})
	want := document(t, first)
	rapid.Check(t, func(rt *rapid.T) {
		all := rapid.Permutation(everything()).Draw(rt, "findings")
		for i := range all {
			all[i].Evidence = slices.Clone(all[i].Evidence)
			for n := range all[i].Evidence {
				all[i].Evidence[n].AsOf = rapid.Int64().Draw(rt, "read at")
			}
		}
		in := plan.Input{Findings: all, Decisions: rapid.Permutation(decisions).Draw(rt, "decisions"), MadeAt: 1}
		if diff := cmp.Diff(string(want), string(document(t, mustMake(t, in)))); diff != "" {
			rt.Fatal(diff)
		}
	})
	later := mustMake(t, plan.Input{Findings: everything(), Decisions: decisions, MadeAt: 2})
	if later.Hash != first.Hash {
		t.Error("the time of making is hashed")
	}
	if other := mustMake(t, plan.Input{Findings: everything()}); other.Hash == first.Hash {
		t.Error("the decisions are not hashed")
	}
}

// TestRelinkGoesFirst: the holder is released, then the link is taken, then the
// rest of the family follows.
func TestRelinkGoesFirst(t *testing.T) {
	t.Parallel()
	findings := []rightful.Finding{asked("F1", "cus_A", relink()), automatic("F2", "cus_A", "11", stamp(rightful.TypeSubscription, "sub_1", "12", "11"))}
	made := mustMake(t, plan.Input{Findings: findings, Decisions: []plan.Decision{{Finding: "F1", Choice: "company:11"}}})
	want := []string{
		"cus_A: company 12 stripe_customer_id = -",
		"cus_A: company 11 stripe_customer_id = cus_A",
		"cus_A: customer cus_A metadata.company_id = 11",
		"cus_A: subscription sub_1 metadata.company_id = 11",
	}
	if diff := cmp.Diff(want, order(made)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s := made.Units[0].Steps[0]; s.Decided != "company:11" || s.Why != "decided: company:11" {
		t.Errorf("the decision is not named: %+v", s)
	}
	if u := made.Units[0]; u.CompanyID == nil || *u.CompanyID != "11" {
		t.Errorf("the unit is not company 11's: %v", u.CompanyID)
	}
}

// TestOneWriteForTwoFindings: what two findings both ask for is written once.
func TestOneWriteForTwoFindings(t *testing.T) {
	t.Parallel()
	w := stamp(rightful.TypeCustomer, "cus_A", "4", "11")
	made := mustMake(t, plan.Input{Findings: []rightful.Finding{automatic("F2", "cus_A", "11", w), automatic("F1", "cus_A", "11", w)}})
	if made.Steps() != 1 || !slices.Equal(made.Units[0].Steps[0].Because, []string{"F1", "F2"}) {
		t.Errorf("units: %+v", made.Units)
	}
}

// TestContradictionsAreAsked: automatic findings that would write two values into
// one place, or take another side than a person did, are not automatic after all.
func TestContradictionsAreAsked(t *testing.T) {
	t.Parallel()
	to11 := automatic("F1", "cus_A", "11", stamp(rightful.TypeCustomer, "cus_A", "4", "11"))
	to12 := automatic("F2", "cus_A", "12", stamp(rightful.TypeCustomer, "cus_A", "4", "12"))
	sub11 := automatic("F3", "cus_A", "11", stamp(rightful.TypeSubscription, "sub_1", "4", "11"))
	cached := automatic("F4", "cus_A", "11", uncache("c", "4"))
	split := asked("F0", "cus_A", rightful.Choice{Name: "company:12", Writes: []rightful.Proposal{stamp(rightful.TypeCustomer, "cus_A", "4", "12")}})
	tests := []struct {
		name      string
		findings  []rightful.Finding
		decisions []plan.Decision
		steps     int
		questions []string
	}{
		{"two values", []rightful.Finding{to11, to12, sub11}, nil, 1, []string{"F1", "F2"}},
		{"another side than decided", []rightful.Finding{split, sub11, cached}, []plan.Decision{{Finding: "F0", Choice: "company:12"}}, 2, []string{"F3"}},
		{"the very place that was decided", []rightful.Finding{split, to11}, []plan.Decision{{Finding: "F0", Choice: "company:12"}}, 1, []string{"F1"}},
		{"left by a person", []rightful.Finding{to11, sub11}, []plan.Decision{{Finding: "F1", Choice: plan.Leave}}, 1, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			made := mustMake(t, plan.Input{Findings: tt.findings, Decisions: tt.decisions})
			var questions []string
			for _, q := range made.Questions {
				questions = append(questions, q.Finding)
			}
			if made.Steps() != tt.steps || !slices.Equal(questions, tt.questions) {
				t.Errorf("%d steps and questions %v; want %d and %v", made.Steps(), questions, tt.steps, tt.questions)
			}
		})
	}
}

// TestRefused: what may not be planned is an error with its kind, and says what to do.
func TestRefused(t *testing.T) {
	t.Parallel()
	secure := asked("F1", "cus_A", relink())
	secure.Security = true
	one := rightful.Choice{Name: "customer:cus_1", Writes: []rightful.Proposal{link("11", "", "cus_1")}}
	two := rightful.Choice{Name: "customer:cus_2", Writes: []rightful.Proposal{link("11", "", "cus_2")}}
	never := rightful.Choice{Name: "refund", Writes: []rightful.Proposal{{Place: "stripe", Object: rightful.Ref{Type: "charge", ID: "ch_1"}, Field: "refunded", To: p("true")}}}
	tests := []struct {
		name string
		in   plan.Input
		kind rightful.ErrorKind
		says string
	}{
		{"incomplete", plan.Input{Findings: everything(), Incomplete: []string{"Stripe: it is down"}}, rightful.KindRefused, "it is down"},
		{"refused", plan.Input{Findings: everything(), Refused: "RF902: wrong key"}, rightful.KindRefused, "RF902"},
		{"unknown finding", plan.Input{Findings: everything(), Decisions: []plan.Decision{{Finding: "F99", Choice: "leave"}}}, rightful.KindInvalid, "F99"},
		{"not offered", plan.Input{Findings: everything(), Decisions: []plan.Decision{{Finding: "F1", Choice: "company:99"}}}, rightful.KindInvalid, "offered: company:11, leave"},
		{"twice", plan.Input{Findings: everything(), Decisions: []plan.Decision{{Finding: "F1", Choice: "leave"}, {Finding: "F1", Choice: "company:11"}}}, rightful.KindInvalid, "decided twice"},
		{"contradictory", plan.Input{Findings: []rightful.Finding{asked("F1", "cus_1", one), asked("F2", "cus_2", two)},
			Decisions: []plan.Decision{{Finding: "F1", Choice: "customer:cus_1"}, {Finding: "F2", Choice: "customer:cus_2"}}}, rightful.KindInvalid, "contradicts what was decided for F1"},
		{"security without a reason", plan.Input{Findings: []rightful.Finding{secure}, Decisions: []plan.Decision{{Finding: "F1", Choice: "company:11"}}, Reason: " "}, rightful.KindRefused, "--reason"},
		{"never", plan.Input{Findings: []rightful.Finding{asked("F1", "cus_1", never)}, Decisions: []plan.Decision{{Finding: "F1", Choice: "refund"}}}, rightful.KindInvalid, "offered: leave"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			made, err := plan.Make(tt.in)
			if rightful.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.says) || made != nil {
				t.Errorf("got %v, want %s with %q", err, tt.kind, tt.says)
			}
		})
	}
	secured := mustMake(t, plan.Input{Findings: []rightful.Finding{secure}, Decisions: []plan.Decision{{Finding: "F1", Choice: "company:11"}}, Reason: "ticket 5"})
	if secured.Reason != "ticket 5" || secured.Steps() != 3 {
		t.Errorf("with a reason: %+v", secured)
	}
}

// TestSecurityIsNeverAutomatic, whatever the finding says of itself.
func TestSecurityIsNeverAutomatic(t *testing.T) {
	t.Parallel()
	f := automatic("F1", "cus_A", "11", stamp(rightful.TypeCustomer, "cus_A", "4", "11"))
	f.Security = true
	if made := mustMake(t, plan.Input{Findings: []rightful.Finding{f}}); made.Steps() != 0 || len(made.Questions) != 1 {
		t.Errorf("%+v", made)
	}
}

// TestWritable lists what a plan may and may not write.
func TestWritable(t *testing.T) {
	t.Parallel()
	row := func(field string, to *string) rightful.Proposal {
		return rightful.Proposal{Place: "db", Object: rightful.Ref{Type: rightful.RefSubscriptionRow, ID: "1"}, Field: field, From: p("a"), To: to}
	}
	metadata := func(object, key string, to *string) rightful.Proposal {
		return rightful.Proposal{Place: "stripe", Object: rightful.Ref{Type: object, ID: "x"}, Field: key, From: p("a"), To: to}
	}
	for _, w := range []rightful.Proposal{
		stamp(rightful.TypeCustomer, "cus_1", "", "11"), stamp(rightful.TypePaymentIntent, "pi_1", "4", "11"),
		link("11", "", "cus_1"), link("11", "cus_1", ""), row("company_id", p("11")), row("stripe_customer_id", p("cus_1")), uncache("k", "4"),
		row("status", p("active")), newRow("sub_1", "11"),
	} {
		if err := plan.Writable(w); err != nil {
			t.Errorf("%+v: %v", w, err)
		}
	}
	for _, w := range []rightful.Proposal{
		metadata("customer", "metadata.", p("11")), metadata("customer", "email", p("a@example.com")), metadata("subscription", "status", p("canceled")),
		metadata("subscription", "customer", p("cus_2")), metadata("invoice", "metadata.company_id", p("11")), metadata("customer", "metadata.company_id", nil),
		metadata("customer", "metadata.company_id", p("")), row("status", nil), row("status", p("")), row("company_id", nil), row("row", p("b")), row("id", p("2")), link("", "", "cus_1"), link("11", "cus_1", "cus_1"),
		{Place: "db", Object: rightful.Ref{Type: rightful.RefUser, ID: "7"}, Field: "company_id", To: p("11")},
		{Place: "cache", Object: rightful.Ref{Type: rightful.RefCacheKey, ID: "k"}, Field: "value", From: p("4"), To: p("11")},
		{Place: "disk", Object: rightful.Ref{Type: rightful.RefCompany, ID: "1"}, Field: rightful.FieldLink, To: p("x")},
		uncache("k\xff", "4"),
	} {
		if plan.Writable(w) == nil {
			t.Errorf("this may be written: %+v", w)
		}
	}
}
