package state_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/journal"
	"rightful/internal/state"
)

func TestAPlanHasOneRun(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		id := b.whole(s, "plan-a")
		err := b.refused(s, start("plan-a", 1), "the plan had its run: "+id+", finished")
		var used *journal.UsedError
		if !errors.As(err, &used) || used.Run != id || used.Status != journal.StatusFinished {
			b.Errorf("got %+v", used)
		}
		again := start("plan-a", 1)
		again.Continue = id
		b.refused(s, again, "nothing to go on with")

		// Broken again in the same way, and planned again, it is another plan.
		later := start("plan-a", 0)
		later.PlanMadeAt = began + 60
		must(b, b.begin(s, later).Finish(b.Context(), journal.RunEnd{}))
		b.mustBeWhole(s)
	})
}

func TestATwinOfAnInterruptedPlanWaits(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		r := b.begin(s, start("plan-a", 1))
		must(b, r.Finish(b.Context(), journal.RunEnd{Interrupted: true}))
		// Made before the interruption: what the run wrote until then was not seen.
		twin := start("plan-a", 1)
		twin.PlanMadeAt = began - 30
		b.refused(s, twin, "continue "+r.ID())
		twin.PlanMadeAt = began + 30
		must(b, b.begin(s, twin).Finish(b.Context(), journal.RunEnd{Interrupted: true}))
	})
}

func TestACrashedRunIsContinued(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		ctx := b.Context()
		r := b.begin(s, start("plan-a", 3))
		one, two, three := stamp("step-1", "cus_1"), stamp("step-2", "cus_2"), stamp("step-3", "cus_2")
		must(b, r.Intend(ctx, intent(one, r)), r.Settle(ctx, done(one)), r.Intend(ctx, intent(two, r)))
		s.Close() // it dies with a write in hand

		s = b.open()
		b.clock.Add(journal.StaleAfter)
		for _, wrong := range []func(*journal.Start){
			func(st *journal.Start) { st.Plan = "plan-b" },
			func(st *journal.Start) { st.PlanMadeAt++ },
		} {
			other := start("plan-a", 3)
			other.Continue = r.ID()
			wrong(&other)
			b.refused(s, other, "of another plan, account or mode")
		}
		again := start("plan-a", 3)
		again.Continue, again.Actor = "run-x", "bo"
		if _, err := s.Begin(ctx, again); rightful.KindOf(err) != rightful.KindNotFound {
			b.Errorf("got %v", err)
		}
		again.Continue = r.ID()
		r = b.begin(s, again)
		before := r.Before()
		if len(before) != 2 || before["step-1"].State != journal.StateDone || before["step-1"].Open {
			b.Errorf("got %+v", before)
		}
		if st := before["step-2"]; !st.Open || st.Attempt != 1 || st.Key != r.ID()+"/step-2/1" || *st.Step.To != "11" || st.State != "" {
			b.Errorf("got %+v", st)
		}
		must(b, r.Settle(ctx, done(two)), // it had been written
			r.Intend(ctx, intent(three, r)),
			r.Settle(ctx, journal.Outcome{State: journal.StateUncertain, Step: three, Attempt: 1, Why: "no answer"}),
			r.Intend(ctx, journal.Intent{Step: three, Attempt: 2, IdempotencyKey: r.ID() + "/step-3/2"}),
			r.Settle(ctx, journal.Outcome{State: journal.StateDone, Step: three, Attempt: 2, Seen: &journal.Seen{Value: three.To}}),
			r.Finish(ctx, journal.RunEnd{}))
		sum := b.summary(s, r.ID())
		if sum.Status != journal.StatusFinished || sum.Counts != (journal.Counts{Done: 3}) || !slices.Equal(sum.ContinuedBy, []string{"bo"}) {
			b.Errorf("got %+v", sum)
		}
		b.mustBeWhole(s)
	})
}

func TestARunThatEndsPartlyIsContinued(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		ctx := b.Context()
		r := b.begin(s, start("plan-a", 2))
		one, two := stamp("step-1", "cus_1"), stamp("step-2", "cus_1")
		back := intent(one, r)
		back.Back = true
		must(b, r.Intend(ctx, intent(one, r)), r.Settle(ctx, done(one)),
			r.Settle(ctx, journal.Outcome{State: journal.StateConflict, Step: two, Seen: &journal.Seen{Value: ptr("9")}}),
			r.Intend(ctx, back))
		if st := r.Before()["step-1"]; !st.Open || !st.Back {
			b.Errorf("got %+v", st)
		}
		must(b, r.Settle(ctx, journal.Outcome{State: journal.StatePutBack, Step: one, Attempt: 1}),
			r.Finish(ctx, journal.RunEnd{}))
		if sum := b.summary(s, r.ID()); sum.Status != journal.StatusPartly || sum.Counts != (journal.Counts{Conflict: 1, PutBack: 1}) {
			b.Errorf("got %+v", sum)
		}
		if err := r.Intend(ctx, intent(one, r)); !errors.Is(err, journal.ErrNotRecorded) {
			b.Errorf("after its end: %v", err)
		}
		b.refused(s, start("plan-a", 2), "continue "+r.ID()+", or plan again")
		again := start("plan-a", 2)
		again.Continue = r.ID()
		r = b.begin(s, again)
		must(b, r.Intend(ctx, intent(one, r)), r.Settle(ctx, done(one)),
			r.Settle(ctx, journal.Outcome{State: journal.StateAlready, Step: two}), r.Finish(ctx, journal.RunEnd{}))
		if sum := b.summary(s, r.ID()); sum.Status != journal.StatusFinished || sum.Counts != (journal.Counts{Done: 1, Already: 1}) {
			b.Errorf("got %+v", sum)
		}
		b.mustBeWhole(s)
	})
}

// undo is the undo of a run.
func undo(run string, steps int) journal.Start {
	return journal.Start{Undoes: run, Account: "acct_1", Livemode: true, Actor: "bo", Reason: "wrong company", Steps: steps}
}

func TestAnUndoIsARunOfItsOwn(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		ctx := b.Context()
		id := b.whole(s, "plan-a")
		if _, err := s.Begin(ctx, undo("run-x", 1)); rightful.KindOf(err) != rightful.KindNotFound {
			b.Errorf("got %v", err)
		}
		elsewhere := undo(id, 1)
		elsewhere.Livemode = false
		b.refused(s, elsewhere, "another account or mode")

		// One that comes to its end partly leaves the run as it is.
		u := b.begin(s, undo(id, 1))
		must(b, u.Settle(ctx, journal.Outcome{State: journal.StateConflict, Step: stamp("step-1", "cus_1"), Seen: &journal.Seen{Value: ptr("12")}}),
			u.Finish(ctx, journal.RunEnd{}))
		if sum := b.summary(s, id); sum.Status != journal.StatusFinished || sum.UndoneBy != u.ID() {
			b.Errorf("got %+v", sum)
		}
		b.refused(s, undo(u.ID(), 1), "an undo is not taken back")

		// An interrupted one is continued, and not begun again.
		second := b.begin(s, undo(id, 1))
		must(b, second.Finish(ctx, journal.RunEnd{Interrupted: true}))
		b.refused(s, undo(id, 1), "continue "+second.ID())
		old := undo(id, 1)
		old.Continue = u.ID()
		b.refused(s, old, second.ID()+" took "+id+" back after this one")
		old.Continue = second.ID()
		second = b.begin(s, old)
		step := stamp("step-1", "cus_1")
		must(b, second.Intend(ctx, intent(step, second)), second.Settle(ctx, done(step)), second.Finish(ctx, journal.RunEnd{}))
		if sum := b.summary(s, id); sum.Status != journal.StatusUndone || sum.UndoneBy != second.ID() {
			b.Errorf("got %+v", sum)
		}
		if sum := b.summary(s, second.ID()); sum.Status != journal.StatusFinished || sum.Undoes != id {
			b.Errorf("got %+v", sum)
		}
		got := kinds(b.entries(s, journal.Filter{Run: second.ID()}))
		want := []journal.Kind{journal.KindUndoStarted, journal.KindUndoFinished, journal.KindRunContinued, journal.KindStepIntended, journal.KindStepDone, journal.KindUndoFinished}
		if !slices.Equal(got, want) {
			b.Errorf("got %v", got)
		}
		b.refused(s, undo(id, 1), "was taken back by "+second.ID())
		b.refused(s, start("plan-a", 1), "plan again")
		b.mustBeWhole(s)
	})
}

func TestWhatWasTakenBackIsNotContinued(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		r := b.begin(s, start("plan-a", 1))
		must(b, r.Finish(b.Context(), journal.RunEnd{Interrupted: true}))
		must(b, b.begin(s, undo(r.ID(), 0)).Finish(b.Context(), journal.RunEnd{}))
		again := start("plan-a", 1)
		again.Continue = r.ID()
		b.refused(s, again, "was taken back by")
	})
}

func TestRunIDsSortByTime(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		first := b.whole(s, "plan-a")
		b.clock.Add(1)
		second := b.whole(s, "plan-b")
		if !regexp.MustCompile(`^run-20251009-085320-[a-z2-7]{16}$`).MatchString(first) || first >= second {
			b.Errorf("got %s, %s", first, second)
		}
	})
}

func TestARunNeedsItsFacts(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		for name, st := range map[string]journal.Start{
			"nobody":   {Plan: "plan-a", Actor: " "},
			"nothing":  {Actor: "ana"},
			"both":     {Actor: "ana", Plan: "plan-a", Undoes: "run-x"},
			"negative": {Actor: "ana", Plan: "plan-a", Steps: -1},
		} {
			if _, err := s.Begin(b.Context(), st); rightful.KindOf(err) != rightful.KindInvalid {
				b.Errorf("%s: %v", name, err)
			}
		}
		r := b.begin(s, start("plan-a", 1))
		if err := r.Settle(b.Context(), journal.Outcome{State: "splendid", Step: stamp("step-1", "cus_1")}); rightful.KindOf(err) != rightful.KindInvalid {
			b.Errorf("got %v", err)
		}
		must(b, r.Intend(b.Context()), r.Settle(b.Context())) // nothing is nothing
	})
}

func TestFilters(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		ctx := b.Context()
		first := b.whole(s, "plan-a") // cus_1, company 11, by ana
		b.clock.Add(1000)
		st := start("plan-b", 1)
		st.Actor = "bo"
		r := b.begin(s, st)
		step := stamp("step-9", "cus_9")
		step.CompanyID = ptr("012")
		must(b, r.Intend(ctx, intent(step, r)), r.Settle(ctx, done(step)), r.Finish(ctx, journal.RunEnd{}))
		cases := []struct {
			name    string
			f       journal.Filter
			runs    []string
			entries int
		}{
			{"all", journal.Filter{}, []string{first, r.ID()}, 9},
			{"run", journal.Filter{Run: first}, []string{first}, 5},
			{"no run", journal.Filter{Run: "run-"}, nil, 0},
			{"since", journal.Filter{Since: began + 1000}, []string{r.ID()}, 4},
			{"since later", journal.Filter{Since: began + 1001}, nil, 0},
			{"object", journal.Filter{Object: "cus_1"}, []string{first}, 2},
			{"part of an object", journal.Filter{Object: "cus_"}, nil, 0},
			{"company", journal.Filter{Company: "11"}, []string{first}, 2},
			{"no company", journal.Filter{Company: "12"}, nil, 0},
			{"actor", journal.Filter{Actor: "bo"}, []string{r.ID()}, 4},
			{"actor and object", journal.Filter{Actor: "bo", Object: "cus_1"}, nil, 0},
			{"run and company", journal.Filter{Run: first, Company: "11"}, []string{first}, 2},
			{"the last", journal.Filter{Last: 1}, []string{r.ID()}, 9},
			{"the last two", journal.Filter{Last: 2}, []string{first, r.ID()}, 9},
			{"before the second", journal.Filter{BeforeSeq: 6, Last: 2}, []string{first}, 9},
			{"before the first", journal.Filter{BeforeSeq: 1}, nil, 9},
			{"the last of ana's", journal.Filter{Actor: "ana", Last: 1}, []string{first}, 5},
			{"the last before a run", journal.Filter{Run: r.ID(), BeforeSeq: 6, Last: 1}, nil, 4},
		}
		for _, c := range cases {
			runs, err := s.Runs(ctx, c.f)
			must(b, err)
			var ids []string
			for _, sum := range runs {
				ids = append(ids, sum.ID)
			}
			if !slices.Equal(ids, c.runs) {
				b.Errorf("%s: runs %v", c.name, ids)
			}
			if n := len(b.entries(s, c.f)); n != c.entries {
				b.Errorf("%s: %d entries, want %d", c.name, n, c.entries)
			}
		}
		// What is not asked for is not read.
		b.mustBehind(s, "UPDATE rightful_runs SET summary = 'not readable' WHERE id = '"+first+"'")
		for _, f := range []journal.Filter{{Last: 1}, {Run: r.ID()}, {Actor: "bo", Last: 1}} {
			if runs, err := s.Runs(ctx, f); err != nil || len(runs) != 1 || runs[0].ID != r.ID() {
				b.Errorf("%+v: %v, %v", f, runs, err)
			}
		}
	})
}

func TestNoSecretGetsIn(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		ctx := b.Context()
		const key, address = "sk_live_51Abcdef", "postgres://ana:hunter2@db/app"
		st := start("plan-a", 2)
		st.Reason, st.Actor = "with "+key, "ana "+address
		r := b.begin(s, st)
		good, bad := stamp("step-1", "cus_1"), stamp("step-2", "cus_1")
		bad.From = ptr("whsec_abcdef")
		if err := r.Intend(ctx, intent(good, r), intent(bad, r)); !errors.Is(err, journal.ErrSecret) || !errors.Is(err, journal.ErrNotRecorded) || strings.Contains(err.Error(), "whsec") {
			b.Errorf("got %v", err)
		}
		// Only that step is refused; of its call nothing is recorded, and the run goes on.
		must(b, r.Intend(ctx, intent(good, r)),
			r.Settle(ctx, journal.Outcome{State: journal.StateFailed, Step: good, Attempt: 1, Why: "Authorization: Bearer abc.def", Seen: &journal.Seen{Value: ptr("rk_test_1")}}),
			r.FinishUnit(ctx, journal.UnitEnd{Unit: "cus_1", Skipped: []string{}, Why: key}),
			r.Finish(ctx, journal.RunEnd{Why: address}))
		for _, e := range b.entries(s, journal.Filter{}) {
			for _, secret := range []string{key, "hunter2", "whsec_", "abc.def", "rk_test_1"} {
				if strings.Contains(string(e.Body), secret) {
					b.Errorf("record %d holds %s: %s", e.Seq, secret, e.Body)
				}
			}
		}
		if sum := b.summary(s, r.ID()); sum.Reason != "with ***" || sum.Counts != (journal.Counts{Failed: 1}) {
			b.Errorf("got %+v", sum)
		}
	})
}

var _ journal.Log = (*state.Store)(nil)
