package state_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/state"
	"rightful/internal/state/inboxtest"
	"rightful/internal/testserver"
)

// TestInbox: the contract of the inbox, on both engines.
func TestInbox(t *testing.T) {
	onBoth(t, func(b *bench) {
		inboxtest.TestInbox(b.T, func(t *testing.T) *inboxtest.Bench {
			bench := inboxtest.NewBench(t)
			address := "sqlite:" + filepath.Join(t.TempDir(), "rightful.db")
			if b.engine == "postgres" {
				address = testserver.Postgres(t)
			}
			bench.Open = func() inboxtest.Kept {
				now := func() time.Time { return time.Unix(bench.Now(), 0) }
				s, err := state.Open(t.Context(), address, state.Options{Now: now, Shared: now})
				must(t, err)
				t.Cleanup(func() { s.Close() })
				s.SetWaker(func(_ context.Context, _ state.Tx, wakes []state.Wake) error {
					for _, w := range wakes {
						bench.Queued(w.Lane, w.Shard)
					}
					return nil
				})
				return s
			}
			return bench
		})
	})
}

// TestAClockThatIsWrongTakesNobodysShard: of several machines on one database, one may be
// a minute ahead of another. A shard is held for as long as it was meant to be, by the
// database's own clock.
func TestAClockThatIsWrongTakesNobodysShard(t *testing.T) {
	t.Parallel()
	address := testserver.Postgres(t)
	at := time.Now()
	node := func(wrong time.Duration) *state.Store {
		s, err := state.Open(t.Context(), address, state.Options{Now: func() time.Time { return at.Add(wrong) }})
		must(t, err)
		t.Cleanup(func() { s.Close() })
		return s
	}
	take := func(s *state.Store, shard int, worker string, wrong time.Duration) bool {
		taken, err := s.TakeShard(t.Context(), rightful.LaneJudge, shard, worker, at.Add(wrong+30*time.Second).Unix())
		must(t, err)
		return taken
	}
	const ahead, behind = time.Minute, -time.Minute
	right, fast, slow := node(0), node(ahead), node(behind)
	for shard, first := range []struct {
		s     *state.Store
		wrong time.Duration
	}{{right, 0}, {fast, ahead}, {slow, behind}} {
		if !take(first.s, shard, "first", first.wrong) {
			t.Fatalf("shard %d, which nobody holds, is not to be had", shard)
		}
		if take(right, shard, "right", 0) || take(fast, shard, "fast", ahead) || take(slow, shard, "slow", behind) {
			t.Errorf("shard %d is held by a node whose clock is wrong by %s, and was taken", shard, first.wrong)
		}
	}
	// One that was meant to be held until now is free for all, whatever their clocks say.
	if taken, err := fast.TakeShard(t.Context(), rightful.LaneJudge, 7, "first", at.Add(ahead).Unix()); err != nil || !taken {
		t.Fatal(taken, err)
	}
	if !take(slow, 7, "slow", behind) {
		t.Error("a shard is held for longer than it was meant to be")
	}
}

// TestWhatIsDueIsFoundByIndex, and what is long past: it is looked for every few seconds, while nobody else
// may write, among all events of the last weeks.
func TestWhatIsDueIsFoundByIndex(t *testing.T) {
	t.Parallel()
	b := &bench{T: t, engine: "sqlite", address: "sqlite:" + t.TempDir() + "/rightful.db", clock: newClock()}
	s := b.open()
	for query, index := range map[string]string{
		`SELECT DISTINCT shard + 0 FROM rightful_webhook_events WHERE status IN ('pending', 'unknown') AND next_at <= 5`:                                              "rightful_webhook_events_due (next_at<?)",
		`SELECT DISTINCT shard + 0 FROM rightful_webhook_events WHERE notice = 'waiting' AND notice_next_at <= 5`:                                                     "rightful_webhook_events_tellable (notice_next_at<?)",
		`SELECT seq FROM rightful_webhook_events WHERE received_at < 5 AND status NOT IN ('pending', 'unknown') AND notice <> 'waiting' ORDER BY received_at LIMIT 9`: "rightful_webhook_events_received (received_at<?)",
		`SELECT livemode, type, id FROM rightful_webhook_objects WHERE seen_at < 5 ORDER BY seen_at LIMIT 9`:                                                          "rightful_webhook_objects_seen (seen_at<?)",
	} {
		rows, err := s.DB().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query)
		must(t, err)
		defer rows.Close()
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			must(t, rows.Scan(&id, &parent, &unused, &detail))
			plan = append(plan, detail)
		}
		must(t, rows.Err())
		if !strings.Contains(strings.Join(plan, "\n"), index) {
			t.Errorf("%s\n%s", query, strings.Join(plan, "\n"))
		}
	}
}
