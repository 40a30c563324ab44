package alert_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/alert"
)

// only returns the one alert that is open.
func (h *house) only(n node) rightful.AlertState {
	h.Helper()
	alerts, open, err := n.store.Alerts(h.Context(), 0, 10)
	if err != nil || open != 1 {
		h.Fatalf("%d are open, %v", open, err)
	}
	return alerts[0]
}

// TestRefusedAudits: that an audit was refused as unsafe is worse than that it could not
// read everything, also where it read all it wanted.
func TestRefusedAudits(t *testing.T) {
	onBoth(t, func(h *house) {
		e := &ear{}
		n := h.node(alert.Options{Channels: []alert.Channel{channel("chat", e)}})
		h.audited(rightful.AuditRecord{Complete: true, RefusedCode: "RF901"})
		h.tick(n)
		h.hears(e, "new 1 audit:incomplete")
		a := h.only(n)
		if a.Severity != rightful.SeverityError || len(a.Codes) != 1 || a.Codes[0] != "RF901" || a.Title != "the last audit was refused as unsafe" {
			h.Errorf("refused: got %+v", a)
		}
		if len(a.IDs) != 1 || a.IDs[0].Type != "audit" || a.IDs[0].ID == "" {
			h.Errorf("refused: names %+v", a.IDs)
		}
		h.clock.Add(60)
		h.audited(rightful.AuditRecord{IncompleteBecause: []string{"Stripe stopped answering", "no more time"}})
		h.tick(n)
		a = h.only(n)
		if a.Severity != rightful.SeverityWarning || len(a.Codes) != 0 || a.Message != "Stripe stopped answering; no more time" {
			h.Errorf("read in part: got %+v", a)
		}
	})
}

// TestFindingsThatChanged are read by the next tick, and if that could not read them, by
// the one after: not only when it is time to look again.
func TestFindingsThatChanged(t *testing.T) {
	onBoth(t, func(h *house) {
		e := &ear{}
		n := h.node(alert.Options{Channels: []alert.Channel{channel("chat", e)}})
		h.audited(whole)
		h.tick(n)
		note := func(id string) {
			h.Helper()
			if _, err := h.store.NoteFindings(h.Context(), h.clock.Load(), []rightful.Finding{finding(id, "RF501")}); err != nil {
				h.Fatal(err)
			}
		}
		breaks := func(err error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.broken = err
		}
		h.clock.Add(1)
		note("a")
		h.tick(n)
		h.hears(e, "") // nobody said so, and it was looked at a second ago
		n.FindingsChanged()
		away := errors.New("away")
		breaks(away)
		if err := n.Tick(h.Context()); !errors.Is(err, away) {
			h.Fatalf("got %v", err)
		}
		breaks(nil)
		h.tick(n)
		h.hears(e, "new 1 RF501")

		note("b")
		h.clock.Add(28)
		h.tick(n)
		h.clock.Add(1)
		h.hears(e, "") // one read was enough
		h.tick(n)
		if _, open, err := n.store.Alerts(h.Context(), 0, 10); err != nil || open != 1 {
			h.Errorf("%d are open after 29 seconds, %v", open, err)
		}
		h.clock.Add(1)
		h.tick(n)
		if _, open, err := n.store.Alerts(h.Context(), 0, 10); err != nil || open != 2 {
			h.Errorf("%d are open after 30 seconds, %v", open, err)
		}
	})
}

// TestOverdue counts from the last audit, else from when the first channel was to be told,
// and by nothing where no limit is set or nobody is told.
func TestOverdue(t *testing.T) {
	onBoth(t, func(h *house) {
		e := &ear{}
		n := h.node(alert.Options{Channels: []alert.Channel{channel("chat", e)}, OverdueAfter: time.Hour})
		none := h.node(alert.Options{Channels: []alert.Channel{channel("chat", e)}})
		h.tick(n)
		h.clock.Add(3600)
		h.tick(n)
		h.hears(e, "")
		h.clock.Add(1)
		h.tick(none)
		h.hears(e, "")
		h.tick(n)
		h.hears(e, "new 1 audit:overdue")
		if a := h.only(n); a.Message != "No audit was ever recorded." || a.Severity != rightful.SeverityError {
			h.Errorf("got %+v", a)
		}
		h.clock.Add(60)
		h.audited(whole)
		at := h.clock.Load()
		h.tick(n)
		h.hears(e, "resolved 1 audit:overdue")
		h.clock.Add(3600)
		h.tick(n)
		h.hears(e, "")
		h.clock.Add(1)
		h.tick(n)
		h.hears(e, "new 1 audit:overdue")
		if a := h.only(n); a.Message != "The last audit is of "+time.Unix(at, 0).UTC().Format("2006-01-02 15:04:05 UTC")+"." {
			h.Errorf("got %q", a.Message)
		}
	})
}

// TestDeliveryThatIsCounted: what somebody counts is over when none is left, and not
// before, however quiet it is; and what is open names examples.
func TestDeliveryThatIsCounted(t *testing.T) {
	onBoth(t, func(h *house) {
		e := &ear{}
		counted := alert.Delivery{Dead: 1, DeadIDs: []rightful.Ref{{Type: "event", ID: "evt_1"}}}
		away := errors.New("away")
		n := h.node(alert.Options{Channels: []alert.Channel{channel("chat", e)}, Delivery: func(context.Context) (alert.Delivery, error) { return counted, away }})
		n.OnDecision(h.Context(), gateway.Decision{Kind: gateway.DecidedWebhook, Status: "dead", EventID: "evt_1"})
		for range 2 { // nobody can count for some hours: that is no reason to call it over
			if err := n.Tick(h.Context()); !errors.Is(err, away) {
				h.Errorf("got %v", err)
			}
			h.clock.Add(3600)
		}
		h.hears(e, "new 1 delivery:dead")
		away = nil
		h.tick(n)
		h.hears(e, "")
		if a := h.only(n); len(a.IDs) != 1 || a.IDs[0].ID != "evt_1" || a.Severity != rightful.SeverityError || a.Quiet != 0 {
			h.Errorf("got %+v", a)
		}
		counted = alert.Delivery{}
		h.clock.Add(60)
		h.tick(n)
		h.hears(e, "resolved 1 delivery:dead")
		counted = alert.Delivery{Untold: 2, UntoldIDs: []rightful.Ref{{Type: "event", ID: "evt_2"}}}
		h.clock.Add(60)
		h.tick(n)
		h.hears(e, "new 1 notify:dead")
		if a := h.only(n); len(a.IDs) != 1 || a.IDs[0].ID != "evt_2" || a.Severity != rightful.SeverityError {
			h.Errorf("got %+v", a)
		}
	})
}

// TestNothingToCatchUp: where Stripe delivered everything there is nothing to tell.
func TestNothingToCatchUp(t *testing.T) {
	t.Parallel()
	kept := &keeper{}
	e := alert.New(alert.Options{Store: kept, Now: func() time.Time { return time.Unix(began, 0) }})
	e.OnCatchUp(t.Context(), 0, nil)
	if err := e.Tick(t.Context()); err != nil || len(kept.raised) != 0 {
		t.Errorf("raised %+v, %v", kept.raised, err)
	}
	e.OnCatchUp(t.Context(), 2, []rightful.Ref{{Type: "event", ID: "evt_1"}})
	if err := e.Tick(t.Context()); err != nil || len(kept.raised) != 1 || kept.raised[0].Count != 2 || kept.raised[0].Quiet != 3600 {
		t.Errorf("raised %+v, %v", kept.raised, err)
	}
}
