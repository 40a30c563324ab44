package stripesim_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v86"
	"pgregory.net/rapid"

	"rightful/stripesim"
)

// passed sends the request until it is refused, at most 200 times, and returns
// how many passed and the refusal.
func passed(b *bench, method, path string, headers ...string) (int, answer) {
	b.Helper()
	for n := range 200 {
		if a := b.send(method, path, "", headers...); a.status == http.StatusTooManyRequests {
			return n, a
		}
	}
	b.Fatalf("%s %s is never refused", method, path)
	return 0, answer{}
}

func TestLimitsAreOffByDefault(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	for range 150 {
		equal(t, "status", b.send("GET", "/v1/customers", "").status, 200)
	}
}

func TestStripesRates(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{Limits: stripesim.StripeLimits()})
	live := []string{"Authorization", "Bearer sk_live_0123456789abcd"}

	// Live: 25 for one endpoint whatever the id, then others until 100.
	n := 0
	for _, id := range []string{"cus_a", "cus_b"} {
		more, a := passed(b, "GET", "/v1/customers/"+id, live...)
		n += more
		a.wantError(t, 429, "rate_limit", "", "rate limit")
		equal(t, "type", a.at("error", "type"), any("invalid_request_error"))
		equal(t, "reason", a.header.Get("Stripe-Rate-Limited-Reason"), "endpoint-rate")
		equal(t, "retry after", a.header.Get("Retry-After"), "")
		if a.header.Get("Request-Id") == "" {
			t.Error("a rate limit has a request id")
		}
	}
	equal(t, "one endpoint", n, 25)
	for _, path := range []string{"/v1/customers", "/v1/subscriptions", "/v1/payment_intents"} {
		more, a := passed(b, "GET", path, live...)
		n += more
		equal(t, "reason at "+path, a.header.Get("Stripe-Rate-Limited-Reason"), map[bool]string{true: "global-rate", false: "endpoint-rate"}[n == 100])
	}
	equal(t, "the account", n, 100)

	// The sandbox has a budget of its own.
	n, a := passed(b, "GET", "/v1/customers")
	equal(t, "sandbox", n, 25)
	equal(t, "sandbox reason", a.header.Get("Stripe-Rate-Limited-Reason"), "global-rate")

	// The clock, and nothing else, brings the budget back.
	b.clock.tick(time.Second)
	n, a = passed(b, "GET", "/v1/customers/search?query=email:null", live...)
	equal(t, "searches", n, 20)
	equal(t, "search reason", a.header.Get("Stripe-Rate-Limited-Reason"), "endpoint-rate")
	more, _ := passed(b, "GET", "/v1/subscriptions/search?query=status:'active'", live...)
	equal(t, "searches of all resources together", more, 0)
	b.clock.tick(-time.Hour)
	equal(t, "a clock set back", b.send("GET", "/v1/customers/search?query=email:null", "", live...).status, 429)
	equal(t, "counted", b.sim.Counts().Limited["endpoint-rate"] > 0 && b.sim.Counts().Limited["global-rate"] > 0, true)
	equal(t, "counted as status", b.sim.Counts().Statuses[429] > 0, true)
}

func TestLimitsOfAccountsAndEndpoints(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{Account: "acct_1", Limits: stripesim.Limits{Endpoint: 3, Endpoints: map[string]int{"customers.list": 5}}})
	if err := b.sim.AddAccount("acct_2"); err != nil {
		t.Fatal(err)
	}
	n, _ := passed(b, "GET", "/v1/customers")
	equal(t, "own limit", n, 5)
	n, _ = passed(b, "GET", "/v1/subscriptions")
	equal(t, "limit of the others", n, 3)
	n, _ = passed(b, "GET", "/v1/subscriptions", "Stripe-Account", "acct_2")
	equal(t, "another account", n, 3)
}

func TestLimitedRequestsLeaveNoTrace(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{Limits: stripesim.Limits{Sandbox: 1}})
	b.send("POST", "/v1/customers", "name=first", "Idempotency-Key", "k0")
	b.send("POST", "/v1/customers", "name=a", "Idempotency-Key", "k").wantError(t, 429, "rate_limit", "", "")
	b.clock.tick(time.Second)
	a := b.send("POST", "/v1/customers", "name=b", "Idempotency-Key", "k") // other parameters: the key was not used
	equal(t, "status", a.status, 200)
	equal(t, "replayed", a.header.Get("Idempotent-Replayed"), "")

	// stripe-go gives a rate limit to the caller at once.
	_, err := b.V1Customers.Create(context.Background(), &stripe.CustomerCreateParams{})
	stripeError(t, err, 429, stripe.ErrorCodeRateLimit)
}

func TestConcurrencyLimits(t *testing.T) {
	t.Parallel()
	for reason, limits := range map[string]stripesim.Limits{
		"global-concurrency":   {Concurrency: 1},
		"endpoint-concurrency": {EndpointConcurrency: 1},
	} {
		entered, release := make(chan bool), make(chan bool)
		b := start(t, stripesim.Options{Limits: limits, Latency: stripesim.FixedLatency(time.Second),
			Sleep: func(context.Context, time.Duration) { entered <- true; <-release }})
		done := make(chan answer)
		go func() {
			a, err := try(b.url, "GET", "/v1/customers", "")
			if err != nil {
				t.Error(err)
			}
			done <- a
		}()
		<-entered
		refused := make(chan answer)
		go func() {
			a, _ := try(b.url, "GET", "/v1/customers?limit=1", "")
			refused <- a
		}()
		<-entered // refusals take their time too
		release <- true
		release <- true
		answers := []answer{<-done, <-refused}
		answers[1].wantError(t, 429, "rate_limit", "", "concurrency")
		equal(t, "reason", answers[1].header.Get("Stripe-Rate-Limited-Reason"), reason)
		equal(t, "the first one", answers[0].status, 200)
		go func() { <-entered; release <- true }()
		equal(t, "afterwards", b.send("GET", "/v1/customers", "").status, 200)
	}
}

func TestLockTimeout(t *testing.T) {
	t.Parallel()
	entered, release := make(chan bool), make(chan bool)
	var hold atomic.Bool // the next write
	b := start(t, stripesim.Options{LockTimeout: 3 * time.Second, Latency: stripesim.FixedLatency(time.Second),
		Sleep: func(_ context.Context, d time.Duration) {
			if d == time.Second && hold.CompareAndSwap(true, false) {
				entered <- true
				<-release
			}
			// Waiting for a lock is over at once.
		}})
	id := str(b.send("POST", "/v1/customers", "name=a").at("id"))
	hold.Store(true)
	done := make(chan answer)
	go func() {
		a, err := try(b.url, "POST", "/v1/customers/"+id, "name=b", "Idempotency-Key", "k1")
		if err != nil {
			t.Error(err)
		}
		done <- a
	}()
	<-entered
	a := b.send("POST", "/v1/customers/"+id, "name=c", "Idempotency-Key", "k2")
	a.wantError(t, 429, "lock_timeout", "", "another API request")
	equal(t, "reason", a.header.Get("Stripe-Rate-Limited-Reason"), "")
	equal(t, "request id", a.header.Get("Request-Id"), "")
	equal(t, "log", a.at("error", "request_log_url"), nil)
	equal(t, "reads do not wait", b.send("GET", "/v1/customers/"+id, "").status, 200)
	equal(t, "creations do not wait", b.send("POST", "/v1/customers", "").status, 200)
	release <- true
	equal(t, "the first write", (<-done).at("name"), any("b"))
	equal(t, "afterwards, with the same key", b.send("POST", "/v1/customers/"+id, "name=d", "Idempotency-Key", "k2").at("name"), any("d"))
	equal(t, "counted", b.sim.Counts().Limited[""], 1)
}

// A write that waits shorter than the timeout gets its turn.
func TestLockIsHandedOn(t *testing.T) {
	t.Parallel()
	entered, waiting, release := make(chan bool), make(chan bool), make(chan bool)
	b := start(t, stripesim.Options{LockTimeout: 3 * time.Second, Latency: stripesim.FixedLatency(time.Second),
		Sleep: func(ctx context.Context, d time.Duration) {
			if d == 3*time.Second {
				waiting <- true
				<-ctx.Done()
				return
			}
			entered <- true
			<-release
		}})
	step := func() { <-entered; release <- true }
	go step()
	id := str(b.send("POST", "/v1/customers", "").at("id"))
	done := make(chan answer, 2)
	write := func(form string) {
		a, err := try(b.url, "POST", "/v1/customers/"+id, form)
		if err != nil {
			t.Error(err)
		}
		done <- a
	}
	go write("name=b")
	<-entered
	go write("phone=c")
	<-waiting
	release <- true
	step()
	equal(t, "first", (<-done).status, 200)
	equal(t, "second", (<-done).status, 200)
	go step()
	c := b.send("GET", "/v1/customers/"+id, "")
	equal(t, "both", str(c.at("name"))+str(c.at("phone")), "bc")
}

func TestLatency(t *testing.T) {
	t.Parallel()
	draw := func(l stripesim.Latency, seed uint64) []time.Duration {
		var all []time.Duration
		sim := stripesim.New(stripesim.Options{Seed: seed, Latency: l, Sleep: func(_ context.Context, d time.Duration) { all = append(all, d) }})
		for range 400 {
			r := httptest.NewRequest("GET", "/v1/nothing", nil)
			sim.ServeHTTP(httptest.NewRecorder(), r)
		}
		return all
	}
	for _, d := range draw(stripesim.FixedLatency(80*time.Millisecond), 1) {
		equal(t, "fixed", d, 80*time.Millisecond)
	}
	for _, d := range draw(stripesim.UniformLatency(10*time.Millisecond, 20*time.Millisecond), 1) {
		if d < 10*time.Millisecond || d >= 20*time.Millisecond {
			t.Errorf("uniform: %s", d)
		}
	}
	first, again, other := draw(stripesim.LognormalLatency(80*time.Millisecond, 200*time.Millisecond), 1),
		draw(stripesim.LognormalLatency(80*time.Millisecond, 200*time.Millisecond), 1), draw(stripesim.LognormalLatency(80*time.Millisecond, 200*time.Millisecond), 2)
	below, above, same := 0, 0, 0
	for i, d := range first {
		equal(t, "the same seed", d, again[i])
		if d == other[i] {
			same++
		}
		if d < 80*time.Millisecond {
			below++
		}
		if d > 200*time.Millisecond {
			above++
		}
	}
	if below < 160 || below > 240 || above < 8 || above > 36 || same > 5 {
		t.Errorf("of 400, %d below the median, %d above p95, %d as with another seed", below, above, same)
	}
	equal(t, "none", len(draw(stripesim.Latency{}, 1)), 0)
}

func TestParseLatency(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"80ms", "50ms-120ms", "80ms,200ms", "0s"} {
		l, err := stripesim.ParseLatency(text)
		if err != nil || l.String() != text {
			t.Errorf("%s: %v, %v", text, l, err)
		}
	}
	for _, text := range []string{"", "80", "-5ms", "80ms,", "200ms,80ms", "200ms-80ms", "0s,1s", "x,1s"} {
		if l, err := stripesim.ParseLatency(text); err == nil {
			t.Errorf("%q is read as %s", text, l)
		}
	}
}

// A client that keeps exactly to the rate is never refused, however the clock's
// steps fall; one that does not gets no more than the rate and one burst.
func TestRateProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		rate := rapid.IntRange(1, 40).Draw(rt, "rate")
		now := time.Unix(1_760_000_000, 0)
		sim := stripesim.New(stripesim.Options{Limits: stripesim.Limits{Sandbox: rate}, Now: func() time.Time { return now }})
		ask := func() bool {
			r := httptest.NewRequest("GET", "/v1/balance", nil)
			r.Header.Set("Authorization", "Bearer "+testKey)
			w := httptest.NewRecorder()
			sim.ServeHTTP(w, r)
			return w.Code == 200
		}
		begin, passed := now, 0
		for range rapid.IntRange(1, 120).Draw(rt, "requests") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(50*time.Millisecond)).Draw(rt, "pause")))
			if ask() {
				passed++
			}
		}
		if most := rate + int(now.Sub(begin).Seconds()*float64(rate)); passed > most {
			rt.Fatalf("%d passed in %v at %d a second", passed, now.Sub(begin), rate)
		}
		for ask() { // drain
		}
		step := (time.Second + time.Duration(rate) - 1) / time.Duration(rate)
		for range 100 {
			now = now.Add(step)
			if !ask() {
				rt.Fatalf("refused at exactly %d a second", rate)
			}
		}
	})
}
