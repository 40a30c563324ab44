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

// collect pays an open invoice by a payment intent of its own. As at Stripe,
// neither carries the metadata of the subscription.
func (t *tx) collect(e *entry, method string) *apiError {
	o := e.object()
	intent := t.newPaymentIntent(o.int("amount_remaining"), o.str("currency"), newObject())
	intent.set("customer", o.ref("customer"))
	intent.set("description", "Payment for Invoice")
	if o.str("billing_reason") == "subscription_create" {
		intent.set("description", "Subscription creation")
	}
	intent.set("payment_method", nullable(method))
	paying := t.insert("payment_intent", intent, nil)
	e.hidden = newObject("payment_intent", paying.id).raw()
	if err := t.chargeIntent(paying); err != nil {
		o.set("attempted", true)
		o.set("attempt_count", o.int("attempt_count")+1)
		t.update("invoice", e, o)
		t.emit("invoice.payment_failed", o, nil)
		return err
	}
	if paying.object().str("status") == "succeeded" {
		t.markPaid(e, paying.id)
	}
	return nil
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
