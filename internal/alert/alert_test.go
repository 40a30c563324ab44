package alert_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/alert"
)

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
