package apply

import (
	"context"
	"errors"
	"slices"

	"rightful"
	"rightful/internal/journal"
	"rightful/internal/plan"
)

// tryRows asks the database, before anything is written anywhere, whether it
// would accept all rows of the unit.
func (t *trial) tryRows(ctx context.Context) bool {
	var ready []int
	for i, s := range t.unit.Steps {
		if s.Place != rightful.PlaceDB {
			continue
		}
		is, good := t.check(ctx, i)
		if !good {
			return false
		}
		if is {
			ready = append(ready, i)
		}
	}
	err := t.writeRows(ctx, t.pick(ready), false)
	if rightful.KindOf(err) == rightful.KindConflict && t.writtenMeanwhile(ctx, ready) {
		ready = slices.DeleteFunc(ready, func(i int) bool { return t.over[i] })
		err = t.writeRows(ctx, t.pick(ready), false)
	}
	if err != nil {
		t.failAll(ctx, ready, err)
		return false
	}
	return true
}

func (t *trial) pick(at []int) []plan.Step {
	var steps []plan.Step
	for _, i := range at {
		steps = append(steps, t.unit.Steps[i])
	}
	return steps
}

func (t *trial) failAll(ctx context.Context, steps []int, err error) {
	for _, i := range steps {
		t.noteFailure(i, err)
	}
	t.settled(ctx, steps...)
}

// rows applies the database steps from i to end in one transaction. refused
// tells that none of them was written.
//
// What somebody else wrote between the last look and the commit may be the same:
// then the others are tried again without it.
func (t *trial) rows(ctx context.Context, i, end int) (ok, refused bool) {
	for n, again := 1, true; again; n++ {
		ok, refused, again = t.rowsOnce(ctx, i, end, n < maxTries)
	}
	var rest []int // of an attempt that was rolled back, and not tried again
	for n := i; n < end; n++ {
		if !t.over[n] && t.outcomes[n].Tries > 0 {
			t.note(n, StateFailed, nil, "rolled back with the other rows of its unit")
			rest = append(rest, n)
		}
	}
	t.settled(ctx, rest...)
	return ok, refused
}

// rowsOnce tries rows once. again, which mayAgain allows, tells that some of them
// are to be tried without the others.
func (t *trial) rowsOnce(ctx context.Context, i, end int, mayAgain bool) (ok, refused, again bool) {
	var ready []int
	for n := i; n < end; n++ {
		is, good := t.check(ctx, n)
		if !good {
			return false, true, false
		}
		if is {
			ready = append(ready, n)
		}
	}
	if len(ready) == 0 {
		return true, false, false
	}
	intents := make([]journal.Intent, len(ready))
	for n, i := range ready {
		t.attempt[t.unit.Steps[i].ID]++
		intents[n] = t.intent(i, "", false)
	}
	if err := t.intend(ctx, intents...); err != nil {
		if errors.Is(err, journal.ErrSecret) {
			for _, n := range ready {
				t.note(n, StateFailed, nil, plain(err))
			}
		}
		return false, !t.stopped(), false
	}
	for _, n := range ready {
		t.outcomes[n].Tries++
	}
	if err := t.writeRows(ctx, t.pick(ready), true); err != nil {
		if rightful.KindOf(err) == rightful.KindUncertain {
			ok, refused = t.settleRows(ctx, ready, err)
			return ok, refused && !t.stopped(), false
		}
		if mayAgain && rightful.KindOf(err) == rightful.KindConflict && t.writtenMeanwhile(ctx, ready) {
			return false, false, true
		}
		t.failAll(ctx, ready, err)
		return false, !t.stopped(), false
	}
	ok = true
	for _, n := range ready {
		_, good := t.confirm(ctx, n, false)
		ok = good && ok
	}
	t.settled(ctx, ready...)
	return ok && !t.stopped(), false, false
}

// writtenMeanwhile looks again where the database met something else than what
// had just been read. It reports whether somebody else wrote the very same, and
// nothing else is in the way: those steps are then done, and not ours.
func (t *trial) writtenMeanwhile(ctx context.Context, steps []int) bool {
	var same []int
	seen := map[int]*journal.Seen{}
	for _, i := range steps {
		s := t.unit.Steps[i]
		now, err := t.read(ctx, s)
		switch {
		case err == nil && now.at(s.To):
			same, seen[i] = append(same, i), now.seen()
		case err != nil, !now.at(s.Precondition.Value):
			return false
		}
	}
	for _, i := range same {
		t.note(i, StateAlready, seen[i], "somebody else wrote it at the same moment")
	}
	t.settled(ctx, same...)
	return len(same) > 0
}
