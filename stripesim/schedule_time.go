package stripesim

import "math"

// enterPhase begins a phase, at its start or, for a phase that was changed
// while it runs, now: the subscription gets the items, the settings and the
// metadata of the phase. Metadata is merged: keys of the phase replace those
// of the subscription, an empty value drops a key, other keys stay (Stripe's
// description of phases.metadata).
func (t *tx) enterPhase(e *entry, phase *object) {
	o := e.object()
	sub := t.table("subscription").byID[o.ref("subscription")]
	items := t.phaseItems(e, phase)
	switch {
	case sub != nil && !sub.has([]string{tagEnded}):
		changed := sub.object()
		t.applyPhase(changed, phase, items)
		t.showMetadata(changed)
		t.update("subscription", sub, changed)
	case o.str("status") == "not_started":
		customer := t.table("customer").byID[o.ref("customer")]
		if customer == nil || customer.deleted || len(items) == 0 {
			t.finishSchedule(e, "canceled")
			return
		}
		fresh := t.newSubscription(customer, items, 0, newObject())
		t.applyPhase(fresh, phase, nil)
		fresh.set("schedule", e.id)
		o.set("subscription", t.addSubscription(fresh, customer, billing{how: attempt{offSession: true}}).id)
	}
	o.set("status", "active")
	o.set("current_phase", newObject("end_date", phase.int("end_date"), "start_date", phase.int("start_date")))
	t.update("subscription_schedule", e, o)
}

// applyPhase writes a phase into the subscription; without items those that
// it has stay.
func (t *tx) applyPhase(sub, phase *object, items []*object) {
	if len(items) > 0 {
		for _, item := range items {
			item.set("subscription", sub.str("id"))
		}
		sub.set("items", itemList(sub.str("id"), items))
	}
	for _, name := range []string{"collection_method", "default_payment_method", "description"} {
		if !phase.null(name) {
			sub.set(name, phase.get(name))
		}
	}
	merged := metadataField(sub)
	if given := phase.child("metadata"); given != nil {
		for _, f := range given.fields {
			if text(f.value) == "" {
				merged.remove(f.name)
			} else {
				merged.set(f.name, f.value)
			}
		}
	}
	sub.set("metadata", merged)
}

// phaseItems makes the subscription items of a phase. An item whose price the
// subscription has already keeps its id.
func (t *tx) phaseItems(e *entry, phase *object) []*object {
	had := map[string]*object{}
	if sub := t.table("subscription").byID[e.object().ref("subscription")]; sub != nil {
		for _, raw := range elements(sub.object().list("items")) {
			item := parseObject(raw)
			had[item.ref("price")] = item
		}
	}
	prices := parseObject(e.hidden).child("prices")
	var items []*object
	for _, raw := range elements(phase.get("items")) {
		given := parseObject(raw)
		id := given.ref("price")
		item := had[id]
		if item == nil {
			price := prices.child(id)
			if price == nil {
				price = t.priceByID(id)
			}
			item = t.subscriptionItem(price, 1, newObject())
		}
		if !given.null("quantity") {
			item.set("quantity", given.get("quantity"))
		}
		if metadata := given.child("metadata"); metadata != nil {
			item.set("metadata", metadata)
		}
		items = append(items, item)
	}
	return items
}

// priceByID is a price that a world's phase names.
func (t *tx) priceByID(id string) *object {
	if e := t.table("price").byID[id]; e != nil {
		return e.object()
	}
	if price := t.soldPrice(id); price != nil {
		return price
	}
	return t.assumedPrice(id, true)
}

// finishSchedule ends a schedule: completed and canceled end its subscription,
// released lets it go on alone.
func (t *tx) finishSchedule(e *entry, status string) {
	o := e.object()
	o.set("status", status)
	o.set(status+"_at", t.now)
	o.set("current_phase", nil)
	sub := t.table("subscription").byID[o.ref("subscription")]
	if status == "released" {
		o.set("released_subscription", o.get("subscription"))
		o.set("subscription", nil)
	}
	t.update("subscription_schedule", e, o)
	if sub == nil || sub.has([]string{tagEnded}) {
		return
	}
	if status == "released" {
		freed := sub.object()
		freed.set("schedule", nil)
		t.update("subscription", sub, freed)
		return
	}
	t.cancelSubscription(sub, nil)
}

// boundaries are the moments at which a schedule does something by itself.
func boundaries(o *object) []int64 {
	var at []int64
	phases := scheduledPhases(o)
	for _, phase := range phases {
		at = append(at, phase.int("start_date"))
	}
	if n := len(phases); n > 0 {
		at = append(at, phases[n-1].int("end_date"))
	}
	return at
}

// nextBoundary is the first one after a moment.
func nextBoundary(o *object, after int64) int64 {
	next := int64(math.MaxInt64)
	for _, at := range boundaries(o) {
		if at > after {
			next = min(next, at)
		}
	}
	return next
}

// reachBoundary does what a schedule does at one of its boundaries.
func (t *tx) reachBoundary(e *entry) {
	o := e.object()
	phases := scheduledPhases(o)
	for _, phase := range phases {
		if phase.int("start_date") == t.now {
			t.enterPhase(e, phase)
			return
		}
	}
	if o.str("end_behavior") == "cancel" {
		t.finishSchedule(e, "completed")
	} else {
		t.finishSchedule(e, "released")
	}
}
