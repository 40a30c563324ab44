package stripesim

import "net/http"

func invoiceResource() *resource {
	subscriptionLink := expansions{"subscription_details": {inside: expansions{"subscription": {to: "subscription"}}}}
	return &resource{
		object: "invoice", section: "invoices", noun: "invoice", url: "/v1/invoices", idParam: "invoice", slug: "rak_invoice", sparse: true,
		tags: func(tags []string, o *object) []string {
			if id := invoiceSubscription(o); id != "" {
				tags = append(tags, "subscription="+id)
			}
			if id := shownIntent(o); id != "" {
				tags = append(tags, "payment_intent="+id)
			}
			return tagRef(tags, o, "status", "customer", "customer_account", "collection_method")
		},
		filters: shape{textParam("customer"), textParam("customer_account"), textParam("subscription"), rangeParam("due_date"),
			oneOfParam("status", "draft", "open", "paid", "uncollectible", "void"),
			oneOfParam("collection_method", "charge_automatically", "send_invoice")},
		choose: func(c *call) ([]string, *apiError) {
			tags, err := chooseExisting(c, "customer", "customer")
			if err != nil {
				return nil, err
			}
			more, err := chooseExisting(c, "subscription", "subscription")
			return append(append(tags, more...), chooseEqual(c, "status", "customer_account", "collection_method")...), err
		},
		match:  func(c *call) (func(*entry) bool, *apiError) { return matchSpans(c, "due_date"), nil },
		events: invoiceEvents,
		searchable: map[string]searchKind{"created": searchNumber, "currency": searchText, "customer": searchText, "number": searchText,
			"status": searchText, "total": searchNumber},
		expands: expansions{
			"customer": {to: "customer"}, "default_payment_method": {to: "payment_method"}, "parent": {inside: subscriptionLink},
			"payments": {include: invoicePayments, shows: "payment_intent", inside: expansions{"data": {inside: expansions{
				"payment": {inside: expansions{"payment_intent": {to: "payment_intent"}}}, "invoice": {to: "invoice"}}}}},
			"lines": {inside: expansions{"data": {inside: expansions{"discounts": {opaque: true},
				"pricing": {inside: expansions{"price_details": {inside: expansions{"price": {to: "price"}}}}}}}}},
			"account_tax_ids": {opaque: true}, "application": {opaque: true}, "confirmation_secret": {include: invoiceSecret, shows: "payment_intent"}, "default_source": {opaque: true},
			"discounts": {opaque: true}, "latest_revision": {opaque: true}, "on_behalf_of": {opaque: true}, "test_clock": {opaque: true},
		},
	}
}

// invoiceSubscription is the subscription that an invoice bills. Versions
// before 2025-03-31.basil, which a world may quote, had it at the top.
func invoiceSubscription(o *object) string {
	if id := o.child("parent").child("subscription_details").ref("subscription"); id != "" {
		return id
	}
	return o.ref("subscription")
}

func invoiceOperations(res *resource) []*operation {
	shared := shape{
		boolParam("auto_advance"), metadataParam(), oneOfParam("collection_method", "charge_automatically", "send_invoice"),
		intParam("days_until_due").between(0, 3650), timeParam("due_date"), textParam("number").orEmpty(),
		textParam("description").upTo(1500).orEmpty(), textParam("statement_descriptor").upTo(22),
	}.with(clearableTexts("default_payment_method", "default_source", "footer", "on_behalf_of")...).
		with(ignoredParams("account_tax_ids", "application_fee_amount", "automatic_tax", "automatically_finalizes_at", "custom_fields",
			"default_tax_rates", "discounts", "effective_at", "issuer", "payment_settings", "rendering", "shipping_cost",
			"shipping_details", "transfer_data")...)
	create := shared.with(textParam("customer"), textParam("customer_account"), textParam("subscription"), textParam("currency")).
		with(ignoredParams("pending_invoice_items_behavior")...).with(unmodelledParams("from_invoice")...)
	finalize := shape{boolParam("auto_advance")}
	pay := shape{boolParam("paid_out_of_band"), boolParam("off_session"), textParam("payment_method")}.
		with(ignoredParams("forgive", "mandate", "source")...)
	return []*operation{
		writeOperation(res, "invoices.create", http.MethodPost, "", create, (*call).createInvoice),
		retrieveOperation(res, "invoices.retrieve"),
		writeOperation(res, "invoices.update", http.MethodPost, "/{id}", shared, (*call).updateInvoice),
		deleteOperation(res, "invoices.delete", (*call).deleteInvoice),
		writeOperation(res, "invoices.finalize", http.MethodPost, "/{id}/finalize", finalize, (*call).finalizeInvoice),
		writeOperation(res, "invoices.pay", http.MethodPost, "/{id}/pay", pay, (*call).payInvoice),
		writeOperation(res, "invoices.void", http.MethodPost, "/{id}/void", nil, func(c *call) (*entry, *apiError) {
			return c.closeInvoice("void", "voided_at", "open", "uncollectible")
		}),
		writeOperation(res, "invoices.mark_uncollectible", http.MethodPost, "/{id}/mark_uncollectible", nil, func(c *call) (*entry, *apiError) {
			return c.closeInvoice("uncollectible", "marked_uncollectible_at", "open")
		}),
		listOperation(res, "invoices.list"),
		searchOperation(res, "invoices.search"),
	}
}

var invoiceFields = []string{"auto_advance", "collection_method", "description", "number", "statement_descriptor",
	"default_payment_method", "default_source", "footer", "on_behalf_of", "customer_account"}

func (c *call) createInvoice() (*entry, *apiError) {
	p := c.params
	payer, param := p.str("customer"), "customer"
	var subscription *object
	if p.has("subscription") {
		e, err := c.find("subscription", p.str("subscription"), http.StatusBadRequest, "subscription")
		if err != nil {
			return nil, err
		}
		subscription = e.object()
		if owner := subscription.ref("customer"); payer != "" && payer != owner {
			return nil, invalid("", "customer", "The customer %s does not have a subscription with ID %s.", shorten(payer), e.id)
		}
		payer, param = subscription.ref("customer"), "subscription"
	}
	if payer == "" {
		return nil, invalid("parameter_missing", "customer", "Missing required param: customer.")
	}
	customer, err := c.findLive("customer", payer, http.StatusBadRequest, param)
	if err != nil {
		return nil, err
	}
	currency := assumedCurrency
	if p.has("currency") {
		if currency, err = checkCurrency(p.str("currency"), "currency"); err != nil {
			return nil, err
		}
	}
	metadata, err := p.metadata().fresh()
	if err != nil {
		return nil, err
	}
	o := c.newInvoice(customer, currency, "manual", metadata)
	o.set("auto_advance", false)
	p.copyTo(o, c.op.params, invoiceFields...)
	c.setDueDate(o)
	if subscription != nil {
		o.set("parent", invoiceParent(subscription))
	}
	return c.insert("invoice", o, nil), nil
}

// setDueDate applies due_date or days_until_due.
func (c *call) setDueDate(o *object) {
	if c.params.has("days_until_due") {
		o.set("due_date", c.now+c.params.int("days_until_due")*86400)
	}
	if c.params.has("due_date") {
		o.set("due_date", c.params.moment("due_date", c.now))
	}
}

// updateInvoice: once finalized, an invoice says for good how the money is
// collected and what its number is; its metadata stays open.
func (c *call) updateInvoice() (*entry, *apiError) {
	e, err := c.find("invoice", c.id, http.StatusNotFound, "invoice")
	if err != nil {
		return nil, err
	}
	p, o := c.params, e.object()
	if o.str("status") != "draft" {
		for _, name := range []string{"collection_method", "number", "description", "footer", "statement_descriptor", "on_behalf_of"} {
			if p.has(name) {
				return nil, refused("invoice_not_editable", name, "Finalized invoices can't be updated in this way (%s).", name)
			}
		}
	}
	if err := p.metadata().mergeInto(o); err != nil {
		return nil, err
	}
	p.copyTo(o, c.op.params, invoiceFields...)
	c.setDueDate(o)
	c.update("invoice", e, o)
	return e, nil
}

func (c *call) deleteInvoice() (*entry, *apiError) {
	e, err := c.find("invoice", c.id, http.StatusNotFound, "invoice")
	if err != nil {
		return nil, err
	}
	o := e.object()
	if status := o.str("status"); status != "draft" || invoiceSubscription(o) != "" {
		return nil, refused("invoice_not_editable", "", "You can only delete draft invoices that were not created for a subscription; this one is %s.", status)
	}
	c.remove("invoice", e)
	return e, nil
}

func (c *call) finalizeInvoice() (*entry, *apiError) {
	e, err := c.find("invoice", c.id, http.StatusNotFound, "invoice")
	if err != nil {
		return nil, err
	}
	o := e.object()
	if o.str("status") != "draft" {
		return nil, refused("invoice_not_editable", "", "This invoice is already finalized, you can't re-finalize a non-draft invoice.")
	}
	if c.params.has("auto_advance") {
		o.set("auto_advance", c.params.bool("auto_advance"))
		c.update("invoice", e, o)
	}
	c.finalize(e)
	return e, nil
}

func (c *call) payInvoice() (*entry, *apiError) {
	e, err := c.find("invoice", c.id, http.StatusNotFound, "invoice")
	if err != nil {
		return nil, err
	}
	method := c.params.str("payment_method")
	if method != "" {
		if method, err = c.methodNamed(method, http.StatusBadRequest, "payment_method"); err != nil {
			return nil, err
		}
	} else {
		method = c.methodOfInvoice(e.object())
	}
	switch status := e.object().str("status"); status {
	case "draft":
		c.finalize(e)
		if e.object().str("status") == "paid" { // nothing was due
			return e, nil
		}
	case "open", "uncollectible":
	case "paid":
		return nil, refused("", "", "Invoice is already paid")
	default:
		return nil, refused("", "", "This invoice can no longer be paid: it is %s.", status)
	}
	if c.params.bool("paid_out_of_band") {
		c.markPaid(e, "")
		return e, nil
	}
	// Stripe takes the customer of this call to be absent unless told otherwise.
	return e, c.collect(e, method, attempt{offSession: !c.params.has("off_session") || c.params.bool("off_session")})
}

// closeInvoice gives up the money of an invoice in one of these states.
func (c *call) closeInvoice(status, moment string, from ...string) (*entry, *apiError) {
	e, err := c.find("invoice", c.id, http.StatusNotFound, "invoice")
	if err != nil {
		return nil, err
	}
	o := e.object()
	for _, allowed := range from {
		if o.str("status") == allowed {
			if status == "void" {
				c.voidInvoice(e)
				return e, nil
			}
			o.set("status", status)
			setTransition(o, moment, c.now)
			c.update("invoice", e, o)
			return e, nil
		}
	}
	return nil, refused("", "", "You cannot make this invoice %s: its status is %s.", status, o.str("status"))
}
