package gateway_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"rightful"
)

// late stands before Stripe. What it holds is not answered, and takes effect when it is
// let go.
type late struct {
	t     *testing.T
	mu    sync.Mutex
	holds string // a path; empty: nothing is held
	held  []*http.Request
}

// delay puts a late before the premises' Stripe, which holds what is posted to a path.
func (p *premises) delay(t *testing.T, path string) *late {
	t.Helper()
	stripe, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	l := &late{t: t, holds: path}
	through := httputil.NewSingleHostReverseProxy(stripe)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.hold(r, stripe) {
			panic(http.ErrAbortHandler) // net/http's way to close a connection without an answer
		}
		through.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.opt.Stripe = openStripe(t, server.URL, noRest)
	return l
}

func (l *late) hold(r *http.Request, stripe *url.URL) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.holds == "" || r.Method != http.MethodPost || r.URL.Path != l.holds {
		return false
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		l.t.Error(err)
	}
	again, err := http.NewRequest(http.MethodPost, stripe.JoinPath(r.URL.Path).String(), bytes.NewReader(body))
	if err != nil {
		l.t.Error(err)
		return true
	}
	again.Header = r.Header.Clone()
	l.held = append(l.held, again)
	return true
}

// letGo lets arrive what was held, and holds nothing any more.
func (l *late) letGo() {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.held) == 0 {
		l.t.Error("nothing was held")
	}
	for _, r := range l.held {
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			l.t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			l.t.Errorf("what was held is answered %s", answer.Status)
		}
	}
	l.holds, l.held = "", nil
}

// lateTimes are when an earlier process promised and first sent, how long before the
// first call here; and when further calls come, before what was sent takes effect.
var lateTimes = []struct {
	name           string
	promised, sent int64   // seconds ago; 0: never
	asked          []int64 // seconds between the calls
}{
	{"at once", 0, 0, []int64{0}},
	{"promised long ago, and not sent", 180, 0, []int64{0}},
	{"promised yesterday, and not sent", 24 * 60 * 60, 0, []int64{0, 119}},
	{"sent before", 50, 50, []int64{0}},
	{"asked again and again", 0, 0, []int64{0, 50, 9, 1, 59, 59}},
	{"asked again when nothing is sent any more", 0, 0, []int64{0, 59, 119}},
	{"promised long ago, and asked again", 180, 0, []int64{0, 59, 119}},
}

// TestALateCustomer takes effect when everybody has listed what was made: as long as one
// may be on its way, no other is asked for.
func TestALateCustomer(t *testing.T) {
	t.Parallel()
	for _, tt := range lateTimes {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := shop(t, setup{})
			if tt.promised > 0 {
				p.promised(rightful.Intent{Kind: rightful.IntentCustomer, Name: "S3bela", Email: "sam@example.com"}, tt.promised, tt.sent)
			}
			l := p.delay(t, "/v1/customers")
			for _, later := range tt.asked {
				p.later(later)
				_, err := p.ensure()
				wantKind(t, err, rightful.KindUncertain, "")
			}
			l.letGo()
			c, err := p.ensure()
			if all := p.all("/v1/customers"); err != nil || len(all) != 1 || all[0] != c.StripeCustomerID || p.link(11) != all[0] {
				t.Errorf("%+v %v: customers %v, linked %s", c, err, all, p.link(11))
			}
		})
	}
}

// TestALateSession is the session of its wish.
func TestALateSession(t *testing.T) {
	t.Parallel()
	for _, tt := range lateTimes {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := shop(t, setup{})
			if _, err := p.ensure(); err != nil {
				t.Fatal(err)
			}
			if tt.promised > 0 {
				p.promised(rightful.Intent{Kind: rightful.IntentCheckout, UserID: "7", Wish: p.wish(t)}, tt.promised, tt.sent)
			}
			l := p.delay(t, "/v1/checkout/sessions")
			g := p.gateway()
			waited := int64(0)
			for _, later := range tt.asked {
				p.later(later)
				waited += later
				_, err := g.CreateCheckoutSession(t.Context(), buying())
				wantKind(t, err, rightful.KindUncertain, "")
			}
			l.letGo()
			s, err := p.gateway().CreateCheckoutSession(t.Context(), buying())
			if waited >= 60 { // no key is sent that long: the answer comes when it is lost for sure
				wantKind(t, err, rightful.KindUncertain, "")
				return
			}
			if all := p.all("/v1/checkout/sessions"); err != nil || len(all) != 1 || all[0] != s.ID {
				t.Errorf("%+v %v: sessions %v", s, err, all)
			}
		})
	}
}

// promised keeps an intent of an earlier process, for company 11.
func (p *premises) promised(in rightful.Intent, promised, sent int64) {
	p.t.Helper()
	now := p.clock().Unix()
	in.Account, in.Livemode, in.CompanyID, in.Generation, in.At = simAccount, true, "11", 1, now-promised
	if sent > 0 {
		in.SentAt = now - sent
	}
	if _, err := p.opt.Intents.Promise(p.t.Context(), in); err != nil {
		p.t.Fatal(err)
	}
}

// wish returns the hash of what buying asks for: of a purchase that the store could not
// promise.
func (p *premises) wish(t *testing.T) string {
	t.Helper()
	seen := &wishes{IntentStore: p.opt.Intents}
	o := p.opt
	p.opt.Intents = seen
	g := p.gateway()
	p.opt = o
	_, err := g.CreateCheckoutSession(t.Context(), buying())
	wantKind(t, err, rightful.KindUnreachable, "")
	return seen.last
}
