package state

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"sync"

	"rightful"
	"rightful/internal/journal"
)

// run is a run under way. Its methods may be called at once, so that somebody
// can beat while somebody else writes.
type run struct {
	store *Store
	lease lease

	mu     sync.Mutex
	tally  *journal.Tally
	undone *journal.Tally // what this run takes back
	over   error          // why nothing can be recorded any more
}

// errFinished is what a run says that is at its end.
var errFinished = errors.New("the run is at its end")

// ID implements journal.Run.
func (r *run) ID() string { return r.tally.Summary.ID }

// Before implements journal.Run.
func (r *run) Before() map[string]journal.StepState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.tally.Steps)
}

// Intend implements journal.Run.
func (r *run) Intend(ctx context.Context, intents ...journal.Intent) error {
	records := make([]journal.Record, len(intents))
	for i, in := range intents {
		records[i] = journal.Record{Kind: journal.KindStepIntended, Body: in}
	}
	return r.record(ctx, false, records)
}

// Settle implements journal.Run.
func (r *run) Settle(ctx context.Context, outcomes ...journal.Outcome) error {
	records := make([]journal.Record, len(outcomes))
	for i, o := range outcomes {
		kind, err := o.State.Kind()
		if err != nil {
			return err
		}
		records[i] = journal.Record{Kind: kind, Body: o}
	}
	return r.record(ctx, false, records)
}

// FinishUnit implements journal.Run.
func (r *run) FinishUnit(ctx context.Context, end journal.UnitEnd) error {
	return r.record(ctx, false, []journal.Record{{Kind: journal.KindUnitFinished, Body: end}})
}

// Finish implements journal.Run.
func (r *run) Finish(ctx context.Context, end journal.RunEnd) error {
	kind := journal.KindRunFinished
	if r.tally.Summary.Undoes != "" {
		kind = journal.KindUndoFinished
	}
	return r.record(ctx, true, []journal.Record{{Kind: kind, Body: end}})
}

// Beat implements journal.Run.
func (r *run) Beat(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over != nil {
		return r.over
	}
	err := r.store.write(ctx, func(ctx context.Context, tx *sql.Tx) error { return r.store.beat(ctx, tx, r.lease) })
	if errors.Is(err, journal.ErrLeaseLost) {
		r.over = notRecorded(err)
		return r.over
	}
	return err // a beat that is missed is no record that is missed
}

// record appends records of the run.
func (r *run) record(ctx context.Context, last bool, records []journal.Record) error {
	if len(records) == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over != nil {
		return r.over
	}
	err := r.store.append(ctx, func(ctx context.Context, a *appending) error {
		if err := a.beat(ctx, a.tx, r.lease); err != nil {
			return err
		}
		if err := r.add(ctx, a, records...); err != nil {
			return err
		}
		if last {
			return a.release(ctx, r.lease)
		}
		return nil
	})
	switch {
	case errors.Is(err, journal.ErrSecret):
	case err != nil:
		// What is in memory may differ now from what is recorded, and a commit
		// may have come through without anybody hearing of it.
		r.over = err
	case last:
		r.over = notRecorded(&rightful.Error{Kind: rightful.KindRefused, Place: "journal", Message: errFinished.Error(), Err: errFinished})
	}
	return err
}

// add appends records, and follows them.
func (r *run) add(ctx context.Context, a *appending, records ...journal.Record) error {
	entries, err := a.add(ctx, r.ID(), records...)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := r.tally.Add(e); err != nil {
			return err
		}
	}
	if err := a.keepSummary(ctx, r.tally.Summary); err != nil || r.undone == nil {
		return err
	}
	r.undone.Summary.TakenBack(r.tally.Summary)
	return a.keepSummary(ctx, r.undone.Summary)
}
