package apply

import (
	"context"
)

// maxTries is how often a write is sent whose answer was lost and of which then
// nothing is seen.
const maxTries = 3

// settle finds out what became of a write of which no answer came, by reading. A
// write that is not there is tried again, as a new attempt: what is still on its
// way would write the same.
func (t *trial) settle(ctx context.Context, i int, lost error) (again, good bool) {
	s, o := t.unit.Steps[i], &t.outcomes[i]
	now, err := t.read(ctx, s)
	switch {
	case err != nil:
		t.end(ctx, i, StateUncertain, nil, plain(lost)+"; and it could not be read back: "+plain(err))
	case now.holds(s):
		t.end(ctx, i, StateDone, now.seen(), "")
		return false, true
	case now.at(s.Precondition.Value) && o.Tries < maxTries:
		return true, false
	case now.at(s.Precondition.Value):
		t.end(ctx, i, StateUncertain, now.seen(), plain(lost)+"; now "+now.String())
	default:
		t.end(ctx, i, StateConflict, now.seen(), plain(lost)+"; now "+now.String())
	}
	return false, false
}

// settleRows finds out whether a transaction was committed of which no answer
// came. refused tells that it surely was not: only then may what the unit wrote
// elsewhere be put back.
func (t *trial) settleRows(ctx context.Context, ready []int, lost error) (ok, refused bool) {
	ok, refused = true, true
	for _, i := range ready {
		s := t.unit.Steps[i]
		now, err := t.read(ctx, s)
		switch {
		case err != nil:
			t.note(i, StateUncertain, nil, plain(lost)+"; and it could not be read back: "+plain(err))
			ok, refused = false, false
		case now.at(s.To):
			t.note(i, StateDone, now.seen(), "")
			refused = false
		case now.at(s.Precondition.Value):
			t.note(i, StateFailed, now.seen(), plain(lost)+"; now "+now.String())
			ok = false
		default:
			t.note(i, StateConflict, now.seen(), plain(lost)+"; now "+now.String())
			ok = false
		}
	}
	t.settled(ctx, ready...)
	return ok, refused
}
