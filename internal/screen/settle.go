package screen

import (
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
	s.eachCompany(func(i ref, c *company) {
		if u := s.users.of(c.owner); u != nil {
			more(&u.owned)
			u.mark(confirmed, u.direct == c.self)
			u.mark(suspect, c.gone)
		}
		c.suspect = c.suspect || c.links > 1
		if c.link != 0 {
			s.linked(c.link, i)
		}
	})
	for _, l := range s.links {
		s.linked(l.customer, s.at(l.company))
	}
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
	s.users.all(s.settleUser)
}

// sort sorts the tables, side by side. What has one id and is not the same is suspect.
func (s *Screen) sort() {
	var all sync.WaitGroup
	all.Go(s.sortCompanies)
	all.Go(s.sortUsers)
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
		if first := s.companies.of(c.self); first != c {
			for _, owner := range []id{c.owner, first.owner} {
				if u := s.users.of(owner); u != nil {
					u.mark(suspect, true)
				}
			}
		}
	})
}

func (s *Screen) sortCompanies() {
	s.companies.sort(func(several []company) {
		for i := range several {
			several[i].suspect = true
		}
	})
}

func (s *Screen) sortUsers() {
	s.users.sort(func(several []user) {
		for i := range several {
			several[i].mark(suspect, true)
		}
	})
}

// more counts, up to the greatest number.
func more(n *uint8) {
	if *n+1 != 0 {
		*n++
	}
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
	u.mark(history, true)
	c := s.companies.of(t.company)
	switch {
	case t.span == unclear || c == nil:
		u.mark(suspect, true)
	case t.active(s.now):
		more(&u.member)
		u.mark(suspect, c.gone)
	}
}

// settleUser comes after all that is known of a user was counted, but for the membership
// that stands with them.
func (s *Screen) settleUser(u *user) {
	c := s.companies.of(u.direct)
	if u.is(tied) {
		u.mark(history, true)
		switch {
		case u.span == unclear || c == nil:
			u.mark(suspect, true)
		case u.active(s.now):
			more(&u.member)
			u.mark(confirmed, true)
			u.mark(suspect, c.gone)
		}
	}
	u.mark(suspect, !u.is(inactive) && !s.settled(u, c))
}

// settled reports whether nothing can be said about the company of an active user. c is
// that of the direct column.
func (s *Screen) settled(u *user, c *company) bool {
	m := s.mapping
	if m.Resolver == rightful.ResolverSQL {
		return false
	}
	has := u.owned > 0 || u.member > 0
	if u.direct == 0 {
		return has
	}
	return c != nil && !c.gone && (u.is(confirmed) || !has && !u.is(history))
}
