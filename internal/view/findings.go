package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"rightful"
	"rightful/internal/accept"
	"rightful/internal/engine"
)

// findings prints findings grouped by company and code: the worst first, then
// the most money. Information is only counted, unless all is asked for: it is
// long, and nobody has to act on it.
func (p *Printer) findings(all []rightful.Finding) {
	counted := func(f rightful.Finding) bool { return f.Severity == rightful.SeverityInfo && !p.All }
	infos, shown := part(all, counted)
	byCompany := group(shown, func(f rightful.Finding) string {
		if f.CompanyID == nil {
			return ""
		}
		return *f.CompanyID
	})
	slices.SortStableFunc(byCompany, compareGroups)
	for _, findings := range byCompany {
		title := "no company"
		if id := findings[0].CompanyID; id != nil {
			title = "company " + clean(*id)
		}
		if stake := engine.AtStake(findings); len(stake) > 0 {
			title += " · " + amounts(stake) + " a month at stake"
		}
		p.heading(title)
		p.codes(findings)
	}
	if len(infos) == 0 {
		return
	}
	p.heading("for information")
	for _, same := range group(infos, func(f rightful.Finding) string { return string(f.Code) }) {
		p.line("  %s %s %s: %s", p.severity(rightful.SeverityInfo), p.paint(strong, clean(string(same[0].Code))), clean(same[0].Title), count(len(same), "finding", "findings"))
	}
	p.line("  --all lists them")
}

// part divides findings in two.
func part(all []rightful.Finding, first func(rightful.Finding) bool) (yes, no []rightful.Finding) {
	for _, f := range all {
		if first(f) {
			yes = append(yes, f)
		} else {
			no = append(no, f)
		}
	}
	return yes, no
}

// codes prints findings grouped by code and severity.
func (p *Printer) codes(all []rightful.Finding) {
	groups := group(all, func(f rightful.Finding) string { return fmt.Sprint(f.Code, f.Severity, f.Security) })
	slices.SortStableFunc(groups, compareGroups)
	for _, findings := range groups {
		slices.SortStableFunc(findings, func(a, b rightful.Finding) int { return cmp.Compare(money(b), money(a)) })
		first := findings[0]
		security := ""
		if first.Security {
			security = p.paint(red, "SECURITY") + " "
		}
		p.line("  %s %s %s%s", p.severity(first.Severity), p.paint(strong, clean(string(first.Code))), security, clean(first.Title))
		var rows [][]string
		for _, f := range findings {
			rows = append(rows, p.findingRow(f))
		}
		p.indented(rows)
		for _, f := range findings {
			if len(findings) == 1 {
				p.line("      %s", clean(f.Message))
			} else if note := accept.Note(f); note != "" {
				p.line("      %s: %s", clean(f.Object.ID), clean(note))
			}
		}
		for _, same := range group(findings, func(f rightful.Finding) string { return f.Why }) {
			if same[0].Why != "" {
				p.line("      %s: %s", howRepaired(same[0]), clean(same[0].Why))
			}
		}
	}
}

// group sorts findings into groups, both in order of appearance.
func group(all []rightful.Finding, key func(rightful.Finding) string) [][]rightful.Finding {
	at := map[string]int{}
	var out [][]rightful.Finding
	for _, f := range all {
		i, known := at[key(f)]
		if !known {
			i = len(out)
			at[key(f)] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], f)
	}
	return out
}

// compareGroups orders groups of findings for people: the worst severity, then
// security, then the most money. What is alike stays in order.
func compareGroups(a, b []rightful.Finding) int {
	return cmp.Or(
		cmp.Compare(least(a, urgency), least(b, urgency)),
		cmp.Compare(least(a, insecure), least(b, insecure)),
		cmp.Compare(least(a, earnings), least(b, earnings)),
	)
}

func least(group []rightful.Finding, of func(rightful.Finding) int64) int64 {
	out := of(group[0])
	for _, f := range group[1:] {
		out = min(out, of(f))
	}
	return out
}

func urgency(f rightful.Finding) int64 {
	return int64(slices.Index([]rightful.Severity{rightful.SeverityError, rightful.SeverityWarning, rightful.SeverityInfo}, f.Severity))
}

func insecure(f rightful.Finding) int64 {
	if f.Security {
		return 0
	}
	return 1
}

func earnings(f rightful.Finding) int64 { return -money(f) }

// money is what findings are ordered by. Currencies are not converted: it is an
// order, not a sum.
func money(f rightful.Finding) int64 {
	if f.Amount == nil {
		return 0
	}
	if wholeUnits(strings.ToUpper(f.Amount.Currency)) {
		return min(f.Amount.MonthlyMinor, 1<<56) * 100
	}
	return f.Amount.MonthlyMinor
}

func howRepaired(f rightful.Finding) string {
	if f.Automatic {
		return "automatic"
	}
	return "by decision"
}

func (p *Printer) findingRow(f rightful.Finding) []string {
	earns := ""
	if f.Amount != nil {
		earns = amount(*f.Amount) + " a month"
	}
	row := []string{clean(f.Object.Type), clean(f.Object.ID), change(f), howRepaired(f), earns, p.paint(faint, clean(f.ID))}
	if p.several {
		row = append([]string{clean(f.Account)}, row...)
	}
	return row
}

// change says what is wrong and what would put it right.
func change(f rightful.Finding) string {
	switch {
	case f.Proposal != nil && f.Proposal.To == nil:
		return orPtr(f.WrongValue, "") + " -> delete"
	case f.Proposal != nil:
		return orPtr(f.WrongValue, "(empty)") + " -> " + clean(*f.Proposal.To)
	case f.WrongValue != nil:
		return "says " + or(*f.WrongValue)
	}
	return ""
}

// accepted lists accepted findings where that is asked for.
func (p *Printer) accepted(k engine.Known) {
	if !p.ShowAccepted || len(k.Accepted) == 0 {
		return
	}
	p.heading("accepted")
	var rows [][]string
	for _, a := range k.Accepted {
		security := ""
		if a.Security {
			security = p.paint(red, "SECURITY")
		}
		rows = append(rows, []string{
			clean(a.ID), p.severity(a.Severity), clean(a.Object.Type), clean(a.Object.ID), "until " + clean(a.Until), "by " + or(a.By), security, clean(a.Reason),
		})
	}
	p.grid("  ", p.newTable().Rows(rows...))
}

// mostNamed is how many stale acceptances are named; JSON has them all.
const mostNamed = 10

// known says how much was found and not counted.
func (p *Printer) known(k engine.Known) {
	if n := len(k.Accepted); n > 0 {
		how := ""
		if !p.ShowAccepted {
			how = " (--show-accepted lists them)"
		}
		p.line("  accepted: %s%s", count(n, "finding", "findings"), how)
	}
	if len(k.Off) > 0 {
		total := 0
		var codes []string
		for _, c := range rightful.Codes() {
			if n := k.Off[c.Code]; n > 0 {
				total += n
				codes = append(codes, fmt.Sprintf("%s (%d)", c.Code, n))
			}
		}
		p.line("  %s of codes that are off: %s", count(total, "finding", "findings"), strings.Join(codes, ", "))
	}
	if n := len(k.Stale); n > 0 {
		var ids []string
		for _, e := range k.Stale[:min(n, mostNamed)] {
			ids = append(ids, e.Finding)
		}
		if n > mostNamed {
			ids = append(ids, "...")
		}
		p.line("  accepted, and no longer found: %s", clean(strings.Join(ids, ", ")))
		p.line("    rightful accept --prune removes %s", count(n, "entry", "entries"))
	}
}
