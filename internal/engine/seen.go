package engine

import (
	"context"
	"slices"

	"rightful"
	"rightful/internal/judge"
)

// seen is what surrounds a subject, read and judged: what an investigation of it
// rests on.
type seen struct {
	sit     *rightful.Situation // narrowed to the subject
	about   rightful.Subject    // as it grew
	verdict judge.Verdict       // narrowed as well
	whole   *rightful.Situation // with what is only mentioned, for ways and companies
	open    []rightful.Finding  // what is not accepted

	at map[rightful.Ref]int // object -> index of its family; built when first needed
}

// see reads the surroundings of a subject and judges them. An account that must
// not be read was refused before, by admit.
func (e *Engine) see(ctx context.Context, account rightful.Account, about rightful.Subject) (*seen, error) {
	whole, core, err := e.around(ctx, e.Sources, about)
	if err != nil {
		return nil, err
	}
	whole.Account = account
	verdict, err := e.judged(ctx, e.Sources, whole)
	if err != nil {
		return nil, err
	}
	s := &seen{whole: whole, about: core}
	s.sit, s.verdict = judge.Concerning(whole, verdict, core)
	s.open, _ = e.Accepted.Apply(s.verdict.Findings, e.Options.Now)
	return s, nil
}

// all returns every finding, also those that are accepted or turned off: they are
// no less true.
func (s *seen) all() []rightful.Finding { return slices.Concat(s.verdict.Findings, s.verdict.Muted) }

// object returns an object that was seen, with the index of its family; -1 when no
// family that was read has it.
func (s *seen) object(t rightful.ObjectType, id string) (o rightful.Object, family int) {
	if s.at == nil {
		s.at = map[rightful.Ref]int{}
		for i, f := range s.sit.Families {
			for _, o := range f.Objects() {
				s.at[o.Ref()] = i
			}
		}
	}
	i, known := s.at[rightful.Ref{Type: string(t), ID: id}]
	if !known {
		return rightful.Object{}, -1
	}
	for _, o := range s.sit.Families[i].Objects() {
		if o.Type == t && o.ID == id {
			return o, i
		}
	}
	return rightful.Object{}, -1
}

// rowsOf returns the subscription rows that name a subscription, in any family.
func (s *seen) rowsOf(subscription string) []rightful.SubscriptionRow {
	var rows []rightful.SubscriptionRow
	for _, r := range s.whole.SubscriptionRows {
		if subscription != "" && r.StripeSubscriptionID == subscription {
			rows = append(rows, r)
		}
	}
	return rows
}

// company returns a company's row, nil when the database has none.
func (s *seen) company(id string) *rightful.Company {
	for i, c := range s.whole.Companies {
		if rightful.SameID(c.ID, id) {
			return &s.whole.Companies[i]
		}
	}
	return nil
}

// stamped returns the company that a stamp names, nil for none. A company with a
// stamp value of its own is named by that and not by its id.
func (s *seen) stamped(stamp string) *rightful.Company {
	for i, c := range s.whole.Companies {
		if rightful.SameID(c.StampValue, stamp) {
			return &s.whole.Companies[i]
		}
	}
	if c := s.company(stamp); c != nil && c.StampValue == "" {
		return c
	}
	return nil
}
