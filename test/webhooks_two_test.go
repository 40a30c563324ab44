package test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rightful"
	"rightful/internal/testserver"
)

// twoNodes is a mailroom of two servers beside each other, with a channel for alerts.
func twoNodes(t *testing.T) (*mailroom, *listener) {
	t.Helper()
	channel := listen(t)
	return openMailroom(t, testserver.Postgres(t), "alerts: [{name: hook, to: webhook, url: '"+channel.URL+"', secret: '"+alertSecret+"', every: 10s}]\n"), channel
}

// mailEvent is an event of a family, whose customer is stamped.
func mailEvent(family, n int, stamp string) (id, body string) {
	id = fmt.Sprintf("evt_%02d_%05d", family, n)
	return id, fmt.Sprintf(`{"id":"%s","object":"event","type":"customer.updated","created":%d,"livemode":false,"data":{"object":{"id":"%s","object":"customer","created":1760000000,"metadata":{"company_id":"%s"}}}}`,
		id, 1_760_000_000+n, customerOf(family), stamp)
}

// judged counts, in the log of servers that have ended, how often each event was judged
// as the app's own.
func judged(t *testing.T, nodes ...*node) map[string]int {
	t.Helper()
	times := map[string]int{}
	for _, n := range nodes {
		for line := range strings.SplitSeq(n.log.String(), "\n") {
			var d struct{ Msg, Kind, Status, EventID string }
			var raw map[string]any
			if json.Unmarshal([]byte(line), &raw) != nil {
				continue
			}
			d.Msg, _ = raw["msg"].(string)
			d.Status, _ = raw["status"].(string)
			d.EventID, _ = raw["event_id"].(string)
			if d.Msg == "rightful decided" && d.Status == "mine" {
				times[d.EventID]++
			}
		}
	}
	return times
}

// messages counts by their ids the messages that said that findings of a code are new.
func messages(t *testing.T, l *listener, code string) int {
	t.Helper()
	ids := map[string]bool{}
	for _, body := range l.all() {
		var m struct {
			Data rightful.AlertMessage `json:"data"`
		}
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			t.Fatal(err)
		}
		for _, p := range m.Data.Parts {
			if p.Said == rightful.SaidNew && slices.ContainsFunc(p.Counts, func(c rightful.AlertCount) bool { return c.Label == code }) {
				ids[m.Data.ID] = true
			}
		}
	}
	return len(ids)
}

// TestTwoNodes: two servers on one PostgreSQL take the same events. Each is judged once
// and told once, and people are told once of what was found.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	m, channel := twoNodes(t)
	a, b := m.node(), m.node()
	const each = 15
	var senders sync.WaitGroup
	for family := range mailFamilies {
		senders.Go(func() {
			for n := range each {
				id, body := mailEvent(family, n, stampOf(family))
				var both sync.WaitGroup // Stripe may send it twice
				for _, to := range []*node{a, b} {
					both.Go(func() {
						if !m.postTo(t.Context(), to.url, body) {
							t.Errorf("%s was not taken", id)
						}
					})
				}
				both.Wait()
				m.mu.Lock()
				m.accepted[id] = true
				m.mu.Unlock()
			}
		})
	}
	senders.Wait()
	m.wait()
	until(t, "people are told", func() bool { return messages(t, channel, "RF101") > 0 })
	for _, n := range []*node{a, b} {
		if err := n.process.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := n.process.Wait(); err != nil {
			t.Errorf("%v\n%s", err, n.log)
		}
	}
	times := judged(t, a, b)
	for id := range m.accepted {
		if times[id] != 1 {
			t.Errorf("%s was judged %d times", id, times[id])
		}
	}
	for family, events := range m.told {
		if len(events) != each || !slices.IsSorted(events) {
			t.Errorf("%s was told: %v", family, events)
		}
	}
	if n := messages(t, channel, "RF101"); n != 1 {
		t.Errorf("people were told %d times:\n%s", n, strings.Join(channel.all(), "\n"))
	}
	t.Logf("%d events; judged by the first: %d, by the second: %d", len(m.accepted), len(judged(t, a)), len(judged(t, b)))
}

// TestTwoNodesAreKilled: one of two servers is killed again and again while events come.
// What was answered with 200 is told, in order, and people are told once.
func TestTwoNodesAreKilled(t *testing.T) {
	t.Parallel()
	m, channel := twoNodes(t)
	rng := rand.New(rand.NewPCG(*killsSeed, 11))
	nodes := []*node{m.node(), m.node()}
	var mu sync.Mutex
	pick := func() string {
		mu.Lock()
		defer mu.Unlock()
		return nodes[rng.IntN(2)].url
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var senders sync.WaitGroup
	for family := range mailFamilies {
		senders.Go(func() {
			for n := 0; ctx.Err() == nil; {
				id, body := mailEvent(family, n, stampOf(family))
				if !m.postTo(ctx, pick(), body) {
					continue // it is sent again, perhaps to the other one
				}
				m.mu.Lock()
				m.accepted[id] = true
				m.mu.Unlock()
				n++
			}
		})
	}
	kills := 5
	if *killsAll {
		kills = 30
	}
	for range kills {
		moment := time.NewTimer(time.Duration(200+rng.IntN(800)) * time.Millisecond)
		<-moment.C // the moment is what is tried here
		mu.Lock()
		i := rng.IntN(2)
		_ = nodes[i].process.Process.Kill()
		_ = nodes[i].process.Wait()
		nodes[i] = m.node()
		mu.Unlock()
	}
	stop()
	senders.Wait()
	m.wait()
	m.check()
	until(t, "people are told", func() bool { return messages(t, channel, "RF101") > 0 })
	if n := messages(t, channel, "RF101"); n != 1 {
		t.Errorf("people were told %d times", n)
	}
	for _, n := range nodes {
		_ = n.process.Process.Kill()
		_ = n.process.Wait()
	}
}
