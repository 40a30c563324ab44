package stripeapi_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"rightful"
	"rightful/internal/source/stripeapi"
)

const secretKey = "sk_test_51Abc0123456789"

// fakeClock is a clock that only waiting moves.
type fakeClock struct {
	mu    sync.Mutex
	now   time.Time
	waits []time.Duration
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	c.now = c.now.Add(d)
	c.waits = append(c.waits, d)
	return nil
}

// fake is a small Stripe: one handler, called with the number of the request
// (from 1).
type fake struct {
	*stripeapi.Reader
	clock *fakeClock
	url   string

	mu   sync.Mutex
	seen []*http.Request
}

func (f *fake) requests() []*http.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*http.Request(nil), f.seen...)
}

type handler func(n int, w http.ResponseWriter, r *http.Request)

func newFake(t *testing.T, h handler, change ...func(*stripeapi.Options)) *fake {
	t.Helper()
	f := &fake{clock: &fakeClock{now: time.Unix(1700000000, 0)}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.seen = append(f.seen, r)
		n := len(f.seen)
		f.mu.Unlock()
		h(n, w, r)
	}))
	t.Cleanup(server.Close)
	f.url = server.URL
	o := stripeapi.Options{
		Key: secretKey, APIBase: server.URL, Keys: rightful.KeySet{Company: "company_id"},
		AccountRate: 1e9, EndpointRate: 1e9, // the pace has its own tests
		Now: f.clock.Now, Sleep: f.clock.Sleep, Rand: func() float64 { return 0.5 },
	}
	for _, c := range change {
		c(&o)
	}
	r, err := stripeapi.New(o)
	if err != nil {
		t.Fatal(err)
	}
	f.Reader = r
	return f
}

// say answers with a status and an error of Stripe's.
func say(w http.ResponseWriter, status int, code, message string, headers ...string) {
	for i := 0; i+1 < len(headers); i += 2 {
		w.Header().Set(headers[i], headers[i+1])
	}
	w.Header().Set("Request-Id", "req_42")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":{"type":"invalid_request_error","code":%q,"message":%q}}`, code, message)
}

func customerJSON(id string) string {
	return fmt.Sprintf(`{"id":%q,"object":"customer","created":1,"livemode":false,"metadata":{"company_id":"4"}}`, id)
}

// listJSON is a page of customers.
func listJSON(more bool, ids ...string) string {
	var objects []string
	for _, id := range ids {
		objects = append(objects, customerJSON(id))
	}
	return fmt.Sprintf(`{"object":"list","url":"/v1/customers","has_more":%v,"data":[%s]}`, more, strings.Join(objects, ","))
}

func send(w http.ResponseWriter, body string) { io.WriteString(w, body) }

// getOne asks for one customer.
func (f *fake) getOne(t *testing.T) error {
	t.Helper()
	_, _, err := f.Get(t.Context(), rightful.TypeCustomer, "cus_1")
	return err
}

// listAll lists customers to the end.
func (f *fake) listAll(t *testing.T) (ids []string, err error) {
	t.Helper()
	for o, err := range f.List(t.Context(), rightful.ListQuery{Type: rightful.TypeCustomer}) {
		if err != nil {
			if o.ID != "" {
				t.Errorf("the error came with object %s", o.ID)
			}
			return ids, err
		}
		ids = append(ids, o.ID)
	}
	return ids, nil
}

// wantKind checks an error's kind, what it says, and that it holds no key.
func wantKind(t *testing.T, err error, kind rightful.ErrorKind, says ...string) {
	t.Helper()
	if rightful.KindOf(err) != kind {
		t.Fatalf("got error %v of kind %q, want %q", err, rightful.KindOf(err), kind)
	}
	for _, want := range says {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	for cause := err; cause != nil; {
		if strings.Contains(cause.Error(), "51Abc") || strings.Contains(cause.Error(), "sk_test_") {
			t.Errorf("error %q holds the key", cause)
		}
		u, ok := cause.(interface{ Unwrap() error })
		if !ok {
			break
		}
		cause = u.Unwrap()
	}
}
