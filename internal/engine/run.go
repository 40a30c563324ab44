package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"rightful"
	"rightful/internal/apply"
	"rightful/internal/collect"
	"rightful/internal/journal"
	"rightful/internal/plan"
)

// Journal is where runs are recorded, and plans are kept.
type Journal interface {
	journal.Log

	// SavePlan keeps a plan, so that its run can be continued by its id alone.
	SavePlan(ctx context.Context, saved plan.Saved) error

	// Plan returns a saved plan. One that was not saved is an error of kind
	// not_found.
	Plan(ctx context.Context, hash string, madeAt int64) (plan.Saved, error)

	// Approve records a second person's word for a saved plan.
	Approve(ctx context.Context, hash string, madeAt int64, approver string) error
}

// past is what the journal knows of a run.
type past struct {
	journal.Summary
	steps   []journal.StepState // in the order in which they were begun
	intents []journal.Intent    // every write that was about to be made, in their order
}

// wrote returns the writes of the run that may stand.
func (p *past) wrote() []rightful.Proposal {
	var out []rightful.Proposal
	for _, s := range p.steps {
		if s.Open || s.State == journal.StateDone || s.State == journal.StateUncertain {
			out = append(out, rightful.Proposal{Place: s.Step.Place, Object: s.Step.Object, Field: s.Step.Field, From: s.Step.From, To: s.Step.To})
		}
	}
	return out
}

// before returns the sources as they were before the run.
func (p *past) before(src collect.Sources) collect.Sources {
	return collect.AsBefore(src, p.wrote())
}

// recall reads a run from the journal. A beginning of its id is enough.
func (e *Engine) recall(ctx context.Context, id string) (*past, error) {
	if e.Journal == nil {
		return nil, &rightful.Error{Kind: rightful.KindUnsupported, Message: "there is no journal, and so no run", Hint: "name the state that has it: --state sqlite:FILE"}
	}
	s, err := journal.Find(ctx, e.Journal, id)
	if err != nil {
		return nil, err
	}
	p := &past{}
	tally := journal.NewTally(s.ID)
	var order []string
	for entry, err := range e.Journal.Entries(ctx, journal.Filter{Run: s.ID}) {
		if err != nil {
			return nil, err
		}
		if err := tally.Add(entry); err != nil {
			return nil, err
		}
		if entry.Kind == journal.KindStepIntended {
			intent, err := entry.Intent()
			if err != nil {
				return nil, err
			}
			p.intents = append(p.intents, intent)
			if !slices.Contains(order, intent.Step.ID) {
				order = append(order, intent.Step.ID)
			}
		}
	}
	for _, id := range order {
		p.steps = append(p.steps, tally.Steps[id])
	}
	p.Summary = tally.Summary
	p.UndoneBy, p.Status, p.Holder = s.UndoneBy, s.Status, s.Holder
	return p, nil
}

// begin begins a run, or its continuation. An engine without a journal, as for a
// world, gets one that records nothing.
func (e *Engine) begin(ctx context.Context, start journal.Start) (journal.Run, error) {
	if e.Journal == nil {
		return journal.Unrecorded("run-" + strings.ToLower(rand.Text()[:16])), nil
	}
	return e.Journal.Begin(ctx, start)
}

// beatEvery is how often a run says that it is alive: several times before
// journal.StaleAfter.
const beatEvery = 20 * time.Second

// alive keeps the lease of a run until stop is called. The context ends when
// another run has taken over.
func alive(ctx context.Context, run journal.Run) (working context.Context, stop func()) {
	working, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	ticker := time.NewTicker(beatEvery)
	go func() {
		defer close(done)
		defer ticker.Stop()
		for {
			select {
			case <-working.Done():
				return
			case <-ticker.C:
				if err := run.Beat(working); errors.Is(err, journal.ErrLeaseLost) {
					cancel(err)
				}
			}
		}
	}()
	return working, func() { cancel(nil); <-done }
}

// places are where the engine writes.
func (e *Engine) places() apply.Places {
	return apply.Places{Directory: e.Sources.Directory, Stripe: e.Sources.Stripe, Cache: e.Sources.Cache, Writers: *e.Writers}
}

// applying is how it writes.
func (e *Engine) applying(run journal.Run) apply.Options {
	return apply.Options{Run: run, CacheAgain: e.CacheAgain, Progress: e.Written}
}
