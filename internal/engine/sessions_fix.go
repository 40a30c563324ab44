package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rightful"
	"rightful/internal/plan"
)

// SessionFixInput says which checkout session to put right.
type SessionFixInput struct {
	Session string
	// User asserts whose it should be: an email, or the id of a user. Empty: the
	// voices alone say it.
	User string
	// PlanOnly makes the plan and writes nothing.
	PlanOnly bool
	// Confirm is shown the plan and says whether to apply it. It is asked only
	// when there is something to write.
	Confirm func(*plan.Plan) (bool, error)
	Author
}

// SessionFixReport is what became of it.
type SessionFixReport struct {
	Before   SessionView  `json:"before"`
	After    *SessionView `json:"after"` // nil when nothing was written, or when it could not be read again
	Notes    []string     `json:"notes"`
	Plan     *plan.Plan   `json:"plan"`
	Declined bool         `json:"declined"` // a person said no: nothing was written
	Applied  *ApplyReport `json:"applied"`  // nil when there was nothing to write, or when it was declined
	Saved    string       `json:"saved"`    // the file that the world was saved to; empty when none
}

// FixSession puts one checkout session right: what is automatic in its family, and,
// because a person asks for just that, the row by which the database learns of the
// payment. It refuses, with an error of kind refused and before anything is
// written, what is not paid, not live or nobody's, and what says otherwise than the
// user that is named.
func (e *Engine) FixSession(ctx context.Context, in SessionFixInput) (*SessionFixReport, error) {
	if err := e.mayWriteAlone(in.PlanOnly); err != nil {
		return nil, err
	}
	if err := e.needStripe("read sessions from"); err != nil {
		return nil, err
	}
	r, err := e.planSession(ctx, in)
	if err != nil || in.PlanOnly || r.Plan.Steps() == 0 {
		return r, err
	}
	yes, err := in.Confirm(r.Plan)
	if err != nil {
		return nil, err
	}
	if !yes {
		r.Declined = true
		return r, nil
	}
	r.Applied, err = e.Apply(ctx, ApplyInput{Plan: r.Plan, About: About{Who: in.Session}, Author: in.Author})
	if err != nil {
		return nil, err
	}
	after := context.WithoutCancel(ctx) // what was written is looked at even when the run was called off
	if b, err := e.bought(after, in.Session, nil); err == nil {
		r.After = b.view()
	}
	return r, nil
}

// planSession says what is written for a session.
func (e *Engine) planSession(ctx context.Context, in SessionFixInput) (*SessionFixReport, error) {
	var user *rightful.User
	if in.User != "" {
		var err error
		if user, err = e.user(ctx, in.User); err != nil {
			return nil, err
		}
	}
	b, err := e.bought(ctx, in.Session, user)
	if err != nil {
		return nil, err
	}
	if err := b.settled(); err != nil {
		return nil, err
	}
	r := &SessionFixReport{Before: *b.view(), Notes: []string{}}
	made := plan.Input{
		MadeAt: e.Options.Now, Account: b.whole.Account.ID, Livemode: b.whole.Account.Livemode,
		Findings: b.open, Family: b.family().Key, Lacks: e.Lacks, Reason: in.Reason,
		Grant: func(w plan.Wish) (plan.Granted, error) { return b.reflect(w.Company()) },
	}
	company := ""
	if user != nil {
		if company, err = b.companyOf(user); err != nil {
			return nil, err
		}
		made.Decisions = b.decisions(company)
	}
	switch {
	case b.session.SubscriptionID == "":
		r.Notes = append(r.Notes, fmt.Sprintf("%s is a one-off payment (mode %s): no subscription row tells of it, and none is added", b.session.ID, b.session.Mode))
	case !b.whole.Mapping.SubscriptionRows:
		r.Notes = append(r.Notes, "directory.subscriptions is not mapped: whether the database knows the payment was not looked at")
	default:
		wish, err := b.wish(company, made.Decisions)
		if err != nil {
			return nil, err
		}
		made.Wishes = wish
	}
	if r.Plan, err = plan.Make(made); err != nil {
		return nil, err
	}
	if n := b.beside(); n > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d more that can be repaired automatically are about other customers or users around it: rightful fix %s", n, b.session.ID))
	}
	return r, nil
}

// decisions answers the questions about the session, and what it made, for a
// company, where that is offered. A question about the customer is about more than
// this session and stays one.
func (b *bought) decisions(company string) []plan.Decision {
	var all []plan.Decision
	for _, f := range b.open {
		own := slices.Contains([]string{b.session.ID, b.session.SubscriptionID, b.session.PaymentIntentID}, f.Object.ID) ||
			f.Object.Type == rightful.RefSubscriptionRow && slices.ContainsFunc(b.rows, func(r rightful.SubscriptionRow) bool { return r.ID == f.Object.ID })
		choice := "company:" + company
		if own && !f.Automatic && f.Object.ID != "" && slices.ContainsFunc(f.Choices, func(c rightful.Choice) bool { return c.Name == choice }) {
			all = append(all, plan.Decision{Finding: f.ID, Choice: choice})
		}
	}
	return all
}

// wish says what has to be asked for beside the findings, so that the database knows
// the payment; nothing when it does. company is that of the user who is named.
func (b *bought) wish(company string, decisions []plan.Decision) ([]plan.Wish, error) {
	if b.unreflected == nil && len(b.rows) > 0 {
		return nil, b.rowElsewhere(company, decisions)
	}
	if company == "" {
		var err error
		if company, err = b.rightful(); err != nil {
			return nil, err
		}
	}
	return []plan.Wish{{Object: b.session.Ref(), Decided: plan.WishReflect + company}}, nil
}

// rowElsewhere refuses where the row that names the subscription is another
// company's than it should be, and nobody decided that it moves.
func (b *bought) rowElsewhere(company string, decisions []plan.Decision) error {
	hint := "decide whose it is with --user WHO, or with rightful plan --decide"
	if company != "" {
		hint = "if you are sure: rightful move " + b.sub.ID + " --to " + company
	} else if company = b.should(); company == "" {
		return nil // the row is there, and nobody can say that it is wrong
	}
	for _, r := range b.rows {
		moves := slices.ContainsFunc(b.open, func(f rightful.Finding) bool {
			return f.Object == rightful.Ref{Type: rightful.RefSubscriptionRow, ID: r.ID} &&
				slices.ContainsFunc(decisions, func(d plan.Decision) bool { return d.Finding == f.ID })
		})
		if !moves && !rightful.SameID(r.CompanyID, company) {
			return refusal(b.session.ID, fmt.Sprintf("row %s gives %s to company %s, and it should be company %s's", r.ID, r.StripeSubscriptionID, r.CompanyID, company), hint)
		}
	}
	return nil
}

// whose says in words whose the session should be.
func (b *bought) whose() string {
	v := b.view()
	switch {
	case v.Should != nil:
		return "company " + *v.Should
	case v.Contested:
		return "contested between companies " + strings.Join(v.Named, ", ")
	}
	return "nobody can say"
}

// beside counts automatic repairs around the session that are not of its family.
func (b *bought) beside() int {
	n := 0
	for _, f := range b.open {
		if f.Automatic && f.Family != b.family().Key {
			n++
		}
	}
	return n
}
