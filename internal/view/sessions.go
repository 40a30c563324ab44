package view

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"rightful"
	"rightful/internal/engine"
)

// Sessions prints a list of checkout sessions for people. on are the flags with
// which the next command works on the same.
func (p *Printer) Sessions(r *engine.SessionsReport, on string) {
	p.line("%s", p.paint(strong, "checkout sessions of "+account(r.Account, r.Livemode)))
	if p.refused(r.Refused) {
		return
	}
	p.line("%s", clean(sessionsScope(r.Scope)))
	if len(r.Sessions) == 0 {
		p.heading("none")
	} else {
		p.heading(count(len(r.Sessions), "session", "sessions") + ", newest first")
		p.sessionTable(r.Sessions)
	}
	for _, v := range r.Sessions {
		if v.Mismatched {
			p.sessionFindings(v)
		}
	}
	p.heading("summary")
	p.line("  %s, %s mismatched", count(len(r.Sessions), "session", "sessions"), mismatchedOf(r.Mismatched))
	if r.More {
		p.line("  --limit %d left out older ones, and they were not looked at", r.Scope.Limit)
	}
	p.gets(r.StripeGETs)
	p.incomplete(r.Complete, r.IncompleteBecause)
	p.unheard(r.Unheard)
	if next := nextSession(r.Sessions); next != "" {
		p.line("  next: %s", clean(next+on))
	}
}

func mismatchedOf(n int) string {
	if n == 0 {
		return "none"
	}
	return strconv.Itoa(n)
}

// sessionsScope says what the list is about.
func sessionsScope(s engine.SessionsScope) string {
	var parts []string
	if s.Mismatched {
		parts = append(parts, "mismatched")
	}
	if s.Paid {
		parts = append(parts, "paid")
	}
	parts = append(parts, "created since "+day(s.Since)+" UTC")
	if s.UserID != nil {
		parts = append(parts, "bought by user "+*s.UserID)
	}
	if s.Company != nil {
		parts = append(parts, "of company "+*s.Company)
	}
	return strings.Join(parts, ", ") + " (--since 7d, 36h or a date gives another window)"
}

func (p *Printer) sessionTable(all []engine.SessionView) {
	var rows [][]string
	for _, v := range all {
		mark := ""
		if v.Mismatched {
			mark = p.paint(red, "<- wrong")
		}
		rows = append(rows, []string{
			day(v.Created), clean(v.ID), sessionState(v), orPtr(v.Stamp, "-"), shouldBe(v), or(v.Payer), pays(v.Pays), reflected(v), or(strings.Join(codesOf(v), " ")), mark,
		})
	}
	p.table([]string{"CREATED", "SESSION", "STATUS", "STAMP", "SHOULD BE", "PAYER", "AMOUNT", "IN THE DATABASE", "FINDINGS", ""}, rows)
}

func sessionState(v engine.SessionView) string {
	state := or(v.Status) + "/" + or(v.PaymentStatus)
	if v.SubStatus != "" {
		state += " " + clean(v.SubStatus)
	}
	return state
}

func shouldBe(v engine.SessionView) string {
	switch {
	case v.Should != nil:
		return or(*v.Should)
	case v.Contested:
		return "contested: " + list(v.Named)
	}
	return "nobody can say"
}

func pays(m *engine.Pays) string {
	if m == nil {
		return "-"
	}
	return amount(rightful.Amount{MonthlyMinor: m.Minor, Currency: m.Currency}) + " a " + m.Per
}

// reflected says whether the database knows the payment, by row and by link.
func reflected(v engine.SessionView) string {
	out := v.Reflected
	if v.Row != nil {
		out += fmt.Sprintf(": row %s of company %s, %s", or(v.Row.ID), or(v.Row.CompanyID), or(v.Row.Status))
	}
	if v.Payer == "" || !v.Settled {
		return out
	}
	if len(v.Links) == 0 {
		return out + "; payer not linked"
	}
	return out + "; payer linked by " + list(v.Links)
}

// codesOf lists the codes of a session's findings, each once.
func codesOf(v engine.SessionView) []string {
	var codes []string
	seen := map[rightful.Code]bool{}
	for _, f := range v.Findings {
		if !seen[f.Code] {
			seen[f.Code] = true
			codes = append(codes, string(f.Code))
		}
	}
	return codes
}

func (p *Printer) sessionFindings(v engine.SessionView) {
	p.line("")
	p.line("%s", clean(v.ID))
	for _, f := range v.Findings {
		p.line("  %s %s %s", p.severity(f.Severity), p.paint(strong, clean(string(f.Code))), clean(f.Message))
	}
}

// nextSession returns what to do about the newest session that is wrong.
func nextSession(all []engine.SessionView) string {
	for _, v := range all {
		if v.Mismatched && v.Settled {
			return "rightful sessions fix " + v.ID
		}
	}
	for _, v := range all {
		if v.Mismatched {
			return "rightful investigate " + v.ID
		}
	}
	return ""
}

// sessionColumns are the columns of the CSV, in order. New ones come last.
var sessionColumns = []string{
	"session", "created", "mode", "status", "payment_status", "settled", "stamp", "should_be", "contested", "user_id", "payer", "payer_links",
	"subscription", "subscription_status", "payment_intent", "amount_minor", "currency", "per", "reflected", "row", "row_company_id", "row_status", "mismatched",
	"codes", "findings", "account", "livemode",
}

// SessionsCSV writes a list of sessions as RFC 4180 wants it.
func SessionsCSV(w io.Writer, r *engine.SessionsReport) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	rows := [][]string{sessionColumns}
	for _, v := range r.Sessions {
		minor, currency, per := "", "", ""
		if v.Pays != nil {
			minor, currency, per = strconv.FormatInt(v.Pays.Minor, 10), v.Pays.Currency, v.Pays.Per
		}
		var row engine.RowView
		if v.Row != nil {
			row = *v.Row
		}
		ids := []string{}
		for _, f := range v.Findings {
			ids = append(ids, f.ID)
		}
		cells := []string{
			v.ID, time.Unix(v.Created, 0).UTC().Format(time.RFC3339), v.Mode, v.Status, v.PaymentStatus, fmt.Sprint(v.Settled), deref(v.Stamp), deref(v.Should),
			fmt.Sprint(v.Contested), deref(v.UserID), v.Payer, strings.Join(v.Links, " "), v.SubID, v.SubStatus, v.IntentID, minor, currency, per,
			v.Reflected, row.ID, row.CompanyID, row.Status, fmt.Sprint(v.Mismatched), strings.Join(codesOf(v), " "), strings.Join(ids, " "),
			r.Account, fmt.Sprint(r.Livemode),
		}
		for i := range cells {
			cells[i] = cell(cells[i])
		}
		rows = append(rows, cells)
	}
	return out.WriteAll(rows)
}
