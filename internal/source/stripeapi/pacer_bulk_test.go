package stripeapi

import (
	"context"
	"sync"
	"testing"
	"time"
)

// crowdClock is a clock that moves to the next moment somebody waits for when told to.
type crowdClock struct {
	mu      sync.Mutex
	now     time.Time
	waiting map[chan struct{}]time.Time
	changed chan struct{} // one for each who begins to wait
}

func newCrowdClock() *crowdClock {
	return &crowdClock{now: time.Unix(1700000000, 0), waiting: map[chan struct{}]time.Time{}, changed: make(chan struct{}, 1000)}
}

func (c *crowdClock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *crowdClock) Sleep(ctx context.Context, d time.Duration) error {
	woken := make(chan struct{})
	c.mu.Lock()
	c.waiting[woken] = c.now.Add(d)
	c.mu.Unlock()
	c.changed <- struct{}{}
	select {
	case <-woken:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// tick moves to the first moment that somebody waits for, and wakes one.
func (c *crowdClock) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	var first chan struct{}
	for woken, at := range c.waiting {
		if first == nil || at.Before(c.waiting[first]) {
			first = woken
		}
	}
	if at := c.waiting[first]; at.After(c.now) {
		c.now = at
	}
	delete(c.waiting, first)
	close(first)
}

// TestInteractiveComesFirst has ten bulk requests in line before one that somebody waits
// for, on the endpoint's pace and on the account's.
func TestInteractiveComesFirst(t *testing.T) {
	t.Parallel()
	for name, rates := range map[string][2]float64{"endpoint": {1000, 1}, "account": {1, 1000}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCrowdClock()
			p := newPacer(rates[0], rates[1], c.Now, c.Sleep)
			if err := p.wait(t.Context(), customers); err != nil { // the token that is there
				t.Fatal(err)
			}
			sent := make(chan string, 20)
			ask := func(ctx context.Context, who string) {
				go func() {
					if p.wait(ctx, customers) == nil {
						sent <- who
					}
				}()
			}
			for range 10 {
				ask(inBulk(t.Context()), "bulk")
			}
			<-c.changed // the first of the line waits for the next token
			ask(t.Context(), "somebody")
			<-c.changed
			c.tick() // either may be woken first, and only one of them finds a token
			select {
			case who := <-sent:
				if who != "somebody" {
					t.Fatalf("%s came first", who)
				}
			case <-c.changed: // it was the line, which found the token taken
				c.tick()
				if who := <-sent; who != "somebody" {
					t.Fatalf("%s came first", who)
				}
			}
		})
	}
}

// TestBulkKeepsThePace reads with many at a time, and as fast as one alone.
func TestBulkKeepsThePace(t *testing.T) {
	t.Parallel()
	p, c := testPacer(60, 15)
	start := c.Now()
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			for range 60 {
				if err := p.wait(inBulk(t.Context()), customers); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := 600 / c.Now().Sub(start).Seconds(); !near(got, 15) {
		t.Errorf("%.2f/s", got)
	}
}

func TestBulkGivesUp(t *testing.T) {
	t.Parallel()
	c := newCrowdClock()
	p := newPacer(1, 1, c.Now, c.Sleep)
	if err := p.wait(t.Context(), customers); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(inBulk(t.Context()))
	ended := make(chan error)
	for range 2 { // one looks, the other is in line
		go func() { ended <- p.wait(ctx, customers) }()
	}
	<-c.changed
	stop()
	for range 2 {
		if err := <-ended; err == nil {
			t.Error("went on")
		}
	}
}
