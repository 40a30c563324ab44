package server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/server"
)

// TestWhatIsNoRequestIsAnswered: whatever is sent, the answer is a problem that says
// what to correct, or what was asked for, and never a 500.
func TestWhatIsNoRequestIsAnswered(t *testing.T) {
	t.Parallel()
	s, _, log := open(t, nil)
	address, stop := running(t, s, 10*time.Second)
	const host = "Host: a\r\nConnection: close\r\n"
	for _, c := range []struct {
		sent   string
		status int
		says   string
	}{
		{"GET /v1/users/%zz/company HTTP/1.1\r\n" + host + "\r\n", 400, "two hexadecimal digits"},
		{"garbage\r\n\r\n", 400, "cannot be read"},
		{"GET /healthz HTTP/1.1\r\n\r\n", 400, "missing required Host header"},
		{"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "cannot be read"},
		{"GET /healthz HTTP/1.1\r\nHost: a\r\nX y: 1\r\n\r\n", 400, "invalid header name"},
		{"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", 400, "cannot be read"},
		{"POST /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "cannot be read"},
		{"GET /healthz HTTP/3.0\r\nHost: a\r\n\r\n", 505, "unsupported protocol version"},
		{"GET /" + strings.Repeat("a", 30_000) + " HTTP/1.1\r\n" + host + "\r\n", 431, "at most 16384 bytes"},
		{"OPTIONS * HTTP/1.1\r\n" + host + "\r\n", 404, "openapi.json"},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 404, "openapi.json"},
		{"CONNECT a:1 HTTP/1.1\r\n" + host + "\r\n", 404, "openapi.json"},
		{"get /healthz HTTP/1.1\r\n" + host + "\r\n", 405, "ask with GET"},
		{"GET /healthz HTTP/1.0\r\n\r\n", 200, `"ok"`},
		{"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", 200, `"ok"`}, // and nobody waits for the body
		{"GET /healthz/ HTTP/1.1\r\n" + host + "\r\n", 404, "no slash at its end"},
		{"GET //healthz HTTP/1.1\r\n" + host + "\r\n", 404, "no slash at its end"},
		{"GET /v1/users/7/company HTTP/1.1\r\nAuthorization: Bearer t-app\r\nAuthorization: Bearer t-ops\r\n" + host + "\r\n", 401, "more than one"},
	} {
		conn := dial(t, address)
		began := time.Now()
		fmt.Fprint(conn, c.sent)
		got, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%.60q: %v", c.sent, err)
			continue
		}
		var body map[string]any
		if err := json.NewDecoder(got.Body).Decode(&body); err != nil || got.StatusCode != c.status || !strings.Contains(fmt.Sprint(body)+`"`+fmt.Sprint(body["status"])+`"`, c.says) {
			t.Errorf("%.60q: %d %v, %v", c.sent, got.StatusCode, body, err)
		}
		id := got.Header.Get("X-Request-Id")
		if c.status != 200 && (got.Header.Get("Content-Type") != "application/problem+json" || body["instance"] != id || body["code"] == "" || body["title"] == "") || id == "" {
			t.Errorf("%.60q: %v %v", c.sent, got.Header, body)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%.60q: answered after %v", c.sent, took)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), `"msg":"request","route":"unread","status":400`); n != 5 {
		t.Errorf("%d lines for 6 that could not be read: %s", n, log)
	}
	if !strings.Contains(log.String(), `"suppressed":1`) {
		t.Errorf("the log: %s", log)
	}
}

// none has no findings.
type none struct{ rightful.AuditReader }

// TestProblemsSayWhatAFieldHolds, and which methods there are.
func TestProblemsSayWhatAFieldHolds(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t, func(o *server.Options) { o.Findings = none{} })
	for _, c := range []struct {
		method, path, body string
		status             int
		field, says        string
	}{
		{"POST", "/v1/payments/validate", `{"user_id": 7}`, 400, "session_id", "is missing"},
		{"POST", "/v1/payments/validate", `{"session_id": null, "user_id": 7}`, 400, "session_id", "is missing"},
		{"POST", "/v1/guard/sessions", `{"user_id": 7}`, 400, "id", "is missing"},
		{"POST", "/v1/guard/customers", `{"id": null}`, 400, "id", "is missing"},
		{"POST", "/v1/guard/portal", `{}`, 400, "id", "is missing"},
		{"POST", "/v1/payments/validate", `{"session_id": 1}`, 422, "session_id", "a text"},
		{"POST", "/v1/payments/validate", `{"user_id": -1}`, 422, "user_id", "a whole number"},
		{"POST", "/v1/payments/validate", `{"user_id": 1e400}`, 422, "user_id", "without sign, point or exponent"},
		{"POST", "/v1/checkout/sessions", `{"quantity": 99999999999999999999}`, 422, "quantity", "a whole number"},
		{"POST", "/v1/checkout/sessions", `{"quantity": 1e3}`, 422, "quantity", "a whole number"},
		{"POST", "/v1/checkout/sessions", `{"metadata": []}`, 422, "metadata", "an object"},
		{"POST", "/v1/checkout/sessions", `{"stripe_params": 1}`, 422, "stripe_params", "an object"},
		{"POST", "/v1/payments/validate", `{"session_id": "cs_\ud83d", "user_id": "7"}`, 200, "", ""}, // half a character, as JavaScript cuts one
		{"POST", "/v1/guard/portal", `{"id": "cus_\ude00x", "user_id": "7"}`, 200, "", ""},
		{"POST", "/v1/checkout/sessions", `{"stripe_params": {"a": "\ud83d"}, "user_id": "7", "mode": 1}`, 422, "mode", "a text"},
		{"POST", "/v1/payments/validate", "{\"session_id\": \"cs_\xff\"}", 400, "", "no UTF-8"},
		{"GET", "/v1/findings?limit=%zz", "", 422, "", "two hexadecimal digits"},
		{"GET", "/v1/findings?limit=1;code=RF101", "", 422, "", "has a ;"},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer t-ops")
		r.Header.Set("Content-Type", "application/json")
		w, body := do(s, r)
		field, _ := body["field"].(string)
		if w.Code != c.status || field != c.field || !strings.Contains(fmt.Sprint(body["detail"]), c.says) {
			t.Errorf("%s %s: %d %v", c.path, c.body, w.Code, body)
		}
	}
	for path, allow := range map[string]string{"/healthz": "GET, HEAD", "/v1/payments/validate": "POST"} {
		if w, _ := do(s, httptest.NewRequest("OPTIONS", path, nil)); w.Code != 405 || w.Header().Get("Allow") != allow {
			t.Errorf("OPTIONS %s: %d, Allow %q", path, w.Code, w.Header().Get("Allow"))
		}
	}
}
