package plan_test

import (
	"slices"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/plan"
)

// TestWhatCannotBeWrittenIsAsked: where a place is only read, an automatic write
// becomes a question that says what is missing, its choices are not offered, and
// the other writes stay.
func TestWhatCannotBeWrittenIsAsked(t *testing.T) {
	t.Parallel()
	company, customer := "11", "cus_A"
	link := rightful.Proposal{Place: rightful.PlaceDB, Object: rightful.Ref{Type: rightful.RefCompany, ID: company}, Field: rightful.FieldLink, To: &customer}
	stamp := rightful.Proposal{Place: rightful.PlaceStripe, Object: rightful.Ref{Type: "customer", ID: customer}, Field: rightful.FieldStampPrefix + "company_id", To: &company}
	choice := []rightful.Choice{{Name: "customer:cus_A", Writes: []rightful.Proposal{link}}, {Name: "company:11", Writes: []rightful.Proposal{stamp}}}
	findings := []rightful.Finding{
		{ID: "F1", Family: customer, Severity: rightful.SeverityWarning, Object: link.Object, Proposal: &link, Automatic: true, Why: "it is plain", Choices: choice, RightfulCompanyID: &company},
		{ID: "F2", Family: customer, Object: stamp.Object, Proposal: &stamp, Automatic: true, RightfulCompanyID: &company},
		{ID: "F3", Family: "cus_B", Object: link.Object, Severity: rightful.SeverityError, Choices: choice},
	}
	in := plan.Input{Findings: findings, Lacks: func(p rightful.Proposal) string {
		if p.Place == rightful.PlaceDB {
			return "directory.write.company_customer"
		}
		return ""
	}}
	whole := mustMake(t, plan.Input{Findings: findings})
	if whole.Steps() != 2 || len(whole.Questions) != 1 {
		t.Fatalf("with everything: %+v", whole)
	}
	made := mustMake(t, in)
	if made.Steps() != 1 || made.Units[0].Steps[0].Place != rightful.PlaceStripe {
		t.Errorf("steps: %+v", made.Units)
	}
	for _, q := range made.Questions {
		if !slices.Equal(q.Choices, []string{"company:11", plan.Leave}) || !strings.Contains(q.Why, "directory.write.company_customer is not set") {
			t.Errorf("%s: choices %v, why %q", q.Finding, q.Choices, q.Why)
		}
	}
	if len(made.Questions) != 2 || !strings.HasPrefix(made.Questions[1].Why, "it is plain; ") {
		t.Errorf("questions: %+v", made.Questions)
	}

	in.Decisions = []plan.Decision{{Finding: "F3", Choice: "customer:cus_A"}}
	_, err := plan.Make(in)
	if rightful.KindOf(err) != rightful.KindRefused || !strings.Contains(err.Error(), "directory.write.company_customer is not set") || !strings.Contains(err.Error(), "company:11, leave") {
		t.Errorf("decided all the same: %v", err)
	}
	stale, err := whole.Stale(in)
	if err != nil || len(stale) != 1 {
		t.Errorf("steps that would not be planned any more: %+v, %v", stale, err)
	}
}
