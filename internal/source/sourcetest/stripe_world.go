package sourcetest

import (
	"encoding/json"
	"testing"
)

type fields = map[string]any

// stripeWorld writes a world file with now and a stripe section.
func stripeWorld(t *testing.T, livemode bool, lists fields) []byte {
	t.Helper()
	section := fields{"account": fields{"id": stripeAccount, "livemode": livemode}}
	for name, list := range lists {
		section[name] = list
	}
	world, err := json.Marshal(fields{"now": stripeNow, "stripe": section})
	if err != nil {
		t.Fatal(err)
	}
	return world
}

// smallWorld has one of everything that the suite asks about.
func smallWorld(t *testing.T, livemode bool) []byte {
	price := fields{"id": "price_1", "object": "price", "product": "prod_1", "unit_amount": 4900, "currency": "eur",
		"recurring": fields{"interval": "month", "interval_count": 1}}
	subscription := func(id, customer, status string, created int) fields {
		return fields{"id": id, "object": "subscription", "customer": customer, "status": status, "created": created,
			"metadata": fields{"company_id": "4", "note": "private"},
			"items":    fields{"object": "list", "has_more": false, "data": []any{fields{"id": "si_" + id, "object": "subscription_item", "price": price, "quantity": 2}}}}
	}
	return stripeWorld(t, livemode, fields{
		"customers": []any{
			fields{"id": "cus_old", "object": "customer", "created": 1000, "email": "ann@example.com",
				"metadata": fields{"company_id": "4", "user_id": "7", "org_id": "o", "app": "ledgerly", "note": "private", "Company_ID": "5"}},
			fields{"id": "cus_gone", "object": "customer", "deleted": true},
			fields{"id": "cus_new", "object": "customer", "created": 3000, "email": "Ann@example.com", "metadata": fields{}},
			fields{"id": "cus_mid", "object": "customer", "created": 2000, "email": nil},
		},
		"checkout_sessions": []any{
			fields{"id": "cs_1", "object": "checkout.session", "created": 2100, "customer": "cus_mid", "mode": "subscription", "status": "complete", "payment_status": "paid",
				"subscription": "sub_active", "customer_details": fields{"email": "ann@example.com", "name": "Ann"}, "client_reference_id": "7", "metadata": fields{"company_id": "4"}},
			fields{"id": "cs_2", "object": "checkout.session", "created": 2200, "customer": nil, "mode": "payment", "status": "complete", "payment_status": "paid",
				"payment_intent": "pi_1", "customer_details": fields{"email": "bob@example.com"}},
			fields{"id": "cs_3", "object": "checkout.session", "created": 2300, "customer": "cus_mid", "mode": "payment", "status": "expired", "payment_status": "unpaid"},
		},
		"subscriptions": []any{
			subscription("sub_active", "cus_mid", "active", 2110),
			subscription("sub_canceled", "cus_mid", "canceled", 1500),
			subscription("sub_trialing", "cus_new", "trialing", 3100),
			subscription("sub_incomplete", "cus_new", "incomplete_expired", 3050),
			subscription("sub_gone", "cus_gone", "canceled", 900),
		},
		"payment_intents": []any{
			fields{"id": "pi_1", "object": "payment_intent", "created": 2201, "customer": nil, "status": "succeeded", "receipt_email": "bob@example.com", "amount": 100, "currency": "eur"},
			fields{"id": "pi_2", "object": "payment_intent", "created": 2301, "customer": "cus_mid", "status": "requires_payment_method", "amount": 100, "currency": "eur"},
		},
		"subscription_schedules": []any{
			fields{"id": "sub_sched_1", "object": "subscription_schedule", "created": 2120, "customer": "cus_mid", "subscription": "sub_active", "status": "active",
				"metadata": fields{"company_id": "4", "note": "private"}, "phases": []any{
					fields{"start_date": 2120, "end_date": 9000, "metadata": fields{"company_id": "4", "note": "private"}, "items": []any{}},
					fields{"start_date": 9000, "end_date": 9900, "metadata": fields{"company_id": "5"}, "items": []any{}}}},
			fields{"id": "sub_sched_2", "object": "subscription_schedule", "created": 3110, "customer": "cus_new", "subscription": nil,
				"released_subscription": "sub_trialing", "status": "released", "metadata": fields{}, "phases": []any{}},
		},
		"invoices": []any{
			fields{"id": "in_1", "object": "invoice", "created": 2130, "customer": "cus_mid", "status": "paid", "amount_paid": 9800, "metadata": fields{"company_id": "6"},
				"parent": fields{"type": "subscription_details", "subscription_details": fields{"subscription": "sub_active", "metadata": fields{"company_id": "4", "note": "private"}}}},
			fields{"id": "in_2", "object": "invoice", "created": 2400, "customer": "cus_mid", "status": "draft", "amount_paid": 0, "parent": nil},
			fields{"id": "in_3", "object": "invoice", "created": 3120, "customer": "cus_new", "status": "open", "amount_paid": 0, "parent": nil},
		},
		"charges": []any{
			fields{"id": "ch_1", "object": "charge", "created": 2202, "customer": nil, "payment_intent": "pi_1", "status": "succeeded", "paid": true,
				"amount": 100, "amount_captured": 100, "metadata": fields{"company_id": "4"}},
			fields{"id": "ch_2", "object": "charge", "created": 2302, "customer": "cus_mid", "payment_intent": "pi_2", "status": "succeeded", "paid": true,
				"amount": 100, "amount_captured": 0},
		},
		"payment_methods": []any{
			fields{"id": "pm_1", "object": "payment_method", "created": 2000, "customer": "cus_mid", "type": "card", "metadata": fields{"company_id": "4"}},
			fields{"id": "pm_2", "object": "payment_method", "created": 2500, "customer": "cus_mid", "type": "card"},
			fields{"id": "pm_3", "object": "payment_method", "created": 2600, "customer": nil, "type": "card"},
		},
		"events":            worldEvents(),
		"webhook_endpoints": worldEndpoints(),
		"missing_ids":       append([]string{"cus_missing", "sub_missing", "cs_missing", "pi_missing", "sub_sched_missing", "in_missing", "ch_missing", "pm_missing"}, oddIDs...),
	})
}
