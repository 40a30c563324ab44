package state_test

import (
	"fmt"
	"strings"
	"testing"

	"rightful"
)

// TestTheYoungestOfALargeFamily: of a family with more objects than are wanted the
// youngest are returned, and all of a small one.
func TestTheYoungestOfALargeFamily(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		var objects []rightful.InboxObject
		add := func(family string, n int) {
			for i := range n {
				id := fmt.Sprintf("in_%s_%d", family, i)
				objects = append(objects, rightful.InboxObject{Livemode: true, Type: "invoice", ID: id, Family: family, Created: int64(i), EventID: "evt_" + id, Snapshot: "{}"})
			}
		}
		add("cus_large", 150)
		add("cus_small", 3)
		add("cus_other", 3)
		until := b.clock.Load() + 60
		if taken, err := s.TakeShard(b.Context(), rightful.LaneJudge, 3, "a", until); !taken || err != nil {
			b.Fatal(taken, err)
		}
		must(b.T, s.SettleEvents(b.Context(), 3, "a", until, nil, objects))
		known, err := s.InboxObjects(b.Context(), true, []string{"cus_large", "cus_none", "cus_small"}, []string{"in_cus_large_7", "in_cus_small_1"})
		must(b.T, err)
		got := map[string]int{}
		for _, o := range known {
			got[o.Family]++
			if o.Family == "cus_large" && o.Created < 50 && o.ID != "in_cus_large_7" {
				b.Errorf("%s is not among the youngest", o.ID)
			}
		}
		if fmt.Sprint(got) != "map[cus_large:101 cus_small:3]" {
			b.Errorf("got %v", got)
		}
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
