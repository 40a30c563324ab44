package test

import (
	"database/sql"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// measured reads /metrics: the value of each series.
func (s *shop) measured(t *testing.T) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for line := range strings.SplitSeq(string(s.must200(t, "GET", "/metrics", "", "").raw), "\n") {
		at := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || at < 0 {
			continue
		}
		v, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			t.Fatalf("%q", line)
		}
		out[line[:at]] = v
	}
	return out
}

// TestServeIsMeasured: after a session in which everything happened, each metric of
// docs/metrics.md has moved.
func TestServeIsMeasured(t *testing.T) {
	t.Parallel()
	channel, app := listen(t), listen(t)
	app.answers(http.StatusInternalServerError)
	s := openShop(t, "alerts: [{name: hook, to: webhook, url: '"+channel.URL+"', secret: '"+alertSecret+"', every: 10s}]\n"+
		"webhooks: {notify: {url: '"+app.URL+"', secret: '"+alertSecret+"'}}\n")
	goOn := make(chan struct{})
	release := sync.OnceFunc(func() { close(goOn) })
	t.Cleanup(release)
	s.meet(func(*http.Request) { <-goOn })
	s.serve(t)
	at := time.Now().Unix() - 100

	// Nobody can be judged as long as Stripe does not answer.
	s.sends(t, "evt_nobody", "cus_nobody", "404", at)
	moved := map[string]bool{}
	look := func() bool {
		for series, v := range s.measured(t) {
			name, _, _ := strings.Cut(series, "{")
			moved[series] = moved[series] || v > 0
			moved[name] = moved[name] || v > 0
		}
		return true
	}
	until(t, "an event is pending", func() bool { return look() && moved["rightful_webhooks_oldest_pending_timestamp_seconds"] })
	release()

	customer := s.must200(t, "POST", "/v1/companies/11/customer", appToken, "").text("stripe_customer_id")
	session := s.buys(t, 7).text("id")
	s.pays(t, session, "bela@example.com")
	for _, user := range []string{"7", "9"} {
		s.validates(t, appToken, session, user)
	}
	s.must200(t, "POST", "/v1/guard/customers", appToken, `{"user_id": 9, "id": "`+customer+`"}`)
	s.ask(t, "GET", "/v1/users/10/company", appToken, "")
	s.ask(t, "GET", "/v1/nowhere", appToken, "")

	s.sends(t, "evt_1", customer, "11", at+1)
	s.sends(t, "evt_1", customer, "11", at+1)
	s.stamps(t, customer, "4")
	s.sends(t, "evt_2", customer, "4", at+2)
	other := `{"id": "evt_live", "object": "event", "type": "customer.updated", "created": 1760000000, "livemode": true, "data": {"object": {"id": "cus_1", "object": "customer"}}}`
	product := `{"id": "evt_product", "object": "event", "type": "product.updated", "created": 1760000000, "livemode": false, "data": {"object": {"id": "prod_1", "object": "product"}}}`
	unknown := `{"id": "evt_unknown", "object": "event", "type": "customer.updated", "created": 1760000000, "livemode": false, "data": {"object": {"id": "cus_unknown", "object": "customer", "metadata": {"company_id": "404"}}}}`
	for _, event := range []string{other, product, unknown} {
		s.must200(t, "POST", "/v1/webhooks/stripe", "", event, "Stripe-Signature", signature(event, secret, time.Now()))
	}
	for _, bad := range []struct {
		body, secret string
		at           time.Time
	}{
		{`{}`, "whsec_other", time.Now()}, {`{}`, secret, time.Now().Add(-time.Hour)}, {`{}`, secret, time.Now()}, {strings.Repeat(" ", 2<<20), secret, time.Now()},
	} {
		s.ask(t, "POST", "/v1/webhooks/stripe", "", bad.body, "Stripe-Signature", signature(bad.body, bad.secret, bad.at))
	}
	until(t, "the app is asked", func() bool { return len(app.all()) > 0 })
	until(t, "a notice waits", func() bool { return look() && moved["rightful_notices_waiting"] })
	app.answers(0)
	until(t, "an alert is told", func() bool { return len(channel.told(t, "RF101")) > 0 })
	s.rightful(t, "audit", "--record")
	want := []string{
		`rightful_webhooks_received_total{result="accepted"}`, `rightful_webhooks_received_total{result="duplicate"}`,
		`rightful_notices_total{result="failed"}`, `rightful_notices_total{result="sent"}`, `rightful_alerts_total{result="sent",sender="webhook"}`,
		`rightful_audits_total{result="complete"}`, `rightful_findings_open{code="RF101",severity="error"}`,
		`rightful_stripe_requests_total{operation="GET /v1/account"}`, `rightful_stripe_requests_total{operation="POST /v1/customers"}`, `rightful_stripe_requests_total{operation="POST /v1/checkout/sessions"}`,
		`rightful_created_total{object="customer"}`, `rightful_created_total{object="checkout"}`,
	}
	for _, reason := range []string{"bad_signature", "out_of_time", "bad_body", "too_large"} {
		want = append(want, `rightful_webhooks_refused_total{reason="`+reason+`"}`)
	}
	for _, disposition := range []string{"mine", "foreign", "unknown", "ignored"} {
		want = append(want, `rightful_webhooks_judged_total{disposition="`+disposition+`"}`)
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `(rightful_[a-z_]+)` \\| (\\w+) \\|").FindAllStringSubmatch(string(must(os.ReadFile("../docs/metrics.md"))(t)), -1) {
		name := row[1]
		if row[2] == "histogram" {
			name += "_count"
		}
		if name != "rightful_query_failures_total" { // see below
			want = append(want, name)
		}
	}
	missing := func() (not []string) {
		for _, name := range want {
			if !moved[name] {
				not = append(not, name)
			}
		}
		return not
	}
	defer func() {
		if not := missing(); len(not) > 0 {
			t.Errorf("did not move: %v\n%v", not, slices.Sorted(maps.Keys(moved)))
		}
	}()
	until(t, "everything has moved", func() bool { return look() && len(missing()) == 0 })

	db := must(sql.Open("sqlite", filepath.Join(s.dir, "rightful.db")+"?_pragma=busy_timeout(10000)"))(t)
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "ALTER TABLE rightful_findings RENAME TO gone"); err != nil {
		t.Fatal(err)
	}
	until(t, "a failure is counted", func() bool { return look() && moved[`rightful_query_failures_total{query="findings"}`] })
}
