package stripesim

import (
	"math"
	"slices"
)

// trialWarning is how long before the end of a trial Stripe announces it, in
// seconds (Stripe docs: api/events/types, customer.subscription.trial_will_end).
const trialWarning = 3 * 24 * 60 * 60

// subscriptionMoment is when a subscription moves by itself next: it expires
// unpaid, is announced to end its trial, ends it, is renewed, or ends.
func subscriptionMoment(o *object, after int64) int64 {
	next := int64(math.MaxInt64)
	note := func(at int64) {
		if at > after {
			next = min(next, at)
		}
	}
	switch o.str("status") {
	case "incomplete":
		note(expiryOf(o))
	case "trialing":
		note(o.int("trial_end") - trialWarning)
		note(o.int("trial_end"))
		note(o.int("cancel_at"))
	case "active", "past_due":
		note(o.int("cancel_at"))
		for _, raw := range elements(o.list("items")) {
			note(parseObject(raw).int("current_period_end"))
		}
	}
	return next
}

// reachMoment does what a subscription does at this moment.
func (t *tx) reachMoment(e *entry) {
	o := e.object()
	switch status, end := o.str("status"), o.int("cancel_at"); {
	case status == "incomplete":
		t.expireSubscription(e)
	case end > 0 && end <= t.now:
		t.endAsPlanned(e)
	case status == "trialing" && o.int("trial_end") > t.now:
		t.emit("customer.subscription.trial_will_end", o, nil)
	default:
		t.renew(e)
	}
}

// endAsPlanned ends a subscription that was to be canceled now. When it was
// asked for stays in canceled_at.
func (t *tx) endAsPlanned(e *entry) {
	o := e.object()
	o.set("status", "canceled")
	o.set("ended_at", t.now)
	if o.null("canceled_at") {
		o.set("canceled_at", t.now)
	}
	setCanceledBy(o)
	t.update("subscription", e, o)
	t.endSchedules(e)
}

// renew begins the next period of every item whose period is over, and bills
// it. The customer is not there to authenticate.
func (t *tx) renew(e *entry) {
	o := e.object()
	trial := o.str("status") == "trialing"
	var items []*object
	var ended []string
	for _, raw := range elements(o.list("items")) {
		item := parseObject(raw)
		if end := item.int("current_period_end"); end <= t.now && end > 0 || trial {
			ended = append(ended, item.str("id"))
			item.set("current_period_start", t.now)
			item.set("current_period_end", periodAfter(o.int("billing_cycle_anchor"), t.now, item.child("price")))
		}
		items = append(items, item)
	}
	o.set("items", itemList(e.id, items))
	if trial {
		o.set("status", "active")
	}
	if customer := t.table("customer").byID[o.ref("customer")]; customer != nil && !customer.deleted {
		invoice := t.billSubscription(o, customer, billing{reason: "subscription_cycle", only: ended, how: attempt{offSession: true}})
		o.set("latest_invoice", invoice.id)
		switch {
		case t.unpaid(invoice):
			o.set("status", "past_due")
		case invoice.object().str("status") == "paid":
			o.set("status", "active")
		}
	}
	t.update("subscription", e, o)
}

// periodAfter is when the period that starts now ends: on the day of the
// anchor, as far as the month has it.
func periodAfter(anchor, start int64, price *object) int64 {
	rhythm := price.child("recurring")
	months := int(max(1, rhythm.int("interval_count")))
	switch rhythm.str("interval") {
	case "day", "week":
		return periodEnd(start, price)
	case "year":
		months *= 12
	}
	if anchor <= 0 || anchor > start {
		return periodEnd(start, price)
	}
	from, begin := unixUTC(anchor), unixUTC(start)
	passed := (begin.Year()-from.Year())*12 + int(begin.Month()-from.Month())
	for n := max(1, passed/months); ; n++ {
		if end := addMonths(from, n*months); end.After(begin) {
			return end.Unix()
		}
	}
}

// billedItems are the items of a subscription that an invoice is for.
func (b billing) billedItems(subscription *object) []*object {
	var items []*object
	for _, raw := range elements(subscription.list("items")) {
		if item := parseObject(raw); b.only == nil || slices.Contains(b.only, item.str("id")) {
			items = append(items, item)
		}
	}
	return items
}

// expireCheckout ends an open checkout session, and the payment that was tried
// in it.
func (t *tx) expireCheckout(e *entry) {
	o := e.object()
	o.set("status", "expired")
	o.set("url", nil)
	t.update("checkout.session", e, o)
	intent := t.table("payment_intent").byID[o.ref("payment_intent")]
	if intent == nil {
		return
	}
	p := intent.object()
	switch p.str("status") {
	case "requires_payment_method", "requires_confirmation", "requires_action":
		p.set("status", "canceled")
		p.set("canceled_at", t.now)
		p.set("cancellation_reason", "expired")
		p.set("next_action", nil)
		t.update("payment_intent", intent, p)
	}
}
