// Package accept keeps the findings that people know and have decided to live
// with: a reviewable file of entries, and which findings they cover. An
// acceptance is for what was seen when it was given. When the finding becomes
// more than that, or the time is over, it is reported again.
package accept

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"rightful"
)

// Never is the Until of an entry that does not expire.
const Never = "never"

// Entry is one accepted finding, as it was when it was accepted.
type Entry struct {
	Finding         string            `json:"finding" yaml:"finding"`
	Code            rightful.Code     `json:"code" yaml:"code"`
	Object          rightful.Ref      `json:"object" yaml:"object,flow"`
	Account         string            `json:"account" yaml:"account"`
	Livemode        bool              `json:"livemode" yaml:"livemode"`
	Severity        rightful.Severity `json:"severity" yaml:"severity"`
	Security        bool              `json:"security" yaml:"security"`
	WrongValue      *string           `json:"wrong_value" yaml:"wrong_value"`
	RightfulCompany *string           `json:"rightful_company" yaml:"rightful_company"`
	Reason          string            `json:"reason" yaml:"reason"`
	By              string            `json:"by" yaml:"by"`
	At              string            `json:"at" yaml:"at"`       // the day it was accepted, 2026-01-31
	Until           string            `json:"until" yaml:"until"` // the last day it holds, or never
}

// EntryOf returns an entry for a finding, without reason, name and days.
func EntryOf(f rightful.Finding) Entry {
	return Entry{
		Finding: f.ID, Code: f.Code, Object: f.Object, Account: f.Account, Livemode: f.Livemode,
		Severity: f.Severity, Security: f.Security, WrongValue: f.WrongValue, RightfulCompany: f.RightfulCompanyID,
	}
}

// Accepted is a finding that an entry covers.
type Accepted struct {
	rightful.Finding
	Reason string `json:"reason"`
	By     string `json:"by"`
	At     string `json:"at"`
	Until  string `json:"until"`
}

// Day returns the day of a time in Unix seconds, in UTC, as entries write it.
func Day(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.DateOnly) }

// Expired reports whether the entry no longer holds at a time.
func (e Entry) Expired(now int64) bool {
	return e.Until != Never && Day(now) > e.Until // days in this form compare as text
}

// Grown says in words how a finding is more than, or other than, what was
// accepted. It returns nothing while the finding is the same or less.
func (e Entry) Grown(f rightful.Finding) []string {
	var why []string
	if e.Code != f.Code || e.Object != f.Object || e.Account != f.Account || e.Livemode != f.Livemode {
		why = append(why, fmt.Sprintf("the entry describes %s on %s %s", e.Code, e.Object.Type, e.Object.ID))
	}
	if rank(f.Severity) > rank(e.Severity) {
		why = append(why, fmt.Sprintf("its severity rose from %s to %s", e.Severity, f.Severity))
	}
	if f.Security && !e.Security {
		why = append(why, "it became a security matter")
	}
	if !same(e.WrongValue, f.WrongValue) {
		why = append(why, fmt.Sprintf("the wrong value was %s and is %s", word(e.WrongValue), word(f.WrongValue)))
	}
	if !same(e.RightfulCompany, f.RightfulCompanyID) {
		why = append(why, fmt.Sprintf("the rightful company was %s and is %s", word(e.RightfulCompany), word(f.RightfulCompanyID)))
	}
	return why
}

func rank(s rightful.Severity) int {
	return slices.Index([]rightful.Severity{rightful.SeverityInfo, rightful.SeverityWarning, rightful.SeverityError}, s)
}

func same(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b || rightful.SameID(*a, *b)
}

func word(s *string) string {
	switch {
	case s == nil:
		return "not known"
	case *s == "":
		return "empty"
	}
	return *s
}

// Holds reports whether the entry covers its finding at a time.
func (e Entry) Holds(f rightful.Finding, now int64) bool { return e.again(f, now) == "" }

// List is the entries of one file, at most one for each finding.
type List []Entry

// ByFinding returns the entries by the id of their finding.
func (l List) ByFinding() map[string]Entry {
	out := make(map[string]Entry, len(l))
	for _, e := range l {
		out[e.Finding] = e
	}
	return out
}

// Apply parts findings into those that are reported and those that are
// accepted, both in the order given. One that is reported although it has an
// entry says why in its message.
func (l List) Apply(findings []rightful.Finding, now int64) (open []rightful.Finding, accepted []Accepted) {
	byID := l.ByFinding()
	for _, f := range findings {
		e, known := byID[f.ID]
		if !known {
			open = append(open, f)
			continue
		}
		if again := e.again(f, now); again != "" {
			f.Message = strings.TrimSpace(f.Message + " " + again)
			open = append(open, f)
			continue
		}
		accepted = append(accepted, Accepted{Finding: f, Reason: e.Reason, By: e.By, At: e.At, Until: e.Until})
	}
	return open, accepted
}

// reportedAgain begins the note in a finding that an entry does not cover.
const reportedAgain = "Reported again: "

// Note returns the part of a finding's message that says why it is reported
// although it was accepted, empty when it never was.
func Note(f rightful.Finding) string {
	if i := strings.LastIndex(f.Message, reportedAgain); i >= 0 {
		return f.Message[i:]
	}
	return ""
}

// again says why an entry does not cover its finding, empty when it does.
func (e Entry) again(f rightful.Finding, now int64) string {
	why := e.Grown(f)
	if e.Expired(now) {
		why = append(why, "the acceptance ended on "+e.Until)
	}
	if len(why) == 0 {
		return ""
	}
	return fmt.Sprintf(reportedAgain+"it was accepted on %s (%s), but %s.", e.At, e.Reason, strings.Join(why, ", and "))
}

// Stale returns the entries of an account whose findings a complete audit of all
// of it did not find. present are the ids of all that is true, reported or not.
func (l List) Stale(account string, livemode bool, present map[string]bool) []Entry {
	var stale []Entry
	for _, e := range l {
		if e.Account == account && e.Livemode == livemode && !present[e.Finding] {
			stale = append(stale, e)
		}
	}
	return stale
}

// With returns the list with the entries added. An entry for a finding that has
// one takes its place.
func (l List) With(entries ...Entry) List {
	out := slices.Clone(l)
	at := make(map[string]int, len(out))
	for i, e := range out {
		at[e.Finding] = i
	}
	for _, e := range entries {
		if i, known := at[e.Finding]; known {
			out[i] = e
			continue
		}
		at[e.Finding] = len(out)
		out = append(out, e)
	}
	return out
}

// Without returns the list without entries for the same findings.
func (l List) Without(entries []Entry) List {
	gone := List(entries).ByFinding()
	return slices.DeleteFunc(slices.Clone(l), func(e Entry) bool {
		_, is := gone[e.Finding]
		return is
	})
}

// Sorted returns entries in the order in which they are written: by code, then
// object, so that a review sees what belongs together.
func Sorted(entries []Entry) []Entry {
	out := slices.Clone(entries)
	slices.SortStableFunc(out, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Object.Type, b.Object.Type), cmp.Compare(a.Object.ID, b.Object.ID))
	})
	return out
}
