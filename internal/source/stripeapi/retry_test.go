package stripeapi_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"rightful"
	"rightful/internal/source/stripeapi"
)

func TestWhatIsRetried(t *testing.T) {
	t.Parallel()
	const reason, should = "Stripe-Rate-Limited-Reason", "Stripe-Should-Retry"
	tests := map[string]struct {
		fail    func(w http.ResponseWriter)
		retried bool
	}{
		"rate of the account":       {func(w http.ResponseWriter) { say(w, 429, "rate_limit", "x", reason, "global-rate") }, true},
		"rate, should retry false":  {func(w http.ResponseWriter) { say(w, 429, "rate_limit", "x", reason, "endpoint-rate", should, "false") }, true},
		"one object's limit":        {func(w http.ResponseWriter) { say(w, 429, "rate_limit", "x", reason, "resource-specific") }, true},
		"lock":                      {func(w http.ResponseWriter) { say(w, 429, "lock_timeout", "x") }, true},
		"lock, should retry false":  {func(w http.ResponseWriter) { say(w, 429, "lock_timeout", "x", should, "false") }, false},
		"conflict":                  {func(w http.ResponseWriter) { say(w, 409, "", "x") }, true},
		"server error":              {func(w http.ResponseWriter) { say(w, 500, "", "x") }, true},
		"server error, known bad":   {func(w http.ResponseWriter) { say(w, 500, "", "x", should, "false") }, false},
		"a proxy's page":            {func(w http.ResponseWriter) { w.WriteHeader(502); send(w, "<html>") }, true},
		"a proxy's 429":             {func(w http.ResponseWriter) { w.WriteHeader(429); send(w, "<html>") }, true},
		"bad request":               {func(w http.ResponseWriter) { say(w, 400, "parameter_unknown", "x") }, false},
		"bad request, should retry": {func(w http.ResponseWriter) { say(w, 400, "", "x", should, "true") }, true},
		"unauthorized":              {func(w http.ResponseWriter) { say(w, 401, "", "x") }, false},
		"forbidden":                 {func(w http.ResponseWriter) { say(w, 403, "", "x") }, false},
		"missing":                   {func(w http.ResponseWriter) { say(w, 404, "resource_missing", "x") }, false},
		"cut JSON":                  {func(w http.ResponseWriter) { send(w, `{"id":"cus_1","object":`) }, true},
		"cut connection":            {func(w http.ResponseWriter) { w.Header().Set("Content-Length", "500"); send(w, `{"id":`) }, true},
		"no answer":                 {func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }, true},
		"another object":            {func(w http.ResponseWriter) { send(w, customerJSON("cus_2")) }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, func(n int, w http.ResponseWriter, _ *http.Request) {
				if n == 1 {
					tt.fail(w)
					return
				}
				send(w, customerJSON("cus_1"))
			})
			o, exists, err := f.Get(t.Context(), rightful.TypeCustomer, "cus_1")
			got := len(f.requests()) > 1
			if got != tt.retried {
				t.Fatalf("%d requests were sent", len(f.requests()))
			}
			if tt.retried && (err != nil || exists != rightful.ExistsPresent || o.ID != "cus_1") {
				t.Errorf("after the retry: got %+v, %v, %v", o, exists, err)
			}
			if n := f.Requests().GETs; n != len(f.requests()) {
				t.Errorf("counted %d GETs of %d", n, len(f.requests()))
			}
		})
	}
}

func TestRetriesEnd(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fail     func(w http.ResponseWriter)
		rand     float64
		attempts int
		says     string
	}{
		"server error": {func(w http.ResponseWriter) { say(w, 503, "", "try later") }, 0.5, 5, "status 503"},
		"limited":      {func(w http.ResponseWriter) { say(w, 429, "", "", "Stripe-Rate-Limited-Reason", "global-rate") }, 0, 12, "keeps limiting the rate (global-rate)"},
		"cut":          {func(w http.ResponseWriter) { send(w, `{"id"`) }, 0.5, 5, "cut"},
		// Waits of 0.5 1 2 4 8 16 16 16 16 16 16: the next one would end after 120 s.
		"limited for long": {func(w http.ResponseWriter) { say(w, 429, "", "", "Stripe-Rate-Limited-Reason", "global-rate") }, 1, 12, "keeps limiting"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, func(_ int, w http.ResponseWriter, _ *http.Request) { tt.fail(w) },
				func(o *stripeapi.Options) { o.Rand = func() float64 { return tt.rand } })
			wantKind(t, f.getOne(t), rightful.KindUnavailable, tt.says)
			if n := len(f.requests()); n != tt.attempts {
				t.Errorf("%d attempts, want %d", n, tt.attempts)
			}
			var waited time.Duration
			for _, d := range f.clock.waits {
				waited += d
			}
			if waited > 2*time.Minute {
				t.Errorf("waited %v in all", waited)
			}
		})
	}
}

func TestTotalTimeIsBounded(t *testing.T) {
	t.Parallel()
	var f *fake
	f = newFake(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		f.clock.Sleep(r.Context(), 70*time.Second) // a slow failure
		say(w, 500, "", "x")
	})
	wantKind(t, f.getOne(t), rightful.KindUnavailable)
	if n := len(f.requests()); n != 2 {
		t.Errorf("%d attempts of 70 s, want 2 within two minutes", n)
	}
}

func TestBackoffIsFullJitter(t *testing.T) {
	t.Parallel()
	draws := []float64{0, 0.25, 1, 0.5}
	f := newFake(t, func(_ int, w http.ResponseWriter, _ *http.Request) { say(w, 500, "", "x") },
		func(o *stripeapi.Options) {
			o.Rand = func() float64 { d := draws[0]; draws = draws[1:]; return d }
		})
	wantKind(t, f.getOne(t), rightful.KindUnavailable)
	want := []time.Duration{0, 250 * time.Millisecond, 2 * time.Second, 2 * time.Second}
	if !slices.Equal(f.clock.waits, want) {
		t.Errorf("waited %v, want %v", f.clock.waits, want)
	}
}

func TestCallerGivesUpWhileWaiting(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	f := newFake(t, func(_ int, w http.ResponseWriter, _ *http.Request) { say(w, 500, "", "x") },
		func(o *stripeapi.Options) {
			o.Sleep = func(ctx context.Context, _ time.Duration) error { cancel(); return ctx.Err() }
		})
	_, _, err := f.Get(ctx, rightful.TypeCustomer, "cus_1")
	if !errors.Is(err, context.Canceled) || rightful.KindOf(err) != "" || len(f.requests()) != 1 {
		t.Errorf("got %v after %d requests", err, len(f.requests()))
	}
}

func TestSlowServer(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(n int, w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done() // until the client hangs up
	}, func(o *stripeapi.Options) { o.Timeout = time.Millisecond })
	wantKind(t, f.getOne(t), rightful.KindUnreachable, "127.0.0.1:", "does not answer")
	if n := f.Requests().GETs; n != 5 {
		t.Errorf("%d attempts", n)
	}
}
