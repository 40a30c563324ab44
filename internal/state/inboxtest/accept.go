package inboxtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"rightful"
)

// testOnce: an event is its mode and id. What was kept first stays.
func testOnce(b *Bench) {
	s, another := b.Open(), b.Open()
	e := b.event("evt_1", "cus_1", 5)
	b.same("new", b.accept(s, e), "[true]")
	again := e
	again.Account, again.Payload, again.Created = "acct_1", "{}", 6
	b.same("again", b.accept(another, again), "[false]")
	test := e
	test.Livemode = false
	b.same("twice in one, and of the other mode", b.accept(s, test, b.event("evt_2", "cus_1", 7), b.event("evt_2", "cus_1", 7), e), "[true true false false]")
	var kept []rightful.InboxEvent
	for _, k := range b.open(another) {
		if k.ID == "evt_1" && k.Livemode {
			kept = append(kept, k)
		}
	}
	e.Seq = 1
	if len(kept) != 1 {
		b.Fatalf("kept %+v", kept)
	}
	got := kept[0]
	got.Seq = 1
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", e) {
		b.Errorf("kept %+v\nof   %+v", got, e)
	}
	missing, err := s.MissingEvents(b.Context(), true, []string{"evt_3", "evt_1", "evt_4", "evt_2"})
	b.must(err)
	b.same("missing", missing, "[evt_3 evt_4]")
	missing, err = s.MissingEvents(b.Context(), false, []string{"evt_1", "evt_2"})
	b.must(err)
	b.same("missing of the other mode", missing, "[evt_2]")
}

// testTogether: several processes accept the same events at the same time.
func testTogether(b *Bench) {
	const processes, many = 3, 130 // more than one statement inserts
	var all sync.WaitGroup
	var mu sync.Mutex
	fresh := map[string]int{}
	for range processes {
		s := b.Open()
		all.Go(func() {
			for part := range 2 {
				var events []rightful.InboxEvent
				for n := range many {
					events = append(events, b.event(fmt.Sprint("evt_", part, "_", n), fmt.Sprint("cus_", n), 1))
					events[n].Shard = n % rightful.InboxShards
				}
				is, err := s.AcceptEvents(b.Context(), events)
				if err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				for i, e := range events {
					if is[i] {
						fresh[e.ID]++
					}
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(fresh) != 2*many {
		b.Errorf("%d events are new", len(fresh))
	}
	for id, n := range fresh {
		if n != 1 {
			b.Errorf("%s is new %d times", id, n)
		}
	}
}

// testOrder: by family, creation and acceptance; only what is of the shard and due.
func testOrder(b *Bench) {
	s := b.Open()
	elsewhere, later, ignored := b.event("evt_elsewhere", "cus_0", 1), b.event("evt_later", "cus_later", 1), b.event("evt_ignored", "cus_a", 1)
	elsewhere.Shard, later.NextAt, ignored.Status = 4, b.Now()+1, rightful.InboxIgnored
	b.accept(s, b.event("evt_b1", "cus_b", 1), b.event("evt_a9", "cus_a", 9), elsewhere, later, ignored)
	b.accept(s, b.event("evt_a2", "cus_a", 2), b.event("evt_a9b", "cus_a", 9))
	b.same("in order", ids(b.open(s)), "evt_a2 evt_a9 evt_a9b evt_b1")
	b.later(1)
	b.same("in time", ids(b.open(s)), "evt_a2 evt_a9 evt_a9b evt_b1 evt_later")
	open := b.open(s)
	slices.SortFunc(open, func(x, y rightful.InboxEvent) int { return int(x.Seq - y.Seq) })
	b.same("numbers grow", ids(open), "evt_b1 evt_a9 evt_later evt_a2 evt_a9b")
}

// testCalledOff: who does not wait any more is told so, and nothing is written.
func testCalledOff(b *Bench) {
	s := b.Open()
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	_, accepted := s.AcceptEvents(ctx, []rightful.InboxEvent{b.event("evt_1", "cus_1", 1)})
	_, taken := s.TakeShard(ctx, rightful.LaneJudge, 3, "a", b.Now()+60)
	_, open := s.OpenEvents(ctx, 3, 10, nil)
	for i, err := range []error{accepted, taken, open, s.KeepInboxMark(ctx, "m", 1)} {
		if !errors.Is(err, context.Canceled) {
			b.Errorf("call %d: got %v", i, err)
		}
	}
	b.same("kept", ids(b.open(s)), "")
	b.take(s, rightful.LaneJudge, 3, "b")
}

// testMarks: a time by its name.
func testMarks(b *Bench) {
	s, another := b.Open(), b.Open()
	mark := func(name string) int64 {
		at, err := another.InboxMark(b.Context(), name)
		b.must(err)
		return at
	}
	b.same("none", mark("a"), "0")
	b.must(s.KeepInboxMark(b.Context(), "a", 7), s.KeepInboxMark(b.Context(), "b", 8), s.KeepInboxMark(b.Context(), "a", 5))
	b.same("kept", fmt.Sprint(mark("a"), mark("b"), mark("c")), "5 8 0")
}

// testLog: what others see of accepted events, with what is known of their objects.
func testLog(b *Bench) {
	s := b.Open()
	before := func(at int64) int64 {
		n, err := s.InboxBefore(b.Context(), at)
		b.must(err)
		return n
	}
	b.same("of nothing", before(Began), "0")
	b.accept(s, b.event("evt_1", "cus_1", 1), b.event("evt_2", "cus_2", 1))
	b.later(10)
	b.accept(s, b.event("evt_3", "cus_1", 1))
	until := b.take(s, rightful.LaneJudge, 3, "a")
	b.must(s.SettleEvents(b.Context(), 3, "a", until, nil, []rightful.InboxObject{{Livemode: true, Type: rightful.TypeCustomer, ID: "cus_1", Family: "cus_1", Created: 1, EventID: "evt_1", Snapshot: `{"id":"cus_1"}`}}))
	told := func(entries []rightful.InboxEntry, err error) string {
		b.Helper()
		b.must(err)
		out := ""
		for _, e := range entries {
			out += e.ID + e.Snapshot + " "
		}
		return out
	}
	all, err := s.InboxEntriesAfter(b.Context(), 0, 10)
	b.same("all", told(all, err), `evt_1{"id":"cus_1"} evt_2 evt_3{"id":"cus_1"} `)
	some, err := s.InboxEntriesAfter(b.Context(), before(Began+1), 10)
	b.same("since", told(some, err), `evt_3{"id":"cus_1"} `)
	some, err = s.InboxEntriesAfter(b.Context(), all[0].Seq, 1)
	b.same("one", told(some, err), `evt_2 `)
	b.same("nothing since", before(Began+11) == all[2].Seq, "true")
	some, err = s.InboxEntries(b.Context(), []int64{all[2].Seq, all[2].Seq + 100, all[1].Seq})
	b.same("by number", told(some, err), `evt_2 evt_3{"id":"cus_1"} `)
}
