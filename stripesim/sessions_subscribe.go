package stripesim

// startSubscription creates the subscription of a session and reports whether
// money was due today.
func (t *tx) startSubscription(p *purchase) bool {
	o, hidden := p.o, p.hidden
	var items, once []*object
	for _, line := range t.lines(o, hidden) {
		switch price := line.child("price"); {
		case price == nil:
		case price.null("recurring"):
			once = append(once, line)
		default:
			items = append(items, t.subscriptionItem(price, max(1, line.int("quantity")), newObject()))
		}
	}
	if len(items) == 0 {
		items = append(items, t.subscriptionItem(t.assumedPrice("price_1StripesimAssumed", true), 1, newObject()))
	}
	due, trialEnd := t.dueToday(o, hidden)
	data := hidden.child("subscription_data")
	sub := t.newSubscription(p.customer, items, trialEnd, metadataField(data))
	if !data.null("description") {
		sub.set("description", data.get("description"))
	}
	if p.collects {
		method := t.buyersMethod(p)
		t.saveMethod(method, p)
		t.noteSetUp(method)
		sub.set("default_payment_method", method.id)
	}
	t.addSubscription(sub, p.customer, billing{once: once, how: attempt{authenticated: true}})
	o.set("subscription", sub.str("id"))
	o.set("invoice", sub.get("latest_invoice"))
	return due > 0
}

// dueToday is what a session in subscription mode costs at once, and when its
// trial ends (0: it has none). During a trial only what is sold a single time
// is due.
func (t *tx) dueToday(o, hidden *object) (due, trialEnd int64) {
	data := hidden.child("subscription_data")
	trialEnd = data.int("trial_end")
	if days := data.int("trial_period_days"); days > 0 {
		trialEnd = t.now + days*86400
	}
	if trialEnd <= t.now {
		trialEnd = 0
	}
	recurring := false
	for _, line := range t.lines(o, hidden) {
		price := line.child("price")
		if price == nil {
			continue
		}
		again := !price.null("recurring")
		recurring = recurring || again
		if !again || trialEnd == 0 {
			due += price.int("unit_amount") * max(1, line.int("quantity"))
		}
	}
	if !recurring && trialEnd == 0 {
		due += t.assumedPrice("price_1StripesimAssumed", true).int("unit_amount")
	}
	return due, trialEnd
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

// buyersMethod makes what the buyer pays with. It is saved for nobody yet.
func (t *tx) buyersMethod(p *purchase) *entry {
	method := t.newPaymentMethod(p.behaves, newObject())
	billing := method.child("billing_details")
	billing.set("email", p.email)
	billing.set("name", nullable(p.Name))
	method.set("billing_details", billing)
	return t.insert("payment_method", method, newObject("test", p.method))
}

// saveMethod saves the buyer's method for the customer when the session asks
// for that, as a subscription always does. A setup intent saves its own.
func (t *tx) saveMethod(method *entry, p *purchase) {
	asked := p.mode == "subscription" || !p.hidden.child("payment_intent_data").null("setup_future_usage")
	if p.customer != nil && asked && p.mode != "setup" && method.object().ref("customer") == "" {
		_ = t.attach(method, p.customer.id) // one that cannot be saved was declined before
	}
}
