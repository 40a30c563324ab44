package truth

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"rightful"
)

// cacheKeys are the patterns of the world's cache.
var cacheKeys = []rightful.CacheEntry{
	{Pattern: "user:{user_id}:company", Holds: rightful.HoldsCompany},
	{Pattern: "company:{company_id}:cus", Holds: rightful.HoldsCustomer},
	{Pattern: "cus:{stripe_customer_id}", Holds: rightful.HoldsCompany},
}

// Situation is the world as it is read: all but its families, which whoever
// reads puts together from StripeObjects.
func (w *World) Situation() *rightful.Situation {
	s := &rightful.Situation{
		Now: w.Now, Whole: true, Mapping: w.App.Mapping(),
		Account:         rightful.Account{ID: "acct_1", Livemode: true, LivemodeKnown: true},
		CacheConfigured: w.App.Cached,
	}
	for _, c := range w.Companies {
		s.Companies = append(s.Companies, *c)
		if c.StripeCustomerID != "" && w.App.Link == LinkColumn {
			s.Links = append(s.Links, rightful.Link{CompanyID: c.ID, StripeCustomerID: c.StripeCustomerID})
		}
	}
	for _, l := range w.Links {
		s.Links = append(s.Links, *l)
	}
	for _, u := range w.Users {
		s.Users = append(s.Users, *u)
	}
	for _, m := range w.Memberships {
		s.Memberships = append(s.Memberships, *m)
	}
	for _, r := range w.Rows {
		s.SubscriptionRows = append(s.SubscriptionRows, *r)
	}
	for _, key := range slices.Sorted(maps.Keys(w.Cache)) {
		e := cacheKeys[slices.Index([]string{"user", "company", "cus"}, key[:strings.Index(key, ":")])]
		e.Key, e.Found, e.Value, e.Decode = key, true, w.Cache[key], "text"
		whose := strings.Split(key, ":")[1]
		switch {
		case strings.HasPrefix(key, "user"):
			e.UserID = whose
		case strings.HasPrefix(key, "company"):
			if e.CompanyID = whose; w.Company(whose) == nil {
				continue // keys are built from the ids that are known
			}
		default:
			e.StripeCustomerID = whose
		}
		s.Cache = append(s.Cache, e)
	}
	if w.App.Probed {
		s.Probe = &rightful.ProbeReport{Users: map[string]rightful.ProbeAnswer{}, Revision: w.Revision, ExpectedRevision: "rev1"}
		for id, company := range w.Probe {
			s.Probe.Users[rightful.CanonicalID(id)] = rightful.ProbeAnswer{CompanyID: company}
		}
	}
	return s
}

// StripeObjects returns copies of all objects that Stripe lists, whose metadata
// holds no other keys than are read.
func (w *World) StripeObjects() []rightful.Object {
	var out []rightful.Object
	for _, o := range w.Objects {
		if o.Deleted {
			continue
		}
		c := *o
		c.Metadata = maps.Clone(o.Metadata)
		maps.DeleteFunc(c.Metadata, func(k, _ string) bool { return !w.App.Keys().Keeps(k) })
		out = append(out, c)
	}
	return out
}

// Exists tells what Stripe knows of customers that are not there.
func (w *World) Exists() map[string]rightful.Existence {
	out := map[string]rightful.Existence{}
	for _, id := range w.Missing {
		out[id] = rightful.ExistsMissing
	}
	for _, o := range w.Objects {
		if o.Deleted {
			out[o.ID] = rightful.ExistsDeleted
		}
	}
	return out
}

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
		if w.App.Link == LinkColumn {
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
	if w.App.Link == LinkTable {
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

// stripe prints the objects as Stripe does.
func (w *World) stripe() map[string]any {
	names := map[rightful.ObjectType]string{
		rightful.TypeCustomer: "customers", rightful.TypeSession: "checkout_sessions",
		rightful.TypeSubscription: "subscriptions", rightful.TypePaymentIntent: "payment_intents",
	}
	lists := map[string][]map[string]any{"customers": {}, "checkout_sessions": {}, "subscriptions": {}, "payment_intents": {}}
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
			m["client_reference_id"], m["payment_link"], m["customer_email"] = null(o.ClientReferenceID), null(o.PaymentLink), null(o.Email)
		case rightful.TypeSubscription:
			if o.HasSchedule {
				m["schedule"] = "sub_sched_" + o.ID
			}
			items := []map[string]any{}
			for _, it := range o.Items {
				items = append(items, map[string]any{"quantity": it.Quantity, "price": map[string]any{
					"id": it.PriceID, "product": it.ProductID, "unit_amount": it.UnitAmount, "currency": it.Currency,
					"recurring": map[string]any{"interval": it.Interval, "interval_count": it.IntervalCount},
				}})
			}
			m["items"] = map[string]any{"data": items}
		}
		lists[names[o.Type]] = append(lists[names[o.Type]], m)
	}
	out := map[string]any{"account": map[string]any{"id": "acct_1", "livemode": true}, "missing_ids": w.Missing}
	for name, list := range lists {
		out[name] = list
	}
	return out
}
