package engine

import (
	"fmt"
	"slices"
	"strings"

	"rightful"
	"rightful/internal/accept"
)

// Difference is what happened between two audits of the same thing.
type Difference struct {
	Account           string             `json:"account"`
	Livemode          bool               `json:"livemode"`
	Scope             Scope              `json:"scope"`
	OldNow            int64              `json:"old_now"`
	NewNow            int64              `json:"new_now"`
	Complete          bool               `json:"complete"` // the new audit was: what it does not report is gone
	IncompleteBecause []string           `json:"incomplete_because"`
	Notes             []string           `json:"notes"`
	New               []rightful.Finding `json:"new"`
	Gone              []rightful.Finding `json:"gone"`
	NotSeen           []rightful.Finding `json:"not_seen"` // not reported by an audit that did not read everything
	Changed           []Change           `json:"changed"`
	Silenced          []Silenced         `json:"silenced"`
	Unchanged         int                `json:"unchanged"`
	Worse             int                `json:"worse"` // errors and warnings that are new or worse
}

// Change is a finding that both audits report differently, as it is now.
type Change struct {
	rightful.Finding
	Changes []FieldChange `json:"changes"`
	Worse   bool          `json:"worse"` // more than it was, or about another company
}

// FieldChange is one thing that changed, in words.
type FieldChange struct {
	Field string `json:"field"`
	From  string `json:"from"`
	To    string `json:"to"`
}

// Silenced is a finding of the old audit that is no less true, but not reported.
type Silenced struct {
	rightful.Finding
	Because string `json:"because"`
}

// Diff compares two audits. It refuses those that say nothing about each other.
func Diff(before, after *AuditReport) (*Difference, error) {
	if err := comparable(before, after); err != nil {
		return nil, err
	}
	d := &Difference{
		Account: after.Whose(), Livemode: after.Livemode, Scope: after.Scope, OldNow: before.Now, NewNow: after.Now,
		Complete: after.Complete, IncompleteBecause: append([]string{}, after.IncompleteBecause...), Notes: []string{},
		New: []rightful.Finding{}, Gone: []rightful.Finding{}, NotSeen: []rightful.Finding{}, Changed: []Change{}, Silenced: []Silenced{},
	}
	if after.Now < before.Now {
		d.Notes = append(d.Notes, "the second audit is older than the first: new and gone may be the wrong way round")
	}
	was := byID(before.Findings)
	for _, f := range after.Findings {
		old, known := was[f.ID]
		if !known {
			d.New = append(d.New, f)
			d.count(f)
			continue
		}
		c := compare(old, f)
		if len(c.Changes) == 0 {
			d.Unchanged++
			continue
		}
		d.Changed = append(d.Changed, c)
		if c.Worse {
			d.count(f)
		}
	}
	d.leave(before, after)
	return d, nil
}

// count counts a finding that is new or worse.
func (d *Difference) count(f rightful.Finding) {
	if f.Severity != rightful.SeverityInfo {
		d.Worse++
	}
}

// leave sorts the findings that the new audit does not report.
func (d *Difference) leave(before, after *AuditReport) {
	is := byID(after.Findings)
	for _, f := range before.Findings {
		if _, still := is[f.ID]; still {
			continue
		}
		i := slices.IndexFunc(after.Accepted, func(a accept.Accepted) bool { return a.ID == f.ID })
		switch {
		case i >= 0:
			a := after.Accepted[i]
			d.Silenced = append(d.Silenced, Silenced{f, fmt.Sprintf("accepted until %s: %s", a.Until, a.Reason)})
		case after.Off[f.Code] > 0:
			d.Silenced = append(d.Silenced, Silenced{f, "its code is off now"})
		case !after.Complete:
			d.NotSeen = append(d.NotSeen, f)
		default:
			d.Gone = append(d.Gone, f)
		}
	}
}

// comparable refuses audits that say nothing about each other.
func comparable(before, after *AuditReport) error {
	refuse := func(message, hint string) error {
		return &rightful.Error{Kind: rightful.KindRefused, Message: message, Hint: hint}
	}
	whole := func(s Scope) string {
		if s.Whole() {
			return "everything"
		}
		return strings.TrimSpace(fmt.Sprintf("company %q, since %d, only %s", s.Company, s.Since, strings.Join(s.Only, " ")))
	}
	switch {
	case before.Refused != nil || after.Refused != nil:
		return refuse("one of the audits was refused and concluded nothing", "compare two audits that ran")
	case !before.Complete:
		return refuse("the first audit did not read everything: what looks new may have been there before", "compare with a complete audit")
	case before.Whose() != after.Whose() || before.Livemode != after.Livemode:
		return refuse(fmt.Sprintf("the audits are of different accounts or modes: %s, and %s", accountOf(before), accountOf(after)), "compare two audits of one account in one mode")
	case before.Scope.Company != after.Scope.Company || before.Scope.Since != after.Scope.Since || !slices.Equal(before.Scope.Only, after.Scope.Only):
		return refuse(fmt.Sprintf("the audits looked at different things: %s, and %s", whole(before.Scope), whole(after.Scope)), "compare two audits with the same --company, --since and --only")
	}
	return nil
}

func accountOf(r *AuditReport) string {
	if r.Livemode {
		return r.Whose() + " in live mode"
	}
	return r.Whose() + " in test mode"
}

func byID(findings []rightful.Finding) map[string]rightful.Finding {
	out := make(map[string]rightful.Finding, len(findings))
	for _, f := range findings {
		out[f.ID] = f
	}
	return out
}

// compare says what changed about a finding. It is worse when an acceptance of
// the old one would not cover it.
func compare(was, is rightful.Finding) Change {
	c := Change{Finding: is, Changes: []FieldChange{}}
	note := func(field, from, to string) {
		if from != to {
			c.Changes = append(c.Changes, FieldChange{field, from, to})
		}
	}
	yes := func(b bool) string {
		if b {
			return "yes"
		}
		return "no"
	}
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	money := func(a *rightful.Amount) string {
		if a == nil {
			return ""
		}
		return fmt.Sprintf("%d %s", a.MonthlyMinor, a.Currency)
	}
	note("severity", string(was.Severity), string(is.Severity))
	note("security", yes(was.Security), yes(is.Security))
	note("wrong_value", text(was.WrongValue), text(is.WrongValue))
	note("rightful_company_id", text(was.RightfulCompanyID), text(is.RightfulCompanyID))
	note("automatic", yes(was.Automatic), yes(is.Automatic))
	note("amount", money(was.Amount), money(is.Amount))
	c.Worse = len(c.Changes) > 0 && len(accept.EntryOf(was).Grown(is)) > 0
	return c
}
