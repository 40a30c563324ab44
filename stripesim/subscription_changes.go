package stripesim

import "net/http"

// updateSubscription follows Stripe's rule that a canceled subscription can
// only change its metadata and cancellation_details.
func (c *call) updateSubscription(s shape) (*entry, *apiError) {
	e, err := c.find("subscription", c.id, http.StatusNotFound, "id")
	if err != nil {
		return nil, err
	}
	o := e.object()
	if e.has([]string{tagEnded}) {
		for _, name := range c.params.names {
			if name != "metadata" && name != "cancellation_details" && name != "expand" {
				return nil, refused("", name, "A canceled subscription can only update its cancellation_details and metadata.")
			}
		}
	}
	if o.str("status") == "incomplete" {
		for _, name := range c.params.names {
			if name != "metadata" && name != "default_source" && name != "default_payment_method" && name != "expand" {
				return nil, refused("", name, "A subscription in the status incomplete can only have its metadata and its default payment method updated.")
			}
		}
	}
	if err := c.checkDefaultMethod(o.ref("customer"), c.params.str("default_payment_method"), "default_payment_method"); err != nil {
		return nil, err
	}
	if err := c.params.metadata().mergeInto(o); err != nil {
		return nil, err
	}
	c.params.copyTo(o, s, subscriptionFields...)
	setCancellation(o, c.params.hash("cancellation_details"))
	if c.params.has("trial_end") {
		setTrialEnd(o, c.params.moment("trial_end", c.now), c.now)
	}
	otherRhythm, err := c.changeItems(o)
	if err != nil {
		return nil, err
	}
	trialOver := e.object().str("status") == "trialing" && o.str("status") == "active"
	renewed := trialOver || otherRhythm && o.str("status") != "trialing"
	if renewed {
		c.restartPeriod(o)
	}
	c.setCancelAt(o)
	if renewed {
		if err := c.billUpdate(o); err != nil {
			return nil, err
		}
	}
	if c.params.metadata().given {
		c.showMetadata(o)
	}
	c.update("subscription", e, o)
	return e, nil
}

// billUpdate bills the period that an update began. Proration of what was paid
// before is not modelled.
func (c *call) billUpdate(o *object) *apiError {
	customer := c.table("customer").byID[o.ref("customer")]
	if customer == nil {
		return nil
	}
	behavior := c.params.str("payment_behavior")
	if behavior == pendingIncomplete {
		return invalid("", "payment_behavior", "stripesim does not model payment_behavior=%s, and leaving it out would change the answer.", behavior)
	}
	if err := c.refusePayment(o, customer.object()); err != nil {
		return err
	}
	invoice := c.billSubscription(o, customer, billing{reason: "subscription_update", held: behavior == defaultIncomplete, how: c.attempt()})
	o.set("latest_invoice", invoice.id)
	if c.unpaid(invoice) {
		o.set("status", "past_due")
	}
	return nil
}

func (c *call) cancel() (*entry, *apiError) {
	e, err := c.find("subscription", c.id, http.StatusNotFound, "id")
	if err != nil {
		return nil, err
	}
	if e.has([]string{tagEnded}) {
		return nil, missing(http.StatusNotFound, "subscription", c.id, "id", "")
	}
	if o := e.object(); o.str("status") == "incomplete" { // it never began
		setCancellation(o, c.params.hash("cancellation_details"))
		c.update("subscription", e, o)
		c.expireSubscription(e)
		return e, nil
	}
	c.cancelSubscription(e, c.params.hash("cancellation_details"))
	return e, nil
}

// cancelSubscription ends a subscription now.
func (t *tx) cancelSubscription(e *entry, details *values) {
	o := e.object()
	o.set("status", "canceled")
	o.set("canceled_at", t.now)
	o.set("ended_at", t.now)
	o.set("cancel_at_period_end", false)
	setCancellation(o, details)
	setCanceledBy(o)
	t.update("subscription", e, o)
	t.endSchedules(e)
}

// setCanceledBy says that somebody asked for the end.
func setCanceledBy(o *object) {
	reason := o.child("cancellation_details")
	if reason == nil {
		reason = newObject("comment", nil, "feedback", nil)
	}
	reason.set("reason", "cancellation_requested")
	o.set("cancellation_details", reason)
}

// endSchedules ends those of a subscription that has ended.
func (t *tx) endSchedules(e *entry) {
	schedules := t.table("subscription_schedule").smallest([]string{"subscription=" + e.id, tagLive})
	for _, schedule := range append([]*entry(nil), schedules.entries...) {
		if schedule.has([]string{"subscription=" + e.id, tagLive}) {
			t.finishSchedule(schedule, "canceled")
		}
	}
}

func setCancellation(o *object, v *values) {
	if v == nil {
		return
	}
	details := o.child("cancellation_details")
	if details == nil {
		details = newObject("comment", nil, "feedback", nil, "reason", nil)
	}
	p := cancellationParam()
	v.copyTo(details, p.fields, "comment", "feedback")
	o.set("cancellation_details", details)
}
