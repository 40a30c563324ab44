package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/server"
)

// faulty is a gateway whose every answer is an error; a nil one is a panic.
type faulty struct {
	mu   sync.Mutex
	fail func() error
}

func (f *faulty) err() error {
	f.mu.Lock()
	fail := f.fail
	f.mu.Unlock()
	return fail()
}

func (f *faulty) Company(context.Context, string) (gateway.CompanyAnswer, error) {
	return gateway.CompanyAnswer{}, f.err()
}

func (f *faulty) EnsureCustomer(context.Context, string, gateway.CustomerDetails) (gateway.Customer, error) {
	return gateway.Customer{}, f.err()
}

func (f *faulty) CreateCheckoutSession(context.Context, gateway.CheckoutRequest) (gateway.Session, error) {
	return gateway.Session{}, f.err()
}

func (f *faulty) CreatePortalSession(context.Context, gateway.PortalRequest) (gateway.Portal, error) {
	return gateway.Portal{}, f.err()
}

func (f *faulty) ValidatePayment(context.Context, string, string, bool) (gateway.Validation, error) {
	return gateway.Validation{}, f.err()
}

func (f *faulty) Guard(context.Context, server.Guarded, string, string) (gateway.Guarded, error) {
	return gateway.Guarded{}, f.err()
}

func open(t *testing.T, change func(*server.Options)) (*server.Server, *faulty, *bytes.Buffer) {
	t.Helper()
	g, log := &faulty{fail: func() error { return nil }}, &bytes.Buffer{}
	o := server.Options{
		Gateway: g, Logger: slog.New(server.RequestIDs(slog.NewJSONHandler(log, nil))),
		Tokens: []server.Token{{"app", "t-app", []server.Scope{server.ScopeApp}}, {"ops", "t-ops", []server.Scope{server.ScopeOperator}}},
	}
	if change != nil {
		change(&o)
	}
	s, err := server.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s, g, log
}

// company asks for a user's company.
func company(s http.Handler, token string) (*httptest.ResponseRecorder, map[string]any) {
	r := httptest.NewRequest("GET", "/v1/users/7/company", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return do(s, r)
}

func do(s http.Handler, r *http.Request) (*httptest.ResponseRecorder, map[string]any) {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	body := map[string]any{}
	_ = json.Unmarshal(w.Body.Bytes(), &body) // what is no JSON stays empty
	return w, body
}

// TestErrorsBecomeAnswers: each kind has its status. What the server stands on, and
// other companies, are told to operators and to the log.
func TestErrorsBecomeAnswers(t *testing.T) {
	t.Parallel()
	s, g, log := open(t, nil)
	kind := func(k rightful.ErrorKind, place string) error {
		return &rightful.Error{Kind: k, Place: place, Message: "secret of company 4"}
	}
	for _, c := range []struct {
		err    error
		status int
		code   string
		retry  bool
		told   bool // to everybody
	}{
		{kind(rightful.KindInvalid, "mode"), 422, "invalid", false, true},
		{kind(rightful.KindInvalid, ""), 422, "invalid", false, true},
		{kind(rightful.KindInvalid, "directory.companies"), 503, "invalid", true, false},
		{kind(rightful.KindNotFound, "directory"), 404, "not_found", false, true},
		{kind(rightful.KindAmbiguous, "directory"), 409, "ambiguous", false, false},
		{kind(rightful.KindConflict, ""), 409, "conflict", false, false},
		{kind(rightful.KindRefused, ""), 409, "refused", false, false},
		{kind(rightful.KindUnsupported, ""), 409, "unsupported", false, false},
		{kind(rightful.KindUnreachable, "stripe"), 503, "unreachable", true, false},
		{kind(rightful.KindUnavailable, "state"), 503, "unavailable", true, false},
		{kind(rightful.KindUnauthorized, "stripe"), 503, "unauthorized", true, false},
		{kind(rightful.KindForbidden, "stripe"), 503, "forbidden", true, false},
		{kind(rightful.KindUncertain, "stripe"), 503, "uncertain", true, false},
		{fmt.Errorf("wrapped: %w", kind(rightful.KindUnreachable, "stripe")), 503, "unreachable", true, false},
		{errors.New("secret of company 4"), 503, "unavailable", true, false},
		{context.DeadlineExceeded, 503, "unavailable", true, false},
		{&gateway.Refusal{Status: gateway.CustomerRefused, Code: "RF204", Message: "secret of company 4", BuyerMessage: "ask us"}, 409, "customer_refused", false, false},
	} {
		g.fail = func() error { return c.err }
		w, body := company(s, "t-app")
		if w.Code != c.status || body["code"] != c.code || (w.Header().Get("Retry-After") != "") != c.retry || body["status"] != float64(c.status) {
			t.Errorf("%v: %d %v", c.err, w.Code, body)
		}
		if strings.Contains(w.Body.String(), "secret") != c.told {
			t.Errorf("%v: told %s", c.err, w.Body)
		}
		if !strings.Contains(log.String(), "secret of company 4") && c.err != context.DeadlineExceeded {
			t.Errorf("%v: the log does not say why: %s", c.err, log)
		}
		log.Reset()
		if rightful.KindOf(c.err) != "" {
			if w, _ := company(s, "t-ops"); !strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%v: an operator is told %s", c.err, w.Body)
			}
		}
	}
}

func TestAPanicIsAnAnswer(t *testing.T) {
	t.Parallel()
	s, g, log := open(t, nil)
	g.fail = func() error { panic("the secret of company 4") }
	w, body := company(s, "t-ops")
	if w.Code != 500 || body["code"] != "internal" || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if id := w.Header().Get("X-Request-Id"); !strings.Contains(log.String(), "the secret of company 4") || strings.Count(log.String(), id) != 2 {
		t.Errorf("the log: %s", log)
	}
}

func TestATokenHasItsRate(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t, func(o *server.Options) { o.Rate = 0.001; o.Tokens[1].Scopes = []server.Scope{server.ScopeApp} })
	if w, _ := company(s, "t-app"); w.Code != 200 {
		t.Errorf("the first: %d", w.Code)
	}
	if w, body := company(s, "t-app"); w.Code != 429 || body["code"] != "rate_limited" || w.Header().Get("Retry-After") == "" {
		t.Errorf("the second: %d %v", w.Code, body)
	}
	if w, _ := company(s, "t-ops"); w.Code != 200 {
		t.Errorf("another token: %d", w.Code)
	}
}

func TestOnlySoManyAtATime(t *testing.T) {
	t.Parallel()
	s, g, _ := open(t, func(o *server.Options) { o.Concurrency = 1 })
	inside, goOn := make(chan struct{}), make(chan struct{})
	g.fail = func() error { close(inside); <-goOn; return nil }
	ended := make(chan struct{})
	go func() { company(s, "t-app"); close(ended) }()
	<-inside
	if w, body := company(s, "t-app"); w.Code != 503 || body["code"] != "busy" || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v", w.Code, body)
	}
	if w, _ := do(s, httptest.NewRequest("GET", "/healthz", nil)); w.Code != 200 {
		t.Errorf("healthz: %d", w.Code)
	}
	close(goOn)
	<-ended
	g.mu.Lock()
	g.fail = func() error { return nil }
	g.mu.Unlock()
	if w, _ := company(s, "t-app"); w.Code != 200 {
		t.Errorf("after it: %d", w.Code)
	}
}

// events takes events as a function does.
type events func(*http.Request) error

func (f events) Take(_ http.ResponseWriter, r *http.Request) error { return f(r) }

// TestForgersAreTurnedAway: a flood of bad signatures from one address is not read,
// and holds up nobody else.
func TestForgersAreTurnedAway(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	s, _, _ := open(t, func(o *server.Options) {
		o.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		o.Webhooks = events(func(r *http.Request) error {
			asked.Add(1)
			if r.Header.Get("Stripe-Signature") == "" {
				return &gateway.EventRefusal{Status: http.StatusBadRequest, Code: gateway.EventBadSignature}
			}
			return nil
		})
	})
	send := func(from, forwarded string, good bool) int {
		r := httptest.NewRequest("POST", "/v1/webhooks/stripe", strings.NewReader("{}"))
		r.RemoteAddr = from
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
		}
		if good {
			r.Header.Set("Stripe-Signature", "good")
		}
		w, _ := do(s, r)
		return w.Code
	}
	for _, flood := range []struct{ name, from, forwarded, other, otherForwarded string }{
		{"direct", "203.0.113.7:1", "", "203.0.113.8:1", ""},
		{"of one network", "[2001:db8::1]:1", "", "[2001:db8:0:1::1]:1", ""},
		{"behind a proxy that is believed", "10.0.0.1:1", "198.51.100.9, 203.0.113.9, 10.0.0.2", "10.0.0.1:1", "203.0.113.9, 203.0.113.10, 10.0.0.2"},
		{"and claims to be somebody else", "203.0.113.11:1", "198.51.100.1", "203.0.113.12:1", "198.51.100.1"},
	} {
		refused := 0
		for range 200 {
			if send(flood.from, flood.forwarded, false) == 429 {
				refused++
			}
		}
		if refused < 130 {
			t.Errorf("%s: only %d of 200 were turned away", flood.name, refused)
		}
		if got := send(flood.from, flood.forwarded, true); got != 429 {
			t.Errorf("%s: after the flood, %d", flood.name, got)
		}
		if got := send(flood.other, flood.otherForwarded, true); got != 200 {
			t.Errorf("%s: somebody else gets %d", flood.name, got)
		}
	}
	for _, near := range []string{"127.0.0.1:1", "172.16.0.1:1", "[fd00::1]:1", "100.64.0.1:1"} {
		for range 200 { // a proxy may stand there that nobody named
			if got := send(near, "203.0.113.7", false); got != 400 {
				t.Fatalf("from %s: %d", near, got)
			}
		}
	}
	before := asked.Load()
	for i := range 10_000 { // of an address each: only so many are remembered
		send(fmt.Sprintf("198.18.%d.%d:1", i/250, i%250), "", false)
	}
	if asked.Load()-before != 10_000 {
		t.Errorf("%d of 10000 were looked at", asked.Load()-before)
	}
	if n := s.Forgers(); n > 4096 {
		t.Errorf("%d addresses are remembered", n)
	}
}

// TestSlowClientsAreCutOff: headers and bodies that never end take no place for long,
// and somebody else is served meanwhile.
func TestSlowClientsAreCutOff(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t, nil)
	s.SetPatience(300 * time.Millisecond)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l, server.Ending{StopWithin: 10 * time.Second}) }()
	begin := func(text string) net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		fmt.Fprint(c, text)
		return c
	}
	headers := begin("GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow:")
	body := begin("POST /v1/payments/validate HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer t-app\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	if got, err := http.Get("http://" + l.Addr().String() + "/healthz"); err != nil || got.StatusCode != 200 {
		t.Errorf("meanwhile: %v, %v", got, err)
	}
	if raw, err := io.ReadAll(headers); err != nil {
		t.Errorf("slow headers: %q, %v", raw, err)
	}
	got, err := http.ReadResponse(bufio.NewReader(body), nil)
	if err != nil || got.StatusCode != 400 || !got.Close {
		t.Errorf("slow body: %+v, %v", got, err)
	}
	big := begin("GET /healthz HTTP/1.1\r\nHost: a\r\nX-Big: " + strings.Repeat("x", 64<<10) + "\r\n\r\n")
	if got, err := http.ReadResponse(bufio.NewReader(big), nil); err != nil || got.StatusCode != 431 {
		t.Errorf("big headers: %+v, %v", got, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("at the end: %v", err)
	}
}

// TestSlowEventsShutNobodyOut: bodies that never end keep nobody else's event out,
// however large they say they are.
func TestSlowEventsShutNobodyOut(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t, func(o *server.Options) {
		o.Concurrency = 2
		o.Webhooks = events(func(r *http.Request) error {
			raw, err := io.ReadAll(r.Body)
			if err == nil && string(raw) != "{}" {
				err = errors.New("cut off")
			}
			return err
		})
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l, server.Ending{StopWithin: 10 * time.Second}) }()
	var slow []net.Conn
	for range 20 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		slow = append(slow, c)
		fmt.Fprint(c, "POST /v1/webhooks/stripe HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
		// The server asks for the body when it has begun to read it.
		if got, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(got, "100 Continue") {
			t.Fatalf("%q, %v", got, err)
		}
		fmt.Fprint(c, "{")
	}
	got, err := http.Post("http://"+l.Addr().String()+"/v1/webhooks/stripe", "application/json", strings.NewReader("{}"))
	if err != nil || got.StatusCode != 200 {
		t.Errorf("an event meanwhile: %+v, %v", got, err)
	}
	for _, c := range slow {
		c.Close()
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("at the end: %v", err)
	}
}

func TestTheSameTokenTwice(t *testing.T) {
	t.Parallel()
	_, err := server.New(server.Options{Gateway: &faulty{}, Tokens: []server.Token{{Name: "a", Token: "same-one"}, {Name: "b", Token: "same-one"}}})
	if rightful.KindOf(err) != rightful.KindInvalid || strings.Contains(err.Error(), "same-one") {
		t.Errorf("got %v", err)
	}
}
