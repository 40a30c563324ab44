package truth

import (
	"cmp"
	"slices"

	"rightful"
)

// bill adds what Stripe and the app add to a purchase: a schedule, an invoice, a
// charge, a saved payment method.
func (w *World) bill(p *Purchase, c *rightful.Company) {
	o := p.Made
	if o.HasSchedule && w.chance("schedule is read", 2) {
		s := w.add(rightful.Object{Type: rightful.TypeSchedule, ID: "sub_sched_" + o.ID, StripeCustomerID: p.Payer, SubscriptionID: o.ID, Status: "active"}, nil, "", c.ID)
		next := rightful.Phase{Start: w.Now + 86400*30}
		if w.chance("phase carries the key", 2) {
			next.Metadata = map[string]string{w.keyNow(): stampFor(c)}
		}
		s.Phases = []rightful.Phase{{Start: w.Now, End: next.Start}, next}
	}
	if p.Payer == "" {
		return
	}
	paid := o.Status == "active" || o.Status == "succeeded"
	if o.Type == rightful.TypeSubscription && w.chance("invoice", 2) {
		i := w.add(rightful.Object{Type: rightful.TypeInvoice, ID: "in_" + o.ID, StripeCustomerID: p.Payer, SubscriptionID: o.ID, Status: "open"}, nil, "", c.ID)
		if paid {
			i.Status, i.AmountPaid = "paid", 2000
		}
		i.Snapshot = map[string]string{w.keyNow(): stampFor(c)}
	}
	if paid && w.chance("charge", 3) {
		ch := w.add(rightful.Object{Type: rightful.TypeCharge, ID: "ch_" + o.ID, StripeCustomerID: p.Payer, Status: "succeeded", AmountPaid: 2000}, nil, "", c.ID)
		if o.Type == rightful.TypePaymentIntent {
			ch.PaymentIntentID = o.ID
		}
	}
	if paid && w.chance("method", 3) {
		stamp := c
		if !w.App.MethodStamps {
			stamp = nil
		}
		w.add(rightful.Object{Type: rightful.TypePaymentMethod, ID: "pm_" + o.ID, StripeCustomerID: p.Payer}, stamp, "", c.ID)
	}
}

// scheduleOf returns the schedule of what was bought, or nil.
func (w *World) scheduleOf(p *Purchase) *rightful.Object {
	if p.Made == nil {
		return nil
	}
	return w.Object("sub_sched_" + p.Made.ID)
}

// deliver adds the endpoints that Stripe sends events to, and what it sent.
func (w *World) deliver() {
	w.Endpoints = []rightful.WebhookEndpoint{{ID: "we_1", URL: "https://app.example.com/hook", Status: "enabled", EnabledEvents: []string{"*"}, Created: 1_600_000_000}}
	if w.chance("an old endpoint", 3) {
		w.Endpoints = append(w.Endpoints, rightful.WebhookEndpoint{
			ID: "we_2", URL: "https://old.example.com/hook", Status: "disabled", EnabledEvents: []string{"invoice.paid"}, Created: 1_600_000_000,
		})
	}
	for _, p := range w.Purchases {
		if p.Session != nil && p.Done() {
			w.Events = append(w.Events, rightful.Event{ID: "evt_" + p.Session.ID, Type: "checkout.session.completed", Created: p.Session.Created + 1, ObjectType: p.Session.Type, ObjectID: p.Session.ID})
		}
	}
}

// eventAge is how long Stripe keeps events, in seconds.
const eventAge = 30 * 24 * 60 * 60

// kept are the events that Stripe still has, newest first, with the keys that are
// read.
func (w *World) kept() []rightful.Event {
	out := slices.DeleteFunc(slices.Clone(w.Events), func(e rightful.Event) bool { return e.Created < w.Now-eventAge })
	slices.SortStableFunc(out, func(a, b rightful.Event) int {
		return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// delivery are the events that an audit reads at first: what was not delivered,
// the last of each type that was, and what is of other accounts.
func (w *World) delivery() []rightful.Event {
	arrived := map[string]bool{}
	return slices.DeleteFunc(w.kept(), func(e rightful.Event) bool {
		last := e.PendingWebhooks == 0 && !arrived[e.Type]
		arrived[e.Type] = arrived[e.Type] || last
		return !last && e.Account == "" && e.PendingWebhooks == 0
	})
}

// Closer reads into a situation what a second, narrow look reads: the money of
// some customers, and stamps that were replaced.
func (w *World) Closer(s *rightful.Situation, customers, unread []string, removals bool) {
	for i := range s.Families {
		f := &s.Families[i]
		f.MoneyUnread = slices.Contains(unread, f.StripeCustomerID)
		if !slices.Contains(customers, f.StripeCustomerID) {
			continue
		}
		list := func(t rightful.ObjectType) []rightful.Object {
			all := w.read(func(o *rightful.Object) bool { return o.Type == t && o.StripeCustomerID == f.StripeCustomerID })
			slices.SortFunc(all, func(a, b rightful.Object) int {
				return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.ID, b.ID))
			})
			return all
		}
		f.MoneyRead, f.Invoices, f.Charges, f.Methods = true, list(rightful.TypeInvoice), list(rightful.TypeCharge), list(rightful.TypePaymentMethod)
	}
	for _, e := range w.kept() {
		known := slices.ContainsFunc(s.Events, func(o rightful.Event) bool { return o.ID == e.ID })
		if removals && !known && len(e.Previous) > 0 && (e.Type == "customer.updated" || e.Type == "customer.subscription.updated") {
			s.Events = append(s.Events, e)
		}
	}
	slices.SortStableFunc(s.Events, func(a, b rightful.Event) int {
		return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(a.ID, b.ID))
	})
}
