package stripesim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rightful/stripesim"
)

// oddFields are the fields that the simulator itself reads, for odd values.
var oddFields = []string{"customer", "subscription", "status", "metadata", "phases", "items", "lines", "parent", "payment_method", "latest_charge",
	"current_phase", "recurring", "product", "active", "lookup_key", "type", "data", "default_settings", "status_transitions", "amount_due",
	"due_date", "schedule", "invoice_settings", "billing_details", "card", "payment_intent", "enabled_events", "currency", "unit_amount", "default_price"}

// Whatever a world says in places where Stripe would never say it, a request
// is answered or refused, and the server does not fail.
func TestOddObjectsNeverBreakTheServer(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"null", "7", "1.5", "true", `"x"`, `""`, "[]", `[null,7,"x",{}]`, "{}", `{"data":7}`, `{"data":[{"price":7},null]}`,
		`[{"start_date":"x","items":7},{"start_date":1759000000,"end_date":1760000100,"items":[7,{"price":{}}],"metadata":[]}]`} {
		var fields strings.Builder
		for _, name := range oddFields {
			fmt.Fprintf(&fields, `,"%s":%s`, name, value)
		}
		var lists []string
		for list, id := range everything {
			lists = append(lists, fmt.Sprintf(`"%s":[{"id":"%s"%s}]`, strings.ReplaceAll(list, "/", "_"), id, fields.String()))
		}
		b := start(t, stripesim.Options{})
		loadWorld(t, b.sim, `{"stripe":{`+strings.Join(lists, ",")+`}}`)
		check := func(method, path, form string) {
			if a := b.send(method, path, form); a.status >= 500 {
				t.Errorf("every field is %s: %s %s %s: %s", value, method, path, form, a.raw)
			}
		}
		for list, id := range everything {
			check("GET", "/v1/"+list+"?limit=1", "")
			check("GET", "/v1/"+list+"/"+id+"?expand[]=customer", "")
			check("POST", "/v1/"+list+"/"+id, "metadata[company_id]=11")
			for _, verb := range []string{"finalize", "pay", "void", "mark_uncollectible", "confirm", "cancel", "release", "detach", "expire", "attach"} {
				check("POST", "/v1/"+list+"/"+id+"/"+verb, "")
				check("POST", "/v1/"+list+"/"+id+"/"+verb, "customer=cus_1")
			}
		}
		check("GET", "/v1/invoices?due_date[gte]=1&subscription=sub_1", "")
		check("GET", "/v1/invoices/in_1?expand[]=payments&expand[]=parent.subscription_details.subscription", "")
		check("GET", "/v1/prices?recurring[interval]=month&lookup_keys[]=x", "")
		check("GET", "/v1/events?type=*.updated", "")
		check("POST", "/v1/subscription_schedules", "from_subscription=sub_1")
		check("POST", "/v1/subscriptions", "customer=cus_1&items[0][price]=price_1")
		check("POST", "/v1/subscription_schedules", "customer=cus_1&phases[0][items][0][price]=price_1")
		check("POST", "/v1/invoices", "subscription=sub_1")
		check("POST", "/v1/checkout/sessions", "mode=payment&success_url=https://x&line_items[0][quantity]=1&line_items[0][price]=price_1")
		_ = b.sim.CompleteCheckout("", "cs_1", stripesim.CompleteOptions{Email: "a@x"})
		_ = b.sim.SettlePayment("", "pi_1", true)
		b.clock.tick(400 * 24 * time.Hour)
		check("GET", "/v1/subscriptions?status=all", "")
		check("DELETE", "/v1/subscriptions/sub_1", "")
		check("DELETE", "/v1/customers/cus_1", "")
		check("DELETE", "/v1/products/prod_1", "")
		if _, err := b.sim.Dump(""); err != nil {
			t.Error(err)
		}
	}
}
