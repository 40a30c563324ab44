package apply

import (
	"context"
	"errors"
	"fmt"

	"rightful/internal/journal"
	"rightful/internal/plan"
)

// stopped is why nothing more is written: the journal cannot say what is done.
func (a *applier) stopped() bool { return a.result.Stopped != "" }

// recorded looks at the answer of the journal. Anything but a value that it keeps
// out of its books ends the writing of the whole run.
func (a *applier) recorded(err error) bool {
	if err != nil && !errors.Is(err, journal.ErrSecret) && !a.stopped() {
		a.result.Stopped = plain(err)
	}
	return err == nil
}

// next returns the number and the idempotency key of another attempt of a step.
func (a *applier) next(id, what string) (int, string) {
	a.attempt[id]++
	return a.attempt[id], a.key(id, what)
}

// key is the idempotency key of the last attempt of a step.
func (a *applier) key(id, what string) string {
	return fmt.Sprintf("%s/%s/%s%d", a.options.Run.ID(), id, what, a.attempt[id])
}

// intend records writes that are about to be made, together.
func (t *trial) intend(ctx context.Context, intents ...journal.Intent) error {
	if t.stopped() {
		return journal.ErrNotRecorded
	}
	t.told = true
	err := t.options.Run.Intend(ctx, intents...)
	t.recorded(err)
	return err
}

// intent returns the record of a write that is about to be made.
func (t *trial) intent(i int, key string, back bool) journal.Intent {
	s := t.unit.Steps[i]
	return journal.Intent{Step: t.kept(s), Attempt: t.attempt[s.ID], IdempotencyKey: key, Back: back}
}

// end notes what became of a step, and records it.
func (t *trial) end(ctx context.Context, i int, s State, seen *journal.Seen, why string) {
	t.note(i, s, seen, why)
	t.settled(ctx, i)
}

// note notes what became of a step.
func (t *trial) note(i int, s State, seen *journal.Seen, why string) {
	o := &t.outcomes[i]
	o.State, o.Why = s, why
	if seen != nil && s != StateDone && s != StateAlready {
		o.Found = seen.Value
	}
	t.seen[i], t.over[i] = seen, true
}

// settled records what was noted about steps, together.
func (t *trial) settled(ctx context.Context, steps ...int) {
	if t.stopped() || len(steps) == 0 {
		return
	}
	outcomes := make([]journal.Outcome, len(steps))
	for n, i := range steps {
		s, o := t.unit.Steps[i], t.outcomes[i]
		outcomes[n] = journal.Outcome{State: o.State, Step: t.kept(s), Attempt: t.attempt[s.ID], Seen: t.seen[i], Why: o.Why}
	}
	t.told = true
	t.recorded(t.options.Run.Settle(ctx, outcomes...))
}

// kept is a step as the journal keeps it.
func (t *trial) kept(s plan.Step) journal.Step {
	out := journal.Step{
		ID: s.ID, Unit: t.unit.Family, CompanyID: t.unit.CompanyID, Place: s.Place, Object: s.Object, Field: s.Field, From: s.From, To: s.To,
		Precondition: journal.Precondition{Value: s.Precondition.Value}, Because: s.Because, Decided: s.Decided,
	}
	if s.Reverse != nil {
		out.Reverse = &journal.Reverse{To: s.Reverse.To}
	}
	return out
}

// finishUnit records the end of the unit, unless an earlier part of the run has,
// and nothing is new: a run that is killed over and over would else record the same
// ends each time, and might never get past them.
func (t *trial) finishUnit(ctx context.Context) {
	if !t.told && t.passed[t.unit.Family] {
		return
	}
	end := journal.UnitEnd{Unit: t.unit.Family, Whole: true, Skipped: []string{}}
	for _, o := range t.outcomes {
		switch o.State {
		case StateDone, StateAlready:
			continue
		case StateSkipped:
			end.Skipped = append(end.Skipped, o.Step)
		}
		end.Whole = false
		if end.Why == "" {
			end.Why = o.Why
		}
	}
	if !t.stopped() {
		t.recorded(t.options.Run.FinishUnit(ctx, end))
	}
}

// finish records the end of the run, or of this part of it.
func (a *applier) finish(ctx context.Context) {
	if a.stopped() {
		return
	}
	end := journal.RunEnd{Interrupted: a.result.Interrupted}
	if end.Interrupted {
		end.Why = interrupted
	}
	a.recorded(a.options.Run.Finish(context.WithoutCancel(ctx), end))
}
