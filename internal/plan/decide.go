package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"rightful"
)

// ParseDecision reads FINDING=CHOICE.
func ParseDecision(s string) (Decision, error) {
	finding, choice, ok := strings.Cut(s, "=")
	if !ok || finding == "" || choice == "" {
		return Decision{}, &rightful.Error{
			Kind: rightful.KindInvalid, Place: "--decide", Message: fmt.Sprintf("%q is no decision", s),
			Hint: "write --decide FINDING=CHOICE, as in --decide RF103-0123456789=company:11",
		}
	}
	return Decision{finding, choice}, nil
}

// offered returns the names of the choices that a finding has. A choice that
// would write what rightful never writes is not offered, and neither is one that
// cannot be carried out as things are configured: barred says what each of those
// lacks.
func (in Input) offered(f rightful.Finding) (names []string, barred map[string]string) {
	names, barred = []string{}, map[string]string{}
	for _, c := range f.Choices {
		if slices.ContainsFunc(c.Writes, func(p rightful.Proposal) bool { return Writable(p) != nil }) {
			continue
		}
		missing := ""
		for _, p := range c.Writes {
			missing = cmp.Or(missing, in.lacks(p))
		}
		if missing != "" {
			barred[c.Name] = missing
			continue
		}
		names = append(names, c.Name)
	}
	return append(names, Leave), barred
}

// decide checks the decisions and adds their steps.
func (m *maker) decide() error {
	m.decided, m.sided = map[string]string{}, map[string][]Decision{}
	m.decisions = []Decision{}
	all := slices.Clone(m.in.Decisions)
	slices.SortFunc(all, func(a, b Decision) int {
		return cmp.Or(cmp.Compare(a.Finding, b.Finding), cmp.Compare(a.Choice, b.Choice))
	})
	for _, d := range all {
		i := slices.IndexFunc(m.findings, func(f rightful.Finding) bool { return f.ID == d.Finding })
		if i < 0 {
			return &rightful.Error{
				Kind: rightful.KindInvalid, Place: "--decide", Message: fmt.Sprintf("nothing that was found now has the id %q", d.Finding),
				Hint: "rightful plan lists the questions with their ids",
			}
		}
		if before, twice := m.decided[d.Finding]; twice {
			if before == d.Choice {
				continue
			}
			return m.invalid(d, fmt.Sprintf("%s is decided twice: %s and %s", d.Finding, before, d.Choice), "give one of them")
		}
		m.decided[d.Finding] = d.Choice
		m.decisions = append(m.decisions, d)
		if strings.HasPrefix(d.Choice, companyChoice) {
			m.sided[m.findings[i].Family] = append(m.sided[m.findings[i].Family], d)
		}
		if err := m.carryOut(m.findings[i], d); err != nil {
			return err
		}
	}
	return nil
}

func (m *maker) invalid(d Decision, message, hint string) error {
	return &rightful.Error{Kind: rightful.KindInvalid, Place: "--decide " + d.Finding, Message: message, Hint: hint}
}

// carryOut adds the writes of one decision.
func (m *maker) carryOut(f rightful.Finding, d Decision) error {
	choices, barred := m.in.offered(f)
	if missing := barred[d.Choice]; missing != "" {
		return &rightful.Error{
			Kind: rightful.KindRefused, Place: "--decide " + d.Finding,
			Message: fmt.Sprintf("%q cannot be carried out: %s is not set, so that is only read", d.Choice, missing),
			Hint:    "set " + missing + ", or decide one of: " + strings.Join(choices, ", "),
		}
	}
	if !slices.Contains(choices, d.Choice) {
		return m.invalid(d, fmt.Sprintf("%q is not offered for %s", d.Choice, f.ID), "offered: "+strings.Join(choices, ", "))
	}
	if d.Choice == Leave {
		return nil
	}
	if f.Security && strings.TrimSpace(m.in.Reason) == "" {
		return &rightful.Error{
			Kind: rightful.KindRefused, Place: "--decide " + d.Finding, Message: "this is a security finding, and no reason is given",
			Hint: "add --reason TEXT; it is recorded in the plan",
		}
	}
	i := slices.IndexFunc(f.Choices, func(c rightful.Choice) bool { return c.Name == d.Choice })
	writes := f.Choices[i].Writes
	for n, p := range writes {
		if prior := m.cells[cell(p)]; prior != nil && (!same(prior.To, p.To) || !same(prior.From, p.From)) {
			return m.invalid(d, fmt.Sprintf("it contradicts what was decided for %s: both write %s of %s %s",
				strings.Join(prior.Because, ", "), p.Field, p.Object.Type, p.Object.ID), "decide one of them as leave")
		}
		relink := 0
		if isLink(p) && slices.ContainsFunc(writes, func(o rightful.Proposal) bool { return isLink(o) && o.To == nil }) {
			relink = n + 1
		}
		m.add(f, p, d.Choice, relink)
	}
	return nil
}

func isLink(p rightful.Proposal) bool {
	return p.Place == rightful.PlaceDB && (p.Object.Type == rightful.RefCompany || p.Object.Type == rightful.RefLink) && p.Field == rightful.FieldLink
}

// Writable reports why a proposal may not be written by any plan: rightful
// stamps four kinds of Stripe objects, changes links and the company, customer or
// status of subscription rows, adds such rows, and deletes cache keys. It never
// cancels, refunds, deletes or moves a payer. What gives access is written by
// decision only.
func Writable(p rightful.Proposal) error {
	never := fmt.Errorf("rightful does not write %s of a %s in %s", p.Field, p.Object.Type, p.Place)
	for _, s := range []string{p.Object.ID, p.Field, text(p.From), text(p.To)} {
		if !utf8.ValidString(s) {
			return fmt.Errorf("what stands in %s is no text, and cannot be put into a plan", p.Place)
		}
	}
	if p.Object.ID == "" || same(p.From, p.To) {
		return never
	}
	switch p.Place {
	case rightful.PlaceStripe:
		types := []rightful.ObjectType{rightful.TypeCustomer, rightful.TypeSubscription, rightful.TypeSession, rightful.TypePaymentIntent}
		key, ok := strings.CutPrefix(p.Field, rightful.FieldStampPrefix)
		if ok && key != "" && slices.Contains(types, rightful.ObjectType(p.Object.Type)) && p.To != nil && *p.To != "" {
			return nil
		}
	case rightful.PlaceDB:
		switch {
		case isLink(p):
			return nil
		case gives(p) && p.Field == rightful.FieldRow:
			if _, err := rightful.ParseRowValues(text(p.To)); err != nil || p.From != nil {
				return never
			}
			return nil
		case p.Object.Type == rightful.RefSubscriptionRow && p.Field == rightful.FieldRowStatus && text(p.To) != "":
			return nil
		case p.Object.Type == rightful.RefSubscriptionRow && (p.Field == rightful.FieldRowCompany || p.Field == rightful.FieldRowCustomer) && p.To != nil:
			return nil
		}
	case rightful.PlaceCache:
		if p.Object.Type == rightful.RefCacheKey && p.To == nil && p.From != nil {
			return nil
		}
	}
	return never
}
