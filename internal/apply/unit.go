package apply

import (
	"context"
	"errors"

	"rightful"
	"rightful/internal/plan"
)

// unit applies the steps of one unit, in their order. It ends at the first that
// does not succeed: the others were planned on what is not so any more.
func (a *applier) unit(ctx context.Context, u plan.Unit) {
	t := &trial{applier: a, unit: u, outcomes: make([]Outcome, len(u.Steps))}
	for i, s := range u.Steps {
		t.outcomes[i] = Outcome{Step: s.ID, Unit: u.Family, State: StateSkipped}
	}
	// The step in hand is finished even when the run is called off.
	work := context.WithoutCancel(ctx)
	ok := ctx.Err() == nil && t.tryRows(work)
	for i := 0; ok && i < len(u.Steps); {
		if ctx.Err() != nil {
			t.explain("the run was interrupted")
			break
		}
		if u.Steps[i].Place != rightful.PlaceDB {
			ok = t.step(work, i)
			i++
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
	}
	if ctx.Err() != nil {
		t.explain("the run was interrupted")
	}
	t.explain("an earlier step of this unit did not succeed")
	a.result.Outcomes = append(a.result.Outcomes, t.outcomes...)
}

// trial is one unit under way.
type trial struct {
	*applier
	unit     plan.Unit
	outcomes []Outcome
}

// explain says why steps that were not tried were not.
func (t *trial) explain(why string) {
	for i := range t.outcomes {
		if o := &t.outcomes[i]; o.State == StateSkipped && o.Why == "" {
			o.Why = why
		}
	}
}

func (t *trial) end(i int, s State, why string) {
	t.outcomes[i].State, t.outcomes[i].Why = s, why
}

// fail ends a step with an error.
func (t *trial) fail(i int, err error) {
	state := StateFailed
	if rightful.KindOf(err) == rightful.KindConflict {
		state = StateConflict
	}
	t.end(i, state, plain(err))
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
	s := t.unit.Steps[i]
	now, err := t.read(ctx, s)
	switch {
	case err != nil:
		t.fail(i, err)
		return false, false
	case now.at(s.To):
		t.end(i, StateAlready, "it stood there before this run")
		return false, true
	case !now.at(s.Precondition.Value):
		t.outcomes[i].Found = now.value
		t.end(i, StateConflict, "expected "+standing{value: s.Precondition.Value}.String()+"; now "+now.String())
		return false, false
	}
	return true, true
}

// confirm reads back what a step wrote.
func (t *trial) confirm(ctx context.Context, i int) bool {
	s := t.unit.Steps[i]
	now, err := t.read(ctx, s)
	switch {
	case err != nil:
		t.end(i, StateFailed, "written, but it could not be read back: "+plain(err))
		return false
	case !now.at(s.To):
		t.outcomes[i].Found = now.value
		t.end(i, StateFailed, "written, but then "+now.String()+": something else writes there")
		return false
	}
	t.end(i, StateDone, "")
	return true
}

// step applies one step outside the database.
func (t *trial) step(ctx context.Context, i int) bool {
	ready, good := t.check(ctx, i)
	if !ready {
		return good
	}
	for {
		t.outcomes[i].Tries++
		err := t.write(ctx, t.unit.Steps[i], t.outcomes[i].Tries)
		switch {
		case err == nil:
			return t.confirm(ctx, i)
		case rightful.KindOf(err) != rightful.KindUncertain:
			t.fail(i, err)
			return false
		}
		if again, good := t.settle(ctx, i, err); !again {
			return good
		}
	}
}

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
		for _, i := range ready {
			t.fail(i, err)
		}
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
	for _, n := range ready {
		t.outcomes[n].Tries++
	}
	if err := t.writeRows(ctx, t.pick(ready), true); err != nil {
		if rightful.KindOf(err) == rightful.KindUncertain {
			return t.settleRows(ctx, ready, err)
		}
		for _, n := range ready {
			t.fail(n, err)
		}
		return false, true
	}
	ok = true
	for _, n := range ready {
		ok = t.confirm(ctx, n) && ok
	}
	return ok, false
}

// putBack takes back the stamps that this run wrote before step end, the last
// one first, where they are still ours: a unit is not left half in Stripe because
// the database refused its other half.
func (t *trial) putBack(ctx context.Context, end int) {
	for i := end - 1; i >= 0; i-- {
		s := t.unit.Steps[i]
		if s.Place != rightful.PlaceStripe || t.outcomes[i].State != StateDone {
			continue
		}
		now, err := t.read(ctx, s)
		if err == nil && !now.at(s.To) {
			t.outcomes[i].Found = now.value
			t.end(i, StateFailed, "the database refused the rest, and this was not put back, because now "+now.String())
			continue
		}
		if err == nil {
			err = t.stamp(ctx, s, s.Reverse.To, t.options.Run+"/"+s.ID+"/back")
		}
		if err == nil || rightful.KindOf(err) == rightful.KindUncertain {
			now, err = t.read(ctx, s)
		}
		switch {
		case err != nil:
			t.end(i, StateFailed, "the database refused the rest, and this could not be put back: "+plain(err))
		case !now.at(s.Reverse.To):
			t.outcomes[i].Found = now.value
			t.end(i, StateFailed, "put back because the database refused the rest, but then "+now.String())
		default:
			t.end(i, StatePutBack, "the database refused the rest of its unit")
		}
	}
}
