package stripesim_test

import (
	"testing"
	"time"

	"rightful/stripesim"
)

// A client that measures its clock by the Date header must find the clock that
// objects go by.
func TestDateIsTheSimulatorsClock(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	for _, path := range []string{"/v1/customers", "/v1/customers/cus_none", "/_sim/clock"} {
		equal(t, path, b.send("GET", path, "").header.Get("Date"), "Thu, 09 Oct 2025 08:53:20 GMT")
	}
	b.sim.Advance(25 * time.Hour)
	equal(t, "later", b.send("GET", "/v1/customers", "").header.Get("Date"), "Fri, 10 Oct 2025 09:53:20 GMT")
}

func TestLiteralPathsAreNoIDs(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	for _, c := range []struct{ method, path string }{
		{"POST", "/v1/invoices/create_preview"}, {"GET", "/v1/invoices/upcoming"}, {"GET", "/v1/invoices/upcoming/lines"},
		{"POST", "/v1/invoices/upcoming"}, {"GET", "/v1/checkout/sessions/search"}, {"POST", "/v1/customers/search"},
	} {
		b.send(c.method, c.path, "").wantError(t, 404, "", "", "Unrecognized request URL ("+c.method+": "+c.path+")")
	}
}

func TestCurrenciesAreThoseOfStripe(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	for form, param := range map[string]string{"zzz": "currency", "us": "currency", "": "currency", "usdd": "currency"} {
		if a := b.send("POST", "/v1/payment_intents", "amount=5&currency="+form); a.status != 400 || str(a.at("error", "param")) != param {
			t.Errorf("%q: %d %s", form, a.status, a.raw)
		}
	}
	for _, code := range []string{"usd", "EUR", "brl", "kwd"} {
		equal(t, code, b.send("POST", "/v1/payment_intents", "amount=5&currency="+code).status, 200)
	}
}

func TestEveryEventOfTheSimulatorCanBeAskedFor(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	for _, kind := range []string{"*", "customer.subscription.updated", "checkout.session.async_payment_failed", "payment_intent.requires_action",
		"invoice.payment_action_required", "setup_intent.requires_action", "setup_intent.setup_failed", "payment_method.detached",
		"subscription_schedule.released", "invoice.marked_uncollectible", "charge.failed", "price.updated", "product.deleted"} {
		equal(t, kind, b.send("POST", "/v1/webhook_endpoints", "url=https://x.example.com&enabled_events[]="+kind).status, 200)
	}
}
