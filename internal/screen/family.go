package screen

import (
	"strings"

	"rightful"
	"rightful/internal/judge"
)

// Family is one customer, or one guest's session, under the screen's eyes, with what
// hangs on it. Its objects may be told in parts, the customer or the session first. One
// Family may be used for many, one after the other.
type Family struct {
	s      *Screen
	self   id
	exists rightful.Existence
	size   int
	guest  bool

	linker   ref  // the company that links it
	company  ref  // that everything names, nobody before anything does
	odd      bool // something is not plain
	tagged   bool // its customer is tagged as ours
	foreign  bool // or as another application's
	reached  bool // a stamp, a user, or what may be one, stands on it
	known    bool // a link or a row names it, or a row names a subscription of it
	paid     bool // money is seen on it
	unlisted bool // its customer was not among its objects

	early    []bought // users who were met before the company
	stamps   bag
	users    bag
	emails   bag
	products bag
	intents  bag // that a session made
	silent   bag // settled intents without a stamp
	subs     bag // its subscriptions
	planned  bag // subscriptions that a stamped phase writes to

	met     []*row // rows that name its subscriptions
	accused []ref  // companies that are suspect by what it holds
	others  []id   // families that are
}

type bought struct {
	user *user
	at   int64
}

// Family begins a family: a customer's id, or the key of what has no customer.
func (s *Screen) Family(key string, guest bool, exists rightful.Existence) *Family {
	f := &Family{s: s}
	f.Begin(key, guest, exists)
	return f
}

// Begin begins another family, once the one before has ended.
func (f *Family) Begin(key string, guest bool, exists rightful.Existence) {
	for _, b := range []*bag{&f.stamps, &f.users, &f.emails, &f.products, &f.intents, &f.silent, &f.subs, &f.planned} {
		b.clear()
	}
	*f = Family{
		s: f.s, self: f.s.raw(key), guest: guest, exists: exists, company: nobody, linker: nobody, unlisted: true,
		stamps: f.stamps, users: f.users, emails: f.emails, products: f.products, intents: f.intents, silent: f.silent, subs: f.subs, planned: f.planned,
		early: f.early[:0], met: f.met[:0], accused: f.accused[:0], others: f.others[:0],
	}
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	if at := f.s.spots.of(f.self); at != nil && at.linker != nobody {
		f.known = true
		if f.linker = at.linker; f.linker == rowed {
			f.linker = nobody
		}
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
					f.silent.add(f.s.raw(o.ID))
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
		f.emails.add(s.raw(strings.ToLower(o.Email)))
	}
	for key, value := range o.Metadata {
		if value != "" && key != keys.User && key != keys.Ownership {
			f.stamps.add(s.of(value)) // whatever key it stands under: where the family is suspect, it matters
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
		f.stamps.add(at)
		f.users.add(at)
		if i := s.stamped(at); i != nobody && s.users.of(at) == nil {
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
	if i := f.s.stamped(f.s.of(stamp)); i != nobody {
		f.belongsTo(i)
	} else {
		f.odd = true
	}
}

func (f *Family) belongsTo(i ref) {
	if f.company == nobody {
		f.company = i
	}
	f.odd = f.odd || f.company != i
}

// buyer hears of a user. It has to be certain that they belong to the company.
func (f *Family) buyer(who id, at int64) {
	f.users.add(who)
	u := f.s.users.of(who)
	switch {
	case u == nil || u.is(inactive|suspect):
		f.odd = true
	case f.company.company():
		f.odd = f.odd || !f.s.belongs(u, f.company, at)
	case len(f.early) < 8:
		f.early = append(f.early, bought{u, at})
	default:
		f.odd = true
	}
}

func (f *Family) customer(o *rightful.Object) {
	f.unlisted = false
	f.odd = f.odd || o.Deleted || o.TestClock != ""
	f.paid = f.paid || o.Balance != 0 || o.HasSavedMethod
	if judge.Stamp(*o, f.s.rules.Keys) == "" && f.linker != nobody {
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

func (f *Family) session(o *rightful.Object) {
	f.paid = f.paid || o.SettledSession()
	f.odd = f.odd || o.PaymentLink != ""
	if o.PaymentIntentID != "" {
		f.intents.add(f.s.raw(o.PaymentIntentID))
	}
}

func (f *Family) subscription(o *rightful.Object) {
	s := f.s
	self := s.raw(o.ID)
	f.subs.add(self)
	f.odd = f.odd || f.guest // whoever pays again has a customer
	r := s.rows.of(self)
	if r != nil {
		f.met = append(f.met, r)
		f.reached, f.known = true, true
		i := s.at(r.company)
		if i == nobody || r.several || r.customer != 0 && r.customer != f.self {
			f.odd = true
			f.accused = append(f.accused, i)
			f.others = append(f.others, r.customer)
		} else {
			f.belongsTo(i)
			if f.odd {
				f.accused = append(f.accused, i)
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
				f.odd = !f.products.add(at) || f.odd // that one price stands twice in one subscription is odd enough
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
				f.stamps.add(f.s.of(value))
			}
		}
		if stamp := judge.Stamp(rightful.Object{Metadata: p.Metadata}, f.s.rules.Keys); stamp != "" {
			f.is(stamp)
			if o.SubscriptionID != "" {
				f.planned.add(f.s.raw(o.SubscriptionID))
			}
		}
	}
}

// End tells that all objects of the family were told.
func (f *Family) End() {
	s := f.s
	owner := f.plain()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally.Families++
	s.tally.Objects += f.size
	for _, r := range f.met {
		r.seen = true
	}
	for _, i := range f.accused {
		s.accuseAt(i)
	}
	for _, other := range f.others {
		s.families[other] = s.families[other] || other != 0
	}
	switch owner {
	case "":
		f.suspect()
		return
	case judge.OwnerUs:
		s.spots.at(f.self).home = f.company
		if !f.guest {
			more(&s.company(f.company).homes)
			s.beside++
		}
		s.tally.Plain.Ours++
	case judge.OwnerOther:
		s.spots.at(f.self).home = foreign
		s.tally.Plain.Foreign++
	case judge.OwnerNobody:
		s.spots.at(f.self).home = unreached
		s.tally.Plain.Unreached++
	}
	s.tally.PlainFamilies++
	s.tally.PlainObjects += f.size
}

// suspect notes the family, and whom it concerns.
func (f *Family) suspect() {
	s := f.s
	s.families[f.self] = true
	for _, stamp := range f.stamps.few {
		s.accuseAt(s.stamped(stamp))
		s.accuse(stamp) // its id may be an old form of the stamp
	}
	for _, who := range f.users.few {
		s.buyers[who] = true
	}
	for _, email := range f.emails.few { // an email proves nothing, and offers a choice
		s.emails[email.short()] = true
	}
	s.accuseAt(f.company)
	s.accuseAt(f.linker)
}

// plain returns whose application the family is if nothing can be said about it, "" if
// something may.
func (f *Family) plain() judge.Owner {
	s := f.s
	switch {
	case !f.guest && (f.unlisted || f.exists != rightful.ExistsPresent):
		return ""
	case f.foreign && !f.known:
		return judge.OwnerOther
	case f.foreign:
		return ""
	case !f.tagged && !f.known && !f.reached && (!f.paid || s.rules.Keys.Ownership != ""):
		return judge.OwnerNobody // nothing of ours reaches it, and nobody asks whose it is
	case f.odd || !f.company.company() || s.company(f.company).gone:
		return ""
	case f.linker != nobody && f.linker != f.company, f.linker == nobody && s.mapping.Link && f.paid && !f.guest:
		return ""
	}
	for _, pi := range f.silent.few {
		if f.intents.has(pi) {
			return ""
		}
	}
	for _, sub := range f.planned.few {
		if !f.subs.has(sub) {
			return ""
		}
	}
	for _, b := range f.early {
		if !s.belongs(b.user, f.company, b.at) {
			return ""
		}
	}
	return judge.OwnerUs
}
