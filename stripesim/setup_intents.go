package stripesim

import "net/http"

func setupIntentResource() *resource {
	return &resource{
		object: "setup_intent", section: "setup_intents", noun: "setupintent", url: "/v1/setup_intents", idParam: "intent",
		slug: "rak_setup_intent", sparse: true,
		tags: func(tags []string, o *object) []string {
			return tagRef(tags, o, "customer", "customer_account", "payment_method")
		},
		filters: shape{textParam("customer"), textParam("customer_account"), textParam("payment_method")}.
			with(unmodelledParams("attach_to_self")...),
		choose: func(c *call) ([]string, *apiError) {
			tags, err := chooseExisting(c, "customer", "customer")
			return append(tags, chooseEqual(c, "customer_account", "payment_method")...), err
		},
		events: setupIntentEvents,
		expands: expansions{
			"customer": {to: "customer"}, "payment_method": {to: "payment_method"}, "application": {opaque: true},
			"latest_attempt": {opaque: true}, "mandate": {opaque: true}, "on_behalf_of": {opaque: true}, "single_use_mandate": {opaque: true},
		},
	}
}

func setupIntentOperations(res *resource) []*operation {
	shared := shape{metadataParam(), textParam("customer"), textParam("customer_account"), textParam("description").orEmpty(),
		textParam("payment_method"), arrayParam("payment_method_types", textParam(""))}.
		with(ignoredParams("allowed_payment_method_types", "excluded_payment_method_types", "flow_directions",
			"payment_method_configuration", "payment_method_data", "payment_method_options")...).
		with(unmodelledParams("attach_to_self")...)
	create := shared.with(boolParam("confirm"), oneOfParam("usage", "off_session", "on_session"), textParam("return_url"), textParam("on_behalf_of")).
		with(ignoredParams("automatic_payment_methods", "mandate_data", "single_use", "use_stripe_sdk")...).
		with(unmodelledParams("confirmation_token")...)
	confirm := shape{textParam("payment_method"), textParam("return_url")}.
		with(ignoredParams("allowed_payment_method_types", "client_secret", "mandate_data", "payment_method_data", "payment_method_options", "use_stripe_sdk")...).
		with(unmodelledParams("confirmation_token")...)
	cancel := shape{oneOfParam("cancellation_reason", "abandoned", "duplicate", "requested_by_customer")}
	return []*operation{
		writeOperation(res, "setup_intents.create", http.MethodPost, "", create, (*call).createSetupIntent),
		retrieveOperation(res, "setup_intents.retrieve").with(ignoredParams("client_secret")...),
		writeOperation(res, "setup_intents.update", http.MethodPost, "/{id}", shared, (*call).updateSetupIntent),
		writeOperation(res, "setup_intents.confirm", http.MethodPost, "/{id}/confirm", confirm, (*call).confirmSetupIntent),
		writeOperation(res, "setup_intents.cancel", http.MethodPost, "/{id}/cancel", cancel, (*call).cancelSetupIntent),
		listOperation(res, "setup_intents.list"),
	}
}

var setupIntentFields = []string{"customer", "customer_account", "description", "payment_method_types", "usage", "on_behalf_of"}

func (t *tx) newSetupIntent(metadata *object) *object {
	id := t.freshID("setup_intent", "seti_1", 23)
	return newObject(
		"id", id, "object", "setup_intent", "application", nil, "automatic_payment_methods", nil, "cancellation_reason", nil,
		"client_secret", id+"_secret_"+token(t.server.seed, id, 0, 25), "created", t.now, "customer", nil, "customer_account", nil,
		"description", nil, "excluded_payment_method_types", nil, "flow_directions", nil, "last_setup_error", nil,
		"latest_attempt", nil, "livemode", t.livemode, "mandate", nil, "metadata", metadata, "next_action", nil,
		"on_behalf_of", nil, "payment_method", nil, "payment_method_configuration_details", nil,
		"payment_method_options", newObject(), "payment_method_types", []any{"card"}, "single_use_mandate", nil,
		"status", "requires_payment_method", "usage", "off_session")
}

func (c *call) createSetupIntent() (*entry, *apiError) {
	if c.params.bool("confirm") && !c.params.has("payment_method") {
		return nil, setupWithoutMethod()
	}
	metadata, err := c.params.metadata().fresh()
	if err != nil {
		return nil, err
	}
	o := c.newSetupIntent(metadata)
	if err := c.setSetupIntent(o); err != nil {
		return nil, err
	}
	e := c.insert("setup_intent", o, nil)
	if c.params.bool("confirm") {
		return e, c.finishSetup(e, attempt{returnURL: c.params.str("return_url")})
	}
	return e, nil
}

// setSetupIntent writes the parameters that create and update share.
func (c *call) setSetupIntent(o *object) *apiError {
	p := c.params
	if p.has("customer") {
		if _, err := c.findLive("customer", p.str("customer"), http.StatusBadRequest, "customer"); err != nil {
			return err
		}
	}
	if err := p.metadata().mergeInto(o); err != nil {
		return err
	}
	p.copyTo(o, c.op.params, setupIntentFields...)
	if !p.has("payment_method") {
		return nil
	}
	method, err := c.methodNamed(p.str("payment_method"), http.StatusBadRequest, "payment_method")
	if err != nil {
		return err
	}
	o.set("payment_method", method)
	if status := o.str("status"); status == "requires_payment_method" || status == "requires_action" {
		o.set("next_action", nil)
		o.set("status", "requires_confirmation")
	}
	return nil
}

// updateSetupIntent lets a finished intent change its metadata and description
// only. Stripe sends no event for either.
func (c *call) updateSetupIntent() (*entry, *apiError) {
	e, err := c.find("setup_intent", c.id, http.StatusNotFound, "intent")
	if err != nil {
		return nil, err
	}
	o := e.object()
	if status := o.str("status"); status == "succeeded" || status == "canceled" {
		for _, name := range []string{"customer", "payment_method", "payment_method_types"} {
			if c.params.has(name) {
				return nil, setupState(name, "This SetupIntent's %s could not be updated because it has a status of %s.", name, status)
			}
		}
	}
	if err := c.setSetupIntent(o); err != nil {
		return nil, err
	}
	c.update("setup_intent", e, o)
	return e, nil
}

func (c *call) confirmSetupIntent() (*entry, *apiError) {
	e, err := c.find("setup_intent", c.id, http.StatusNotFound, "intent")
	if err != nil {
		return nil, err
	}
	o := e.object()
	if status := o.str("status"); status == "succeeded" || status == "canceled" {
		return nil, setupState("", "You cannot confirm this SetupIntent because it has a status of %s.", status)
	}
	if err := c.setSetupIntent(o); err != nil {
		return nil, err
	}
	if o.null("payment_method") {
		return nil, setupWithoutMethod()
	}
	c.update("setup_intent", e, o)
	return e, c.finishSetup(e, attempt{returnURL: c.params.str("return_url")})
}

// finishSetup saves the payment method for the intent's customer, or asks the
// customer to authenticate.
func (t *tx) finishSetup(e *entry, how attempt) *apiError {
	o := e.object()
	method := t.table("payment_method").byID[o.ref("payment_method")]
	m, _ := t.behaviourOf(o.ref("payment_method"))
	switch {
	case m.onAttach != nil:
		return t.failSetup(e, m.onAttach)
	case (m.asks == asksAlways || m.asks == asksUntilSetUp) && !how.authenticated:
		o.set("next_action", t.nextAction(e.id, how))
		o.set("status", "requires_action")
		t.update("setup_intent", e, o)
		return nil
	}
	if customer := o.ref("customer"); method != nil && customer != "" && method.object().ref("customer") == "" {
		if err := t.attach(method, customer); err != nil {
			return err
		}
	}
	if method != nil {
		t.noteSetUp(method)
	}
	o.set("status", "succeeded")
	o.set("next_action", nil)
	o.set("last_setup_error", nil)
	t.update("setup_intent", e, o)
	return nil
}

// failSetup is a method that cannot be saved: the intent waits for another one.
func (t *tx) failSetup(e *entry, why *decline) *apiError {
	o := e.object()
	o.set("last_setup_error", t.problem(why, "", o.ref("payment_method")))
	o.set("payment_method", nil)
	o.set("status", "requires_payment_method")
	t.update("setup_intent", e, o)
	return why.error(newObject("setup_intent", o))
}

// refuseSetup is a customer who fails the challenge of the bank.
func (t *tx) refuseSetup(e *entry) {
	o := e.object()
	o.set("last_setup_error", t.authenticationFailed("setup_intent_authentication_failure", o.ref("payment_method")))
	o.set("next_action", nil)
	o.set("payment_method", nil)
	o.set("status", "requires_payment_method")
	t.update("setup_intent", e, o)
}

func (c *call) cancelSetupIntent() (*entry, *apiError) {
	e, err := c.find("setup_intent", c.id, http.StatusNotFound, "intent")
	if err != nil {
		return nil, err
	}
	o := e.object()
	if status := o.str("status"); status == "succeeded" || status == "canceled" {
		return nil, setupState("", "You cannot cancel this SetupIntent because it has a status of %s.", status)
	}
	o.set("status", "canceled")
	o.set("next_action", nil)
	o.set("cancellation_reason", nullable(c.params.str("cancellation_reason")))
	c.update("setup_intent", e, o)
	return e, nil
}

func setupState(param, format string, args ...any) *apiError {
	return refused("setup_intent_unexpected_state", param, format, args...)
}

func setupWithoutMethod() *apiError {
	return setupState("payment_method", "You cannot confirm this SetupIntent because it's missing a payment method. Pass payment_method, or update the SetupIntent with one and confirm again.")
}
