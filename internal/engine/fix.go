package engine

import (
	"context"

	"rightful"
	"rightful/internal/plan"
)

// FixInput says what to repair.
type FixInput struct {
	About
	// Confirm is shown the plan and says whether to apply it. It is asked only
	// when there is something to write.
	Confirm func(*plan.Plan) (bool, error)
	Author
}

// FixReport is what a fix did.
type FixReport struct {
	Plan     *plan.Plan   `json:"plan"`
	Declined bool         `json:"declined"` // a person said no: nothing was written
	Applied  *ApplyReport `json:"applied"`  // nil when there was nothing to write, or when it was declined
	Saved    string       `json:"saved"`    // the file that the world was saved to; empty when none
}

// Fix judges, plans, asks, applies and judges again. It writes only what is
// automatic.
func (e *Engine) Fix(ctx context.Context, in FixInput) (*FixReport, error) {
	if err := e.writable(); err != nil {
		return nil, err
	}
	if e.SecondApprover {
		return nil, &rightful.Error{
			Kind: rightful.KindRefused, Place: "repair.second_approver", Message: "a second person has to approve what is written, and fix asks one only",
			Hint: "rightful plan --out plan.json; another person: rightful plan approve plan.json; then rightful apply plan.json",
		}
	}
	p, err := e.Plan(ctx, PlanInput{About: in.About})
	if err != nil {
		return nil, err
	}
	r := &FixReport{Plan: p}
	if p.Steps() == 0 {
		return r, nil
	}
	yes, err := in.Confirm(p)
	if err != nil {
		return nil, err
	}
	if !yes {
		r.Declined = true
		return r, nil
	}
	r.Applied, err = e.Apply(ctx, ApplyInput{Plan: p, About: in.About, Author: in.Author})
	if err != nil {
		return nil, err
	}
	return r, nil
}
