package view

import (
	"fmt"
	"strings"

	"rightful"
	"rightful/internal/plan"
)

// Plan prints a plan as a difference, grouped by company: what stands there, what
// will stand there, and why.
func (p *Printer) Plan(pl *plan.Plan) {
	p.line("%s", p.paint(strong, "plan for "+account(pl.Account, pl.Livemode)))
	p.line("%s in %s, %s · hash %s", count(pl.Steps(), "write", "writes"), count(len(pl.Units), "family", "families"),
		count(len(pl.Questions), "question", "questions"), pl.Hash[:min(len(pl.Hash), 12)])
	if pl.Reason != "" {
		p.line("reason: %s", clean(pl.Reason))
	}
	if pl.Steps() == 0 {
		p.heading("nothing to write")
	}
	for _, units := range groupBy(pl.Units, func(u plan.Unit) string { return deref(u.CompanyID) }) {
		title := "no single company"
		if id := units[0].CompanyID; id != nil {
			title = "company " + clean(*id)
		}
		p.heading(title)
		for _, u := range units {
			p.unit(u)
		}
	}
	p.left(pl)
	if len(pl.Questions) > 0 {
		p.heading("questions")
		for _, q := range pl.Questions {
			p.question(q)
		}
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// groupBy puts neighbours and others of one key together, in order of appearance.
func groupBy[T any](all []T, key func(T) string) [][]T {
	at := map[string]int{}
	var out [][]T
	for _, v := range all {
		i, known := at[key(v)]
		if !known {
			i = len(out)
			at[key(v)] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], v)
	}
	return out
}

func (p *Printer) unit(u plan.Unit) {
	money := ""
	if u.Amount != nil {
		money = " · " + amount(*u.Amount) + " a month"
	}
	p.line("  %s%s", clean(u.Family), money)
	for _, s := range u.Steps {
		p.line("    %s %s", s.Object.Type, clean(s.Object.ID))
		for _, l := range p.difference(s) {
			p.line("    %s", l)
		}
		p.line("        %s", clean(s.Message))
		because := ""
		if len(s.Because) > 0 {
			because = " (" + strings.Join(s.Because, ", ") + ")"
		}
		p.line("        why: %s%s", clean(s.Why), because)
		p.because(s.Evidence)
	}
}

// difference writes a step as two lines, one for each side that is not empty.
func (p *Printer) difference(s plan.Step) []string {
	if s.Place == rightful.PlaceCache {
		return []string{p.paint(red, "- "+clean(deref(s.From))) + p.paint(faint, "  (the key is deleted)")}
	}
	var lines []string
	if s.Field == rightful.FieldRow {
		return p.newRow(s)
	}
	if s.From != nil {
		lines = append(lines, p.paint(red, fmt.Sprintf("- %s = %s", clean(s.Field), clean(*s.From))))
	}
	if s.To != nil {
		lines = append(lines, p.paint(green, fmt.Sprintf("+ %s = %s", clean(s.Field), clean(*s.To))))
	}
	return lines
}

// newRow writes a subscription row that is added, a line for each of its values.
func (p *Printer) newRow(s plan.Step) []string {
	v, err := rightful.ParseRowValues(deref(s.To))
	if err != nil {
		return []string{p.paint(green, "+ row = "+or(deref(s.To)))}
	}
	lines := []string{p.paint(green, "+ a new row for "+clean(s.Object.ID))}
	for _, f := range [][2]string{{"company_id", v.CompanyID}, {"stripe_customer_id", v.StripeCustomerID}, {"status", v.Status}} {
		lines = append(lines, p.paint(green, "+   "+f[0]+" = "+or(f[1])))
	}
	return lines
}

// shownEvidence is how many statements are shown; the document has all.
const shownEvidence = 4

func (p *Printer) because(all []plan.Evidence) {
	for i, e := range all {
		if i == shownEvidence {
			p.line("        %s", p.paint(faint, fmt.Sprintf("and %d more", len(all)-i)))
			return
		}
		p.line("        %s", p.paint(faint, clean(e.Place)+" says "+or(e.Says)))
	}
}

// left names the decisions to leave things as they are.
func (p *Printer) left(pl *plan.Plan) {
	for _, d := range pl.Decisions {
		if d.Choice == plan.Leave {
			p.line("")
			p.line("left as it is by decision: %s", clean(d.Finding))
		}
	}
}

func (p *Printer) question(q plan.Question) {
	security := ""
	if q.Security {
		security = " " + p.paint(red, "SECURITY")
	}
	money := ""
	if q.Amount != nil {
		money = " · " + amount(*q.Amount) + " a month"
	}
	p.line("  %s %s%s%s", p.severity(q.Severity), p.paint(strong, q.Finding), security, money)
	p.line("      %s", clean(q.Message))
	p.line("      %s", clean(q.Why))
	p.because(q.Evidence)
	if q.Code == rightful.CodePaidUnreflected {
		p.line("      rightful sessions fix cs_... lets the database know, when you ask for just that session: rightful sessions --mismatched")
		return
	}
	if len(q.Choices) == 1 {
		p.line("      nothing that rightful writes decides it: rightful explain %s", q.Code)
		return
	}
	reason := ""
	if q.Security {
		reason = " --reason TEXT"
	}
	p.line("      choices: %s", clean(strings.Join(q.Choices, ", ")))
	p.line("      --decide %s=CHOICE%s", q.Finding, reason)
}
