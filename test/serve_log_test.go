package test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestServeLogsNoSecrets: keys, secrets and emails are sent to every place that takes a
// text, and said by everything that rightful asks; no line of the log has one.
func TestServeLogsNoSecrets(t *testing.T) {
	t.Parallel()
	const (
		// Put together, so that no file holds what looks like one.
		key   = "sk_" + "live_51HostileHostileHostileHostile"
		whsec = "whsec_" + "aG9zdGlsZWhvc3RpbGVob3N0aWxlaG9zdGls"
		email = "mallory.hostile@example.com"
		all   = key + " " + whsec + " " + email
	)
	// A Stripe, an app and a channel that say all of it in their errors.
	loud := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Request-Id", all)
		w.Header().Set("Location", "https://user:"+key+"@example.com/"+email)
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error": {"type": "invalid_request_error", "message": "no such thing: ` + all + `", "param": "` + all + `"}}`))
	}))
	t.Cleanup(loud.Close)
	s := openShop(t, "alerts: [{name: hook, to: webhook, url: '"+loud.URL+"/"+key+"', secret: '"+alertSecret+"', every: 10s}]\n"+
		"webhooks: {notify: {url: '"+loud.URL+"/"+email+"', secret: '"+alertSecret+"'}}\n")
	raw := must(os.ReadFile(filepath.Join(s.dir, "rightful.yaml")))(t)
	raw = []byte(strings.Replace(string(raw), s.stripe.URL, loud.URL, 1))
	if err := os.WriteFile(filepath.Join(s.dir, "rightful.yaml"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	s.serve(t)
	send := func(method, path, token, body string, headers ...string) {
		q, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Authorization", "Bearer "+token)
		q.Header.Set("Content-Type", "application/json")
		for i := 0; i+1 < len(headers); i += 2 {
			q.Header.Set(headers[i], headers[i+1])
		}
		got, err := s.client.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		got.Body.Close()
	}
	for _, evil := range []string{key, whsec, email} {
		send("GET", "/v1/users/"+evil+"/company", appToken, "")
		send("GET", "/v1/users/7/company", evil, "")
		send("GET", "/"+evil+"?"+evil+"="+evil, appToken, "", "X-Request-Id", evil, "User-Agent", evil, "Referer", "https://"+evil)
		send("GET", "/v1/findings?code="+evil, readToken, "")
		send("GET", "/v1/findings/"+evil, readToken, "")
		send("GET", "/v1/runs/"+evil, readToken, "")
		send("POST", "/v1/companies/"+evil+"/customer", appToken, `{"name": "`+evil+`", "email": "`+email+`"}`)
		send("POST", "/v1/companies/11/customer", appToken, `{"name": "`+evil+`", "email": "`+email+`"}`)
		send("POST", "/v1/checkout/sessions", appToken, `{"user_id": 7, "mode": "`+evil+`", "price": "`+evil+`", "success_url": "https://`+evil+`/", "metadata": {"`+evil+`": "`+evil+`"}}`)
		send("POST", "/v1/checkout/sessions", appToken, `{"user_id": 7, "mode": "payment", "price": "`+evil+`", "success_url": "https://app.example.com/?`+evil+`"}`)
		send("POST", "/v1/payments/validate", opsToken, `{"session_id": "cs_test_`+strings.NewReplacer("@", "_", ".", "_").Replace(evil)+`", "user_id": "`+evil+`"}`)
		send("POST", "/v1/payments/validate", opsToken, `{"`+evil+`": 1}`)
		send("POST", "/v1/guard/customers", appToken, `{"user_id": "`+evil+`", "id": "`+evil+`"}`)
		event := `{"id": "evt_` + evil[:4] + `", "object": "event", "type": "` + evil + `", "account": "` + evil + `", "created": 1760000000, "livemode": false, "data": {"object": {"id": "` + evil + `", "object": "customer", "email": "` + email + `"}}}`
		send("POST", "/v1/webhooks/stripe", "", event, "Stripe-Signature", signature(event, secret, time.Now()))
		send("POST", "/v1/webhooks/stripe", "", event, "Stripe-Signature", "t="+evil+",v1="+evil)
	}
	s.stop(t)
	log := s.log.String()
	for _, hidden := range []string{key, whsec, email, alertSecret, secret, "sk_test_shop", appToken, readToken, opsToken, envToken} {
		if at := strings.Index(log, hidden); at >= 0 {
			t.Errorf("the log holds %s: ...%s", hidden, log[max(0, at-300):min(len(log), at+100)])
		}
	}
	if n := strings.Count(log, `"msg":"request"`); n < 40 {
		t.Errorf("only %d requests in the log", n)
	}
}
