package engine

import (
	"context"

	"rightful"
	"rightful/internal/plan"
)

// About says what is planned or repaired: everything, what an audit is narrowed
// to, or what surrounds a WHO.
type About struct {
	Who     string // as in an investigation; excludes Company
	Company string
}

// PlanInput says what to plan and what was decided.
type PlanInput struct {
	About
	Decisions []plan.Decision
	Reason    string
}

// Plan judges what the input is about and plans its repair. It writes nothing. A refused or
// incomplete run is an error of kind refused.
func (e *Engine) Plan(ctx context.Context, in PlanInput) (*plan.Plan, error) {
	found, err := e.findings(ctx, in.About)
	if err != nil {
		return nil, err
	}
	found.Decisions, found.Reason = in.Decisions, in.Reason
	return plan.Make(found)
}

// findings judges, as the input of a plan. What is accepted is not among it.
func (e *Engine) findings(ctx context.Context, about About) (plan.Input, error) {
	in := plan.Input{MadeAt: e.Options.Now, Lacks: e.Lacks, Grant: e.grant(ctx)}
	refused := func(r *Refusal) {
		if r != nil {
			in.Refused = string(r.Code) + ": " + r.Message
		}
	}
	if about.Who != "" {
		inv, err := e.Investigate(ctx, about.Who)
		if err != nil {
			return in, err
		}
		refused(inv.Refused)
		in.Findings, in.Incomplete, in.Account, in.Livemode = inv.Findings, inv.IncompleteBecause, inv.Account, inv.Livemode
		return in, nil
	}
	report, err := e.Audit(ctx, AuditInput{Company: about.Company})
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
