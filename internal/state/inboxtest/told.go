package inboxtest

import (
	"fmt"

	"rightful"
)

// settled accepts events, and settles them as change says.
func (b *Bench) settled(s Kept, change func(e *rightful.InboxEvent), events ...rightful.InboxEvent) {
	b.Helper()
	b.accept(s, events...)
	until := b.take(s, rightful.LaneJudge, 3, "judge")
	open := b.open(s)
	for i := range open {
		change(&open[i])
	}
	b.must(s.SettleEvents(b.Context(), 3, "judge", until, open, nil), s.ReleaseShard(b.Context(), rightful.LaneJudge, 3, "judge", false))
}

func waits(e *rightful.InboxEvent) {
	e.Status, e.Notice, e.JudgedAt = rightful.InboxMine, rightful.NoticeWaiting, e.ReceivedAt
}

// testNotices: in order, and a family whose first notice is not due waits as a whole.
func testNotices(b *Bench) {
	s := b.Open()
	b.settled(s, waits, b.event("evt_a2", "cus_a", 2), b.event("evt_a1", "cus_a", 1), b.event("evt_b1", "cus_b", 1))
	waiting := func(limit int) []rightful.InboxEvent {
		b.Helper()
		events, err := s.WaitingNotices(b.Context(), 3, limit)
		b.must(err)
		return events
	}
	b.same("in order", ids(waiting(10)), "evt_a1 evt_a2 evt_b1")
	b.same("the first ones", ids(waiting(2)), "evt_a1 evt_a2")
	until := b.take(s, rightful.LaneTell, 3, "tell")
	first := waiting(1)
	first[0].NoticeAttempts, first[0].NoticeSince, first[0].NoticeNextAt = 1, b.Now(), b.Now()+10
	b.must(s.SettleNotices(b.Context(), 3, "tell", until, first))
	b.same("its family waits", ids(waiting(10)), "evt_b1")
	b.later(10)
	all := waiting(10)
	b.same("in time", ids(all), "evt_a1 evt_a2 evt_b1")
	b.same("as it was settled", fmt.Sprint(all[0].NoticeAttempts, all[0].NoticeSince-Began, all[0].NoticeNextAt-Began), "1 0 10")
	all[0].Notice, all[0].ToldAt, all[0].Payload = rightful.NoticeTold, b.Now(), ""
	all[2].Notice = rightful.NoticeDead
	b.must(s.SettleNotices(b.Context(), 3, "tell", until+10, all))
	b.same("told and given up", ids(waiting(10)), "evt_a2")
}

// testCounts: what waits, and what was given up since a time.
func testCounts(b *Bench) {
	s := b.Open()
	count := func(since int64) rightful.InboxCounts {
		b.Helper()
		n, err := s.CountEvents(b.Context(), since)
		b.must(err)
		return n
	}
	b.same("nothing", count(0), "{0 0 0 0 0 [] 0 []}")
	fates := map[string]func(e *rightful.InboxEvent){
		"evt_unknown": func(e *rightful.InboxEvent) { e.Status, e.NextAt = rightful.InboxUnknown, e.NextAt+600 },
		"evt_dead":    func(e *rightful.InboxEvent) { e.Status, e.JudgedAt = rightful.InboxDead, e.ReceivedAt },
		"evt_waits":   waits,
		"evt_untold":  waits,
		"evt_mine":    func(e *rightful.InboxEvent) { e.Status = rightful.InboxMine },
	}
	var events []rightful.InboxEvent
	for id := range fates {
		events = append(events, b.event(id, "cus_"+id, 1))
	}
	b.settled(s, func(e *rightful.InboxEvent) { fates[e.ID](e) }, events...)
	until := b.take(s, rightful.LaneTell, 3, "tell")
	waiting, err := s.WaitingNotices(b.Context(), 3, 10)
	b.must(err)
	for i := range waiting {
		if waiting[i].ID == "evt_untold" {
			waiting[i].Notice = rightful.NoticeDead
		}
	}
	b.must(s.SettleNotices(b.Context(), 3, "tell", until, waiting))
	b.later(5)
	b.accept(s, b.event("evt_p1", "cus_p1", 1))
	b.later(5)
	b.accept(s, b.event("evt_p2", "cus_p2", 1))
	b.same("some", count(Began), fmt.Sprintf("{2 %d 1 1 1 [{event evt_dead} {customer cus_evt_dead}] 1 [{event evt_untold} {customer cus_evt_untold}]}", Began+5))
	b.same("since later", count(Began+1), fmt.Sprintf("{2 %d 1 1 0 [] 0 []}", Began+5))
}

// testForgetting: what came to its end before a time, the oldest first, in slices. What
// waits stays.
func testForgetting(b *Bench) {
	s := b.Open()
	keep := map[string]func(e *rightful.InboxEvent){
		"evt_unknown": func(e *rightful.InboxEvent) { e.Status, e.NextAt = rightful.InboxUnknown, e.NextAt+600 },
		"evt_waits":   waits,
	}
	old := []rightful.InboxEvent{b.event("evt_unknown", "cus_1", 1), b.event("evt_waits", "cus_2", 1)}
	for n := range 5 {
		old = append(old, b.event(fmt.Sprint("evt_", n), fmt.Sprint("cus_1", n), 1))
		old[n+2].ReceivedAt = b.Now() + int64(n)
	}
	b.settled(s, func(e *rightful.InboxEvent) {
		if fate := keep[e.ID]; fate != nil {
			fate(e)
			return
		}
		e.Status = rightful.InboxForeign
	}, old...)
	b.accept(s, b.event("evt_pending", "cus_3", 1))
	forget := func(before int64, limit int) string {
		b.Helper()
		n, err := s.PruneEvents(b.Context(), before, limit)
		b.must(err)
		left := ""
		entries, err := s.InboxEntriesAfter(b.Context(), 0, 100)
		b.must(err)
		for _, e := range entries {
			left += " " + e.ID
		}
		return fmt.Sprint(n, left)
	}
	b.same("before it", forget(Began, 100), "0 evt_unknown evt_waits evt_0 evt_1 evt_2 evt_3 evt_4 evt_pending")
	b.same("a slice", forget(Began+4, 3), "3 evt_unknown evt_waits evt_3 evt_4 evt_pending")
	b.same("the rest before it", forget(Began+4, 3), "1 evt_unknown evt_waits evt_4 evt_pending")
	b.same("all", forget(Began+100, 100), "1 evt_unknown evt_waits evt_pending")
}
