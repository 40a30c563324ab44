package judge

import (
	"cmp"
	"slices"

	"rightful"
)

// family is a family under judgement.
type family struct {
	*rightful.Family
	rightful.Attribution

	owner     owner
	rich      bool           // money is seen on it
	money     bool           // money is seen, or cannot be excluded
	purchases []purchase     // oldest first
	made      map[string]int // object id -> index of its purchase

	// users are the ids of the users stamped on what has a say, in the order
	// in which they are met, and stampedBy the objects that carry each.
	users     []string
	stampedBy map[string][]rightful.Object

	voices    []*voice
	byID      map[string]*voice
	namers    map[string][]*voice // company -> the voices that name it
	saidBy    map[string]int      // company -> how many voices name it, be it among others
	excluders []*voice            // those that know some companies to be wrong
	heard     []rightful.Signal   // statements without a vote
	mails     []rightful.Signal   // email corroboration, one per company
	backing   map[string]bool     // canonical companies that an email corroborates
	restored  []string            // canonical companies that stood in stamps which were removed
	carried   bool                // the attribution rests on two voices, or one and a corroboration

	latest int64   // creation of the youngest live or settled purchase, 0 for none
	bar    *string // what judge.barred found; nil before it was asked
	rival  *string // what judge.otherMoney found; nil before it was asked

	senders    []*rightful.User // users with an email of the family; nil before it was asked
	deadStamps map[string]bool  // companies that are gone and that a stamp names; nil before it was asked
	whole      *int             // how many voices of one mind name the company; nil before it was asked
	checkouts  *int             // how many checkouts name the company, the customer's own left out; nil before it was asked
}

// purchase is what one checkout made: the session and what it created, or a
// subscription or payment intent that no session of the family made.
type purchase struct {
	id      string // of the object that names the purchase
	created int64  // of that object
	session rightful.Object
	objects []rightful.Object // session first

	// child is the company that the purchase is for, where its payer's company
	// pays for several: each purchase is then attributed on its own.
	child string
}

// done reports whether the purchase went through far enough to have written
// anything that lasts. An abandoned checkout has no voice.
func (p purchase) done() bool {
	return p.session.ID == "" || p.session.Status == "complete" || p.session.SettledSession()
}

// latest returns the creation time of the purchase's youngest object.
func (p purchase) latest() int64 {
	var t int64
	for _, o := range p.objects {
		t = max(t, o.Created)
	}
	return t
}

func (j *judge) newFamily(f *rightful.Family) *family {
	jf := &family{Family: f, rich: hasMoney(f), money: j.mayHaveMoney(f), backing: map[string]bool{}}
	jf.purchases = purchasesOf(f)
	jf.made = map[string]int{}
	for i, p := range jf.purchases {
		for _, o := range p.objects {
			jf.made[o.ID] = i
			if o.LiveSubscription() || history(o) {
				jf.latest = max(jf.latest, p.latest())
			}
		}
	}
	jf.owner = j.ownerOf(jf)
	return jf
}

// purchasesOf sorts a family's objects by the checkout that made them.
func purchasesOf(f *rightful.Family) []purchase {
	made := map[string]rightful.Object{}
	for _, o := range slices.Concat(f.Subscriptions, f.PaymentIntents) {
		made[o.ID] = o
	}
	taken := map[string]bool{}
	var all []purchase
	for _, s := range f.Sessions {
		p := purchase{id: s.ID, created: s.Created, session: s, objects: []rightful.Object{s}}
		for _, id := range []string{s.SubscriptionID, s.PaymentIntentID} {
			if o, ok := made[id]; ok && !taken[id] {
				taken[id] = true
				p.objects = append(p.objects, o)
			}
		}
		all = append(all, p)
	}
	for _, o := range slices.Concat(f.Subscriptions, f.PaymentIntents) {
		if !taken[o.ID] {
			all = append(all, purchase{id: o.ID, created: o.Created, objects: []rightful.Object{o}})
		}
	}
	slices.SortStableFunc(all, func(a, b purchase) int {
		return cmp.Or(cmp.Compare(a.created, b.created), cmp.Compare(a.id, b.id))
	})
	return all
}

// birth returns the purchase that the customer was born with, or nil when the
// customer is older than all of them (or there are none).
func (f *family) birth() *purchase {
	if f.Guest() || f.Customer.ID == "" || len(f.purchases) == 0 {
		return nil
	}
	first := &f.purchases[0]
	if f.Customer.Created > first.created-BornWithin {
		return first
	}
	return nil
}

// purchaseOf returns the purchase that made the object, or nil.
func (f *family) purchaseOf(id string) *purchase {
	if i, ok := f.made[id]; ok {
		return &f.purchases[i]
	}
	return nil
}

// liveSubscriptions returns the family's live subscriptions.
func (f *family) liveSubscriptions() []rightful.Object {
	var live []rightful.Object
	for _, s := range f.Subscriptions {
		if s.LiveSubscription() {
			live = append(live, s)
		}
	}
	return live
}

// young reports whether the family's latest live or settled purchase is within
// the grace period at now.
func (f *family) young(now int64) bool { return f.latest != 0 && now-f.latest < GracePeriod }

// speaking returns the objects that have a say in whose the family is: all but
// those of abandoned checkouts and of purchases for a child, the customer first.
func (f *family) speaking() []rightful.Object {
	var out []rightful.Object
	if f.Customer.ID != "" {
		out = append(out, f.Customer)
	}
	for _, p := range f.purchases {
		if p.done() && p.child == "" {
			out = append(out, p.objects...)
		}
	}
	return out
}

// findUsers collects the user ids that are stamped on what has a say.
func (j *judge) findUsers(f *family) {
	f.stampedBy = map[string][]rightful.Object{}
	key := j.rules.Keys.User
	if key == "" {
		return
	}
	for _, o := range f.speaking() {
		id := rightful.CanonicalID(o.Metadata[key])
		if id == "" {
			continue
		}
		if f.stampedBy[id] == nil {
			f.users = append(f.users, id)
		}
		f.stampedBy[id] = append(f.stampedBy[id], o)
	}
}

// emailsOf returns the family's distinct emails with one object that holds
// each.
func emailsOf(f *family) []rightful.Object {
	var found []rightful.Object
	for _, o := range f.speaking() {
		known := slices.ContainsFunc(found, func(e rightful.Object) bool { return e.Email == o.Email })
		if o.Email != "" && !known {
			found = append(found, o)
		}
	}
	return found
}
