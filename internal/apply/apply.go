// Package apply carries out a plan: it takes a plan and nothing else. Before
// each write it reads again what stands there, and says in the journal what it
// is about to do; after it, it looks again and records what came of it.
//
// apply.go runs units, forwards or back; unit.go one unit; rows.go its
// database steps; places.go reads and writes one step; record.go tells the
// journal; earlier.go knows what an earlier part of the run left; settle.go finds
// out about writes of which no answer came; again.go looks at deleted cache keys
// once more; backwards.go turns a run into what takes it back.
package apply

import (
	"context"
	"fmt"
	"time"

	"rightful"
	"rightful/internal/journal"
	"rightful/internal/plan"
)

// Places are where a plan is applied: the readers that say what stands there,
// and the writers. A place without a writer is read-only.
type Places struct {
	Directory rightful.DirectoryReader
	Stripe    rightful.StripeReader
	Cache     rightful.CacheReader
	Writers   Writers
}

// Writers are the writing halves. Each may be nil.
type Writers struct {
	Stripe    rightful.StripeWriter
	Directory rightful.DirectoryWriter
	Cache     rightful.CacheWriter
}

// Options say how to apply.
type Options struct {
	// Run records what is done, and names this application of the plan in
	// idempotency keys. A run that is continued says what its earlier parts did.
	Run journal.Run
	// CacheAgain is how long after it was deleted a cache key is looked at once
	// more. A reader that had read the database before it was repaired may have
	// filled the key again.
	CacheAgain time.Duration
	// Progress is told how many of all steps are behind; nil is allowed.
	Progress func(done, all int)
}

// State is how a step ended: as the journal calls it, or StateSkipped.
type State = journal.State

// The states. Only StateDone is a write of ours that stands: undo leaves
// everything else alone.
const (
	StateDone      = journal.StateDone      // written, and read back
	StateAlready   = journal.StateAlready   // the target stood there before: not ours
	StateConflict  = journal.StateConflict  // something else than expected stands there
	StateFailed    = journal.StateFailed    // the place refused: nothing was written
	StateUncertain = journal.StateUncertain // it was sent, and nobody knows what came of it
	StatePutBack   = journal.StatePutBack   // written, and taken back because the rest of its unit failed
	StateSkipped   = State("skipped")       // not tried: an earlier step of the unit did not succeed, or the run ended before
)

// Outcome is what became of one step.
type Outcome struct {
	Step  string  `json:"step"`
	Unit  string  `json:"unit"`
	State State   `json:"state"`
	Found *string `json:"found"` // with a conflict: what stands there; nil: nothing
	Why   string  `json:"why"`   // for people; empty when done
	Tries int     `json:"tries"` // writes that were sent, in this part of the run
}

// Result is the outcome of every step, in the order in which they were taken.
type Result struct {
	Plan        string    `json:"plan"` // its hash; empty for an undo
	Run         string    `json:"run"`
	Interrupted bool      `json:"interrupted"`
	Stopped     string    `json:"stopped"` // why the journal could not go on recording, so that nothing more was written; empty when it could
	Outcomes    []Outcome `json:"outcomes"`
}

// Count returns how many steps ended in a state.
func (r *Result) Count(s State) int {
	n := 0
	for _, o := range r.Outcomes {
		if o.State == s {
			n++
		}
	}
	return n
}

// Whole reports whether every step holds now, and the run came to its end.
func (r *Result) Whole() bool {
	return r.Count(StateDone)+r.Count(StateAlready) == len(r.Outcomes) && !r.Interrupted && r.Stopped == ""
}

// applier is one part of a run.
type applier struct {
	places  Places
	options Options
	result  *Result
	earlier map[string]journal.StepState // what earlier parts of the run left, by step
	passed  map[string]bool              // units that an earlier part has left behind, by family
	attempt map[string]int               // the last attempt of each step
	again   []deleted                    // cache keys to look at once more
	all     int                          // steps that there are
	back    bool                         // this is an undo: a conflict ends its step and not its unit
}

// Apply carries out a plan, and ends its run in the journal. A unit ends at the
// first step that does not succeed, and the others go on. A cancelled context
// ends the run after the step in hand.
//
// An error, of kind unsupported, means that nothing was written: a place that
// the plan writes to has no writer.
func Apply(ctx context.Context, p *plan.Plan, places Places, options Options) (*Result, error) {
	return carryOut(ctx, p.Hash, p.Units, places, options, false)
}

// Undo takes back what a run wrote: the units of Backwards. Only what still
// stands there as the run left it is replaced; everything else is a conflict, by
// name, and the rest goes on. Errors are as those of Apply.
func Undo(ctx context.Context, units []plan.Unit, places Places, options Options) (*Result, error) {
	return carryOut(ctx, "", units, places, options, true)
}

func carryOut(ctx context.Context, hash string, units []plan.Unit, places Places, options Options, back bool) (*Result, error) {
	if err := Writable(units, places); err != nil {
		return nil, err
	}
	a := &applier{
		places: places, options: options, back: back, earlier: options.Run.Before(), attempt: map[string]int{},
		result: &Result{Plan: hash, Run: options.Run.ID(), Outcomes: []Outcome{}},
	}
	a.passed = passed(units, a.earlier)
	for id, s := range a.earlier {
		a.attempt[id] = s.Attempt
	}
	for _, u := range units {
		a.all += len(u.Steps)
	}
	for _, u := range units {
		a.unit(ctx, u)
	}
	a.lookAgain(ctx)
	a.result.Interrupted = ctx.Err() != nil
	a.finish(ctx)
	return a.result, nil
}

// Writable returns an error of kind unsupported when a place that the units write
// to has no writer.
func Writable(units []plan.Unit, places Places) error {
	has := map[string]bool{
		rightful.PlaceStripe: places.Stripe != nil && places.Writers.Stripe != nil,
		rightful.PlaceDB:     places.Directory != nil && places.Writers.Directory != nil,
		rightful.PlaceCache:  places.Cache != nil && places.Writers.Cache != nil,
	}
	for _, u := range units {
		for _, s := range u.Steps {
			if !has[s.Place] {
				return &rightful.Error{
					Kind: rightful.KindUnsupported, Place: s.Place,
					Message: fmt.Sprintf("%s writes there, and nothing can be written there", s.ID),
					Hint:    "configure the place for writing, or decide the finding as leave",
				}
			}
		}
	}
	return nil
}

// Missing returns those of the steps whose target does not stand there yet. A
// cache key that was filled anew misses nothing.
func Missing(ctx context.Context, steps []plan.Step, places Places) ([]plan.Step, error) {
	a := &applier{places: places}
	var missing []plan.Step
	for _, s := range steps {
		now, err := a.read(ctx, s)
		if err != nil {
			return nil, err
		}
		if !now.fulfils(s) {
			missing = append(missing, s)
		}
	}
	return missing, nil
}
