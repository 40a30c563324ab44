package accept_test

import (
	"strings"
	"testing"

	"rightful"
	"rightful/internal/accept"
)

const day = 24 * 60 * 60

// now is 2026-01-31, in the middle of the day.
const now = 1769860800

func ptr(s string) *string { return &s }

func finding() rightful.Finding {
	return rightful.Finding{
		ID: "RF103-0123456789", Code: "RF103", Account: "acct_1", Livemode: true, Severity: rightful.SeverityWarning,
		Object: rightful.Ref{Type: "customer", ID: "cus_1"}, WrongValue: ptr("4"), RightfulCompanyID: ptr("11"), Message: "It is so.",
	}
}

func accepted(f rightful.Finding) accept.Entry {
	e := accept.EntryOf(f)
	e.Reason, e.By, e.At, e.Until = "known since the move", "dora@example.com", "2026-01-01", "2026-01-31"
	return e
}

// TestHoldsWhileTheSameOrLess changes a finding after it was accepted.
func TestHoldsWhileTheSameOrLess(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*rightful.Finding)
		now    int64
		says   string // empty: it still holds
	}{
		"the same":                   {func(*rightful.Finding) {}, now, ""},
		"less":                       {func(f *rightful.Finding) { f.Severity = rightful.SeverityInfo }, now, ""},
		"the last minute of the day": {func(*rightful.Finding) {}, now + 12*60*60 - 60, ""},
		"the day after":              {func(*rightful.Finding) {}, now + day, "ended on 2026-01-31"},
		"severity":                   {func(f *rightful.Finding) { f.Severity = rightful.SeverityError }, now, "rose from warning to error"},
		"security":                   {func(f *rightful.Finding) { f.Security = true }, now, "became a security matter"},
		"wrong value":                {func(f *rightful.Finding) { f.WrongValue = ptr("5") }, now, "the wrong value was 4 and is 5"},
		"no wrong value":             {func(f *rightful.Finding) { f.WrongValue = nil }, now, "was 4 and is not known"},
		"company":                    {func(f *rightful.Finding) { f.RightfulCompanyID = ptr("12") }, now, "was 11 and is 12"},
		"no company":                 {func(f *rightful.Finding) { f.RightfulCompanyID = nil }, now, "was 11 and is not known"},
		"another object":             {func(f *rightful.Finding) { f.Object.ID = "cus_2" }, now, "the entry describes RF103 on customer cus_1"},
		"money and words":            {func(f *rightful.Finding) { f.Amount, f.Why = &rightful.Amount{MonthlyMinor: 1}, "x" }, now, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := finding()
			list := accept.List{accepted(f)}
			tt.change(&f)
			open, known := list.Apply([]rightful.Finding{f}, tt.now)
			if held := len(known) == 1 && len(open) == 0; held != (tt.says == "") {
				t.Fatalf("open %+v, accepted %+v", open, known)
			}
			if tt.says == "" {
				if known[0].Reason != "known since the move" || known[0].Until != "2026-01-31" {
					t.Errorf("got %+v", known[0])
				}
				return
			}
			if m := open[0].Message; !strings.HasPrefix(m, "It is so. Reported again: ") || !strings.Contains(m, tt.says) || !strings.Contains(m, "known since the move") {
				t.Errorf("message %q", m)
			}
		})
	}
}

func TestNeverExpires(t *testing.T) {
	t.Parallel()
	e := accepted(finding())
	e.Until = accept.Never
	if e.Expired(now + 100*365*day) {
		t.Error("never came")
	}
}

// TestStaleIsForOneAccount: what another audit would find is left alone.
func TestStaleIsForOneAccount(t *testing.T) {
	t.Parallel()
	e := accepted(finding())
	list := accept.List{e}
	for _, tt := range []struct {
		account string
		live    bool
		present map[string]bool
		stale   int
	}{
		{"acct_1", true, nil, 1},
		{"acct_1", true, map[string]bool{e.Finding: true}, 0},
		{"acct_1", false, nil, 0},
		{"acct_2", true, nil, 0},
	} {
		if got := list.Stale(tt.account, tt.live, tt.present); len(got) != tt.stale {
			t.Errorf("%+v: %d are stale", tt, len(got))
		}
	}
}
