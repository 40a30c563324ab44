package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/telemetry"
)

// ticking is a clock that tests move.
type ticking struct {
	mu  sync.Mutex
	now time.Time
}

func (c *ticking) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *ticking) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// everything returns metrics that have a value each.
func everything(o telemetry.Options) *telemetry.Metrics {
	o.Version, o.Revision = "1.2.3", "4f2a9c1"
	if o.StripeRequests == nil {
		o.StripeRequests = func() map[string]int { return map[string]int{"GET /v1/customers/{id}": 3} }
	}
	if o.Backlog == nil {
		o.Backlog = func(context.Context) (telemetry.Backlog, error) {
			return telemetry.Backlog{Pending: 5, OldestPending: 1767225600, Unknown: 2, Notices: 1}, nil
		}
	}
	if o.Findings == nil {
		o.Findings = func(context.Context) ([]telemetry.OpenFindings, error) {
			return []telemetry.OpenFindings{{Code: "RF101", Severity: rightful.SeverityError, Count: 4}, {Code: "RF999", Severity: "x", Count: 1}, {Code: "RF998", Severity: "y", Count: 2}}, nil
		}
	}
	if o.LastAudit == nil {
		o.LastAudit = func(context.Context) (telemetry.LastAudit, error) {
			return telemetry.LastAudit{Complete: 1767225600, Any: 1767225700}, nil
		}
	}
	m := telemetry.New(o)
	m.Decided(context.Background(), gateway.Decision{Kind: gateway.DecidedPayment, Status: gateway.OtherCompany, Decision: gateway.Allow, Enforced: gateway.Refuse, Codes: []string{"RF103"}, Seconds: 0.2})
	m.Decided(context.Background(), gateway.Decision{Kind: gateway.DecidedCustomer, Created: true, Error: string(rightful.KindConflict)})
	m.WebhookReceived(true)
	m.WebhookReceived(false)
	m.WebhookRefused(telemetry.RefusedSize)
	m.WebhookJudged("mine", 3*time.Second)
	m.Notice(telemetry.Sent)
	m.Alert("slack", telemetry.Failed)
	m.AuditEnded(telemetry.AuditComplete)
	m.Served("POST /v1/checkout/sessions", "POST", 200, time.Second)
	return m
}

// scrape returns what /metrics shows.
func scrape(t *testing.T, m *telemetry.Metrics) string {
	t.Helper()
	server := httptest.NewServer(m.Handler())
	defer server.Close()
	resp, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %v: %s", resp.StatusCode, err, body)
	}
	return string(body)
}

func TestWhatIsShown(t *testing.T) {
	t.Parallel()
	shown := scrape(t, everything(telemetry.Options{}))
	for _, line := range []string{
		`rightful_decisions_total{decision="allow",enforced="refuse",kind="payment",status="other_company"} 1`,
		`rightful_decisions_total{decision="none",enforced="none",kind="customer",status="none"} 1`,
		`rightful_decision_seconds_bucket{kind="payment",le="0.25"} 1`,
		`rightful_decision_seconds_bucket{kind="payment",le="0.1"} 0`,
		`rightful_decision_errors_total{error="conflict",kind="customer"} 1`,
		`rightful_decision_findings_total{code="RF103"} 1`,
		`rightful_created_total{object="customer"} 1`,
		`rightful_webhooks_received_total{result="accepted"} 1`,
		`rightful_webhooks_received_total{result="duplicate"} 1`,
		`rightful_webhooks_refused_total{reason="too_large"} 1`,
		`rightful_webhooks_judged_total{disposition="mine"} 1`,
		`rightful_webhook_lag_seconds_sum 3`,
		`rightful_webhooks_pending 5`,
		`rightful_webhooks_oldest_pending_timestamp_seconds 1.7672256e+09`,
		`rightful_webhooks_unknown 2`,
		`rightful_notices_waiting 1`,
		`rightful_notices_total{result="sent"} 1`,
		`rightful_alerts_total{result="failed",sender="slack"} 1`,
		`rightful_audits_total{result="complete"} 1`,
		`rightful_findings_open{code="RF101",severity="error"} 4`,
		`rightful_findings_open{code="other",severity="other"} 3`,
		`rightful_last_complete_audit_timestamp_seconds 1.7672256e+09`,
		`rightful_last_audit_timestamp_seconds 1.7672257e+09`,
		`rightful_stripe_requests_total{operation="GET /v1/customers/{id}"} 3`,
		`rightful_http_requests_total{method="POST",route="/v1/checkout/sessions",status="200"} 1`,
		`rightful_http_request_seconds_count{route="/v1/checkout/sessions"} 1`,
		`rightful_http_requests_in_flight 0`,
		`rightful_build_info{go_version="go`,
		`go_goroutines `,
	} {
		if !strings.Contains(shown, line) {
			t.Errorf("not shown: %s", line)
		}
	}
	if t.Failed() {
		t.Log(shown)
	}
}

// TestLabelsAreBounded: whatever arrives, there are few series, and none holds it.
func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	operations := map[string]int{}
	for i := range 5000 {
		operations[fmt.Sprint("GET /v1/customers/cus_", i)] = 1
	}
	m := everything(telemetry.Options{StripeRequests: func() map[string]int { return operations }})
	for i := range 5000 {
		id := fmt.Sprint("alien", i)
		m.Decided(context.Background(), gateway.Decision{Kind: id, Status: gateway.Status(id), Decision: gateway.Verdict(id), Enforced: gateway.Verdict(id), Codes: []string{id}, Error: id, UserID: id, CompanyID: id, Seconds: -1})
		m.WebhookRefused(id)
		m.WebhookJudged(id, -time.Second)
		m.Notice(id)
		m.Alert(id, id)
		m.AuditEnded(id)
		m.Served("GET /"+id, id, i, 0)
	}
	shown := scrape(t, m)
	if lines := strings.Count(shown, "\n"); lines > 4000 {
		t.Errorf("%d lines", lines)
	}
	for _, want := range []string{`rightful_decisions_total{decision="other",enforced="other",kind="other",status="other"} 5000`, `rightful_webhooks_refused_total{reason="other"} 5000`,
		`rightful_stripe_requests_total{operation="other"} 4900`, `status="other"`, `route="other"`} {
		if !strings.Contains(shown, want) {
			t.Errorf("not shown: %s", want)
		}
	}
	if strings.Count(shown, "alien") > 3*15*100 || strings.Contains(shown, `status="alien`) || strings.Contains(shown, `reason="alien`) {
		t.Error("what came from outside became a label")
	}
}

// TestAsking: the databases are asked once in ten seconds, whoever looks; a read
// that fails leaves its gauges out, is counted, and hides nothing else.
func TestAsking(t *testing.T) {
	t.Parallel()
	clock := &ticking{now: time.Unix(1767225600, 0)}
	var mu sync.Mutex
	asked, failing := 0, false
	m := everything(telemetry.Options{Now: clock.read, Backlog: func(ctx context.Context) (telemetry.Backlog, error) {
		mu.Lock()
		defer mu.Unlock()
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("the question has no deadline")
		}
		asked++
		if failing {
			return telemetry.Backlog{}, errors.New("down")
		}
		return telemetry.Backlog{Pending: asked}, nil
	}})
	var together sync.WaitGroup
	for range 8 {
		together.Go(func() { scrapeQuietly(m) })
	}
	together.Wait()
	if shown := scrape(t, m); !strings.Contains(shown, "rightful_webhooks_pending 1\n") || strings.Contains(shown, "rightful_webhooks_oldest") {
		t.Error(shown)
	}
	clock.pass(10 * time.Second)
	if !strings.Contains(scrape(t, m), "rightful_webhooks_pending 2\n") {
		t.Error("an old answer is shown")
	}
	mu.Lock()
	failing = true
	mu.Unlock()
	clock.pass(10 * time.Second)
	if shown := scrape(t, m); strings.Contains(shown, "rightful_webhooks_pending") || !strings.Contains(shown, "rightful_findings_open") {
		t.Error("a failed read shows a number, or hides another")
	}
	if !strings.Contains(scrape(t, m), `rightful_query_failures_total{query="backlog"} 1`) {
		t.Error("a failed read is not counted")
	}
}

func scrapeQuietly(m *telemetry.Metrics) {
	m.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/metrics", nil))
}

// TestNothingIsAskedThatIsNotThere: an app that embeds the gateway has no queue.
func TestNothingIsAskedThatIsNotThere(t *testing.T) {
	t.Parallel()
	shown := scrape(t, telemetry.New(telemetry.Options{}))
	if strings.Contains(shown, "rightful_webhooks_pending") || !strings.Contains(shown, "rightful_build_info") {
		t.Error(shown)
	}
}

// TestServing counts by the route's pattern, never by the path.
func TestServing(t *testing.T) {
	t.Parallel()
	m := telemetry.New(telemetry.Options{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/users/{user_id}/company", func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Errorf("what is behind the counter cannot be reached: %v", err)
		}
		io.WriteString(w, "11")
	})
	mux.HandleFunc("/teapot", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
	})
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	server := httptest.NewServer(m.Serving(mux))
	defer server.Close()
	for _, path := range []string{"/v1/users/7/company", "/v1/users/8/company", "/teapot", "/nowhere/7", "/panic"} {
		if resp, err := http.Get(server.URL + path); err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}
	shown := scrape(t, m)
	for _, line := range []string{
		`rightful_http_requests_total{method="GET",route="/v1/users/{user_id}/company",status="200"} 2`,
		`rightful_http_requests_total{method="GET",route="/teapot",status="418"} 1`,
		`rightful_http_requests_total{method="GET",route="unmatched",status="404"} 1`,
		`route="/panic",status="500"}`,
		`rightful_http_requests_in_flight 0`,
	} {
		if !strings.Contains(shown, line) {
			t.Errorf("not shown: %s", line)
		}
	}
	if strings.Contains(shown, "users/7") {
		t.Error("a path is a label")
	}
}

// TestEveryMetricIsDocumented: name, type, labels and words, both ways. What a
// scrape shows is described too.
func TestEveryMetricIsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	m := everything(telemetry.Options{})
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(rightful_\\w+)` .*$").FindAllSubmatch(page, -1) {
		if documented[string(row[1])] {
			t.Errorf("%s is documented twice", row[1])
		}
		documented[string(row[1])] = true
	}
	described := map[string]bool{}
	for _, d := range m.Described() {
		described[d.Name] = true
		labels := ""
		for _, l := range d.Labels {
			labels += "`" + l + "` "
		}
		if row := fmt.Sprintf("| `%s` | %s | %s| %s |\n", d.Name, d.Type, labels, d.Help); !bytes.Contains(page, []byte(row)) {
			t.Errorf("docs/metrics.md has no row %s", row)
		}
		delete(documented, d.Name)
	}
	for name := range documented {
		t.Errorf("docs/metrics.md has %s, and nobody has that metric", name)
	}
	for _, typ := range regexp.MustCompile(`(?m)^# TYPE (rightful_\w+) (\w+)$`).FindAllStringSubmatch(scrape(t, m), -1) {
		if !described[typ[1]] {
			t.Errorf("%s is shown and not described", typ[1])
		}
	}
}
