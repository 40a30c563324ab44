package stripeapi

import (
	"context"
	"net/http"
	"time"
)

// retryPolicy decides whether and when a request is sent again. It is the only
// retrier: stripe-go's own is off, so that attempts do not multiply.
type retryPolicy struct {
	attempts int           // in all, the first one included
	limited  int           // the same when Stripe limits the rate: waiting is then the cure
	total    time.Duration // from the first attempt; no new one starts after it
	base     time.Duration // of the first wait, doubled each time
	longest  time.Duration // wait
	now      func() time.Time
	sleep    func(context.Context, time.Duration) error
	rand     func() float64
}

func defaultRetry(now func() time.Time, sleep func(context.Context, time.Duration) error, rand func() float64) retryPolicy {
	return retryPolicy{
		attempts: 5,
		limited:  12,
		total:    2 * time.Minute,
		base:     500 * time.Millisecond,
		longest:  16 * time.Second,
		now:      now,
		sleep:    sleep,
		rand:     rand,
	}
}

// again waits before the next attempt, after attempt number n (from 1) failed.
// It returns false when there is to be none.
func (p retryPolicy) again(ctx context.Context, f *failure, n int, started time.Time) bool {
	return f.retryable() && p.pause(ctx, f, n, started)
}

// pause is again for a failure that is worth another attempt.
func (p retryPolicy) pause(ctx context.Context, f *failure, n int, started time.Time) bool {
	if ctx.Err() != nil {
		return false
	}
	most := p.attempts
	if f.rateLimited() {
		most = p.limited
	}
	if n >= most {
		return false
	}
	// Full jitter: callers that failed together do not come back together.
	wait := time.Duration(p.rand() * float64(min(p.longest, p.base<<(n-1))))
	if p.now().Sub(started)+wait > p.total {
		return false
	}
	return p.sleep(ctx, wait) == nil
}

// rateLimited reports a 429 of Stripe's limiters. Without the header a 429 is a
// lock on the object (docs.stripe.com/rate-limits).
func (f *failure) rateLimited() bool {
	return f.status == http.StatusTooManyRequests && f.reason != ""
}

// retryable reports whether the same read may do better later. Repeating one is
// always safe; the question is whether it helps.
func (f *failure) retryable() bool {
	switch {
	case f.rateLimited():
		// Stripe-Should-Retry is about repeating at once. We slow down first.
		return true
	case f.shouldRetry == "true":
		return true
	case f.shouldRetry == "false":
		return false
	case f.transport:
		return !f.permanent
	case f.cut:
		return true
	}
	return f.status == http.StatusTooManyRequests || f.status == http.StatusConflict ||
		f.status >= http.StatusInternalServerError
}
