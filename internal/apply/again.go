package apply

import (
	"context"
	"time"

	"rightful"
	"rightful/internal/plan"
)

// deleted is a cache key that was deleted, and when.
type deleted struct {
	unit plan.Unit // with this step alone
	at   time.Time
}

// deleted notes a cache key to look at again.
func (t *trial) deleted(s plan.Step) {
	t.again = append(t.again, deleted{plan.Unit{Family: t.unit.Family, CompanyID: t.unit.CompanyID, Steps: []plan.Step{s}}, time.Now()})
}

// lookAgain deletes cache keys once more that have come back with the wrong
// value: a reader that read the database just before it was repaired fills the
// cache just after. What came back with another value is as it should be.
func (a *applier) lookAgain(ctx context.Context) {
	for _, d := range a.again {
		if a.stopped() || !pause(ctx, time.Until(d.at.Add(a.options.CacheAgain))) {
			return
		}
		work := context.WithoutCancel(ctx)
		s := d.unit.Steps[0]
		if now, err := a.read(work, s); err != nil || !now.at(s.From) {
			continue // a cache that is not heard any more is for verify to tell
		}
		t := a.begin(d.unit)
		if t.deleteAgain(work) {
			continue
		}
		for i, o := range a.result.Outcomes {
			if o.Step == s.ID {
				a.result.Outcomes[i] = t.outcomes[0]
			}
		}
	}
}

// deleteAgain deletes a key that has come back, and reports whether it is gone.
func (t *trial) deleteAgain(ctx context.Context) bool {
	s := t.unit.Steps[0]
	_, key := t.next(s.ID, "")
	if err := t.intend(ctx, t.intent(0, "", false)); err != nil {
		t.note(0, StateFailed, nil, "it came back, and was not deleted again: "+plain(err))
		return false
	}
	t.outcomes[0].Tries++
	err := t.write(ctx, s, key)
	now, unread := t.read(ctx, s)
	switch {
	case unread != nil:
		t.end(ctx, 0, StateUncertain, nil, "it came back, and could not be read again: "+plain(unread))
	case !now.at(s.From):
		t.end(ctx, 0, StateDone, now.seen(), "")
		return true
	case err != nil && rightful.KindOf(err) != rightful.KindConflict:
		t.end(ctx, 0, StateFailed, now.seen(), "it came back, and was not deleted again: "+plain(err))
	default:
		t.end(ctx, 0, StateConflict, now.seen(), "it comes back with the wrong value: something still writes it")
	}
	return false
}

// pause waits, and reports whether nobody called the run off.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
