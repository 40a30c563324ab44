package plan

import (
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// Granted is what a wish writes as things are now.
type Granted struct {
	Family  string // the unit that its writes belong to
	Company string // whose they are for
	Amount  *rightful.Amount
	Because []string // findings that it answers
	Message string   // what is wrong, or what is asked for
	Why     string
	Writes  []rightful.Proposal // none: everything stands there already

	Evidence []rightful.Signal
}

// check returns what is wrong with a wish, nil if it is one.
func (w Wish) check() error {
	for _, kind := range []string{WishMove, WishReflect} {
		if company, ok := strings.CutPrefix(w.Decided, kind); ok && company != "" && w.Object.ID != "" {
			return nil
		}
	}
	return fmt.Errorf("%q is no wish", w.Decided)
}

// Company returns the company that a wish names.
func (w Wish) Company() string {
	_, company, _ := strings.Cut(w.Decided, ":")
	return company
}

// wishes adds the steps of what a person asks for. They are sorted before, so that
// their order is nothing.
func (m *maker) wishes() error {
	m.granted = map[string]bool{}
	m.wished = slices.Clone(m.in.Wishes)
	slices.SortFunc(m.wished, func(a, b Wish) int {
		return strings.Compare(a.Object.Type+"\x00"+a.Object.ID+"\x00"+a.Decided, b.Object.Type+"\x00"+b.Object.ID+"\x00"+b.Decided)
	})
	m.wished = slices.Compact(m.wished)
	for _, w := range m.wished {
		if err := m.grant(w); err != nil {
			return err
		}
	}
	return nil
}

func (m *maker) grant(w Wish) error {
	refused := func(message, hint string) error {
		return &rightful.Error{Kind: rightful.KindRefused, Place: w.Object.ID, Message: message, Hint: hint}
	}
	if err := w.check(); err != nil {
		return refused(err.Error(), "plan again")
	}
	if m.in.Grant == nil {
		return refused("nobody here can say what "+w.Decided+" would write now", "plan again")
	}
	g, err := m.in.Grant(w)
	if err != nil {
		return err
	}
	for _, id := range g.Because {
		m.granted[id] = true
	}
	for _, p := range g.Writes {
		if err := Writable(p); err != nil {
			return refused(err.Error(), "change it by hand")
		}
		if missing := m.in.lacks(p); missing != "" {
			return refused(fmt.Sprintf("%s of %s %s is only read: %s is not set", p.Field, p.Object.Type, p.Object.ID, missing),
				"set "+missing+", or change it by hand")
		}
		if d := m.cells[cell(p)]; d != nil && (!same(d.To, p.To) || !same(d.From, p.From)) {
			return refused(fmt.Sprintf("%s was decided, and writes %s of %s %s too", d.name(), p.Field, p.Object.Type, p.Object.ID),
				"decide one of them")
		}
		m.fulfil(w, g, p)
	}
	return nil
}

// fulfil puts one write of a wish into the plan.
func (m *maker) fulfil(w Wish, g Granted, p rightful.Proposal) {
	key := cell(p)
	d := m.cells[key]
	if d == nil {
		d = m.draft(g.Family, p)
		d.Because, d.Evidence = []string{}, reduce(g.Evidence)
		m.cells[key] = d
	}
	for _, id := range g.Because {
		if !slices.Contains(d.Because, id) {
			d.Because = append(d.Because, id)
		}
	}
	d.Decided, d.Message, d.Why = w.Decided, g.Message, g.Why+d.forGood
	d.company = append(d.company, g.Company)
	if g.Amount != nil {
		d.amounts = append(d.amounts, *g.Amount)
	}
}

// gives reports whether a write gives or ends access: a whole subscription row, or
// its status. Only a person's decision writes it.
func gives(p rightful.Proposal) bool {
	return p.Place == rightful.PlaceDB && p.Object.Type == rightful.RefSubscriptionRow &&
		(p.Field == rightful.FieldRow || p.Field == rightful.FieldRowStatus)
}

// reverse returns what takes a write back, nil when nothing does, and then why in
// words for people: a cache key fills itself, and of a row that was added no
// statement may be mapped to take it away.
func (in Input) reverse(p rightful.Proposal) (back *Reverse, why string) {
	if p.Place == rightful.PlaceCache {
		return nil, ""
	}
	if p.Field == rightful.FieldRow && gives(p) {
		taken := p
		taken.From, taken.To = p.To, p.From
		if missing := in.lacks(taken); missing != "" {
			return nil, "; it cannot be taken back, because " + missing + " is not set"
		}
	}
	return &Reverse{To: p.From}, ""
}

// wished reports whether a step comes of a wish of the plan.
func (p *Plan) wished(s Step) bool {
	return slices.ContainsFunc(p.Wishes, func(w Wish) bool { return w.Decided == s.Decided })
}
