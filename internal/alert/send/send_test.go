package send_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"rightful"
	"rightful/internal/alert/send"
)

// began is when every test begins.
const began = 1_760_000_000

func at() time.Time { return time.Unix(began, 0) }

// What opens the channels of tests.
const (
	pathSecret = "/services/T00SECRET/B00SECRET/xyzSECRETxyz"
	routingKey = "R0SECRETR0SECRETR0SECRETR0SECRET"
	hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

// evil is text as somebody would write it who wants more than to be read.
const evil = "<!channel> & <https://evil.example.com|click> ```*b* _i_ [l](http://x) \r\nBcc: all@example.com\r\n\r\n{{x}}"

// news is a message with every part, and evil ids.
func news() rightful.AlertMessage {
	a := rightful.Alert{
		Key: "finding:f1", Kind: rightful.AlertFinding, Severity: rightful.SeverityError, Title: "stamp names a company that does not exist",
		Message: "Bela is stamped 4.", IDs: []rightful.Ref{{Type: "customer", ID: "cus_1"}, {Type: "company", ID: "4"}, {Type: "rightful_company", ID: evil}},
		Codes: []rightful.Code{"RF101"}, At: began - 60, Seen: began - 60, Count: 1,
	}
	over := a
	over.Key, over.Resolved, over.IDs = "finding:f2", began, []rightful.Ref{{Type: "customer", ID: "cus_2"}}
	return rightful.AlertMessage{
		ID: "msg_1", Channel: "billing", At: began,
		Parts: []rightful.AlertPart{
			{Said: rightful.SaidNew, Count: 12, Counts: []rightful.AlertCount{{Label: "RF101", Title: a.Title, Severity: rightful.SeverityError, Count: 12}}, Examples: []rightful.Alert{a}},
			{Said: rightful.SaidResolved, Count: 1, Counts: []rightful.AlertCount{{Label: "RF101", Title: a.Title, Severity: rightful.SeverityError, Count: 1}}, Examples: []rightful.Alert{over}},
		},
		Incidents: []rightful.AlertIncident{{ID: "msg_1", Severity: rightful.SeverityError, Title: a.Title, Count: 12}}, Ended: []string{"msg_0"},
	}
}

// full is the longest message there can be.
func full() rightful.AlertMessage {
	m := news()
	long := strings.Repeat("&", 400)
	for i := range m.Parts {
		p := &m.Parts[i]
		for j := range 60 {
			p.Counts = append(p.Counts, rightful.AlertCount{Label: fmt.Sprintf("%d %s", j, long), Title: long, Severity: rightful.SeverityWarning, Count: 1})
		}
		for len(p.Examples) < rightful.AlertExamples {
			a := p.Examples[0]
			a.Message = long
			a.IDs = nil
			for j := range rightful.AlertIDs {
				a.IDs = append(a.IDs, rightful.Ref{Type: "cache_key", ID: fmt.Sprintf("%d%s", j, long)})
			}
			p.Examples = append(p.Examples, a)
		}
	}
	m.Parts = append(m.Parts, m.Parts...)
	return m
}

// server is the other side of a channel. It keeps what it was sent.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	bodies [][]byte
	header []http.Header
	paths  []string
}

func listen(t *testing.T, answer http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s, %s, %v", r.Method, r.Header.Get("Content-Type"), err)
		}
		s.mu.Lock()
		s.bodies, s.header, s.paths = append(s.bodies, body), append(s.header, r.Header.Clone()), append(s.paths, r.URL.Path)
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func ok(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }

// decode reads JSON as strictly as the other side might.
func decode(t *testing.T, raw []byte, into any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
}

// channels are senders of every kind over HTTP to an address.
func channels(t *testing.T, base string) map[string]send.Sender {
	t.Helper()
	hook, err := send.NewWebhook(base+pathSecret, hookSecret, at)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]send.Sender{
		"slack": send.NewSlack(base + pathSecret), "teams": send.NewTeams(base + pathSecret + "?sig=qSECRETq"), "webhook": hook,
		"pagerduty": send.NewPagerDuty(base, routingKey),
	}
}

// TestFailures lets the other side fail in every way, while it repeats what it knows.
func TestFailures(t *testing.T) {
	t.Parallel()
	echo := func(status int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			key := ""
			if r.URL.Path == "/v2/enqueue" {
				key = routingKey // it stood in the body
			}
			fmt.Fprintf(w, "no: %s %s by ana@example.com\r\n\x1b[2J %s", r.URL, key, strings.Repeat("x", 100_000))
		}
	}
	tests := map[string]struct {
		answer    http.HandlerFunc
		says      string
		permanent bool
		after     time.Duration
	}{
		"bad request":    {echo(400), "answered 400 no: ", true, 0},
		"gone":           {echo(404), "answered 404 no: ", true, 0},
		"too many":       {echo(429, "Retry-After", "17"), "answered 429", false, 17 * time.Second},
		"too many until": {echo(429, "Retry-After", at().Add(time.Minute).UTC().Format(http.TimeFormat)), "answered 429", false, -1},
		"too long":       {echo(429, "Retry-After", "99999999"), "answered 429", false, time.Hour},
		"nonsense":       {echo(503, "Retry-After", "-5"), "answered 503", false, 0},
		"broken":         {echo(500), "answered 500", false, 0},
		"redirect":       {echo(302, "Location", "https://evil.example.com/"), "a redirect, which is not followed", true, 0},
		"hung up":        {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "cannot be reached", false, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := listen(t, test.answer)
			for kind, c := range channels(t, s.URL) {
				_, err := c.Send(t.Context(), news())
				failed, is := err.(*send.Error)
				if !is || !strings.Contains(failed.Message, test.says) || failed.Permanent != test.permanent {
					t.Errorf("%s: got %#v", kind, err)
					continue
				}
				if test.after >= 0 && failed.After != test.after {
					t.Errorf("%s: after %v", kind, failed.After)
				}
				if kind == "webhook" && name == "too many until" && failed.After != time.Minute { // it has the clock
					t.Errorf("%s: after %v", kind, failed.After)
				}
				if len(failed.Message) > 300 || strings.ContainsAny(failed.Message, "\r\n\x1b@") || strings.Contains(failed.Message, "SECRET") {
					t.Errorf("%s: it says %q", kind, failed.Message)
				}
			}
		})
	}
}

func TestNobodyIsThere(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(nil)
	s.Close()
	silent := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-silent:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(silent) })
	for _, base := range []string{s.URL, slow.URL} {
		for kind, c := range channels(t, base) {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			_, err := c.Send(ctx, news())
			cancel()
			failed, is := err.(*send.Error)
			if !is || failed.Permanent || strings.Contains(failed.Message, "SECRET") || !strings.Contains(failed.Message, "cannot be reached") && !strings.Contains(failed.Message, "did not answer in time") {
				t.Errorf("%s: got %#v", kind, err)
			}
		}
	}
}

func TestWhatWasAnswered(t *testing.T) {
	t.Parallel()
	s := listen(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(202)
		fmt.Fprint(w, `{"status":"success","message":"Event processed"}`)
	})
	for kind, c := range channels(t, s.URL) {
		answer, err := c.Send(t.Context(), send.TestMessage("billing", "msg_t", at()))
		if err != nil || answer != `202 {"status":"success","message":"Event processed"}` {
			t.Errorf("%s: got %q, %v", kind, answer, err)
		}
	}
	for _, body := range s.bodies {
		if !strings.Contains(string(body), "a test: this channel gets alerts") && !strings.Contains(string(body), `"test":true`) && !strings.Contains(string(body), `"resolve"`) {
			t.Errorf("not marked as a test: %s", body)
		}
	}
}

// TestClean holds what is done to every text from outside.
func TestClean(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain":                           "plain",
		" a\r\nb\x1b[2J\u202ec\x00 ":      "a  b [2J c",
		"ana@example.com, <Bo@x.org>":     "(email), <(email)>",
		"stamped sk_live_51Abcdef":        "(it holds what looks like a secret)",
		"at redis://:hunter2@h/0":         "(it holds what looks like a secret)",
		"\xff" + strings.Repeat("é", 900): "?" + strings.Repeat("é", 496) + "...",
	} {
		if got := send.Clean(text); got != want {
			t.Errorf("%q became %q", text, got)
		}
	}
}
