package stripesim_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

const testKey = "sk_test_0123456789abcd"

// clock is a clock that stands still until a test moves it.
type clock struct{ seconds atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.seconds.Store(1_760_000_000)
	return c
}

func (c *clock) now() time.Time       { return time.Unix(c.seconds.Load(), 0) }
func (c *clock) tick(d time.Duration) { c.seconds.Add(int64(d / time.Second)) }
func (c *clock) unix() int64          { return c.seconds.Load() }

// bench is a simulator behind a real HTTP server.
type bench struct {
	*testing.T
	sim   *stripesim.Server
	url   string
	clock *clock
	*stripe.Client
}

func start(t *testing.T, opts stripesim.Options) *bench {
	t.Helper()
	c := newClock()
	if opts.Now == nil {
		opts.Now = c.now
	}
	sim := stripesim.New(opts)
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	return &bench{T: t, sim: sim, url: srv.URL, clock: c, Client: client(srv.URL, testKey)}
}

func client(url, key string) *stripe.Client {
	return stripe.NewClient(key, stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		URL: stripe.String(url), HTTPClient: &http.Client{Timeout: 30 * time.Second},
		MaxNetworkRetries: stripe.Int64(0), EnableTelemetry: stripe.Bool(false),
		LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
	})))
}

func loadWorld(t *testing.T, sim *stripesim.Server, world string) {
	t.Helper()
	if err := sim.LoadWorld(strings.NewReader(world)); err != nil {
		t.Fatal(err)
	}
}

// answer is a raw HTTP answer.
type answer struct {
	status int
	header http.Header
	raw    string
	body   map[string]any
}

func (a answer) at(path ...any) any {
	var v any = a.body
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				return nil
			}
			v = m[step]
		case int:
			l, ok := v.([]any)
			if !ok || step >= len(l) {
				return nil
			}
			v = l[step]
		}
	}
	return v
}

// send does one raw request; headers are alternating names and values.
func (b *bench) send(method, path, form string, headers ...string) answer {
	b.Helper()
	return send(b.T, b.url, method, path, form, headers...)
}

func send(t *testing.T, url, method, path, form string, headers ...string) answer {
	t.Helper()
	a, err := try(url, method, path, form, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func try(url, method, path, form string, headers ...string) (answer, error) {
	var body io.Reader
	if form != "" {
		body = strings.NewReader(form)
	}
	req, err := http.NewRequest(method, url+path, body)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			req.Header.Del(headers[i])
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: res.StatusCode, header: res.Header, raw: string(raw)}
	if err := json.Unmarshal(raw, &a.body); err != nil {
		return a, fmt.Errorf("%s %s: the answer is not a JSON object: %w: %s", method, path, err, raw)
	}
	return a, nil
}

// wantError checks the status, code and param of a raw error answer.
func (a answer) wantError(t *testing.T, status int, code, param, message string) {
	t.Helper()
	if a.status != status || str(a.at("error", "code")) != code || str(a.at("error", "param")) != param || !strings.Contains(str(a.at("error", "message")), message) {
		t.Errorf("got %d %s\nwant status %d, code %q, param %q, message with %q", a.status, a.raw, status, code, param, message)
	}
}

func str(v any) string {
	s, _ := v.(string)
	return s
}

// stripeError checks that err is Stripe's, with this status and code.
func stripeError(t *testing.T, err error, status int, code stripe.ErrorCode) *stripe.Error {
	t.Helper()
	var e *stripe.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a Stripe error with status %d", err, status)
	}
	if e.HTTPStatusCode != status || e.Code != code {
		t.Errorf("got %d %s (%s), want %d %s", e.HTTPStatusCode, e.Code, e.Msg, status, code)
	}
	return e
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// ids collects the ids of a list answer.
func (a answer) ids() []string {
	var out []string
	data, _ := a.at("data").([]any)
	for _, item := range data {
		out = append(out, str(item.(map[string]any)["id"]))
	}
	return out
}
