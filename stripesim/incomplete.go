package stripesim

import "math"

// What a subscription does while its first invoice is not paid (Stripe docs:
// api/subscriptions/create, payment_behavior; billing/subscriptions/overview).

// incompleteLife is how long the first invoice may stay unpaid, in seconds.
const incompleteLife = 23 * 60 * 60

// The values of payment_behavior.
const (
	allowIncomplete   = "allow_incomplete"
	defaultIncomplete = "default_incomplete"
	errorIfIncomplete = "error_if_incomplete"
	pendingIncomplete = "pending_if_incomplete"
)

func paymentBehaviorParam() param {
	return oneOfParam("payment_behavior", allowIncomplete, defaultIncomplete, errorIfIncomplete, pendingIncomplete)
}

// refusePayment is the error of error_if_incomplete: nothing is made or changed
// when the money cannot be had now.
func (c *call) refusePayment(subscription, customer *object) *apiError {
	if c.params.str("payment_behavior") != errorIfIncomplete || subscription.str("collection_method") == "send_invoice" ||
		subscription.str("status") == "trialing" || itemsTotal(subscription) == 0 {
		return nil
	}
	how, method := c.attempt(), c.methodFor(subscription, customer)
	if why := c.wouldDecline(method, how); why != nil {
		return why.error(newObject())
	}
	if c.asksFor(method, how) {
		e := declinedAbsent.error(newObject())
		e.code, e.message = "subscription_payment_intent_requires_action", "Payment for this subscription requires additional user action before it can be completed successfully."
		return e
	}
	return nil
}

// itemsTotal is what one period of a subscription costs.
func itemsTotal(subscription *object) int64 {
	total := int64(0)
	for _, raw := range elements(subscription.list("items")) {
		item := parseObject(raw)
		total += item.child("price").int("unit_amount") * item.int("quantity")
	}
	return total
}

// unpaid reports that an invoice which is collected automatically waits for
// the customer. While a bank makes up its mind, the subscription is active.
func (t *tx) unpaid(invoice *entry) bool {
	o := invoice.object()
	if o.str("status") != "open" || o.str("collection_method") != "charge_automatically" {
		return false
	}
	intent := t.table("payment_intent").byID[paidBy(invoice)]
	return intent == nil || intent.object().str("status") != "processing"
}

// invoiceOf is the invoice that a payment intent pays, nil when there is none.
func (t *tx) invoiceOf(intent *entry) *entry {
	if e := t.table("invoice").byID[parseObject(intent.hidden).str("invoice")]; e != nil {
		return e
	}
	for _, e := range t.table("invoice").smallest([]string{"payment_intent=" + intent.id}).entries {
		return e
	}
	return nil
}

// paidBy is the payment intent of an invoice, "" when there is none.
func paidBy(invoice *entry) string {
	if id := parseObject(invoice.hidden).str("payment_intent"); id != "" {
		return id
	}
	return shownIntent(invoice.object())
}

// shownIntent is the payment intent that an invoice of a world names: in its
// payments, or, before 2025-03-31.basil, in a field of its own.
func shownIntent(invoice *object) string {
	for _, raw := range elements(invoice.list("payments")) {
		if id := parseObject(raw).child("payment").ref("payment_intent"); id != "" {
			return id
		}
	}
	return invoice.ref("payment_intent")
}

// invoiceUnpaid notes a failed payment on the invoice of an intent.
func (t *tx) invoiceUnpaid(intent *entry) {
	e := t.invoiceOf(intent)
	if e == nil || e.object().str("status") != "open" {
		return
	}
	o := e.object()
	o.set("attempted", true)
	o.set("attempt_count", o.int("attempt_count")+1)
	t.update("invoice", e, o)
	t.emit("invoice.payment_failed", o, nil)
}

// invoiceWaits tells that the customer has to authenticate a payment.
func (t *tx) invoiceWaits(intent *entry) {
	if e := t.invoiceOf(intent); e != nil {
		t.emit("invoice.payment_action_required", e.object(), nil)
	}
}

// invoiceClosed lets the subscription follow its latest invoice: paid, it is
// active; given up, a subscription that never began has expired.
func (t *tx) invoiceClosed(invoice *entry) {
	o := invoice.object()
	e := t.table("subscription").byID[invoiceSubscription(o)]
	if e == nil {
		return
	}
	sub := e.object()
	status := sub.str("status")
	if sub.ref("latest_invoice") != invoice.id || status != "incomplete" && status != "past_due" {
		return
	}
	switch o.str("status") {
	case "paid":
		sub.set("status", "active")
		t.update("subscription", e, sub)
	case "void":
		if status == "incomplete" {
			t.expireSubscription(e)
		}
	}
}

// expireSubscription ends a subscription whose first invoice was not paid. The
// invoice is void, and its payment canceled.
func (t *tx) expireSubscription(e *entry) {
	o := e.object()
	o.set("status", "incomplete_expired")
	o.set("ended_at", t.now)
	t.update("subscription", e, o)
	if invoice := t.table("invoice").byID[o.ref("latest_invoice")]; invoice != nil && invoice.object().str("status") == "open" {
		t.voidInvoice(invoice)
	}
}

// voidInvoice gives an invoice up for good, and the payment that waits for it.
func (t *tx) voidInvoice(e *entry) {
	o := e.object()
	o.set("status", "void")
	o.set("amount_remaining", 0)
	setTransition(o, "voided_at", t.now)
	t.update("invoice", e, o)
	intent := t.table("payment_intent").byID[paidBy(e)]
	if intent != nil && intent.object().str("status") != "succeeded" && intent.object().str("status") != "canceled" {
		p := intent.object()
		p.set("status", "canceled")
		p.set("canceled_at", t.now)
		p.set("cancellation_reason", "void_invoice")
		p.set("next_action", nil)
		t.update("payment_intent", intent, p)
	}
	t.invoiceClosed(e)
}

// expiryOf is when an incomplete subscription expires.
func expiryOf(o *object) int64 {
	if o.int("created") == 0 { // a world that left it out
		return math.MaxInt64
	}
	return o.int("created") + incompleteLife
}
