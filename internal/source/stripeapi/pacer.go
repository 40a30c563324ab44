package stripeapi

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Stripe's limits in requests a second (docs.stripe.com/rate-limits), and the
// share of them that we take: the app lives in the same budget.
const (
	liveAccountLimit    = 100
	sandboxAccountLimit = 25
	endpointLimit       = 25
	searchLimit         = 20
	politeness          = 0.6
)

// How the pace gives way. A second after a slow-down, the answers that were
// already on their way do not count again. The way back takes about 10 s from
// half to full.
const (
	slowFactor   = 0.5
	slowestShare = 1.0 / 32
	settle       = time.Second
	recoverShare = 0.05 // of the full rate, per second
)

// pacer holds requests back so that Stripe does not have to: one token bucket
// for the account and one for each endpoint. What Stripe's own limiter says
// slows it down further for a while.
//
// There are two classes. Somebody waits for an interactive request: it takes the next
// token, ahead of time if need be. Bulk reading takes only what is there and nobody
// asked for, so that it never holds a purchase up by more than one token. Among several
// processes, a part is kept for the one that reads in bulk: see Reader.Share.
type pacer struct {
	now      func() time.Time
	sleep    func(context.Context, time.Duration) error
	account  *lane
	endpoint float64

	mu    sync.Mutex
	share parts              // guarded by mu: of the pace that this process may take
	lanes map[endpoint]*lane // guarded by mu
}

func newPacer(account, endpoints float64, now func() time.Time, sleep func(context.Context, time.Duration) error) *pacer {
	return &pacer{now: now, sleep: sleep, account: newLane(account), endpoint: endpoints, share: parts{of: 1}, lanes: map[endpoint]*lane{}}
}

func (p *pacer) lane(e endpoint) *lane {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.lanes[e]
	if l == nil {
		full := p.endpoint
		if e.search {
			full *= float64(searchLimit) / endpointLimit
		}
		l = newLane(full)
		l.scale(p.now(), p.share)
		p.lanes[e] = l
	}
	return l
}

// wait returns when a request to the endpoint may be sent. The endpoint's
// bucket comes first: who waits for it must not hold a token of the account.
func (p *pacer) wait(ctx context.Context, e endpoint) error {
	if err := p.token(ctx, e); err != nil {
		return err
	}
	// Only now: waiting may have taken longer than the right to ask lasts.
	return backgroundOf(ctx).may(ctx)
}

func (p *pacer) token(ctx context.Context, e endpoint) error {
	for _, l := range []*lane{p.lane(e), p.account} {
		if isBulk(ctx) {
			if err := l.spare(ctx, p); err != nil {
				return err
			}
			continue
		}
		now := p.now()
		token := l.limiter.ReserveN(now, 1)
		delay := token.DelayFrom(now)
		if delay <= 0 {
			continue
		}
		if err := p.sleep(ctx, delay); err != nil {
			token.CancelAt(p.now())
			return err
		}
	}
	return nil
}

// answered takes notice of an answer; reason is Stripe-Rate-Limited-Reason of a
// 429, empty for everything else. It reports whether the pace slowed down.
func (p *pacer) answered(e endpoint, reason string) bool {
	now := p.now()
	switch reason {
	case "":
		p.lane(e).recover(now)
		p.account.recover(now)
		return false
	case "global-rate", "global-concurrency":
		return p.account.slow(now)
	case "endpoint-rate", "endpoint-concurrency":
		return p.lane(e).slow(now)
	case "resource-specific":
		return false // one object's limit says nothing about the pace
	}
	// A reason that is new to us: all we know is that we are too fast.
	account, one := p.account.slow(now), p.lane(e).slow(now)
	return account || one
}

// lane is one token bucket and its present rate.
type lane struct {
	whole   float64 // requests a second, of all processes
	limiter *rate.Limiter
	bulk    *rate.Limiter // where a part is kept for bulk reading

	turn chan struct{} // held by the bulk request that waits for the next spare token

	mu      sync.Mutex
	full    float64       // guarded by mu: requests a second, of this process
	kept    float64       // guarded by mu: the same that is kept for bulk reading; 0: it takes what is left
	changed time.Time     // guarded by mu: when the rate was last changed
	latency time.Duration // guarded by mu: how long answers take, of late; 0: none came
}

func newLane(full float64) *lane {
	// A fifth of a second in one go evens out late wake-ups without being a
	// burst that Stripe would notice.
	return &lane{whole: full, full: full, limiter: rate.NewLimiter(rate.Limit(full), burst(full)), bulk: rate.NewLimiter(0, 1), turn: make(chan struct{}, 1)}
}

func burst(full float64) int { return max(1, int(full/5)) }

// parts are the parts of an account's pace that a process may take.
type parts struct {
	of   float64 // for everything
	bulk float64 // beside it, for bulk reading alone
}

// slowest is what a process may always send, in requests a second: who cannot know how
// many others there are does not stand still.
const slowest = 1.0

// scale gives the process its parts. A pace that had slowed down stays as much slower than
// it might be.
func (l *lane) scale(now time.Time, share parts) {
	l.mu.Lock()
	defer l.mu.Unlock()
	full := max(l.whole*share.of, min(slowest, l.whole))
	present := float64(l.limiter.Limit()) / l.full
	l.full, l.kept = full, l.whole*share.bulk
	l.limiter.SetBurstAt(now, burst(full))
	l.bulk.SetBurstAt(now, burst(l.kept))
	l.set(now, full*present)
}

// set sets the present rate, and that of bulk reading with it.
func (l *lane) set(now time.Time, present float64) {
	l.limiter.SetLimitAt(now, rate.Limit(present))
	l.bulk.SetLimitAt(now, rate.Limit(l.kept*present/l.full))
}

// forBulk is where bulk reading takes its tokens.
func (l *lane) forBulk() *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept > 0 {
		return l.bulk
	}
	return l.limiter
}

// spare waits for a token that nobody asked for, and takes it. Bulk requests wait in a
// line: one looks, the others wait for it.
func (l *lane) spare(ctx context.Context, p *pacer) error {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for {
		now := p.now()
		limiter := l.forBulk()
		if limiter.AllowN(now, 1) {
			return nil
		}
		missing := (1 - limiter.TokensAt(now)) / float64(limiter.Limit())
		if err := p.sleep(ctx, time.Duration(math.Ceil(missing*float64(time.Second)))); err != nil {
			return err
		}
	}
}

// took notes how long an answer took. One in eight is enough to follow a change.
func (l *lane) took(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.latency == 0 {
		l.latency = d
	}
	l.latency += (d - l.latency) / 8
}

// pace returns the present rate in requests a second, and how long answers take.
func (l *lane) pace() (perSecond float64, latency time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept > 0 { // who asks reads in bulk
		return float64(l.bulk.Limit()), l.latency
	}
	return float64(l.limiter.Limit()), l.latency
}

func (l *lane) slow(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.changed.IsZero() && now.Sub(l.changed) < settle {
		return false
	}
	l.changed = now
	l.set(now, max(float64(l.limiter.Limit())*slowFactor, l.full*slowestShare))
	return true
}

func (l *lane) recover(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	present := float64(l.limiter.Limit())
	passed := now.Sub(l.changed)
	if present >= l.full || passed < settle {
		return
	}
	l.changed = now
	l.set(now, min(l.full, present+l.full*recoverShare*passed.Seconds()))
}
