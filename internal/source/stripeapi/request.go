package stripeapi

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stripe/stripe-go/v86"

	"rightful/internal/stripeobject"
)

// MonthlyReadFloor is how many GETs a month Stripe allows an account at least;
// above it, 500 per transaction of the last 30 days (docs.stripe.com/rate-limits).
const MonthlyReadFloor = 10_000

// Requests are the GETs that were sent, retries included: each of them counts
// against Stripe's read allocation.
type Requests struct {
	GETs       int
	ByEndpoint map[string]int // by "GET /v1/customers/{id}"
	Writes     map[string]int // by "POST /v1/customers"; not counted as GETs
	Limited    int            // of all of them: answered that they were too many (429 with a reason)
}

// FloorShare returns which part of the smallest monthly read allocation these
// requests are; 1 is all of it.
func (q Requests) FloorShare() float64 { return float64(q.GETs) / MonthlyReadFloor }

// Requests returns what was sent so far.
func (r *Reader) Requests() Requests {
	r.counter.mu.Lock()
	defer r.counter.mu.Unlock()
	q := Requests{ByEndpoint: maps.Clone(r.counter.byEndpoint), Writes: maps.Clone(r.counter.writes), Limited: r.counter.limited}
	for _, n := range q.ByEndpoint {
		q.GETs += n
	}
	return q
}

type counter struct {
	mu         sync.Mutex
	byEndpoint map[string]int // guarded by mu
	writes     map[string]int // guarded by mu
	limited    int            // guarded by mu
}

func (c *counter) refused() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limited++
}

func (c *counter) add(e endpoint) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.write { // writes are not counted against the read allocation
		c.writes[e.String()]++
		return
	}
	c.byEndpoint[e.String()]++
}

// endpoint is one named operation: what Stripe limits as one, whatever the id.
type endpoint struct {
	collection string // /v1/customers
	byID       bool
	search     bool
	write      bool   // POST
	action     string // what is done to the object beside changing it: expire
}

// String names the endpoint in messages and counters.
func (e endpoint) String() string {
	method := "GET "
	if e.write {
		method = "POST "
	}
	return method + e.path("{id}")
}

// path is the endpoint's path for one object, whose id is fit for a path.
func (e endpoint) path(id string) string {
	path := e.collection
	switch {
	case e.byID:
		path += "/" + id
	case e.search:
		path += "/search"
	}
	if e.action != "" {
		path += "/" + e.action
	}
	return path
}

// request sends a GET until it succeeds or there is no use in trying. read
// takes the body; an error of it that is stripeobject.ErrNotJSON means that the
// body was cut, and is retried too.
func (r *Reader) request(ctx context.Context, e endpoint, id string, query url.Values, read func(body []byte) error) error {
	target := e.path(url.PathEscape(id))
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	var f *failure
	for n, started := 1, r.retry.now(); ; n++ {
		if err := r.pacer.wait(ctx, e); err != nil {
			return gaveUp(ctx, e, err)
		}
		body, failed := r.attempt(ctx, e, target, sending{method: http.MethodGet})
		if failed == nil {
			err := read(body)
			if err == nil || !errors.Is(err, stripeobject.ErrNotJSON) {
				return r.unreadable(e, err)
			}
			failed = &failure{status: http.StatusOK, cut: true, cause: err}
		}
		f = failed
		if !r.retry.again(ctx, f, n, started) {
			break
		}
		r.log.Debug("stripe request is sent again", "endpoint", e.String(), "attempt", n, "status", f.status, "reason", f.reason, "request_id", f.requestID)
	}
	if ctx.Err() != nil {
		return gaveUp(ctx, e, context.Cause(ctx))
	}
	return r.explain(e, f)
}

// sending is what is sent beside the path.
type sending struct {
	method         string
	form           string
	idempotencyKey *string // nil for reads
}

// attempt sends one request.
func (r *Reader) attempt(ctx context.Context, e endpoint, target string, what sending) ([]byte, *failure) {
	r.counter.add(e)
	if !e.write {
		backgroundOf(ctx).sent()
	}
	sent := r.retry.now()
	if at, asked := ctx.Value(sentKey{}).(*time.Time); asked {
		*at = sent
	}
	var seen observed
	bounded, cancel := context.WithTimeout(context.WithValue(ctx, observedKey{}, &seen), r.timeout)
	defer cancel()
	bounded = httptrace.WithClientTrace(bounded, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { seen.connected.Store(true) }})
	params := &stripe.RawParams{Params: stripe.Params{Context: bounded, IdempotencyKey: what.idempotencyKey}}
	response, err := r.backend.RawRequest(what.method, target, r.key, what.form, params)
	if err == nil && response.StatusCode == http.StatusOK {
		r.pacer.answered(e, "")
		r.pacer.lane(e).took(r.retry.now().Sub(sent))
		r.noteDate(seen.header)
		return response.RawJSON, nil
	}
	r.noteDate(seen.header)
	f := r.failure(err, &seen)
	reason := ""
	if f.rateLimited() {
		reason = f.reason
		r.counter.refused()
	}
	if r.pacer.answered(e, reason) {
		r.log.Warn("stripe limits the rate: slowing down", "endpoint", e.String(), "reason", reason)
	}
	return nil, f
}

// observed is what the transport saw of a response. stripe-go drops the headers
// when the body of an error is not Stripe's.
type observed struct {
	status    int
	header    http.Header
	connected atomic.Bool // there was a connection, so the request may have been sent
}

type observedKey struct{}

// sentKey is where a context holds the *time.Time of who wants to know when the last
// attempt was sent, by our clock.
type sentKey struct{}

// observer notes status and headers where the request asks for it.
type observer struct{ next http.RoundTripper }

func (o observer) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := o.next.RoundTrip(req)
	if seen, ok := req.Context().Value(observedKey{}).(*observed); ok && err == nil {
		seen.status, seen.header = resp.StatusCode, resp.Header
	}
	return resp, err
}
