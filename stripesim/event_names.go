package stripesim

// The event types below are those that Stripe has and this simulator can
// reach. It has none for a metadata change of a checkout session, a payment
// intent or a setup intent, and so neither does the simulator: whoever waits
// for one must wait forever in a test, too.

// lifeEvents is noun.created, noun.updated and noun.deleted.
func lifeEvents(noun string) func(before, after *object) []string {
	return func(before, after *object) []string {
		switch {
		case before == nil:
			return []string{noun + ".created"}
		case after == nil:
			return []string{noun + ".deleted"}
		}
		return []string{noun + ".updated"}
	}
}

// subscriptionEvents: a canceled subscription is a "deleted" one.
func subscriptionEvents(before, after *object) []string {
	switch {
	case before == nil:
		return []string{"customer.subscription.created"}
	case became(before, after, "canceled"):
		return []string{"customer.subscription.deleted"}
	}
	return []string{"customer.subscription.updated"}
}

// sessionEvents leaves async_payment_failed out: a failed payment changes
// nothing on the session.
func sessionEvents(before, after *object) []string {
	switch {
	case before == nil:
		return nil
	case became(before, after, "complete"):
		return []string{"checkout.session.completed"}
	case became(before, after, "expired"):
		return []string{"checkout.session.expired"}
	case before.str("payment_status") == "unpaid" && after.str("payment_status") == "paid":
		return []string{"checkout.session.async_payment_succeeded"}
	}
	return nil
}

func paymentIntentEvents(before, after *object) []string {
	if before == nil {
		return []string{"payment_intent.created"}
	}
	for _, status := range []string{"succeeded", "canceled", "processing", "requires_action"} {
		if became(before, after, status) {
			return []string{"payment_intent." + status}
		}
	}
	if failed := after.child("last_payment_error"); failed != nil && string(before.get("last_payment_error")) != string(failed.raw()) {
		return []string{"payment_intent.payment_failed"}
	}
	return nil
}

func setupIntentEvents(before, after *object) []string {
	if before == nil {
		return []string{"setup_intent.created"}
	}
	for _, status := range []string{"succeeded", "canceled", "requires_action"} {
		if became(before, after, status) {
			return []string{"setup_intent." + status}
		}
	}
	if failed := after.child("last_setup_error"); failed != nil && string(before.get("last_setup_error")) != string(failed.raw()) {
		return []string{"setup_intent.setup_failed"}
	}
	return nil
}

func invoiceEvents(before, after *object) []string {
	switch {
	case before == nil:
		return []string{"invoice.created"}
	case after == nil:
		return []string{"invoice.deleted"}
	}
	for status, names := range map[string][]string{
		"open": {"invoice.finalized"}, "paid": {"invoice.paid", "invoice.payment_succeeded"},
		"void": {"invoice.voided"}, "uncollectible": {"invoice.marked_uncollectible"},
	} {
		if became(before, after, status) {
			return append(names, "invoice.updated")
		}
	}
	return []string{"invoice.updated"}
}

func chargeEvents(before, after *object) []string {
	if before == nil {
		return []string{"charge." + after.str("status")}
	}
	return []string{"charge.updated"}
}

func scheduleEvents(before, after *object) []string {
	if before == nil {
		return []string{"subscription_schedule.created"}
	}
	for _, status := range []string{"canceled", "completed", "released"} {
		if became(before, after, status) {
			return []string{"subscription_schedule." + status}
		}
	}
	return []string{"subscription_schedule.updated"}
}

func paymentMethodEvents(before, after *object) []string {
	was := before.ref("customer")
	switch is := after.ref("customer"); {
	case was == "" && is != "":
		return []string{"payment_method.attached"}
	case was != "" && is == "":
		return []string{"payment_method.detached"}
	case before == nil:
		return nil
	}
	return []string{"payment_method.updated"}
}

// became reports that an update moved the status to this one.
func became(before, after *object, status string) bool {
	return before.str("status") != status && after.str("status") == status
}
