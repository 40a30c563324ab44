package view

import (
	"rightful"
	"rightful/internal/accept"
)

// Acceptance is what the accept command did.
type Acceptance struct {
	File     string             `json:"file"`
	Accepted []accept.Entry     `json:"accepted"`
	Known    int                `json:"known"`    // had an entry that still holds, and keep it
	LeftOut  []rightful.Finding `json:"left_out"` // security matters that a baseline does not accept unasked
	Pruned   []accept.Entry     `json:"pruned"`
	Entries  int                `json:"entries"` // that the file has now
}

// Acceptance prints for people what the accept command did.
func (p *Printer) Acceptance(a *Acceptance) {
	security := 0
	var rows [][]string
	for _, e := range a.Accepted {
		mark := ""
		if e.Security {
			security++
			mark = p.paint(red, "SECURITY")
		}
		rows = append(rows, []string{p.severity(e.Severity), clean(e.Finding), clean(e.Object.Type), clean(e.Object.ID), "until " + clean(e.Until), mark})
	}
	p.line("accepted %s in %s", count(len(a.Accepted), "finding", "findings"), clean(a.File))
	p.entries(rows)
	if security > 0 {
		p.line("  %s: %s", p.paint(red, "SECURITY"), count(security, "of them is a security matter", "of them are security matters"))
	}
	if a.Known > 0 {
		p.line("  %s accepted before, and left as they are", count(a.Known, "finding was", "findings were"))
	}
	if n := len(a.LeftOut); n > 0 {
		p.line("  left out: %s; look at each, or accept them too with --security", count(n, "security finding", "security findings"))
		for _, f := range a.LeftOut[:min(n, mostNamed)] {
			p.line("    %s %s %s", clean(f.ID), clean(f.Object.Type), clean(f.Object.ID))
		}
	}
	if len(a.Accepted) > 0 {
		p.line("  next: review and commit %s", clean(a.File))
	}
}

// Pruned prints for people which entries were removed.
func (p *Printer) Pruned(a *Acceptance) {
	p.line("removed %s from %s", count(len(a.Pruned), "entry that is no longer needed", "entries that are no longer needed"), clean(a.File))
	var rows [][]string
	for _, e := range a.Pruned {
		rows = append(rows, []string{p.severity(e.Severity), clean(e.Finding), clean(e.Object.Type), clean(e.Object.ID), clean(e.Reason)})
	}
	p.entries(rows)
	p.line("  %s", count(a.Entries, "entry is left", "entries are left"))
}

// mostEntries is how many entries are listed; the file has them all.
const mostEntries = 20

func (p *Printer) entries(rows [][]string) {
	if len(rows) == 0 {
		return
	}
	p.grid("  ", p.newTable().Rows(rows[:min(len(rows), mostEntries)]...))
	if more := len(rows) - mostEntries; more > 0 {
		p.line("  ... and %d more", more)
	}
}
