package inboxtest

import (
	"fmt"

	"rightful"
)

// testRetries: a family is looked at as a whole when one of its events is due, those
// that wait and dead ones too.
func testRetries(b *Bench) {
	s := b.Open()
	b.accept(s, b.event("evt_1", "cus_1", 1), b.event("evt_2", "cus_1", 2), b.event("evt_3", "cus_1", 3), b.event("evt_other", "cus_2", 1))
	until := b.take(s, rightful.LaneJudge, 3, "a")
	open := b.open(s)
	open[0].Status, open[0].Attempts = rightful.InboxDead, 7
	open[1].Status, open[1].Attempts, open[1].NextAt = rightful.InboxUnknown, 1, b.Now()+60
	open[2].Status, open[2].Attempts, open[2].NextAt = rightful.InboxUnknown, 2, b.Now()+300
	open[3].Status, open[3].CompanyID, open[3].Codes, open[3].JudgedAt, open[3].Superseded = rightful.InboxForeign, "11", []string{"RF101", "RF904"}, b.Now(), true
	open[3].Payload, open[3].Account = "", "acct_1"
	b.must(s.SettleEvents(b.Context(), 3, "a", until, open, nil))
	b.same("at rest", ids(b.open(s)), "")
	b.later(59)
	b.same("not yet", ids(b.open(s)), "")
	b.later(1)
	again := b.open(s)
	b.same("all of the family", ids(again), "evt_1 evt_2 evt_3")
	b.same("as it was settled", fmt.Sprint(again[0].Status, " ", again[0].Attempts, again[1].Attempts, again[2].NextAt-Began), "dead 7 1 300")
	all, err := s.InboxEntriesAfter(b.Context(), 0, 10)
	b.must(err)
	e := all[3]
	b.same("settled", fmt.Sprintf("%s %s %s %s %d %v %s", e.ID, e.Status, e.CompanyID, e.Codes, e.JudgedAt-Began, e.Superseded, e.Account), "evt_other foreign 11 [RF101 RF904] 0 true acct_1")
}

// testCrowd: of a family with more than fit, those that are due are among them.
func testCrowd(b *Bench) {
	s := b.Open()
	var events []rightful.InboxEvent
	for n := range 30 {
		e := b.event(fmt.Sprint("evt_", n), "cus_1", int64(n))
		if n < 25 {
			e.NextAt = b.Now() + 60
		}
		events = append(events, e)
	}
	b.accept(s, events...)
	some, err := s.OpenEvents(b.Context(), 3, 6, nil)
	b.must(err)
	b.same("due ones are there", ids(some), "evt_0 evt_25 evt_26 evt_27 evt_28 evt_29")

	other := b.event("evt_other", "cus_2", 1)
	other.Account = "acct_other"
	b.accept(s, other)
	some, err = s.OpenEvents(b.Context(), 3, 1, []string{"acct_nobody", events[0].Account})
	b.must(err)
	b.same("without an account", ids(some), "evt_other")
}

// testShards: one worker at a time holds a shard of a lane.
func testShards(b *Bench) {
	s, another := b.Open(), b.Open()
	take := func(s Kept, lane rightful.InboxLane, shard int, worker string, until int64) string {
		b.Helper()
		taken, err := s.TakeShard(b.Context(), lane, shard, worker, until)
		b.must(err)
		return fmt.Sprint(taken)
	}
	until := b.Now() + 60
	b.same("free", take(s, rightful.LaneJudge, 3, "a", until), "true")
	b.same("held", take(another, rightful.LaneJudge, 3, "b", until), "false")
	b.same("its own", take(s, rightful.LaneJudge, 3, "a", until), "true")
	b.same("another one", take(another, rightful.LaneJudge, 4, "b", until), "true")
	b.same("the other lane", take(another, rightful.LaneTell, 3, "b", until), "true")
	b.same("there is none", take(s, rightful.LaneJudge, rightful.InboxShards, "a", until), "false")

	b.must(another.ReleaseShard(b.Context(), rightful.LaneJudge, 3, "b", false))
	b.same("not released by another", take(another, rightful.LaneJudge, 3, "b", until), "false")
	b.must(s.ReleaseShard(b.Context(), rightful.LaneJudge, 3, "a", false))
	b.same("released", take(another, rightful.LaneJudge, 3, "b", until), "true")
	b.later(59)
	b.same("held to the end", take(s, rightful.LaneJudge, 3, "a", until+60), "false")
	b.must(another.SettleEvents(b.Context(), 3, "b", until+60, nil, nil))
	b.later(1)
	b.same("held on", take(s, rightful.LaneJudge, 3, "a", until+60), "false")
	b.later(60)
	b.same("its time is over", take(s, rightful.LaneJudge, 3, "a", until+120), "true")
}

// testOvertaken: who does not hold a shard any more writes nothing.
func testOvertaken(b *Bench) {
	s := b.Open()
	b.accept(s, b.event("evt_1", "cus_1", 1))
	until := b.take(s, rightful.LaneJudge, 3, "a")
	b.later(60)
	b.take(s, rightful.LaneJudge, 3, "b")
	events := b.open(s)
	events[0].Status = rightful.InboxMine
	object := rightful.InboxObject{Livemode: true, Type: rightful.TypeCustomer, ID: "cus_1", Family: "cus_1", Snapshot: "{}"}
	b.wantKind("settling", s.SettleEvents(b.Context(), 3, "a", until+600, events, []rightful.InboxObject{object}), rightful.KindConflict)
	b.wantKind("telling", s.SettleNotices(b.Context(), 3, "a", until+600, events), rightful.KindConflict)
	b.same("nothing is written", b.open(s)[0].Status, "pending")
	known, err := s.InboxObjects(b.Context(), true, []string{"cus_1"}, nil)
	b.must(err)
	b.same("nothing is known", len(known), "0")
	b.wantKind("who never had it", s.SettleEvents(b.Context(), 5, "a", until, nil, nil), rightful.KindConflict)
}

// testJobs: one job for what is accepted until somebody looks, and one for what is
// accepted after.
func testJobs(b *Bench) {
	s := b.Open()
	other, ignored := b.event("evt_other", "cus_2", 1), b.event("evt_ignored", "cus_3", 1)
	other.Shard, ignored.Shard, ignored.Status = 9, 7, rightful.InboxIgnored
	b.accept(s, b.event("evt_1", "cus_1", 1), b.event("evt_2", "cus_1", 1), other, ignored)
	b.wantJobs("accepted", "judge 3", "judge 9")
	b.accept(s, b.event("evt_1", "cus_1", 1), b.event("evt_3", "cus_1", 1))
	b.wantJobs("there is one")
	b.take(s, rightful.LaneJudge, 3, "a")
	b.accept(s, b.event("evt_1", "cus_1", 1))
	b.wantJobs("a double")
	b.accept(s, b.event("evt_4", "cus_1", 1))
	b.wantJobs("somebody looks", "judge 3")
	b.must(s.ReleaseShard(b.Context(), rightful.LaneJudge, 3, "a", true))
	b.wantJobs("more, and there is one")
	b.take(s, rightful.LaneJudge, 3, "b")
	b.must(s.ReleaseShard(b.Context(), rightful.LaneJudge, 3, "b", false))
	b.wantJobs("nothing more")
	until := b.take(s, rightful.LaneJudge, 3, "c")
	open := b.open(s)
	for i := range open {
		open[i].Status, open[i].Notice = rightful.InboxMine, rightful.NoticeWaiting
	}
	b.must(s.SettleEvents(b.Context(), 3, "c", until, open, nil))
	b.wantJobs("to be told", "tell 3")
	b.must(s.ReleaseShard(b.Context(), rightful.LaneJudge, 3, "c", true))
	b.wantJobs("more", "judge 3")
}

// testLostJobs: what is due and has no job gets one.
func testLostJobs(b *Bench) {
	s := b.Open()
	wake := func(again bool) int {
		b.Helper()
		n, err := s.WakeShards(b.Context(), again)
		b.must(err)
		return n
	}
	later := b.event("evt_later", "cus_2", 1)
	later.Shard, later.NextAt = 5, b.Now()+10
	b.accept(s, b.event("evt_1", "cus_1", 1), later)
	b.wantJobs("accepted", "judge 3", "judge 5")
	b.take(s, rightful.LaneJudge, 5, "a") // too early
	b.must(s.ReleaseShard(b.Context(), rightful.LaneJudge, 5, "a", false))
	b.same("it has a job", wake(false), "0")
	b.later(10)
	b.same("its time has come", wake(false), "1")
	b.wantJobs("in time", "judge 5")
	b.later(20)
	b.same("the first one was lost", wake(false), "1")
	b.wantJobs("lost", "judge 3")
	b.same("all again", wake(true), "2")
	b.wantJobs("again", "judge 3", "judge 5")
	until := b.take(s, rightful.LaneJudge, 3, "a")
	b.same("somebody is at it", wake(true), "1")
	b.wantJobs("the other one", "judge 5")
	open := b.open(s)
	open[0].Status, open[0].Notice = rightful.InboxMine, rightful.NoticeWaiting
	b.must(s.SettleEvents(b.Context(), 3, "a", until, open, nil))
	b.wantJobs("told", "tell 3")
	b.later(31)
	b.same("neither told nor judged", wake(false), "2")
	b.wantJobs("both", "judge 5", "tell 3")
}

// testMoved: an event that turns out to be of another family goes to its shard.
func testMoved(b *Bench) {
	s := b.Open()
	b.accept(s, b.event("evt_1", "sub_1", 1))
	b.wantJobs("accepted", "judge 3")
	until := b.take(s, rightful.LaneJudge, 3, "a")
	open := b.open(s)
	open[0].Family, open[0].Shard, open[0].Payload = "cus_9", 11, `{"a":1}`
	b.must(s.SettleEvents(b.Context(), 3, "a", until, open, nil))
	b.wantJobs("moved", "judge 11")
	b.same("here", ids(b.open(s)), "")
	there, err := s.OpenEvents(b.Context(), 11, 10, nil)
	b.must(err)
	b.same("there", ids(there)+" "+there[0].Family+" "+there[0].Payload, `evt_1 cus_9 {"a":1}`)
}
