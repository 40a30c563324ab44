package view

import (
	"strings"

	"rightful/internal/engine"
	"rightful/internal/plan"
)

// SessionFixed prints what became of one checkout session. The plan of one that was
// applied was shown before.
func (p *Printer) SessionFixed(r *engine.SessionFixReport) {
	switch {
	case r.Declined:
		p.line("nothing was written")
		return
	case r.Applied != nil:
		p.Applied(r.Plan, r.Applied)
	default:
		p.Plan(r.Plan)
	}
	p.heading("session")
	views := []engine.SessionView{r.Before}
	if r.After != nil {
		views = []engine.SessionView{*r.After}
	}
	p.sessionTable(views)
	for _, v := range views {
		if v.Mismatched {
			p.sessionFindings(v)
		}
	}
	for _, n := range r.Notes {
		p.line("  note: %s", clean(n))
	}
	if r.Applied != nil && r.After == nil {
		p.line("  %s: the session could not be read again", p.paint(red, "NOT VERIFIED"))
	}
	p.forGood(r.Plan)
}

// forGood names what cannot be taken back by any statement.
func (p *Printer) forGood(pl *plan.Plan) {
	for _, u := range pl.Units {
		for _, s := range u.Steps {
			if s.Reverse == nil && strings.Contains(s.Why, "cannot be taken back") {
				p.line("  note: the row of %s cannot be taken back by rightful", clean(s.Object.ID))
			}
		}
	}
}
