package stripeobject

import (
	"cmp"
	"slices"

	"rightful"
)

func (w *walker) scheduleField(o *draft, name []byte) (err error) {
	switch string(name) {
	case "customer":
		o.StripeCustomerID, err = w.reference("customer")
	case "customer_account":
		o.account, err = w.reference("customer_account")
	case "subscription":
		o.SubscriptionID, err = w.reference("subscription")
	case "released_subscription":
		o.released, err = w.reference("released_subscription")
	case "status":
		o.Status, err = w.text("status")
	case "test_clock":
		o.TestClock, err = w.reference("test_clock")
	case "phases":
		o.Phases, err = w.phases()
	default:
		return w.dec.SkipValue()
	}
	return err
}

// phases reads the phases of a schedule, oldest first.
func (w *walker) phases() ([]rightful.Phase, error) {
	if w.dec.PeekKind() == 'n' {
		return nil, w.dec.SkipValue()
	}
	phases, err := list(w, "phases", 0, func() (p rightful.Phase, err error) {
		err = w.each("(phase)", func(name []byte) error {
			var err error
			switch string(name) {
			case "start_date":
				p.Start, _, err = w.whole("start_date")
			case "end_date":
				p.End, _, err = w.whole("end_date")
			case "metadata":
				p.Metadata, err = w.metadata("metadata")
			default:
				err = w.dec.SkipValue()
			}
			return err
		})
		return p, err
	})
	slices.SortStableFunc(phases, func(a, b rightful.Phase) int { return cmp.Compare(a.Start, b.Start) })
	return phases, err
}

// invoiceField reads an invoice. Until 2025-03-31 (basil) the subscription and
// its snapshot stood on the invoice itself, since then they stand in parent.
func (w *walker) invoiceField(o *draft, name []byte) (err error) {
	switch string(name) {
	case "customer":
		o.StripeCustomerID, err = w.reference("customer")
	case "customer_account":
		o.account, err = w.reference("customer_account")
	case "status":
		o.Status, err = w.text("status")
	case "amount_paid":
		o.AmountPaid, _, err = w.whole("amount_paid")
	case "test_clock":
		o.TestClock, err = w.reference("test_clock")
	case "subscription":
		o.SubscriptionID, err = w.reference("subscription")
	case "subscription_details":
		_, o.snapshot, err = w.subscriptionDetails()
	case "parent":
		return w.each("parent", func(name []byte) error {
			if string(name) != "subscription_details" {
				return w.dec.SkipValue()
			}
			var err error
			o.parent, o.Snapshot, err = w.subscriptionDetails()
			return err
		})
	default:
		return w.dec.SkipValue()
	}
	return err
}

// subscriptionDetails reads what an invoice says about its subscription.
func (w *walker) subscriptionDetails() (id string, snapshot map[string]string, err error) {
	err = w.each("subscription_details", func(name []byte) error {
		var err error
		switch string(name) {
		case "subscription":
			id, err = w.reference("subscription")
		case "metadata":
			snapshot, err = w.metadata("metadata")
		default:
			err = w.dec.SkipValue()
		}
		return err
	})
	return id, snapshot, err
}

func (w *walker) chargeField(o *draft, name []byte) (err error) {
	switch string(name) {
	case "customer":
		o.StripeCustomerID, err = w.reference("customer")
	case "customer_account":
		o.account, err = w.reference("customer_account")
	case "payment_intent":
		o.PaymentIntentID, err = w.reference("payment_intent")
	case "status":
		o.Status, err = w.text("status")
	case "amount":
		o.amount, _, err = w.whole("amount")
	case "amount_captured":
		o.AmountPaid, o.hasCaptured, err = w.whole("amount_captured")
	case "paid":
		o.paid, _, err = w.flag("paid")
	default:
		return w.dec.SkipValue()
	}
	return err
}

func (w *walker) methodField(o *draft, name []byte) (err error) {
	switch string(name) {
	case "customer":
		o.StripeCustomerID, err = w.reference("customer")
	case "customer_account":
		o.account, err = w.reference("customer_account")
	default:
		return w.dec.SkipValue()
	}
	return err
}

// settleBilling settles what schedules, invoices and charges say in two places.
func (o *draft) settleBilling() {
	switch o.Type {
	case rightful.TypeSchedule:
		o.SubscriptionID = cmp.Or(o.SubscriptionID, o.released)
	case rightful.TypeInvoice:
		o.SubscriptionID = cmp.Or(o.parent, o.SubscriptionID)
		if o.Snapshot == nil {
			o.Snapshot = o.snapshot
		}
	case rightful.TypeCharge:
		// An authorization that was not captured moved no money. API versions
		// before 2020-08-27 do not tell what was captured.
		if !o.hasCaptured && o.paid {
			o.AmountPaid = o.amount
		}
	}
}
