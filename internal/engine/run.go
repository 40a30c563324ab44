package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
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
	steps   []journal.StepState          // in the order in which they were begun
	intents []journal.Intent             // every write that was about to be made, in their order
	known   map[string]journal.StepState // of every step of which something was recorded
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
	p.Summary, p.known = tally.Summary, tally.Steps
	p.UndoneBy, p.Status, p.Holder = s.UndoneBy, s.Status, s.Holder
	return p, nil
}

// others are the runs of an account but one, as the journal tells of them.
type others map[string]journal.Summary

// others reads them. Without a journal there are none.
func (e *Engine) others(ctx context.Context, account string, livemode bool, but string) (others, error) {
	out := others{}
	if e.Journal == nil {
		return out, nil
	}
	runs, err := e.Journal.Runs(ctx, journal.Filter{})
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		if r.Account == account && r.Livemode == livemode && r.ID != but {
			out[r.ID] = r
		}
	}
	return out, nil
}

// quiet refuses to go on with a run that has just begun, when another one was at
// work on the account since others were looked at: what was judged meanwhile may
// be so no more. Once a run has begun, it is alone.
func (e *Engine) quiet(ctx context.Context, run journal.Run, account string, livemode bool, before others) error {
	now, err := e.others(ctx, account, livemode, run.ID())
	if err != nil {
		return err
	}
	for id, r := range now {
		was, known := before[id]
		if known && was.LastAt == r.LastAt && was.Counts == r.Counts && was.EndedAt == r.EndedAt && slices.Equal(was.ContinuedBy, r.ContinuedBy) {
			continue
		}
		return e.giveUp(ctx, run, id+" was at work on this account while the plan was compared with what is there")
	}
	return nil
}

// unchanged refuses to go on with a run that somebody else has continued since it
// was recalled.
func (e *Engine) unchanged(ctx context.Context, run journal.Run, recalled *past, now map[string]journal.StepState) error {
	same := func(a, b journal.StepState) bool {
		return a.State == b.State && a.Open == b.Open && a.Attempt == b.Attempt
	}
	if maps.EqualFunc(recalled.known, now, same) {
		return nil
	}
	return e.giveUp(ctx, run, recalled.ID+" was gone on with meanwhile")
}

// giveUp ends a run that has written nothing, and refuses it.
func (e *Engine) giveUp(ctx context.Context, run journal.Run, why string) error {
	if err := run.Finish(context.WithoutCancel(ctx), journal.RunEnd{Why: "nothing was written: " + why}); err != nil {
		return err
	}
	return refusal("", why, "look at what it did (rightful journal list), and run it again")
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
