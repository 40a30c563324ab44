package view_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/view"
)

// TestNothingFromOutsideReachesTheTerminalUnshown puts terminal commands into
// every text that comes from databases, Stripe and caches.
func TestNothingFromOutsideReachesTheTerminalUnshown(t *testing.T) {
	t.Parallel()
	const evil = "x\x1b]0;owned\x07\x1b[2J\r\u202e"
	s := evil
	inv := &engine.Investigation{
		Who: evil, Is: evil, Notes: []string{evil}, Account: evil, Next: "rightful audit", IncompleteBecause: []string{evil},
		Users:     []engine.UserView{{ID: evil, Email: evil, Ways: engine.WaysView{Direct: &s, Owner: []string{evil}, Membership: []string{evil}, Unresolved: evil, RunningApp: &s}}},
		Companies: []engine.CompanyView{{ID: evil, Name: evil, MergedInto: evil, Links: []string{evil}}},
		Families: []engine.FamilyView{{Key: evil, CompanyID: &s, Links: []string{evil}, Rows: []engine.RowView{{ID: evil, CompanyID: evil, Status: evil}},
			Objects: []engine.ObjectView{{Type: "customer", ID: evil, Stamp: &s, UserID: &s, Payer: evil, Status: evil, Email: evil}}}},
		Cache: []engine.CacheView{{Key: evil, Value: evil}, {Key: evil, Undecodable: evil}},
		Probe: &engine.ProbeView{Revision: evil, ExpectedRevision: evil},
		Explanations: []rightful.Explanation{
			{Name: rightful.StaleCache, Ruling: rightful.RuledIn, Because: evil, Evidence: []rightful.Signal{{Place: evil, Says: evil, Voice: evil}}},
			{Name: rightful.StaleCache, Ruling: rightful.CannotTell, Because: evil, Todo: evil},
		},
		Findings: []rightful.Finding{{
			Code: rightful.CodeStampOther, Message: evil, Why: evil, Object: rightful.Ref{Type: "customer", ID: evil}, CompanyID: &s, WrongValue: &s,
			Amount: &rightful.Amount{Currency: evil}, Proposal: &rightful.Proposal{Object: rightful.Ref{ID: evil}, Field: evil, To: &s},
		}},
	}
	var out bytes.Buffer
	p := &view.Printer{Out: &out}
	p.Investigation(inv)
	p.Audit(&engine.AuditReport{Account: evil, Findings: inv.Findings, IncompleteBecause: []string{evil}})
	p.Audit(&engine.AuditReport{Refused: &engine.Refusal{Message: evil, Hint: evil}})
	view.Error(&out, errors.New(evil))
	for _, r := range out.String() {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Fatalf("%U reaches the terminal", r)
		}
	}
	if !strings.Contains(out.String(), `x\u001b]0;owned`) {
		t.Error("what was hidden is not shown either")
	}
}

// TestColorIsForTerminals: without it, not one escape sequence.
func TestColorIsForTerminals(t *testing.T) {
	t.Parallel()
	report := &engine.AuditReport{Findings: []rightful.Finding{{Code: rightful.CodeUnstamped, Severity: rightful.SeverityError, Title: "t"}}}
	for _, color := range []bool{false, true} {
		var out bytes.Buffer
		(&view.Printer{Out: &out, Color: color}).Audit(report)
		if got := strings.Contains(out.String(), "\x1b["); got != color {
			t.Errorf("color %v: escape sequences %v", color, got)
		}
	}
}

// TestProgressDrawsNowAndThen: one line, redrawn at most ten times a second,
// with a rate, and gone in the end.
func TestProgressDrawsNowAndThen(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	clock := time.Unix(1_750_000_000, 0)
	p := view.NewProgress(&out, func() time.Time { return clock })
	p.Update("users", 1)
	first := out.Len()
	p.Update("users", 2)
	if out.Len() != first {
		t.Error("drawn twice within a tenth of a second")
	}
	clock = clock.Add(2 * time.Second)
	p.Update("customers", 98)
	if got := out.String()[first:]; !strings.Contains(got, "users 2, customers 98 · 50/s") {
		t.Errorf("drew %q", got)
	}
	p.Done()
	if !strings.HasSuffix(out.String(), "\r\x1b[K") {
		t.Errorf("the line stays: %q", out.String())
	}
}
