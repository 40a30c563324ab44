package stripesim

import "net/http"

// tagLive marks the schedules that still have something to do.
const tagLive = "live"

func scheduleResource() *resource {
	return &resource{
		object: "subscription_schedule", section: "subscription_schedules", noun: "subscription_schedule",
		url: "/v1/subscription_schedules", idParam: "schedule", slug: "rak_subscription", sparse: true,
		tags: func(tags []string, o *object) []string {
			switch o.str("status") {
			case "not_started":
				tags = append(tags, "scheduled", tagLive)
			case "active":
				tags = append(tags, tagLive)
			}
			return tagRef(tags, o, "customer", "customer_account", "subscription")
		},
		filters: shape{textParam("customer"), textParam("customer_account"), boolParam("scheduled"),
			rangeParam("canceled_at"), rangeParam("completed_at"), rangeParam("released_at")},
		choose: func(c *call) ([]string, *apiError) {
			tags, err := chooseExisting(c, "customer", "customer")
			if c.params.bool("scheduled") {
				tags = append(tags, "scheduled")
			}
			return append(tags, chooseEqual(c, "customer_account")...), err
		},
		match: func(c *call) (func(*entry) bool, *apiError) {
			return matchSpans(c, "canceled_at", "completed_at", "released_at"), nil
		},
		events: scheduleEvents,
		expands: expansions{
			"customer": {to: "customer"}, "subscription": {to: "subscription"}, "application": {opaque: true}, "test_clock": {opaque: true},
			"default_settings": {inside: expansions{"default_payment_method": {to: "payment_method"}}},
			"phases": {inside: expansions{"default_payment_method": {to: "payment_method"},
				"items": {inside: expansions{"price": {to: "price"}}}}},
		},
	}
}

func scheduleOperations(res *resource) []*operation {
	behaviour := oneOfParam("end_behavior", "cancel", "release")
	settings := hashParam("default_settings", shape{oneOfParam("billing_cycle_anchor", "automatic", "phase_start"),
		oneOfParam("collection_method", "charge_automatically", "send_invoice"), textParam("default_payment_method"),
		textParam("description").upTo(500).orEmpty()}.
		with(ignoredParams("application_fee_percent", "automatic_tax", "billing_thresholds", "invoice_settings", "on_behalf_of", "transfer_data")...))
	create := shape{textParam("customer"), textParam("customer_account"), textParam("from_subscription"), timeParam("start_date"),
		arrayParam("phases", hashParam("", phaseShape())), metadataParam(), behaviour, settings}.
		with(ignoredParams("billing_mode")...)
	update := shape{arrayParam("phases", hashParam("", phaseShape().with(timeParam("start_date")))), metadataParam(), behaviour, settings,
		oneOfParam("proration_behavior", "always_invoice", "create_prorations", "none")}
	cancel := shape{}.with(ignoredParams("invoice_now", "prorate")...)
	release := shape{boolParam("preserve_cancel_date")}
	return []*operation{
		writeOperation(res, "subscription_schedules.create", http.MethodPost, "", create, (*call).createSchedule),
		retrieveOperation(res, "subscription_schedules.retrieve"),
		writeOperation(res, "subscription_schedules.update", http.MethodPost, "/{id}", update, (*call).updateSchedule),
		writeOperation(res, "subscription_schedules.cancel", http.MethodPost, "/{id}/cancel", cancel, func(c *call) (*entry, *apiError) {
			return c.endSchedule("canceled")
		}),
		writeOperation(res, "subscription_schedules.release", http.MethodPost, "/{id}/release", release, func(c *call) (*entry, *apiError) {
			return c.endSchedule("released")
		}),
		listOperation(res, "subscription_schedules.list"),
	}
}

func (t *tx) newSchedule(customer string, metadata *object) *object {
	id := t.freshID("subscription_schedule", "sub_sched_1", 23)
	var clock any
	if e := t.table("customer").byID[customer]; e != nil && e.object().ref("test_clock") != "" {
		clock = e.object().ref("test_clock")
	}
	return newObject(
		"id", id, "object", "subscription_schedule", "application", nil, "billing_mode", newObject("type", "classic"),
		"canceled_at", nil, "completed_at", nil, "created", t.now, "current_phase", nil, "customer", customer, "customer_account", nil,
		"default_settings", newObject("application_fee_percent", nil, "automatic_tax", newObject("disabled_reason", nil, "enabled", false, "liability", nil),
			"billing_cycle_anchor", "automatic", "billing_thresholds", nil, "collection_method", "charge_automatically",
			"default_payment_method", nil, "description", nil,
			"invoice_settings", newObject("account_tax_ids", nil, "days_until_due", nil, "issuer", newObject("type", "self")),
			"on_behalf_of", nil, "transfer_data", nil),
		"end_behavior", "release", "livemode", t.livemode, "metadata", metadata, "phases", []any{}, "released_at", nil,
		"released_subscription", nil, "status", "not_started", "subscription", nil, "test_clock", clock)
}

func (c *call) createSchedule() (*entry, *apiError) {
	metadata, err := c.params.metadata().fresh()
	if err != nil {
		return nil, err
	}
	if c.params.has("from_subscription") {
		return c.scheduleOfSubscription(metadata)
	}
	p := c.params
	switch {
	case !p.has("customer"):
		return nil, invalid("parameter_missing", "customer", "Missing required param: customer.")
	case len(p.hashes("phases")) == 0:
		return nil, invalid("parameter_missing", "phases", "Missing required param: phases.")
	}
	if _, err := c.findLive("customer", p.str("customer"), http.StatusBadRequest, "customer"); err != nil {
		return nil, err
	}
	start := c.now
	if p.has("start_date") {
		start = p.moment("start_date", c.now)
	}
	o := c.newSchedule(p.str("customer"), metadata)
	c.setSchedule(o)
	prices := newObject()
	phases, err := c.phases(p.hashes("phases"), start, prices)
	if err != nil {
		return nil, err
	}
	o.set("phases", rawList(phases))
	e := c.insert("subscription_schedule", o, newObject("prices", prices))
	for _, phase := range phases { // a start in the past has happened already
		if at := phase.int("start_date"); at <= c.now {
			c.enterPhase(e, phase)
		}
	}
	return e, nil
}

// scheduleOfSubscription puts a running subscription under a schedule whose
// only phase is the subscription as it is, until its period ends.
func (c *call) scheduleOfSubscription(metadata *object) (*entry, *apiError) {
	for _, name := range []string{"customer", "phases", "start_date", "end_behavior", "default_settings"} {
		if c.params.has(name) {
			return nil, invalid("", name, "You cannot set `%s` if `from_subscription` is set.", name)
		}
	}
	sub, err := c.find("subscription", c.params.str("from_subscription"), http.StatusBadRequest, "from_subscription")
	if err != nil {
		return nil, err
	}
	owned := sub.object()
	switch {
	case sub.has([]string{tagEnded}):
		return nil, refused("", "from_subscription", "You cannot migrate a subscription that is %s.", owned.str("status"))
	case owned.ref("schedule") != "":
		return nil, refused("", "from_subscription", "You cannot migrate a subscription that is already attached to a schedule: `%s`.", owned.ref("schedule"))
	}
	o := c.newSchedule(owned.ref("customer"), metadata)
	prices := newObject()
	phase := c.phaseOfSubscription(owned, prices)
	o.set("phases", rawList([]*object{phase}))
	o.set("status", "active")
	o.set("subscription", sub.id)
	o.set("current_phase", newObject("end_date", phase.int("end_date"), "start_date", phase.int("start_date")))
	e := c.insert("subscription_schedule", o, newObject("prices", prices))
	owned.set("schedule", e.id)
	c.update("subscription", sub, owned)
	return e, nil
}

// setSchedule writes the parameters that create and update share.
func (c *call) setSchedule(o *object) {
	c.params.copyTo(o, c.op.params, "end_behavior")
	if given := c.params.hash("default_settings"); given != nil {
		settings := o.child("default_settings")
		if settings == nil {
			settings = newObject()
		}
		given.copyTo(settings, c.op.params.find("default_settings").fields, "billing_cycle_anchor", "collection_method",
			"default_payment_method", "description")
		o.set("default_settings", settings)
	}
}

func (c *call) updateSchedule() (*entry, *apiError) {
	e, err := c.find("subscription_schedule", c.id, http.StatusNotFound, "schedule")
	if err != nil {
		return nil, err
	}
	o := e.object()
	if !e.has([]string{tagLive}) {
		return nil, refused("", "", "You cannot update a subscription schedule that is currently in the `%s` status. It must be in `not_started` or `active` status.", o.str("status"))
	}
	if err := c.params.metadata().mergeInto(o); err != nil {
		return nil, err
	}
	c.setSchedule(o)
	var current *object
	if c.params.has("phases") {
		prices := parseObject(e.hidden).child("prices")
		if prices == nil {
			prices = newObject()
		}
		if current, err = c.changePhases(o, prices); err != nil {
			return nil, err
		}
		e.hidden = newObject("prices", prices).raw()
	}
	c.update("subscription_schedule", e, o)
	if current != nil {
		c.enterPhase(e, current)
	}
	return e, nil
}

// changePhases replaces the phases that have not ended and returns the one
// that runs now, nil when none does. Those in the past stay.
func (c *call) changePhases(o *object, prices *object) (*object, *apiError) {
	given := c.params.hashes("phases")
	if len(given) == 0 {
		return nil, invalid("", "phases", "A schedule needs at least one phase.")
	}
	old := scheduledPhases(o)
	start := c.now
	switch {
	case given[0].has("start_date"):
		start = given[0].moment("start_date", c.now)
	case o.str("status") == "active":
		return nil, invalid("parameter_missing", "phases[0][start_date]", "The first phase of an active schedule needs its start_date.")
	case len(old) > 0:
		start = old[0].int("start_date")
	}
	if o.str("status") == "active" && start > c.now {
		return nil, refused("", "phases", "You can not modify the current phase's start: begin with the phase that runs now.")
	}
	fresh, err := c.phases(given, start, prices)
	if err != nil {
		return nil, err
	}
	var all []*object
	for _, phase := range old {
		if phase.int("end_date") <= start {
			all = append(all, phase)
		}
	}
	all = append(all, fresh...)
	o.set("phases", rawList(all))
	for _, phase := range fresh {
		if phase.int("start_date") <= c.now && c.now < phase.int("end_date") {
			return phase, nil
		}
	}
	return nil, nil
}

// endSchedule cancels a schedule with its subscription, or releases the
// subscription from it.
func (c *call) endSchedule(status string) (*entry, *apiError) {
	e, err := c.find("subscription_schedule", c.id, http.StatusNotFound, "schedule")
	if err != nil {
		return nil, err
	}
	if !e.has([]string{tagLive}) {
		return nil, refused("", "", "You cannot make a subscription schedule %s that is currently in the `%s` status. It must be in `not_started` or `active` status.", status, e.object().str("status"))
	}
	c.finishSchedule(e, status)
	return e, nil
}
