package view

import (
	"fmt"
	"strings"

	"rightful/internal/engine"
)

// Snapshot says what a snapshot holds, and what to do with it.
func (p *Printer) Snapshot(s *engine.Snapshot) {
	p.line("%s", p.paint(strong, "snapshot of "+clean(s.Of)+" · "+account(s.Account, s.Livemode)))
	var holds []string
	for _, of := range []struct{ name, one, many string }{
		{"companies", "company", "companies"}, {"users", "user", "users"}, {"memberships", "membership", "memberships"}, {"links", "row of links", "rows of links"},
		{"subscriptions", "subscription row", "subscription rows"}, {"stripe", "Stripe object", "Stripe objects"}, {"cache", "cached value", "cached values"},
	} {
		if n := s.Holds[of.name]; n > 0 {
			holds = append(holds, count(n, of.one, of.many))
		}
	}
	if len(holds) == 0 {
		holds = []string{"nothing"}
	}
	p.line("  it holds %s", strings.Join(holds, ", "))
	p.line("  judged again: %s, as in what it was made of", count(len(s.Findings), "finding", "findings"))
	switch {
	case s.Redacted:
		p.line("  emails, names and free texts are replaced; ids, amounts and times are not")
	default:
		p.line("  it holds emails and names as they are: --redact replaces them")
	}
	p.gets(s.GETs)
	p.line("written, for you alone to read: %s", clean(s.File))
	p.Next(fmt.Sprintf("%s --world %s", s.Judge, s.File))
}
