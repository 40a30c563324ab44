package alert_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/alert"
	"rightful/internal/alert/send"
	"rightful/internal/state"
	"rightful/internal/testserver"
)

// began is when every test begins.
const began = 1_760_000_000

// house is a state on one engine with a clock of its own, and what is recorded.
type house struct {
	*testing.T
	engine, address string
	clock           *atomic.Int64

	store *state.Store

	mu     sync.Mutex
	broken error
}

// reader reads what is recorded, unless it is broken.
type reader struct {
	rightful.AuditReader
	h *house
}

func (r reader) Findings(ctx context.Context, q rightful.FindingQuery) ([]rightful.RecordedFinding, error) {
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	if r.h.broken != nil {
		return nil, r.h.broken
	}
	return r.AuditReader.Findings(ctx, q)
}

func onBoth(t *testing.T, test func(h *house)) {
	t.Parallel()
	for engine, address := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "rightful.db") },
		"postgres": func(t *testing.T) string { return testserver.Postgres(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			h := &house{T: t, engine: engine, address: address(t), clock: &atomic.Int64{}}
			h.clock.Store(began)
			h.store = h.open()
			test(h)
		})
	}
}

func (h *house) now() time.Time { return time.Unix(h.clock.Load(), 0) }

// audited records an audit.
func (h *house) audited(r rightful.AuditRecord, findings ...rightful.Finding) {
	h.Helper()
	r.Account, r.Livemode, r.At = "acct_1", true, h.clock.Load()
	if _, err := h.store.RecordAudit(h.Context(), rightful.AuditResult{AuditRecord: r, Findings: findings}); err != nil {
		h.Fatal(err)
	}
}

// whole is an audit that read everything.
var whole = rightful.AuditRecord{Complete: true}

// node is one process.
type node struct {
	*alert.Evaluator
	store *state.Store
}

func (h *house) open() *state.Store {
	h.Helper()
	s, err := state.Open(h.Context(), h.address, state.Options{Now: h.now, Holder: "ana"})
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { s.Close() })
	return s
}

func (h *house) node(o alert.Options) node {
	h.Helper()
	s := h.open()
	o.Store, o.Now, o.Audits = s, h.now, reader{s, h}
	return node{alert.New(o), s}
}

func (h *house) tick(n node) {
	h.Helper()
	if err := n.Tick(h.Context()); err != nil {
		h.Fatal(err)
	}
}

// ear is a channel that hears what it is told.
type ear struct {
	mu    sync.Mutex
	heard []rightful.AlertMessage
	tried int
	fail  error // says this instead of hearing
}

// Send implements send.Sender.
func (e *ear) Send(_ context.Context, m rightful.AlertMessage) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tried++
	if e.fail != nil {
		return "", e.fail
	}
	e.heard = append(e.heard, m)
	return "ok", nil
}

func (e *ear) failing(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fail = err
}

// said returns what was heard since the last time, one message a line.
func (e *ear) said() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var lines []string
	for _, m := range e.heard {
		var parts []string
		for _, p := range m.Parts {
			for _, c := range p.Counts {
				parts = append(parts, fmt.Sprintf("%s %d %s", p.Said, c.Count, c.Label))
			}
		}
		lines = append(lines, strings.Join(parts, ", "))
	}
	e.heard = nil
	return strings.Join(lines, "\n")
}

// channel is told of everything, at most each minute.
func channel(name string, s send.Sender) alert.Channel {
	return alert.Channel{Sender: s, Rule: rightful.AlertRule{
		Channel: name, Kinds: []rightful.AlertKind{rightful.AlertFinding, rightful.AlertValidation, rightful.AlertDelivery, rightful.AlertAudit},
		Severity: rightful.SeverityWarning, Threshold: 1, Every: 60, Remind: 86400,
	}}
}

func (h *house) hears(e *ear, want string) {
	h.Helper()
	if got := e.said(); got != want {
		h.Errorf("heard %q, want %q", got, want)
	}
}

func finding(id string, code rightful.Code) rightful.Finding {
	info, _ := rightful.CodeNamed(code)
	company, right := "4", "11"
	return rightful.Finding{
		ID: id, Account: "acct_1", Livemode: true, Code: code, Severity: info.Severity, Title: info.Title, Message: "Bela Consultoria (ana@example.com) is stamped 4.",
		Object: rightful.Ref{Type: "customer", ID: "cus_" + id}, CompanyID: &company, RightfulCompanyID: &right,
	}
}

func payment(status gateway.Status, session string) gateway.Decision {
	return gateway.Decision{Kind: gateway.DecidedPayment, At: began, UserID: "7", CompanyID: "11", SessionID: session, Status: status, Decision: gateway.Allow, Enforced: gateway.Refuse, Codes: []string{"RF103"}}
}
