package stripesim

import (
	"net/http"
	"sync"
	"time"
)

const reasonHeader = "Stripe-Rate-Limited-Reason"

// The reasons that Stripe gives for a 429 in the header
// Stripe-Rate-Limited-Reason (Stripe docs: rate-limits).
const (
	ReasonGlobalRate          = "global-rate"
	ReasonEndpointRate        = "endpoint-rate"
	ReasonGlobalConcurrency   = "global-concurrency"
	ReasonEndpointConcurrency = "endpoint-concurrency"
)

// Limits are what one account may ask in one mode. Zero means no limit. Rates
// are token buckets that hold one second's worth: after a quiet second a burst
// of Live requests passes at once, and then one more every 1/Live seconds.
// Requests that are refused cost nothing. Time is the server's clock.
type Limits struct {
	// Live and Sandbox are requests per second, all endpoints together.
	Live, Sandbox int
	// Endpoint is requests per second of one endpoint: one operation, whatever
	// the id in its path.
	Endpoint int
	// Endpoints are the limits of single endpoints where they differ, by the
	// name of the operation, for example "customers.list".
	Endpoints map[string]int
	// Search is requests per second of all searches together; they do not
	// count for Endpoint.
	Search int
	// Concurrency is how many requests may be in flight; EndpointConcurrency
	// is the same for one endpoint.
	Concurrency, EndpointConcurrency int
}

// StripeLimits returns the limits that Stripe's documentation names: 100
// requests per second live and 25 in a sandbox, 25 per endpoint, 20 searches.
// Stripe does not publish its concurrency limit, so none is set.
func StripeLimits() Limits { return Limits{Live: 100, Sandbox: 25, Endpoint: 25, Search: 20} }

// limiter counts the requests of every account and mode.
type limiter struct {
	limits Limits
	mu     sync.Mutex
	scopes map[limitScope]*limitState
}

// limitScope is what a limit is counted for: an account in a mode, and one
// endpoint of it or "" for all.
type limitScope struct {
	account  string
	livemode bool
	endpoint string
}

// limitState is a token bucket and a gauge. Tokens are counted in billionths,
// in whole numbers: a client that keeps exactly to the rate is never refused
// for a rounding error.
type limitState struct {
	tokens   int64
	at       time.Time // of the last refill; zero: full
	inFlight int
}

const oneToken = int64(time.Second)

// enter admits a request or says why not. The caller must call leave when the
// request is over.
func (l *limiter) enter(account string, livemode bool, op *operation, now time.Time) (leave func(), err *apiError) {
	all := limitScope{account: account, livemode: livemode}
	one := all
	rate, endpointRate := l.limits.Sandbox, 0
	if livemode {
		rate = l.limits.Live
	}
	if op != nil {
		one.endpoint = op.name
		endpointRate = l.limits.Endpoint
		if op.searches {
			one.endpoint = "search"
			endpointRate = l.limits.Search
		}
		if own, ok := l.limits.Endpoints[op.name]; ok {
			one.endpoint, endpointRate = op.name, own
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	a, o := l.state(all), l.state(one)
	a.refill(rate, now)
	if o != a {
		o.refill(endpointRate, now)
	}
	switch {
	case l.limits.Concurrency > 0 && a.inFlight >= l.limits.Concurrency:
		return nil, rateLimited(ReasonGlobalConcurrency)
	case op != nil && l.limits.EndpointConcurrency > 0 && o.inFlight >= l.limits.EndpointConcurrency:
		return nil, rateLimited(ReasonEndpointConcurrency)
	case rate > 0 && a.tokens < oneToken:
		return nil, rateLimited(ReasonGlobalRate)
	case endpointRate > 0 && o.tokens < oneToken:
		return nil, rateLimited(ReasonEndpointRate)
	}
	for _, s := range l.both(a, o) {
		s.tokens -= oneToken
		s.inFlight++
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, s := range l.both(a, o) {
			s.inFlight--
		}
	}, nil
}

// both are the two states, once each.
func (l *limiter) both(a, o *limitState) []*limitState {
	if a == o {
		return []*limitState{a}
	}
	return []*limitState{a, o}
}

func (l *limiter) state(scope limitScope) *limitState {
	s := l.scopes[scope]
	if s == nil {
		if l.scopes == nil {
			l.scopes = map[limitScope]*limitState{}
		}
		s = &limitState{}
		l.scopes[scope] = s
	}
	return s
}

// refill adds what the time since the last request is worth. A clock that was
// set back adds nothing.
func (s *limitState) refill(rate int, now time.Time) {
	elapsed := min(max(now.Sub(s.at), 0), time.Second)
	if s.at.IsZero() {
		elapsed = time.Second
	}
	s.tokens = min(int64(rate)*oneToken, max(s.tokens, 0)+int64(elapsed)*int64(rate))
	s.at = now
}

func (l *limiter) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.scopes = nil
}

// enter passes a request through the limits of its account.
func (x *exchange) enter(op *operation, a *account, livemode bool) *apiError {
	leave, err := x.server.limiter.enter(a.id, livemode, op, x.server.now())
	if err == nil {
		x.leave = leave
	}
	return err
}

// rateLimited is Stripe's 429. Nothing was executed, so no idempotent result is
// kept. The reasons of concurrency have the same code and another text.
func rateLimited(reason string) *apiError {
	message := "Request rate limit exceeded. Learn more about rate limits at https://stripe.com/docs/rate-limits."
	if reason == ReasonGlobalConcurrency || reason == ReasonEndpointConcurrency {
		message = "Request concurrency limit exceeded. Learn more about rate limits at https://stripe.com/docs/rate-limits."
	}
	return &apiError{status: http.StatusTooManyRequests, kind: invalidRequest, code: "rate_limit", message: message,
		unexecuted: true, reason: reason}
}
