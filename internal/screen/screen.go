// Package screen tells, before anything is judged, about what the judge can have
// nothing to say. It looks at each row and each Stripe object once, keeps a few
// numbers of it, and clears the companies, users and families that are plain: one live
// company with one customer at most, every stamp, link, row and buyer of which names
// it. All the rest is suspect, and is judged in full.
//
// It errs on one side only. What it clears, the judge is silent about, whatever else
// stands elsewhere; what it does not clear need not be wrong. A verdict on a suspect is
// that of an audit of everything, because Narrow keeps all that it depends on.
//
// Ids are kept as 64-bit hashes under a seed that nobody knows. Two ids with one hash
// are taken for one, which makes things suspect, with an exception: a buyer, a link, a
// row or a stamp that names the wrong company is taken for right if its hash happens to
// be that of the right one. Of ten million that are wrong, against ten million that are
// kept, that is expected to happen to 10^14 / 1.8*10^19 of them: once in 180,000 audits.
package screen

import (
	"hash/maphash"
	"strings"

	"rightful"
	"rightful/internal/judge"
)

// Fewest is up to how many customers an account is judged without screening. The judge
// wants to look at each customer of such an account closely, and may find something
// about any of them there.
const Fewest = 100

// Screen takes in the rows of a database, then, after Settle, the families of a Stripe
// account, then cached values and what the running app answers, and after Close tells
// what is suspect. It is not for several goroutines.
type Screen struct {
	rules   judge.Rules
	mapping rightful.Mapping
	now     int64
	seed    maphash.Seed

	companies []company
	byID      map[id]int32 // company id -> its index
	byStamp   map[id]int32 // what a stamp holds -> the company that it names
	users     map[id]*user
	emails    map[id][]id  // lower-case email -> users
	ties      map[tie]span // memberships
	links     map[link]bool
	linkers   map[id]int32 // customer -> the company that links it, several or nobody
	rows      map[id]*row  // by subscription
	bare      []row        // rows without a subscription
	payers    map[id]bool  // customers that rows name

	homes    map[id]int32 // plain family -> its company
	families map[id]bool  // suspect families
	buyers   map[id]bool  // users on suspect families
	tally    Tally
}

// id is the hash of an id; 0 is none.
type id uint64

// Companies that are none.
const (
	nobody  int32 = -1
	several int32 = -2
)

type company struct {
	self    id
	owner   id
	parent  id
	merged  id
	link    id // the one customer that it links
	links   int
	homes   int // customers that are its own
	gone    bool
	suspect bool
}

type user struct {
	direct    id
	inactive  bool
	suspect   bool
	history   bool // there are membership rows
	owned     int  // companies that they own
	member    int  // companies that they belong to now, by a membership row
	confirmed bool // one of these is that of the direct column
}

type tie struct{ user, company id }

// span is when a membership counts. Several rows of a pair are several spans, and
// what they say together is left to the judge.
type span struct {
	joined, left int64
	several      bool
}

type link struct{ company, customer id }

type row struct {
	company, customer id
	live, ended, seen bool
	several           bool
}

// Tally counts what was looked at, and what of it was cleared. Owners of suspect
// families are counted by the judge.
type Tally struct {
	Companies, Users, Families, Objects int
	PlainCompanies, PlainUsers          int
	PlainFamilies, PlainObjects         int
	Plain                               judge.Ownership // of cleared families
}

// New returns an empty screen. now is in Unix seconds.
func New(rules judge.Rules, mapping rightful.Mapping, now int64) *Screen {
	return &Screen{
		rules: rules, mapping: mapping, now: now, seed: maphash.MakeSeed(),
		byID: map[id]int32{}, byStamp: map[id]int32{}, users: map[id]*user{}, emails: map[id][]id{}, ties: map[tie]span{},
		links: map[link]bool{}, linkers: map[id]int32{}, rows: map[id]*row{}, payers: map[id]bool{},
		homes: map[id]int32{}, families: map[id]bool{}, buyers: map[id]bool{},
	}
}

// of hashes an id of the app, or a stamp that may be one.
func (s *Screen) of(text string) id { return s.raw(rightful.CanonicalID(text)) }

// raw hashes an id of Stripe.
func (s *Screen) raw(text string) id {
	if text == "" {
		return 0
	}
	return id(max(maphash.String(s.seed, text), 1))
}

func (s *Screen) placeholder(customer string) bool {
	for _, p := range s.rules.Placeholders {
		if p.MatchString(customer) {
			return true
		}
	}
	return false
}

// Company takes in a company, with the link in its column.
func (s *Screen) Company(c rightful.Company) {
	s.tally.Companies++
	self := s.of(c.ID)
	if i, known := s.byID[self]; known {
		s.companies[i].suspect = true
		return
	}
	i := int32(len(s.companies))
	s.companies = append(s.companies, company{
		self: self, owner: s.of(c.OwnerUserID), parent: s.of(c.BillingParentID), merged: s.of(c.MergedInto),
		gone:    !c.Live(),
		suspect: c.ID == "" || c.Deleted || c.MergedInto != "" || c.BillingParentID != "" || s.placeholder(c.StripeCustomerID),
	})
	s.byID[self] = i
	stamp := self
	if c.StampValue != "" {
		stamp = s.of(c.StampValue)
	}
	if other, taken := s.byStamp[stamp]; taken {
		s.companies[i].suspect, s.companies[other].suspect = true, true
	}
	s.byStamp[stamp] = i
	if c.StripeCustomerID != "" {
		s.links[link{self, s.raw(c.StripeCustomerID)}] = false
	}
}

// Link takes in a row of the table of links.
func (s *Screen) Link(l rightful.Link) {
	if l.CompanyID != "" && l.StripeCustomerID != "" {
		at := link{s.of(l.CompanyID), s.raw(l.StripeCustomerID)}
		s.links[at] = s.links[at] || s.placeholder(l.StripeCustomerID)
	}
}

// User takes in a user.
func (s *Screen) User(u rightful.User) {
	s.tally.Users++
	self := s.of(u.ID)
	if at := s.raw(strings.ToLower(u.Email)); at != 0 {
		s.emails[at] = append(s.emails[at], self)
	}
	if known := s.users[self]; known != nil {
		known.suspect = true
		return
	}
	s.users[self] = &user{direct: s.of(u.CompanyID), inactive: u.Inactive, suspect: self == 0}
}

// Membership takes in a membership.
func (s *Screen) Membership(m rightful.Membership) {
	at := tie{s.of(m.UserID), s.of(m.CompanyID)}
	if at.user == 0 || at.company == 0 {
		return
	}
	was, known := s.ties[at]
	now := span{joined: m.JoinedAt, left: m.LeftAt}
	if known && was != now {
		now.several = true
	}
	s.ties[at] = now
}

// Row takes in a subscription row.
func (s *Screen) Row(r rightful.SubscriptionRow) {
	status := strings.ToLower(r.Status)
	kept := row{
		company: s.of(r.CompanyID), customer: s.raw(r.StripeCustomerID),
		live: judge.LiveWord(status), ended: judge.EndedWord(status),
	}
	if kept.customer != 0 {
		s.payers[kept.customer] = true
	}
	sub := s.raw(r.StripeSubscriptionID)
	switch known := s.rows[sub]; {
	case sub == 0:
		s.bare = append(s.bare, kept)
	case known != nil:
		known.several = true
		kept.several = true
		s.bare = append(s.bare, kept) // its company is suspect, too
	default:
		s.rows[sub] = &kept
	}
}

// Settle ends the rows of the database: from here on, families are taken in.
func (s *Screen) Settle() {
	for i := range s.companies {
		c := &s.companies[i]
		s.accuse(c.parent)
		s.accuse(c.merged)
		if u := s.users[c.owner]; u != nil {
			u.owned++
			u.confirmed = u.confirmed || u.direct == c.self
			u.suspect = u.suspect || c.gone
		}
	}
	for l, placeholder := range s.links {
		i := s.at(l.company)
		if i >= 0 {
			c := &s.companies[i]
			c.links++
			c.link = l.customer
			c.suspect = c.suspect || placeholder || c.links > 1
		}
		if other, linked := s.linkers[l.customer]; linked && other != i {
			s.accuseAt(other)
			s.accuseAt(i)
			i = several
		}
		s.linkers[l.customer] = i
	}
	for t, at := range s.ties {
		u := s.users[t.user]
		if u == nil {
			continue
		}
		u.history = true
		i := s.at(t.company)
		if at.several || i == nobody {
			u.suspect = true
			continue
		}
		if at.active(s.now) {
			u.member++
			u.confirmed = u.confirmed || u.direct == t.company
			u.suspect = u.suspect || s.companies[i].gone
		}
	}
	for _, u := range s.users {
		u.suspect = u.suspect || !u.inactive && !s.settled(u)
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
	i := s.at(u.direct)
	return i >= 0 && !s.companies[i].gone && (u.confirmed || u.owned+u.member == 0 && !u.history)
}

// at returns the index of a company, or nobody.
func (s *Screen) at(company id) int32 {
	if i, known := s.byID[company]; known {
		return i
	}
	return nobody
}

// accuse makes a company suspect, if there is one.
func (s *Screen) accuse(company id) { s.accuseAt(s.at(company)) }

func (s *Screen) accuseAt(i int32) {
	if i >= 0 {
		s.companies[i].suspect = true
	}
}

func (p span) active(at int64) bool {
	return rightful.Membership{JoinedAt: p.joined, LeftAt: p.left}.ActiveAt(at)
}

// belongs reports whether it is certain that a user belonged to a company at a time, by
// a membership, or belongs to it now and ever did. Whoever left since speaks for nobody.
func (s *Screen) belongs(who id, u *user, i int32, at int64) bool {
	c := &s.companies[i]
	p, member := s.ties[tie{who, c.self}]
	if p.several {
		return false
	}
	if member && p.active(at) {
		return true
	}
	if u.direct != c.self && c.owner != who {
		return false
	}
	// Column and owner have no history: they speak for every time but the one before
	// the first membership of the pair.
	return !member || at >= s.now || at >= p.joined-rightful.JoinTolerance
}
