package apply

import (
	"context"
	"errors"

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
	if err := t.writeRows(ctx, t.pick(ready), false); err != nil {
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
func (t *trial) rows(ctx context.Context, i, end int) (ok, refused bool) {
	var ready []int
	for n := i; n < end; n++ {
		is, good := t.check(ctx, n)
		if !good {
			return false, true
		}
		if is {
			ready = append(ready, n)
		}
	}
	if len(ready) == 0 {
		return true, false
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
		return false, !t.stopped()
	}
	for _, n := range ready {
		t.outcomes[n].Tries++
	}
	if err := t.writeRows(ctx, t.pick(ready), true); err != nil {
		if rightful.KindOf(err) == rightful.KindUncertain {
			ok, refused = t.settleRows(ctx, ready, err)
			return ok, refused && !t.stopped()
		}
		t.failAll(ctx, ready, err)
		return false, !t.stopped()
	}
	ok = true
	for _, n := range ready {
		_, good := t.confirm(ctx, n, false)
		ok = good && ok
	}
	t.settled(ctx, ready...)
	return ok && !t.stopped(), false
}
