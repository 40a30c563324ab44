package gateway_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
)

const notifySecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

func TestNotifyOverHTTP(t *testing.T) {
	t.Parallel()
	answer := http.StatusNoContent
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		if answer == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(answer)
		if answer == http.StatusOK {
			_, _ = io.WriteString(w, strings.Repeat("x", 1<<20)) // nobody reads it all
		}
	}))
	defer server.Close()
	notify, err := gateway.NotifyOverHTTP(gateway.NotifyOptions{URL: server.URL + "/payments", Secret: notifySecret, Now: func() time.Time { return time.Unix(hookAt, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	n := gateway.Notice{ID: "evt_1", Type: "customer.updated", Created: 5, CompanyID: "11", Family: "cus_1", Object: gateway.NoticeObject{Type: "customer", ID: "cus_1"}, Findings: []string{}, Livemode: true}
	if err := notify(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	const want = `{"id":"evt_1","type":"customer.updated","created":5,"company_id":"11","family":"cus_1","object":{"type":"customer","id":"cus_1"},"superseded":false,"findings":[],"account":"","livemode":true}`
	if string(body) != want || got.Method != http.MethodPost || got.URL.Path != "/payments" {
		t.Errorf("got %s %s", got.URL, body)
	}
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(notifySecret, "whsec_"))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("evt_1.1760000000." + want))
	if s := got.Header.Get("webhook-signature"); s != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) || got.Header.Get("webhook-id") != "evt_1" || got.Header.Get("webhook-timestamp") != "1760000000" {
		t.Errorf("got %v", got.Header)
	}
	for status, taken := range map[int]bool{200: true, 201: true, 302: false, 400: false, 410: false, 500: false} {
		answer = status
		if err := notify(t.Context(), n); (err == nil) != taken {
			t.Errorf("%d: %v", status, err)
		}
		if got.URL.Path != "/payments" {
			t.Errorf("%d: a redirect was followed", status)
		}
	}
	server.Close()
	if err := notify(t.Context(), n); err == nil || strings.Contains(err.Error(), "/payments") {
		t.Errorf("got %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := notify(gone, n); err == nil {
		t.Error("sent")
	}
}

func TestNotifyRefusesOptions(t *testing.T) {
	t.Parallel()
	const good = "https://app.example.com/payments"
	for _, c := range []struct{ url, secret, place string }{
		{"", notifySecret, "url"}, {"app.example.com", notifySecret, "url"}, {"ftp://app.example.com/", notifySecret, "url"}, {"http://app.example.com/", notifySecret, "url"},
		{"http://10.0.0.1/", notifySecret, "url"}, {"https://a:b@app.example.com/", notifySecret, "url"}, {"http://127.0.0.1.example.com/", notifySecret, "url"},
		{good, "", "secret"}, {good, "short", "secret"}, {good, "whsec_c2hvcnQ=", "secret"}, {good, "whsec_%%%", "secret"},
	} {
		_, err := gateway.NotifyOverHTTP(gateway.NotifyOptions{URL: c.url, Secret: c.secret})
		own, _ := err.(*rightful.Error)
		if own == nil || own.Kind != rightful.KindInvalid || own.Place != c.place || c.secret != "" && strings.Contains(err.Error(), c.secret) {
			t.Errorf("%s: %v", c.url, err)
		}
	}
	for _, url := range []string{good, "http://127.0.0.1:8000/x", "http://[::1]/x", "http://localhost/x"} {
		if _, err := gateway.NotifyOverHTTP(gateway.NotifyOptions{URL: url, Secret: notifySecret}); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}
