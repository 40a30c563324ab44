package stripesim

import (
	"net/http"
)

func chargeResource() *resource {
	return &resource{
		object: "charge", section: "charges", noun: "charge", url: "/v1/charges", idParam: "id", slug: "rak_charge", sparse: true,
		tags: func(tags []string, o *object) []string {
			return tagRef(tags, o, "customer", "payment_intent", "transfer_group")
		},
		filters: shape{textParam("customer"), textParam("payment_intent"), textParam("transfer_group")},
		choose: func(c *call) ([]string, *apiError) {
			tags, err := chooseExisting(c, "customer", "customer")
			if err != nil {
				return nil, err
			}
			more, err := chooseExisting(c, "payment_intent", "payment_intent")
			return append(append(tags, more...), chooseEqual(c, "transfer_group")...), err
		},
		events: chargeEvents,
		searchable: map[string]searchKind{"amount": searchNumber, "created": searchNumber, "currency": searchText, "customer": searchText,
			"disputed": searchText, "refunded": searchText, "status": searchText},
		expands: expansions{
			"customer": {to: "customer"}, "payment_intent": {to: "payment_intent"}, "application": {opaque: true},
			"application_fee": {opaque: true}, "balance_transaction": {opaque: true}, "failure_balance_transaction": {opaque: true},
			"on_behalf_of": {opaque: true}, "refunds": {opaque: true}, "review": {opaque: true}, "source_transfer": {opaque: true},
			"transfer": {opaque: true},
		},
	}
}

func chargeOperations(res *resource) []*operation {
	update := shape{metadataParam(), textParam("description").orEmpty(), textParam("receipt_email"), textParam("customer"),
		textParam("transfer_group"), hashParam("shipping", shippingShape()),
		hashParam("fraud_details", shape{oneOfParam("user_report", "fraudulent", "safe").orEmpty()})}
	return []*operation{
		retrieveOperation(res, "charges.retrieve"),
		writeOperation(res, "charges.update", http.MethodPost, "/{id}", update, (*call).updateCharge),
		listOperation(res, "charges.list"),
		searchOperation(res, "charges.search"),
	}
}

// updateCharge may name a customer only where there is none: who paid is
// history.
func (c *call) updateCharge() (*entry, *apiError) {
	e, err := c.find("charge", c.id, http.StatusNotFound, "id")
	if err != nil {
		return nil, err
	}
	p, o := c.params, e.object()
	if p.has("customer") {
		if was := o.ref("customer"); was != "" && was != p.str("customer") {
			return nil, refused("", "customer", "You cannot change the customer of a charge that already has one.")
		}
		if _, err := c.findLive("customer", p.str("customer"), http.StatusBadRequest, "customer"); err != nil {
			return nil, err
		}
	}
	if err := p.metadata().mergeInto(o); err != nil {
		return nil, err
	}
	p.copyTo(o, c.op.params, "description", "receipt_email", "customer", "transfer_group", "shipping")
	if fraud := p.hash("fraud_details"); fraud != nil {
		details := newObject()
		if report := fraud.str("user_report"); report != "" {
			details.set("user_report", report)
		}
		o.set("fraud_details", details)
	}
	c.update("charge", e, o)
	return e, nil
}

// chargeIntent tries to collect the money of a payment intent that has a
// payment method: it succeeds, is declined, asks the customer to authenticate,
// or waits for the bank. SettlePayment ends either wait.
func (t *tx) chargeIntent(e *entry, how attempt) *apiError {
	o := e.object()
	method := o.ref("payment_method")
	if why := t.wouldDecline(method, how); why != nil {
		return t.failIntent(e, why)
	}
	m, _ := t.behaviourOf(method)
	switch {
	case t.asksFor(method, how):
		o.set("next_action", t.nextAction(e.id, how))
		o.set("status", "requires_action")
		t.update("payment_intent", e, o)
		t.invoiceWaits(e)
	case m.delayed:
		o.set("next_action", nil)
		o.set("status", "processing")
		t.update("payment_intent", e, o)
	default:
		t.settleIntent(e)
	}
	return nil
}

// settleIntent marks an intent as paid in full, by a charge that takes over
// the intent's metadata as it is now and never again. An invoice that waits
// for the intent is paid with it.
func (t *tx) settleIntent(e *entry) {
	o := e.object()
	o.set("latest_charge", t.insert("charge", t.newCharge(o, nil), nil).id)
	o.set("status", "succeeded")
	o.set("amount_received", o.int("amount"))
	o.set("last_payment_error", nil)
	o.set("next_action", nil)
	t.update("payment_intent", e, o)
	if method := t.table("payment_method").byID[o.ref("payment_method")]; method != nil && o.str("setup_future_usage") == "off_session" {
		t.noteSetUp(method)
	}
	if invoice := t.invoiceOf(e); invoice != nil {
		if status := invoice.object().str("status"); status == "open" || status == "uncollectible" {
			t.markPaid(invoice, e.id)
		}
	}
}

// failIntent is a declined payment: the intent waits for another method.
func (t *tx) failIntent(e *entry, why *decline) *apiError {
	o := e.object()
	charge := t.insert("charge", t.newCharge(o, why), nil)
	o.set("last_payment_error", t.problem(why, charge.id, o.ref("payment_method")))
	o.set("latest_charge", charge.id)
	o.set("next_action", nil)
	o.set("payment_method", nil)
	o.set("status", "requires_payment_method")
	t.update("payment_intent", e, o)
	t.invoiceUnpaid(e)
	return why.error(newObject("charge", charge.id, "payment_intent", o))
}

// newCharge makes the charge of an intent; failure is nil when it succeeded.
func (t *tx) newCharge(intent *object, failure *decline) *object {
	id := t.freshID("charge", "ch_3", 23)
	method := intent.ref("payment_method")
	details := newObject("card", newObject("brand", "visa", "country", "US", "exp_month", 12, "exp_year", 2034, "funding", "credit", "last4", "4242"), "type", "card")
	billing := newObject("address", nil, "email", nil, "name", nil, "phone", nil, "tax_id", nil)
	if e := t.table("payment_method").byID[method]; e != nil {
		o := e.object()
		switch kind := o.str("type"); {
		case kind == "us_bank_account":
			details = newObject("type", kind, kind, newObject("account_holder_type", "individual", "account_type", "checking",
				"bank_name", nil, "fingerprint", nil, "last4", "6789", "payment_reference", nil, "routing_number", nil))
		case kind == "card" && o.child("card") != nil:
			card := newObject()
			for _, name := range []string{"brand", "country", "exp_month", "exp_year", "funding", "last4"} {
				card.set(name, o.child("card").get(name))
			}
			details.set("card", card)
		}
		if o.child("billing_details") != nil {
			billing = o.child("billing_details")
		}
	}
	amount, captured, status := intent.int("amount"), intent.int("amount"), "succeeded"
	outcome := newObject("advice_code", nil, "network_advice_code", nil, "network_decline_code", nil,
		"network_status", "approved_by_network", "reason", nil, "risk_level", "normal", "seller_message", "Payment complete.", "type", "authorized")
	var failureCode, failureMessage any
	if failure != nil {
		captured, status = 0, "failed"
		failureCode, failureMessage = failure.code, failure.message
		failure.describe(outcome)
	}
	metadata := intent.child("metadata")
	if metadata == nil {
		metadata = newObject()
	}
	return newObject(
		"id", id, "object", "charge", "amount", amount, "amount_captured", captured, "amount_refunded", 0, "application", nil,
		"application_fee", nil, "application_fee_amount", nil, "balance_transaction", nil, "billing_details", billing,
		"calculated_statement_descriptor", nil, "captured", failure == nil, "created", t.now, "currency", intent.str("currency"),
		"customer", nullable(intent.ref("customer")), "description", intent.get("description"), "disputed", false,
		"failure_balance_transaction", nil, "failure_code", failureCode, "failure_message", failureMessage,
		"fraud_details", newObject(), "livemode", t.livemode, "metadata", metadata, "on_behalf_of", intent.get("on_behalf_of"),
		"outcome", outcome, "paid", failure == nil, "payment_intent", intent.str("id"), "payment_method", nullable(method),
		"payment_method_details", details, "receipt_email", intent.get("receipt_email"), "receipt_number", nil, "receipt_url", nil,
		"refunded", false, "review", nil, "shipping", intent.get("shipping"), "source_transfer", nil,
		"statement_descriptor", intent.get("statement_descriptor"),
		"statement_descriptor_suffix", intent.get("statement_descriptor_suffix"), "status", status, "transfer_data", nil,
		"transfer_group", intent.get("transfer_group"))
}
