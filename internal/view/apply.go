package view

import (
	"slices"

	"rightful"
	"rightful/internal/apply"
	"rightful/internal/engine"
	"rightful/internal/journal"
	"rightful/internal/plan"
)

// Applied prints what became of a plan, and whether it did what it should.
func (p *Printer) Applied(pl *plan.Plan, r *engine.ApplyReport) {
	p.heading("applied")
	steps := map[string]plan.Step{}
	for _, u := range pl.Units {
		for _, s := range u.Steps {
			steps[s.ID] = s
		}
	}
	p.outcomes(steps, r.Result)
	p.ended(r.Result)
	p.recorded(r.Run, slices.ContainsFunc(r.Result.Outcomes, func(o apply.Outcome) bool { return steps[o.Step].Reverse != nil }))
	p.heading("judged again")
	v := r.Verified
	switch {
	case v.Failed != "":
		p.line("  %s: %s", p.paint(red, "NOT VERIFIED"), clean(v.Failed))
		return
	case len(v.Remain) > 0:
		p.line("  %s: still found: %s", p.paint(red, "NOT REPAIRED"), list(v.Remain))
	}
	p.overwritten(v.Overwritten)
	if len(v.Disputed) > 0 {
		p.line("  %s: decided, and the voices still say otherwise: %s", p.paint(yellow, "DISPUTED"), list(v.Disputed))
	}
	p.line("  %s gone", count(len(v.Gone), "finding is", "findings are"))
	if len(v.New) == 0 {
		p.line("  no new finding")
	} else {
		p.line("  %s:", p.paint(red, count(len(v.New), "new finding", "new findings")))
		p.findings(v.New)
	}
	p.line("  left: %s, %s", count(v.Errors, "error", "errors"), count(v.Warnings, "warning", "warnings"))
}

// outcomes prints what became of steps.
func (p *Printer) outcomes(steps map[string]plan.Step, r *apply.Result) {
	var rows [][]string
	for _, o := range r.Outcomes {
		s := steps[o.Step]
		rows = append(rows, []string{p.state(o.State), s.Object.Type, clean(s.Object.ID), clean(s.Field) + " -> " + target(s), clean(o.Why)})
	}
	if len(rows) > 0 {
		p.indented(rows)
	}
}

// ended says why a run did not come to its end.
func (p *Printer) ended(r *apply.Result) {
	switch {
	case r.Stopped != "":
		p.line("  %s: nothing more was written, because the journal could not record it: %s", p.paint(red, "STOPPED"), clean(r.Stopped))
	case r.Interrupted:
		p.line("  %s: the step in hand was finished, the others were not begun", p.paint(red, "INTERRUPTED"))
	}
}

// recorded says where a run stands in the journal, and what can be done with it.
func (p *Printer) recorded(r journal.Summary, reversible bool) {
	switch {
	case r.ID == "":
		return
	case r.Status == journal.StatusFinished && !reversible:
		p.line("  recorded as %s", clean(r.ID))
	case r.Status == journal.StatusFinished:
		p.line("  recorded as %s; to take it back: rightful undo %s", clean(r.ID), clean(r.ID))
	default:
		p.line("  recorded as %s, %s; to go on: rightful apply --continue %s; to take it back: rightful undo %s",
			clean(r.ID), p.status(r.Status), clean(r.ID), clean(r.ID))
	}
}

// overwritten names values of others that were replaced.
func (p *Printer) overwritten(all []engine.Overwritten) {
	for _, o := range all {
		p.line("  %s: %s %s, %s: somebody else had written %s a moment before; it was replaced by %s (%s)", p.paint(red, "OVERWRITTEN"),
			clean(o.Object.Type), clean(o.Object.ID), clean(o.Field), orPtr(o.Replaced, "nothing"), orPtr(o.Wrote, "nothing"), clean(o.Event))
	}
}

func target(s plan.Step) string { return value(s, s.To) }

// value is what stands, or will stand, in the place of a step.
func value(s plan.Step, v *string) string {
	if v == nil {
		return "nothing"
	}
	if row, err := rightful.ParseRowValues(*v); err == nil && s.Field == rightful.FieldRow {
		return "company " + or(row.CompanyID) + ", " + or(row.StripeCustomerID) + ", " + or(row.Status)
	}
	return clean(*v)
}

func (p *Printer) state(s apply.State) string {
	switch s {
	case apply.StateDone, apply.StateAlready:
		return p.paint(green, string(s))
	case apply.StatePutBack:
		return p.paint(yellow, "put back")
	case apply.StateConflict, apply.StateFailed, apply.StateUncertain:
		return p.paint(red, string(s))
	}
	return p.paint(yellow, string(s))
}

// Saved says where a world went.
func (p *Printer) Saved(path string, written bool) {
	switch {
	case path != "" && written:
		p.line("saved: %s", clean(path))
	case path != "":
		p.line("saved, unchanged: %s", clean(path))
	case written:
		p.line("no file was changed: the world was repaired in memory only. --save FILE keeps it")
	}
}

// Next names the command to run next.
func (p *Printer) Next(command string) {
	p.heading("next")
	p.line("  %s", clean(command))
}

// Say prints one line.
func (p *Printer) Say(text string) { p.line("%s", clean(text)) }
