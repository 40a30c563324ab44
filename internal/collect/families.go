package collect

import (
	"cmp"
	"fmt"
	"slices"

	"rightful"
)

// membershipKey tells memberships apart. A pair may have several rows, for
// several times, and each counts.
func membershipKey(m rightful.Membership) string {
	return fmt.Sprintf("%s\x00%s\x00%d\x00%d", rightful.CanonicalID(m.UserID), rightful.CanonicalID(m.CompanyID), m.JoinedAt, m.LeftAt)
}

// Families sorts objects, links and rows into families. Every object lands in
// exactly one: that of its payer, or, for what has none, that of the session it
// came from (a schedule: of its subscription), or one of its own. Invoices,
// charges and payment methods are read for families that are known already, and
// are left out here. exists tells what is known about customers that are not
// among the objects.
func Families(objects []rightful.Object, links []rightful.Link, rows []rightful.SubscriptionRow, exists map[string]rightful.Existence) []rightful.Family {
	all := make([]*rightful.Object, len(objects))
	for i := range objects {
		all[i] = &objects[i]
	}
	return families(all, links, rows, exists)
}

func families(objects []*rightful.Object, links []rightful.Link, rows []rightful.SubscriptionRow, exists map[string]rightful.Existence) []rightful.Family {
	b := builder{families: map[string]*rightful.Family{}, home: map[string]string{}}
	var sessions, made, schedules []*rightful.Object
	for _, o := range objects {
		switch o.Type {
		case rightful.TypeCustomer:
			f := b.customer(o.ID)
			f.Customer = *o
			f.Exists = rightful.ExistsPresent
		case rightful.TypeSession:
			sessions = append(sessions, o)
		case rightful.TypeSchedule:
			schedules = append(schedules, o)
		case rightful.TypeSubscription, rightful.TypePaymentIntent:
			made = append(made, o)
		}
	}
	// What sessions made lives where its payer lives; a session without a
	// payer lives with what it made; what is left without a payer lives with
	// its session.
	for _, o := range made {
		if o.StripeCustomerID != "" {
			b.put(o.StripeCustomerID, true, *o)
		}
	}
	for _, s := range sessions {
		key := s.StripeCustomerID
		for _, id := range []string{s.SubscriptionID, s.PaymentIntentID} {
			if key == "" {
				key = b.home[id]
			}
		}
		guest := key == ""
		if guest {
			key = s.ID
		}
		b.put(key, !guest, *s)
		for _, id := range []string{s.SubscriptionID, s.PaymentIntentID} {
			if id != "" && b.home[id] == "" {
				b.home[id] = key
			}
		}
	}
	for _, o := range made {
		if o.StripeCustomerID == "" {
			key := b.home[o.ID]
			if key == "" {
				key = o.ID
			}
			b.put(key, b.families[key] != nil && !b.families[key].Guest(), *o)
		}
	}
	for _, o := range schedules {
		key := cmp.Or(o.StripeCustomerID, b.home[o.SubscriptionID], o.ID)
		b.put(key, o.StripeCustomerID != "" || b.families[key] != nil && !b.families[key].Guest(), *o)
	}
	for _, l := range links {
		f := b.customer(l.StripeCustomerID)
		f.Links = append(f.Links, l)
	}
	for _, r := range rows {
		switch {
		case b.home[r.StripeSubscriptionID] != "":
			f := b.families[b.home[r.StripeSubscriptionID]]
			f.Rows = append(f.Rows, r)
		case r.StripeCustomerID != "":
			f := b.customer(r.StripeCustomerID)
			f.Rows = append(f.Rows, r)
		}
	}
	return b.finish(exists)
}

// builder holds families under construction.
type builder struct {
	families map[string]*rightful.Family
	home     map[string]string // object id -> family key
}

func (b *builder) family(key string) *rightful.Family {
	if b.families[key] == nil {
		b.families[key] = &rightful.Family{Key: key}
	}
	return b.families[key]
}

// customer returns the family of a customer.
func (b *builder) customer(id string) *rightful.Family {
	f := b.family(id)
	f.StripeCustomerID = id
	return f
}

func (b *builder) put(key string, isCustomer bool, o rightful.Object) {
	f := b.family(key)
	if isCustomer {
		f.StripeCustomerID = key
	}
	b.home[o.ID] = key
	switch o.Type {
	case rightful.TypeSession:
		f.Sessions = append(f.Sessions, o)
	case rightful.TypeSubscription:
		f.Subscriptions = append(f.Subscriptions, o)
	case rightful.TypePaymentIntent:
		f.PaymentIntents = append(f.PaymentIntents, o)
	case rightful.TypeSchedule:
		f.Schedules = append(f.Schedules, o)
	}
}

func (b *builder) finish(exists map[string]rightful.Existence) []rightful.Family {
	out := make([]rightful.Family, 0, len(b.families))
	for _, f := range b.families {
		if f.Exists == rightful.ExistsUnknown && !f.Guest() {
			f.Exists = exists[f.StripeCustomerID]
		}
		for _, list := range [][]rightful.Object{f.Sessions, f.Subscriptions, f.PaymentIntents, f.Schedules} {
			sortObjects(list)
		}
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b rightful.Family) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

// sortObjects puts the oldest first.
func sortObjects(objects []rightful.Object) {
	slices.SortFunc(objects, func(a, b rightful.Object) int {
		return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.ID, b.ID))
	})
}
