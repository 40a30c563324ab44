package gateway

import (
	"context"

	"rightful"
)

// ValidationRequest asks about one payment, after checkout.
type ValidationRequest struct {
	SessionID string // as the return page got it: nothing is taken for granted about it
	UserID    string // who is signed in; empty: nobody
	// Operator tells that the answer goes to somebody who may see every company.
	Operator bool
}

// ValidatePayment says whether a payment is in order, for the user who is signed in:
// paid, and bought for a company that the user belongs to, or belonged to when they
// bought it. It is judged as an audit judges it.
//
// Data that disagree are an answer and no error, and so is an id that nothing has.
// Errors are those of the places that are read, of kind unreachable, unavailable,
// unauthorized or forbidden, and of kind refused where the key opens another account
// than is expected.
func (g *Gateway) ValidatePayment(ctx context.Context, req ValidationRequest) (v Validation, err error) {
	ctx, act := g.begin(ctx, "validate", DecidedPayment)
	defer func() { act.end(err) }()
	act.SessionID, act.UserID = shortened(req.SessionID), shortened(req.UserID)
	s, err := g.seeSession(ctx, req.SessionID, req.UserID, req.Operator)
	if err != nil {
		return Validation{}, err
	}
	status := s.status
	if status == Valid {
		status = payment(s.checkout)
	}
	v = Validation{
		Status: status, BuyerMessage: buyerSays(status), OperatorMessage: s.operatorSays(status, req.Operator), Findings: s.shown(req.Operator),
	}
	v.Decision, v.Enforced = g.ruling(status)
	if s.status == Valid {
		v.CompanyID = s.rawCompany()
	}
	act.Status, act.Decision.Decision, act.Enforced = v.Status, v.Decision, v.Enforced
	act.CompanyID, act.StripeCustomerID = s.company, s.checkout.Session.StripeCustomerID
	act.Family, act.Findings = s.bought.Family, s.about()
	for _, f := range act.Findings {
		act.Codes = append(act.Codes, string(f.Code))
	}
	return v, nil
}

// payment says what became of the money, by Stripe's word
// (docs.stripe.com/api/checkout/sessions/object, payment_status and status).
func payment(c rightful.Checkout) Status {
	s := c.Session
	complete := s.Status == "complete"
	switch {
	case s.SettledSession(), complete && s.Mode == "setup", complete && c.Subscription.Status == "trialing":
		return Valid
	case s.Status == "expired":
		return Expired
	case !complete, failed(c):
		return NotPaid
	}
	return Processing
}

// failed reports whether a payment that was on its way did not arrive: Stripe leaves
// the session complete and unpaid (docs.stripe.com/payments/payment-intents/verifying-status,
// docs.stripe.com/billing/subscriptions/overview).
func failed(c rightful.Checkout) bool {
	switch c.PaymentIntent.Status {
	case "requires_payment_method", "canceled":
		return true
	}
	switch c.Subscription.Status {
	case "incomplete_expired", "canceled":
		return true
	}
	return false
}

// ruling says what the app is told to do: let pass what is in order, and nothing else,
// save for what rests on whose something is while that is only observed.
func (g *Gateway) ruling(status Status) (decision, enforced Verdict) {
	decision, enforced = Refuse, Refuse
	if status == Valid {
		return Allow, Allow
	}
	for _, identity := range ruled {
		if status == identity && g.modeOf(status) == Observe {
			decision = Allow
		}
	}
	return decision, enforced
}

// modeOf returns the mode of the rule about a status.
func (g *Gateway) modeOf(status Status) Mode {
	if mode, own := g.opt.Rules[status]; own {
		return mode
	}
	return g.opt.Mode
}
