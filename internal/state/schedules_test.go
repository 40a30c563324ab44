package state_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rightful"
	"rightful/internal/state"
)

var nightly = rightful.TaskKey{Task: rightful.TaskAudit, Account: "acct_1Nightly"}

// shared is a clock that all processes of a test share.
type shared struct{ at atomic.Int64 }

func (c *shared) now() time.Time { return time.Unix(c.at.Load(), 0) }

// TestATaskIsRunOnce: of several that take a task at once, one has it. Whoever was not
// heard of for too long can neither renew nor end it, and what it did is recorded by
// whoever took over, once.
func TestATaskIsRunOnce(t *testing.T) {
	onBoth(t, func(b *bench) {
		t, address := b.T, b.address
		ctx, clock := t.Context(), &shared{}
		clock.at.Store(1_800_000_000)
		open := func() *state.Store {
			s, err := state.Open(ctx, address, state.Options{Now: clock.now, Shared: clock.now, Holder: "a test"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			return s
		}
		nodes := []*state.Store{open(), open(), open(), open()}
		due := clock.at.Load()
		if err := nodes[0].Register(ctx, []rightful.Scheduled{{TaskKey: nightly, Rule: "every 1h0m0s", Queue: "q", DueAt: due}}); err != nil {
			t.Fatal(err)
		}
		waiting, err := nodes[1].DueTasks(ctx)
		if err != nil || len(waiting) != 1 || waiting[0].DueAt != due || waiting[0].After != 0 {
			t.Fatalf("due: %+v, %v", waiting, err)
		}
		var mu sync.Mutex
		var leases []rightful.TaskLease
		var all sync.WaitGroup
		for _, n := range nodes {
			for range 3 {
				all.Go(func() {
					l, ok, err := n.TakeTask(ctx, nightly, due, 0, 30)
					if err != nil {
						t.Error(err)
					}
					if ok {
						mu.Lock()
						leases = append(leases, l)
						mu.Unlock()
					}
				})
			}
		}
		all.Wait()
		if len(leases) != 1 {
			t.Fatalf("%d have it", len(leases))
		}
		first := leases[0]
		if waiting, _ := nodes[0].DueTasks(ctx); len(waiting) != 0 {
			t.Errorf("due, although somebody is at it: %+v", waiting)
		}
		clock.at.Add(29)
		if err := nodes[0].RenewTask(ctx, first, 30); err != nil {
			t.Fatal(err)
		}
		clock.at.Add(29)
		if _, ok, err := nodes[1].TakeTask(ctx, nightly, due, 1, 30); ok || err != nil {
			t.Errorf("taken from one that is alive: %v", err)
		}
		clock.at.Add(1)
		waiting, err = nodes[1].DueTasks(ctx)
		if err != nil || len(waiting) != 1 || waiting[0].After != 1 {
			t.Fatalf("due again: %+v, %v", waiting, err)
		}
		if _, ok, err := nodes[1].TakeTask(ctx, nightly, due, 0, 30); ok || err != nil {
			t.Errorf("a job of before took it: %v", err)
		}
		second, ok, err := nodes[1].TakeTask(ctx, nightly, due, 1, 30)
		if !ok || err != nil || second.Tries != 2 || second.StartedAt != first.StartedAt {
			t.Fatalf("%+v, %v, %v", second, ok, err)
		}
		end := rightful.TaskEnd{Outcome: rightful.TaskComplete, NextAt: due + 3600, GETs: 7, Usual: true, Audit: &rightful.AuditResult{AuditRecord: rightful.AuditRecord{Account: nightly.Account, Complete: true}}}
		if err := nodes[0].RenewTask(ctx, first, 30); rightful.KindOf(err) != rightful.KindConflict {
			t.Errorf("renewed: %v", err)
		}
		if err := nodes[0].YieldTask(ctx, first, 1, 0, true); rightful.KindOf(err) != rightful.KindConflict {
			t.Errorf("yielded: %v", err)
		}
		if _, err := nodes[0].EndTask(ctx, first, end); rightful.KindOf(err) != rightful.KindConflict {
			t.Errorf("ended: %v", err)
		}
		if audits, err := nodes[0].Audits(ctx, "", false, 0); err != nil || len(audits) != 0 {
			t.Errorf("recorded: %v, %v", audits, err)
		}
		if err := nodes[1].YieldTask(ctx, second, 5, 10, true); err != nil {
			t.Fatal(err)
		}
		if waiting, _ := nodes[0].DueTasks(ctx); len(waiting) != 0 {
			t.Errorf("due before it may be tried again: %+v", waiting)
		}
		clock.at.Add(10)
		third, ok, err := nodes[2].TakeTask(ctx, nightly, due, 2, 30)
		if !ok || err != nil || third.Tries != 1 {
			t.Fatalf("%+v, %v, %v", third, ok, err)
		}
		run, err := nodes[2].EndTask(ctx, third, end)
		if err != nil || run.GETs != 12 || run.Slices != 3 || run.AuditID == "" || run.DueAt != due {
			t.Fatalf("%+v, %v", run, err)
		}
		if _, err := nodes[2].EndTask(ctx, third, end); rightful.KindOf(err) != rightful.KindConflict {
			t.Errorf("ended twice: %v", err)
		}
		known, err := nodes[3].Schedules(ctx)
		if err != nil || len(known) != 1 || known[0].DueAt != due+3600 || known[0].Running != nil || known[0].Last == nil || *known[0].Last != run || known[0].GETs != 12 {
			t.Errorf("%+v, %v", known, err)
		}
		if audits, err := nodes[0].Audits(ctx, "", false, 0); err != nil || len(audits) != 1 {
			t.Errorf("recorded: %v, %v", audits, err)
		}
	})
}

// TestOneTaskOfAnAccountAtATime: the lease is of the account; accounts do not wait for
// each other.
func TestOneTaskOfAnAccountAtATime(t *testing.T) {
	onBoth(t, func(b *bench) {
		t, address := b.T, b.address
		ctx, now := t.Context(), time.Unix(1_800_000_000, 0)
		clock := func() time.Time { return now }
		s, err := state.Open(ctx, address, state.Options{Now: clock, Shared: clock})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var tasks []rightful.Scheduled
		for _, account := range []string{"acct_1A", "acct_1B"} {
			for _, task := range []rightful.Task{rightful.TaskAudit, rightful.TaskSync} {
				tasks = append(tasks, rightful.Scheduled{TaskKey: rightful.TaskKey{Task: task, Account: account}, Rule: "every 1h0m0s", DueAt: now.Unix()})
			}
		}
		if err := s.Register(ctx, tasks); err != nil {
			t.Fatal(err)
		}
		due, err := s.DueTasks(ctx)
		if err != nil || len(due) != 2 || due[0].Task != rightful.TaskSync || due[1].Task != rightful.TaskSync {
			t.Fatalf("what reads comes first: %+v, %v", due, err)
		}
		if _, ok, err := s.TakeTask(ctx, due[0].TaskKey, due[0].DueAt, 0, 30); !ok || err != nil {
			t.Fatal(ok, err)
		}
		audit := rightful.TaskKey{Task: rightful.TaskAudit, Account: due[0].Account}
		if _, ok, err := s.TakeTask(ctx, audit, due[0].DueAt, 0, 30); ok || err != nil {
			t.Errorf("two tasks of one account: %v", err)
		}
		due, err = s.DueTasks(ctx)
		if err != nil || len(due) != 1 || due[0].Account != "acct_1B" {
			t.Errorf("%+v, %v", due, err)
		}
		// A config that names less: what it does not name does not run any more.
		if err := s.Register(ctx, tasks[3:]); err != nil {
			t.Fatal(err)
		}
		known, err := s.Schedules(ctx)
		if err != nil || slices.ContainsFunc(known, func(k rightful.Scheduled) bool { return k.Account == "acct_1B" && k.Task == rightful.TaskAudit }) || len(known) != 3 {
			t.Errorf("%+v, %v", known, err)
		}
	})
}

// TestNodesMakeRoom: a process that comes takes nothing before the others have made room;
// one that is not heard of is not counted.
func TestNodesMakeRoom(t *testing.T) {
	onBoth(t, func(b *bench) {
		t, address := b.T, b.address
		clock := &shared{}
		clock.at.Store(1_800_000_000)
		s, err := state.Open(t.Context(), address, state.Options{Now: clock.now, Shared: clock.now})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		beat := func(node string, divides int64, nodes int, room bool) {
			t.Helper()
			if share, err := s.BeatNode(t.Context(), "acct_1A", true, node, divides, 30); err != nil || share.Nodes != nodes || share.Room != room {
				t.Errorf("%s: %+v, %v", node, share, err)
			}
		}
		beat("a", 1, 1, true)
		beat("b", 1<<30, 2, false)
		beat("a", 1, 2, true)
		beat("b", 2, 2, false)
		beat("a", 2, 2, true)
		beat("b", 2, 2, true)
		clock.at.Add(31)
		beat("b", 2, 1, true)
		if err := s.LeaveNode(t.Context(), "acct_1A", true, "b"); err != nil {
			t.Fatal(err)
		}
		beat("c", 1, 1, true)
	})
}
