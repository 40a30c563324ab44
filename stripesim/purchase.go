package stripesim

import "errors"

// purchase is what a buyer sent from the hosted page, and what it means for
// the session.
type purchase struct {
	CompleteOptions
	// ask stops where the payment method asks the buyer to authenticate, with
	// errAsks, and answered is the buyer's return from there.
	ask, answered bool

	session   *entry
	o, hidden *object
	mode      string
	customer  *entry // nil for a guest, and for one that is yet to be made
	email     string
	method    string // of Stripe's test payment methods
	behaves   testMethod
	collects  bool // a payment method
	due       bool // money, today
}

// errAsks: the payment method wants its owner to authenticate first.
var errAsks = errors.New("the payment method asks the buyer to authenticate")

// refusedPayment is a payment method that was refused; the text is for the
// buyer, as Stripe words it.
type refusedPayment struct{ message string }

// Error gives the message.
func (e *refusedPayment) Error() string { return e.message }

// buy pays, or tries to.
func (t *tx) buy(p *purchase) error {
	if p.collects && p.asks() {
		if !p.answered {
			t.challenge(p)
			if p.ask {
				return errAsks
			}
		}
		if p.FailAuthentication {
			return t.failChallenge(p)
		}
	}
	if why := p.declined(); p.collects && why != nil {
		return t.declineBuyer(p, why)
	}
	if err := t.makeCustomer(p); err != nil {
		return err
	}
	paid := false
	switch p.mode {
	case "subscription":
		paid = t.startSubscription(p)
	case "payment":
		paid = p.collects
		if paid {
			intent := t.intentOfSession(p)
			t.giveMethod("payment_intent", intent, p)
			_ = t.chargeIntent(intent, attempt{authenticated: true}) // whether it is declined has been asked before
		}
	case "setup":
		intent := t.setupOfSession(p)
		t.giveMethod("setup_intent", intent, p)
		_ = t.finishSetup(intent, attempt{authenticated: true})
	}
	o := p.o
	o.set("customer_details", newObject("address", nil, "business_name", nil, "email", p.email, "individual_name", nil,
		"name", nullable(p.Name), "phone", nil, "tax_exempt", "none", "tax_ids", []any{}))
	o.set("payment_status", "no_payment_required")
	switch {
	case paid && p.behaves.delayed:
		o.set("payment_status", "unpaid")
	case paid:
		o.set("payment_status", "paid")
	}
	o.set("status", "complete")
	o.set("url", nil)
	t.update("checkout.session", p.session, o)
	return nil
}

// asks reports that the buyer, who is present, has to authenticate. A setup
// without a payment asks only where the method has to be set up.
func (p *purchase) asks() bool {
	asks := p.behaves.asks
	return asks == asksAlways || asks == asksUntilSetUp || asks == asksPresent && p.due
}

// declined is why the method is refused, nil when it is not. A method that is
// saved has to be one that can be.
func (p *purchase) declined() *decline {
	if p.behaves.onAttach != nil || p.mode == "setup" || !p.due {
		return p.behaves.onAttach
	}
	return p.behaves.onCharge
}

// challenge makes the intent that waits for the buyer to authenticate. In
// subscription mode nothing is made before it is paid (Stripe changed that in
// 2025-03-31.basil).
func (t *tx) challenge(p *purchase) {
	switch p.mode {
	case "payment":
		intent := t.intentOfSession(p)
		t.giveMethod("payment_intent", intent, p)
		_ = t.chargeIntent(intent, attempt{}) // it asks
	case "setup":
		intent := t.setupOfSession(p)
		t.giveMethod("setup_intent", intent, p)
		_ = t.finishSetup(intent, attempt{})
	}
	t.update("checkout.session", p.session, p.o)
}

// failChallenge is a buyer who does not authenticate.
func (t *tx) failChallenge(p *purchase) error {
	switch p.mode {
	case "payment":
		t.refuseAuthentication(t.intentOfSession(p))
	case "setup":
		t.refuseSetup(t.setupOfSession(p))
	}
	t.update("checkout.session", p.session, p.o)
	return &refusedPayment{authenticationMessage}
}

// declineBuyer shows the decline where Stripe shows it. The session stays open.
func (t *tx) declineBuyer(p *purchase, why *decline) error {
	switch p.mode {
	case "payment":
		intent := t.intentOfSession(p)
		t.giveMethod("payment_intent", intent, p)
		_ = t.failIntent(intent, why)
	case "setup":
		intent := t.setupOfSession(p)
		t.giveMethod("setup_intent", intent, p)
		t.failSetup(intent, why)
	}
	t.update("checkout.session", p.session, p.o)
	return &refusedPayment{why.message}
}

// makeCustomer makes the customer that the session asks for.
func (t *tx) makeCustomer(p *purchase) error {
	if p.customer == nil && (p.mode == "subscription" || p.o.str("customer_creation") == "always") {
		params := &values{of: map[string]any{"email": p.email}}
		if p.Name != "" {
			params.of["name"] = p.Name
		}
		customer, err := t.newCustomer(params, customerParams())
		if err != nil {
			return errors.New("its customer cannot be created: " + err.message)
		}
		p.customer = t.insert("customer", customer, nil)
	}
	if p.customer != nil {
		p.o.set("customer", p.customer.id)
	}
	return nil
}

// intentOfSession is the payment intent of a session, a new one unless an
// earlier attempt left one that can still be paid.
func (t *tx) intentOfSession(p *purchase) *entry {
	o, data := p.o, p.hidden.child("payment_intent_data")
	if e := t.table("payment_intent").byID[o.ref("payment_intent")]; e != nil {
		switch e.object().str("status") {
		case "requires_payment_method", "requires_confirmation", "requires_action":
			return e
		}
	}
	intent := t.newPaymentIntent(o.int("amount_total"), orElse(o.str("currency"), assumedCurrency), metadataField(data))
	if p.customer != nil {
		intent.set("customer", p.customer.id)
	}
	for _, name := range []string{"description", "receipt_email", "statement_descriptor", "statement_descriptor_suffix", "setup_future_usage", "transfer_group"} {
		if !data.null(name) {
			intent.set(name, data.get(name))
		}
	}
	e := t.insert("payment_intent", intent, nil)
	o.set("payment_intent", e.id)
	return e
}

// setupOfSession is intentOfSession in setup mode.
func (t *tx) setupOfSession(p *purchase) *entry {
	o, data := p.o, p.hidden.child("setup_intent_data")
	if e := t.table("setup_intent").byID[o.ref("setup_intent")]; e != nil {
		switch e.object().str("status") {
		case "requires_payment_method", "requires_confirmation", "requires_action":
			return e
		}
	}
	intent := t.newSetupIntent(metadataField(data))
	if p.customer != nil {
		intent.set("customer", p.customer.id)
	}
	if !data.null("description") {
		intent.set("description", data.get("description"))
	}
	e := t.insert("setup_intent", intent, nil)
	o.set("setup_intent", e.id)
	return e
}

// giveMethod gives an intent what the buyer pays with, and the customer whom
// the session has by now. An intent that waits for the buyer to authenticate
// this very method keeps it.
func (t *tx) giveMethod(kind string, intent *entry, p *purchase) {
	o := intent.object()
	if p.customer != nil {
		o.set("customer", p.customer.id)
	}
	method := t.table("payment_method").byID[o.ref("payment_method")]
	if o.str("status") != "requires_action" || method == nil || parseObject(method.hidden).str("test") != p.method {
		method = t.buyersMethod(p)
	}
	t.saveMethod(method, p)
	o.set("payment_method", method.id)
	o.set("next_action", nil)
	o.set("status", "requires_confirmation")
	t.update(kind, intent, o)
}
