package telemetry

import (
	"context"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"rightful"
	"rightful/gateway"
)

// Options say what the metrics are fed from, beside what is reported to them. What
// is nil has no metrics.
type Options struct {
	// Version and Revision of this binary; shown as they are.
	Version, Revision string

	// StripeRequests returns how many requests were sent to Stripe so far, by
	// operation: "GET /v1/customers/{id}".
	StripeRequests func() map[string]int

	// These are asked when somebody looks, at most once in 10 seconds and for at
	// most 5. What they return holds for all processes on one database. When one
	// fails, its gauges are left out, and the failure is counted.
	Backlog   func(context.Context) (Backlog, error)
	Findings  func(context.Context) ([]OpenFindings, error)
	LastAudit func(context.Context) (LastAudit, error)

	// Now replaces the clock in tests.
	Now func() time.Time
}

// Backlog is what waits to be done.
type Backlog struct {
	Pending       int   // webhooks that were accepted and are not judged yet
	OldestPending int64 // Unix seconds when the oldest of them was accepted; 0: there is none
	Unknown       int   // webhooks of which nobody can be named, and that are tried again
	Notices       int   // notices that the app has not taken yet
}

// OpenFindings counts open findings of one code and severity.
type OpenFindings struct {
	Code     rightful.Code
	Severity rightful.Severity
	Count    int
}

// LastAudit is when audits ended. Zero: never.
type LastAudit struct {
	Complete int64 // Unix seconds of the last one that was complete
	Any      int64 // Unix seconds of the last one
}

// Metrics are the metrics of one process. They are safe for use by several
// goroutines, and never hold an id, a name or an email: each label has a fixed set
// of values, and everything else is "other".
type Metrics struct {
	registry  *prometheus.Registry
	described []Description
	routes    *known

	decisions   *prometheus.CounterVec
	deciding    *prometheus.HistogramVec
	undecided   *prometheus.CounterVec
	found       *prometheus.CounterVec
	created     *prometheus.CounterVec
	received    *prometheus.CounterVec
	refused     *prometheus.CounterVec
	judged      *prometheus.CounterVec
	lag         prometheus.Histogram
	notices     *prometheus.CounterVec
	alerts      *prometheus.CounterVec
	audits      *prometheus.CounterVec
	served      *prometheus.CounterVec
	serving     *prometheus.HistogramVec
	inFlight    prometheus.Gauge
	queryFailed *prometheus.CounterVec
}

// Upper bounds of histograms, in seconds. Decisions and requests are short; the
// target for judging a webhook is 5 seconds.
var (
	shortly = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	lagging = []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 43200}
)

// New returns metrics in a registry of their own. docs/metrics.md describes each.
func New(o Options) *Metrics {
	if o.Now == nil {
		o.Now = time.Now
	}
	m := &Metrics{registry: prometheus.NewRegistry(), routes: &known{}}
	m.decisions = m.counter("rightful_decisions_total", "What the gateway decided.", "kind", "status", "decision", "enforced")
	m.deciding = m.histogram("rightful_decision_seconds", "How long a decision took.", shortly, "kind")
	m.undecided = m.counter("rightful_decision_errors_total", "Decisions that an error ended, by its kind.", "kind", "error")
	m.found = m.counter("rightful_decision_findings_total", "Codes of the findings that decisions were made with.", "code")
	m.created = m.counter("rightful_created_total", "Stripe objects that the gateway made.", "object")
	m.received = m.counter("rightful_webhooks_received_total", "Webhooks with a good signature.", "result")
	m.refused = m.counter("rightful_webhooks_refused_total", "Webhooks that were refused.", "reason")
	m.judged = m.counter("rightful_webhooks_judged_total", "Webhooks that were looked at.", "disposition")
	m.lag = m.histogram("rightful_webhook_lag_seconds", "From the acceptance of a webhook to its disposition.", lagging).WithLabelValues().(prometheus.Histogram)
	m.notices = m.counter("rightful_notices_total", "Attempts to tell the app of an event.", "result")
	m.alerts = m.counter("rightful_alerts_total", "Attempts to send a message with alerts.", "sender", "result")
	m.audits = m.counter("rightful_audits_total", "Audits that ended.", "result")
	m.served = m.counter("rightful_http_requests_total", "HTTP requests that were answered.", "route", "method", "status")
	m.serving = m.histogram("rightful_http_request_seconds", "How long a request took.", shortly, "route")
	m.inFlight = m.gauge("rightful_http_requests_in_flight", "HTTP requests that are being answered.").WithLabelValues()
	m.queryFailed = m.counter("rightful_query_failures_total", "Reads for metrics that failed.", "query")
	m.gauge("rightful_build_info", "The version of the binary; always 1.", "version", "revision", "go_version").
		WithLabelValues(o.Version, o.Revision, runtime.Version()).Set(1)
	m.registry.MustRegister(m.asked(o), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Decided counts one decision. It is what gateway.Options.OnDecision wants.
func (m *Metrics) Decided(_ context.Context, d gateway.Decision) {
	kind := kinds.or(d.Kind)
	m.decisions.WithLabelValues(kind, statuses.or(string(d.Status)), verdicts.or(string(d.Decision)), verdicts.or(string(d.Enforced))).Inc()
	m.deciding.WithLabelValues(kind).Observe(max(d.Seconds, 0))
	if d.Error != "" {
		m.undecided.WithLabelValues(kind, errorKinds.or(d.Error)).Inc()
	}
	for _, code := range d.Codes {
		m.found.WithLabelValues(codes.or(code)).Inc()
	}
	if d.Created && (d.Kind == gateway.DecidedCustomer || d.Kind == gateway.DecidedCheckout) {
		m.created.WithLabelValues(d.Kind).Inc()
	}
}

// WebhookReceived counts an event whose signature was good; fresh tells that it was
// not known before.
func (m *Metrics) WebhookReceived(fresh bool) {
	if fresh {
		m.received.WithLabelValues("accepted").Inc()
		return
	}
	m.received.WithLabelValues("duplicate").Inc()
}

// Reasons for refusing a webhook.
const (
	RefusedSignature = "bad_signature" // missing, wrong, or of another secret
	RefusedTime      = "out_of_time"   // signed too long ago, or in the future
	RefusedSize      = "too_large"
	RefusedBody      = "bad_body"   // signed, and not an event
	RefusedStore     = "not_stored" // it could not be kept: Stripe sends it again
)

// WebhookRefused counts an event that was refused, for one of the reasons above.
func (m *Metrics) WebhookRefused(reason string) { m.refused.WithLabelValues(reasons.or(reason)).Inc() }

// WebhookJudged counts an event that was looked at: disposition is mine, foreign,
// unknown, ignored or dead. lag is the time since it was accepted; negative when it is
// not the first look.
func (m *Metrics) WebhookJudged(disposition string, lag time.Duration) {
	m.judged.WithLabelValues(statuses.or(disposition)).Inc()
	if lag >= 0 {
		m.lag.Observe(lag.Seconds())
	}
}

// Results of telling somebody something.
const (
	Sent   = "sent"
	Failed = "failed" // it is tried again
	Dead   = "dead"   // it is not tried any more
)

// Notice counts an attempt to tell the app of an event: Sent, Failed or Dead.
func (m *Metrics) Notice(result string) { m.notices.WithLabelValues(results.or(result)).Inc() }

// Alert counts an attempt to send a message with alerts. sender is the kind of the
// channel: slack, teams, pagerduty, webhook or email.
func (m *Metrics) Alert(sender, result string) {
	m.alerts.WithLabelValues(senders.or(sender), results.or(result)).Inc()
}

// Outcomes of an audit.
const (
	AuditComplete   = "complete"
	AuditIncomplete = "incomplete"
	AuditRefused    = "refused"
	AuditFailed     = "error"
)

// AuditEnded counts an audit by its outcome: one that this process ran, or learned of.
func (m *Metrics) AuditEnded(outcome string) { m.audits.WithLabelValues(outcomes.or(outcome)).Inc() }
