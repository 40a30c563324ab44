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
// user could act for a company then. It counts as a membership that lasted for as long
// as the purchase took, and only of a user of whom memberships are known at all: of
// others, nothing outside of these is held to be wrong anyway.
func (b *Bought) Recorded(user, company string) Bought {
	if !b.History(user) || b.belongedThroughout(user, company) {
		return *b
	}
	sit := new(*b.j.sit)
	sit.Memberships = append(slices.Clone(sit.Memberships), rightful.Membership{
		UserID: user, CompanyID: company, JoinedAt: b.session.Created, LeftAt: b.madeUntil() + 1,
	})
	again, known := BoughtOf(sit, b.j.rules, b.session.ID)
	if !known {
		return *b
	}
	return again
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
