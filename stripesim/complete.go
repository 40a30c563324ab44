package stripesim

import (
	"fmt"
	"net/http"
)

// CompleteOptions are what a buyer types on the hosted payment page.
type CompleteOptions struct {
	// Email is the buyer's address. It is needed when the session has neither
	// a customer with an email nor customer_email.
	Email string
	// Name is the buyer's name; optional.
	Name string
	// Delayed makes the buyer pay by a method that takes days, such as a bank
	// debit: the session is complete and its payment_status "unpaid" until
	// SettlePayment. Only for payment mode.
	Delayed bool
}

// CompleteCheckout plays the buyer: it pays an open checkout session, as if
// the hosted page had been filled in and the payment had gone through. The
// account "" is the default account; the session is found in either mode.
//
// As at Stripe, a session without a customer gets a new one in subscription
// mode, and in payment and setup mode only with customer_creation=always;
// otherwise the buyer is a guest and customer stays null. Subscription mode
// creates the subscription with its paid first invoice, payment mode a
// succeeded payment intent with its charge, setup mode a succeeded setup
// intent. They get the metadata of subscription_data, payment_intent_data or
// setup_intent_data; the session's own
// metadata goes nowhere (Stripe docs: metadata). payment_status becomes
// "paid", or "no_payment_required" when nothing is due.
//
// It returns an error when the account or session does not exist, the session
// is not open or is past its expires_at, its customer is gone, or no email is
// known; nothing is changed then.
func (s *Server) CompleteCheckout(account, sessionID string, opts CompleteOptions) error {
	acct := s.account(account)
	if acct == nil {
		return nothingNamed("stripesim: complete checkout: there is no account %s", account)
	}
	now := s.now().Unix()
	acct.mu.Lock()
	defer acct.mu.Unlock()
	s.catchUp(acct, now)
	for _, livemode := range []bool{false, true} {
		t := &tx{server: s, account: acct, livemode: livemode, now: now}
		if e := t.table("checkout.session").byID[sessionID]; e != nil {
			if err := t.complete(e, opts); err != nil {
				return fmt.Errorf("stripesim: complete checkout session %s: %w", sessionID, err)
			}
			return nil
		}
	}
	return nothingNamed("stripesim: complete checkout: account %s has no session %s", acct.id, sessionID)
}

func (t *tx) complete(e *entry, opts CompleteOptions) error {
	o := e.object()
	if status := o.str("status"); status != "open" {
		return fmt.Errorf("its status is %q; only an open session can be paid", status)
	}
	if expires := o.int("expires_at"); expires > 0 && expires <= t.now {
		return fmt.Errorf("it could be paid until %d and the clock says %d; create a new session", expires, t.now)
	}
	mode := o.str("mode")
	if mode != "payment" && mode != "setup" && mode != "subscription" {
		return fmt.Errorf("its mode is %q, so it is unknown what it sells; use payment, subscription or setup", mode)
	}
	if opts.Delayed && mode != "payment" {
		return fmt.Errorf("its mode is %s; Delayed is modelled for payment mode only", mode)
	}
	buyer, err := t.buyer(o, opts)
	if err != nil {
		return err
	}
	if buyer.customer != nil {
		o.set("customer", buyer.customer.id)
	}
	hidden := parseObject(e.hidden)
	paid := !o.null("amount_total") && o.int("amount_total") > 0
	switch mode {
	case "subscription":
		paid = t.startSubscription(o, hidden, buyer.customer, t.buyersMethod(mode, buyer, nil, false))
	case "payment":
		if paid {
			data := hidden.child("payment_intent_data")
			t.pay(o, data, buyer.customer, t.buyersMethod(mode, buyer, data, opts.Delayed))
		}
	case "setup":
		paid = false
		t.setUp(o, hidden.child("setup_intent_data"), buyer.customer, t.buyersMethod(mode, buyer, nil, false))
	}
	o.set("customer_details", newObject("address", nil, "business_name", nil, "email", buyer.email, "individual_name", nil,
		"name", nullable(buyer.name), "phone", nil, "tax_exempt", "none", "tax_ids", []any{}))
	o.set("payment_status", "no_payment_required")
	switch {
	case paid && opts.Delayed:
		o.set("payment_status", "unpaid")
	case paid:
		o.set("payment_status", "paid")
	}
	o.set("status", "complete")
	o.set("url", nil)
	t.update("checkout.session", e, o)
	return nil
}

// payer is who completes a session; customer is nil for a guest.
type payer struct {
	customer    *entry
	email, name string
}

func (t *tx) buyer(o *object, opts CompleteOptions) (payer, error) {
	b := payer{email: opts.Email, name: opts.Name}
	if b.email == "" {
		b.email = o.str("customer_email")
	}
	if id := o.ref("customer"); id != "" {
		e, err := t.findLive("customer", id, http.StatusBadRequest, "customer")
		if err != nil {
			return b, fmt.Errorf("its customer cannot be charged: %s", err.message)
		}
		b.customer = e
		if b.email == "" {
			b.email = e.object().str("email")
		}
	}
	if !looksLikeEmail(b.email) {
		return b, fmt.Errorf("no email of the buyer is known (%q): set CompleteOptions.Email", b.email)
	}
	if b.customer == nil && (o.str("mode") == "subscription" || o.str("customer_creation") == "always") {
		params := &values{of: map[string]any{"email": b.email}}
		if b.name != "" {
			params.of["name"] = b.name
		}
		customer, err := t.newCustomer(params, customerParams())
		if err != nil {
			return b, fmt.Errorf("its customer cannot be created: %s", err.message)
		}
		b.customer = t.insert("customer", customer, nil)
	}
	return b, nil
}

// startSubscription creates the subscription of a session and reports whether
// money was due.
func (t *tx) startSubscription(o, hidden *object, customer *entry, method string) bool {
	var items, once []*object
	due := int64(0)
	for _, line := range t.lines(o, hidden) {
		price, quantity := line.child("price"), max(1, line.int("quantity"))
		due += price.int("unit_amount") * quantity
		switch {
		case price == nil:
		case price.null("recurring"):
			once = append(once, line)
		default:
			items = append(items, t.subscriptionItem(price, quantity, newObject()))
		}
	}
	if len(items) == 0 {
		price := t.assumedPrice("price_1StripesimAssumed", true)
		items = append(items, t.subscriptionItem(price, 1, newObject()))
		due += price.int("unit_amount")
	}
	data := hidden.child("subscription_data")
	trialEnd := data.int("trial_end")
	if days := data.int("trial_period_days"); days > 0 {
		trialEnd = t.now + days*86400
	}
	sub := t.newSubscription(customer, items, trialEnd, metadataField(data))
	if !data.null("description") {
		sub.set("description", data.get("description"))
	}
	sub.set("default_payment_method", method)
	t.addSubscription(sub, customer, billing{once: once})
	o.set("subscription", sub.str("id"))
	o.set("invoice", sub.get("latest_invoice"))
	return due > 0 && sub.str("status") == "active"
}

// lines are the line items of a session: those it was created with, or those
// that a world shows on it.
func (t *tx) lines(o, hidden *object) []*object {
	raw := elements(hidden.get("line_items"))
	if raw == nil {
		raw = elements(o.list("line_items"))
	}
	var lines []*object
	for _, item := range raw {
		if line := parseObject(item); line != nil {
			lines = append(lines, line)
		}
	}
	return lines
}

// pay makes the payment intent of a session in payment mode and charges it.
func (t *tx) pay(o, data *object, customer *entry, method string) {
	var payer any
	if customer != nil {
		payer = customer.id
	}
	currency := o.str("currency")
	if currency == "" {
		currency = assumedCurrency
	}
	intent := t.newPaymentIntent(o.int("amount_total"), currency, metadataField(data))
	intent.set("customer", payer)
	for _, name := range []string{"description", "receipt_email", "statement_descriptor", "statement_descriptor_suffix", "setup_future_usage", "transfer_group"} {
		if !data.null(name) {
			intent.set(name, data.get(name))
		}
	}
	intent.set("payment_method", method)
	// A buyer's method is not declined here, only delayed at most.
	_ = t.chargeIntent(t.insert("payment_intent", intent, nil), attempt{})
	o.set("payment_intent", intent.str("id"))
}

// setUp makes the setup intent of a session in setup mode.
func (t *tx) setUp(o, data *object, customer *entry, method string) {
	intent := t.newSetupIntent(metadataField(data))
	if customer != nil {
		intent.set("customer", customer.id)
	}
	if !data.null("description") {
		intent.set("description", data.get("description"))
	}
	intent.set("payment_method", method)
	intent.set("status", "requires_confirmation")
	_ = t.finishSetup(t.insert("setup_intent", intent, nil), attempt{})
	o.set("setup_intent", intent.str("id"))
}

// buyersMethod is what the buyer pays with: saved for the customer when the
// session asks for that, as a subscription always does.
func (t *tx) buyersMethod(mode string, b payer, data *object, delayed bool) string {
	name := "pm_card_visa"
	if delayed {
		name = "pm_usBankAccount_success"
	}
	method := t.newPaymentMethod(testMethods[name], newObject())
	billing := method.child("billing_details")
	billing.set("email", b.email)
	billing.set("name", nullable(b.name))
	method.set("billing_details", billing)
	if b.customer != nil && (mode == "subscription" || !data.null("setup_future_usage")) {
		method.set("customer", b.customer.id)
	}
	return t.insert("payment_method", method, newObject("test", name)).id
}
