package view

import (
	"fmt"
	"strings"

	"rightful"
	"rightful/internal/engine"
)

// monthlyAllocation is the least number of GET requests that Stripe grants an
// account each month (Stripe docs: rate limits, read API allocation).
const monthlyAllocation = 10_000

// Audit prints an audit for people.
func (p *Printer) Audit(r *engine.AuditReport) {
	p.line("%s", p.paint(strong, "audit of "+account(r.Account, r.Livemode)))
	if p.refused(r.Refused) {
		return
	}
	c := r.Counts
	p.line("read %s, %s and %s in %s", count(c.Companies, "company", "companies"), count(c.Users, "user", "users"),
		count(c.Objects, "Stripe object", "Stripe objects"), count(c.Families, "family", "families"))
	if c.Ownership.Foreign+c.Ownership.Unreached > 0 {
		p.line("not judged: %d families of other applications, %d that nothing of ours reaches", c.Ownership.Foreign, c.Ownership.Unreached)
	}
	if len(r.Findings) == 0 && r.Complete {
		p.heading("no findings")
	}
	p.findings(r.Findings)
	p.heading("summary")
	p.line("  %s, %s, %s; %d can be repaired automatically", count(c.Errors, "error", "errors"),
		count(c.Warnings, "warning", "warnings"), count(c.Infos, "info", "infos"), c.Automatic)
	p.gets(c.StripeGETs)
	p.incomplete(r.Complete, r.IncompleteBecause)
	p.unheard(r.Unheard)
	if len(r.Findings) > 0 {
		p.line("  next: rightful explain %s", r.Findings[0].Code)
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func account(id string, live bool) string {
	if id == "" {
		return "an account that is not known"
	}
	mode := "test mode"
	if live {
		mode = "live mode"
	}
	return or(id) + " in " + mode
}

func (p *Printer) refused(r *engine.Refusal) bool {
	if r == nil {
		return false
	}
	p.line("%s %s: %s", p.paint(red, "refused"), r.Code, clean(r.Message))
	if r.Hint != "" {
		p.line("  next: %s", clean(r.Hint))
	}
	return true
}

func (p *Printer) incomplete(complete bool, because []string) {
	if complete {
		return
	}
	p.line("  %s: nothing may be concluded from what is absent", p.paint(red, "INCOMPLETE"))
	for _, b := range because {
		p.line("    %s", clean(b))
	}
}

// unheard prints what was not heard and leaves the rest complete.
func (p *Printer) unheard(places []string) {
	for _, place := range places {
		p.line("  not heard, which silences one check: %s", clean(place))
	}
}

func (p *Printer) gets(n int) {
	if n > 0 {
		p.line("  Stripe was asked %d times with GET: %.2f %% of the least read allocation of a month", n, 100*float64(n)/monthlyAllocation)
	}
}

// findings prints findings grouped by company and code, the worst first.
func (p *Printer) findings(all []rightful.Finding) {
	byCompany := group(all, func(f rightful.Finding) string {
		if f.CompanyID == nil {
			return ""
		}
		return *f.CompanyID
	})
	for _, findings := range byCompany {
		title := "no company"
		if id := findings[0].CompanyID; id != nil {
			title = "company " + clean(*id)
		}
		p.heading(title)
		p.codes(findings)
	}
}

// codes prints findings grouped by code and severity.
func (p *Printer) codes(all []rightful.Finding) {
	for _, findings := range group(all, func(f rightful.Finding) string { return string(f.Code) + string(f.Severity) }) {
		first := findings[0]
		p.line("  %s %s %s", p.severity(first.Severity), p.paint(strong, string(first.Code)), first.Title)
		var rows [][]string
		for _, f := range findings {
			rows = append(rows, p.findingRow(f))
		}
		p.indented(rows)
		if len(findings) == 1 {
			p.line("      %s", clean(first.Message))
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

func howRepaired(f rightful.Finding) string {
	if f.Automatic {
		return "automatic"
	}
	return "by decision"
}

func (p *Printer) findingRow(f rightful.Finding) []string {
	change := ""
	switch {
	case f.Proposal != nil && f.Proposal.To == nil:
		change = orPtr(f.WrongValue, "") + " -> delete"
	case f.Proposal != nil:
		change = orPtr(f.WrongValue, "(empty)") + " -> " + clean(*f.Proposal.To)
	case f.WrongValue != nil:
		change = "says " + or(*f.WrongValue)
	}
	money := ""
	if f.Amount != nil {
		money = amount(*f.Amount) + " a month"
	}
	security := ""
	if f.Security {
		security = p.paint(red, "SECURITY")
	}
	return []string{f.Object.Type, clean(f.Object.ID), change, howRepaired(f), money, security}
}

// amount writes minor units as people read money.
func amount(a rightful.Amount) string {
	currency := strings.ToUpper(clean(a.Currency))
	switch currency {
	case "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF":
		return fmt.Sprintf("%d %s", a.MonthlyMinor, currency) // no minor unit (Stripe docs: zero-decimal currencies)
	}
	return fmt.Sprintf("%d.%02d %s", a.MonthlyMinor/100, a.MonthlyMinor%100, currency)
}
