package stripesim_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

func TestControlCounters(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{Limits: stripesim.Limits{Endpoints: map[string]int{"customers.list": 2}}})
	b.send("POST", "/v1/customers", "")
	for range 3 {
		b.send("GET", "/v1/customers", "")
	}
	b.fault(stripesim.FaultRule{Status: 429})
	b.send("GET", "/v1/balance", "")
	b.send("GET", "/v1/nothing", "")
	a := b.send("GET", "/_sim/counters", "", "Authorization", "")
	equal(t, "status", a.status, 200)
	equal(t, "no Stripe headers", a.header.Get("Request-Id")+a.header.Get("Stripe-Version"), "")
	for path, want := range map[string]float64{
		"requests": 6, "gets": 5, "limited": 2, "limited_by_reason.endpoint-rate": 1, "limited_by_reason.lock_timeout": 1,
		"operations.customers/list": 3, "operations.unrecognized": 1, "methods.POST": 1, "statuses.200": 3, "statuses.404": 1,
		"read_allocation.gets": 5, "read_allocation.share_of_floor": 0.0005, "read_allocation.transactions_needed": 0, "read_allocation.monthly_floor": 10000,
	} {
		var steps []any
		for _, s := range strings.Split(path, ".") {
			steps = append(steps, strings.ReplaceAll(s, "/", "."))
		}
		if got := a.at(steps...); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
	equal(t, "transactions", stripesim.TransactionsFor(200_000), 400)
}

func TestControlReset(t *testing.T) {
	t.Parallel()
	world := `{"stripe":{"account":{"id":"acct_1","livemode":true},"customers":[{"id":"c1","created":5}],"invoices":[{"id":"in_1"}],"missing_ids":["cus_x"]}}`
	b := start(t, stripesim.Options{})
	equal(t, "loaded", b.send("POST", "/_sim/world", world).at("loaded"), any(true))
	first := str(b.send("POST", "/v1/customers", "name=a", "Idempotency-Key", "k").at("id"))
	b.fault(stripesim.FaultRule{Status: 500})
	b.sim.Advance(time.Hour)

	equal(t, "kept", b.send("POST", "/_sim/reset", `{"keep_objects":true}`).at("objects_kept"), any(true))
	equal(t, "objects", b.customers(), 2)
	equal(t, "counters", b.sim.Counts().Total, 1)
	equal(t, "faults", len(b.sim.Faults()), 0)
	equal(t, "clock", b.sim.Now().Unix(), b.clock.unix())

	equal(t, "status", b.send("POST", "/_sim/reset", "").status, 200)
	equal(t, "no objects", b.customers(), 0)
	a := b.send("POST", "/v1/customers", "name=other", "Idempotency-Key", "k")
	equal(t, "keys are free", a.status, 200)
	equal(t, "ids begin anew, in test mode", a.at("livemode"), any(false))
	equal(t, "another id, because of the mode", str(a.at("id")) != first, true)
	b.send("POST", "/_sim/reset", "")
	equal(t, "the world again", b.send("POST", "/_sim/world", world).at("loaded"), any(true))
	equal(t, "the same id", str(b.send("POST", "/v1/customers", "name=a").at("id")), first)
	got := must[json.RawMessage](t)(b.sim.Dump("acct_1"))
	equal(t, "lists without endpoints, once", strings.Count(string(got), `"in_1"`), 1)
}

func TestControlWorld(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	b.send("POST", "/_sim/world", `{"stripe":{"account":{"id":"acct_1","livemode":true},"customers":[{"id":"c1"}]}}`)
	b.send("POST", "/_sim/world", `{"stripe":{"account":{"id":"acct_2","livemode":true},"customers":[{"id":"c2"}]}}`)
	equal(t, "default account", b.send("GET", "/_sim/world", "").at("stripe", "customers", 0, "id"), any("c1"))
	other := b.send("GET", "/_sim/world?account=acct_2", "")
	equal(t, "another", other.at("stripe", "customers", 0, "id"), any("c2"))
	// What it gives, it takes.
	b.send("POST", "/_sim/reset", "")
	equal(t, "taken", b.send("POST", "/_sim/world", other.raw).status, 200)
	equal(t, "the same", b.send("GET", "/_sim/world?account=acct_2", "").raw, other.raw)
	for path, want := range map[string]int{"/_sim/world?account=acct_none": 404, "/_sim/world": 400} {
		method, body := "GET", ""
		if want == 400 {
			method, body = "POST", `{"stripe":{"customers":[{}]}}`
		}
		a := b.send(method, path, body)
		if a.status != want || str(a.at("error", "message")) == "" || str(a.at("error", "hint")) == "" {
			t.Errorf("%s %s: %d %s", method, path, a.status, a.raw)
		}
	}
}

func TestControlClock(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	at := b.clock.unix()
	equal(t, "now", b.send("GET", "/_sim/clock", "").at("now"), any(float64(at)))
	equal(t, "advanced", b.send("POST", "/_sim/clock", `{"advance":"36h"}`).at("now"), any(float64(at+36*3600)))
	equal(t, "created", b.send("POST", "/v1/customers", "").at("created"), any(float64(at+36*3600)))
	equal(t, "set", b.send("POST", "/_sim/clock", `{"set":1000}`).at("now"), any(1000.0))
	b.clock.tick(5 * time.Second)
	equal(t, "goes on", b.send("GET", "/_sim/clock", "").at("now"), any(1005.0))
	for _, wrong := range []string{"", `{}`, `{"advance":"1h","set":5}`, `{"advance":"soon"}`, `{"advnce":"1h"}`, `[]`, `{"set":1} {}`} {
		a := b.send("POST", "/_sim/clock", wrong)
		if a.status != 400 || !strings.Contains(str(a.at("error", "hint")), `{"advance": "24h"}`) {
			t.Errorf("%s: %d %s", wrong, a.status, a.raw)
		}
	}
	equal(t, "unchanged", b.send("GET", "/_sim/clock", "").at("now"), any(1005.0))
}

func TestControlFaults(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	a := b.send("POST", "/_sim/faults", `{"operation":"customers.create","status":500,"delay":"2ms"}`)
	equal(t, "answer", a.at("faults", 0, "rule", "delay"), any("2ms"))
	equal(t, "once by default", a.at("faults", 0, "rule", "times"), any(1.0))
	equal(t, "met", b.send("POST", "/v1/customers", "").status, 500)
	equal(t, "state", b.send("GET", "/_sim/faults", "").at("faults", 0, "met"), any(1.0))
	a = b.send("POST", "/_sim/faults", `{"operation":"customer.create","status":500}`)
	if a.status != 400 || !strings.Contains(str(a.at("error", "message")), `no operation "customer.create"`) || str(a.at("error", "hint")) == "" {
		t.Errorf("%d %s", a.status, a.raw)
	}
	equal(t, "unknown field", b.send("POST", "/_sim/faults", `{"stauts":500}`).status, 400)
	b.send("DELETE", "/_sim/faults", "")
	equal(t, "cleared", len(b.sim.Faults()), 0)
}

func TestControlCheckout(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	s := must[*stripe.CheckoutSession](t)(b.V1CheckoutSessions.Create(context.Background(), &stripe.CheckoutSessionCreateParams{
		Mode: stripe.String("subscription"), SuccessURL: stripe.String("https://x.example"),
		LineItems: []*stripe.CheckoutSessionCreateLineItemParams{{Price: stripe.String("price_pro"), Quantity: stripe.Int64(1)}}}))
	path := "/_sim/checkout/" + s.ID + "/complete"
	a := b.send("POST", path, "")
	equal(t, "no email known", a.status, 409)
	a = b.send("POST", path, `{"email":"bela@example.com","name":"Bela"}`)
	equal(t, "status", a.at("status"), any("complete"))
	equal(t, "buyer", a.at("customer_details", "name"), any("Bela"))
	equal(t, "twice", b.send("POST", path, `{"email":"bela@example.com"}`).status, 409)
	equal(t, "unknown", b.send("POST", "/_sim/checkout/cs_none/complete", "").status, 404)
}

func TestControlAccess(t *testing.T) {
	t.Parallel()
	ask := func(control stripesim.Control, from, origin string) int {
		sim := stripesim.New(stripesim.Options{Control: control})
		r := httptest.NewRequest("GET", "http://127.0.0.1:12111/_sim/counters", nil)
		r.RemoteAddr = from
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, r)
		if w.Code != 200 && !json.Valid(w.Body.Bytes()) {
			t.Errorf("not JSON: %s", w.Body)
		}
		return w.Code
	}
	for _, c := range []struct {
		control      stripesim.Control
		from, origin string
		want         int
	}{
		{"", "127.0.0.1:5", "", 200},
		{stripesim.ControlLoopback, "[::1]:5", "", 200},
		{"", "192.0.2.1:5", "", 403},
		{"", "nonsense", "", 403},
		{"", "127.0.0.1:5", "https://evil.example", 403},
		{"", "127.0.0.1:5", "null", 403},
		{"", "127.0.0.1:5", "http://127.0.0.1:12111", 200},
		{stripesim.ControlAnywhere, "192.0.2.1:5", "", 200},
		{stripesim.ControlOff, "127.0.0.1:5", "", 404},
	} {
		equal(t, string(c.control)+" "+c.from+" "+c.origin, ask(c.control, c.from, c.origin), c.want)
	}
}

func TestControlBuysWithAMethod(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	id, _ := b.session("mode=payment&" + oneItem)
	path := "/_sim/checkout/" + id + "/complete"
	refused := b.send("POST", path, `{"email":"a@example.com","payment_method":"pm_card_chargeDeclined"}`)
	equal(t, "declined", refused.status, 409)
	if !strings.Contains(refused.raw, "Your card was declined.") {
		t.Error(refused.raw)
	}
	equal(t, "failed", b.send("POST", path, `{"email":"a@example.com","payment_method":"pm_card_authenticationRequired","fail_authentication":true}`).status, 409)
	equal(t, "contradiction", b.send("POST", path, `{"email":"a@example.com","payment_method":"pm_card_visa","delayed":true}`).status, 409)
	equal(t, "paid", b.send("POST", path, `{"email":"a@example.com","payment_method":"pm_card_authenticationRequired"}`).status, 200)
}

func TestControlSettlesDelayedPayments(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	session := str(b.send("POST", "/v1/checkout/sessions", "mode=payment&success_url=https://x&line_items[0][price]=p&line_items[0][quantity]=1").at("id"))
	a := b.send("POST", "/_sim/checkout/"+session+"/complete", `{"email":"a@x","delayed":true}`)
	equal(t, "not paid yet", str(a.at("payment_status")), "unpaid")
	path := "/_sim/payment_intents/" + str(a.at("payment_intent")) + "/settle"
	equal(t, "how?", b.send("POST", path, `{}`).status, 400)
	equal(t, "unknown account", b.send("POST", path, `{"succeeded":true,"account":"acct_none"}`).status, 404)
	equal(t, "settled", str(b.send("POST", path, `{"succeeded":true}`).at("status")), "succeeded")
	equal(t, "paid", str(b.send("GET", "/v1/checkout/sessions/"+session, "").at("payment_status")), "paid")
	equal(t, "once only", b.send("POST", path, `{"succeeded":false}`).status, 409)
}

func TestControlUnknown(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	a := b.send("GET", "/_sim/nothing", "")
	if a.status != 404 || !strings.Contains(str(a.at("error", "hint")), "POST /_sim/reset") {
		t.Errorf("%d %s", a.status, a.raw)
	}
	equal(t, "the root", b.send("GET", "/_sim", "").status, 404)
	a = b.send("GET", "/_sim/reset", "")
	if a.status != 405 || !strings.Contains(str(a.at("error", "hint")), "POST") {
		t.Errorf("%d %s", a.status, a.raw)
	}
	equal(t, "not counted", b.sim.Counts().Total, 0)
	equal(t, "not Stripe's", b.send("GET", "/v1/_sim/counters", "").at("error", "type"), any("invalid_request_error"))
}
