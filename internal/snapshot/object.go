package snapshot

import "rightful"

// notTold stands for what is there and is not read: a card, a schedule of which
// only the existence counts.
const notTold = "left_out"

// told returns a value for what is there, and nil for what is not.
func told(is bool) any {
	if is {
		return notTold
	}
	return nil
}

// objectJSON writes an object as Stripe does, with the fields that were read.
func objectJSON(o rightful.Object) fields {
	f := fields{{"id", o.ID}, {"object", string(o.Type)}}
	f.add("deleted", o.Deleted)
	if o.Deleted {
		return f
	}
	f.add("created", o.Created)
	f = append(f, member{"livemode", o.Livemode})
	if o.Type != rightful.TypeCustomer {
		f.add("customer", o.StripeCustomerID)
	}
	f.add("metadata", o.Metadata)
	f.add("status", o.Status)
	f.add("test_clock", o.TestClock)
	switch o.Type {
	case rightful.TypeCustomer:
		f.add("email", o.Email)
		f.add("balance", o.Balance)
		f.add("default_source", told(o.HasSavedMethod))
	case rightful.TypeSession:
		sessionJSON(&f, o)
	case rightful.TypeSubscription:
		f.add("cancel_at_period_end", o.Ending)
		f.add("ended_at", o.EndedAt)
		f.add("schedule", told(o.HasSchedule))
		f.add("pending_update", told(o.HasPendingUpdate))
		f.add("items", itemsJSON(o.Items))
	case rightful.TypePaymentIntent:
		f.add("receipt_email", o.Email)
	case rightful.TypeSchedule:
		f.add("subscription", o.SubscriptionID)
		f.add("phases", phasesJSON(o.Phases))
	case rightful.TypeInvoice:
		f.add("amount_paid", o.AmountPaid)
		var details, parent fields
		details.add("subscription", o.SubscriptionID)
		details.add("metadata", o.Snapshot)
		parent.add("subscription_details", details)
		f.add("parent", parent)
	case rightful.TypeCharge:
		f.add("payment_intent", o.PaymentIntentID)
		f.add("amount_captured", o.AmountPaid)
	}
	return f
}

func sessionJSON(f *fields, o rightful.Object) {
	f.add("mode", o.Mode)
	f.add("payment_status", o.PaymentStatus)
	f.add("subscription", o.SubscriptionID)
	f.add("payment_intent", o.PaymentIntentID)
	f.add("payment_link", o.PaymentLink)
	f.add("client_reference_id", o.ClientReferenceID)
	f.add("expires_at", o.ExpiresAt)
	var details fields
	details.add("email", o.Email)
	f.add("customer_details", details)
}

func itemsJSON(items []rightful.Item) any {
	if len(items) == 0 {
		return nil
	}
	var data []any
	for _, item := range items {
		var recurring, price fields
		recurring.add("interval", item.Interval)
		recurring.add("interval_count", item.IntervalCount)
		price.add("id", item.PriceID)
		price.add("product", item.ProductID)
		price = append(price, member{"unit_amount", item.UnitAmount})
		price.add("currency", item.Currency)
		price.add("recurring", recurring)
		data = append(data, fields{{"price", price}, {"quantity", item.Quantity}})
	}
	return fields{{"data", data}}
}

func phasesJSON(phases []rightful.Phase) []any {
	var out []any
	for _, p := range phases {
		f := fields{}
		f.add("start_date", p.Start)
		f.add("end_date", p.End)
		f.add("metadata", p.Metadata)
		out = append(out, f)
	}
	return out
}

// eventJSON writes an event as Stripe does.
func eventJSON(e rightful.Event) fields {
	f := fields{{"id", e.ID}, {"object", "event"}, {"type", e.Type}, {"created", e.Created}}
	f.add("account", e.Account)
	f.add("pending_webhooks", int64(e.PendingWebhooks))
	data := fields{{"object", fields{{"id", e.ObjectID}, {"object", string(e.ObjectType)}}}}
	if len(e.Previous) > 0 {
		data.add("previous_attributes", fields{{"metadata", e.Previous}})
	}
	return append(f, member{"data", data})
}
