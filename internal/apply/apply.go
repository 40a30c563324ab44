// Package apply carries out a plan: it takes a plan and nothing else. Before
// each write it reads again what stands there, after it it looks again, and it
// keeps an outcome of every step.
//
// apply.go runs units, unit.go one unit, places.go reads and writes one step. A
// step goes through check, write and confirm, each in one place; a journal
// belongs around write, and the outcomes are what it records.
package apply

import (
	"context"
	"fmt"

	"rightful"
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
	// Run names this application of the plan. It is part of idempotency keys:
	// another run must have another name.
	Run string
	// Progress is told how many steps are behind; nil is allowed.
	Progress func(what string, done int)
}

// State is how a step ended.
type State string

// The states. Only StateDone is a write of ours that stands: undo leaves
// everything else alone.
const (
	StateDone     State = "done"     // written, and read back
	StateAlready  State = "already"  // the target stood there before: not ours
	StateConflict State = "conflict" // something else than expected stands there: not written
	StateFailed   State = "failed"   // the place refused, or could not be read back
	StatePutBack  State = "put back" // written, and taken back because the rest of its unit failed
	StateSkipped  State = "skipped"  // not tried: an earlier step of the unit did not succeed, or the run was interrupted
)

// Outcome is what became of one step.
type Outcome struct {
	Step  string  `json:"step"`
	Unit  string  `json:"unit"`
	State State   `json:"state"`
	Found *string `json:"found"` // with a conflict: what stands there; nil: nothing
	Why   string  `json:"why"`   // for people; empty when done
	Tries int     `json:"tries"` // writes that were sent
}

// Result is the outcome of every step of a plan, in the plan's order.
type Result struct {
	Plan        string    `json:"plan"` // its hash
	Run         string    `json:"run"`
	Interrupted bool      `json:"interrupted"`
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

// Whole reports whether every step of the plan holds now.
func (r *Result) Whole() bool {
	return r.Count(StateDone)+r.Count(StateAlready) == len(r.Outcomes)
}

// applier is one run.
type applier struct {
	places  Places
	options Options
	result  *Result
}

// Apply carries out a plan. A unit ends at the first step that does not succeed,
// and the others go on. A cancelled context ends the run after the step in hand.
//
// An error, of kind unsupported, means that nothing was written: a place that
// the plan writes to has no writer.
func Apply(ctx context.Context, p *plan.Plan, places Places, options Options) (*Result, error) {
	if err := writersFor(p, places); err != nil {
		return nil, err
	}
	a := &applier{places: places, options: options, result: &Result{Plan: p.Hash, Run: options.Run, Outcomes: []Outcome{}}}
	for _, u := range p.Units {
		a.unit(ctx, u)
		if options.Progress != nil {
			options.Progress("steps applied", len(a.result.Outcomes))
		}
	}
	a.result.Interrupted = ctx.Err() != nil
	return a.result, nil
}

func writersFor(p *plan.Plan, places Places) error {
	has := map[string]bool{
		rightful.PlaceStripe: places.Stripe != nil && places.Writers.Stripe != nil,
		rightful.PlaceDB:     places.Directory != nil && places.Writers.Directory != nil,
		rightful.PlaceCache:  places.Cache != nil && places.Writers.Cache != nil,
	}
	for _, u := range p.Units {
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

// Missing returns those of the steps whose target does not stand there yet.
func Missing(ctx context.Context, steps []plan.Step, places Places) ([]plan.Step, error) {
	a := &applier{places: places}
	var missing []plan.Step
	for _, s := range steps {
		now, err := a.read(ctx, s)
		if err != nil {
			return nil, err
		}
		if !now.at(s.To) {
			missing = append(missing, s)
		}
	}
	return missing, nil
}
