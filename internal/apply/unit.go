package apply

import (
	"context"
	"errors"

	"rightful"
	"rightful/internal/journal"
	"rightful/internal/plan"
)

// interrupted is why steps were not tried when a run was called off.
const interrupted = "the run was interrupted"

// trial is one unit under way.
type trial struct {
	*applier
	unit     plan.Unit
	outcomes []Outcome
	seen     []*journal.Seen // what stood there in the end; nil: nobody could look
	over     []bool          // the outcome is known
	told     bool            // something of the unit was recorded in this part of the run
}

func (a *applier) begin(u plan.Unit) *trial {
	n := len(u.Steps)
	t := &trial{applier: a, unit: u, outcomes: make([]Outcome, n), seen: make([]*journal.Seen, n), over: make([]bool, n)}
	for i, s := range u.Steps {
		t.outcomes[i] = Outcome{Step: s.ID, Unit: u.Family, State: StateSkipped}
	}
	return t
}

// unit applies the steps of one unit, in their order. It ends at the first that
// does not succeed: the others were planned on what is not so any more.
func (a *applier) unit(ctx context.Context, u plan.Unit) {
	t := a.begin(u)
	// The step in hand is finished even when the run is called off.
	work := context.WithoutCancel(ctx)
	begun := ctx.Err() == nil && !a.stopped()
	ok := begun && t.tryRows(work)
	for i := 0; ok && i < len(u.Steps) && ctx.Err() == nil; {
		if u.Steps[i].Place != rightful.PlaceDB {
			ok = t.step(work, i)
			i++
			t.progress(i)
			continue
		}
		end := i
		for end < len(u.Steps) && u.Steps[end].Place == rightful.PlaceDB {
			end++
		}
		var refused bool
		if ok, refused = t.rows(work, i, end); refused {
			t.putBack(work, i)
		}
		i = end
		t.progress(i)
	}
	switch {
	case a.stopped():
		t.explain("nothing more is written: " + a.result.Stopped)
	case ctx.Err() != nil:
		t.explain(interrupted)
	}
	t.explain("an earlier step of this unit did not succeed")
	if begun {
		t.finishUnit(work)
	}
	a.result.Outcomes = append(a.result.Outcomes, t.outcomes...)
	t.progress(0)
}

// progress tells how many steps are behind: those of earlier units, and so many of
// this one.
func (t *trial) progress(done int) {
	if t.options.Progress != nil {
		t.options.Progress(len(t.result.Outcomes)+done, t.all)
	}
}

// explain says why steps that were not tried were not.
func (t *trial) explain(why string) {
	for i := range t.outcomes {
		if o := &t.outcomes[i]; o.State == StateSkipped && o.Why == "" {
			o.Why = why
		}
	}
}

// fail ends a step with an error.
func (t *trial) fail(ctx context.Context, i int, err error) {
	t.noteFailure(i, err)
	t.settled(ctx, i)
}

func (t *trial) noteFailure(i int, err error) {
	state := StateFailed
	if rightful.KindOf(err) == rightful.KindConflict {
		state = StateConflict
	}
	t.note(i, state, nil, plain(err))
}

func plain(err error) string {
	var own *rightful.Error
	if errors.As(err, &own) {
		return own.Message
	}
	return err.Error()
}

// check reads what stands in the place of a step. ready tells that the step's
// precondition holds; else its outcome is set, and good tells whether the unit
// goes on.
func (t *trial) check(ctx context.Context, i int) (ready, good bool) {
	if t.over[i] {
		return false, true
	}
	s := t.unit.Steps[i]
	now, err := t.read(ctx, s)
	if err != nil {
		t.fail(ctx, i, err)
		return false, false
	}
	if known, good := t.standsFromBefore(ctx, i, now); known {
		return false, good
	}
	switch {
	case now.at(s.To):
		t.end(ctx, i, StateAlready, now.seen(), "it stood there before this run")
		return false, true
	case now.fulfils(s):
		t.end(ctx, i, StateAlready, now.seen(), "the wrong value is gone: another one is cached by now")
		return false, true
	case !now.at(s.Precondition.Value):
		t.end(ctx, i, StateConflict, now.seen(), "expected "+standing{value: s.Precondition.Value}.String()+"; now "+now.String())
		return false, t.back
	}
	return true, true
}

// confirm reads back what a step wrote, and notes it. again tells that it has to be
// written again: the answer was that of an attempt before, or a cache was filled
// at once.
func (t *trial) confirm(ctx context.Context, i int, repeated bool) (again, good bool) {
	s := t.unit.Steps[i]
	now, err := t.read(ctx, s)
	switch {
	case err != nil:
		t.note(i, StateUncertain, nil, "written, but it could not be read back: "+plain(err))
	case now.fulfils(s):
		t.note(i, StateDone, now.seen(), "")
		return false, true
	case repeated && now.at(s.Precondition.Value), s.Place == rightful.PlaceCache && t.outcomes[i].Tries < maxTries:
		// A reader that had read before the repair may fill a key at once.
		return true, false
	default:
		t.note(i, StateConflict, now.seen(), "written, but then "+now.String()+": something else writes there")
	}
	return false, false
}

// step applies one step outside the database.
func (t *trial) step(ctx context.Context, i int) bool {
	ready, good := t.check(ctx, i)
	if !ready {
		return good
	}
	s := t.unit.Steps[i]
	for {
		repeated := t.repeats(i)
		if !repeated {
			t.attempt[s.ID]++
		}
		key := t.key(s.ID, "")
		recorded := key
		if s.Place != rightful.PlaceStripe {
			recorded = "" // the place has none
		}
		if err := t.intend(ctx, t.intent(i, recorded, false)); err != nil {
			return t.unrecorded(ctx, i, err)
		}
		t.outcomes[i].Tries++
		err := t.write(ctx, s, key)
		if err != nil && rightful.KindOf(err) != rightful.KindUncertain {
			return t.refused(ctx, i, err)
		}
		var again bool
		if err != nil {
			again, good = t.settle(ctx, i, err)
		} else if again, good = t.confirm(ctx, i, repeated); !again {
			t.settled(ctx, i)
		}
		if !again {
			if good && s.Place == rightful.PlaceCache {
				t.deleted(s)
			}
			return good && !t.stopped()
		}
	}
}

// refused ends a step that its place did not take. A cache key that was filled with
// another value just before has lost the wrong one all the same.
func (t *trial) refused(ctx context.Context, i int, err error) bool {
	s := t.unit.Steps[i]
	if s.Place == rightful.PlaceCache && rightful.KindOf(err) == rightful.KindConflict {
		if now, unread := t.read(ctx, s); unread == nil && now.fulfils(s) {
			t.end(ctx, i, StateAlready, now.seen(), "the wrong value is gone: another one is cached by now")
			return !t.stopped()
		}
	}
	t.fail(ctx, i, err)
	return false
}

// unrecorded ends a step that is not written, because the journal did not take its
// intent.
func (t *trial) unrecorded(ctx context.Context, i int, err error) bool {
	if errors.Is(err, journal.ErrSecret) { // nor would it take the outcome
		t.note(i, StateFailed, nil, plain(err))
	}
	return false
}

// putBack takes back the stamps that this run wrote before step end, the last
// one first, where they are still ours: a unit is not left half in Stripe because
// the database refused its other half.
func (t *trial) putBack(ctx context.Context, end int) {
	for i := end - 1; i >= 0; i-- {
		s := t.unit.Steps[i]
		if s.Place != rightful.PlaceStripe || t.outcomes[i].State != StateDone || s.Reverse == nil {
			continue
		}
		now, err := t.read(ctx, s)
		if err == nil && !now.at(s.To) {
			t.end(ctx, i, StateConflict, now.seen(), "the database refused the rest, and this was not put back, because now "+now.String())
			continue
		}
		_, key := t.next(s.ID, "back/")
		if err == nil {
			if t.intend(ctx, t.intent(i, key, true)) != nil {
				return // what is written stands, and the journal says so
			}
			err = t.stamp(ctx, s, s.Reverse.To, key)
		}
		now, unread := t.read(ctx, s)
		switch why := "the database refused the rest, and this could not be put back"; {
		case unread != nil:
			t.end(ctx, i, StateUncertain, nil, why+": "+plain(unread))
		case now.at(s.To) && err != nil:
			t.end(ctx, i, StateDone, now.seen(), why+": "+plain(err))
		case now.at(s.To):
			t.end(ctx, i, StateDone, now.seen(), why+": Stripe said yes, and it stands there still")
		case !now.at(s.Reverse.To):
			t.end(ctx, i, StateConflict, now.seen(), "put back because the database refused the rest, but then "+now.String())
		default:
			t.end(ctx, i, StatePutBack, now.seen(), "the database refused the rest of its unit")
		}
	}
}
