package screen

import (
	"rightful"
	"rightful/internal/judge"
)

// Suspect makes a family suspect, whatever it holds, while families are taken in.
func (s *Screen) Suspect(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.families[s.raw(key)] = true
}

// home returns the company of a plain family, and whether it is one.
func (s *Screen) home(of id) (ref, bool) {
	if at := s.spots.of(of); at != nil && at.home.company() {
		return at.home, true
	}
	return nobody, false
}

// Cached takes in a cached value, after the families. What stands behind one that is
// not certain to be right is suspect.
func (s *Screen) Cached(e rightful.CacheEntry) {
	if !e.Found {
		return
	}
	value := s.raw(e.Value)
	switch {
	case e.UserID != "":
		u := s.users.of(s.of(e.UserID))
		i := s.at(s.of(e.Value))
		if u == nil || e.Holds == rightful.HoldsCompany && i != nobody && !u.is(suspect) && s.belongs(u, i, s.now) {
			return
		}
		s.buyers[u.self] = true
		u.mark(suspect, true)
	case e.CompanyID != "":
		i := s.at(s.of(e.CompanyID))
		if i == nobody {
			return
		}
		c := s.company(i)
		home, plain := s.home(value)
		if e.Holds == rightful.HoldsCompany && rightful.SameID(e.Value, e.CompanyID) || c.link == value && c.links == 1 && plain && home == i {
			return
		}
		c.suspect = true
	default:
		at := s.raw(e.StripeCustomerID)
		home, plain := s.home(at)
		if plain && (e.Holds == rightful.HoldsCustomer && e.Value == e.StripeCustomerID || e.Holds == rightful.HoldsCompany && s.company(home).self == s.of(e.Value)) {
			return
		}
		s.families[at] = true
	}
}

// Answered takes in what the running app answers for a user, after the families.
func (s *Screen) Answered(userID string, a rightful.ProbeAnswer) {
	u := s.users.of(s.of(userID))
	if u == nil || a.Failed != "" || u.is(inactive|suspect) {
		return
	}
	i := s.at(s.of(a.CompanyID))
	sure := i != nobody && s.belongs(u, i, s.now)
	if s.mapping.Resolver == rightful.ResolverDirect {
		sure = sure && u.direct == s.company(i).self
	} else {
		sure = sure && int(u.owned)+int(u.member) == 1
	}
	u.mark(suspect, !sure)
}

// SuspectAll makes every company suspect that has a customer of its own: for an account
// with so few that each is looked at closely. It comes before Close.
func (s *Screen) SuspectAll() {
	s.eachCompany(func(i ref, c *company) {
		if c.homes > 0 {
			s.accuseAt(i)
		}
	})
}

// Close draws the conclusions: what is beside a suspect is suspect where a verdict may
// depend on it.
func (s *Screen) Close() {
	linked := func(customer id, by ref) {
		// A link to what Stripe does not have, or to what is not plain.
		if home, plain := s.home(customer); !plain || home != by {
			s.accuseAt(by)
			s.families[customer] = true
		}
	}
	s.eachCompany(func(i ref, c *company) {
		if c.link != 0 {
			linked(c.link, i)
		}
	})
	for _, l := range s.links {
		linked(l.customer, s.at(l.company))
	}
	s.rows.all(s.closeRow)
	for i := range s.bare {
		s.closeRow(&row{company: s.bare[i].company, customer: s.bare[i].customer})
	}
	s.eachCompany(func(i ref, c *company) {
		if c.homes > 1 {
			s.accuseAt(i)
		}
	})
	for f := range s.families {
		if home, plain := s.home(f); plain {
			s.accuseAt(home)
		}
	}
	// Whoever bought something that is suspect may make it their company's.
	s.users.all(func(u *user) {
		if u.is(suspect) || u.email != 0 && s.emails[u.email] {
			s.buyers[u.self] = true
		}
	})
	s.users.all(func(u *user) {
		if s.buyers[u.self] {
			s.accuse(u.direct)
		}
	})
	s.eachCompany(func(i ref, c *company) {
		if s.buyers[c.owner] {
			s.accuseAt(i)
		}
	})
	s.ties.all(func(t *tie) {
		if s.buyers[t.user] {
			s.accuse(t.company)
		}
	})
	s.tally.PlainCompanies, s.tally.PlainUsers = 0, 0
	s.eachCompany(func(i ref, c *company) {
		if s.company(i).suspect {
			c.suspect = true
			s.beside -= int(c.homes)
			c.homes = 0 // counted
		} else {
			s.tally.PlainCompanies++
		}
	})
	s.users.all(func(u *user) {
		if !u.is(suspect) {
			s.tally.PlainUsers++
		}
	})
}

// Forget gives back, after the last Close, what only conclusions are drawn from: what is
// suspect, and what is kept, is told as before.
func (s *Screen) Forget() {
	s.ties, s.rows = table[tie, *tie]{}, table[row, *row]{}
	s.links, s.bare, s.accused = nil, nil, nil
	s.stamps, s.buyers, s.emails = nil, nil, nil
}

// closeRow looks at a row whose subscription was met, or not.
func (s *Screen) closeRow(r *row) {
	home, plain := s.home(r.customer)
	if r.seen && (r.customer == 0 || plain && home == s.at(r.company)) {
		return
	}
	s.accuse(r.company)
	if r.customer != 0 {
		s.families[r.customer] = true
	}
}

// Tally counts, after Close.
func (s *Screen) Tally() Tally { return s.tally }

// Beside returns, after Close, how many customers of ours are not suspect.
func (s *Screen) Beside() int { return s.beside }

// SuspectCompany reports, after Close, whether a company is to be judged, with all its
// families. An id that is no company's is suspect.
func (s *Screen) SuspectCompany(companyID string) bool {
	c := s.companies.of(s.of(companyID))
	return c == nil || c.suspect
}

// SuspectUser reports, after Close, whether a user is to be judged. An id that is no
// user's is suspect.
func (s *Screen) SuspectUser(userID string) bool {
	u := s.users.of(s.of(userID))
	return u == nil || u.is(suspect)
}

// SuspectFamily reports, after Close, whether a family is to be judged: because it is
// not plain, or because it is that of a suspect company.
func (s *Screen) SuspectFamily(key string) bool {
	at := s.raw(key)
	if s.families[at] {
		return true
	}
	home, plain := s.home(at)
	return plain && s.company(home).suspect
}

// Cleared reports, after Close, whose a family is that is not suspect in itself; "" for one
// that is.
func (s *Screen) Cleared(key string) judge.Owner {
	at := s.spots.of(s.raw(key))
	switch {
	case at == nil || at.home == nobody:
		return ""
	case at.home == foreign:
		return judge.OwnerOther
	case at.home == unreached:
		return judge.OwnerNobody
	}
	return judge.OwnerUs
}
