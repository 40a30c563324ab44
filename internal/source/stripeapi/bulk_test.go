package stripeapi_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"rightful"
	"rightful/internal/source/stripeapi"
)

func customersFrom(ids ...string) handler {
	return func(_ int, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Unix(1700000500, 0).UTC().Format(http.TimeFormat))
		send(w, listJSON(true, ids...))
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	f := newFake(t, customersFrom("cus_2", "cus_3"))
	q := rightful.ListQuery{Type: rightful.TypeCustomer, CreatedFrom: 10, CreatedTo: 20}
	page, err := f.Bulk().Page(t.Context(), q, "cus_1")
	if err != nil || !page.More || len(page.Objects) != 2 || page.Objects[0].ID != "cus_2" {
		t.Fatalf("%+v, %v", page, err)
	}
	asked := f.requests()[0].URL.Query()
	if asked.Get("starting_after") != "cus_1" || asked.Get("created[gte]") != "10" || asked.Get("created[lt]") != "20" || asked.Get("limit") != "100" {
		t.Errorf("asked %v", asked)
	}
	// Our clock is 500 s behind Stripe's, which has whole seconds.
	if page.AsOf != 1700000498 {
		t.Errorf("as of %d", page.AsOf)
	}
	if now := f.Bulk().Now().Unix(); now != 1700000500 {
		t.Errorf("it is %d", now)
	}
	if gets, limited := f.Bulk().Spent(); gets != 1 || limited != 0 {
		t.Errorf("%d GETs, %d limited", gets, limited)
	}
	// Nothing to ask for.
	if page, err := f.Bulk().Page(t.Context(), rightful.ListQuery{Type: rightful.TypeCustomer, CreatedFrom: 20, CreatedTo: 20}, ""); err != nil || page.More || len(page.Objects) > 0 || len(f.requests()) != 1 {
		t.Errorf("%+v, %v", page, err)
	}
}

// TestPageIsAsOfItsLastAttempt has the first answer come too late to count.
func TestPageIsAsOfItsLastAttempt(t *testing.T) {
	t.Parallel()
	var f *fake
	f = newFake(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 1 {
			_ = f.clock.Sleep(r.Context(), time.Hour/60)
			say(w, 500, "", "later")
			return
		}
		send(w, listJSON(false, "cus_1"))
	})
	page, err := f.Bulk().Page(t.Context(), rightful.ListQuery{Type: rightful.TypeCustomer}, "")
	if err != nil {
		t.Fatal(err)
	}
	if ours := f.Bulk().Now().Unix(); page.AsOf > ours-2 || page.AsOf < ours-5 {
		t.Errorf("as of %d, and it is %d", page.AsOf, ours)
	}
}

func TestPageTroubles(t *testing.T) {
	t.Parallel()
	q := rightful.ListQuery{Type: rightful.TypeCustomer}
	for name, h := range map[string]handler{
		"the cursor again": customersFrom("cus_2", "cus_1"),
		"one twice":        customersFrom("cus_2", "cus_2"),
		"nothing but more": customersFrom(),
	} {
		_, err := newFake(t, h).Bulk().Page(t.Context(), q, "cus_1")
		if rightful.KindOf(err) != rightful.KindUnavailable {
			t.Errorf("%s: got %v", name, err)
		}
	}
	gone := newFake(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":{"type":"invalid_request_error","code":"resource_missing","param":"starting_after","message":"No such customer: 'cus_1'"}}`)
	})
	_, err := gone.Bulk().Page(t.Context(), q, "cus_1")
	wantKind(t, err, rightful.KindNotFound, "gone")
	_, err = newFake(t, customersFrom()).Bulk().Page(t.Context(), rightful.ListQuery{Type: rightful.TypePaymentMethod}, "")
	wantKind(t, err, rightful.KindInvalid)
}

func TestSpentCountsWhatWasTooMany(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n < 3 {
			say(w, http.StatusTooManyRequests, "rate_limit", "slower", "Stripe-Rate-Limited-Reason", "endpoint-rate")
			return
		}
		send(w, listJSON(false))
	}, func(o *stripeapi.Options) { o.EndpointRate = 100 })
	before, _, _ := f.Bulk().Pace(rightful.TypeCustomer)
	if _, err := f.Bulk().Page(t.Context(), rightful.ListQuery{Type: rightful.TypeCustomer}, ""); err != nil {
		t.Fatal(err)
	}
	after, account, _ := f.Bulk().Pace(rightful.TypeCustomer)
	if gets, limited := f.Bulk().Spent(); gets != 3 || limited != 2 {
		t.Errorf("%d GETs, %d limited", gets, limited)
	}
	if before != 100 || after >= before || account != 1e9 {
		t.Errorf("from %v to %v a second, and %v for the account", before, after, account)
	}
}
