package view

import (
	"fmt"
	"strings"
	"time"

	"rightful"
	"rightful/internal/engine"
)

// Diff prints for people what happened between two audits.
func (p *Printer) Diff(d *engine.Difference) {
	day := func(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04") }
	p.line("%s", p.paint(strong, fmt.Sprintf("audits of %s, %s and %s UTC", account(d.Account, d.Livemode), day(d.OldNow), day(d.NewNow))))
	for _, n := range d.Notes {
		p.line("  note: %s", clean(n))
	}
	p.diffFindings("new", d.New)
	if len(d.Changed) > 0 {
		p.heading("changed")
		var rows [][]string
		for _, c := range d.Changed {
			worse := ""
			if c.Worse {
				worse = p.paint(red, "WORSE")
			}
			rows = append(rows, append(p.diffRow(c.Finding), worse, changes(c.Changes)))
		}
		p.grid("  ", p.newTable().Rows(rows...))
	}
	p.diffFindings("gone", d.Gone)
	if len(d.Silenced) > 0 {
		p.heading("no longer reported")
		var rows [][]string
		for _, s := range d.Silenced {
			rows = append(rows, append(p.diffRow(s.Finding), clean(s.Because)))
		}
		p.grid("  ", p.newTable().Rows(rows...))
	}
	p.diffFindings("not seen, and not known to be gone", d.NotSeen)
	p.heading("summary")
	p.line("  %d new, %d changed, %d gone, %d unchanged; %s new or worse", len(d.New), len(d.Changed), len(d.Gone), d.Unchanged,
		count(d.Worse, "error or warning is", "errors and warnings are"))
	if !d.Complete {
		p.line("  %s: the second audit did not read everything, so nothing can be called gone", p.paint(red, "INCOMPLETE"))
		for _, b := range d.IncompleteBecause {
			p.line("    %s", clean(b))
		}
	}
}

func (p *Printer) diffFindings(title string, findings []rightful.Finding) {
	if len(findings) == 0 {
		return
	}
	p.heading(title)
	var rows [][]string
	for _, f := range findings {
		rows = append(rows, p.diffRow(f))
	}
	p.grid("  ", p.newTable().Rows(rows...))
}

func (p *Printer) diffRow(f rightful.Finding) []string {
	security := ""
	if f.Security {
		security = p.paint(red, "SECURITY")
	}
	return []string{p.severity(f.Severity), clean(f.ID), clean(f.Object.Type), clean(f.Object.ID), change(f), security}
}

func changes(all []engine.FieldChange) string {
	var parts []string
	for _, c := range all {
		parts = append(parts, fmt.Sprintf("%s: %s -> %s", c.Field, or(c.From), or(c.To)))
	}
	return strings.Join(parts, ", ")
}
