package judge

import (
	"slices"

	"rightful"
)

// Stamps reports whether the session's own stamps name this user and this company: what
// a record of its making may be believed about.
func (b *Bought) Stamps(user, company string) bool {
	value := b.j.stampValue(b.session)
	if c := b.j.stamped(value); c != nil {
		value = c.ID
	}
	return company != "" && user != "" && rightful.SameID(value, company) && rightful.SameID(b.j.userValue(b.session), user)
}

// Recorded judges the session again, with what a record of its making says: that its
// user could act for a company then.
func (b *Bought) Recorded(user, company string) Bought {
	m, tells := b.recorded(user, company)
	if !tells {
		return *b
	}
	again, known := BoughtOf(withMemberships(b.j.sit, m), b.j.rules, b.session.ID)
	if !known {
		return *b
	}
	return again
}

// WithRecords returns the situation with what records of how its sessions were made say,
// by the sessions' ids, each where the session went through and its stamps still say the
// same; false when they add nothing to what is known.
func WithRecords(sit *rightful.Situation, rules Rules, made map[string]rightful.Intent) (*rightful.Situation, bool) {
	var more []rightful.Membership
	j := begin(sit, rules)
	for _, f := range j.families {
		for _, s := range f.Sessions {
			in, known := made[s.ID]
			b := Bought{j: j, f: f, p: *f.purchaseOf(s.ID), session: s}
			if !known || !b.p.done() || !b.Stamps(in.UserID, in.CompanyID) {
				continue
			}
			if m, tells := b.recorded(in.UserID, in.CompanyID); tells {
				more = append(more, m)
			}
		}
	}
	return withMemberships(sit, more...), len(more) > 0
}

// recorded returns what a record of the session's making adds to what is known. It
// counts as a membership that lasted for as long as the purchase took, and only of a user
// of whom memberships are known at all: of others, nothing outside of these is held to
// be wrong anyway.
func (b *Bought) recorded(user, company string) (m rightful.Membership, tells bool) {
	if !b.History(user) || b.belongedThroughout(user, company) {
		return m, false
	}
	return rightful.Membership{UserID: user, CompanyID: company, JoinedAt: b.session.Created, LeftAt: b.madeUntil() + 1}, true
}

// withMemberships returns the situation with memberships more.
func withMemberships(sit *rightful.Situation, more ...rightful.Membership) *rightful.Situation {
	sit = new(*sit)
	sit.Memberships = append(slices.Clone(sit.Memberships), more...)
	return sit
}

// belongedThroughout reports whether a user belonged to a company for as long as the
// purchase took.
func (b *Bought) belongedThroughout(user, company string) bool {
	company = rightful.CanonicalID(company)
	return b.j.belongedAt(user, company, b.session.Created) && b.j.belongedAt(user, company, b.madeUntil())
}

// madeUntil is when the last of what the purchase made was created, Unix seconds.
func (b *Bought) madeUntil() int64 {
	until := b.session.Created
	for _, o := range b.p.objects {
		until = max(until, o.Created)
	}
	return until
}
