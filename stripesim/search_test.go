package stripesim_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

const searchWorld = `{"stripe":{"customers":[
 {"id":"c1","email":"Bela@x.com","name":"Bela","created":100,"metadata":{"company_id":"4","user_id":"7"}},
 {"id":"c2","email":"dora@x.com","name":null,"created":200,"metadata":{"company_id":"12"}},
 {"id":"c3","created":300,"metadata":{}},
 {"id":"c4","created":400,"metadata":{"quo'te":"it's"}},
 {"id":"c5","object":"customer","deleted":true}],
"subscriptions":[{"id":"s1","status":"active","created":1,"metadata":{"company_id":"4"}},{"id":"s2","status":"canceled","canceled_at":50,"created":2}],
"payment_intents":[{"id":"p1","amount":1000,"currency":"usd","status":"succeeded","customer":"c1","created":1},{"id":"p2","amount":2000,"currency":"brl","status":"canceled","created":2}]}}`

func TestSearch(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	loadWorld(t, b.sim, searchWorld)
	for _, c := range []struct{ resource, query, want string }{
		{"customers", `metadata['company_id']:'4'`, "c1"},
		{"customers", `metadata["company_id"]:"4"`, "c1"},
		{"customers", `-metadata['company_id']:'4'`, "c4 c3 c2"},
		{"customers", `metadata['company_id']:null`, "c4 c3"},
		{"customers", `-metadata['company_id']:null`, "c2 c1"},
		{"customers", `metadata['company_id']:'4' AND metadata['user_id']:'7'`, "c1"},
		{"customers", `metadata['company_id']:'4' metadata['user_id']:'8'`, ""},
		{"customers", `metadata['company_id']:'4' OR metadata['company_id']:'12'`, "c2 c1"},
		{"customers", `email:'bela@x.com'`, "c1"},
		{"customers", `email~"X.COM"`, "c2 c1"},
		{"customers", `email:null`, "c4 c3"},
		{"customers", `-name:null`, "c1"},
		{"customers", `created>100 AND created<=300`, "c3 c2"},
		{"customers", `created:200`, "c2"},
		{"customers", `metadata['quo\'te']:'it\'s'`, "c4"},
		{"subscriptions", `status:'active'`, "s1"},
		{"subscriptions", `status:'canceled' canceled_at>=50`, "s2"},
		{"payment_intents", `amount>1500`, "p2"},
		{"payment_intents", `currency:'usd' OR status:'canceled'`, "p2 p1"},
		{"payment_intents", `customer:'c1'`, "p1"},
	} {
		a := b.send("GET", "/v1/"+c.resource+"/search?query="+url.QueryEscape(c.query), "")
		if got := strings.Join(a.ids(), " "); got != c.want || a.status != 200 {
			t.Errorf("%s: got %q, want %q: %s", c.query, got, c.want, a.raw)
		}
		equal(t, "object", a.at("object"), any("search_result"))
		equal(t, "url", a.at("url"), any("/v1/"+c.resource+"/search"))
	}
}

func TestSearchRefusals(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	for query, want := range map[string]string{
		`email:'a' AND name:'b' OR phone:'c'`: "cannot be mixed",
		`email:'a`:                            "quote is not closed",
		`company:'a'`:                         "not a field",
		`email`:                               "operator",
		`email:a`:                             "quotes",
		`metadata:'a'`:                        "metadata['key']",
		`metadata['a:'b'`:                     "bracket",
		`created~500`:                         "number",
		`email~'ab'`:                          "at least 3 characters",
		`email>'a'`:                           "text",
		`email~null`:                          "null",
		`  `:                                  "no clauses",
		strings.Repeat(`email:'a' `, 11):      "more than 10",
	} {
		b.send("GET", "/v1/customers/search?query="+url.QueryEscape(query), "").wantError(t, 400, "", "query", want)
	}
	b.send("GET", "/v1/customers/search", "").wantError(t, 400, "parameter_missing", "query", "query")
	b.send("GET", "/v1/customers/search?query=email:null&page=zz", "").wantError(t, 400, "", "page", "next_page")
	b.send("GET", "/v1/checkout/sessions/search?query=x", "").wantError(t, 404, "", "", "Unrecognized request URL (GET: /v1/checkout/sessions/search)")
}

func TestSearchPages(t *testing.T) {
	t.Parallel()
	b, ctx := start(t, stripesim.Options{}), context.Background()
	for range 25 {
		b.send("POST", "/v1/customers", "metadata[team]=red")
		b.send("POST", "/v1/customers", "metadata[team]=blue")
	}
	p := &stripe.CustomerSearchParams{}
	p.Query, p.Limit = `metadata['team']:'red'`, stripe.Int64(10)
	seen := map[string]bool{}
	for c, err := range b.V1Customers.Search(ctx, p).All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if seen[c.ID] || c.Metadata["team"] != "red" {
			t.Fatalf("%s came twice or does not match", c.ID)
		}
		seen[c.ID] = true
		b.send("POST", "/v1/customers", "metadata[team]=red") // newer ones do not shift the pages
	}
	equal(t, "found", len(seen), 25)
	a := b.send("GET", "/v1/customers/search?query="+url.QueryEscape(p.Query)+"&limit=3&expand[]=total_count", "")
	equal(t, "total", a.at("total_count"), any(50.0))
	equal(t, "page", len(a.ids()), 3)
	a = b.send("GET", "/v1/customers/search?query="+url.QueryEscape(p.Query)+"&limit=3&page="+str(a.at("next_page"))+"&expand[]=total_count", "")
	equal(t, "total on the second page", a.at("total_count"), any(50.0))

	must[[]*stripe.Subscription](t)(collect(b.V1Subscriptions.Search(ctx, &stripe.SubscriptionSearchParams{SearchParams: stripe.SearchParams{Query: `status:'active'`}}).All(ctx)))
	must[[]*stripe.PaymentIntent](t)(collect(b.V1PaymentIntents.Search(ctx, &stripe.PaymentIntentSearchParams{SearchParams: stripe.SearchParams{Query: `amount>5`}}).All(ctx)))
}

func collect[T any](seq func(func(T, error) bool)) (all []T, failed error) {
	seq(func(v T, err error) bool {
		all, failed = append(all, v), err
		return err == nil
	})
	return all, failed
}
