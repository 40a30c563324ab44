package stripeapi

import (
	"context"
	"errors"
	"testing"
)

// paceOf returns how fast n requests go, one after the other.
func paceOf(t *testing.T, ctx context.Context, p *pacer, n int) float64 {
	t.Helper()
	start := p.now()
	for range n {
		if err := p.wait(ctx, customers); err != nil {
			t.Fatal(err)
		}
	}
	return float64(n) / p.now().Sub(start).Seconds()
}

// TestShare: among several processes each has its part, and what is kept for bulk reading
// is taken by nobody else.
func TestShare(t *testing.T) {
	t.Parallel()
	p, _ := testPacer(60, 60)
	r := &Reader{pacer: p}
	p.lane(customers) // one that was there before, and those that come
	r.Share(0.5/3, 0.5)
	paceOf(t, t.Context(), p, 20) // what is left of the burst
	if got := paceOf(t, t.Context(), p, 100); !near(got, 10) {
		t.Errorf("somebody waits: %.2f/s", got)
	}
	paceOf(t, inBulk(t.Context()), p, 20)
	if got := paceOf(t, inBulk(t.Context()), p, 300); !near(got, 30) {
		t.Errorf("bulk: %.2f/s", got)
	}
	p.answered(customers, "endpoint-rate")
	r.Share(0.5/2, 0.5) // what had slowed down stays slower
	paceOf(t, t.Context(), p, 20)
	if got := float64(p.lane(customers).limiter.Limit()); got != 7.5 {
		t.Errorf("the endpoint goes at %v", got)
	}
	if got := float64(p.lane(customers).bulk.Limit()); got != 15 {
		t.Errorf("the endpoint goes in bulk at %v", got)
	}
	r.Share(0, 0)
	if got := float64(p.account.limiter.Limit()); got != slowest {
		t.Errorf("cut off, the account goes at %v", got)
	}
	r.Share(1, 0)
	if got := float64(p.account.limiter.Limit()); got != 60 {
		t.Errorf("alone, the account goes at %v", got)
	}
	if p.lane(customers).forBulk() != p.lane(customers).limiter {
		t.Error("alone, bulk reading does not take what is left")
	}
}

// TestInBackground: the right to ask is looked at after waiting, before each request.
func TestInBackground(t *testing.T) {
	t.Parallel()
	p, c := testPacer(1, 1)
	lost := errors.New("lost")
	until := c.Now().Add(3500e6)
	ctx, spent := InBackground(t.Context(), func(context.Context) error {
		if c.Now().Before(until) {
			return nil
		}
		return lost
	})
	sent := 0
	for range 10 {
		err := p.wait(ctx, customers)
		if err != nil && !errors.Is(err, lost) {
			t.Fatal(err)
		}
		if err == nil {
			sent++
			backgroundOf(ctx).sent()
		}
	}
	if sent != 4 || spent.GETs() != 4 {
		t.Errorf("%d were sent in 3.5 s, and %d counted", sent, spent.GETs())
	}
	if err := p.wait(t.Context(), customers); err != nil {
		t.Errorf("whom somebody waits for: %v", err)
	}
}
