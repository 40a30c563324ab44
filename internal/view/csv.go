package view

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"rightful"
	"rightful/internal/engine"
)

// columns are the columns of the CSV, in order. New ones come last.
var columns = []string{
	"finding", "code", "severity", "security", "title", "company_id", "rightful_company_id", "object_type", "object_id", "wrong_value",
	"proposal_place", "proposal_field", "proposal_to", "automatic", "monthly_minor", "currency", "account", "livemode", "also", "message",
	"why", "status", "accepted_until", "accepted_reason",
}

// CSV writes an audit as RFC 4180 wants it: a header, and one row for each
// finding; those that are accepted too when asked for.
func CSV(w io.Writer, r *engine.AuditReport, accepted bool) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	rows := [][]string{slices.Clone(columns)}
	for _, f := range r.Findings {
		rows = append(rows, row(f, "open", "", ""))
	}
	if accepted {
		for _, a := range r.Accepted {
			rows = append(rows, row(a.Finding, "accepted", a.Until, a.Reason))
		}
	}
	for _, r := range rows {
		for i := range r {
			r[i] = cell(r[i])
		}
	}
	return out.WriteAll(rows)
}

// formula begins what a spreadsheet would compute, in the wide forms too that
// some of them take for the same.
const formula = "=+-@\t\r\n＝＋－＠"

// cell makes text from outside safe for a spreadsheet: control characters are
// shown, and what would be read as a formula gets an apostrophe before it.
func cell(s string) string {
	first, size := utf8.DecodeRuneInString(strings.TrimLeft(s, " "))
	if size > 0 && strings.ContainsRune(formula, first) {
		return "'" + clean(s)
	}
	return clean(s)
}

func row(f rightful.Finding, status, until, reason string) []string {
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	minor, currency := "", ""
	if f.Amount != nil {
		minor, currency = strconv.FormatInt(f.Amount.MonthlyMinor, 10), f.Amount.Currency
	}
	var place, field, to string
	if f.Proposal != nil {
		place, field, to = f.Proposal.Place, f.Proposal.Field, text(f.Proposal.To)
	}
	return []string{
		f.ID, string(f.Code), string(f.Severity), fmt.Sprint(f.Security), f.Title, text(f.CompanyID), text(f.RightfulCompanyID),
		f.Object.Type, f.Object.ID, text(f.WrongValue), place, field, to, fmt.Sprint(f.Automatic), minor, currency,
		f.Account, fmt.Sprint(f.Livemode), strings.Join(f.Also, " "), f.Message, f.Why, status, until, reason,
	}
}
