package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Reading for metrics must not be a load: answers are kept for a while, and a slow
// one is given up.
const (
	keepAnswer  = 10 * time.Second
	askNoLonger = 5 * time.Second
)

// asked are the metrics that are read when somebody looks.
type asked struct {
	o      Options
	failed *prometheus.CounterVec

	requests, pending, oldest, unknown, notices, findings, complete, audit *prometheus.Desc

	operations known
	mu         sync.Mutex
	at         time.Time           // guarded by mu
	answer     []prometheus.Metric // guarded by mu
}

func (m *Metrics) asked(o Options) *asked {
	desc := func(wanted bool, typ, name, help string, labels ...string) *prometheus.Desc {
		m.described = append(m.described, Description{Name: name, Type: typ, Help: help, Labels: labels})
		if !wanted {
			return nil
		}
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &asked{
		o: o, failed: m.queryFailed,
		requests: desc(o.StripeRequests != nil, "counter", "rightful_stripe_requests_total", "Requests that were sent to Stripe, repeated ones included.", "operation"),
		pending:  desc(o.Backlog != nil, "gauge", "rightful_webhooks_pending", "Webhooks that were accepted and are not judged yet."),
		oldest:   desc(o.Backlog != nil, "gauge", "rightful_webhooks_oldest_pending_timestamp_seconds", "When the oldest of them was accepted; absent when none is pending."),
		unknown:  desc(o.Backlog != nil, "gauge", "rightful_webhooks_unknown", "Webhooks of which nobody can be named, and that are tried again."),
		notices:  desc(o.Backlog != nil, "gauge", "rightful_notices_waiting", "Notices that the app has not taken yet."),
		findings: desc(o.Findings != nil, "gauge", "rightful_findings_open", "Open findings.", "code", "severity"),
		complete: desc(o.LastAudit != nil, "gauge", "rightful_last_complete_audit_timestamp_seconds", "When the last complete audit ended; absent before the first."),
		audit:    desc(o.LastAudit != nil, "gauge", "rightful_last_audit_timestamp_seconds", "When the last audit ended; absent before the first."),
	}
}

// Describe implements prometheus.Collector.
func (a *asked) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{a.requests, a.pending, a.oldest, a.unknown, a.notices, a.findings, a.complete, a.audit} {
		if d != nil {
			ch <- d
		}
	}
}

// Collect implements prometheus.Collector.
func (a *asked) Collect(ch chan<- prometheus.Metric) {
	if a.o.StripeRequests != nil {
		counts := map[string]int{}
		for operation, n := range a.o.StripeRequests() {
			counts[a.operations.or(operation)] += n
		}
		for operation, n := range counts {
			ch <- prometheus.MustNewConstMetric(a.requests, prometheus.CounterValue, float64(n), operation)
		}
	}
	for _, metric := range a.ask() {
		ch <- metric
	}
}

// ask returns what the databases say, or said a moment ago. Whoever looks meanwhile
// waits for the same answer.
func (a *asked) ask() []prometheus.Metric {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := a.o.Now(); a.at.IsZero() || now.Sub(a.at) >= keepAnswer || now.Before(a.at) {
		ctx, cancel := context.WithTimeout(context.Background(), askNoLonger)
		defer cancel()
		a.answer, a.at = a.read(ctx), now
	}
	return a.answer
}

func (a *asked) read(ctx context.Context) (out []prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out = append(out, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...))
	}
	if a.o.Backlog != nil {
		if b, err := a.o.Backlog(ctx); err != nil {
			a.failed.WithLabelValues("backlog").Inc()
		} else {
			gauge(a.pending, float64(b.Pending))
			gauge(a.unknown, float64(b.Unknown))
			gauge(a.notices, float64(b.Notices))
			if b.OldestPending > 0 {
				gauge(a.oldest, float64(b.OldestPending))
			}
		}
	}
	if a.o.Findings != nil {
		if open, err := a.o.Findings(ctx); err != nil {
			a.failed.WithLabelValues("findings").Inc()
		} else {
			counts := map[[2]string]int{}
			for _, f := range open {
				counts[[2]string{codes.or(string(f.Code)), severities.or(string(f.Severity))}] += f.Count
			}
			for labels, n := range counts {
				gauge(a.findings, float64(n), labels[:]...)
			}
		}
	}
	if a.o.LastAudit != nil {
		if last, err := a.o.LastAudit(ctx); err != nil {
			a.failed.WithLabelValues("last_audit").Inc()
		} else {
			if last.Complete > 0 {
				gauge(a.complete, float64(last.Complete))
			}
			if last.Any > 0 {
				gauge(a.audit, float64(last.Any))
			}
		}
	}
	return out
}
