package stripesim

import "net/http"

func paymentIntentResource() *resource {
	return &resource{
		events: paymentIntentEvents,
		object: "payment_intent", section: "payment_intents", noun: "payment_intent", url: "/v1/payment_intents",
		idParam: "intent", slug: "rak_payment_intent",
		tags: func(tags []string, o *object) []string { return tagRef(tags, o, "customer", "customer_account") },
		// Stripe has no status filter here.
		filters: shape{textParam("customer"), textParam("customer_account")},
		choose: func(c *call) ([]string, *apiError) {
			tags, err := chooseExisting(c, "customer", "customer")
			return append(tags, chooseEqual(c, "customer_account")...), err
		},
		searchable: map[string]searchKind{"amount": searchNumber, "created": searchNumber, "currency": searchText,
			"customer": searchText, "status": searchText},
		expands: expansions{
			"customer": {to: "customer"}, "latest_charge": {to: "charge"}, "payment_method": {to: "payment_method"},
			"application": {opaque: true}, "on_behalf_of": {opaque: true}, "review": {opaque: true}, "source": {opaque: true},
		},
	}
}

func paymentIntentOperations(res *resource) []*operation {
	shared := shape{
		metadataParam(), textParam("payment_method"), textParam("receipt_email").orEmpty(), textParam("description").orEmpty(),
		textParam("statement_descriptor").upTo(22).orEmpty(), textParam("statement_descriptor_suffix").upTo(22).orEmpty(),
		textParam("transfer_group"), textParam("customer_account"), hashParam("shipping", shippingShape()).orEmpty(),
		oneOfParam("setup_future_usage", "off_session", "on_session").orEmpty(),
		oneOfParam("capture_method", "automatic", "automatic_async"), arrayParam("payment_method_types", textParam("")),
	}.with(ignoredParams("allowed_payment_method_types", "amount_details", "application_fee_amount", "excluded_payment_method_types", "hooks", "payment_details",
		"payment_method_configuration", "payment_method_data", "payment_method_options", "transfer_data")...)
	create := shared.with(intParam("amount").between(1, 99999999).must(), textParam("currency").must(), textParam("customer"),
		boolParam("confirm"), boolParam("error_on_requires_action"), offSessionParam(), textParam("return_url"), textParam("on_behalf_of"), oneOfParam("confirmation_method", "automatic", "manual")).
		with(ignoredParams("automatic_payment_methods", "mandate", "mandate_data", "radar_options", "use_stripe_sdk")...).
		with(unmodelledParams("confirmation_token")...)
	update := shared.with(intParam("amount").between(1, 99999999), textParam("currency"), textParam("customer"))
	confirm := shape{textParam("payment_method"), textParam("receipt_email").orEmpty(), textParam("return_url"),
		boolParam("error_on_requires_action"), offSessionParam(),
		oneOfParam("setup_future_usage", "off_session", "on_session").orEmpty(), hashParam("shipping", shippingShape()).orEmpty()}.
		with(ignoredParams("allowed_payment_method_types", "amount_details", "client_secret", "capture_method", "excluded_payment_method_types", "hooks",
			"mandate", "mandate_data", "payment_details", "payment_method_data", "payment_method_options",
			"payment_method_types", "radar_options", "use_stripe_sdk")...).
		with(unmodelledParams("amount_to_confirm", "confirmation_token")...)
	cancel := shape{oneOfParam("cancellation_reason", "abandoned", "duplicate", "fraudulent", "requested_by_customer")}
	return []*operation{
		writeOperation(res, "payment_intents.create", http.MethodPost, "", create, (*call).createPaymentIntent),
		retrieveOperation(res, "payment_intents.retrieve").with(ignoredParams("client_secret")...),
		writeOperation(res, "payment_intents.update", http.MethodPost, "/{id}", update, (*call).updatePaymentIntent),
		writeOperation(res, "payment_intents.confirm", http.MethodPost, "/{id}/confirm", confirm, (*call).confirmPaymentIntent),
		writeOperation(res, "payment_intents.cancel", http.MethodPost, "/{id}/cancel", cancel, (*call).cancelPaymentIntent),
		listOperation(res, "payment_intents.list"),
		searchOperation(res, "payment_intents.search"),
	}
}

// offSessionParam says that the customer is not there, and maybe why.
func offSessionParam() param {
	return oneOfParam("off_session", "true", "false", "one_off", "recurring")
}

// attempt is how the request wants a payment tried. Who asks for an error
// instead of a waiting customer gets the one of an absent customer.
func (c *call) attempt() attempt {
	absent := c.params.str("off_session")
	return attempt{offSession: absent != "" && absent != "false" || c.params.bool("error_on_requires_action"), returnURL: c.params.str("return_url")}
}

func (op *operation) with(more ...param) *operation {
	op.params = op.params.with(more...)
	return op
}

var paymentIntentFields = []string{"customer", "customer_account", "receipt_email", "description", "shipping",
	"statement_descriptor", "statement_descriptor_suffix", "transfer_group", "setup_future_usage", "capture_method",
	"payment_method_types", "on_behalf_of", "confirmation_method"}

// newPaymentIntent makes an intent that waits for a payment method; amount in
// minor units of the currency.
func (t *tx) newPaymentIntent(amount int64, currency string, metadata *object) *object {
	id := t.freshID("payment_intent", "pi_3", 23)
	return newObject(
		"id", id, "object", "payment_intent", "amount", amount, "amount_capturable", 0,
		"amount_details", newObject("tip", newObject()), "amount_received", 0, "application", nil, "application_fee_amount", nil,
		"automatic_payment_methods", nil, "canceled_at", nil, "cancellation_reason", nil, "capture_method", "automatic_async",
		"client_secret", id+"_secret_"+token(t.server.seed, id, 0, 25), "confirmation_method", "automatic", "created", t.now,
		"currency", currency, "customer", nil, "customer_account", nil, "description", nil,
		"excluded_payment_method_types", nil, "last_payment_error", nil, "latest_charge", nil, "livemode", t.livemode,
		"metadata", metadata, "next_action", nil, "on_behalf_of", nil, "payment_method", nil,
		"payment_method_configuration_details", nil, "payment_method_options", newObject(), "payment_method_types", []any{"card"},
		"processing", nil, "receipt_email", nil, "review", nil, "setup_future_usage", nil, "shipping", nil,
		"statement_descriptor", nil, "statement_descriptor_suffix", nil, "status", "requires_payment_method",
		"transfer_data", nil, "transfer_group", nil)
}

func (c *call) createPaymentIntent() (*entry, *apiError) {
	p := c.params
	currency, err := checkCurrency(p.str("currency"), "currency")
	if err != nil {
		return nil, err
	}
	if p.bool("confirm") && !p.has("payment_method") {
		return nil, missingPaymentMethod()
	}
	if p.has("customer") {
		if _, err := c.findLive("customer", p.str("customer"), http.StatusBadRequest, "customer"); err != nil {
			return nil, err
		}
	}
	metadata, err := p.metadata().fresh()
	if err != nil {
		return nil, err
	}
	o := c.newPaymentIntent(p.int("amount"), currency, metadata)
	p.copyTo(o, c.op.params, paymentIntentFields...)
	if err := c.setMethod(o); err != nil {
		return nil, err
	}
	e := c.insert("payment_intent", o, nil)
	if p.bool("confirm") {
		return e, c.chargeIntent(e, c.attempt())
	}
	return e, nil
}

// updatePaymentIntent lets a finished intent change its descriptive fields
// and metadata, but nothing that has been charged.
func (c *call) updatePaymentIntent() (*entry, *apiError) {
	e, err := c.find("payment_intent", c.id, http.StatusNotFound, "intent")
	if err != nil {
		return nil, err
	}
	p, o := c.params, e.object()
	if status := o.str("status"); status == "succeeded" || status == "canceled" {
		for _, name := range []string{"amount", "currency", "customer", "payment_method", "payment_method_types", "capture_method", "setup_future_usage"} {
			if p.has(name) {
				return nil, unexpectedState(name, "This PaymentIntent's %s could not be updated because it has a status of %s.", name, status)
			}
		}
	}
	if p.has("customer") {
		if _, err := c.findLive("customer", p.str("customer"), http.StatusBadRequest, "customer"); err != nil {
			return nil, err
		}
	}
	if p.has("amount") {
		o.set("amount", p.int("amount"))
	}
	if p.has("currency") {
		currency, err := checkCurrency(p.str("currency"), "currency")
		if err != nil {
			return nil, err
		}
		o.set("currency", currency)
	}
	if err := p.metadata().mergeInto(o); err != nil {
		return nil, err
	}
	p.copyTo(o, c.op.params, paymentIntentFields...)
	if err := c.setMethod(o); err != nil {
		return nil, err
	}
	c.update("payment_intent", e, o)
	return e, nil
}

func (c *call) confirmPaymentIntent() (*entry, *apiError) {
	e, err := c.find("payment_intent", c.id, http.StatusNotFound, "intent")
	if err != nil {
		return nil, err
	}
	o := e.object()
	switch status := o.str("status"); status {
	case "requires_payment_method", "requires_confirmation", "requires_action":
	default:
		return nil, unexpectedState("", "You cannot confirm this PaymentIntent because it has a status of %s. Only a PaymentIntent with one of the following statuses may be confirmed: requires_confirmation, requires_action, requires_payment_method.", status)
	}
	c.params.copyTo(o, c.op.params, paymentIntentFields...)
	if err := c.setMethod(o); err != nil {
		return nil, err
	}
	if o.null("payment_method") {
		return nil, missingPaymentMethod()
	}
	c.update("payment_intent", e, o)
	return e, c.chargeIntent(e, c.attempt())
}

func (c *call) cancelPaymentIntent() (*entry, *apiError) {
	e, err := c.find("payment_intent", c.id, http.StatusNotFound, "intent")
	if err != nil {
		return nil, err
	}
	o := e.object()
	if status := o.str("status"); status == "succeeded" || status == "canceled" {
		return nil, unexpectedState("", "You cannot cancel this PaymentIntent because it has a status of %s.", status)
	}
	o.set("status", "canceled")
	o.set("next_action", nil)
	o.set("canceled_at", c.now)
	o.set("cancellation_reason", nullable(c.params.str("cancellation_reason")))
	c.update("payment_intent", e, o)
	return e, nil
}

// setMethod gives an intent the payment method of the request.
func (c *call) setMethod(o *object) *apiError {
	if !c.params.has("payment_method") {
		return nil
	}
	method, err := c.methodNamed(c.params.str("payment_method"), http.StatusBadRequest, "payment_method")
	if err != nil {
		return err
	}
	o.set("payment_method", method)
	if status := o.str("status"); status == "requires_payment_method" || status == "requires_action" {
		o.set("next_action", nil) // another method has other needs
		o.set("status", "requires_confirmation")
	}
	return nil
}

func unexpectedState(param, format string, args ...any) *apiError {
	return refused("payment_intent_unexpected_state", param, format, args...)
}

func missingPaymentMethod() *apiError {
	return unexpectedState("payment_method", "You cannot confirm this PaymentIntent because it's missing a payment method. Pass payment_method, or update the PaymentIntent with one and confirm again.")
}
