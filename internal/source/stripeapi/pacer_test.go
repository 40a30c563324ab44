package stripeapi

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"time"
)

// pacerClock is a clock that waiting moves.
type pacerClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *pacerClock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *pacerClock) Sleep(_ context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return nil
}

var (
	customers = endpoint{collection: "/v1/customers"}
	sessions  = endpoint{collection: "/v1/checkout/sessions"}
	searching = endpoint{collection: "/v1/customers", search: true}
)

func testPacer(account, endpoints float64) (*pacer, *pacerClock) {
	c := &pacerClock{now: time.Unix(1700000000, 0)}
	return newPacer(account, endpoints, c.Now, c.Sleep), c
}

// rateOf sends n requests, turn by turn to the endpoints, and returns how many
// a second went out.
func rateOf(t *testing.T, p *pacer, c *pacerClock, n int, turns ...endpoint) float64 {
	t.Helper()
	start := c.Now()
	for i := range n {
		if err := p.wait(t.Context(), turns[i%len(turns)]); err != nil {
			t.Fatal(err)
		}
	}
	return float64(n) / c.Now().Sub(start).Seconds()
}

func near(got, want float64) bool { return math.Abs(got-want) <= want*0.02 }

func TestPacerKeepsBothRates(t *testing.T) {
	t.Parallel()
	p, c := testPacer(60, 15)
	if got := rateOf(t, p, c, 1500, customers); !near(got, 15) {
		t.Errorf("one endpoint: %.2f/s", got)
	}
	p, c = testPacer(60, 15)
	if got := rateOf(t, p, c, 3000, customers, sessions); !near(got, 30) {
		t.Errorf("two endpoints: %.2f/s", got)
	}
	p, c = testPacer(20, 15)
	if got := rateOf(t, p, c, 2000, customers, sessions); !near(got, 20) {
		t.Errorf("two endpoints of a slow account: %.2f/s", got)
	}
	p, c = testPacer(60, 15)
	if got := rateOf(t, p, c, 1200, searching); !near(got, 12) {
		t.Errorf("search: %.2f/s", got) // 20 in 25 of an endpoint's
	}
}

func TestPacerSlowsDownAndRecovers(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]struct{ account, one float64 }{
		"global-rate":          {50, 20},
		"global-concurrency":   {50, 20},
		"endpoint-rate":        {100, 10},
		"endpoint-concurrency": {100, 10},
		"resource-specific":    {100, 20},
		"something-new":        {50, 10},
	} {
		p, c := testPacer(100, 20)
		for range 10 { // answers that were on their way together count once
			p.answered(customers, reason)
		}
		account, one := float64(p.account.limiter.Limit()), float64(p.lane(customers).limiter.Limit())
		if account != want.account || one != want.one {
			t.Errorf("%s: the account goes at %v, the endpoint at %v", reason, account, one)
		}
		if other := float64(p.lane(sessions).limiter.Limit()); other != 20 {
			t.Errorf("%s: another endpoint goes at %v", reason, other)
		}
		p.answered(customers, "")
		if got := float64(p.account.limiter.Limit()); got != want.account {
			t.Errorf("%s: recovered at once to %v", reason, got)
		}
		for i := range 11 {
			if i == 5 && p.account.limiter.Limit() == 100 && want.account < 100 {
				t.Errorf("%s: recovered within 5 s", reason)
			}
			c.Sleep(t.Context(), time.Second)
			p.answered(customers, "")
		}
		account, one = float64(p.account.limiter.Limit()), float64(p.lane(customers).limiter.Limit())
		if account != 100 || one != 20 {
			t.Errorf("%s: after 11 s of success the account goes at %v, the endpoint at %v", reason, account, one)
		}
	}
}

func TestPacerNeverStops(t *testing.T) {
	t.Parallel()
	p, c := testPacer(64, 64)
	for range 100 {
		p.answered(customers, "global-rate")
		c.Sleep(t.Context(), time.Second)
	}
	if got := float64(p.account.limiter.Limit()); got != 2 {
		t.Errorf("slowed down to %v/s, want a 32nd of 64", got)
	}
}

func TestPacerGivesTokensBack(t *testing.T) {
	t.Parallel()
	c := &pacerClock{now: time.Unix(1700000000, 0)}
	gone := errors.New("gone")
	p := newPacer(1, 1, c.Now, func(context.Context, time.Duration) error { return gone })
	if err := p.wait(t.Context(), customers); err != nil {
		t.Fatal(err)
	}
	for range 100 { // none of them is sent
		if err := p.wait(t.Context(), customers); !errors.Is(err, gone) {
			t.Fatalf("got %v", err)
		}
	}
	p.sleep = c.Sleep
	if got := rateOf(t, p, c, 10, customers); !near(got, 1) {
		t.Errorf("after those who gave up: %.2f/s", got)
	}
}

func TestDefaultPace(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]float64{"sk_live_1": 60, "rk_live_1": 60, "sk_test_1": 15, "rk_test_1": 15, "anything": 15} {
		r, err := New(Options{Key: key})
		if err != nil {
			t.Fatal(err)
		}
		if r.pacer.account.full != want || r.pacer.lane(customers).full != 15 {
			t.Errorf("%s: the account goes at %v, an endpoint at %v", key, r.pacer.account.full, r.pacer.lane(customers).full)
		}
	}
}
