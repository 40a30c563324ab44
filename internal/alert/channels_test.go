package alert_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/alert"
	"rightful/internal/alert/send"
)

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
