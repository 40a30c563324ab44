package wire

import (
	"context"
	"sync"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/alert"
	"rightful/internal/telemetry"
)

// Everything that wants to know what the gateway does is told from here.

// decided tells all who want to know what was decided.
func (g *Opened) decided(ctx context.Context, d gateway.Decision) {
	for _, listen := range g.listeners {
		listen(ctx, d)
	}
}

// openListeners says who is told of decisions, in this order.
func (g *Opened) openListeners(o GatewayOptions) {
	g.listeners = append(g.listeners, g.notes.note)
	if g.Metrics != nil {
		g.listeners = append(g.listeners, g.Metrics.Decided)
	}
	if g.alerts != nil {
		g.listeners = append(g.listeners, g.alerts.OnDecision)
	}
	if o.OnDecision != nil {
		g.listeners = append(g.listeners, o.OnDecision)
	}
}

// tally is who counts what happens to events.
func (g *Opened) tally() gateway.Tally {
	var w gateway.Tally
	if g.alerts != nil {
		w.CaughtUp = g.alerts.OnCatchUp
	}
	m := g.Metrics
	if m == nil {
		return w
	}
	w.Received = m.WebhookReceived
	w.Refused = func(code string) { m.WebhookRefused(code) }
	w.Judged = func(disposition rightful.InboxStatus, since time.Duration) {
		m.WebhookJudged(string(disposition), since)
	}
	w.Told = func(state rightful.NoticeState) {
		switch state {
		case rightful.NoticeTold:
			m.Notice(telemetry.Sent)
		case rightful.NoticeWaiting:
			m.Notice(telemetry.Failed)
		case rightful.NoticeDead:
			m.Notice(telemetry.Dead)
		}
	}
	return w
}

// openAlerts makes what raises and sends alerts, if the config names channels.
func (g *Opened) openAlerts(o GatewayOptions) error {
	if !o.Alerts || len(g.config.Alerts) == 0 {
		return nil
	}
	said := alert.Options{Logger: o.Logger}
	if g.config.TakesEvents() {
		said.Delivery = g.delivery
	}
	if g.Metrics != nil {
		said.OnSent = g.Metrics.Alert
	}
	var err error
	g.alerts, err = Evaluator(g.config, g.state, said, o.Now)
	return err
}

// alertsEvery is how often it is looked whether somebody is to be told of something.
const alertsEvery = 5 * time.Second

// givenUpFor is for how long somebody is told of what was given up.
const givenUpFor = 7 * 24 * time.Hour

// delivery counts what does not arrive.
func (g *Opened) delivery(ctx context.Context) (alert.Delivery, error) {
	n, err := g.state.CountEvents(ctx, g.now().Add(-givenUpFor).Unix())
	return alert.Delivery{Dead: n.Dead, DeadIDs: n.DeadIDs, Untold: n.Untold, UntoldIDs: n.UntoldIDs}, err
}

// metricsOptions are what metrics are read from.
func (g *Opened) metricsOptions(o GatewayOptions) telemetry.Options {
	m := telemetry.Options{Version: o.Version, Revision: o.Revision, Now: o.Now, Findings: g.openFindings, LastAudit: g.lastAudit}
	if g.config.TakesEvents() {
		m.Backlog = g.backlog
	}
	return m
}

func (g *Opened) backlog(ctx context.Context) (telemetry.Backlog, error) {
	n, err := g.state.CountEvents(ctx, g.now().Unix())
	return telemetry.Backlog{Pending: n.Pending, OldestPending: n.OldestPending, Unknown: n.Unknown, Notices: n.Waiting}, err
}

func (g *Opened) openFindings(ctx context.Context) ([]telemetry.OpenFindings, error) {
	counts, err := g.state.CountFindings(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]telemetry.OpenFindings, len(counts))
	for i, n := range counts {
		out[i] = telemetry.OpenFindings{Code: n.Code, Severity: n.Severity, Count: n.Count}
	}
	return out, nil
}

// auditsSeen is up to where recorded audits were counted.
type auditsSeen struct {
	mu   sync.Mutex
	last string // id; empty: there was none
}

// begin leaves out what was recorded before.
func (a *auditsSeen) begin(ctx context.Context, r rightful.AuditReader) error {
	records, err := r.Audits(ctx, "", false, 1)
	if len(records) > 0 {
		a.last = records[0].ID
	}
	return err
}

// lastAudit says when audits were recorded last, and counts those that were since it
// was asked before.
func (g *Opened) lastAudit(ctx context.Context) (telemetry.LastAudit, error) {
	var last telemetry.LastAudit
	records, err := g.Audits.Audits(ctx, "", false, 100)
	if err != nil {
		return last, err
	}
	g.audits.mu.Lock()
	defer g.audits.mu.Unlock()
	fresh := true
	for _, r := range records {
		last.Any = max(last.Any, r.KeptAt)
		outcome := telemetry.AuditComplete
		switch {
		case r.RefusedCode != "":
			outcome = telemetry.AuditRefused
		case !r.Complete:
			outcome = telemetry.AuditIncomplete
		default:
			last.Complete = max(last.Complete, r.KeptAt)
		}
		if fresh = fresh && r.ID != g.audits.last; fresh {
			g.Metrics.AuditEnded(outcome)
		}
	}
	if len(records) > 0 {
		g.audits.last = records[0].ID
	}
	return last, nil
}
