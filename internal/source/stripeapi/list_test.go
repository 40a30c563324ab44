package stripeapi_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"rightful"
)

// pages answers with one page after the other, by cursor: page n ends in
// cus_n, and starting_after=cus_n asks for page n+1.
func pages(w http.ResponseWriter, r *http.Request, n int) {
	at := 1
	fmt.Sscanf(r.URL.Query().Get("starting_after"), "cus_%d", &at)
	if r.URL.Query().Has("starting_after") {
		at++
	}
	send(w, listJSON(at < n, fmt.Sprintf("a_%d", at), fmt.Sprintf("cus_%d", at)))
}

func TestListQueries(t *testing.T) {
	t.Parallel()
	const c, s, sub, pi = rightful.TypeCustomer, rightful.TypeSession, rightful.TypeSubscription, rightful.TypePaymentIntent
	for want, q := range map[string]rightful.ListQuery{
		"/v1/customers?limit=100":                                                 {Type: c},
		"/v1/customers?email=a%2Bb@example.com&limit=100":                         {Type: c, Email: "a+b@example.com"},
		"/v1/customers?created[gte]=5&created[lt]=9&limit=100":                    {Type: c, CreatedFrom: 5, CreatedTo: 9},
		"/v1/checkout/sessions?customer=cus_1&limit=100":                          {Type: s, StripeCustomerID: "cus_1"},
		"/v1/checkout/sessions?customer_details[email]=a@example.com&limit=100":   {Type: s, Email: "a@example.com"},
		"/v1/checkout/sessions?limit=100&payment_intent=pi_1&subscription=sub_1":  {Type: s, SubscriptionID: "sub_1", PaymentIntentID: "pi_1"},
		"/v1/subscriptions?limit=100&status=all":                                  {Type: sub},
		"/v1/subscriptions?customer_account=acct_1&limit=100&status=all":          {Type: sub, StripeCustomerID: "acct_1"},
		"/v1/payment_intents?created[gte]=5&customer=cus_1%26limit%3D1&limit=100": {Type: pi, StripeCustomerID: "cus_1&limit=1", CreatedFrom: 5},
		"/v1/subscription_schedules?customer=cus_1&limit=100":                     {Type: rightful.TypeSchedule, StripeCustomerID: "cus_1"},
		"/v1/invoices?created[lt]=9&customer=cus_1&limit=100":                     {Type: rightful.TypeInvoice, StripeCustomerID: "cus_1", CreatedTo: 9},
		"/v1/charges?customer=cus_1&limit=100":                                    {Type: rightful.TypeCharge, StripeCustomerID: "cus_1"},
		"/v1/payment_methods?customer=cus_1&limit=100":                            {Type: rightful.TypePaymentMethod, StripeCustomerID: "cus_1"},
		"/v1/payment_methods?customer_account=acct_1&limit=100":                   {Type: rightful.TypePaymentMethod, StripeCustomerID: "acct_1"},
	} {
		f := newFake(t, func(_ int, w http.ResponseWriter, r *http.Request) {
			send(w, `{"object":"list","has_more":false,"data":[]}`)
		})
		for _, err := range f.List(t.Context(), q) {
			t.Errorf("%s: %v", want, err)
		}
		u, err := url.Parse(want)
		if err != nil {
			t.Fatal(err)
		}
		got := f.requests()[0].URL
		if got.Path != u.Path || got.Query().Encode() != u.Query().Encode() {
			t.Errorf("asked %s, want %s", got, want)
		}
	}
}

func TestListRefusesFiltersThatStripeLacks(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(int, http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	for _, q := range []rightful.ListQuery{
		{Type: rightful.TypeCustomer, StripeCustomerID: "cus_1"},
		{Type: rightful.TypeSubscription, Email: "a@example.com"},
		{Type: rightful.TypeSubscription, SubscriptionID: "sub_1"},
		{Type: rightful.TypePaymentIntent, PaymentIntentID: "pi_1"},
		{Type: rightful.TypePaymentMethod},
		{Type: rightful.TypePaymentMethod, StripeCustomerID: "cus_1", CreatedFrom: 5},
		{Type: rightful.TypeCharge, StripeCustomerID: "acct_1"},
		{Type: "refund"},
		{},
	} {
		var last error
		for _, err := range f.List(t.Context(), q) {
			last = err
		}
		wantKind(t, last, rightful.KindInvalid)
	}
}

func TestListGoesToTheEnd(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(_ int, w http.ResponseWriter, r *http.Request) { pages(w, r, 40) })
	ids, err := f.listAll(t)
	if err != nil || len(ids) != 80 || len(f.requests()) != 40 {
		t.Fatalf("got %d objects in %d requests, %v", len(ids), len(f.requests()), err)
	}
	q := f.Requests()
	if q.GETs != 40 || q.ByEndpoint["GET /v1/customers"] != 40 || q.FloorShare() != 0.004 {
		t.Errorf("counted %+v", q)
	}
}

func TestListIsNeverSilentlyPartial(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		second func(w http.ResponseWriter, r *http.Request) // the second page
		kind   rightful.ErrorKind
		says   string
	}{
		"the first page again": {func(w http.ResponseWriter, r *http.Request) { pages(w, &http.Request{URL: &url.URL{}}, 5) }, rightful.KindUnavailable, "read before"},
		"an empty page":        {func(w http.ResponseWriter, r *http.Request) { send(w, listJSON(true)) }, rightful.KindUnavailable, "is empty"},
		"an object twice":      {func(w http.ResponseWriter, r *http.Request) { send(w, listJSON(true, "x", "x")) }, rightful.KindUnavailable, "read before"},
		"no has_more":          {func(w http.ResponseWriter, r *http.Request) { send(w, `{"object":"list","data":[]}`) }, rightful.KindUnavailable, "has_more"},
		"another envelope":     {func(w http.ResponseWriter, r *http.Request) { send(w, `[]`) }, rightful.KindUnavailable, "cannot be read"},
		"cut JSON":             {func(w http.ResponseWriter, r *http.Request) { send(w, listJSON(true, "x")[:60]) }, rightful.KindUnavailable, "cut"},
		"server error":         {func(w http.ResponseWriter, r *http.Request) { say(w, 500, "", "x") }, rightful.KindUnavailable, "500"},
		"revoked meanwhile":    {func(w http.ResponseWriter, r *http.Request) { say(w, 401, "", "x") }, rightful.KindUnauthorized, "401"},
		"hung up":              {func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, rightful.KindUnreachable, "does not answer"},
		"missing, of no name":  {func(w http.ResponseWriter, r *http.Request) { say(w, 400, "resource_missing", "x") }, rightful.KindUnavailable, "resource_missing"},
		"missing, the filter of later": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(400)
			send(w, `{"error":{"type":"invalid_request_error","code":"resource_missing","param":"limit","message":"No such limit"}}`)
		}, rightful.KindUnavailable, "resource_missing"},
		"another object's type": {func(w http.ResponseWriter, r *http.Request) {
			send(w, `{"object":"list","has_more":false,"data":[{"id":"sub_1","object":"subscription"}]}`)
		}, rightful.KindUnavailable, "sub_1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, func(n int, w http.ResponseWriter, r *http.Request) {
				if n == 1 {
					pages(w, r, 5)
				} else {
					tt.second(w, r)
				}
			})
			ids, err := f.listAll(t)
			wantKind(t, err, tt.kind, tt.says)
			if !slices.Equal(ids, []string{"a_1", "cus_1"}) {
				t.Errorf("got %v before the error", ids)
			}
		})
	}
}

// A server that begins again at the first page when it does not know a cursor
// makes a circle of any length.
func TestListFindsCircles(t *testing.T) {
	t.Parallel()
	for length := 2; length <= 9; length++ {
		for lead := range 4 { // pages before the circle
			f := newFake(t, func(n int, w http.ResponseWriter, r *http.Request) {
				at := n - 1
				if at > lead {
					at = lead + (at-lead)%length
				}
				send(w, listJSON(true, fmt.Sprintf("cus_%d", at)))
			})
			_, err := f.listAll(t)
			wantKind(t, err, rightful.KindUnavailable, "read before")
			if n := len(f.requests()); n > 4*(lead+length) {
				t.Errorf("%d pages before a circle of %d: found after %d requests", lead, length, n)
			}
		}
	}
}

func TestListSurvivesADeletedCursor(t *testing.T) {
	t.Parallel()
	missing := func(w http.ResponseWriter) {
		w.WriteHeader(400)
		send(w, `{"error":{"type":"invalid_request_error","code":"resource_missing","param":"starting_after","message":"No such customer"}}`)
	}
	f := newFake(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("starting_after") {
		case "":
			send(w, listJSON(true, "c5", "c4", "c3"))
		case "c3", "c4":
			missing(w)
		case "c5":
			send(w, listJSON(false, "c2", "c1"))
		}
	})
	ids, err := f.listAll(t)
	if err != nil || !slices.Equal(ids, []string{"c5", "c4", "c3", "c2", "c1"}) {
		t.Errorf("got %v, %v", ids, err)
	}
	f = newFake(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("starting_after") {
			missing(w)
			return
		}
		send(w, listJSON(true, "c5", "c4"))
	})
	ids, err = f.listAll(t)
	wantKind(t, err, rightful.KindUnavailable, "resource_missing")
	if len(ids) != 2 || len(f.requests()) != 3 {
		t.Errorf("got %v after %d requests", ids, len(f.requests()))
	}
}

func TestListOfAMissingCustomer(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(n int, w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		send(w, `{"error":{"type":"invalid_request_error","code":"resource_missing","param":"customer","message":"No such customer: 'cus_1'; a similar object exists in live mode"}}`)
	})
	for o, err := range f.List(t.Context(), rightful.ListQuery{Type: rightful.TypeSession, StripeCustomerID: "cus_1"}) {
		t.Errorf("got %+v, %v", o, err)
	}
}

func TestListLeavesStubsOut(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		send(w, `{"object":"list","has_more":false,"data":[{"id":"cus_2","object":"customer","deleted":true},`+customerJSON("cus_1")+`]}`)
	})
	if ids, err := f.listAll(t); err != nil || !slices.Equal(ids, []string{"cus_1"}) {
		t.Errorf("got %v, %v", ids, err)
	}
}
