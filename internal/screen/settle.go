package screen

import (
	"slices"
	"sync"

	"rightful"
)

// Settle ends the rows of the database: from here on, families are taken in.
func (s *Screen) Settle() {
	s.sort()
	for _, c := range s.accused {
		s.accuse(c)
	}
	for stamp, named := range s.stamps {
		if c := s.companies.of(stamp); c != nil && !c.named { // another one is meant by that, too
			c.suspect = true
			s.accuse(named)
		}
	}
	for i := range s.links {
		s.settleLink(&s.links[i])
	}
	s.eachCompany(func(i ref, c *company) {
		if u := s.users.of(c.owner); u != nil {
			more(&u.owned)
			u.confirmed = u.confirmed || u.direct == c.self
			u.suspect = u.suspect || c.gone
		}
		c.suspect = c.suspect || c.links > 1
		if c.link != 0 {
			s.linked(c.link, i)
		}
	})
	s.links = slices.DeleteFunc(s.links, func(l link) bool {
		at := s.at(l.company)
		s.linked(l.customer, at)
		// The first company of an id has its link, when there is but one.
		return at != nobody && s.company(at).links == 1
	})
	s.links = slices.Clone(s.links) // what is left out is given back
	payer := func(r *row) {
		if r.customer != 0 {
			if at := s.spots.at(r.customer); at.linker == nobody {
				at.linker = rowed
			}
		}
	}
	s.rows.all(payer)
	for i := range s.bare {
		payer(&s.bare[i])
	}
	s.ties.all(s.settleTie)
	s.users.all(func(u *user) { u.suspect = u.suspect || !u.inactive && !s.settled(u) })
}

// sort sorts the tables, side by side. What has one id and is not the same is suspect.
func (s *Screen) sort() {
	var all sync.WaitGroup
	all.Go(func() {
		s.companies.sort(func(several []company) {
			for i := range several {
				several[i].suspect = true
			}
		})
	})
	all.Go(func() {
		s.users.sort(func(several []user) {
			for i := range several {
				several[i].suspect = true
			}
		})
	})
	all.Go(func() {
		s.ties.sort(func(several []tie) {
			for i := range several {
				if several[i].span != several[0].span {
					several[0].span = unclear
				}
			}
			for i := range several {
				several[i].span = several[0].span
			}
		})
	})
	all.Go(func() {
		s.rows.sort(func(several []row) {
			for i := range several {
				several[i].several = true
			}
		})
	})
	all.Wait()
	// Of a company that is there twice, only one row counts: whose it is, nobody tells.
	s.companies.all(func(c *company) {
		if part, at, found := s.companies.find(c.self); found && &part[at] != c {
			for _, owner := range []id{c.owner, part[at].owner} {
				if u := s.users.of(owner); u != nil {
					u.suspect = true
				}
			}
		}
	})
}

// more counts, up to the greatest number.
func more[N uint8 | uint16](n *N) {
	if *n+1 != 0 {
		*n++
	}
}

func (s *Screen) settleLink(l *link) {
	c := s.companies.of(l.company)
	if c == nil {
		return
	}
	if c.links == 0 {
		c.link, c.links = l.customer, 1
	} else if c.link != l.customer {
		more(&c.links)
	}
	c.suspect = c.suspect || l.placeholder
}

// linked notes who links a customer.
func (s *Screen) linked(customer id, by ref) {
	if by == nobody {
		by = several // a company that does not exist
	}
	at := s.spots.at(customer)
	if at.linker != nobody && at.linker != by {
		s.accuseAt(at.linker)
		s.accuseAt(by)
		by = several
	}
	at.linker = by
}

func (s *Screen) settleTie(t *tie) {
	u := s.users.of(t.user)
	if u == nil {
		return
	}
	u.history = true
	c := s.companies.of(t.company)
	if t.span == unclear || c == nil {
		u.suspect = true
		return
	}
	if t.active(s.now) {
		more(&u.member)
		u.confirmed = u.confirmed || u.direct == t.company
		u.suspect = u.suspect || c.gone
	}
}

// settled reports whether nothing can be said about the company of an active user.
func (s *Screen) settled(u *user) bool {
	m := s.mapping
	if m.Resolver == rightful.ResolverSQL {
		return false
	}
	if u.direct == 0 {
		return u.owned+u.member > 0
	}
	c := s.companies.of(u.direct)
	return c != nil && !c.gone && (u.confirmed || u.owned+u.member == 0 && !u.history)
}
