package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// voice is everything one origin says about a family.
type voice struct {
	id       string
	says     []string // distinct live companies it names, canonical
	said     []string // the same, before settle: what its parts name
	parts    []rightful.Signal
	database bool // a link or a row is among its parts

	// excludes tells that the voice knows the company to be wrong. Nil: it
	// excludes nothing.
	excludes func(company string) bool
}

// names returns the one company that the voice names. A voice whose parts
// disagree names none by itself (see judge.settle).
func (v *voice) names() string {
	if len(v.says) == 1 {
		return v.says[0]
	}
	return ""
}

// hear adds a statement that a place makes about a company row. A statement
// that names no live company has no vote, but stays as evidence.
func (v *voice) hear(s rightful.Signal, c *rightful.Company) {
	s.Voice = v.id
	v.parts = append(v.parts, s)
	if c == nil || !c.Live() {
		return
	}
	if id := rightful.CanonicalID(c.ID); !slices.Contains(v.says, id) {
		v.says = append(v.says, id)
	}
}

// listen collects the voices of a family.
func (j *judge) listen(f *family) {
	voices := map[string]*voice{}
	of := func(id string) *voice {
		if voices[id] == nil {
			voices[id] = &voice{id: id}
			f.voices = append(f.voices, voices[id])
		}
		return voices[id]
	}

	customerVoice := "customer:" + f.StripeCustomerID
	if birth := f.birth(); birth != nil {
		customerVoice = "checkout:" + birth.id
	}
	j.findChildren(f)
	j.findUsers(f)
	switch {
	case f.Customer.ID == "":
	case j.childOf(j.linker(f), f.Customer) != "":
		f.note(j.stampSignal(f.Customer, customerVoice, rightful.Corroborates))
	default:
		j.hearStamp(of(customerVoice), f.Customer)
	}
	for _, p := range f.purchases {
		for _, o := range p.objects {
			switch {
			case !p.done():
				f.note(j.stampSignal(o, "checkout:"+p.id, rightful.Suspicion))
			case p.child != "" || j.movedOn(p, o):
				f.note(j.stampSignal(o, "checkout:"+p.id, rightful.Corroborates))
			default:
				j.hearStamp(of("checkout:"+p.id), o)
			}
		}
		j.hearReference(f, p, of)
		j.hearRecord(f, p)
	}
	j.hearDatabase(f, customerVoice, of)
	j.hearUsers(f, of)
	j.hearMerges(f, of)
	j.hearEmails(f)
	j.hearRemoved(f)

	f.voices = slices.DeleteFunc(f.voices, func(v *voice) bool { return len(v.parts) == 0 && v.excludes == nil })
}

// note keeps a statement that has no vote.
func (f *family) note(s rightful.Signal) {
	if s.Says != "" {
		f.heard = append(f.heard, s)
	}
}

func (j *judge) stampSignal(o rightful.Object, voice string, strength rightful.Strength) rightful.Signal {
	value, key := j.stampOf(o)
	return rightful.Signal{
		Place:    fmt.Sprintf("stripe:%s/%s.metadata.%s", o.Type, o.ID, key),
		Says:     value,
		Voice:    voice,
		Strength: strength,
		AsOf:     o.Created,
	}
}

func (j *judge) hearStamp(v *voice, o rightful.Object) {
	s := j.stampSignal(o, v.id, rightful.Strong)
	if s.Says == "" {
		return
	}
	v.hear(s, j.stamped(s.Says))
}

// findChildren finds the purchases that a company made for one that is billed
// through it: they say nothing about whose the payer is.
func (j *judge) findChildren(f *family) {
	payer := j.linker(f)
	if stamp, _ := j.stampOf(f.Customer); payer == "" && j.stamped(stamp) != nil {
		payer = rightful.CanonicalID(j.stamped(stamp).ID)
	}
	if payer == "" || !j.paysForOthers(payer) {
		return
	}
	for i := range f.purchases {
		p := &f.purchases[i]
		for _, o := range p.objects {
			if child := j.childOf(payer, o); child != "" {
				p.child = child
			}
		}
		if p.child == "" {
			p.child = j.unstampedChild(payer, *p)
		}
	}
}

// unstampedChild returns the child that a purchase without a live stamp was made
// for: its row names one, or the one company of the user who is stamped on it.
func (j *judge) unstampedChild(payer string, p purchase) string {
	child := func(id string) bool {
		c := j.company(id)
		return c != nil && c.Live() && rightful.SameID(c.BillingParentID, payer)
	}
	var named []string
	var stamped, rowed, bought bool // by whom it is named: the payer's own stamp takes both of the others to overrule
	for _, o := range p.objects {
		if c := j.stamped(j.stampValue(o)); c != nil && c.Live() {
			if rightful.CanonicalID(c.ID) != payer {
				return ""
			}
			stamped = true
		}
		for _, r := range j.rowsBySub[o.ID] {
			if child(r.CompanyID) {
				named = append(named, rightful.CanonicalID(r.CompanyID))
				rowed = true
			}
		}
		if user := j.userValue(o); user != "" {
			if set, _ := j.userSet(user, p.created); len(set) == 1 && child(set[0]) {
				named = append(named, set[0])
				bought = true
			}
		}
	}
	slices.Sort(named)
	if named = slices.Compact(named); len(named) != 1 || stamped && !(rowed && bought) {
		return ""
	}
	return named[0]
}

// childOf returns the company that the object is stamped with if it is billed
// through the payer, or "".
func (j *judge) childOf(payer string, o rightful.Object) string {
	stamp, _ := j.stampOf(o)
	if c := j.stamped(stamp); c != nil && c.Live() && rightful.SameID(c.BillingParentID, payer) {
		return rightful.CanonicalID(c.ID)
	}
	return ""
}

// movedOn reports whether the object is a settled session that says something
// else than its live subscription, and was right when it was made: its buyer
// belonged to the company then. It is history, and no part of what the checkout
// says today.
func (j *judge) movedOn(p purchase, o rightful.Object) bool {
	stamp, _ := j.stampOf(o)
	c := j.stamped(stamp)
	user := o.Metadata[j.rules.Keys.User]
	if !o.SettledSession() || c == nil || user == "" || !j.belongedAt(user, c.ID, o.Created) {
		return false
	}
	return slices.ContainsFunc(p.objects, func(s rightful.Object) bool {
		other, _ := j.stampOf(s)
		return s.LiveSubscription() && other != "" && !rightful.SameID(other, stamp)
	})
}

// hearReference weighs client_reference_id. On a payment link the buyer typed
// it. On a session made by the server it belongs to the checkout's voice if it
// names a company, and is not simply the user's id.
func (j *judge) hearReference(f *family, p purchase, of func(string) *voice) {
	ref := p.session.ClientReferenceID
	if ref == "" {
		return
	}
	s := rightful.Signal{
		Place:     "stripe:checkout.session/" + p.session.ID + ".client_reference_id",
		Says:      ref,
		Voice:     "checkout:" + p.id,
		Strength:  rightful.Strong,
		AsOf:      p.created,
		Forgeable: p.session.PaymentLink != "",
	}
	company := j.stamped(ref)
	if s.Forgeable {
		s.Voice, s.Strength = "buyer:"+p.id, rightful.Suspicion
		f.note(s)
		return
	}
	if j.users[rightful.CanonicalID(ref)] != nil {
		s.Strength = rightful.Suspicion // it names a user too, and apps put either there
		f.note(s)
		return
	}
	if company == nil || !p.done() || p.child != "" || f.stampedBy[rightful.CanonicalID(ref)] != nil {
		return
	}
	of(s.Voice).hear(s, company)
}

// hearDatabase weighs links and rows. One that agrees with the checkout is its
// copy; on an older customer it belongs to the customer's voice; one that
// contradicts is a voice of its own.
func (j *judge) hearDatabase(f *family, customerVoice string, of func(string) *voice) {
	hear := func(place, companyID string, copyOf ...string) {
		company := j.company(companyID)
		id := rightful.CanonicalID(companyID)
		origin := of("database:" + id)
		for _, from := range copyOf {
			// A checkout whose own parts disagree has no copies.
			if v := of(from); company != nil && v.names() == id {
				origin = v
				break
			}
		}
		origin.database = true
		origin.hear(rightful.Signal{Place: place, Says: companyID, Strength: rightful.Strong, AsOf: j.sit.Now}, company)
	}
	links := slices.Clone(f.Links)
	slices.SortFunc(links, func(a, b rightful.Link) int { return cmp.Compare(a.CompanyID, b.CompanyID) })
	for _, l := range links {
		if isPlaceholder(j.rules, l.StripeCustomerID) {
			continue
		}
		if v := of(customerVoice); len(v.parts) == 0 && customerVoice == "customer:"+f.StripeCustomerID {
			// An older customer without a stamp speaks through its link.
			v.database = true
			v.hear(rightful.Signal{Place: linkPlace(l), Says: l.CompanyID, Strength: rightful.Strong, AsOf: j.sit.Now}, j.company(l.CompanyID))
			continue
		}
		// What contradicts the customer in favour of a checkout was written by the
		// webhook of that checkout.
		from := []string{customerVoice}
		for _, p := range f.purchases {
			from = append(from, "checkout:"+p.id)
		}
		hear(linkPlace(l), l.CompanyID, from...)
	}
	rows := slices.Clone(f.Rows)
	slices.SortFunc(rows, func(a, b rightful.SubscriptionRow) int {
		return cmp.Or(cmp.Compare(a.CompanyID, b.CompanyID), cmp.Compare(a.ID, b.ID))
	})
	for _, r := range rows {
		from := []string{customerVoice}
		p := f.purchaseOf(r.StripeSubscriptionID)
		if r.CompanyID == "" || p != nil && p.child != "" {
			continue
		}
		if p != nil {
			from = append(from, "checkout:"+p.id)
		}
		hear("db:subscriptions/"+r.ID+".company_id", r.CompanyID, from...)
	}
}

// linkPlace names the place of a link in evidence.
func linkPlace(l rightful.Link) string { return "db:companies/" + l.CompanyID + ".stripe_customer_id" }

// typed reports whether the buyer typed the object's email: everything but that
// of a customer whom the server made before the first checkout.
func (f *family) typed(o rightful.Object) bool {
	return o.Type != rightful.TypeCustomer || len(f.purchases) > 0 && o.Created >= f.purchases[0].created
}

// hearMerges weighs merge records of the companies that stamps name: a record
// is a voice for the survivor.
func (j *judge) hearMerges(f *family, of func(string) *voice) {
	for _, o := range f.speaking() {
		stamp, _ := j.stampOf(o)
		c := j.stamped(stamp)
		s := j.survivor(c)
		if s == nil {
			continue
		}
		v := of("merge:" + rightful.CanonicalID(c.ID))
		if len(v.parts) > 0 {
			continue
		}
		v.hear(rightful.Signal{
			Place:    "db:companies/" + c.ID + ".merged_into",
			Says:     s.ID,
			Strength: rightful.Strong,
			AsOf:     j.sit.Now,
		}, s)
	}
}

// hearEmails finds which companies an email of the family corroborates. Emails
// prove nothing: people share them, change them and mistype them. What the buyer
// typed at checkout does not even corroborate: it is the same person's claim.
func (j *judge) hearEmails(f *family) {
	for _, o := range emailsOf(f) {
		users := j.byEmail[strings.ToLower(o.Email)]
		shared := j.sharedBy(users)
		for _, company := range shared {
			s := rightful.Signal{
				Place:     fmt.Sprintf("stripe:%s/%s.email = db:users/%s.email", o.Type, o.ID, smallestID(users)),
				Says:      company,
				Voice:     "email",
				Strength:  rightful.Corroborates,
				AsOf:      o.Created,
				Forgeable: f.typed(o),
			}
			switch {
			case s.Forgeable:
				s.Strength = rightful.Suspicion
				f.note(s)
			case !f.backing[company]:
				// Of somebody with several companies an email singles out none.
				f.backing[company] = len(shared) == 1 && j.eachHasOne(users)
				f.mails = append(f.mails, s)
			}
		}
	}
}

// smallestID names one of the users, the same in whatever order they were read.
func smallestID(users []*rightful.User) string {
	return slices.MinFunc(users, func(a, b *rightful.User) int { return cmp.Compare(a.ID, b.ID) }).ID
}

// eachHasOne reports whether each of the users has one company only: an address of
// somebody with several says nothing about which.
func (j *judge) eachHasOne(users []*rightful.User) bool {
	return !slices.ContainsFunc(users, func(u *rightful.User) bool {
		set, _ := j.userSetNow(u.ID)
		return len(set) != 1
	})
}

// sharedBy returns the live companies that all users with an email have in
// common. An address that an inactive account holds too may have changed hands:
// it stands for nobody.
func (j *judge) sharedBy(users []*rightful.User) []string {
	var shared []string
	for i, u := range users {
		set, _ := j.userSetNow(u.ID)
		switch {
		case u.Inactive:
			return nil
		case i == 0:
			shared = set
		default:
			shared = slices.DeleteFunc(slices.Clone(shared), func(c string) bool { return !slices.Contains(set, c) })
		}
	}
	return shared
}
