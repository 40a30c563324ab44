package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rightful/gateway"
	"rightful/internal/server"
)

func TestReadinessIsRemembered(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	var asked atomic.Int32
	var failing atomic.Bool
	s, _, log := open(t, func(o *server.Options) {
		o.Now = func() time.Time { return time.Unix(1_760_000_000+now.Load(), 0) }
		o.Checks = []server.Check{{Name: "state", Ask: func(context.Context) error { return nil }}, {Name: "database", Ask: func(context.Context) error {
			asked.Add(1)
			if failing.Load() {
				return errors.New("no route to 10.9.8.7")
			}
			return nil
		}}}
	})
	ready := func() (int, string) {
		w, _ := do(s, httptest.NewRequest("GET", "/readyz", nil))
		return w.Code, w.Body.String()
	}
	if status, body := ready(); status != 200 || !strings.Contains(body, `"database":"ok"`) {
		t.Errorf("%d %s", status, body)
	}
	failing.Store(true)
	now.Store(4)
	if status, _ := ready(); status != 200 || asked.Load() != 1 {
		t.Errorf("after 4 s: %d, asked %d times", status, asked.Load())
	}
	now.Store(5)
	status, body := ready()
	if status != 503 || !strings.Contains(body, `"database":"failed"`) || !strings.Contains(body, `"state":"ok"`) || strings.Contains(body, "10.9.8.7") {
		t.Errorf("after 5 s: %d %s", status, body)
	}
	if !strings.Contains(log.String(), "10.9.8.7") {
		t.Errorf("the log: %s", log)
	}
}

// TestStripeIsAskedSeldom: whoever asks for readiness, however often, costs a request at
// Stripe an hour, and a few while Stripe does not answer. Without Stripe the server is
// ready nevertheless, and says what it is without; nobody waits for Stripe.
func TestStripeIsAskedSeldom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		var failed error
		slow := make(chan struct{})
		s, _, log := open(t, func(o *server.Options) {
			o.Checks = []server.Check{{Name: "database", Ask: func(context.Context) error { return nil }}, {Name: "stripe", Beside: true, Ask: func(context.Context) error {
				asked++
				<-slow
				return failed
			}}}
		})
		ready := func(want, state string) {
			t.Helper()
			w, _ := do(s, httptest.NewRequest("GET", "/readyz", nil))
			var got struct {
				Status string
				Checks map[string]string
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || got.Status != want || got.Checks["stripe"] != state || got.Checks["database"] != "ok" || strings.Contains(w.Body.String(), "10.9.8.7") {
				t.Errorf("at %v: %d %s", time.Now(), w.Code, w.Body)
			}
			synctest.Wait()
		}
		ready("ready", "unknown") // it is asked, and nobody waits
		ready("ready", "unknown")
		close(slow)
		synctest.Wait()
		for range 3600 {
			ready("ready", "ok")
			time.Sleep(time.Second) // on the clock of synctest: nobody waits
		}
		if asked != 1 {
			t.Errorf("asked %d times in an hour", asked)
		}
		failed = errors.New("no route to 10.9.8.7")
		ready("ready", "ok") // the last answer, while it is asked
		for range 3600 {
			ready("degraded", "failed")
			time.Sleep(time.Second) // on the clock of synctest: nobody waits
		}
		if asked != 13 {
			t.Errorf("asked %d times in two hours, the second without Stripe", asked)
		}
		if n := strings.Count(log.String(), "10.9.8.7"); n != 12 {
			t.Errorf("the log tells %d times why: %s", n, log)
		}
		failed = nil
		ready("degraded", "failed")
		ready("ready", "ok")
	})
}

// TestWhoGoesAwayIsNoError: a client that does not wait for its answer is logged as that,
// and not as an error of ours; what takes too long still is one.
func TestWhoGoesAwayIsNoError(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		end    func(context.Context) (context.Context, context.CancelFunc)
		err    error
		status int
		level  string
	}{
		"gone":         {gone, context.Canceled, 499, "INFO"},
		"too late":     {late, context.DeadlineExceeded, 503, "ERROR"},
		"gone and sad": {gone, &gateway.Refusal{Status: gateway.NoCompany}, 409, "WARN"},
		"here":         {context.WithCancel, context.Canceled, 503, "ERROR"},
	} {
		s, g, log := open(t, nil)
		g.fail = func() error { return tt.err }
		ctx, cancel := tt.end(t.Context())
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/payments/validate", strings.NewReader(`{"session_id":"cs_live_1"}`))
		r.Header.Set("Authorization", "Bearer t-app")
		r.Header.Set("Content-Type", "application/json")
		w, _ := do(s, r)
		cancel()
		var line struct{ Level, Msg string }
		if err := json.Unmarshal(log.Bytes(), &line); err != nil || w.Code != tt.status || line.Level != tt.level {
			t.Errorf("%s: %d, logged %s", name, w.Code, log)
		}
	}
}

func gone(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx, cancel
}

func late(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithDeadline(ctx, time.Unix(0, 0))
}
