package screen

import (
	"cmp"
	"strings"

	"rightful"
)

// Cached takes in a cached value, after the families. What stands behind one that is
// not certain to be right is suspect.
func (s *Screen) Cached(e rightful.CacheEntry) {
	if !e.Found {
		return
	}
	value := s.raw(e.Value)
	switch {
	case e.UserID != "":
		who := s.of(e.UserID)
		u := s.users[who]
		i := s.at(s.of(e.Value))
		if u == nil || e.Holds == rightful.HoldsCompany && i >= 0 && !u.suspect && s.belongs(who, u, i, s.now) {
			return
		}
		s.buyers[who], u.suspect = true, true
	case e.CompanyID != "":
		i := s.at(s.of(e.CompanyID))
		if i < 0 {
			return
		}
		c := &s.companies[i]
		home, plain := s.homes[value]
		if e.Holds == rightful.HoldsCompany && rightful.SameID(e.Value, e.CompanyID) || c.link == value && c.links == 1 && plain && home == i {
			return
		}
		c.suspect = true
	default:
		at := s.raw(e.StripeCustomerID)
		home, plain := s.homes[at]
		if plain && (e.Holds == rightful.HoldsCustomer && e.Value == e.StripeCustomerID || e.Holds == rightful.HoldsCompany && s.companies[home].self == s.of(e.Value)) {
			return
		}
		s.families[at] = true
	}
}

// Answered takes in what the running app answers for a user, after the families.
func (s *Screen) Answered(userID string, a rightful.ProbeAnswer) {
	who := s.of(userID)
	u := s.users[who]
	if u == nil || a.Failed != "" || u.inactive || u.suspect {
		return
	}
	i := s.at(s.of(a.CompanyID))
	sure := i >= 0 && s.belongs(who, u, i, s.now)
	if s.mapping.Resolver == rightful.ResolverDirect {
		sure = sure && u.direct == s.companies[i].self
	} else {
		sure = sure && u.owned+u.member == 1
	}
	u.suspect = !sure
}

// Close draws the conclusions: what is beside a suspect is suspect where a verdict may
// depend on it.
func (s *Screen) Close() {
	for l := range s.links {
		// A link to what Stripe does not have, or to what is not plain.
		if home, plain := s.homes[l.customer]; !plain || home != s.at(l.company) {
			s.accuse(l.company)
			s.families[l.customer] = true
		}
	}
	for _, r := range s.rows {
		s.closeRow(*r)
	}
	for _, r := range s.bare {
		s.closeRow(row{company: r.company, customer: r.customer})
	}
	for i := range s.companies {
		if c := &s.companies[i]; c.homes > 1 {
			c.suspect = true
		}
	}
	for f := range s.families {
		if home, plain := s.homes[f]; plain {
			s.accuseAt(home)
		}
	}
	// Whoever bought something that is suspect may make it their company's.
	for who, u := range s.users {
		if u.suspect {
			s.buyers[who] = true
		}
		if s.buyers[who] {
			s.accuse(u.direct)
		}
	}
	for i := range s.companies {
		if c := &s.companies[i]; s.buyers[c.owner] {
			c.suspect = true
		}
	}
	for t := range s.ties {
		if s.buyers[t.user] {
			s.accuse(t.company)
		}
	}
	for i := range s.companies {
		if !s.companies[i].suspect {
			s.tally.PlainCompanies++
		}
	}
	for _, u := range s.users {
		if !u.suspect {
			s.tally.PlainUsers++
		}
	}
}

// closeRow looks at a row whose subscription was met, or not.
func (s *Screen) closeRow(r row) {
	home, plain := s.homes[r.customer]
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

// SuspectCompany reports, after Close, whether a company is to be judged, with all its
// families. An id that is no company's is suspect.
func (s *Screen) SuspectCompany(companyID string) bool {
	i := s.at(s.of(companyID))
	return i < 0 || s.companies[i].suspect
}

// SuspectUser reports, after Close, whether a user is to be judged. An id that is no
// user's is suspect.
func (s *Screen) SuspectUser(userID string) bool {
	u := s.users[s.of(userID)]
	return u == nil || u.suspect
}

// SuspectFamily reports, after Close, whether a family is to be judged: because it is
// not plain, or because it is that of a suspect company.
func (s *Screen) SuspectFamily(key string) bool {
	at := s.raw(key)
	home, plain := s.homes[at]
	return s.families[at] || plain && s.companies[home].suspect
}

// stamped notes what a stamp in the metadata may name.
func (s *Screen) stamped(stamps map[string]bool, metadata map[string]string) {
	for key, value := range metadata {
		if value != "" && key != s.rules.Keys.User {
			stamps[rightful.CanonicalID(value)] = true
		}
	}
}

// Narrow returns what of a situation the verdicts on suspects depend on: the suspects,
// and beside them the rows of those whom they name.
func (s *Screen) Narrow(sit *rightful.Situation) *rightful.Situation {
	out := *sit
	out.Families = nil
	emails, named, customers, subs := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	stamps := map[string]bool{} // of what is read at a second look
	for i := range sit.Families {
		f := &sit.Families[i]
		if !s.SuspectFamily(f.Key) {
			continue
		}
		out.Families = append(out.Families, *f)
		customers[f.StripeCustomerID] = !f.Guest()
		for _, o := range f.Objects() {
			emails[strings.ToLower(o.Email)] = o.Email != ""
			named[rightful.CanonicalID(o.Metadata[s.rules.Keys.User])] = true
			named[rightful.CanonicalID(o.ClientReferenceID)] = true
		}
		for _, o := range f.Subscriptions {
			subs[o.ID] = true
		}
		for _, o := range f.Methods {
			s.stamped(stamps, o.Metadata)
		}
	}
	for _, e := range sit.Events {
		s.stamped(stamps, e.Previous)
	}
	companies := map[string]bool{} // of users: beside the suspects, as rows only
	users := map[string]bool{}
	out.Users = nil
	for _, u := range sit.Users {
		at := rightful.CanonicalID(u.ID)
		missing := u.CompanyID != "" && s.at(s.of(u.CompanyID)) == nobody
		if s.SuspectUser(u.ID) || named[at] || emails[strings.ToLower(u.Email)] || missing {
			out.Users = append(out.Users, u)
			users[at] = true
			companies[rightful.CanonicalID(u.CompanyID)] = true
		}
	}
	out.Memberships = nil
	for _, m := range sit.Memberships {
		if users[rightful.CanonicalID(m.UserID)] || s.at(s.of(m.CompanyID)) == nobody {
			out.Memberships = append(out.Memberships, m)
			companies[rightful.CanonicalID(m.CompanyID)] = true
		}
	}
	out.Companies = nil
	for _, c := range sit.Companies {
		if s.SuspectCompany(c.ID) || companies[rightful.CanonicalID(c.ID)] || users[rightful.CanonicalID(c.OwnerUserID)] ||
			stamps[rightful.CanonicalID(cmp.Or(c.StampValue, c.ID))] {
			out.Companies = append(out.Companies, c)
		}
	}
	out.Links = nil
	for _, l := range sit.Links {
		if s.SuspectCompany(l.CompanyID) || customers[l.StripeCustomerID] {
			out.Links = append(out.Links, l)
		}
	}
	out.SubscriptionRows = nil
	for _, r := range sit.SubscriptionRows {
		if s.SuspectCompany(r.CompanyID) || customers[r.StripeCustomerID] || subs[r.StripeSubscriptionID] {
			out.SubscriptionRows = append(out.SubscriptionRows, r)
		}
	}
	out.Cache = nil
	for _, e := range sit.Cache {
		switch {
		case e.UserID != "" && !s.SuspectUser(e.UserID),
			e.CompanyID != "" && !s.SuspectCompany(e.CompanyID),
			e.StripeCustomerID != "" && !s.SuspectFamily(e.StripeCustomerID):
			continue
		}
		out.Cache = append(out.Cache, e)
	}
	return &out
}
