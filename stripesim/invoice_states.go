package stripesim

import "fmt"

// finalize fixes a draft: it gets its number and, for good, the metadata that
// its subscription has now. An invoice without money is paid at once.
func (t *tx) finalize(e *entry) {
	o := e.object()
	if sub := t.table("subscription").byID[invoiceSubscription(o)]; sub != nil {
		o.set("parent", invoiceParent(sub.object()))
	}
	if o.null("number") {
		o.set("number", t.invoiceNumber(o))
	}
	if o.str("collection_method") == "send_invoice" && o.null("due_date") {
		o.set("due_date", t.now+30*86400)
	}
	o.set("status", "open")
	o.set("effective_at", t.now)
	o.set("ending_balance", 0)
	setTransition(o, "finalized_at", t.now)
	t.update("invoice", e, o)
	if o.int("amount_due") == 0 {
		t.markPaid(e, "")
	}
}

// invoiceNumber is the customer's prefix and a running number.
func (t *tx) invoiceNumber(o *object) string {
	customer := o.ref("customer")
	prefix := "INVOICE"
	if e := t.table("customer").byID[customer]; e != nil && e.object().str("invoice_prefix") != "" {
		prefix = e.object().str("invoice_prefix")
	}
	issued, counter := t.store().issued, "number of "+customer
	if issued[counter] == 0 { // a world may have numbered some
		for _, e := range t.table("invoice").smallest([]string{"customer=" + customer}).entries {
			if !e.object().null("number") {
				issued[counter]++
			}
		}
	}
	issued[counter]++
	return fmt.Sprintf("%s-%04d", prefix, issued[counter])
}

// intentOf is the payment intent of an open invoice, a new one unless there is
// one that can still be paid. As at Stripe, it does not carry the metadata of
// the subscription.
func (t *tx) intentOf(e *entry) *entry {
	if known := t.table("payment_intent").byID[paidBy(e)]; known != nil && known.object().str("status") != "canceled" {
		return known
	}
	o := e.object()
	intent := t.newPaymentIntent(o.int("amount_remaining"), o.str("currency"), newObject())
	intent.set("customer", o.ref("customer"))
	intent.set("description", "Payment for Invoice")
	if o.str("billing_reason") == "subscription_create" {
		intent.set("description", "Subscription creation")
	}
	made := t.insert("payment_intent", intent, newObject("invoice", e.id))
	e.hidden = newObject("payment_intent", made.id).raw()
	return made
}

// prepare gives an open invoice its payment intent and leaves the payment to
// the customer.
func (t *tx) prepare(e *entry, method string) *entry {
	intent := t.intentOf(e)
	if method != "" {
		o := intent.object()
		o.set("payment_method", method)
		o.set("status", "requires_confirmation")
		t.update("payment_intent", intent, o)
	}
	return intent
}

// collect pays an open invoice now.
func (t *tx) collect(e *entry, method string, how attempt) *apiError {
	intent := t.intentOf(e)
	o := intent.object()
	if o.str("status") == "processing" {
		return refused("", "", "This invoice has a payment that is processing (%s).", intent.id)
	}
	if method != "" {
		o.set("payment_method", method)
		t.update("payment_intent", intent, o)
	}
	return t.chargeIntent(intent, how)
}

// markPaid closes an invoice as paid, by an intent or ("") by other means.
func (t *tx) markPaid(e *entry, intent string) {
	o := e.object()
	due := o.int("amount_due")
	o.set("status", "paid")
	o.set("attempted", true)
	o.set("amount_remaining", 0)
	o.set("amount_paid", due)
	if intent != "" {
		o.set("attempt_count", o.int("attempt_count")+1)
	} else {
		o.set("amount_paid_off_stripe", due)
	}
	setTransition(o, "paid_at", t.now)
	t.update("invoice", e, o)
	t.invoiceClosed(e)
}

// setTransition notes when an invoice came into a state.
func setTransition(o *object, moment string, at int64) {
	moments := o.child("status_transitions")
	if moments == nil {
		moments = newObject("finalized_at", nil, "marked_uncollectible_at", nil, "paid_at", nil, "voided_at", nil)
	}
	moments.set(moment, at)
	o.set("status_transitions", moments)
}

// showMetadata carries new metadata of a subscription to where Stripe shows it
// as it is now: the subscription's invoice lines and the parent of its drafts.
// The parent of a finalized invoice keeps what it said. No event tells.
func (t *tx) showMetadata(subscription *object) {
	id := subscription.str("id")
	within := t.table("invoice").smallest([]string{"subscription=" + id})
	for _, e := range append([]*entry(nil), within.entries...) {
		o := e.object()
		list := o.child("lines")
		lines := elements(list.get("data"))
		for i := range lines {
			line := parseObject(lines[i])
			if line.child("parent").child("subscription_item_details").ref("subscription") == id {
				line.set("metadata", metadataField(subscription))
				lines[i] = line.raw()
			}
		}
		if len(lines) > 0 {
			list.set("data", array(lines))
			o.set("lines", list)
		}
		if o.str("status") == "draft" && o.child("parent") != nil {
			o.set("parent", invoiceParent(subscription))
		}
		t.table("invoice").replace(e, o.raw())
	}
}
