package gateway

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"rightful"
	"rightful/internal/judge"
)

// Writer is one code path that makes checkout sessions, known by what it writes.
type Writer struct {
	PaymentLink string   `json:"payment_link"` // the link that the sessions came from; empty: a server made them
	Keys        []string `json:"keys"`         // the metadata keys that carry identity, or look like it; names only
	// Stamps tells where the company stands: session, made (the subscription or payment
	// intent), session+made, or none.
	Stamps string `json:"stamps"`
	// Reference is what client_reference_id holds: company, user, other or none.
	Reference string `json:"client_reference_id"`
	ReturnsTo string `json:"returns_to"` // host and path of the page that buyers return to; empty when not known

	Count     int    `json:"count"`
	Right     int    `json:"right"`     // stamped with the company that it is rightly
	Wrong     int    `json:"wrong"`     // stamped with something else
	Missing   int    `json:"missing"`   // not stamped
	Undecided int    `json:"undecided"` // stamped, and nobody can say whose it is
	First     int64  `json:"first"`     // Unix seconds: the oldest of them in the window
	Last      int64  `json:"last"`      // Unix seconds
	Example   string `json:"example"`   // the newest that is wrong, else that lacks a stamp, else any
	// WrongBecause counts what the wrong stamps hold: user_id (a user's), company (another
	// one), gone (a company that was deleted before), nothing (no company has it).
	WrongBecause map[string]int `json:"wrong_because"`
	// Customers and Subscriptions count what was made with the sessions, and how much of
	// it carries a stamp.
	Customers     Made `json:"customers"`
	Subscriptions Made `json:"subscriptions"`
	Intents       Made `json:"payment_intents"`
}

// Made counts objects that were made with sessions.
type Made struct {
	Count   int `json:"count"`
	Stamped int `json:"stamped"`
}

func (m *Made) add(o rightful.Object, stamped bool) {
	if o.ID == "" {
		return
	}
	m.Count++
	if stamped {
		m.Stamped++
	}
}

// Verdicts about the stamp of one session.
const (
	stampRight     = "right"
	stampWrong     = "wrong"
	stampMissing   = "missing"
	stampUndecided = "undecided"
)

// Places of Writer.Stamps.
const (
	stampsNone        = "none"
	stampsSession     = "session"
	stampsMade        = "made"
	stampsSessionMade = "session+made"
)

// writing is what one session tells of who wrote it.
type writing struct {
	base   string // what all sessions of the code path have in common
	writer Writer // the signature, and what this session adds to the counts
	made   bool   // it made a subscription or payment intent, so that Stamps is known
	either bool   // writer.Reference is a guess: the id is a user's and a company's
	says   string // one of the stamp verdicts
	why    string // of stampWrong
}

// bornWith is how long before its session a customer is made with it, in seconds.
const bornWith = 10 * 60

// writingOf says by what the writer of a session is known, and whether it wrote right.
func (r *replay) writingOf(s *seen) writing {
	keys := r.g.opt.Keys
	c := s.checkout
	stamped := func(o rightful.Object) bool { return judge.Stamp(o, keys) != "" }
	w := writing{made: c.Subscription.ID != "" || c.PaymentIntent.ID != ""}
	w.writer = Writer{
		PaymentLink: c.Session.PaymentLink, Keys: slices.Sorted(maps.Keys(c.Session.Metadata)),
		ReturnsTo: withoutOwn(c.Session.ReturnsTo, judge.Stamp(c.Session, keys)), WrongBecause: map[string]int{},
	}
	if w.writer.Keys == nil {
		w.writer.Keys = []string{}
	}
	w.writer.Reference, w.either = r.referenceOf(s)
	made := stamped(c.Subscription) || stamped(c.PaymentIntent)
	switch {
	case stamped(c.Session) && made:
		w.writer.Stamps = stampsSessionMade
	case stamped(c.Session):
		w.writer.Stamps = stampsSession
	case made:
		w.writer.Stamps = stampsMade
	default:
		w.writer.Stamps = stampsNone
	}
	w.writer.Subscriptions.add(c.Subscription, stamped(c.Subscription))
	w.writer.Intents.add(c.PaymentIntent, stamped(c.PaymentIntent))
	for _, f := range s.sit.Families {
		first := !slices.ContainsFunc(f.Sessions, func(o rightful.Object) bool { return o.Created < c.Session.Created })
		if s.known && f.Key == s.bought.Family && !f.Guest() && first && f.Customer.Created > c.Session.Created-bornWith {
			w.writer.Customers.add(f.Customer, stamped(f.Customer))
		}
	}
	w.says, w.why = r.stampOf(s)
	w.base = strings.Join(append([]string{w.writer.PaymentLink, w.writer.ReturnsTo}, w.writer.Keys...), "\x00")
	return w
}

// withoutOwn takes the company's own name out of an address, as of apps that have it in
// their paths.
func withoutOwn(address, stamp string) string {
	parts := strings.Split(address, "/")
	for i, p := range parts {
		if i > 0 && stamp != "" && rightful.SameID(p, stamp) {
			parts[i] = "*"
		}
	}
	return strings.Join(parts, "/")
}

// What client_reference_id holds.
const (
	referenceNone    = "none"
	referenceUser    = "user"
	referenceCompany = "company"
	referenceOther   = "other"
)

// referenceOf says what a session's client reference names. Apps count users and
// companies from 1, so that one id is often both: either tells that the session alone
// does not say which is meant.
func (r *replay) referenceOf(s *seen) (holds string, either bool) {
	id := s.checkout.Session.ClientReferenceID
	if id == "" {
		return referenceNone, false
	}
	isUser := slices.ContainsFunc(s.sit.Users, func(u rightful.User) bool { return rightful.SameID(u.ID, id) })
	isCompany := slices.ContainsFunc(s.sit.Companies, func(c rightful.Company) bool {
		return rightful.SameID(c.ID, id) || c.StampValue != "" && rightful.SameID(c.StampValue, id)
	})
	switch {
	case isUser && isCompany:
		return r.eitherOf(s, id)
	case isUser:
		return referenceUser, false
	case isCompany:
		return referenceCompany, false
	}
	return referenceOther, false
}

// eitherOf decides about an id that is a user's and a company's. A writer of users writes
// the buyer, and one of companies the buyer's company.
func (r *replay) eitherOf(s *seen, id string) (holds string, either bool) {
	buyer := rightful.SameID(id, s.user)
	company := rightful.SameID(id, judge.Stamp(s.checkout.Session, r.g.opt.Keys)) ||
		slices.ContainsFunc(s.bought.Companies, func(c string) bool { return rightful.SameID(id, c) })
	switch {
	case buyer:
		return referenceUser, company
	case s.user != "":
		return referenceCompany, false // whose else
	}
	return referenceCompany, true
}

// references settles what could be either by what the same writer's other sessions say:
// by most of those that say it, else all alike.
func (r *replay) references() {
	clear, guessed := map[string]map[string]int{}, map[string]map[string]int{}
	count := func(in map[string]map[string]int, w writing) {
		if in[w.base] == nil {
			in[w.base] = map[string]int{}
		}
		in[w.base][w.writer.Reference]++
	}
	for _, s := range r.out.Sessions {
		switch {
		case s.Outcome == NotOurs:
		case s.writing.either:
			count(guessed, s.writing)
		default:
			count(clear, s.writing)
		}
	}
	for i := range r.out.Sessions {
		w := &r.out.Sessions[i].writing
		if w.either && r.out.Sessions[i].Outcome != NotOurs {
			told, thought := clear[w.base], guessed[w.base]
			w.writer.Reference = referenceCompany
			if told[referenceUser] > told[referenceCompany] || told[referenceUser] == told[referenceCompany] && thought[referenceUser] > 0 {
				w.writer.Reference = referenceUser
			}
		}
	}
	for i := range r.out.Sessions {
		w := &r.out.Sessions[i].writing
		w.base += "\x00" + w.writer.Reference
	}
}

// stampOf compares what the session and what it made are stamped with, with whose it is.
func (r *replay) stampOf(s *seen) (says, why string) {
	keys := r.g.opt.Keys
	stamp := ""
	for _, o := range []rightful.Object{s.checkout.Session, s.checkout.Subscription, s.checkout.PaymentIntent} {
		if stamp == "" {
			stamp = judge.Stamp(o, keys)
		}
	}
	if stamp == "" {
		return stampMissing, ""
	}
	if !s.known {
		return stampUndecided, ""
	}
	b := s.bought
	company, known := b.Stamped(stamp)
	switch {
	case !known && rightful.SameID(stamp, b.Gone):
		return stampRight, "" // that company may have been deleted without a trace
	case !known && slices.ContainsFunc(s.sit.Users, func(u rightful.User) bool { return rightful.SameID(u.ID, stamp) }):
		return stampWrong, "user_id"
	case !known:
		return stampWrong, "nothing"
	case b.Contested, len(b.Companies) == 0 && b.Gone == "":
		return stampUndecided, ""
	case slices.ContainsFunc(b.Companies, func(c string) bool { return b.Became(company, c) }) || rightful.SameID(company, b.Gone):
		return stampRight, ""
	case !b.Company(company).Live():
		if c := b.Company(company); c.Deleted && c.DeletedAt > 0 && c.DeletedAt <= s.checkout.Session.Created {
			return stampWrong, "gone"
		}
		return stampUndecided, "" // it may have been right then
	case rightful.SameID(stamp, s.user):
		return stampWrong, "user_id"
	}
	return stampWrong, "company"
}

// writers groups the sessions by who wrote them. What nobody has gone through with does
// not tell whether the subscription would have been stamped: such a session is counted
// to the writer that otherwise writes the same, most often.
func (r *replay) writers() {
	r.references()
	type key struct{ base, stamps string }
	found := map[key]*Writer{}
	of := make([]*Writer, len(r.out.Sessions))
	take := func(i int, k key) {
		s := &r.out.Sessions[i]
		if found[k] == nil {
			w := s.writing.writer
			found[k] = &Writer{
				PaymentLink: w.PaymentLink, Keys: w.Keys, Stamps: k.stamps, Reference: w.Reference, ReturnsTo: w.ReturnsTo,
				WrongBecause: map[string]int{}, First: s.Created, Last: s.Created,
			}
		}
		of[i] = found[k]
		of[i].add(s)
	}
	for i, s := range r.out.Sessions {
		if s.Outcome != NotOurs && s.writing.made {
			take(i, key{s.writing.base, s.writing.writer.Stamps})
		}
	}
	busiest := map[string]key{}
	for k, w := range found {
		if best, known := busiest[k.base]; !known || w.Count > found[best].Count || w.Count == found[best].Count && k.stamps < best.stamps {
			busiest[k.base] = k
		}
	}
	for i, s := range r.out.Sessions {
		if s.Outcome == NotOurs || s.writing.made {
			continue
		}
		k, known := busiest[s.writing.base]
		if !known {
			k = key{s.writing.base, s.writing.writer.Stamps}
		}
		take(i, k)
	}
	all := slices.Collect(maps.Values(found))
	slices.SortFunc(all, func(a, b *Writer) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.ReturnsTo, b.ReturnsTo), cmp.Compare(a.PaymentLink, b.PaymentLink),
			slices.Compare(a.Keys, b.Keys), cmp.Compare(a.Stamps, b.Stamps), cmp.Compare(a.Reference, b.Reference))
	})
	for _, w := range all {
		r.out.Writers = append(r.out.Writers, *w)
	}
	for i := range r.out.Sessions {
		r.out.Sessions[i].Writer = slices.Index(all, of[i])
	}
}

// add counts a session to its writer. Sessions come newest first, those that made
// something before the others.
func (w *Writer) add(s *ReplayedSession) {
	from := s.writing
	w.Count++
	w.First, w.Last = min(w.First, s.Created), max(w.Last, s.Created)
	better := w.Example == ""
	switch from.says {
	case stampRight:
		w.Right++
	case stampWrong:
		better = better || w.Wrong == 0
		w.Wrong++
		w.WrongBecause[from.why]++
	case stampMissing:
		better = better || w.Wrong+w.Missing == 0
		w.Missing++
	default:
		w.Undecided++
	}
	if better {
		w.Example = s.ID
	}
	for _, m := range []struct{ to, one *Made }{{&w.Customers, &from.writer.Customers}, {&w.Subscriptions, &from.writer.Subscriptions}, {&w.Intents, &from.writer.Intents}} {
		m.to.Count += m.one.Count
		m.to.Stamped += m.one.Stamped
	}
}
