package stripeapi_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/source/stripeapi"
)

func eleven() *string { v := "11"; return &v }

func (f *fake) stamp(ctx context.Context, typ rightful.ObjectType, id string) error {
	return f.Writer().SetMetadata(ctx, rightful.MetadataWrite{Type: typ, ID: id, Key: "company_id", To: eleven(), IdempotencyKey: "run/step/1"})
}

func stamped(id string) string {
	if strings.HasPrefix(id, "sub_") {
		return `{"id":"` + id + `","object":"subscription","created":1,"livemode":false,"metadata":{"company_id":"11"}}`
	}
	return strings.Replace(customerJSON(id), `"company_id":"4"`, `"company_id":"11"`, 1)
}

// drop closes the connection without an answer.
func drop(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

// hang reads a request and waits until the client has gone.
func hang(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // else the server does not notice
	<-r.Context().Done()
}

// TestWriteSendsOneKey and nothing else, under the key that it was given.
func TestWriteSendsOneKey(t *testing.T) {
	t.Parallel()
	var bodies []string
	f := newFake(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		bodies = append(bodies, r.Method+" "+r.URL.Path+" "+string(raw)+" "+r.Header.Get("Idempotency-Key"))
		send(w, stamped("cus_1"))
	})
	if err := f.stamp(t.Context(), rightful.TypeCustomer, "cus_1"); err != nil {
		t.Fatal(err)
	}
	if err := f.Writer().SetMetadata(t.Context(), rightful.MetadataWrite{Type: rightful.TypeCustomer, ID: "cus_1", Key: "company_id", IdempotencyKey: "k"}); err != nil {
		t.Fatal(err)
	}
	want := []string{"POST /v1/customers/cus_1 metadata%5Bcompany_id%5D=11 run/step/1", "POST /v1/customers/cus_1 metadata%5Bcompany_id%5D= k"}
	if !slices.Equal(bodies, want) {
		t.Errorf("sent %q, want %q", bodies, want)
	}
	if n := f.Requests().GETs; n != 0 {
		t.Errorf("%d writes are counted against the read allocation", n)
	}
}

// TestWriteAnswers: what each answer means for the write, and whether it is sent
// again.
func TestWriteAnswers(t *testing.T) {
	t.Parallel()
	type answers = []func(http.ResponseWriter)
	said := func(status int, code, message string, headers ...string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { say(w, status, code, message, headers...) }
	}
	good := func(w http.ResponseWriter) { send(w, stamped("sub_1")) }
	limit := said(429, "rate_limit", "slow down", "Stripe-Rate-Limited-Reason", "global-rate")
	lock := said(429, "lock_timeout", "the object is locked")
	refusal := said(400, "parameter_invalid", "not like this")
	cut := func(w http.ResponseWriter) { send(w, `{"id":"sub_1",`) }
	page := func(w http.ResponseWriter) { w.WriteHeader(502); send(w, "<html>bad gateway") }
	for name, tt := range map[string]struct {
		answers answers // the last one again and again
		kind    rightful.ErrorKind
		sent    int
		says    string
	}{
		"done":                                  {answers{good}, "", 1, ""},
		"limited, then done":                    {answers{limit, limit, good}, "", 3, ""},
		"limited for good":                      {answers{limit}, rightful.KindUnavailable, 12, "keeps limiting"},
		"locked, then done":                     {answers{lock, good}, "", 2, ""},
		"409, then done":                        {answers{said(409, "lock_timeout", "locked"), good}, "", 2, ""},
		"locked for good":                       {answers{lock}, rightful.KindUnavailable, 5, "lock_timeout"},
		"being executed elsewhere":              {answers{said(409, "idempotency_key_in_use", "in use")}, rightful.KindUncertain, 5, "not known"},
		"refused":                               {answers{refusal}, rightful.KindUnavailable, 1, "not like this"},
		"gone":                                  {answers{said(404, "resource_missing", "No such subscription: sub_1")}, rightful.KindNotFound, 1, "sub_1"},
		"canceled":                              {answers{said(400, "", "A canceled subscription can only update its cancellation_details.")}, rightful.KindUnavailable, 1, "it is canceled"},
		"no permission":                         {answers{said(403, "", "Having the 'rak_subscription_write' permission would allow this")}, rightful.KindForbidden, 1, "rak_subscription_write"},
		"a wrong key":                           {answers{said(401, "", "Invalid API Key provided: sk_test_51Abc0123456789")}, rightful.KindUnauthorized, 1, "(key)"},
		"an error of Stripe's":                  {answers{said(500, "", "oops")}, rightful.KindUncertain, 1, "oops"},
		"one that it wants repeated":            {answers{said(500, "", "oops", "Stripe-Should-Retry", "true"), good}, "", 2, ""},
		"a gateway's page":                      {answers{page}, rightful.KindUncertain, 1, "not known"},
		"no answer, then done":                  {answers{drop, good}, "", 2, ""},
		"no answer at all":                      {answers{drop}, rightful.KindUncertain, 5, "not known"},
		"a cut answer, then the whole":          {answers{cut, good}, "", 2, ""},
		"cut answers only":                      {answers{cut}, rightful.KindUncertain, 5, "not known"},
		"an answer about another":               {answers{func(w http.ResponseWriter) { send(w, stamped("sub_2")) }}, rightful.KindUncertain, 1, "not known"},
		"no answer, then limited for good":      {answers{drop, limit}, rightful.KindUncertain, 12, "not known"},
		"no answer, then a revoked key":         {answers{drop, said(401, "", "Expired API Key")}, rightful.KindUncertain, 2, "Expired"},
		"no answer, and what it was: a refusal": {answers{drop, refusal}, rightful.KindUnavailable, 2, "not like this"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, func(n int, w http.ResponseWriter, _ *http.Request) {
				tt.answers[min(n, len(tt.answers))-1](w)
			})
			err := f.stamp(t.Context(), rightful.TypeSubscription, "sub_1")
			if tt.kind == "" && err != nil {
				t.Fatal(err)
			}
			if tt.kind != "" {
				wantKind(t, err, tt.kind, tt.says)
			}
			keys := map[string]bool{}
			for _, r := range f.requests() {
				keys[r.Header.Get("Idempotency-Key")] = true
			}
			if n := len(f.requests()); n != tt.sent || len(keys) != 1 || !keys["run/step/1"] {
				t.Errorf("sent %d times under %v, want %d under one key", n, keys, tt.sent)
			}
		})
	}
}

// TestWriteThatNeverLeft: where there is no connection, nothing was written.
func TestWriteThatNeverLeft(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + listener.Addr().String()
	listener.Close()
	f := newFake(t, nil, func(o *stripeapi.Options) { o.APIBase = nobody })
	wantKind(t, f.stamp(t.Context(), rightful.TypeCustomer, "cus_1"), rightful.KindUnreachable, "does not answer")
}

// TestWriteThatIsCalledOff after it was sent says both: who called it off, and
// that it may have taken effect.
func TestWriteThatIsCalledOff(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	f := newFake(t, func(_ int, _ http.ResponseWriter, r *http.Request) { cancel(); hang(r) })
	err := f.stamp(ctx, rightful.TypeCustomer, "cus_1")
	wantKind(t, err, rightful.KindUncertain, "not known")
	if !strings.Contains(context.Cause(ctx).Error(), "canceled") || len(f.requests()) != 1 {
		t.Errorf("%v after %d requests", err, len(f.requests()))
	}
}

// TestWriteTimesOut: the deadline of an attempt ends it, and the next one has the
// same key.
func TestWriteTimesOut(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 1 {
			hang(r)
			return
		}
		send(w, stamped("cus_1"))
	}, func(o *stripeapi.Options) { o.Timeout = 50 * time.Millisecond })
	if err := f.stamp(t.Context(), rightful.TypeCustomer, "cus_1"); err != nil || len(f.requests()) != 2 {
		t.Errorf("%v after %d requests", err, len(f.requests()))
	}
}

// TestWriteLogsNoSecret, nor what it writes.
func TestWriteLogsNoSecret(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	f := newFake(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n < 3 {
			say(w, 429, "lock_timeout", "locked for sk_test_51Abc0123456789")
			return
		}
		send(w, stamped("cus_1"))
	}, func(o *stripeapi.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	if err := f.stamp(t.Context(), rightful.TypeCustomer, "cus_1"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "sent again") || strings.Contains(log.String(), "51Abc") || strings.Contains(log.String(), "cus_1") {
		t.Errorf("the log says:\n%s", log.String())
	}
}
