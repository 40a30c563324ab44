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
	"math"
	"math/bits"
	"strings"
	"sync"

	"rightful"
	"rightful/internal/judge"
)

// Fewest is up to how many customers an account is judged without screening. The judge
// wants to look at each customer of such an account closely, and may find something
// about any of them there.
const Fewest = 100

// Screen takes in the rows of a database, then, after Settle, the families of a Stripe
// account, then cached values and what the running app answers, and after Close tells
// what is suspect. Companies and then links, users and then memberships, and subscription
// rows may be taken in by three goroutines; each Family belongs to one, and there may be
// many. All the rest is for one goroutine.
type Screen struct {
	rules   judge.Rules
	mapping rightful.Mapping
	now     int64
	seed    maphash.Seed

	companies table[company, *company]
	stamps    map[id]id // stamps of companies that have one of their own -> the company
	users     table[user, *user]
	ties      table[tie, *tie]
	links     []link // rows of a table of links, where the company does not tell them
	rows      table[row, *row]
	bare      []row // rows without a subscription
	accused   []id  // companies that are suspect, whatever else is known

	mu       sync.Mutex // while there are families
	spots    spots
	families map[id]bool    // suspect families
	buyers   map[id]bool    // users on suspect families
	emails   map[short]bool // emails on suspect families
	tally    Tally
	beside   int
}

// id is the hash of an id; 0 is none.
type id uint64

// ref is where a company is: the part of its table, and the place in it.
type ref uint32

const placeBits = 24

// What is no company.
const (
	nobody    ref = ^ref(0) - iota
	several       // there is not one company
	rowed         // no link, and a row names it
	foreign       // another application's
	unreached     // nothing of ours reaches it
	nowhere       // the greatest that is a company is below
)

func (r ref) company() bool { return r < nowhere }

type company struct {
	self    id
	owner   id
	link    id // the one customer that it links
	links   uint8
	homes   uint8 // customers that are its own, up to 255
	gone    bool
	named   bool // stamps do not hold its id
	suspect bool
}

func (c *company) key() id { return c.self }

type user struct {
	self   id
	direct id
	span         // of the membership in the company of the direct column, when there is one
	email  short // 0: none
	owned  uint8 // companies that they own, up to the greatest
	member uint8 // companies that they belong to now, by a membership row
	marks
}

func (u *user) key() id { return u.self }

// marks are what is known of a user.
type marks uint8

const (
	inactive  marks = 1 << iota
	suspect         // is to be judged
	history         // there are membership rows
	confirmed       // one of these, or a company that they own, is that of the direct column
	tied            // there is a span
)

func (m marks) is(what marks) bool { return m&what != 0 }

func (m *marks) mark(what marks, when bool) {
	if when {
		*m |= what
	}
}

// short is half of a hash: for what does no harm if two are taken for one.
type short uint32

func (i id) short() short {
	if i == 0 {
		return 0
	}
	return max(short(i>>32), 1)
}

// tie is a membership that is not in the company of the direct column.
type tie struct {
	user, company id
	span
}

func (t *tie) key() id { return pair(t.user, t.company) }

// span is when a membership counts. Several rows of a pair are several spans, and
// what they say together is left to the judge, and so is a time that is none.
type span struct {
	joined, left uint32
}

// unclear is a span of which nothing is told.
var unclear = span{math.MaxUint32, math.MaxUint32}

type link struct {
	company, customer id
}

type row struct {
	sub               id
	company, customer id
	live, ended, seen bool
	several           bool
}

func (r *row) key() id { return r.sub }

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
		stamps: map[id]id{}, families: map[id]bool{}, buyers: map[id]bool{}, emails: map[short]bool{},
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

// pair is the id of a membership.
func pair(user, company id) id {
	high, low := bits.Mul64(uint64(user), uint64(company)|1)
	return id(high ^ low ^ bits.RotateLeft64(uint64(user), 21))
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
	kept := company{
		self: self, owner: s.of(c.OwnerUserID), link: s.raw(c.StripeCustomerID), gone: !c.Live(), named: c.StampValue != "",
		suspect: c.ID == "" || c.Deleted || c.MergedInto != "" || c.BillingParentID != "" || s.placeholder(c.StripeCustomerID),
	}
	for _, other := range []string{c.BillingParentID, c.MergedInto} {
		if other != "" {
			s.accused = append(s.accused, s.of(other))
		}
	}
	if kept.link != 0 {
		kept.links = 1
	}
	if kept.named {
		stamp := s.of(c.StampValue)
		if other, taken := s.stamps[stamp]; taken {
			s.accused = append(s.accused, self, other)
		}
		s.stamps[stamp] = self
	}
	s.companies.add(kept)
}

// Link takes in a row of the table of links, once all companies were taken in.
func (s *Screen) Link(l rightful.Link) {
	if l.CompanyID == "" || l.StripeCustomerID == "" {
		return
	}
	s.sortCompanies()
	kept := link{s.of(l.CompanyID), s.raw(l.StripeCustomerID)}
	c := s.companies.of(kept.company)
	if c == nil {
		s.links = append(s.links, kept)
		return
	}
	c.suspect = c.suspect || s.placeholder(l.StripeCustomerID)
	switch {
	case c.links == 0:
		c.link, c.links = kept.customer, 1
	case c.link != kept.customer:
		more(&c.links)
		s.links = append(s.links, kept)
	}
}

// User takes in a user.
func (s *Screen) User(u rightful.User) {
	s.tally.Users++
	kept := user{self: s.of(u.ID), direct: s.of(u.CompanyID), email: s.raw(strings.ToLower(u.Email)).short()}
	kept.mark(inactive, u.Inactive)
	kept.mark(suspect, kept.self == 0)
	s.users.add(kept)
}

// Membership takes in a membership, once all users were taken in.
func (s *Screen) Membership(m rightful.Membership) {
	t := tie{user: s.of(m.UserID), company: s.of(m.CompanyID), span: unclear}
	if t.user == 0 || t.company == 0 {
		return
	}
	if ok := func(at int64) bool { return at >= 0 && at < math.MaxUint32 }; ok(m.JoinedAt) && ok(m.LeftAt) {
		t.span = span{uint32(m.JoinedAt), uint32(m.LeftAt)}
	}
	s.sortUsers()
	u := s.users.of(t.user)
	switch {
	case u == nil || u.direct != t.company:
		s.ties.add(t)
	case u.is(tied) && u.span != t.span:
		u.span = unclear
	default:
		u.span = t.span
		u.mark(tied, true)
	}
}

// Row takes in a subscription row.
func (s *Screen) Row(r rightful.SubscriptionRow) {
	status := strings.ToLower(r.Status)
	kept := row{
		sub: s.raw(r.StripeSubscriptionID), company: s.of(r.CompanyID), customer: s.raw(r.StripeCustomerID),
		live: judge.LiveWord(status), ended: judge.EndedWord(status),
	}
	if kept.sub == 0 {
		s.bare = append(s.bare, kept)
		return
	}
	s.rows.add(kept)
}

// at returns where a company is, or nobody.
func (s *Screen) at(company id) ref {
	if _, at, found := s.companies.find(company); found {
		return ref(company>>56)<<placeBits | ref(at)
	}
	return nobody
}

// company returns a company by its place.
func (s *Screen) company(i ref) *company {
	return s.companies.parts[i>>placeBits].at(int(i & (1<<placeBits - 1)))
}

// eachCompany calls f for each company. Those of one id are where the first of them is.
func (s *Screen) eachCompany(f func(ref, *company)) {
	for p := range s.companies.parts {
		part, first := &s.companies.parts[p], 0
		for i := range part.size {
			if part.id(i) != part.id(first) {
				first = i
			}
			f(ref(p)<<placeBits|ref(first), part.at(i))
		}
	}
}

// stamped returns the company that a stamp names, or nobody.
func (s *Screen) stamped(stamp id) ref {
	if named, known := s.stamps[stamp]; known {
		return s.at(named)
	}
	if i := s.at(stamp); i != nobody && !s.company(i).named {
		return i
	}
	return nobody
}

// accuse makes a company suspect, if there is one.
func (s *Screen) accuse(company id) { s.accuseAt(s.at(company)) }

func (s *Screen) accuseAt(i ref) {
	if i.company() {
		s.company(i).suspect = true
	}
}

func (p span) active(at int64) bool {
	return rightful.Membership{JoinedAt: int64(p.joined), LeftAt: int64(p.left)}.ActiveAt(at)
}

// belongs reports whether it is certain that a user who is not suspect belonged to a
// company at a time, by a membership, or belongs to it now and ever did. Whoever left
// since speaks for nobody.
func (s *Screen) belongs(u *user, i ref, at int64) bool {
	c := s.company(i)
	when, member := u.span, u.is(tied)
	if u.direct != c.self {
		t := s.ties.of(pair(u.self, c.self))
		if t != nil && (t.user != u.self || t.company != c.self) {
			return false
		}
		if member = t != nil; member {
			when = t.span
		}
	}
	switch {
	case member && when.active(at):
		return true
	case u.direct != c.self && c.owner != u.self:
		return false
	}
	// Column and owner have no history: they speak for every time but the one before
	// the first membership of the pair.
	return !member || at >= s.now || at >= int64(when.joined)-rightful.JoinTolerance
}
