package stripeapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"rightful"
)

func TestGetMissing(t *testing.T) {
	t.Parallel()
	for id, tt := range map[string]struct {
		status  int
		message string
		want    rightful.Existence
	}{
		"cus_1":  {404, "No such customer: 'cus_1'", rightful.ExistsMissing},
		"cus_2":  {404, "No such customer: 'cus_2'; a similar object exists in live mode, but a test mode key was used to make this request.", rightful.ExistsMissing},
		"cus_3":  {400, "No such customer: 'cus_3'", rightful.ExistsMissing},
		"acct_1": {404, "No such customer: 'acct_1'", rightful.ExistsUnknown},
	} {
		f := newFake(t, func(_ int, w http.ResponseWriter, r *http.Request) { say(w, tt.status, "resource_missing", tt.message) })
		o, exists, err := f.Get(t.Context(), rightful.TypeCustomer, id)
		if err != nil || exists != tt.want || o.ID != "" {
			t.Errorf("%s: got %+v, %v, %v", id, o, exists, err)
		}
	}
}

func TestGetDeletedAndPaths(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		switch r.URL.EscapedPath() {
		case "/v1/customers/cus_1":
			send(w, `{"id":"cus_1","object":"customer","deleted":true}`)
		case "/v1/checkout/sessions/cs_1":
			send(w, `{"id":"cs_1","object":"checkout.session"}`)
		case "/v1/subscriptions/sub_1":
			send(w, `{"id":"sub_1","object":"subscription"}`)
		case "/v1/payment_intents/pi_1":
			send(w, `{"id":"pi_1","object":"payment_intent"}`)
		default:
			t.Errorf("asked for %s", r.URL)
		}
	})
	o, exists, err := f.Get(t.Context(), rightful.TypeCustomer, "cus_1")
	if err != nil || exists != rightful.ExistsDeleted || !o.Deleted || o.ID != "cus_1" {
		t.Errorf("got %+v, %v, %v", o, exists, err)
	}
	for id, typ := range map[string]rightful.ObjectType{"cs_1": rightful.TypeSession, "sub_1": rightful.TypeSubscription, "pi_1": rightful.TypePaymentIntent} {
		if o, exists, err := f.Get(t.Context(), typ, id); err != nil || exists != rightful.ExistsPresent || o.ID != id {
			t.Errorf("%s: got %+v, %v, %v", id, o, exists, err)
		}
	}
	if _, _, err := f.Get(t.Context(), "refund", "re_1"); rightful.KindOf(err) != rightful.KindInvalid {
		t.Errorf("type that is not read: got %v", err)
	}
}

func TestOddIDsAreEscaped(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"cus_a/b", "../account", "cus?limit=1", "cus#x", "cus_%2F", "cus 1", `c"u'\s`, "cus_é😀", strings.Repeat("é", 255)} {
		f := newFake(t, func(_ int, w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v1/customers/"+id || r.URL.RawQuery != "" || strings.Count(r.URL.EscapedPath(), "/") != 3 {
				t.Errorf("%q: asked for %s", id, r.RequestURI)
			}
			say(w, 404, "resource_missing", "No such customer")
		})
		if _, exists, err := f.Get(t.Context(), rightful.TypeCustomer, id); err != nil || exists != rightful.ExistsMissing {
			t.Errorf("%q: got %v, %v", id, exists, err)
		}
	}
}

func TestImpossibleIDsAreNotAskedFor(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(_ int, _ http.ResponseWriter, r *http.Request) { t.Errorf("asked for %s", r.RequestURI) })
	for _, id := range []string{"", ".", "..", "search", strings.Repeat("c", 256), "cus_\x00", "cus\r\n", "\xff"} {
		if _, exists, err := f.Get(t.Context(), rightful.TypeCustomer, id); err != nil || exists != rightful.ExistsMissing {
			t.Errorf("%q: got %v, %v", id, exists, err)
		}
		if id == "" {
			continue // an empty field does not filter
		}
		for o, err := range f.List(t.Context(), rightful.ListQuery{Type: rightful.TypeSession, StripeCustomerID: id}) {
			t.Errorf("%q: listed %+v, %v", id, o, err)
		}
	}
}

func TestParallelCallers(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(n int, w http.ResponseWriter, r *http.Request) {
		switch {
		case n%5 == 0 && n < 40: // in all fewer than one caller bears: they share the clock
			say(w, 429, "rate_limit", "x", "Stripe-Rate-Limited-Reason", "endpoint-rate")
		case strings.HasPrefix(r.URL.Path, "/v1/customers/"):
			send(w, customerJSON(strings.TrimPrefix(r.URL.Path, "/v1/customers/")))
		default:
			pages(w, r, 20)
		}
	})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if ids, err := f.listAll(t); err != nil || len(ids) != 40 {
				t.Errorf("list: got %d objects, %v", len(ids), err)
			}
			id := fmt.Sprintf("cus_%d", i)
			if o, exists, err := f.Get(t.Context(), rightful.TypeCustomer, id); err != nil || exists != rightful.ExistsPresent || o.ID != id {
				t.Errorf("get: %+v, %v, %v", o, exists, err)
			}
		})
	}
	wg.Wait()
	if n := f.Requests().GETs; n != len(f.requests()) {
		t.Errorf("counted %d GETs of %d", n, len(f.requests()))
	}
}
