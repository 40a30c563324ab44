package stripesim_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

func TestIdempotentReplay(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	post := func(form string) answer { return b.send("POST", "/v1/customers", form, "Idempotency-Key", "k1") }
	first := post("name=a&email=b@x")
	equal(t, "key is echoed", first.header.Get("Idempotency-Key"), "k1")
	equal(t, "first is no replay", first.header.Get("Idempotent-Replayed"), "")
	equal(t, "first is its own original", first.header.Get("Original-Request"), first.header.Get("Request-Id"))
	b.send("POST", "/v1/customers/"+str(first.at("id")), "name=changed")

	again := post("email=b@x&name=a") // the order of the form does not matter
	equal(t, "status", again.status, 200)
	equal(t, "body", again.raw, first.raw)
	equal(t, "replayed", again.header.Get("Idempotent-Replayed"), "true")
	equal(t, "original", again.header.Get("Original-Request"), first.header.Get("Request-Id"))
	if again.header.Get("Request-Id") == first.header.Get("Request-Id") {
		t.Error("a replay has a request id of its own")
	}
	equal(t, "customers", len(b.send("GET", "/v1/customers", "").ids()), 1)
}

func TestIdempotencyConflicts(t *testing.T) {
	t.Parallel()
	b, ctx := start(t, stripesim.Options{}), context.Background()
	p := &stripe.CustomerCreateParams{Name: stripe.String("a")}
	p.SetIdempotencyKey("k1")
	c := must[*stripe.Customer](t)(b.V1Customers.Create(ctx, p))
	p.Name = stripe.String("b")
	_, err := b.V1Customers.Create(ctx, p)
	e := stripeError(t, err, 400, "")
	equal(t, "type", e.Type, stripe.ErrorTypeIdempotency)
	a := b.send("POST", "/v1/customers/"+c.ID, "name=a", "Idempotency-Key", "k1")
	equal(t, "another path", a.at("error", "type"), any("idempotency_error"))
	b.send("POST", "/v1/customers", "", "Idempotency-Key", strings.Repeat("k", 256)).wantError(t, 400, "", "", "255")
	equal(t, "names", b.send("GET", "/v1/customers/"+c.ID, "").at("name"), any("a"))
}

func TestIdempotencyKeepsWhatWasExecuted(t *testing.T) {
	t.Parallel()
	sim := stripesim.New(stripesim.Options{})
	var mu sync.Mutex
	fail := false
	sim.BeforeRun(func(string) {
		mu.Lock()
		defer mu.Unlock()
		if fail {
			panic("injected")
		}
	})
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	set := func(v bool) { mu.Lock(); fail = v; mu.Unlock() }
	post := func(path, form, key string) answer {
		return send(t, srv.URL, "POST", path, form, "Idempotency-Key", key)
	}

	set(true)
	broken := post("/v1/customers", "name=a", "server-error")
	broken.wantError(t, 500, "", "", "injected")
	equal(t, "type", broken.at("error", "type"), any("api_error"))
	set(false)
	again := post("/v1/customers", "name=a", "server-error")
	equal(t, "a stored 500", again.raw, broken.raw)
	equal(t, "replayed", again.header.Get("Idempotent-Replayed"), "true")

	missing := post("/v1/customers/cus_none", "name=a", "not-found")
	equal(t, "a stored 404", post("/v1/customers/cus_none", "name=a", "not-found").raw, missing.raw)

	id := str(post("/v1/payment_intents", "amount=5&currency=usd", "intent").at("id"))
	early := post("/v1/payment_intents/"+id+"/confirm", "", "early")
	early.wantError(t, 400, "payment_intent_unexpected_state", "payment_method", "")
	post("/v1/payment_intents/"+id, "payment_method=pm_1", "method")
	equal(t, "a stored refusal", post("/v1/payment_intents/"+id+"/confirm", "", "early").raw, early.raw)

	// Nothing was executed, so nothing is kept: the corrected request may use
	// the key again.
	post("/v1/customers", "name=a&foo=1", "validation").wantError(t, 400, "parameter_unknown", "foo", "")
	equal(t, "after a validation failure", post("/v1/customers", "name=a", "validation").status, 200)
	send(t, srv.URL, "POST", "/v1/customers", "name=a", "Idempotency-Key", "unauthorized", "Authorization", "").wantError(t, 401, "", "", "")
	equal(t, "after a 401", post("/v1/customers", "name=b", "unauthorized").status, 200)
}

func TestIdempotencyKeyInUse(t *testing.T) {
	t.Parallel()
	sim := stripesim.New(stripesim.Options{})
	entered, release := make(chan bool), make(chan bool)
	var held atomic.Bool
	sim.BeforeRun(func(string) {
		if held.CompareAndSwap(false, true) {
			entered <- true
			<-release
		}
	})
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	done := make(chan answer)
	go func() {
		a, err := try(srv.URL, "POST", "/v1/customers", "name=a", "Idempotency-Key", "k")
		if err != nil {
			t.Error(err)
		}
		done <- a
	}()
	<-entered
	a := send(t, srv.URL, "POST", "/v1/customers", "name=a", "Idempotency-Key", "k")
	a.wantError(t, 409, "idempotency_key_in_use", "", "in-progress")
	equal(t, "another key", send(t, srv.URL, "POST", "/v1/customers", "name=a", "Idempotency-Key", "other").status, 200)
	close(release)
	first := <-done
	equal(t, "after it", send(t, srv.URL, "POST", "/v1/customers", "name=a", "Idempotency-Key", "k").raw, first.raw)
}

func TestConcurrentUseOfOneKeyExecutesOnce(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	bodies := map[string]bool{}
	for range 20 {
		wg.Go(func() {
			for {
				a, err := try(b.url, "POST", "/v1/customers", "name=a", "Idempotency-Key", "k")
				if err != nil {
					t.Error(err)
					return
				}
				if a.status == 409 {
					continue
				}
				mu.Lock()
				bodies[a.raw] = true
				mu.Unlock()
				return
			}
		})
	}
	wg.Wait()
	equal(t, "different answers", len(bodies), 1)
	equal(t, "customers", len(b.send("GET", "/v1/customers", "").ids()), 1)
}

func TestIdempotencyKeysAreForgottenAfterADay(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	post := func(key string) string {
		return str(b.send("POST", "/v1/customers", "name=a", "Idempotency-Key", key).at("id"))
	}
	first := post("k")
	b.clock.tick(24*time.Hour - time.Second)
	equal(t, "just before", post("k"), first)
	b.clock.tick(time.Second)
	if post("k") == first {
		t.Error("the key is still known after 24 hours")
	}
}

func TestIdempotencyKeysAreOfOneAccountAndMode(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{Account: "acct_1"})
	if err := b.sim.AddAccount("acct_2"); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i, headers := range [][]string{
		{"Authorization", "Bearer sk_test_0123456789"}, {"Authorization", "Bearer sk_live_0123456789"}, {"Stripe-Account", "acct_2"},
	} {
		a := b.send("POST", "/v1/customers", fmt.Sprintf("name=%d", i), append(headers, "Idempotency-Key", "k")...)
		equal(t, "status", a.status, 200)
		seen[str(a.at("id"))] = true
	}
	equal(t, "customers", len(seen), 3)
}

func TestKeysHaveNoEffectOnGetAndDelete(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	id := str(b.send("POST", "/v1/customers", "").at("id"))
	del := func() answer { return b.send("DELETE", "/v1/customers/"+id, "", "Idempotency-Key", "k") }
	a := del()
	equal(t, "deleted", a.at("deleted"), any(true))
	equal(t, "echo", a.header.Get("Idempotency-Key"), "k")
	equal(t, "again", del().status, 404)
	equal(t, "get", b.send("GET", "/v1/customers", "", "Idempotency-Key", "k").header.Get("Idempotent-Replayed"), "")
}
