package engine

import (
	"context"

	"rightful"
	"rightful/internal/plan"
)

// Scope says what is planned or repaired: everything, what an audit is narrowed
// to, or what surrounds a WHO.
type Scope struct {
	Who     string // as in an investigation; excludes Company
	Company string
}

// PlanInput says what to plan and what was decided.
type PlanInput struct {
	Scope
	Decisions []plan.Decision
	Reason    string
}

// Plan judges the scope and plans its repair. It writes nothing. A refused or
// incomplete run is an error of kind refused.
func (e *Engine) Plan(ctx context.Context, in PlanInput) (*plan.Plan, error) {
	found, err := e.findings(ctx, in.Scope)
	if err != nil {
		return nil, err
	}
	found.Decisions, found.Reason = in.Decisions, in.Reason
	return plan.Make(found)
}

// findings judges a scope, as the input of a plan.
func (e *Engine) findings(ctx context.Context, scope Scope) (plan.Input, error) {
	in := plan.Input{MadeAt: e.Options.Now}
	refused := func(r *Refusal) {
		if r != nil {
			in.Refused = string(r.Code) + ": " + r.Message
		}
	}
	if scope.Who != "" {
		inv, err := e.Investigate(ctx, scope.Who)
		if err != nil {
			return in, err
		}
		refused(inv.Refused)
		in.Findings, in.Incomplete, in.Account, in.Livemode = inv.Findings, inv.IncompleteBecause, inv.Account, inv.Livemode
		return in, nil
	}
	report, err := e.Audit(ctx, AuditInput{Company: scope.Company})
	if err != nil {
		return in, err
	}
	refused(report.Refused)
	in.Findings, in.Incomplete, in.Account, in.Livemode = report.Findings, report.IncompleteBecause, report.Account, report.Livemode
	return in, nil
}

// refusal returns an error that stops a run before it writes anything.
func refusal(place, message, hint string) error {
	return &rightful.Error{Kind: rightful.KindRefused, Place: place, Message: message, Hint: hint}
}
