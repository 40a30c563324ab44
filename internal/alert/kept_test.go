package alert_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/alert"
	"rightful/internal/alert/send"
)

// TestResultsOfSending are told apart: sent, failed, and given up after a day.
func TestResultsOfSending(t *testing.T) {
	onBoth(t, func(h *house) {
		e := &ear{fail: errors.New("dial 10.0.0.1: ana@example.com refused")}
		var results []string
		n := h.node(alert.Options{
			Channels: []alert.Channel{{To: "slack", Sender: e, Rule: channel("chat", e).Rule}}, OnSent: func(to, result string) { results = append(results, to+" "+result) },
		})
		h.audited(whole, finding("a", "RF101"))
		h.tick(n)
		channels, err := n.store.AlertChannels(h.Context())
		if err != nil || channels[0].Error == "" || strings.Contains(channels[0].Error, "@") {
			h.Errorf("got %+v, %v", channels, err)
		}
		h.clock.Add(24 * 3600)
		h.tick(n)
		e.failing(nil)
		h.clock.Add(3600)
		h.tick(n)
		if want := []string{"slack failed", "slack dead", "slack sent"}; !slices.Equal(results, want) {
			h.Errorf("got %q, want %q", results, want)
		}
	})
}

// TestADeadChannelIsNamed, whatever it said.
func TestADeadChannelIsNamed(t *testing.T) {
	onBoth(t, func(h *house) {
		e := &ear{fail: &send.Error{Message: "answered 404", Permanent: true}}
		n := h.node(alert.Options{Channels: []alert.Channel{channel("chat", e)}})
		n.OnDecision(h.Context(), payment(gateway.OtherCompany, "cs_1"))
		h.tick(n)
		alerts, _, err := n.store.Alerts(h.Context(), 0, 10)
		i := slices.IndexFunc(alerts, func(a rightful.AlertState) bool { return a.Key == "channel:dead:chat" })
		if err != nil || i < 0 || !slices.Equal(alerts[i].IDs, []rightful.Ref{{Type: "channel", ID: "chat"}}) {
			h.Errorf("got %+v, %v", alerts, err)
		}
	})
}

// TestALongOutage: a channel is never left alone for more than an hour, however often
// it failed.
func TestALongOutage(t *testing.T) {
	onBoth(t, func(h *house) {
		e := &ear{fail: &send.Error{Message: "answered 500"}}
		n := h.node(alert.Options{Channels: []alert.Channel{channel("chat", e)}})
		h.audited(whole, finding("a", "RF101"))
		for i := range 80 {
			h.tick(n)
			if e.tried != i+1 {
				h.Fatalf("tried %d times after %d hours", e.tried, i)
			}
			h.clock.Add(3600)
		}
	})
}

// TestWhatComesTogetherIsOne: its time is that of the first, it was seen when the last
// was, it is as severe as the worst, and it names each thing once.
func TestWhatComesTogetherIsOne(t *testing.T) {
	t.Parallel()
	kept := &keeper{}
	e := alert.New(alert.Options{Store: kept, Now: func() time.Time { return time.Unix(began, 0) }})
	for i, at := range []int64{began - 5, began - 9, began - 1} {
		d := payment(gateway.OtherCompany, "cs_1")
		d.At, d.Codes = at, []string{"RF103", fmt.Sprintf("RF10%d", i)}
		e.OnDecision(t.Context(), d)
	}
	if err := e.Tick(t.Context()); err != nil || len(kept.raised) != 1 {
		t.Fatalf("raised %+v, %v", kept.raised, err)
	}
	a := kept.raised[0]
	slices.Sort(a.Codes)
	if a.At != began-9 || a.Seen != began-1 || a.Count != 3 || len(a.IDs) != 3 || !slices.Equal(a.Codes, []rightful.Code{"RF100", "RF101", "RF102", "RF103"}) {
		t.Errorf("got %+v", a)
	}
}

// forgetter notes what it is to forget.
type forgetter struct {
	keeper
	before []int64
	fails  error
}

func (f *forgetter) ForgetAlerts(_ context.Context, before int64) error {
	f.before = append(f.before, before)
	return f.fails
}

// TestOldAlertsAreForgotten: each hour, those of a month ago; at once again if it failed.
func TestOldAlertsAreForgotten(t *testing.T) {
	t.Parallel()
	now, kept := int64(began), &forgetter{fails: errors.New("away")}
	e := alert.New(alert.Options{Store: kept, Now: func() time.Time { return time.Unix(now, 0) }})
	if err := e.Tick(t.Context()); !errors.Is(err, kept.fails) {
		t.Errorf("got %v", err)
	}
	kept.fails = nil
	for _, step := range []int64{0, 3599, 1} {
		now += step
		if err := e.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	const month = 30 * 86400
	if want := []int64{began - month, began - month, began + 3600 - month}; !slices.Equal(kept.before, want) {
		t.Errorf("got %v, want %v", kept.before, want)
	}
}

// TestDropsAreLoggedOnce, with how many there were.
func TestDropsAreLoggedOnce(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	e := alert.New(alert.Options{Store: &keeper{}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for range 1024 {
		e.OnDecision(t.Context(), payment(gateway.OtherCompany, "cs_1"))
	}
	e.OnCatchUp(t.Context(), 7, nil)
	for range 2 {
		if err := e.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if e.Dropped() != 7 || strings.Count(log.String(), "dropped=7") != 1 || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("%d dropped; logged %q", e.Dropped(), log.String())
	}
}
