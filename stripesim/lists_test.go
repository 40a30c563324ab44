package stripesim_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

// listWorld has customers of three seconds: c1 and c2 of 100, c3 of 200, c4 of
// 300; c5 of 400 belongs to a test clock, and so does the subscription s5.
const listWorld = `{"stripe":{"account":{"id":"acct_1","livemode":false},
"customers":[
 {"id":"c1","email":"a@x","created":100},{"id":"c2","email":"A@x","created":100},{"id":"c3","email":"a@x","created":200},
 {"id":"c4","created":300},{"id":"c5","email":"a@x","created":400,"test_clock":"clock_1"},
 {"id":"c6","object":"customer","deleted":true}],
"checkout_sessions":[
 {"id":"o1","status":"open","customer":"c1","created":100},
 {"id":"o2","status":"complete","customer":"c1","subscription":"s1","payment_intent":"p1","payment_link":"l1","customer_details":{"email":"a@x"},"created":101},
 {"id":"o3","status":"expired","customer":null,"customer_account":"acct_9","customer_details":null,"created":102}],
"subscriptions":[
 {"id":"s1","status":"active","customer":"c1","collection_method":"send_invoice","items":{"data":[{"price":{"id":"pr1"}},{"price":"pr2"}]},"created":100},
 {"id":"s2","status":"canceled","customer":"c1","items":{"data":[{"price":{"id":"pr1"}}]},"created":101},
 {"id":"s3","status":"incomplete_expired","customer":{"id":"c2","object":"customer"},"created":102},
 {"id":"s4","status":"past_due","customer":"c3","customer_account":"acct_9","created":103},
 {"id":"s5","status":"active","customer":"c5","test_clock":"clock_1","created":104}],
"payment_intents":[{"id":"p1","customer":"c1","created":100},{"id":"p2","customer":null,"created":101}]}}`

func TestListFilters(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	loadWorld(t, b.sim, listWorld)
	for _, c := range []struct{ query, want string }{
		{"customers", "c4 c3 c2 c1"},
		{"customers?email=a@x", "c3 c1"},
		{"customers?email=none@x", ""},
		{"customers?test_clock=clock_1", "c5"},
		{"customers?test_clock=clock_1&email=a@x", "c5"},
		{"customers?created=100", "c2 c1"},
		{"customers?created[gt]=100", "c4 c3"},
		{"customers?created[gte]=100&created[lt]=300", "c3 c2 c1"},
		{"customers?created[lte]=200&created[gt]=100", "c3"},
		{"customers?created[gte]=301", ""},
		{"customers?created[gt]=300&created[lt]=200", ""},
		{"customers?limit=1", "c4"},
		{"customers?starting_after=c3", "c2 c1"},
		{"customers?starting_after=c2", "c1"},
		{"customers?starting_after=c1", ""},
		{"customers?ending_before=c1&limit=2", "c3 c2"},
		{"customers?ending_before=c2", "c4 c3"},
		{"customers?ending_before=c4", ""},
		{"customers?starting_after=c4&created[lt]=200", "c2 c1"},
		{"customers?starting_after=c3&email=a@x", "c1"},
		{"customers?starting_after=c2&email=a@x", "c1"}, // the cursor need not match the filter
		{"checkout/sessions", "o3 o2 o1"},
		{"checkout/sessions?status=complete", "o2"},
		{"checkout/sessions?customer=c1", "o2 o1"},
		{"checkout/sessions?customer=c1&status=open", "o1"},
		{"checkout/sessions?customer=c4", ""},
		{"checkout/sessions?customer_account=acct_9", "o3"},
		{"checkout/sessions?customer_details[email]=a@x", "o2"},
		{"checkout/sessions?subscription=s1", "o2"},
		{"checkout/sessions?payment_intent=p1", "o2"},
		{"checkout/sessions?payment_link=l1", "o2"},
		{"subscriptions", "s4 s3 s1"},
		{"subscriptions?status=all", "s4 s3 s2 s1"},
		{"subscriptions?status=ended", "s3 s2"},
		{"subscriptions?status=canceled", "s2"},
		{"subscriptions?status=past_due", "s4"},
		{"subscriptions?customer=c1", "s1"},
		{"subscriptions?customer=c1&status=all", "s2 s1"},
		{"subscriptions?customer=c2", "s3"},
		{"subscriptions?customer=c5", "s5"},
		{"subscriptions?test_clock=clock_1", "s5"},
		{"subscriptions?price=pr2", "s1"},
		{"subscriptions?price=pr1&status=all", "s2 s1"},
		{"subscriptions?plan=pr1", "s1"},
		{"subscriptions?collection_method=send_invoice", "s1"},
		{"subscriptions?customer_account=acct_9", "s4"},
		{"subscriptions?customer=c6&status=all", ""}, // a deleted customer still names one
		{"payment_intents", "p2 p1"},
		{"payment_intents?customer=c1", "p1"},
	} {
		a := b.send("GET", "/v1/"+c.query, "")
		if got := strings.Join(a.ids(), " "); got != c.want || a.status != 200 {
			t.Errorf("%s: got %q (%d), want %q", c.query, got, a.status, c.want)
		}
		url, _, _ := strings.Cut("/v1/"+c.query, "?")
		equal(t, "url", a.at("url"), any(url))
		equal(t, "object", a.at("object"), any("list"))
	}
}

func TestListHasMore(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	loadWorld(t, b.sim, listWorld)
	for query, want := range map[string]bool{
		"limit=4": false, "limit=3": true, "limit=1&starting_after=c2": false, "limit=1&starting_after=c3": true,
		"limit=1&ending_before=c1": true, "limit=3&ending_before=c1": false, "limit=1&created=100": true, "limit=1&email=a@x": true, "limit=2&email=a@x": false,
	} {
		equal(t, query, b.send("GET", "/v1/customers?"+query, "").at("has_more"), any(want))
	}
}

func TestListRefusals(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	loadWorld(t, b.sim, listWorld)
	for _, c := range []struct{ query, code, param, message string }{
		{"customers?limit=0", "parameter_invalid_integer", "limit", "greater than or equal to 1"},
		{"customers?limit=101", "parameter_invalid_integer", "limit", "less than or equal to 100"},
		{"customers?limit=ten", "parameter_invalid_integer", "limit", "Invalid integer: ten"},
		{"customers?starting_after=c1&ending_before=c2", "", "starting_after", "not both"},
		{"customers?starting_after=cus_none", "resource_missing", "starting_after", "No such customer: 'cus_none'"},
		{"customers?ending_before=cus_none", "resource_missing", "ending_before", "No such customer"},
		{"customers?starting_after=c6", "resource_missing", "starting_after", "No such customer"},
		{"customers?created[after]=1", "parameter_unknown", "created[after]", "unknown"},
		{"customers?created=yesterday", "parameter_invalid_integer", "created", "Invalid integer"},
		{"customers?company=4", "parameter_unknown", "company", "Received unknown parameter: company"},
		{"customers?metadata[a]=b", "parameter_unknown", "metadata", "unknown parameter"},
		{"subscriptions?status=paid", "", "status", "must be one of"},
		{"subscriptions?automatic_tax[enabled]=maybe", "", "automatic_tax[enabled]", "boolean"},
		{"payment_intents?status=succeeded", "parameter_unknown", "status", "unknown parameter"},
		{"checkout/sessions?customer=cus_none", "resource_missing", "customer", "No such customer"},
		{"checkout/sessions?subscription=sub_none", "resource_missing", "subscription", "No such subscription"},
	} {
		b.send("GET", "/v1/"+c.query, "").wantError(t, 400, c.code, c.param, c.message)
	}
}

func TestDefaultLimitIsTen(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	for range 11 {
		b.send("POST", "/v1/customers", "")
	}
	equal(t, "page", len(b.send("GET", "/v1/customers", "").ids()), 10)
}

func TestListsFollowChanges(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	id := str(b.send("POST", "/v1/customers", "email=old@x").at("id"))
	b.send("POST", "/v1/customers/"+id, "email=new@x")
	equal(t, "old email", len(b.send("GET", "/v1/customers?email=old@x", "").ids()), 0)
	equal(t, "new email", len(b.send("GET", "/v1/customers?email=new@x", "").ids()), 1)
	session := str(b.send("POST", "/v1/checkout/sessions", "mode=payment&customer="+id+"&success_url=https://x&line_items[0][price]=p&line_items[0][quantity]=1").at("id"))
	b.send("POST", "/v1/checkout/sessions/"+session+"/expire", "")
	equal(t, "open", len(b.send("GET", "/v1/checkout/sessions?status=open", "").ids()), 0)
	equal(t, "expired", len(b.send("GET", "/v1/checkout/sessions?status=expired&customer="+id, "").ids()), 1)
}

func TestStripeClientPagesToTheEnd(t *testing.T) {
	t.Parallel()
	b, ctx := start(t, stripesim.Options{}), context.Background()
	want := map[string]bool{}
	for i := range 57 {
		if i%10 == 0 {
			b.clock.tick(time.Second)
		}
		want[str(b.send("POST", "/v1/customers", "").at("id"))] = true
	}
	p := &stripe.CustomerListParams{}
	p.Limit = stripe.Int64(7)
	last := int64(1 << 60)
	for c, err := range b.V1Customers.List(ctx, p).All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if !want[c.ID] || c.Created > last {
			t.Fatalf("%s came twice or out of order", c.ID)
		}
		last = c.Created
		delete(want, c.ID)
	}
	equal(t, "customers not listed", len(want), 0)
	for _, list := range []func() error{
		func() error {
			return listAll(b.V1CheckoutSessions.List(ctx, &stripe.CheckoutSessionListParams{}).All(ctx))
		},
		func() error {
			return listAll(b.V1Subscriptions.List(ctx, &stripe.SubscriptionListParams{Status: stripe.String("all")}).All(ctx))
		},
		func() error {
			return listAll(b.V1PaymentIntents.List(ctx, &stripe.PaymentIntentListParams{CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: 5}}).All(ctx))
		},
	} {
		if err := list(); err != nil {
			t.Error(err)
		}
	}
}

func listAll[T any](seq func(func(T, error) bool)) (failed error) {
	seq(func(_ T, err error) bool { failed = err; return err == nil })
	return failed
}

// A world of 100,000 customers (fewer under the race detector), sessions and subscriptions pages in seconds,
// and the sessions of one customer cost no walk through all of them.
func TestLargeWorldIsFast(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("loads 300,000 objects")
	}
	const n = largeWorld
	b := start(t, stripesim.Options{})
	var customers, sessions, subs strings.Builder
	for i := range n {
		sep := ","
		if i == 0 {
			sep = ""
		}
		fmt.Fprintf(&customers, `%s{"id":"cus_%d","email":"u%d@x","created":%d,"metadata":{"company_id":"%d"}}`, sep, i, i, 1000+i/150, i)
		fmt.Fprintf(&sessions, `%s{"id":"cs_%d","customer":"cus_%d","status":"complete","created":%d}`, sep, i, i, 1000+i/150)
		fmt.Fprintf(&subs, `%s{"id":"sub_%d","customer":"cus_%d","status":"active","created":%d}`, sep, i, i, 1000+i/150)
	}
	loadWorld(t, b.sim, `{"stripe":{"customers":[`+customers.String()+`],"checkout_sessions":[`+sessions.String()+`],"subscriptions":[`+subs.String()+`]}}`)

	began := time.Now()
	seen := 0
	for cursor := ""; ; {
		query := "?limit=100"
		if cursor != "" {
			query += "&starting_after=" + cursor
		}
		a := b.send("GET", "/v1/customers"+query, "")
		page := a.ids()
		seen += len(page)
		if a.at("has_more") != true {
			break
		}
		cursor = page[len(page)-1]
	}
	equal(t, "customers seen", seen, n)
	// A generous bound: it catches a sort per request, which takes minutes, and
	// not a slow machine.
	if took := time.Since(began); took > time.Minute {
		t.Errorf("paging %d customers took %v", n, took)
	}
	for i := 0; i < n; i += n / 100 {
		got := b.send("GET", fmt.Sprintf("/v1/checkout/sessions?customer=cus_%d", i), "").ids()
		if len(got) != 1 || got[0] != fmt.Sprintf("cs_%d", i) {
			t.Fatalf("sessions of customer %d: %v", i, got)
		}
	}
	equal(t, "sessions looked at for one customer", b.sim.Walked("checkout.session", "status=complete", "customer=cus_7"), 1)
	equal(t, "subscriptions looked at for one customer", b.sim.Walked("subscription", "current", "customer=cus_7"), 1)
	equal(t, "customers looked at for one email", b.sim.Walked("customer", "unclocked", "email=u7@x"), 1)
	a := b.send("GET", "/v1/customers/search?query="+strings.ReplaceAll("metadata['company_id']:'7001'", "'", "%27"), "")
	equal(t, "search", strings.Join(a.ids(), " "), "cus_7001")
}
