package view

import (
	"strings"

	"rightful"
	"rightful/internal/engine"
)

// Moved prints what became of a move. The plan of one that was applied was shown
// before. on are the flags with which the next command works on the same.
func (p *Printer) Moved(r *engine.MoveReport, on string) {
	switch {
	case r.Declined:
		p.line("nothing was written")
		return
	case r.Applied != nil:
		p.Applied(r.Plan, r.Applied)
	default:
		p.Plan(r.Plan)
	}
	if r.Plan.Steps() == 0 {
		p.heading(clean(r.Subscription) + " is company " + clean(r.To) + "'s already")
	} else {
		p.heading(clean(r.Subscription) + ": " + list(r.From) + " -> company " + clean(r.To))
	}
	for _, n := range r.Notes {
		p.line("  note: %s", clean(n))
	}
	if r.Applied == nil {
		return
	}
	ids, back := unsettled(r.Applied.Verified)
	if back {
		p.line("  %s: the voices still name another company so clearly that the next rightful fix would take it back, unless that is accepted", p.paint(red, "NOT SETTLED"))
	}
	if len(ids) > 0 {
		p.line("  what the voices still say against it can be recorded as known:")
		p.line("    rightful accept %s --reason TEXT%s", clean(strings.Join(ids, " ")), clean(on))
	}
}

// unsettled names the errors and warnings that a decision left or brought. back tells
// that one of them would be repaired without asking.
func unsettled(v engine.Verification) (ids []string, back bool) {
	ids = append([]string{}, v.Disputed...)
	for _, f := range v.New {
		if f.Severity != rightful.SeverityInfo {
			ids, back = append(ids, f.ID), back || f.Automatic
		}
	}
	return ids, back
}
