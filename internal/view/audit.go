package view

import (
	"fmt"
	"strconv"
	"strings"

	"rightful"
	"rightful/internal/engine"
)

// monthlyAllocation is the least number of GET requests that Stripe grants an
// account each month (Stripe docs: rate limits, read API allocation).
const monthlyAllocation = 10_000

// Audit prints an audit for people.
func (p *Printer) Audit(r *engine.AuditReport) {
	p.line("%s", p.paint(strong, "audit of "+account(r.Whose(), r.Livemode)))
	if p.refused(r.Refused) {
		return
	}
	c := r.Counts
	p.mirror(r)
	p.line("read %s, %s and %s in %s", count(c.Companies, "company", "companies"), count(c.Users, "user", "users"),
		count(c.Objects, "Stripe object", "Stripe objects"), count(c.Families, "family", "families"))
	if c.Ownership.Foreign+c.Ownership.Unreached > 0 {
		p.line("not judged: %d families of other applications, %d that nothing of ours reaches", c.Ownership.Foreign, c.Ownership.Unreached)
	}
	switch {
	case len(r.Findings) > 0 || !r.Complete:
	case len(r.Accepted) > 0:
		p.heading("no findings but those that are accepted")
	default:
		p.heading("no findings")
	}
	p.several = len(r.Accounts) > 0
	p.findings(r.Findings)
	p.accepted(r.Known)
	p.heading("summary")
	p.line("  %s, %s, %s; %d can be repaired automatically", count(c.Errors, "error", "errors"),
		count(c.Warnings, "warning", "warnings"), count(c.Infos, "info", "infos"), c.Automatic)
	if c.Security > 0 {
		p.line("  %s: %s", p.paint(red, "SECURITY"), count(c.Security, "finding", "findings"))
	}
	if len(c.AtStake) > 0 {
		p.line("  at stake: %s a month", amounts(c.AtStake))
	}
	p.known(r.Known)
	p.gets(c.StripeGETs)
	if r.Recorded != nil {
		p.line("  recorded as %s: %d new, %d resolved, %d open", clean(r.Recorded.ID), r.Recorded.Opened, r.Recorded.Resolved, r.Recorded.Open)
	}
	p.accounts(r.Accounts)
	p.incomplete(r.Complete, r.IncompleteBecause)
	p.unheard(r.Unheard)
	if len(r.Findings) > 0 {
		p.line("  next: rightful explain %s", r.Findings[0].Code)
	}
}

// mirror says how old the mirror was that was read.
func (p *Printer) mirror(r *engine.AuditReport) {
	if r.Mirror == nil {
		return
	}
	asked := ""
	if r.Mirror.Offline {
		asked = ", and Stripe was not asked"
	}
	p.line("from the mirror in %s%s", clean(r.Mirror.Place), asked)
	var rows [][]string
	for _, part := range r.Mirror.Parts {
		rows = append(rows, []string{clean(string(part.Type)), strconv.FormatInt(part.Objects, 10), ago(r.Now, part.Full), ago(r.Now, part.Followed)})
	}
	p.table([]string{"LIST", "OBJECTS", "READ WHOLE", "UP TO DATE"}, rows)
}

// accounts prints a line for each account of an audit of several.
func (p *Printer) accounts(all []engine.AccountAudit) {
	for _, a := range all {
		state := ""
		switch {
		case a.Refused != nil:
			state = ", " + p.paint(red, "REFUSED")
		case !a.Complete:
			state = ", " + p.paint(red, "INCOMPLETE")
		}
		c := a.Counts
		p.line("  %s: %s, %s, %s in %s, asked %d times%s", clean(a.Account), count(c.Errors, "error", "errors"), count(c.Warnings, "warning", "warnings"),
			count(c.Infos, "info", "infos"), count(c.Objects, "object", "objects"), c.StripeGETs, state)
		if r := a.Recorded; r != nil {
			p.line("    recorded as %s: %d new, %d resolved, %d open", clean(r.ID), r.Opened, r.Resolved, r.Open)
		}
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
	return or(id) + inMode(live)
}

func inMode(live bool) string {
	if live {
		return " in live mode"
	}
	return " in test mode"
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

// amount writes minor units as people read money.
func amount(a rightful.Amount) string {
	currency := strings.ToUpper(clean(a.Currency))
	if wholeUnits(currency) {
		return fmt.Sprintf("%d %s", a.MonthlyMinor, currency)
	}
	return fmt.Sprintf("%d.%02d %s", a.MonthlyMinor/100, a.MonthlyMinor%100, currency)
}

// amounts writes money in several currencies.
func amounts(all []rightful.Amount) string {
	var parts []string
	for _, a := range all {
		parts = append(parts, amount(a))
	}
	return strings.Join(parts, " + ")
}

// wholeUnits reports whether a currency has no minor unit (Stripe docs:
// zero-decimal currencies).
func wholeUnits(currency string) bool {
	switch currency {
	case "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF":
		return true
	}
	return false
}
