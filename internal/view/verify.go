package view

import (
	"strings"

	"rightful/internal/engine"
)

// Verified prints what stands where a run wrote.
func (p *Printer) Verified(r *engine.VerifyReport) {
	p.line("%s · %s · %s", p.paint(strong, clean(r.Run.ID)), p.status(r.Run.Status), account(r.Run.Account, r.Run.Livemode))
	stand := 0
	var rows [][]string
	for _, s := range r.Steps {
		if s.State == engine.CheckStands {
			stand++
			continue
		}
		rows = append(rows, []string{
			p.paint(red, strings.ReplaceAll(string(s.State), "_", " ")), clean(s.Object.Type), clean(s.Object.ID),
			clean(s.Field) + ": wrote " + orPtr(s.Wrote, "nothing") + ", now " + orPtr(s.Found, "nothing"), clean(s.Why),
		})
	}
	p.heading("places")
	p.line("  %d of %s as written", stand, count(len(r.Steps), "place stands", "places stand"))
	if len(rows) > 0 {
		p.indented(rows)
	}
	p.overwritten(r.Overwritten)
	for _, why := range r.Untold {
		p.line("  not told: %s", clean(why))
	}
	p.heading("judged again")
	for _, why := range r.IncompleteBecause {
		p.line("  %s: %s", p.paint(red, "INCOMPLETE"), clean(why))
	}
	if len(r.Findings) == 0 {
		p.line("  nothing is found about what the run touched")
		return
	}
	p.findings(r.Findings)
}
