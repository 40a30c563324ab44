// Package view renders results: for people, and as JSON. What it prints comes
// from databases, Stripe and caches, so nothing reaches a terminal unless it is
// printable.
package view

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"

	"rightful"
)

// Printer writes for people. Color is for terminals.
type Printer struct {
	Out   io.Writer
	Color bool

	All          bool // in an audit: information one by one, not as counts
	ShowAccepted bool // accepted findings one by one

	several bool  // findings are of several accounts, and say of which
	watched []int // how wide the columns of a watch are by now
}

func (p *Printer) line(format string, args ...any) { fmt.Fprintf(p.Out, format+"\n", args...) }

func (p *Printer) paint(s lipgloss.Style, text string) string {
	if !p.Color {
		return text
	}
	return s.Render(text)
}

var (
	strong = lipgloss.NewStyle().Bold(true)
	faint  = lipgloss.NewStyle().Faint(true)
	red    = lipgloss.NewStyle().Foreground(lipgloss.Red).Bold(true)
	yellow = lipgloss.NewStyle().Foreground(lipgloss.Yellow)
	green  = lipgloss.NewStyle().Foreground(lipgloss.Green)
)

func (p *Printer) heading(text string) {
	p.line("")
	p.line("%s", p.paint(strong, text))
}

func (p *Printer) severity(s rightful.Severity) string {
	switch s {
	case rightful.SeverityError:
		return p.paint(red, string(s))
	case rightful.SeverityWarning:
		return p.paint(yellow, string(s))
	}
	return p.paint(faint, string(s))
}

func (p *Printer) ruling(r rightful.Ruling) string {
	switch r {
	case rightful.RuledIn:
		return p.paint(red, string(r))
	case rightful.RuledOut:
		return p.paint(green, string(r))
	}
	return p.paint(yellow, string(r))
}

// table prints rows under headers, two spaces in, columns padded.
func (p *Printer) table(headers []string, rows [][]string) {
	p.grid("  ", p.newTable().Headers(headers...).Rows(rows...))
}

// indented prints rows without headers, six spaces in.
func (p *Printer) indented(rows [][]string) {
	p.grid("      ", p.newTable().Rows(rows...))
}

func (p *Printer) grid(indent string, t *table.Table) {
	for _, l := range strings.Split(t.String(), "\n") {
		p.line("%s%s", indent, strings.TrimRight(l, " "))
	}
}

func (p *Printer) newTable() *table.Table {
	return table.New().
		Border(lipgloss.HiddenBorder()).
		BorderTop(false).BorderBottom(false).BorderLeft(false).BorderRight(false).
		BorderHeader(false).BorderColumn(false).BorderRow(false).
		StyleFunc(func(row, _ int) lipgloss.Style {
			style := lipgloss.NewStyle().PaddingRight(2)
			if row == table.HeaderRow && p.Color {
				return style.Faint(true)
			}
			return style
		})
}

// clean makes text from outside safe to print: control characters are shown,
// not obeyed.
func clean(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "\\u%04x", r)
		}
	}
	return b.String()
}

// or returns the text, or a dash for nothing.
func or(s string) string {
	if s == "" {
		return "-"
	}
	return clean(s)
}

// orPtr returns the text behind a pointer: a dash for nothing, what for nil.
func orPtr(s *string, what string) string {
	if s == nil {
		return what
	}
	return or(*s)
}

// list joins values; a dash for none.
func list(values []string) string { return or(strings.Join(values, ", ")) }

// JSON writes v as indented JSON.
func JSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// Error writes an error for people.
func Error(w io.Writer, err error) {
	lines := strings.Split(err.Error(), "\n")
	for i, l := range lines {
		lines[i] = clean(l)
	}
	fmt.Fprintf(w, "rightful: %s\n", strings.Join(lines, "\n"))
}
