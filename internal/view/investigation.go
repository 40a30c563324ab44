package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rightful"
	"rightful/internal/engine"
)

// maxObjects is how many objects of one family are shown, the wrong ones first;
// JSON has them all.
const maxObjects = 60

// maxEvidence is how many statements one explanation shows; JSON has them all.
const maxEvidence = 6

// Investigation prints an investigation for people.
func (p *Printer) Investigation(inv *engine.Investigation) {
	title := clean(inv.Who)
	if inv.Is != "" && inv.Is != inv.Who {
		title += " is " + clean(inv.Is)
	}
	p.line("%s · %s", p.paint(strong, title), account(inv.Account, inv.Livemode))
	for _, n := range inv.Notes {
		p.line("  note: %s", clean(n))
	}
	if p.refused(inv.Refused) {
		return
	}
	p.users(inv)
	p.companies(inv)
	p.families(inv)
	p.cache(inv)
	if len(inv.Findings) > 0 {
		p.heading("findings")
		p.codes(inv.Findings)
	}
	p.accepted(inv.Known)
	p.explanations(inv)
	p.heading("next")
	p.known(inv.Known)
	p.gets(inv.Counts.StripeGETs)
	p.incomplete(inv.Complete, inv.IncompleteBecause)
	p.unheard(inv.Unheard)
	if inv.Next != "" {
		p.line("  %s", p.paint(strong, inv.Next))
	}
}

func (p *Printer) users(inv *engine.Investigation) {
	if len(inv.Users) == 0 {
		return
	}
	p.heading("ways of getting the company")
	var rows [][]string
	for _, u := range inv.Users {
		w := u.Ways
		resolved := orPtr(w.Resolved, "-")
		if w.Resolved == nil {
			resolved = "none: " + clean(w.Unresolved)
		}
		app := orPtr(w.RunningApp, "not asked")
		if w.NotAnswered != "" {
			app = "no answer: " + clean(w.NotAnswered)
		}
		name := u.ID
		if u.Inactive {
			name += " (inactive)"
		}
		rows = append(rows, []string{
			clean(name), or(u.Email), orPtr(w.Direct, "not mapped"), mapped(w.Owner), mapped(w.Membership), resolved, app,
		})
	}
	resolver := inv.Users[0].Ways.Resolver
	if resolver == "" {
		resolver = "not configured"
	}
	p.table([]string{"USER", "EMAIL", "DIRECT", "OWNER OF", "MEMBER OF", "RESOLVER (" + strings.ToUpper(resolver) + ")", "RUNNING APP"}, rows)
	if pr := inv.Probe; pr != nil && (pr.Revision != "" || pr.ExpectedRevision != "") {
		p.line("  running revision %s, expected %s", or(pr.Revision), or(pr.ExpectedRevision))
	}
}

func mapped(ids []string) string {
	if ids == nil {
		return "not mapped"
	}
	return list(ids)
}

func (p *Printer) companies(inv *engine.Investigation) {
	if len(inv.Companies) == 0 {
		return
	}
	p.heading("companies")
	var rows [][]string
	for _, c := range inv.Companies {
		state := "live"
		switch {
		case c.MergedInto != "":
			state = "merged into " + clean(c.MergedInto)
		case !c.Live:
			state = "deleted"
		}
		rows = append(rows, []string{clean(c.ID), or(c.Name), state, list(c.Links)})
	}
	p.table([]string{"COMPANY", "NAME", "STATE", "LINKS CUSTOMER"}, rows)
}

func (p *Printer) families(inv *engine.Investigation) {
	for _, f := range inv.Families {
		p.heading(familyTitle(f))
		var rows [][]string
		shown := f.Objects
		if len(shown) > maxObjects {
			shown = slices.Clone(shown)
			slices.SortStableFunc(shown, func(a, b engine.ObjectView) int {
				if a.Wrong == b.Wrong {
					return 0
				}
				if a.Wrong {
					return -1
				}
				return 1
			})
			shown = shown[:maxObjects]
		}
		for _, o := range shown {
			mark := ""
			if o.Wrong {
				mark = p.paint(red, "<- wrong")
			}
			rows = append(rows, []string{
				o.Type, clean(o.ID), orPtr(o.Stamp, "-"), orPtr(o.UserID, "-"), or(o.Payer), or(o.Status), or(o.Email), day(o.Created), mark,
			})
		}
		if len(rows) > 0 {
			p.table([]string{"OBJECT", "ID", "STAMP", "USER", "PAYER", "STATUS", "EMAIL", "CREATED", ""}, rows)
		}
		if n := len(f.Objects) - len(shown); n > 0 {
			p.line("  and %d more objects, those with findings come first (--format json has them all)", n)
		}
		for _, r := range f.Rows {
			p.line("  row %s: company %s, %s, %s", or(r.ID), or(r.CompanyID), or(r.StripeSubscriptionID), or(r.Status))
		}
	}
}

func familyTitle(f engine.FamilyView) string {
	whose := "nobody's: no voice names a live company"
	switch {
	case f.Contested:
		whose = "contested: " + list(f.Named)
	case f.CompanyID != nil:
		whose = "company " + clean(*f.CompanyID) + "'s"
	}
	linked := "linked by no company"
	if len(f.Links) > 0 {
		linked = "linked by company " + list(f.Links)
	}
	if f.Guest {
		return fmt.Sprintf("family of guest %s · %s", clean(f.Key), whose)
	}
	exists := ""
	if f.Exists != "yes" {
		exists = " · exists in Stripe: " + f.Exists
	}
	return fmt.Sprintf("family of %s · %s · %s%s", clean(f.Key), whose, linked, exists)
}

// day prints a time of Stripe's as a date.
func day(unix int64) string {
	if unix == 0 {
		return "-"
	}
	return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04")
}

func (p *Printer) cache(inv *engine.Investigation) {
	if len(inv.Cache) == 0 {
		return
	}
	p.heading("cached values")
	var rows [][]string
	for _, c := range inv.Cache {
		mark := ""
		value := or(c.Value)
		if c.Undecodable != "" {
			value = "cannot be decoded: " + clean(c.Undecodable)
		}
		if c.Wrong {
			mark = p.paint(red, "<- wrong")
		}
		rows = append(rows, []string{clean(c.Key), value, mark})
	}
	p.table([]string{"KEY", "VALUE", ""}, rows)
}

func (p *Printer) explanations(inv *engine.Investigation) {
	if len(inv.Explanations) == 0 {
		return
	}
	p.heading("what explains it")
	var rows [][]string
	for _, x := range inv.Explanations {
		rows = append(rows, []string{string(x.Name), p.ruling(x.Ruling), clean(x.Because)})
	}
	p.table([]string{"EXPLANATION", "RULING", "BECAUSE"}, rows)
	for _, x := range inv.Explanations {
		p.evidence(x)
	}
}

func (p *Printer) evidence(x rightful.Explanation) {
	if x.Ruling == rightful.CannotTell {
		p.line("  %s: %s", x.Name, clean(x.Todo))
		return
	}
	if len(x.Evidence) == 0 {
		return
	}
	p.line("  %s, the evidence:", x.Name)
	for i, s := range x.Evidence {
		if i == maxEvidence {
			p.line("    and %d more statements (--format json has them all)", len(x.Evidence)-i)
			return
		}
		p.line("    %s says %s%s", clean(s.Place), or(s.Says), p.paint(faint, " ("+voice(s)+")"))
	}
}

func voice(s rightful.Signal) string {
	out := "voice " + clean(s.Voice) + ", " + string(s.Strength)
	if s.Forgeable {
		out += ", typed by the buyer"
	}
	return out
}
