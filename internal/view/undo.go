package view

import (
	"rightful"
	"rightful/internal/engine"
	"rightful/internal/plan"
)

// UndoPlan prints what taking a run back would write.
func (p *Printer) UndoPlan(u engine.UndoPlan) {
	r := u.Undoes
	p.line("%s · %s", p.paint(strong, "undo of "+clean(r.ID)), account(r.Account, r.Livemode))
	p.line("%s in %s; begun %s (UTC) by %s", count(u.Steps(), "write", "writes"), count(len(u.Units), "family", "families"), moment(r.StartedAt), clean(r.Actor))
	p.heading("would be taken back")
	var rows [][]string
	for _, unit := range u.Units {
		for _, s := range unit.Steps {
			rows = append(rows, []string{clean(s.Object.Type), clean(s.Object.ID), clean(s.Field), value(s, s.From) + " -> " + value(s, s.To)})
		}
	}
	p.indented(rows)
	p.stays(u)
}

// stays says what cannot be taken back.
func (p *Printer) stays(u engine.UndoPlan) {
	if len(u.Stay) == 0 {
		return
	}
	p.heading("stays as it is")
	var rows [][]string
	for _, s := range u.Stay {
		why := "deleted: the app fills it again"
		if s.Place != rightful.PlaceCache {
			why = "added, and the config maps no statement that takes it away"
		}
		rows = append(rows, []string{clean(s.Object.Type), clean(s.Object.ID), why})
	}
	p.indented(rows)
}

// Undone prints what became of an undo.
func (p *Printer) Undone(r *engine.UndoReport) {
	switch {
	case r.Declined:
		p.line("nothing was written")
		return
	case r.Result == nil:
		p.line("%s wrote nothing that could be taken back", clean(r.Undoes.ID))
		p.stays(r.UndoPlan)
		return
	}
	steps := map[string]plan.Step{}
	for _, u := range r.Units {
		for _, s := range u.Steps {
			steps[s.ID] = s
		}
	}
	p.heading("taken back")
	p.outcomes(steps, r.Result)
	p.ended(r.Result)
	p.overwritten(r.Overwritten)
	p.line("  recorded as %s", clean(r.Result.Run))
	if !r.Result.Whole() {
		p.line("  not everything was taken back; to go on: rightful undo --continue %s", clean(r.Result.Run))
	}
	if r.Saved != "" {
		p.Saved(r.Saved, true)
	}
}
