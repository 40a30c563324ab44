package view

import (
	"fmt"
	"strings"

	"rightful"
	"rightful/internal/engine"
)

// Constraints prints how things stand with the rules that the database could
// keep, with what to do under those that it does not.
func (p *Printer) Constraints(r *engine.ConstraintReport) {
	p.line("%s", p.paint(strong, "rules of "+clean(r.Database)))
	var rows [][]string
	for _, c := range r.List {
		rows = append(rows, []string{p.constraintState(c.State), clean(c.Name), clean(c.Says)})
		for _, l := range constraintLines(c) {
			rows = append(rows, []string{"", "", clean(l)})
		}
	}
	if len(rows) > 0 {
		p.table([]string{"", "RULE", "WHAT IT SAYS"}, rows)
	}
	p.line("")
	p.line("%s", constraintCounts(r))
	for _, why := range r.IncompleteBecause {
		p.line("incomplete: %s", clean(why))
	}
}

// constraintLines is what is to be said of a rule beside its own words.
func constraintLines(c rightful.Constraint) []string {
	var lines []string
	if c.State == rightful.ConstraintHolds {
		lines = append(lines, "by "+c.By)
	}
	if c.Rows > 0 {
		lines = append(lines, brokenBy(c)+": "+strings.Join(c.Examples, "; ")+more(c))
	}
	if c.Why != "" {
		lines = append(lines, c.Why)
	}
	lines = append(lines, c.Notes...)
	if c.Todo != "" {
		lines = append(lines, "-> "+c.Todo)
	}
	return lines
}

// brokenBy says how many rows break a rule, and what an audit calls them.
func brokenBy(c rightful.Constraint) string {
	code := ""
	if c.Code != "" {
		code = " (" + string(c.Code) + ")"
	}
	return count(c.Rows, "row breaks it", "rows break it") + code
}

func more(c rightful.Constraint) string {
	if n := c.Rows - len(c.Examples); n > 0 {
		return fmt.Sprintf("; and %d more", n)
	}
	return ""
}

func (p *Printer) constraintState(s rightful.ConstraintState) string {
	word := strings.ReplaceAll(string(s), "_", " ")
	switch s {
	case rightful.ConstraintHolds:
		return p.paint(green, word)
	case rightful.ConstraintBroken:
		return p.paint(red, word)
	}
	return p.paint(yellow, word)
}

// constraintStates are the states in the order in which they are counted.
var constraintStates = []struct {
	state rightful.ConstraintState
	words string
}{
	{rightful.ConstraintHolds, "hold"}, {rightful.ConstraintMissing, "missing, and no row breaks them"}, {rightful.ConstraintBroken, "broken"},
	{rightful.ConstraintUnable, "not done by rightful"}, {rightful.ConstraintUnknown, "cannot be told"},
}

func constraintCounts(r *engine.ConstraintReport) string {
	said := []string{count(len(r.List), "rule", "rules")}
	for _, s := range constraintStates {
		if n := r.Counts[s.state]; n > 0 {
			said = append(said, fmt.Sprintf("%d %s", n, s.words))
		}
	}
	return strings.Join(said, " · ")
}

// ConstraintPlan prints what would be run for the rules that are missing.
func (p *Printer) ConstraintPlan(r *engine.ConstraintReport) {
	p.line("%s", p.paint(strong, "to be run on "+clean(r.Database)))
	for _, c := range r.List {
		switch {
		case c.State == rightful.ConstraintMissing:
			p.heading(clean(c.Name) + ": " + clean(c.Says))
			for _, s := range c.Statements {
				p.line("  %s", clean(s.SQL))
				p.line("      %s", p.paint(faint, "locks "+clean(s.Lock)))
				p.line("      %s", p.paint(faint, "held for "+clean(s.Held)))
			}
		case c.Refused():
			p.heading(clean(c.Name) + ": refused")
			p.line("  %s", clean(brokenBy(c)))
		}
	}
}

// ConstraintsApplied prints what came of adding rules.
func (p *Printer) ConstraintsApplied(r *engine.ConstraintsApplied) {
	p.line("")
	for _, name := range r.Added {
		p.line("  %s %s", p.paint(green, "added"), clean(name))
	}
	for _, name := range r.Refused {
		p.line("  %s %s: rows break it, rightful constraints check --only %s", p.paint(red, "refused"), clean(name), clean(name))
	}
	if r.Failed != nil {
		p.line("  %s %s", p.paint(red, "failed"), clean(r.Failed.Name))
	}
	if len(r.Added)+len(r.Refused) == 0 && r.Failed == nil {
		p.line("nothing to add")
	}
	p.line("%s", constraintCounts(r.ConstraintReport))
}

// ConstraintScript prints the SQL that adds the rules that are missing, with what
// each statement locks; the other rules are comments. The same rules in the same
// state give the same text.
func (p *Printer) ConstraintScript(r *engine.ConstraintReport) {
	comment := func(text string) { p.line("-- %s", clean(text)) }
	comment("rules for " + r.Database)
	comment("Run it statement by statement, outside of a transaction, and stop at the first error.")
	comment(constraintCounts(r))
	if r.Counts[rightful.ConstraintMissing] > 0 {
		p.line("")
		for _, s := range r.Session {
			p.line("%s;", clean(s))
		}
	}
	patient := false
	for _, c := range r.List {
		p.line("")
		comment(c.Name + " (" + strings.ReplaceAll(string(c.State), "_", " ") + "): " + c.Says)
		for _, l := range constraintLines(c) {
			comment(l)
		}
		for _, s := range c.Statements {
			if c.State != rightful.ConstraintMissing {
				break
			}
			if set := p.waits(r, s.Long, &patient); set != "" {
				p.line("%s", set)
			}
			comment("locks " + s.Lock)
			comment("held for " + s.Held)
			if s.Counts {
				comment("it must be 0; if not: " + s.Undo)
			} else if s.Undo != "" {
				comment("if it fails: " + s.Undo)
			}
			p.line("%s;", clean(s.SQL))
		}
	}
}

// waits returns what sets how long the next statement waits for its lock, "" when
// that is as it was.
func (p *Printer) waits(r *engine.ConstraintReport, long bool, patient *bool) string {
	if long == *patient {
		return ""
	}
	*patient = long
	if long {
		return clean(strings.Join(r.Patient, "; ")) + "; -- waiting holds nobody up here"
	}
	return clean(strings.Join(r.Session, "; ")) + ";"
}

// ConstraintStep prints a statement that was run, as it is done.
func (p *Printer) ConstraintStep(c rightful.Constraint, s rightful.ConstraintStatement) {
	p.line("  %s %s", p.paint(faint, "done"), clean(s.SQL))
}
