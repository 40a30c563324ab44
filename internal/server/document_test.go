package server_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rightful/gateway"
	"rightful/internal/server"
)

// TestTheDocumentIsMadeOnce: it comes with a tag, compressed to who takes that, and not
// at all to who has it.
func TestTheDocumentIsMadeOnce(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t, nil)
	tags := map[string]string{}
	for accepted, zipped := range map[string]bool{"": false, "gzip": true, "br, GZIP;q=0.5": true, "gzip;q=0": false, "gzip; q=0.0, br": false, "gzip;x=1": false, "deflate": false} {
		ask := func(method, tag string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, "/openapi.json", nil)
			if accepted != "" {
				r.Header.Set("Accept-Encoding", accepted)
			}
			if tag != "" {
				r.Header.Set("If-None-Match", tag)
			}
			w, _ := do(s, r)
			return w
		}
		w := ask("GET", "")
		body := w.Body.Bytes()
		if zipped {
			z, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if body, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		h := w.Header()
		if w.Code != 200 || !bytes.Equal(body, server.OpenAPI()) || (h.Get("Content-Encoding") == "gzip") != zipped || h.Get("Content-Type") != "application/json" || h.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %d %v, %d bytes", accepted, w.Code, h, len(body))
		}
		tag := h.Get("ETag")
		tags[tag] = accepted
		for _, known := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
			if w := ask("GET", known); w.Code != 304 || w.Body.Len() != 0 || w.Header().Get("ETag") != tag {
				t.Errorf("%q, who has %s: %d, %d bytes", accepted, known, w.Code, w.Body.Len())
			}
		}
		if w := ask("GET", `"other"`); w.Code != 200 {
			t.Errorf("%q, who has another: %d", accepted, w.Code)
		}
	}
	if len(tags) != 2 {
		t.Errorf("the tags are %v", tags)
	}
}

// TestAFloodOfDocuments: who sends many requests in a row is told to come back, and cut
// off. The process is said to be alive all the while.
func TestAFloodOfDocuments(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t, nil)
	address, stop := running(t, s, time.Second)
	c := dial(t, address)
	go func() {
		_, _ = io.WriteString(c, strings.Repeat("GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n", 5000))
	}()
	counts := map[int]int{}
	from := bufio.NewReader(c)
	for {
		answer, err := http.ReadResponse(from, nil)
		if err != nil {
			break
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		counts[answer.StatusCode]++
	}
	// What was under way when the connection was closed may be lost with it.
	if counts[200] > 400 || counts[503] > 1 {
		t.Errorf("of 5000 in a row, answered %v", counts)
	}
	const one = "GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n"
	last := http.StatusOK
	for i := 0; last == http.StatusOK && i < 400; i++ {
		last = status(t, dial(t, address), one)
	}
	if last != http.StatusServiceUnavailable {
		t.Errorf("on connections of their own: %d", last)
	}
	if got := status(t, dial(t, address), "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"); got != 200 {
		t.Errorf("healthz: %d", got)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// subscribing is a gateway that knows, or does not, what the company has.
type subscribing struct {
	faulty
	session gateway.Session
}

func (g *subscribing) CreateCheckoutSession(context.Context, gateway.CheckoutRequest) (gateway.Session, error) {
	return g.session, nil
}

// TestWhatIsNotKnownIsNull: an empty list would say that there is none.
func TestWhatIsNotKnownIsNull(t *testing.T) {
	t.Parallel()
	for want, has := range map[string][]string{"null": nil, "[]": {}, `["sub_1"]`: {"sub_1"}} {
		s, _, _ := open(t, func(o *server.Options) {
			o.Gateway = &subscribing{session: gateway.Session{ID: "cs_1", AlreadySubscribed: has}}
		})
		r := httptest.NewRequest("POST", "/v1/checkout/sessions", strings.NewReader(`{"user_id": 7, "mode": "subscription"}`))
		r.Header.Set("Authorization", "Bearer t-app")
		r.Header.Set("Content-Type", "application/json")
		if w, _ := do(s, r); w.Code != 200 || !strings.Contains(w.Body.String(), `"already_subscribed":`+want) || strings.Count(w.Body.String(), "already_subscribed") != 1 {
			t.Errorf("%d %s, want %s", w.Code, w.Body, want)
		}
	}
}

// TestAHostedSessionHasNoSecret: an empty one would look like one that was lost.
func TestAHostedSessionHasNoSecret(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", "cs_1_secret_x"} {
		s, _, _ := open(t, func(o *server.Options) {
			o.Gateway = &subscribing{session: gateway.Session{ID: "cs_1", URL: "https://pay.example.com", ClientSecret: secret}}
		})
		r := httptest.NewRequest("POST", "/v1/checkout/sessions", strings.NewReader(`{"user_id": 7, "mode": "subscription"}`))
		r.Header.Set("Authorization", "Bearer t-app")
		r.Header.Set("Content-Type", "application/json")
		w, body := do(s, r)
		if got, has := body["client_secret"]; w.Code != 200 || has != (secret != "") || has && got != secret {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}
