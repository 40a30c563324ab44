package state_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
				s, err := state.Open(t.Context(), address, state.Options{Now: func() time.Time { return time.Unix(bench.Now(), 0) }})
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
