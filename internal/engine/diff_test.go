package engine_test

import (
	"strings"
	"testing"

	"rightful"
	"rightful/internal/accept"
	"rightful/internal/engine"
)

func report(findings ...rightful.Finding) *engine.AuditReport {
	return &engine.AuditReport{Complete: true, Account: "acct_1", Now: 1, Findings: findings}
}

func ptr(s string) *string { return &s }

// TestDiff changes one finding between two audits.
func TestDiff(t *testing.T) {
	t.Parallel()
	base := about("subscription", "sub_1", 100, "eur")
	base.Code, base.Severity, base.WrongValue, base.RightfulCompanyID = "RF103", rightful.SeverityWarning, ptr("4"), ptr("11")
	tests := map[string]struct {
		change func(*rightful.Finding)
		field  string
		worse  bool
	}{
		"same":             {func(*rightful.Finding) {}, "", false},
		"words":            {func(f *rightful.Finding) { f.Message, f.Why = "a", "b" }, "", false},
		"severity up":      {func(f *rightful.Finding) { f.Severity = rightful.SeverityError }, "severity", true},
		"severity down":    {func(f *rightful.Finding) { f.Severity = rightful.SeverityInfo }, "severity", false},
		"security":         {func(f *rightful.Finding) { f.Security = true }, "security", true},
		"rightful company": {func(f *rightful.Finding) { f.RightfulCompanyID = nil }, "rightful_company_id", true},
		"wrong value":      {func(f *rightful.Finding) { f.WrongValue = ptr("5") }, "wrong_value", true},
		"automatic":        {func(f *rightful.Finding) { f.Automatic = true }, "automatic", false},
		"amount":           {func(f *rightful.Finding) { f.Amount = nil }, "amount", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := base
			tt.change(&now)
			d, err := engine.Diff(report(base), report(now))
			if err != nil {
				t.Fatal(err)
			}
			if len(d.New)+len(d.Gone) != 0 || (d.Unchanged == 1) != (tt.field == "") || (d.Worse == 1) != tt.worse {
				t.Fatalf("got %+v", d)
			}
			if tt.field != "" && (len(d.Changed) != 1 || d.Changed[0].Changes[0].Field != tt.field || d.Changed[0].Worse != tt.worse) {
				t.Errorf("got %+v", d.Changed)
			}
		})
	}
}

// TestDiffTellsGoneFromSilencedAndUnseen.
func TestDiffTellsGoneFromSilencedAndUnseen(t *testing.T) {
	t.Parallel()
	f := about("customer", "cus_1", 1, "eur")
	f.Code = "RF103"
	accepted, off, partly := report(), report(), report()
	accepted.Accepted = []accept.Accepted{{Finding: f, Reason: "known", Until: "never"}}
	off.Off = map[rightful.Code]int{"RF103": 1}
	partly.Complete, partly.IncompleteBecause = false, []string{"a list"}
	for name, tt := range map[string]struct {
		after                   *engine.AuditReport
		gone, silenced, notSeen int
	}{
		"gone": {report(), 1, 0, 0}, "accepted": {accepted, 0, 1, 0}, "off": {off, 0, 1, 0}, "incomplete": {partly, 0, 0, 1},
	} {
		d, err := engine.Diff(report(f), tt.after)
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Gone) != tt.gone || len(d.Silenced) != tt.silenced || len(d.NotSeen) != tt.notSeen || d.Worse != 0 {
			t.Errorf("%s: got %+v", name, d)
		}
	}
	back, err := engine.Diff(accepted, report(f))
	if err != nil || len(back.New) != 1 || back.Worse != 1 {
		t.Errorf("no longer accepted: got %+v, %v", back, err)
	}
}

// TestDiffRefuses audits that say nothing about each other.
func TestDiffRefuses(t *testing.T) {
	t.Parallel()
	for says, change := range map[string]func(before, after *engine.AuditReport){
		"was refused":              func(_, a *engine.AuditReport) { a.Refused = &engine.Refusal{} },
		"did not read everything":  func(b, _ *engine.AuditReport) { b.Complete = false },
		"acct_1 in test mode, and": func(_, a *engine.AuditReport) { a.Livemode = true },
		"acct_2":                   func(b, _ *engine.AuditReport) { b.Account = "acct_2" },
		`company "11"`:             func(_, a *engine.AuditReport) { a.Scope.Company = "11" },
		"only RF1":                 func(b, _ *engine.AuditReport) { b.Scope.Only = []string{"RF1"} },
	} {
		before, after := report(), report()
		change(before, after)
		_, err := engine.Diff(before, after)
		if rightful.KindOf(err) != rightful.KindRefused || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v", says, err)
		}
	}
}
