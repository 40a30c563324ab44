package stripesim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

// Everything belongs to one customer: no page, no filter and no expansion may
// walk over all of it.
func TestOneCustomerWithEverything(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("loads 200,000 objects")
	}
	const n = largeWorld
	sim := stripesim.New(stripesim.Options{})
	var sessions, subs strings.Builder
	for i := range n {
		status := "active"
		if i%1000 == 0 {
			status = "past_due"
		}
		fmt.Fprintf(&sessions, `,{"id":"cs_%d","customer":"cus_big","status":"complete","created":%d}`, i, 1000+i/150)
		fmt.Fprintf(&subs, `,{"id":"sub_%d","customer":"cus_big","status":"%s","created":%d}`, i, status, 1000+i/150)
	}
	loadWorld(t, sim, `{"stripe":{"customers":[{"id":"cus_big"}],"checkout_sessions":[`+sessions.String()[1:]+`],"subscriptions":[`+subs.String()[1:]+`]}}`)
	call := func(method, path string) answer {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("Authorization", "Bearer "+testKey)
		sim.ServeHTTP(w, r)
		a := answer{status: w.Code, raw: w.Body.String()}
		if err := json.Unmarshal(w.Body.Bytes(), &a.body); err != nil || a.status != 200 {
			t.Fatalf("%s: %d %s", path, a.status, a.raw)
		}
		return a
	}
	get := func(path string) answer { return call("GET", path) }
	began := time.Now()
	seen, pages := map[string]bool{}, 0
	for cursor := ""; ; pages++ {
		page := get("/v1/checkout/sessions?customer=cus_big&limit=100" + cursor)
		ids := page.ids()
		for _, id := range ids {
			seen[id] = true
		}
		if page.at("has_more") != true {
			break
		}
		cursor = "&starting_after=" + ids[len(ids)-1]
	}
	equal(t, "sessions", len(seen), n)
	equal(t, "pages", pages+1, n/100)
	equal(t, "the few that are past due", len(get("/v1/subscriptions?customer=cus_big&status=past_due&limit=100").ids()), min(100, n/1000))
	equal(t, "looked at for those", sim.Walked("subscription", "customer=cus_big", "status=past_due"), n/1000)
	equal(t, "expanded", len(get("/v1/customers/cus_big?expand[]=subscriptions").at("subscriptions", "data").([]any)), 10)
	equal(t, "deleted", call("DELETE", "/v1/customers/cus_big").at("deleted"), any(true))
	equal(t, "and none is current", len(get("/v1/subscriptions").ids()), 0)
	// Generous: it catches a walk over everything for each page, which takes
	// minutes, and not a slow machine.
	if took := time.Since(began); took > time.Minute {
		t.Errorf("%d pages took %v", pages, took)
	}
}

// As much metadata as Stripe takes, on every object of a page of a hundred:
// more than a megabyte in one answer.
func TestFullMetadataAndLargePages(t *testing.T) {
	t.Parallel()
	b, ctx := start(t, stripesim.Options{}), context.Background()
	full := map[string]string{}
	for i := range 50 {
		letter := []string{"x", "é", "🦆"}[i%3]
		full[fmt.Sprintf("%s%02d", strings.Repeat("k", 38), i)] = strings.Repeat(letter, 500)
	}
	create := &stripe.CustomerCreateParams{Metadata: full}
	for range 100 {
		must[*stripe.Customer](t)(b.V1Customers.Create(ctx, create))
	}
	a := b.send("GET", "/v1/customers?limit=100", "")
	if len(a.raw) < 1<<20 {
		t.Errorf("the page has only %d bytes", len(a.raw))
	}
	count := 0
	for c, err := range b.V1Customers.List(ctx, &stripe.CustomerListParams{ListParams: stripe.ListParams{Limit: stripe.Int64(100)}}).All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range full {
			if c.Metadata[k] != v {
				t.Fatalf("%s: %s came back as %q", c.ID, k, c.Metadata[k])
			}
		}
		count++
	}
	equal(t, "customers", count, 100)

	id := a.ids()[0]
	b.send("POST", "/v1/customers/"+id, "metadata[one+more]=x").wantError(t, 400, "", "metadata", "50")
	b.send("POST", "/v1/customers/"+id, "metadata[a]="+url.QueryEscape(strings.Repeat("🦆", 501))).wantError(t, 400, "", "metadata", "500")
	b.send("POST", "/v1/customers/"+id, "metadata["+strings.Repeat("k", 41)+"]=x").wantError(t, 400, "", "metadata", "40")
	one := slices.Sorted(func(yield func(string) bool) {
		for k := range full {
			if !yield(k) {
				return
			}
		}
	})[0]
	equal(t, "one out, one in", b.send("POST", "/v1/customers/"+id, "metadata["+one+"]=&metadata[new]=x").at("metadata", "new"), any("x"))
	equal(t, "search", b.found("metadata['"+one+"']:null"), id)
}

// Ids are opaque: other letters, slashes, spaces and 255 characters work in
// paths, filters, cursors and search.
func TestOddIDs(t *testing.T) {
	t.Parallel()
	b, ctx := start(t, stripesim.Options{}), context.Background()
	odd := []string{"cus_🦆🇧🇷", "cus/with/slashes", "cus_more?#%25=;", "cus_" + strings.Repeat("é", 251), `cus"quoted\`, "cus_\u202ereversed"}
	var customers, sessions []string
	for i, id := range odd {
		quoted := string(must[[]byte](t)(json.Marshal(id)))
		customers = append(customers, fmt.Sprintf(`{"id":%s,"created":7}`, quoted))
		sessions = append(sessions, fmt.Sprintf(`{"id":"cs_%d","customer":%s,"status":"complete","created":7}`, i, quoted))
	}
	loadWorld(t, b.sim, `{"stripe":{"customers":[`+strings.Join(customers, ",")+`],"checkout_sessions":[`+strings.Join(sessions, ",")+`]}}`)
	var walked []string
	cursor := ""
	for range odd {
		page := b.send("GET", "/v1/customers?limit=1"+cursor, "").ids()
		walked = append(walked, page...)
		cursor = "&starting_after=" + url.QueryEscape(page[0])
	}
	slices.Reverse(walked)
	equal(t, "walked", strings.Join(walked, "|"), strings.Join(odd, "|"))
	for i, id := range odd {
		equal(t, "retrieved", must[*stripe.Customer](t)(b.V1Customers.Retrieve(ctx, id, nil)).ID, id)
		updated := must[*stripe.Customer](t)(b.V1Customers.Update(ctx, id, &stripe.CustomerUpdateParams{Metadata: map[string]string{"n": fmt.Sprint(i)}}))
		equal(t, "updated", updated.ID, id)
		found := must[[]*stripe.CheckoutSession](t)(collect(b.V1CheckoutSessions.List(ctx, &stripe.CheckoutSessionListParams{Customer: stripe.String(id)}).All(ctx)))
		equal(t, "filtered", len(found), 1)
		if !strings.Contains(id, `"`) { // stripe-go does not decode escapes in an id that is not expanded
			equal(t, "refers to", found[0].Customer.ID, id)
		}
		equal(t, "searched", b.found(fmt.Sprintf("metadata['n']:'%d'", i)), id)
	}
	a := b.send("GET", "/v1/checkout/sessions?expand[]=data.customer&limit=100", "")
	equal(t, "expanded", str(a.at("data", len(odd)-1, "customer", "id")), odd[0])
}

// Null wherever Stripe may send null, fields left out, values that nobody
// knows: nothing breaks, and nothing is made up.
func TestNullsAndUnknowns(t *testing.T) {
	t.Parallel()
	b, ctx := start(t, stripesim.Options{}), context.Background()
	loadWorld(t, b.sim, `{"stripe":{"account":{"id":null,"livemode":null},"customers":[
		{"id":"c_null","object":null,"created":null,"livemode":null,"email":null,"name":null,"metadata":null,"address":null,"invoice_settings":null,"test_clock":null},
		{"id":"c_bare"},
		{"id":"c_new","metadata":{},"tax_exempt":"reversed_by_moonlight","future":{"deep":[null,{}]}}],
		"checkout_sessions":[
		{"id":"s_null","customer":null,"customer_details":null,"subscription":null,"payment_intent":null,"metadata":null,"line_items":null,"status":null,"mode":null,"amount_total":null,"url":null},
		{"id":"s_open","status":"open","mode":"subscription","customer":null,"metadata":null,"expires_at":null,"amount_total":null,"currency":null},
		{"id":"s_odd","status":"hibernating","mode":"barter"}],
		"subscriptions":[
		{"id":"u_null","customer":null,"status":null,"items":null,"metadata":null,"latest_invoice":null,"schedule":null,"canceled_at":null},
		{"id":"u_odd","customer":"c_null","status":"hibernating","items":{"data":null}}],
		"payment_intents":[{"id":"p_null","customer":null,"status":null,"amount":null,"metadata":null,"latest_charge":null}],
		"missing_ids":null,"invoices":null}}`)
	for _, path := range []string{
		"/v1/customers", "/v1/customers?created[gte]=0", "/v1/customers?expand[]=data.subscriptions", "/v1/customers/c_null?expand[]=subscriptions",
		"/v1/checkout/sessions?expand[]=data.customer&expand[]=data.subscription.customer&expand[]=data.line_items", "/v1/checkout/sessions/s_null?expand[]=line_items",
		"/v1/subscriptions?status=all&expand[]=data.customer", "/v1/subscriptions", "/v1/payment_intents?expand[]=data.customer",
		"/v1/customers/search?query=email:null", "/v1/subscriptions/search?query=status:'active'", "/v1/payment_intents/search?query=amount>5",
		"/v1/account", "/_sim/world",
	} {
		equal(t, path, b.send("GET", path, "").status, 200)
	}
	equal(t, "null stays null", b.send("GET", "/v1/customers/c_null", "").at("email"), nil)
	_, made := b.send("GET", "/v1/customers/c_bare", "").body["email"]
	equal(t, "left out stays left out", made, false)
	equal(t, "unknown values", b.send("GET", "/v1/subscriptions?status=all", "").at("data", 0, "status"), any("hibernating"))

	equal(t, "stripe-go", must[*stripe.Customer](t)(b.V1Customers.Retrieve(ctx, "c_null", nil)).Email, "")
	for _, id := range []string{"c_null", "c_bare", "c_new"} {
		c := must[*stripe.Customer](t)(b.V1Customers.Update(ctx, id, &stripe.CustomerUpdateParams{Metadata: map[string]string{"company_id": "1"}, InvoiceSettings: &stripe.CustomerUpdateInvoiceSettingsParams{Footer: stripe.String("f")}}))
		equal(t, id, c.Metadata["company_id"]+c.InvoiceSettings.Footer, "1f")
	}
	for _, path := range []string{"checkout/sessions/s_null", "checkout/sessions/s_odd", "subscriptions/u_null", "subscriptions/u_odd", "payment_intents/p_null"} {
		equal(t, path, b.send("POST", "/v1/"+path, "metadata[a]=b").at("metadata", "a"), any("b"))
	}
	for id, want := range map[string]string{"s_null": `status is ""; only an open`, "s_odd": "hibernating", "s_open": ""} {
		err := b.sim.CompleteCheckout("", id, stripesim.CompleteOptions{Email: "a@b.example"})
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("completing %s: %v", id, err)
		}
	}
	b.send("DELETE", "/v1/subscriptions/u_odd", "")
	equal(t, "deleting", b.send("DELETE", "/v1/customers/c_null", "").at("deleted"), any(true))
	equal(t, "no failure inside", b.sim.Counts().Statuses[http.StatusInternalServerError], 0)
}
