package truth

import (
	"encoding/json"

	"rightful"
)

// null is an empty column.
func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// JSON is the world as a world file. about says in words what it shows.
func (w *World) JSON(about string) []byte {
	type row = map[string]any
	var companies, users []row
	for _, c := range w.Companies {
		r := row{"id": c.ID, "merged_into": null(c.MergedInto), "billing_parent_id": null(c.BillingParentID), "stamp_value": null(c.StampValue), "deleted_at": nil}
		if c.Deleted {
			r["deleted_at"] = c.DeletedAt
		}
		if w.App.Owner {
			r["owner_user_id"] = null(c.OwnerUserID)
		}
		if w.App.inColumn() {
			r["stripe_customer_id"] = null(c.StripeCustomerID)
		}
		companies = append(companies, r)
	}
	for _, u := range w.Users {
		r := row{"id": u.ID, "email": u.Email, "is_active": !u.Inactive}
		if w.App.Direct {
			r["company_id"] = null(u.CompanyID)
		}
		users = append(users, r)
	}
	db := row{"companies": companies, "users": users}
	if w.App.Memberships {
		rows := []row{}
		for _, m := range w.Memberships {
			r := row{"user_id": m.UserID, "company_id": m.CompanyID, "joined_at": m.JoinedAt, "left_at": nil}
			if m.LeftAt != 0 {
				r["left_at"] = m.LeftAt
			}
			rows = append(rows, r)
		}
		db["memberships"] = rows
	}
	if w.App.Rows {
		rows := []row{}
		for _, r := range w.Rows {
			rows = append(rows, row{"id": r.ID, "company_id": r.CompanyID, "stripe_customer_id": null(r.StripeCustomerID), "stripe_subscription_id": r.StripeSubscriptionID, "status": r.Status})
		}
		db["subscriptions"] = rows
	}
	if w.App.inTable() {
		rows := []row{}
		for _, l := range w.Links {
			rows = append(rows, row{"company_id": l.CompanyID, "stripe_customer_id": l.StripeCustomerID})
		}
		db["links"] = rows
	}
	world := row{"about": about, "log": w.Log, "now": w.Now, "config": w.config(), "db": db, "stripe": w.stripe()}
	if w.App.Cached {
		world["cache"] = w.Cache
	}
	if w.App.Probed {
		world["probe"] = row{"users": w.Probe, "revision": w.Revision}
	}
	out, err := json.MarshalIndent(world, "", " ")
	if err != nil {
		panic(err) // maps of strings and numbers
	}
	return out
}

func (w *World) config() map[string]any {
	keys := w.App.Keys()
	c := map[string]any{"company": map[string]any{"metadata_key": keys.Company, "also_read": keys.AlsoRead, "user_key": keys.User}}
	if w.App.Tagged != "" {
		c["ownership"] = map[string]string{"key": keys.Ownership, "value": w.App.OwnershipValue()}
	}
	if w.App.Pending {
		c["directory"] = map[string]any{"placeholder_customers": w.App.Placeholders()}
	}
	if w.App.Cached {
		var patterns []map[string]any
		for _, k := range cacheKeys {
			patterns = append(patterns, map[string]any{"pattern": k.Pattern, "holds": k.Holds})
		}
		c["cache"] = map[string]any{"keys": patterns}
	}
	if w.App.Probed {
		c["resolver_probe"] = map[string]any{"expect_revision": "rev1"}
	}
	return c
}

// listNames are what a world calls the lists of objects.
var listNames = map[rightful.ObjectType]string{
	rightful.TypeCustomer: "customers", rightful.TypeSession: "checkout_sessions",
	rightful.TypeSubscription: "subscriptions", rightful.TypePaymentIntent: "payment_intents",
	rightful.TypeSchedule: "subscription_schedules", rightful.TypeInvoice: "invoices",
	rightful.TypeCharge: "charges", rightful.TypePaymentMethod: "payment_methods",
}

// stripe prints the objects as Stripe does.
func (w *World) stripe() map[string]any {
	lists := map[string][]map[string]any{}
	for _, name := range listNames {
		lists[name] = []map[string]any{}
	}
	for _, o := range w.Objects {
		m := map[string]any{"id": o.ID, "object": o.Type, "created": o.Created, "livemode": true, "metadata": o.Metadata}
		if o.Deleted { // Stripe returns a stub
			lists["customers"] = append(lists["customers"], map[string]any{"id": o.ID, "object": o.Type, "deleted": true})
			continue
		}
		switch o.Type {
		case rightful.TypeCustomer:
			m["email"], m["balance"] = null(o.Email), o.Balance
			if o.HasSavedMethod {
				m["invoice_settings"] = map[string]string{"default_payment_method": "pm_" + o.ID}
			}
		default:
			m["customer"], m["status"] = null(o.StripeCustomerID), o.Status
		}
		switch o.Type {
		case rightful.TypeSession:
			m["mode"], m["payment_status"], m["subscription"], m["payment_intent"] = o.Mode, o.PaymentStatus, null(o.SubscriptionID), null(o.PaymentIntentID)
			if o.ExpiresAt != 0 {
				m["expires_at"] = o.ExpiresAt
			}
			m["client_reference_id"], m["payment_link"], m["customer_email"] = null(o.ClientReferenceID), null(o.PaymentLink), null(o.Email)
		case rightful.TypeSubscription:
			if o.HasSchedule {
				m["schedule"] = "sub_sched_" + o.ID
			}
			if o.HasPendingUpdate {
				m["pending_update"] = map[string]any{"expires_at": w.Now + 3600}
			}
			if o.EndedAt != 0 {
				m["ended_at"] = o.EndedAt
			}
			m["cancel_at_period_end"] = o.Ending
			items := []map[string]any{}
			for _, it := range o.Items {
				items = append(items, map[string]any{"quantity": it.Quantity, "price": map[string]any{
					"id": it.PriceID, "product": it.ProductID, "unit_amount": it.UnitAmount, "currency": it.Currency,
					"recurring": map[string]any{"interval": it.Interval, "interval_count": it.IntervalCount},
				}})
			}
			m["items"] = map[string]any{"data": items}
		case rightful.TypeSchedule:
			phases := []map[string]any{}
			for _, p := range o.Phases {
				phases = append(phases, map[string]any{"start_date": p.Start, "end_date": p.End, "metadata": p.Metadata})
			}
			m["subscription"], m["phases"] = null(o.SubscriptionID), phases
		case rightful.TypeInvoice:
			m["amount_paid"] = o.AmountPaid
			m["parent"] = map[string]any{"subscription_details": map[string]any{"subscription": null(o.SubscriptionID), "metadata": o.Snapshot}}
		case rightful.TypeCharge:
			m["amount"], m["amount_captured"], m["payment_intent"] = o.AmountPaid, o.AmountPaid, null(o.PaymentIntentID)
		}
		lists[listNames[o.Type]] = append(lists[listNames[o.Type]], m)
	}
	out := map[string]any{"account": map[string]any{"id": "acct_1", "livemode": true}, "missing_ids": w.Missing}
	for name, list := range lists {
		out[name] = list
	}
	events := []map[string]any{}
	for _, e := range w.Events {
		m := map[string]any{"id": e.ID, "object": "event", "type": e.Type, "created": e.Created, "livemode": true, "pending_webhooks": e.PendingWebhooks}
		if e.Account != "" {
			m["account"] = e.Account
		}
		data := map[string]any{"object": map[string]any{"id": e.ObjectID, "object": e.ObjectType}}
		if e.Previous != nil {
			data["previous_attributes"] = map[string]any{"metadata": e.Previous}
		}
		m["data"] = data
		events = append(events, m)
	}
	out["events"] = events
	if w.App.Endpoints {
		endpoints := []map[string]any{}
		for _, e := range w.Endpoints {
			endpoints = append(endpoints, map[string]any{"id": e.ID, "object": "webhook_endpoint", "url": e.URL, "status": e.Status, "enabled_events": e.EnabledEvents, "created": e.Created, "livemode": true})
		}
		out["webhook_endpoints"] = endpoints
	}
	return out
}
