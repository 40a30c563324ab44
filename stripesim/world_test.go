package stripesim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

func TestFoundingIncidentIsServed(t *testing.T) {
	t.Parallel()
	world, err := os.ReadFile("testdata/founding-incident.json")
	if err != nil {
		t.Fatal(err)
	}
	b, ctx := start(t, stripesim.Options{}), context.Background()
	loadWorld(t, b.sim, string(world))
	p := &stripe.CustomerListParams{Email: stripe.String("bela@example.com")}
	customers := must[[]*stripe.Customer](t)(collect(b.V1Customers.List(ctx, p).All(ctx)))
	equal(t, "bela's customers", len(customers), 3)
	equal(t, "newest first", customers[0].ID, "cus_S3belaPaying03")
	equal(t, "stamp", customers[0].Metadata["company_id"], "4")
	get := &stripe.CheckoutSessionRetrieveParams{}
	get.AddExpand("subscription.customer")
	s := must[*stripe.CheckoutSession](t)(b.V1CheckoutSessions.Retrieve(ctx, "cs_live_a1belaPaid00001", get))
	equal(t, "livemode", s.Livemode, true)
	equal(t, "amount", s.Subscription.Items.Data[0].Price.UnitAmount, 9900)
	equal(t, "payer", s.Subscription.Customer.Email, "bela@example.com")

	sub := must[*stripe.Subscription](t)(b.V1Subscriptions.Update(ctx, "sub_1RbelaActive01", &stripe.SubscriptionUpdateParams{Metadata: map[string]string{"company_id": "11"}}))
	equal(t, "repaired", sub.Metadata["company_id"], "11")
	equal(t, "other keys", sub.Metadata["billing_period"], "monthly")

	// The dump is the world's section with that one stamp changed, and the event
	// of the change.
	var file struct{ Stripe json.RawMessage }
	if err := json.Unmarshal(world, &file); err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	before := `"id": "sub_1RbelaActive01", "object": "subscription", "customer": "cus_S3belaPaying03", "status": "active", "created": 1755000200, "livemode": true, "metadata": {"company_id": "4"`
	if !bytes.Contains(file.Stripe, []byte(before)) {
		t.Fatal("the world file changed; adapt the test")
	}
	if err := json.Compact(&want, bytes.Replace(file.Stripe, []byte(before), []byte(strings.Replace(before, `"4"`, `"11"`, 1)), 1)); err != nil {
		t.Fatal(err)
	}
	got := must[json.RawMessage](t)(b.sim.Dump("acct_1RfounderAcct0"))
	equal(t, "dump", withoutEvents(string(got)), want.String())
	if !bytes.Contains(got, []byte(`"type":"customer.subscription.updated"`)) {
		t.Errorf("the repair left no event: %s", got)
	}
}

// withoutEvents is a dump without the events of what a test did.
func withoutEvents(dump string) string {
	return regexp.MustCompile(`,"events":\[.*?"type":"[a-z_.]+"\}\]`).ReplaceAllString(dump, "")
}

func TestWorldObjectsComeBackAsTheyAre(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	loadWorld(t, b.sim, `{"now": 5, "db": {"x": [1]}, "stripe": {"account": {"id": "acct_1", "livemode": true},
		"customers": [ {"zeta": [1, {"b": 1.50}], "id": "c1", "big": 12345678901234567890, "object": "customer", "created": 1, "livemode": true} ],
		"missing_ids": ["cus_gone"], "coupons": [{"id": "co_1", "deep": {"a": null}}], "tax_rates": []}}`)
	equal(t, "object", strings.TrimSpace(b.send("GET", "/v1/customers/c1", "").raw),
		`{"zeta":[1,{"b":1.50}],"id":"c1","big":12345678901234567890,"object":"customer","created":1,"livemode":true}`)
	b.send("POST", "/v1/customers/c1", "metadata[a]=1")
	equal(t, "after an update", strings.TrimSpace(b.send("GET", "/v1/customers/c1", "").raw),
		`{"zeta":[1,{"b":1.50}],"id":"c1","big":12345678901234567890,"object":"customer","created":1,"livemode":true,"metadata":{"a":"1"}}`)
	b.send("GET", "/v1/coupons/co_1", "").wantError(t, 404, "", "", "Unrecognized")
	b.send("GET", "/v1/customers/cus_gone", "").wantError(t, 404, "resource_missing", "id", "No such customer: 'cus_gone'")
	equal(t, "dump", withoutEvents(string(must[json.RawMessage](t)(b.sim.Dump("")))), `{"account":{"id":"acct_1","livemode":true},`+
		`"customers":[{"zeta":[1,{"b":1.50}],"id":"c1","big":12345678901234567890,"object":"customer","created":1,"livemode":true,"metadata":{"a":"1"}}],`+
		`"checkout_sessions":[],"subscriptions":[],"payment_intents":[],"coupons":[{"id":"co_1","deep":{"a":null}}],"tax_rates":[],"missing_ids":["cus_gone"]}`)
	if _, err := b.sim.Dump("acct_none"); err == nil {
		t.Error("an unknown account was dumped")
	}
}

func TestWorldsFillInTypeAndModeOnly(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	loadWorld(t, b.sim, `{"stripe":{"account":{"id":"a","livemode":true},"customers":[{"id":"c1"},{"id":"c2","deleted":true}]}}`)
	equal(t, "object", strings.TrimSpace(b.send("GET", "/v1/customers/c1", "").raw), `{"id":"c1","object":"customer","livemode":true}`)
	equal(t, "stub", strings.TrimSpace(b.send("GET", "/v1/customers/c2", "").raw), `{"id":"c2","deleted":true,"object":"customer"}`)
}

func TestWorldErrors(t *testing.T) {
	t.Parallel()
	for world, want := range map[string]string{
		"{\n  \"stripe\": {\n    \"customers\": [,]\n}}": "line 3, column 19: not valid JSON",
		`{"stripe"`:                       "line 1, column 9: not valid JSON",
		`{} {}`:                           "line 1, column 4: not valid JSON",
		`[]`:                              "not a JSON object",
		`{"stripe":[]}`:                   "stripe: not an object",
		`{"stripe":{"account":[]}}`:       "stripe.account: not an object",
		`{"stripe":{"account":{"id":7}}}`: "stripe.account.id: not a string",
		`{"stripe":{"account":{"livemode":"yes"}}}`:                         "stripe.account.livemode: not true or false",
		`{"stripe":{"customers":{}}}`:                                       "stripe.customers: not a list",
		`{"stripe":{"customers":[{"id":"c1"},7]}}`:                          "stripe.customers[1]: not an object",
		`{"stripe":{"customers":[{"id":"c1"},{}]}}`:                         "stripe.customers[1]: missing id",
		`{"stripe":{"customers":[{"id":"a","metadata":{},"metadata":{}}]}}`: `stripe.customers[0]: the field "metadata" appears twice`,
		`{"stripe":{"customers":[{"id":5}]}}`:                               "stripe.customers[0]: missing id",
		`{"stripe":{"customers":[{"id":"c1"},{"id":"c2"},{"id":"c1"}]}}`:    "stripe.customers[2]: duplicate id c1, already at stripe.customers[0]",
		`{"stripe":{"subscriptions":[{"id":"c1","object":"customer"}]}}`:    `stripe.subscriptions[0]: unknown object type "customer"`,
		`{"stripe":{"subscriptions":[{"id":"c1","object":7}]}}`:             `stripe.subscriptions[0]: unknown object type 7`,
		`{"stripe":{"customers":[{"id":"c1","created":"1"}]}}`:              `stripe.customers[0].created: "1" is not a whole number`,
		`{"stripe":{"customers":[{"id":"c1","created":1.5}]}}`:              "stripe.customers[0].created: 1.5 is not",
		`{"stripe":{"customers":[{"id":"c1","livemode":1}]}}`:               "stripe.customers[0].livemode: not true or false",
		`{"stripe":{"missing_ids":"cus_1"}}`:                                "stripe.missing_ids: not a list",
		`{"stripe":{"missing_ids":[7]}}`:                                    "stripe.missing_ids[0]: not an id",
		`{"stripe":{"missing_ids":["c1"],"customers":[{"id":"c1"}]}}`:       "stripe.missing_ids[0]: c1 is not missing, it is at stripe.customers[0]",
	} {
		b := start(t, stripesim.Options{})
		err := b.sim.LoadWorld(strings.NewReader(world))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", world, err, want)
		}
		equal(t, "nothing is loaded", len(b.send("GET", "/v1/customers", "").ids()), 0)
	}
}

func TestSecondWorldAddsToTheFirst(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	loadWorld(t, b.sim, `{"stripe":{"account":{"id":"a","livemode":true},"customers":[{"id":"c1","created":5}],"coupons":[{"id":"co_1"}]}}`)
	loadWorld(t, b.sim, `{"stripe":{"account":{"id":"a"},"customers":[{"id":"c2","created":4}],"coupons":[{"id":"co_2"}]}}`)
	equal(t, "list", strings.Join(b.send("GET", "/v1/customers", "").ids(), " "), "c1 c2")
	if dump := string(must[json.RawMessage](t)(b.sim.Dump("a"))); !strings.Contains(dump, `"coupons":[{"id":"co_1"},{"id":"co_2"}]`) {
		t.Errorf("dump: %s", dump)
	}
	for world, want := range map[string]string{
		`{"stripe":{"account":{"id":"a"},"customers":[{"id":"c2"}]}}`: "stripe.customers[0]: duplicate id c2: account a has it already",
		`{"stripe":{"account":{"id":"a","livemode":false}}}`:          "already loaded as live mode",
	} {
		if err := b.sim.LoadWorld(strings.NewReader(world)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	loadWorld(t, b.sim, `{"stripe":{"account":{"id":"other"},"customers":[{"id":"c1","created":5,"livemode":false}]}}`)
	equal(t, "another account", b.send("GET", "/v1/customers/c1", "", "Stripe-Account", "other").at("livemode"), any(false))
}

func TestNewIDsAvoidThoseOfTheWorld(t *testing.T) {
	t.Parallel()
	first := str(start(t, stripesim.Options{Account: "a"}).send("POST", "/v1/customers", "").at("id"))
	b := start(t, stripesim.Options{Account: "a"})
	loadWorld(t, b.sim, `{"stripe":{"customers":[{"id":"`+first+`","name":"mine","created":1,"livemode":false}]}}`)
	if id := str(b.send("POST", "/v1/customers", "").at("id")); id == first {
		t.Error("a new customer took the id of the world's")
	}
	equal(t, "the world's", b.send("GET", "/v1/customers/"+first, "").at("name"), any("mine"))
}

// A dump is a world: what was created, hidden parts included, goes on in a new
// server.
func TestDumpCanBeLoadedAgain(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	line := "mode=subscription&success_url=https://x&line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=700&line_items[0][price_data][product]=prod_1&line_items[0][price_data][recurring][interval]=month&line_items[0][quantity]=1"
	open := str(b.send("POST", "/v1/checkout/sessions", line+"&subscription_data[metadata][company_id]=11").at("id"))
	gone := str(b.send("POST", "/v1/customers", "email=a@x").at("id"))
	kept := str(b.send("POST", "/v1/customers", "email=b@x&test_clock=clock_1").at("id"))
	b.send("DELETE", "/v1/customers/"+gone, "")
	dump := must[json.RawMessage](t)(b.sim.Dump(""))

	c := start(t, stripesim.Options{})
	loadWorld(t, c.sim, `{"stripe":`+string(dump)+`}`)
	equal(t, "dump of the dump", string(must[json.RawMessage](t)(c.sim.Dump(""))), strings.Replace(string(dump), `"account":{"id":"`+stripesim.DefaultAccount+`"}`, `"account":{"id":"`+stripesim.DefaultAccount+`","livemode":false}`, 1))
	equal(t, "stub", c.send("GET", "/v1/customers/"+gone, "").at("deleted"), any(true))
	equal(t, "test clock", strings.Join(c.send("GET", "/v1/customers?test_clock=clock_1", "").ids(), " "), kept)
	if strings.Contains(c.send("GET", "/v1/checkout/sessions/"+open, "").raw, "_stripesim") {
		t.Error("the hidden part is served")
	}
	if err := c.sim.CompleteCheckout("", open, stripesim.CompleteOptions{Email: "a@x"}); err != nil {
		t.Fatal(err)
	}
	a := c.send("GET", "/v1/checkout/sessions/"+open+"?expand[]=subscription", "")
	equal(t, "carried metadata", a.at("subscription", "metadata", "company_id"), any("11"))
	equal(t, "price", a.at("subscription", "items", "data", 0, "price", "unit_amount"), any(700.0))
}
