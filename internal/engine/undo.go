package engine

import (
	"context"
	"slices"

	"rightful"
	"rightful/internal/apply"
	"rightful/internal/journal"
	"rightful/internal/plan"
)

// UndoInput says what to take back.
type UndoInput struct {
	Run string // or a beginning of its id; with Continue: empty, or the same
	// Continue names the undo to go on with; empty for a new one.
	Continue string
	// Confirm is shown what would be written and says whether to go on. It is
	// asked only when there is something to write.
	Confirm func(UndoPlan) (bool, error)
	Author
}

// UndoPlan is what taking a run back would write.
type UndoPlan struct {
	Undoes journal.Summary `json:"undoes"`
	Units  []plan.Unit     `json:"units"`
	Stay   []journal.Step  `json:"stay"` // what cannot be taken back, and need not be
}

// Steps returns how many steps would be taken back.
func (p UndoPlan) Steps() int {
	n := 0
	for _, u := range p.Units {
		n += len(u.Steps)
	}
	return n
}

// UndoReport is what became of an undo.
type UndoReport struct {
	UndoPlan
	Declined bool          `json:"declined"` // a person said no: nothing was written
	Result   *apply.Result `json:"result"`   // nil when there was nothing to take back, or when it was declined
	// Overwritten are values of others that a stamp of this undo replaced, because
	// they came between its last look and its write.
	Overwritten []Overwritten `json:"overwritten"`
	Saved       string        `json:"saved"` // the file that the world was saved to; empty when none
}

// Whole reports whether everything was taken back that can be, and nothing of
// somebody else was replaced.
func (r *UndoReport) Whole() bool {
	return r.Result == nil || r.Result.Whole() && len(r.Overwritten) == 0
}

// Undo takes back what a run wrote, the last written first, where it still stands
// as the run left it. What somebody else has written since is a conflict, by
// name, and stays.
//
// Errors of kind refused: the run is of another account or mode, is at work, was
// taken back already, or is an undo itself.
func (e *Engine) Undo(ctx context.Context, in UndoInput) (*UndoReport, error) {
	if err := e.writable(); err != nil {
		return nil, err
	}
	if in.Continue != "" {
		undo, err := e.recall(ctx, in.Continue)
		if err != nil {
			return nil, err
		}
		if undo.Undoes == "" {
			return nil, &rightful.Error{Kind: rightful.KindInvalid, Message: undo.ID + " is no undo", Hint: "continue it with rightful apply --continue " + undo.ID}
		}
		in.Continue, in.Run = undo.ID, undo.Undoes
	}
	run, err := e.recall(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	if err := e.ofThisAccount(ctx, run.ID, run.Account, run.Livemode); err != nil {
		return nil, err
	}
	if run.Status == journal.StatusUndone && in.Continue == "" {
		return nil, refusal("", run.ID+" was taken back by "+run.UndoneBy, "")
	}
	r := &UndoReport{UndoPlan: UndoPlan{Undoes: run.Summary, Units: []plan.Unit{}, Stay: []journal.Step{}}, Overwritten: []Overwritten{}}
	units, stay := apply.Backwards(run.steps)
	r.Units, r.Stay = append(r.Units, units...), append(r.Stay, stay...)
	if err := apply.Writable(r.Units, e.places()); err != nil {
		return nil, err
	}
	if r.Steps() == 0 {
		return r, nil
	}
	yes, err := in.Confirm(r.UndoPlan)
	if err != nil {
		return nil, err
	}
	if r.Declined = !yes; r.Declined {
		return r, nil
	}
	undo, err := e.begin(ctx, journal.Start{
		Undoes: run.ID, Account: run.Account, Livemode: run.Livemode, Actor: in.Actor, Reason: in.Reason, Steps: r.Steps(), Continue: in.Continue,
	})
	if err != nil {
		return nil, err
	}
	// Somebody may have gone on with the run while a person was asked.
	now, err := e.recall(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	if err := e.unchanged(ctx, undo, run, now.known); err != nil {
		return nil, err
	}
	working, stop := alive(ctx, undo)
	defer stop()
	if r.Result, err = apply.Undo(working, r.Units, e.places(), e.applying(undo)); err != nil {
		return nil, err
	}
	again := context.WithoutCancel(ctx)
	if done, err := e.recall(again, undo.ID()); err == nil { // else Result.Stopped tells, and verify will
		r.Overwritten, _ = e.overwritten(again, done)
	}
	return r, nil
}

// ofThisAccount refuses what was made for another account or mode.
func (e *Engine) ofThisAccount(ctx context.Context, what, account string, livemode bool) error {
	here := rightful.Account{}
	if e.Sources.Stripe != nil {
		var err error
		if here, err = e.Sources.Stripe.Account(ctx); err != nil {
			return err
		}
	}
	mode := map[bool]string{true: "live mode", false: "test mode"}
	name := func(id string) string {
		if id == "" {
			return "an account without an id"
		}
		return id
	}
	switch {
	case account != here.ID:
		return refusal("", what+" is for "+name(account)+", and this is "+name(here.ID), "use the config that it was made with")
	case livemode != here.Livemode:
		return refusal("", what+" is for "+mode[livemode]+", and this is "+mode[here.Livemode], "use the config that it was made with")
	}
	return nil
}

// touched returns the objects that steps wrote to.
func touched(steps []journal.StepState) []rightful.Ref {
	var out []rightful.Ref
	for _, s := range steps {
		if !slices.Contains(out, s.Step.Object) {
			out = append(out, s.Step.Object)
		}
	}
	return out
}
