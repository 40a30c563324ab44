package apply

import (
	"context"

	"rightful"
	"rightful/internal/journal"
	"rightful/internal/plan"
)

// standsFromBefore tells about a step that an earlier part of the run has to do
// with. known is false when the step is to be taken as a new one. Else its outcome
// is set, and good tells whether the unit goes on.
//
// What was done, and still stands, is done. What was done and does not stand any
// more was changed by somebody else since: it is not written again. A write that
// was about to be made, and of which nobody knows what came, is looked for: the
// journal said what stood there before, so what stands there now is ours if it is
// the target.
func (t *trial) standsFromBefore(ctx context.Context, i int, now standing) (known, good bool) {
	s := t.unit.Steps[i]
	e, any := t.earlier[s.ID]
	unclear := e.Open || e.State == StateUncertain
	switch {
	case !any, !unclear && e.State != StateDone:
		return false, false
	case s.Place == rightful.PlaceCache:
		return t.keyFromBefore(ctx, i, now, unclear)
	case now.at(s.To) && unclear:
		t.end(ctx, i, StateDone, now.seen(), "")
		return true, true
	case now.at(s.To):
		t.note(i, StateDone, now.seen(), "") // recorded already
		return true, true
	case unclear && now.at(s.Precondition.Value):
		return false, false
	}
	t.end(ctx, i, StateConflict, now.seen(), "written earlier by this run, and changed since: now "+now.String())
	return true, t.back
}

// keyFromBefore is standsFromBefore for a cache key. Readers fill a key that was
// deleted, and one that had read the database before it was repaired fills it with
// the wrong value: then it is deleted once more. Another value is the app's, and
// as it should be. Whether it comes back after all is looked at again, as after
// every deletion: the part of the run that deleted it may not have come to that.
func (t *trial) keyFromBefore(ctx context.Context, i int, now standing, unclear bool) (known, good bool) {
	s := t.unit.Steps[i]
	if now.at(s.From) {
		return false, false
	}
	t.note(i, StateDone, now.seen(), "")
	if unclear {
		t.settled(ctx, i)
	}
	t.deleted(s)
	return true, true
}

// passed returns the units, by family, that an earlier part of the run has left
// behind: units are gone through in their order, and a later one was begun.
func passed(units []plan.Unit, earlier map[string]journal.StepState) map[string]bool {
	out := map[string]bool{}
	begun := false
	for i := len(units) - 1; i >= 0; i-- {
		out[units[i].Family] = begun
		for _, s := range units[i].Steps {
			_, known := earlier[s.ID]
			begun = begun || known
		}
	}
	return out
}

// repeats reports whether the next attempt of a step is the one that was about to
// be sent when the run ended: under the same idempotency key it takes effect
// once, should it still be on its way.
func (t *trial) repeats(i int) bool {
	e, any := t.earlier[t.unit.Steps[i].ID]
	return any && e.Open && !e.Back && e.Attempt > 0 && t.attempt[t.unit.Steps[i].ID] == e.Attempt && t.outcomes[i].Tries == 0
}
