package stripesim_test

import (
	"os"
	"strings"
	"testing"

	"rightful/stripesim"
)

func startMoney(t *testing.T) *bench {
	t.Helper()
	world, err := os.ReadFile("testdata/money.json")
	if err != nil {
		t.Fatal(err)
	}
	b := start(t, stripesim.Options{})
	loadWorld(t, b.sim, string(world))
	return b
}

// A world seeds every kind of object an auditor reads, and they are found by
// what they refer to.
func TestWorldsSeedMoney(t *testing.T) {
	t.Parallel()
	b := startMoney(t)
	for list, want := range map[string]string{
		"invoices": "in_open in_draft in_paid in_old", "invoices?customer=cus_bela&status=paid": "in_paid in_old",
		"invoices?subscription=sub_active": "in_draft in_paid in_old", "invoices/search?query=customer:'cus_bela'%20AND%20total>0": "in_paid",
		"charges?payment_intent=pi_paid": "ch_1", "charges?customer=cus_bela": "ch_1", "payment_intents?customer=cus_bela": "pi_open pi_paid",
		"setup_intents?payment_method=pm_1": "seti_1", "payment_methods?customer=cus_bela&type=card": "pm_1", "customers/cus_bela/payment_methods": "pm_1",
		"subscription_schedules?customer=cus_bela": "sub_sched_1", "webhook_endpoints": "we_1",
		"events": "evt_new", "events?type=customer.*&delivery_success=false": "evt_new", // evt_old is older than 30 days
		"subscriptions?status=incomplete": "sub_waiting",
	} {
		equal(t, list, strings.Join(b.send("GET", "/v1/"+list, "").ids(), " "), want)
	}
	in := b.send("GET", "/v1/invoices/in_paid?expand[]=parent.subscription_details.subscription&expand[]=payments.data.payment.payment_intent&expand[]=customer", "")
	equal(t, "snapshot", str(in.at("parent", "subscription_details", "metadata", "company_id")), "4")
	equal(t, "subscription", str(in.at("parent", "subscription_details", "subscription", "metadata", "company_id")), "11")
	equal(t, "payment", str(in.at("payments", "data", 0, "payment", "payment_intent", "latest_charge")), "ch_1")
	equal(t, "customer", str(in.at("customer", "email")), str(in.at("customer_email")))
	old := b.send("GET", "/v1/invoices/in_old?expand[]=payments", "")
	equal(t, "payment of an old version", str(old.at("payments", "data", 0, "payment", "payment_intent")), "pi_paid")
	equal(t, "phase", str(b.send("GET", "/v1/subscription_schedules/sub_sched_1?expand[]=subscription", "").at("phases", 0, "metadata", "company_id")), "4")
	equal(t, "charge", str(b.send("GET", "/v1/charges/ch_1?expand[]=payment_intent.customer", "").at("payment_intent", "customer", "id")), "cus_bela")
	equal(t, "no secret", b.send("GET", "/v1/webhook_endpoints/we_1", "").at("secret"), nil)
}

// Seeded objects go on as if they had been made here.
func TestSeededMoneyMoves(t *testing.T) {
	t.Parallel()
	b := startMoney(t)
	stamp := func(id string) string {
		return str(b.send("GET", "/v1/invoices/"+id, "").at("parent", "subscription_details", "metadata", "company_id"))
	}
	b.send("POST", "/v1/subscriptions/sub_active", "metadata[company_id]=7")
	equal(t, "finalized", stamp("in_paid"), "4")
	equal(t, "draft", stamp("in_draft"), "7")
	b.send("POST", "/v1/charges/ch_1", "metadata[company_id]=7")
	equal(t, "not the intent's", str(b.send("GET", "/v1/payment_intents/pi_paid", "").at("metadata", "company_id")), "4")
	b.send("POST", "/v1/payment_intents/pi_open/confirm", "payment_method=pm_1")
	equal(t, "paid", b.status("/v1/invoices/in_open"), "paid")
	equal(t, "active", b.status("/v1/subscriptions/sub_waiting"), "active")
	equal(t, "events", strings.Join(b.types("type=customer.subscription.*"), " "), "customer.subscription.updated customer.subscription.updated")
}
