package alert_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
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

func TestFindingsOfAudits(t *testing.T) {
	onBoth(t, func(h *house) {
		e := &ear{}
		n := h.node(alert.Options{Channels: []alert.Channel{channel("chat", e)}})
		h.tick(n)
		h.hears(e, "")
		h.audited(whole, finding("a", "RF101"), finding("b", "RF101"), finding("c", "RF105"), finding("i", "RF701"))
		h.tick(n)
		h.hears(e, "new 2 RF101, new 1 RF105")
		h.tick(n)
		h.clock.Add(60)
		h.audited(whole, finding("b", "RF101"), finding("d", "RF103"))
		h.tick(n)
		h.hears(e, "new 1 RF103, resolved 1 RF101, resolved 1 RF105")

		// What the gateway notes between two audits is seen soon after.
		h.clock.Add(60)
		if _, err := h.store.NoteFindings(h.Context(), h.clock.Load(), []rightful.Finding{finding("e", "RF501")}); err != nil {
			h.Fatal(err)
		}
		h.tick(n)
		h.hears(e, "new 1 RF501")

		// A restart says nothing again, and nor does a second node.
		h.clock.Add(60)
		h.tick(h.node(alert.Options{Channels: []alert.Channel{channel("chat", e)}}))
		h.hears(e, "")
	})
}

// TestManyFindings has more of them than are read at once.
func TestManyFindings(t *testing.T) {
	onBoth(t, func(h *house) {
		e := &ear{}
		n := h.node(alert.Options{Channels: []alert.Channel{channel("chat", e)}})
		var many []rightful.Finding
		for i := range 1100 {
			many = append(many, finding(fmt.Sprintf("%04d", i), "RF101"))
		}
		h.audited(whole, many...)
		h.tick(n)
		h.hears(e, "new 1100 RF101")
		h.clock.Add(60)
		h.audited(whole, many[1:]...)
		h.tick(n)
		h.hears(e, "resolved 1 RF101")
	})
}

func TestAudits(t *testing.T) {
	onBoth(t, func(h *house) {
		e := &ear{}
		n := h.node(alert.Options{Channels: []alert.Channel{channel("chat", e)}, OverdueAfter: 26 * time.Hour})
		h.tick(n)
		h.clock.Add(26 * 3600)
		h.tick(n)
		h.hears(e, "")
		h.clock.Add(1)
		h.tick(n)
		h.hears(e, "new 1 audit:overdue")
		h.clock.Add(60)
		h.audited(rightful.AuditRecord{IncompleteBecause: []string{"Stripe stopped answering"}})
		h.tick(n)
		h.hears(e, "new 1 audit:incomplete, resolved 1 audit:overdue")
		h.clock.Add(60)
		h.audited(rightful.AuditRecord{RefusedCode: "RF901"}) // worse, but about the same
		h.tick(n)
		h.hears(e, "")
		h.clock.Add(60)
		h.audited(whole)
		h.tick(n)
		h.hears(e, "resolved 1 audit:incomplete")
		h.clock.Add(26*3600 + 1)
		h.tick(n)
		h.hears(e, "new 1 audit:overdue")
	})
}

// TestDecisions expects which decisions are worth an alert.
func TestDecisions(t *testing.T) {
	t.Parallel()
	failed := func(kind string, e rightful.ErrorKind) gateway.Decision {
		return gateway.Decision{Kind: kind, Error: string(e)}
	}
	guard := func(s gateway.Status) gateway.Decision {
		return gateway.Decision{Kind: gateway.DecidedGuard, Status: s, UserID: "7", StripeCustomerID: "cus_1"}
	}
	event := func(s gateway.Status) gateway.Decision {
		return gateway.Decision{Kind: gateway.DecidedWebhook, Status: s, EventID: "evt_1"}
	}
	tests := map[string]struct {
		d    gateway.Decision
		want string
	}{
		"valid":                   {payment(gateway.Valid, "cs_1"), ""},
		"processing":              {payment(gateway.Processing, "cs_1"), ""},
		"not paid":                {payment(gateway.NotPaid, "cs_1"), ""},
		"expired":                 {payment(gateway.Expired, "cs_1"), ""},
		"not signed in":           {payment(gateway.NeedsSignIn, "cs_1"), ""},
		"other company":           {payment(gateway.OtherCompany, "cs_1"), "validation:other_company error validation"},
		"company gone":            {payment(gateway.CompanyGone, "cs_1"), "validation:company_gone error validation"},
		"no company":              {payment(gateway.NoCompany, "cs_1"), "validation:no_company warning validation"},
		"wrong mode":              {payment(gateway.WrongMode, "cs_1"), "validation:wrong_mode warning validation"},
		"unknown session":         {payment(gateway.UnknownSession, "cs_1"), "validation:unknown_session info validation"},
		"a status that comes":     {payment("contested", "cs_1"), "validation:contested warning validation"},
		"Stripe is away":          {failed(gateway.DecidedPayment, rightful.KindUnreachable), "validation:error error validation"},
		"a client's mistake":      {failed(gateway.DecidedPayment, rightful.KindInvalid), ""},
		"a client that hung up":   {failed(gateway.DecidedPayment, gateway.ErrorCalledOff), ""},
		"what took too long":      {failed(gateway.DecidedGuard, gateway.ErrorTimedOut), "guard:error error validation"},
		"a user who is not there": {failed(gateway.DecidedPayment, rightful.KindNotFound), ""},
		"another's customer":      {guard(gateway.OtherCompany), "guard:other_company error validation"},
		"an own customer":         {guard(gateway.Valid), ""},
		"an event that is mine":   {event("mine"), ""},
		"a foreign event":         {event("foreign"), ""},
		"an unknown event":        {event("unknown"), "delivery:unknown info delivery"},
		"a dead event":            {event("dead"), "delivery:dead error delivery"},
		"a checkout":              {gateway.Decision{Kind: gateway.DecidedCheckout, SessionID: "cs_1"}, ""},
	}
	for name, test := range tests {
		kept := &keeper{}
		e := alert.New(alert.Options{Store: kept, Now: func() time.Time { return time.Unix(began, 0) }})
		e.OnDecision(t.Context(), test.d)
		if err := e.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, a := range kept.raised {
			got += fmt.Sprintf("%s %s %s", a.Key, a.Severity, a.Kind)
			if a.Title == "" || a.At != began || a.Seen != began || a.Count != 1 || a.Quiet != 3600 {
				t.Errorf("%s: got %+v", name, a)
			}
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// keeper keeps what is raised, and nothing else.
type keeper struct {
	rightful.AlertStore
	raised []rightful.Alert
	fail   error
}

func (k *keeper) RaiseAlerts(_ context.Context, alerts []rightful.Alert) error {
	if k.fail == nil {
		k.raised = append(k.raised, alerts...)
	}
	return k.fail
}

func (k *keeper) ResolveQuietAlerts(context.Context) error  { return nil }
func (k *keeper) ForgetAlerts(context.Context, int64) error { return nil }

func TestRefusalsAreGrouped(t *testing.T) {
	onBoth(t, func(h *house) {
		e := &ear{}
		n := h.node(alert.Options{Channels: []alert.Channel{channel("chat", e)}})
		n.OnDecision(h.Context(), payment(gateway.OtherCompany, "cs_0"))
		h.tick(n)
		h.hears(e, "new 1 validation:other_company")
		for i := range 40 {
			d := payment(gateway.OtherCompany, fmt.Sprintf("cs_%d", i))
			d.At = h.clock.Load()
			n.OnDecision(h.Context(), d)
		}
		n.OnDecision(h.Context(), payment(gateway.CompanyGone, "cs_x"))
		h.tick(n)
		h.hears(e, "")
		h.clock.Add(60)
		h.tick(n)
		h.hears(e, "new 1 validation:company_gone, again 40 validation:other_company")
		h.clock.Add(3600)
		h.tick(n)
		h.hears(e, "resolved 1 validation:company_gone, resolved 1 validation:other_company")
	})
}

// TestOnDecisionNeverBlocks fills the queue while nobody ticks.
func TestOnDecisionNeverBlocks(t *testing.T) {
	t.Parallel()
	kept := &keeper{fail: errors.New("away")}
	e := alert.New(alert.Options{Store: kept})
	for i := range 1500 {
		e.OnDecision(t.Context(), payment(gateway.OtherCompany, fmt.Sprintf("cs_%d", i)))
	}
	if e.Dropped() != 1500-1024 {
		t.Errorf("%d dropped", e.Dropped())
	}
	if err := e.Tick(t.Context()); !errors.Is(err, kept.fail) {
		t.Errorf("got %v", err)
	}
	kept.fail = nil
	if err := e.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(kept.raised) != 1 || kept.raised[0].Count != 1024 || len(kept.raised[0].IDs) != rightful.AlertIDs {
		t.Errorf("raised %+v", kept.raised)
	}
}

func TestDelivery(t *testing.T) {
	onBoth(t, func(h *house) {
		e := &ear{}
		var counted alert.Delivery
		n := h.node(alert.Options{Channels: []alert.Channel{channel("chat", e)}, Delivery: func(context.Context) (alert.Delivery, error) { return counted, nil }})
		n.OnDecision(h.Context(), gateway.Decision{Kind: gateway.DecidedWebhook, Status: "dead", EventID: "evt_1"})
		counted.Dead = 3
		n.OnCatchUp(h.Context(), 0, nil)
		n.OnCatchUp(h.Context(), 12, []rightful.Ref{{Type: "event", ID: "evt_9"}})
		h.tick(n)
		h.hears(e, "new 12 delivery:caught_up, new 1 delivery:dead")
		h.clock.Add(3600)
		counted = alert.Delivery{Dead: 5, Untold: 1}
		h.tick(n)
		h.hears(e, "new 1 notify:dead, resolved 1 delivery:caught_up")
		h.clock.Add(60)
		counted = alert.Delivery{}
		h.tick(n)
		h.hears(e, "resolved 1 delivery:dead, resolved 1 notify:dead")
	})
}

// TestAChannelThatFails is tried again later and later, and the others hear of it.
func TestAChannelThatFails(t *testing.T) {
	onBoth(t, func(h *house) {
		down, up := &ear{fail: &send.Error{Message: "answered 500"}}, &ear{}
		var log strings.Builder
		n := h.node(alert.Options{
			Channels: []alert.Channel{channel("down", down), channel("up", up)}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		h.audited(whole, finding("a", "RF101"))
		for i, wait := range []int64{0, 30, 60, 120, 240} {
			if wait > 0 {
				h.clock.Add(wait - 1)
				h.tick(n)
				if down.tried != i {
					h.Fatalf("tried %d times before attempt %d", down.tried, i+1)
				}
				h.clock.Add(1)
			}
			h.tick(n)
			if down.tried != i+1 {
				h.Fatalf("tried %d times at attempt %d", down.tried, i+1)
			}
		}
		h.tick(n)
		h.hears(up, "new 1 RF101\nnew 1 channel:dead:down")
		channels, err := n.store.AlertChannels(h.Context())
		if err != nil || channels[0].Failures != 5 || channels[0].Error != "answered 500" || channels[0].NotBefore != h.clock.Load()+480 {
			h.Errorf("got %+v, %v", channels, err)
		}
		if !strings.Contains(log.String(), "channel=down") {
			h.Errorf("logged %s", log.String())
		}
		// It asks for more time, and gets it.
		down.failing(&send.Error{Message: "answered 429", After: 50 * time.Minute})
		h.clock.Add(480)
		h.tick(n)
		h.clock.Add(3000 - 1)
		h.tick(n)
		if down.tried != 6 {
			h.Errorf("tried %d times", down.tried)
		}
		down.failing(nil)
		h.clock.Add(1)
		h.tick(n)
		h.hears(down, "new 1 RF101")
		h.tick(n)
		h.hears(up, "resolved 1 channel:dead:down")
	})
}

func TestAChannelThatIsWrong(t *testing.T) {
	onBoth(t, func(h *house) {
		down, up := &ear{fail: &send.Error{Message: "answered 404 no_service", Permanent: true}}, &ear{}
		n := h.node(alert.Options{Channels: []alert.Channel{channel("down", down), channel("up", up)}})
		h.audited(whole, finding("a", "RF101"))
		h.tick(n)
		h.clock.Add(60)
		h.tick(n)
		if down.tried != 1 {
			h.Errorf("tried %d times", down.tried)
		}
		// Channels are told beside each other: in one message or in two.
		said := strings.Fields(strings.NewReplacer("new 1 ", "", ",", " ").Replace(up.said()))
		if slices.Sort(said); !slices.Equal(said, []string{"RF101", "channel:dead:down"}) {
			h.Errorf("heard %q", said)
		}
		// For a day it is tried each hour; then what is to be said is written anew.
		for range 25 {
			h.clock.Add(3600)
			h.audited(whole, finding("b", "RF105"))
			h.tick(n)
		}
		if down.tried < 24 {
			h.Errorf("tried %d times", down.tried)
		}
		down.failing(nil)
		h.clock.Add(3600)
		h.tick(n)
		h.hears(down, "new 1 RF105")
	})
}

func TestIDsOnlyUnlessAsked(t *testing.T) {
	onBoth(t, func(h *house) {
		ids, all := &ear{}, &ear{}
		more := channel("all", all)
		more.ShowAll = true
		n := h.node(alert.Options{Channels: []alert.Channel{channel("ids", ids), more}})
		f := finding("a", "RF801")
		f.Object = rightful.Ref{Type: rightful.RefCacheKey, ID: "user:ana@example.com:company"}
		secret := finding("s", "RF102")
		secret.Message = "It is stamped sk_live_51Abcdef."
		h.audited(whole, f, secret)
		h.tick(n)
		if len(ids.heard) != 1 || len(all.heard) != 1 {
			h.Fatalf("heard %d and %d", len(ids.heard), len(all.heard))
		}
		told := func(e *ear) string { return fmt.Sprintf("%+v", e.heard) }
		if text := told(ids); strings.Contains(text, "Bela") || strings.Contains(text, "@") || !strings.Contains(text, "{Type:rightful_company ID:11}") {
			h.Errorf("ids: %s", text)
		}
		if text := told(all); !strings.Contains(text, "Bela Consultoria ((email)) is stamped 4.") || strings.Contains(text, "@") || strings.Contains(text, "sk_live") {
			h.Errorf("all: %s", text)
		}
	})
}

// TestTwoNodesTellOnce lets two nodes tick at the same moments.
func TestTwoNodesTellOnce(t *testing.T) {
	onBoth(t, func(h *house) {
		e := &ear{}
		nodes := []node{}
		for range 4 {
			nodes = append(nodes, h.node(alert.Options{Channels: []alert.Channel{channel("chat", e)}}))
		}
		want := []string{}
		for round := range 5 {
			h.audited(whole, finding(fmt.Sprint(round), "RF101"))
			var all sync.WaitGroup
			failed := make([]error, len(nodes))
			for i, n := range nodes {
				all.Go(func() { failed[i] = n.Tick(h.Context()) })
			}
			all.Wait()
			if err := errors.Join(failed...); err != nil {
				h.Fatal(err)
			}
			text := "new 1 RF101"
			if round > 0 {
				text += ", resolved 1 RF101"
			}
			want = append(want, text)
			h.clock.Add(60)
		}
		h.hears(e, strings.Join(want, "\n"))
	})
}

// TestRunKeepsTheLastDecisions stops a server right after a decision.
func TestRunKeepsTheLastDecisions(t *testing.T) {
	onBoth(t, func(h *house) {
		n := h.node(alert.Options{})
		ctx, stop := context.WithCancel(h.Context())
		n.OnDecision(ctx, payment(gateway.OtherCompany, "cs_1"))
		stop()
		n.Run(ctx, time.Hour)
		alerts, open, err := n.store.Alerts(h.Context(), 0, 10)
		if err != nil || open != 1 || alerts[0].Key != "validation:other_company" {
			h.Errorf("got %+v, %v", alerts, err)
		}
	})
}

func TestWhatCannotBeReadEndsNothing(t *testing.T) {
	onBoth(t, func(h *house) {
		e := &ear{}
		n := h.node(alert.Options{Channels: []alert.Channel{channel("chat", e)}})
		h.audited(whole, finding("a", "RF101"))
		h.tick(n)
		h.hears(e, "new 1 RF101")
		h.mu.Lock()
		h.broken = errors.New("away")
		h.mu.Unlock()
		h.clock.Add(3600)
		if err := n.Tick(h.Context()); !errors.Is(err, h.broken) {
			h.Errorf("got %v", err)
		}
		h.hears(e, "")
	})
}
