package apply

import (
	"context"

	"rightful"
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
	case now.fulfils(s) && unclear:
		t.end(ctx, i, StateDone, now.seen(), "")
		return true, true
	case now.fulfils(s):
		t.note(i, StateDone, now.seen(), "") // recorded already
		return true, true
	case (unclear || s.Place == rightful.PlaceCache) && now.at(s.Precondition.Value): // a key that is back is deleted again
		return false, false
	}
	t.end(ctx, i, StateConflict, now.seen(), "written earlier by this run, and changed since: now "+now.String())
	return true, t.back
}

// repeats reports whether the next attempt of a step is the one that was about to
// be sent when the run ended: under the same idempotency key it takes effect
// once, should it still be on its way.
func (t *trial) repeats(i int) bool {
	e, any := t.earlier[t.unit.Steps[i].ID]
	return any && e.Open && !e.Back && e.Attempt > 0 && t.attempt[t.unit.Steps[i].ID] == e.Attempt && t.outcomes[i].Tries == 0
}
