package stripesim_test

import (
	"context"
	"testing"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

const expandWorld = `{"stripe":{
"customers":[{"id":"c1","email":"a@x","created":1},{"id":"c2","object":"customer","deleted":true}],
"checkout_sessions":[
 {"id":"o1","customer":"c1","subscription":"s1","invoice":"in_1","created":1},
 {"id":"o2","customer":"c2","subscription":null,"payment_intent":"p1","created":2},
 {"id":"o3","customer":"cus_dangling","created":3}],
"subscriptions":[{"id":"s1","customer":"c1","status":"active","latest_invoice":"in_1","items":{"object":"list","data":[{"price":{"id":"pr1","product":"prod_1"}}]},"created":1},
 {"id":"s2","customer":"c1","status":"canceled","created":2}],
"payment_intents":[{"id":"p1","customer":"c1","created":1}]}}`

func TestExpand(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	loadWorld(t, b.sim, expandWorld)
	for _, c := range []struct {
		path string
		at   []any
		want any
	}{
		{"checkout/sessions/o1", []any{"customer"}, "c1"},
		{"checkout/sessions/o1?expand[]=customer", []any{"customer", "email"}, "a@x"},
		{"checkout/sessions/o1?expand[0]=customer&expand[1]=subscription", []any{"subscription", "id"}, "s1"},
		{"checkout/sessions/o1?expand[]=subscription.customer", []any{"subscription", "customer", "email"}, "a@x"},
		{"checkout/sessions/o1?expand[]=subscription.items.data.price", []any{"error", "param"}, "expand"},
		{"checkout/sessions/o1?expand[]=invoice", []any{"invoice"}, "in_1"}, // dangling: stays an id
		{"checkout/sessions/o1?expand[]=subscription.latest_invoice.payments", []any{"subscription", "latest_invoice"}, "in_1"},
		{"checkout/sessions/o2?expand[]=customer", []any{"customer", "deleted"}, true},
		{"checkout/sessions/o2?expand[]=subscription", []any{"subscription"}, nil},
		{"checkout/sessions/o3?expand[]=customer", []any{"customer"}, "cus_dangling"},
		{"checkout/sessions?expand[]=data.customer", []any{"data", 2, "customer", "email"}, "a@x"},
		{"checkout/sessions?expand[]=data.payment_intent.customer", []any{"data", 1, "payment_intent", "customer", "email"}, "a@x"},
		{"subscriptions/s1?expand[]=items.data.price.product", []any{"items", "data", 0, "price", "product"}, "prod_1"},
		{"customers/c1", []any{"subscriptions"}, nil},
		{"customers/c1?expand[]=subscriptions", []any{"subscriptions", "data", 0, "id"}, "s1"},
		{"customers/c1?expand[]=subscriptions", []any{"subscriptions", "data", 1}, nil}, // canceled ones are left out
		{"customers/c1?expand[]=subscriptions", []any{"subscriptions", "url"}, "/v1/customers/c1/subscriptions"},
		{"customers/c1?expand[]=subscriptions.data.customer", []any{"subscriptions", "data", 0, "customer", "email"}, "a@x"},
		{"customers/c2?expand[]=subscriptions", []any{"subscriptions"}, nil},
		{"customers?expand[]=data.subscriptions", []any{"data", 0, "subscriptions", "data", 0, "id"}, "s1"},
		{"customers?expand[]=data.subscriptions.data.customer", []any{"data", 0, "subscriptions", "data", 0, "customer", "email"}, "a@x"},
		{"payment_intents/search?query=created:1&expand[]=data.customer", []any{"data", 0, "customer", "email"}, "a@x"},
	} {
		a := b.send("GET", "/v1/"+c.path, "")
		if got := a.at(c.at...); got != c.want {
			t.Errorf("%s: got %v, want %v: %s", c.path, got, c.want, a.raw)
		}
	}
}

func TestExpandRefusals(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	loadWorld(t, b.sim, expandWorld)
	for path, want := range map[string]string{
		"checkout/sessions/o1?expand[]=metadata":                                          "cannot be expanded (metadata)",
		"checkout/sessions/o1?expand[]=status":                                            "cannot be expanded",
		"checkout/sessions/o1?expand[]=customer.":                                         "cannot be expanded",
		"checkout/sessions?expand[]=customer":                                             "paths start with 'data.'",
		"checkout/sessions?expand[]=data":                                                 "cannot be expanded",
		"customers?expand[]=total_count":                                                  "cannot be expanded",
		"subscriptions/s1?expand[]=items":                                                 "cannot be expanded",
		"checkout/sessions?expand[]=data.subscription.customer.subscriptions.data":        "more than 4 levels",
		"checkout/sessions/o1?expand[]=subscription.customer.subscriptions.data.customer": "more than 4 levels",
		"account?expand[]=settings":                                                       "cannot be expanded",
		"checkout/sessions/o1?expand=customer":                                            "Invalid array",
	} {
		b.send("GET", "/v1/"+path, "").wantError(t, 400, "", "expand", want)
	}
}

func TestExpandOnWrites(t *testing.T) {
	t.Parallel()
	b, ctx := start(t, stripesim.Options{}), context.Background()
	c := must[*stripe.Customer](t)(b.V1Customers.Create(ctx, &stripe.CustomerCreateParams{Email: stripe.String("a@x")}))
	p := subscriptionOf(c.ID)
	p.AddExpand("customer")
	sub := must[*stripe.Subscription](t)(b.V1Subscriptions.Create(ctx, p))
	equal(t, "expanded", sub.Customer.Email, "a@x")
	list := &stripe.CustomerListParams{}
	list.AddExpand("data.subscriptions")
	for c, err := range b.V1Customers.List(ctx, list).All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "included", c.Subscriptions.Data[0].ID, sub.ID)
	}
}
