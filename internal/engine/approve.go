package engine

import (
	"context"

	"rightful"
	"rightful/internal/plan"
)

// KeepPlan keeps a plan for a second person to approve.
func (e *Engine) KeepPlan(ctx context.Context, p *plan.Plan, by string) error {
	return e.keep(ctx, p, by)
}

// Approve records that somebody agrees to a plan. Errors are of kind not_found when
// the plan was not kept, and refused when whoever made it approves it, or it is too
// old to be applied.
func (e *Engine) Approve(ctx context.Context, p *plan.Plan, by string) error {
	if err := e.fresh(p); err != nil {
		return err
	}
	err := e.Journal.Approve(ctx, p.Hash, p.MadeAt, by)
	if own, ok := err.(*rightful.Error); ok && own.Kind == rightful.KindNotFound {
		return &rightful.Error{
			Kind: rightful.KindNotFound, Place: own.Place, Message: "the plan was not kept, and so it waits for nobody", Err: err,
			Hint: "set repair.second_approver, and make it again with rightful plan --out",
		}
	}
	return err
}
