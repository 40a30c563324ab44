package gateway

import (
	"slices"

	"rightful"
)

// firmlyAnothers reports whether a session that is not the user's may be refused for
// what a narrow look shows: it speaks for itself, nothing is wrong with it, and nothing
// ties the user to it.
func (s *seen) firmlyAnothers() bool {
	one := len(s.bought.Companies) == 1 || len(s.bought.Companies) == 0 && s.bought.Gone != ""
	return one && !s.bought.Contested && s.bought.Firm && !s.bought.BoughtBy(s.user) && !troubled(s.verdict) && !tied(s.sit, s.keys, s.user, s.named())
}

// named are the companies that the session is firmly for.
func (s *seen) named() []string {
	if s.bought.Gone != "" {
		return []string{s.bought.Gone}
	}
	return s.bought.Companies
}

// tied reports whether anything at all, of whatever time, ties a user to one of the
// companies: a way of theirs, what was merged with it, or that they stand on an object
// which was read. Who has been there once is looked at widely.
func tied(sit *rightful.Situation, keys rightful.KeySet, user string, companies []string) bool {
	theirs := func(id string) bool {
		if id == "" {
			return false
		}
		if slices.ContainsFunc(companies, func(c string) bool { return rightful.SameID(c, id) }) {
			return true
		}
		c := find(sit.Companies, id)
		return c != nil && c.MergedInto != "" // where that leads, a wide look follows
	}
	for _, u := range sit.Users {
		if rightful.SameID(u.ID, user) && theirs(u.CompanyID) {
			return true
		}
	}
	for _, m := range sit.Memberships {
		if rightful.SameID(m.UserID, user) && theirs(m.CompanyID) {
			return true
		}
	}
	for _, c := range sit.Companies {
		if rightful.SameID(c.OwnerUserID, user) && theirs(c.ID) {
			return true
		}
	}
	if theirs(sit.Resolved[rightful.CanonicalID(user)].CompanyID) {
		return true
	}
	for _, f := range sit.Families {
		for _, o := range append(f.Objects(), f.Customer) {
			if rightful.SameID(o.Metadata[keys.User], user) {
				return true
			}
		}
	}
	return false
}
