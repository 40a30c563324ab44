package stripesim

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// newInvoice makes an empty draft.
func (t *tx) newInvoice(customer *entry, currency, reason string, metadata *object) *object {
	who := customer.object()
	id := t.freshID("invoice", "in_1", 23)
	var clock any
	if name := who.ref("test_clock"); name != "" {
		clock = name
	}
	exempt := who.str("tax_exempt")
	if exempt == "" {
		exempt = "none"
	}
	return newObject(
		"id", id, "object", "invoice", "account_country", "US", "account_name", nil, "account_tax_ids", nil, "amount_due", 0,
		"amount_overpaid", 0, "amount_paid", 0, "amount_paid_off_stripe", 0, "amount_remaining", 0, "amount_shipping", 0,
		"application", nil, "attempt_count", 0, "attempted", false, "auto_advance", true,
		"automatic_tax", newObject("disabled_reason", nil, "enabled", false, "liability", nil, "provider", nil, "status", nil),
		"automatically_finalizes_at", nil, "billing_reason", reason, "collection_method", "charge_automatically", "created", t.now,
		"currency", currency, "custom_fields", nil, "customer", customer.id, "customer_account", nil,
		"customer_address", who.get("address"), "customer_email", who.get("email"), "customer_name", who.get("name"),
		"customer_phone", who.get("phone"), "customer_shipping", who.get("shipping"), "customer_tax_exempt", exempt, "customer_tax_ids", []any{},
		"default_payment_method", nil, "default_source", nil, "default_tax_rates", []any{}, "description", nil, "discounts", []any{},
		"due_date", nil, "effective_at", nil, "ending_balance", nil, "footer", nil, "from_invoice", nil, "hosted_invoice_url", nil,
		"invoice_pdf", nil, "issuer", newObject("type", "self"), "last_finalization_error", nil, "latest_revision", nil,
		"lines", lineList(id, nil), "livemode", t.livemode, "metadata", metadata, "next_payment_attempt", nil, "number", nil,
		"on_behalf_of", nil, "parent", nil,
		"payment_settings", newObject("default_mandate", nil, "payment_method_options", nil, "payment_method_types", nil),
		"period_end", t.now, "period_start", t.now, "post_payment_credit_notes_amount", 0, "pre_payment_credit_notes_amount", 0,
		"receipt_number", nil, "rendering", nil, "shipping_cost", nil, "shipping_details", nil, "starting_balance", 0,
		"statement_descriptor", nil, "status", "draft",
		"status_transitions", newObject("finalized_at", nil, "marked_uncollectible_at", nil, "paid_at", nil, "voided_at", nil),
		"subtotal", 0, "subtotal_excluding_tax", 0, "test_clock", clock, "total", 0, "total_discount_amounts", []any{},
		"total_excluding_tax", 0, "total_pretax_credit_amounts", []any{}, "total_taxes", []any{}, "webhooks_delivered_at", nil)
}

// invoiceParent shows the subscription and its metadata as it is now.
func invoiceParent(subscription *object) *object {
	return newObject("quote_details", nil, "subscription_details", newObject("metadata", metadataField(subscription),
		"subscription", subscription.str("id")), "type", "subscription_details")
}

func metadataField(o *object) *object {
	if m := o.child("metadata"); m != nil {
		return m
	}
	return newObject()
}

func lineList(invoice string, lines []*object) *object {
	raw := make([]json.RawMessage, len(lines))
	for i, line := range lines {
		raw[i] = line.raw()
	}
	return newObject("object", "list", "data", array(raw), "has_more", false,
		"url", "/v1/invoices/"+invoice+"/lines")
}

// billing is why and how a subscription is billed.
type billing struct {
	reason string
	// only are the items that are billed; nil means all.
	only []string
	// once are further lines, sold a single time.
	once []*object
	// held leaves the payment to the customer (payment_behavior=default_incomplete).
	held bool
	how  attempt
}

// billSubscription makes the invoice of a period that starts now: finalized
// and paid if that is possible, or a draft when the customer is to be sent it.
func (t *tx) billSubscription(subscription *object, customer *entry, b billing) *entry {
	o := t.newInvoice(customer, subscription.str("currency"), b.reason, newObject())
	o.set("parent", invoiceParent(subscription))
	o.set("collection_method", orElse(subscription.str("collection_method"), "charge_automatically"))
	o.set("default_payment_method", subscription.get("default_payment_method"))
	if days := subscription.get("days_until_due"); !isNull(days) {
		o.set("due_date", t.now+integer(days)*86400)
	}
	id := o.str("id")
	trial := subscription.str("status") == "trialing"
	var lines []*object
	for _, item := range b.billedItems(subscription) {
		lines = append(lines, t.itemLine(subscription, item, trial))
	}
	for _, line := range b.once {
		lines = append(lines, t.onceLine(subscription, line))
	}
	total := int64(0)
	for _, line := range lines {
		line.set("invoice", id)
		total += line.int("amount")
	}
	o.set("lines", lineList(id, lines))
	for _, name := range []string{"amount_due", "amount_remaining", "subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax"} {
		o.set(name, total)
	}
	e := t.insert("invoice", o, nil)
	if o.str("collection_method") != "charge_automatically" {
		return e
	}
	t.finalize(e)
	if e.object().str("status") == "open" {
		method := t.methodFor(subscription, customer.object())
		if b.held {
			t.prepare(e, method)
		} else {
			_ = t.collect(e, method, b.how) // declined, it stays open
		}
	}
	return e
}

// methodFor is what the customer pays the subscription with, "" when none is
// known; that is paid, too.
func (t *tx) methodFor(subscription, customer *object) string {
	if id := subscription.ref("default_payment_method"); id != "" {
		return id
	}
	return customer.child("invoice_settings").ref("default_payment_method")
}

// methodOfInvoice is what an invoice is paid with when nobody says: its own
// default, that of its subscription, or that of the customer.
func (t *tx) methodOfInvoice(o *object) string {
	if id := o.ref("default_payment_method"); id != "" {
		return id
	}
	var subscription, customer *object
	if e := t.table("subscription").byID[invoiceSubscription(o)]; e != nil {
		subscription = e.object()
	}
	if e := t.table("customer").byID[o.ref("customer")]; e != nil {
		customer = e.object()
	}
	return t.methodFor(subscription, customer)
}

// itemLine is the line of one subscription item for its period.
func (t *tx) itemLine(subscription, item *object, trial bool) *object {
	price, quantity := item.child("price"), item.int("quantity")
	if item.null("quantity") { // a world that left it out
		quantity = 1
	}
	amount := price.int("unit_amount") * quantity
	description := fmt.Sprintf("%d x %s", quantity, price.str("id"))
	if trial {
		amount, description = 0, "Trial period for "+price.str("id")
	}
	line := t.invoiceLine(price, quantity, amount, description, item.int("current_period_start"), item.int("current_period_end"))
	line.set("metadata", metadataField(subscription))
	line.set("parent", newObject("invoice_item_details", nil, "subscription_item_details", newObject("invoice_item", nil, "proration", false,
		"proration_details", newObject("credited_items", nil), "subscription", subscription.str("id"),
		"subscription_item", item.str("id")), "type", "subscription_item_details"))
	return line
}

// onceLine is the line of something that a checkout sold beside a
// subscription; line is the line item of the session.
func (t *tx) onceLine(subscription, line *object) *object {
	price := line.child("price")
	out := t.invoiceLine(price, line.int("quantity"), line.int("amount_total"), line.str("description"), t.now, t.now)
	out.set("parent", newObject("invoice_item_details", newObject("invoice_item", t.newID("ii_1", 23), "proration", false,
		"proration_details", newObject("credited_items", nil), "subscription", subscription.str("id")),
		"subscription_item_details", nil, "type", "invoice_item_details"))
	return out
}

func (t *tx) invoiceLine(price *object, quantity, amount int64, description string, from, to int64) *object {
	return newObject("id", t.newID("il_1", 23), "object", "line_item", "amount", amount, "currency", price.str("currency"),
		"description", nullable(description), "discount_amounts", []any{}, "discountable", true, "discounts", []any{}, "invoice", nil,
		"livemode", t.livemode, "metadata", newObject(), "parent", nil, "period", newObject("end", to, "start", from),
		"pretax_credit_amounts", []any{},
		"pricing", newObject("price_details", newObject("price", price.str("id"), "product", price.ref("product")), "type", "price_details",
			"unit_amount_decimal", strconv.FormatInt(price.int("unit_amount"), 10)),
		"quantity", quantity, "subtotal", amount, "taxes", []any{})
}

// invoicePayments is the list behind expand[]=payments.
func invoicePayments(t *tx, invoice *object) json.RawMessage {
	id := invoice.str("id")
	var items []json.RawMessage
	if e := t.table("invoice").byID[id]; e != nil {
		if intent := paidBy(e); intent != "" {
			paid, status := invoice.child("status_transitions").get("paid_at"), "paid"
			if isNull(paid) {
				status = "open"
			}
			items = append(items, newObject("id", "inpay_1"+token(t.server.seed, id, 1, 23), "object", "invoice_payment",
				"amount_paid", invoice.get("amount_paid"), "amount_requested", invoice.get("total"), "created", invoice.child("status_transitions").get("finalized_at"),
				"currency", invoice.get("currency"), "invoice", id, "is_default", true, "livemode", t.livemode,
				"payment", newObject("payment_intent", intent, "type", "payment_intent"), "status", status,
				"status_transitions", newObject("canceled_at", nil, "paid_at", paid)).raw())
		}
	}
	return embeddedList("/v1/invoice_payments?invoice="+id, items, false)
}

// invoiceSecret is what a browser needs to pay an invoice, behind
// expand[]=confirmation_secret; null when there is nothing to pay.
func invoiceSecret(t *tx, invoice *object) json.RawMessage {
	e := t.table("invoice").byID[invoice.str("id")]
	if e == nil {
		return encode(nil)
	}
	intent := t.table("payment_intent").byID[paidBy(e)]
	if intent == nil {
		return encode(nil)
	}
	return newObject("client_secret", intent.object().str("client_secret"), "type", "payment_intent").raw()
}
