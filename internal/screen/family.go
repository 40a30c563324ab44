package screen

import (
	"strings"

	"rightful"
	"rightful/internal/judge"
)

// Family is one customer, or one guest's session, under the screen's eyes, with what
// hangs on it. Its objects may be told in parts, the customer or the session first.
type Family struct {
	s      *Screen
	self   id
	exists rightful.Existence
	size   int
	guest  bool

	company  int32 // that everything names, nobody before anything does
	odd      bool  // something is not plain
	tagged   bool  // its customer is tagged as ours
	foreign  bool  // or as another application's
	reached  bool  // a stamp, a user, or what may be one, stands on it
	paid     bool  // money is seen on it
	unlisted bool  // its customer was not among its objects

	early    []bought // users who were met before the company
	stamps   map[id]bool
	users    map[id]bool
	emails   map[id]bool
	products map[id]bool
	intents  map[id]bool // that a session made
	silent   map[id]bool // settled intents without a stamp
	subs     map[id]bool // its subscriptions
	planned  map[id]bool // subscriptions that a stamped phase writes to
}

type bought struct {
	user id
	at   int64
}

// Family begins a family: a customer's id, or the key of what has no customer.
func (s *Screen) Family(key string, guest bool, exists rightful.Existence) *Family {
	return &Family{
		s: s, self: s.raw(key), guest: guest, exists: exists, company: nobody, unlisted: true,
		stamps: map[id]bool{}, users: map[id]bool{}, emails: map[id]bool{}, products: map[id]bool{}, intents: map[id]bool{},
		silent: map[id]bool{}, subs: map[id]bool{}, planned: map[id]bool{},
	}
}

// Add takes in objects of the family.
func (f *Family) Add(objects ...rightful.Object) {
	for i := range objects {
		o := &objects[i]
		if o.Type != rightful.TypeSchedule {
			f.size++
		}
		f.names(o)
		if o.Type == rightful.TypeCustomer || f.guest && f.size == 1 {
			f.tag(o)
		}
		switch o.Type {
		case rightful.TypeCustomer:
			f.customer(o)
		case rightful.TypeSession:
			f.session(o)
		case rightful.TypeSubscription:
			f.subscription(o)
		case rightful.TypePaymentIntent:
			if o.SettledIntent() {
				f.paid = true
				if judge.Stamp(*o, f.s.rules.Keys) == "" {
					f.silent[f.s.raw(o.ID)] = true
				}
			}
		case rightful.TypeSchedule:
			f.schedule(o)
		default:
			f.odd = true
		}
	}
}

// names hears what an object says about companies and users.
func (f *Family) names(o *rightful.Object) {
	s, keys := f.s, f.s.rules.Keys
	if o.Email != "" {
		f.emails[s.raw(strings.ToLower(o.Email))] = true
	}
	for key, value := range o.Metadata {
		if value != "" && key != keys.User && key != keys.Ownership {
			f.stamps[s.of(value)] = true // whatever key it stands under: where the family is suspect, it matters
		}
	}
	stamp := judge.Stamp(*o, keys)
	if stamp != "" {
		f.reached = f.reached || keys.Ownership == "" || !rightful.IsNumericID(stamp)
		f.is(stamp)
		if o.Metadata[keys.Company] == "" && demanded(o) {
			f.odd = true // it stands under a key that is only read beside the right one
		}
		for _, key := range keys.AlsoRead {
			if value := o.Metadata[key]; value != "" {
				f.is(value)
			}
		}
	} else if o.LiveSubscription() || o.SettledSession() {
		f.odd = true
	}
	if keys.User != "" && o.Metadata[keys.User] != "" {
		f.reached = true
		f.buyer(s.of(o.Metadata[keys.User]), o.Created)
	}
	if ref := o.ClientReferenceID; ref != "" {
		f.reached = true
		at := s.of(ref)
		f.stamps[at], f.users[at] = true, true
		if i, names := s.byStamp[at]; s.users[at] == nil && names {
			f.belongsTo(i)
		}
	}
}

// demanded reports whether an object would have to carry a stamp. Of a customer it is
// taken for granted.
func demanded(o *rightful.Object) bool {
	return o.Type == rightful.TypeCustomer || o.LiveSubscription() || o.SettledSession()
}

// is hears a stamp.
func (f *Family) is(stamp string) {
	if i, known := f.s.byStamp[f.s.of(stamp)]; known {
		f.belongsTo(i)
	} else {
		f.odd = true
	}
}

func (f *Family) belongsTo(i int32) {
	if f.company == nobody {
		f.company = i
	}
	f.odd = f.odd || f.company != i
}

// buyer hears of a user. It has to be certain that they belong to the company.
func (f *Family) buyer(who id, at int64) {
	f.users[who] = true
	u := f.s.users[who]
	switch {
	case u == nil || u.inactive || u.suspect:
		f.odd = true
	case f.company >= 0:
		f.odd = f.odd || !f.s.belongs(who, u, f.company, at)
	case len(f.early) < 8:
		f.early = append(f.early, bought{who, at})
	default:
		f.odd = true
	}
}

func (f *Family) customer(o *rightful.Object) {
	f.unlisted = false
	f.odd = f.odd || o.Deleted || o.TestClock != ""
	f.paid = f.paid || o.Balance != 0 || o.HasSavedMethod
	if judge.Stamp(*o, f.s.rules.Keys) == "" && f.linker() != nobody {
		f.odd = true
	}
}

// tag hears whose application the family is: its customer says it, or a guest's session.
func (f *Family) tag(o *rightful.Object) {
	key := f.s.rules.Keys.Ownership
	if tag := o.Metadata[key]; key != "" && tag != "" {
		f.tagged, f.foreign = tag == f.s.rules.OwnershipValue, tag != f.s.rules.OwnershipValue
	}
}

// linker returns the company that links the customer, nobody for none.
func (f *Family) linker() int32 {
	if i, linked := f.s.linkers[f.self]; linked {
		if i == nobody {
			return several // a company that does not exist
		}
		return i
	}
	return nobody
}

func (f *Family) session(o *rightful.Object) {
	f.paid = f.paid || o.SettledSession()
	f.odd = f.odd || o.PaymentLink != ""
	if o.PaymentIntentID != "" {
		f.intents[f.s.raw(o.PaymentIntentID)] = true
	}
}

func (f *Family) subscription(o *rightful.Object) {
	s := f.s
	self := s.raw(o.ID)
	f.subs[self] = true
	f.odd = f.odd || f.guest // whoever pays again has a customer
	r := s.rows[self]
	if r != nil {
		r.seen = true
		f.reached = true
		i := s.at(r.company)
		if i == nobody || r.several || r.customer != 0 && r.customer != f.self {
			f.odd = true
			s.accuseAt(i)
			s.families[r.customer] = s.families[r.customer] || r.customer != 0
		} else {
			f.belongsTo(i)
			if f.odd {
				s.accuseAt(i)
			}
		}
	}
	switch {
	case o.LiveSubscription():
		f.paid = true
		f.odd = f.odd || s.mapping.SubscriptionRows && (r == nil || r.ended)
		for _, it := range o.Items {
			product := it.ProductID
			if product == "" {
				product = it.PriceID
			}
			if at := s.raw(product); at != 0 {
				f.odd = f.odd || f.products[at] // that one price stands twice in one subscription is odd enough
				f.products[at] = true
			}
		}
	case o.Status == "":
		f.odd = true
	default:
		f.odd = f.odd || r != nil && r.live
	}
}

func (f *Family) schedule(o *rightful.Object) {
	for _, p := range o.Phases {
		for _, value := range p.Metadata {
			if value != "" {
				f.stamps[f.s.of(value)] = true
			}
		}
		if stamp := judge.Stamp(rightful.Object{Metadata: p.Metadata}, f.s.rules.Keys); stamp != "" {
			f.is(stamp)
			if o.SubscriptionID != "" {
				f.planned[f.s.raw(o.SubscriptionID)] = true
			}
		}
	}
}

// End tells that all objects of the family were told.
func (f *Family) End() {
	s := f.s
	s.tally.Families++
	s.tally.Objects += f.size
	switch owner := f.plain(); owner {
	case "":
		s.families[f.self] = true
		for stamp := range f.stamps {
			if i, known := s.byStamp[stamp]; known {
				s.accuseAt(i)
			}
			s.accuse(stamp) // its id may be an old form of the stamp
		}
		for who := range f.users {
			s.buyers[who] = true
		}
		for email := range f.emails { // an email proves nothing, and offers a choice
			for _, who := range s.emails[email] {
				s.buyers[who] = true
			}
		}
		s.accuseAt(f.company)
		s.accuseAt(f.linker())
		return
	case judge.OwnerUs:
		s.homes[f.self] = f.company
		if !f.guest {
			s.companies[f.company].homes++
		}
		s.tally.Plain.Ours++
	case judge.OwnerOther:
		s.tally.Plain.Foreign++
	case judge.OwnerNobody:
		s.tally.Plain.Unreached++
	}
	s.tally.PlainFamilies++
	s.tally.PlainObjects += f.size
}

// plain returns whose application the family is if nothing can be said about it, "" if
// something may.
func (f *Family) plain() judge.Owner {
	s := f.s
	linker := f.linker()
	known := linker != nobody || s.payers[f.self]
	for sub := range f.subs {
		known = known || s.rows[sub] != nil
	}
	switch {
	case !f.guest && (f.unlisted || f.exists != rightful.ExistsPresent):
		return ""
	case f.foreign && !known:
		return judge.OwnerOther
	case f.foreign:
		return ""
	case !f.tagged && !known && !f.reached && (!f.paid || s.rules.Keys.Ownership != ""):
		return judge.OwnerNobody // nothing of ours reaches it, and nobody asks whose it is
	case f.odd || f.company == nobody || s.companies[f.company].gone:
		return ""
	case linker != nobody && linker != f.company, linker == nobody && s.mapping.Link && f.paid && !f.guest:
		return ""
	}
	for pi := range f.silent {
		if f.intents[pi] {
			return ""
		}
	}
	for sub := range f.planned {
		if !f.subs[sub] {
			return ""
		}
	}
	for _, b := range f.early {
		if !s.belongs(b.user, s.users[b.user], f.company, b.at) {
			return ""
		}
	}
	return judge.OwnerUs
}
