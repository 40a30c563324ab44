package state_test

import (
	"errors"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/journal"
	"rightful/internal/state"
)

// refused demands a refusal that wrote nothing.
func (b *bench) refused(s *state.Store, st journal.Start, because string) error {
	b.Helper()
	before := b.verify(s)
	_, err := s.Begin(b.Context(), st)
	if rightful.KindOf(err) != rightful.KindRefused || !errors.Is(err, journal.ErrNotRecorded) || !strings.Contains(err.Error(), because) {
		b.Errorf("got %v, want a refusal because of %q", err, because)
	}
	if after := b.verify(s); after.Head != before.Head {
		b.Errorf("a refusal was recorded: %+v", after)
	}
	return err
}

func TestTwoAppliersOnOneAccountExcludeEachOther(t *testing.T) {
	onBoth(t, func(b *bench) {
		s, other := b.open(), b.open()
		r := b.begin(s, start("plan-a", 1))
		b.clock.Add(30)
		err := b.refused(other, start("plan-b", 1), "at work on this account since 2025-10-09 08:53:20 UTC, by ana on desk, process 1")
		var held *journal.HeldError
		if !errors.As(err, &held) || held.Run != r.ID() || held.Since != began || held.Beat != began {
			b.Errorf("got %+v", held)
		}
		if !strings.Contains(err.Error(), "in 90 seconds") {
			b.Errorf("got %v", err)
		}
		// Nor may it be continued while it lives.
		again := start("plan-a", 1)
		again.Continue = r.ID()
		b.refused(other, again, "is at work")
		if sum := b.summary(other, r.ID()); sum.Status != journal.StatusRunning || sum.Holder == "" {
			b.Errorf("got %+v", sum)
		}

		// Another account, and the other mode of this one, are nobody's business.
		elsewhere := start("plan-c", 0)
		elsewhere.Account = "acct_2"
		must(b, b.begin(other, elsewhere).Finish(b.Context(), journal.RunEnd{}))
		elsewhere = start("plan-d", 0)
		elsewhere.Livemode = false
		must(b, b.begin(other, elsewhere).Finish(b.Context(), journal.RunEnd{}))

		must(b, r.Finish(b.Context(), journal.RunEnd{}))
		b.whole(other, "plan-b")
		b.mustBeWhole(s)
	})
}

func TestAStaleLeaseIsTakenOver(t *testing.T) {
	onBoth(t, func(b *bench) {
		s, other := b.open(), b.open()
		ctx := b.Context()
		r := b.begin(s, start("plan-a", 2))
		b.clock.Add(journal.StaleAfter - 1)
		must(b, r.Beat(ctx)) // a sign of life
		b.clock.Add(journal.StaleAfter - 1)
		b.refused(other, start("plan-b", 1), "is at work")
		must(b, r.Intend(ctx, intent(stamp("step-1", "cus_1"), r))) // so is a record
		b.clock.Add(journal.StaleAfter - 1)
		b.refused(other, start("plan-b", 1), "is at work")
		b.clock.Add(1)
		if sum := b.summary(other, r.ID()); sum.Status != journal.StatusInterrupted || sum.Counts.Open != 1 {
			b.Errorf("got %+v", sum)
		}

		next := b.begin(other, start("plan-b", 1))
		begun, err := b.entries(s, journal.Filter{Run: next.ID()})[0].Start()
		must(b, err)
		if begun.TookOver == nil || begun.TookOver.Run != r.ID() {
			b.Errorf("got %+v", begun.TookOver)
		}
		// The first one was only slow. It writes nothing any more.
		for name, err := range map[string]error{
			"intend": r.Intend(ctx, intent(stamp("step-2", "cus_2"), r)),
			"settle": r.Settle(ctx, done(stamp("step-1", "cus_1"))),
			"beat":   r.Beat(ctx),
			"finish": r.Finish(ctx, journal.RunEnd{}),
		} {
			if !errors.Is(err, journal.ErrLeaseLost) || !errors.Is(err, journal.ErrNotRecorded) {
				b.Errorf("%s: %v", name, err)
			}
		}
		must(b, next.Finish(ctx, journal.RunEnd{Interrupted: true}))
		b.mustBeWhole(s)
	})
}

func TestTwoHoldersOfOneRunAreToldApart(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		r := b.begin(s, start("plan-a", 1))
		b.clock.Add(journal.StaleAfter)
		again := start("plan-a", 1)
		again.Continue = r.ID()
		second := b.begin(b.open(), again)
		if second.ID() != r.ID() {
			b.Fatalf("continued as %s", second.ID())
		}
		if err := r.Beat(b.Context()); !errors.Is(err, journal.ErrLeaseLost) {
			b.Errorf("got %v", err)
		}
		if err := r.Intend(b.Context(), intent(stamp("step-1", "cus_1"), r)); !errors.Is(err, journal.ErrLeaseLost) {
			b.Errorf("got %v", err)
		}
		must(b, second.Beat(b.Context()))
	})
}

// TestADeadHolderIsTakenOverAtOnce, and one of whom nobody knows is waited for.
func TestADeadHolderIsTakenOverAtOnce(t *testing.T) {
	onBoth(t, func(b *bench) {
		died := map[string]bool{}
		open := func(process string) *state.Store {
			o := b.options(process)
			o.Process, o.Dead = process, func(p string) bool { return died[p] }
			s, err := state.Open(b.Context(), b.address, o)
			must(b, err)
			b.Cleanup(func() { must(b, s.Close()) })
			return s
		}
		first, second := open("one"), open("two")
		r := b.begin(first, start("plan-a", 1))
		again := start("plan-a", 1)
		again.Continue = r.ID()
		b.refused(second, again, "is at work")
		died["one"] = true
		if sum := b.summary(second, r.ID()); sum.Status != journal.StatusInterrupted {
			b.Errorf("its holder is dead, and it is %s", sum.Status)
		}
		b.begin(second, again)
		if err := r.Settle(b.Context(), done(stamp("step-1", "cus_1"))); !errors.Is(err, journal.ErrLeaseLost) {
			b.Errorf("who was taken over goes on: %v", err)
		}
	})
}
