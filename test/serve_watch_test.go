package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rightful"
)

// listener takes what an alert channel or the app is sent.
type listener struct {
	*httptest.Server
	came chan struct{}

	mu     sync.Mutex
	bodies []string
	answer int // 0: 200
}

func listen(t *testing.T) *listener {
	t.Helper()
	l := &listener{came: make(chan struct{}, 1)}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.bodies = append(l.bodies, string(raw))
		if l.answer != 0 {
			w.WriteHeader(l.answer)
		}
		select {
		case l.came <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *listener) answers(status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = status
}

func (l *listener) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.bodies)
}

// told is what messages said about an alert.
func (l *listener) told(t *testing.T, label string) (said []string) {
	t.Helper()
	for _, body := range l.all() {
		var m struct {
			Data rightful.AlertMessage `json:"data"`
		}
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		for _, p := range m.Data.Parts {
			for _, c := range p.Counts {
				if c.Label == label {
					said = append(said, string(p.Said))
				}
			}
		}
	}
	return said
}

// until waits for something that happens in another process.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	untilWithin(t, 90*time.Second, what, is)
}

func untilWithin(t *testing.T, longest time.Duration, what string, is func() bool) {
	t.Helper()
	ticker, late := time.NewTicker(50*time.Millisecond), time.NewTimer(longest)
	defer ticker.Stop()
	defer late.Stop()
	for !is() {
		select {
		case <-ticker.C:
		case <-late.C:
			t.Fatalf("never: %s", what)
		}
	}
}

// stamps writes a customer's stamp at Stripe, past rightful.
func (s *shop) stamps(t *testing.T, customer, company string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), "POST", s.stripe.URL+"/v1/customers/"+customer, strings.NewReader(url.Values{"metadata[company_id]": {company}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer sk_test_shop")
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	got, err := s.client.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	if got.StatusCode != 200 {
		t.Fatalf("stamping: %d", got.StatusCode)
	}
}

// sends sends an event of a customer, signed, and returns the answer.
func (s *shop) sends(t *testing.T, id, customer, company string, created int64) reply {
	t.Helper()
	event := fmt.Sprintf(`{"id": %q, "object": "event", "type": "customer.updated", "created": %d, "livemode": false, "data": {"object": {"id": %q, "object": "customer", "created": 1759990000, "metadata": {"company_id": %q, "user_id": "7"}}}}`,
		id, created, customer, company)
	return s.ask(t, "POST", "/v1/webhooks/stripe", "", event, "Stripe-Signature", signature(event, secret, time.Now()))
}

// codes returns the codes of what is open.
func (s *shop) codes(t *testing.T) (codes []string) {
	t.Helper()
	list, _ := s.must200(t, "GET", "/v1/findings", readToken, "").body["findings"].([]any)
	for _, f := range list {
		codes = append(codes, fmt.Sprint(f.(map[string]any)["code"]))
	}
	return codes
}

const alertSecret = "whsec_" + "TWZLUTlyOEdLWXFyVHdqVVBEOElMUFpJbzJMYUxhU3c="

// TestServeWatches: a stamp that somebody overwrites is found when Stripe's event comes,
// people are told of it once, and of its end when it was put right.
func TestServeWatches(t *testing.T) {
	t.Parallel()
	channel := listen(t)
	s := openShop(t, "alerts: [{name: hook, to: webhook, url: '"+channel.URL+"', secret: '"+alertSecret+"', every: 10s}]\n")
	s.serve(t)
	customer := s.must200(t, "POST", "/v1/companies/11/customer", appToken, `{"email": "bela@example.com"}`).text("stripe_customer_id")
	at := time.Now().Unix() - 10

	s.sends(t, "evt_good", customer, "11", at)
	s.stamps(t, customer, "4")
	if got := s.sends(t, "evt_stale", customer, "4", at+1); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.raw)
	}
	until(t, "the finding is open", func() bool { return slices.Contains(s.codes(t), "RF101") })
	all := s.must200(t, "GET", "/v1/findings?code=RF101", readToken, "")
	if !strings.Contains(string(all.raw), `"born":"gateway"`) || !strings.Contains(string(all.raw), `"rightful_company_id":"11"`) {
		t.Errorf("findings: %s", all.raw)
	}
	until(t, "somebody is told", func() bool { return len(channel.told(t, "RF101")) > 0 })

	s.sends(t, "evt_again", customer, "4", at+2) // nothing new
	s.stamps(t, customer, "11")
	s.sends(t, "evt_right", customer, "11", at+3)
	until(t, "the finding is resolved", func() bool { return len(s.codes(t)) == 0 })
	until(t, "somebody is told of the end", func() bool { return len(channel.told(t, "RF101")) > 1 })
	if said := channel.told(t, "RF101"); !slices.Equal(said, []string{"new", "resolved"}) {
		t.Errorf("told: %v", said)
	}
	if s.stop(t) != 0 {
		t.Errorf("%s", s.log)
	}
	if strings.Contains(s.log.String(), alertSecret) || strings.Contains(strings.Join(channel.all(), ""), "bela@example.com") {
		t.Error("a secret or an email went out")
	}
}
