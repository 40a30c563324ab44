package screen

import (
	"cmp"
	"strings"

	"rightful"
)

// Keep says which rows the verdicts on suspects depend on: those of the suspects, and of
// those whom they name. It is told the suspects' families first, then asked about users,
// then memberships, then the rest.
type Keep struct {
	s         *Screen
	emails    map[string]bool
	named     map[string]bool // users
	customers map[string]bool
	subs      map[string]bool
	stamps    map[string]bool // of what is read at a second look
	users     map[string]bool // that are kept
	companies map[string]bool // of users: beside the suspects, as rows only
}

// Keep begins after Close.
func (s *Screen) Keep() *Keep {
	return &Keep{
		s: s, emails: map[string]bool{}, named: map[string]bool{}, customers: map[string]bool{}, subs: map[string]bool{},
		stamps: map[string]bool{}, users: map[string]bool{}, companies: map[string]bool{},
	}
}

// Customer tells a customer whose family is suspect.
func (k *Keep) Customer(id string) { k.customers[id] = id != "" }

// Object tells an object of a suspect's family that is none of its schedules.
func (k *Keep) Object(o *rightful.Object) {
	if o.Email != "" {
		k.emails[strings.ToLower(o.Email)] = true
	}
	for _, user := range []string{o.Metadata[k.s.rules.Keys.User], o.ClientReferenceID} {
		if user != "" {
			k.named[rightful.CanonicalID(user)] = true
		}
	}
	if o.Type == rightful.TypeSubscription {
		k.subs[o.ID] = true
	}
}

// Stamped tells metadata that is read at a second look.
func (k *Keep) Stamped(metadata map[string]string) {
	for key, value := range metadata {
		if value != "" && key != k.s.rules.Keys.User {
			k.stamps[rightful.CanonicalID(value)] = true
		}
	}
}

// User reports whether a user is kept.
func (k *Keep) User(u rightful.User) bool {
	at := rightful.CanonicalID(u.ID)
	missing := u.CompanyID != "" && k.s.at(k.s.of(u.CompanyID)) == nobody
	if !missing && !k.s.SuspectUser(u.ID) && !k.named[at] && (len(k.emails) == 0 || !k.emails[strings.ToLower(u.Email)]) {
		return false
	}
	k.users[at] = true
	k.companies[rightful.CanonicalID(u.CompanyID)] = true
	return true
}

// Membership reports whether a membership is kept, once all users were asked about.
func (k *Keep) Membership(m rightful.Membership) bool {
	if !k.users[rightful.CanonicalID(m.UserID)] && k.s.at(k.s.of(m.CompanyID)) != nobody {
		return false
	}
	k.companies[rightful.CanonicalID(m.CompanyID)] = true
	return true
}

// Company reports whether a company is kept, once all memberships were asked about.
func (k *Keep) Company(c rightful.Company) bool {
	return k.s.SuspectCompany(c.ID) || k.companies[rightful.CanonicalID(c.ID)] || k.users[rightful.CanonicalID(c.OwnerUserID)] ||
		len(k.stamps) > 0 && k.stamps[rightful.CanonicalID(cmp.Or(c.StampValue, c.ID))]
}

// Link reports whether a link is kept.
func (k *Keep) Link(l rightful.Link) bool {
	return k.s.SuspectCompany(l.CompanyID) || k.customers[l.StripeCustomerID]
}

// Row reports whether a subscription row is kept.
func (k *Keep) Row(r rightful.SubscriptionRow) bool {
	return k.s.SuspectCompany(r.CompanyID) || k.customers[r.StripeCustomerID] || k.subs[r.StripeSubscriptionID]
}

// Narrow returns what of a situation the verdicts on suspects depend on.
func (s *Screen) Narrow(sit *rightful.Situation) *rightful.Situation {
	k, out := s.Keep(), *sit
	out.Screened, out.Beside = true, s.beside
	out.Families = nil
	for i := range sit.Families {
		f := &sit.Families[i]
		if !s.SuspectFamily(f.Key) {
			continue
		}
		out.Families = append(out.Families, *f)
		k.Customer(f.StripeCustomerID)
		for _, o := range f.Objects() {
			k.Object(&o)
		}
		for _, o := range f.Methods {
			k.Stamped(o.Metadata)
		}
	}
	for _, e := range sit.Events {
		k.Stamped(e.Previous)
	}
	out.Users = kept(sit.Users, k.User)
	out.Memberships = kept(sit.Memberships, k.Membership)
	out.Companies = kept(sit.Companies, k.Company)
	out.Links = kept(sit.Links, k.Link)
	out.SubscriptionRows = kept(sit.SubscriptionRows, k.Row)
	out.Cache = kept(sit.Cache, func(e rightful.CacheEntry) bool {
		return (e.UserID == "" || s.SuspectUser(e.UserID)) && (e.CompanyID == "" || s.SuspectCompany(e.CompanyID)) &&
			(e.StripeCustomerID == "" || s.SuspectFamily(e.StripeCustomerID))
	})
	return &out
}

func kept[T any](all []T, keep func(T) bool) (out []T) {
	for _, one := range all {
		if keep(one) {
			out = append(out, one)
		}
	}
	return out
}
