package gateway

import (
	"context"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/judge"
	"rightful/internal/look"
)

// GuardRequest asks whether a user may touch what a client named.
type GuardRequest struct {
	UserID string // who is signed in; empty: nobody
	ID     string // as the client sent it
}

// GuardSession says whether a checkout session (cs_...) is the user's: bought for a
// company that they belong to, or by themselves for one that they belonged to then.
// What became of the money makes no difference. Errors are those of ValidatePayment.
func (g *Gateway) GuardSession(ctx context.Context, req GuardRequest) (Guarded, error) {
	return g.guard(ctx, "guard_session", rightful.TypeSession, req, func(ctx context.Context) (Status, string, error) {
		s, err := g.seeSession(ctx, req.ID, req.UserID, false)
		switch {
		case err != nil:
			return "", "", err
		case s.perhaps:
			return OtherCompany, "", nil // nothing ties them to the company that was charged
		}
		return s.status, s.company, nil
	})
}

// GuardCustomer says whether a Stripe customer (cus_..., or acct_... where accounts are
// customers) is one of a company that the user belongs to now: by the voices, or by a
// link that nothing contradicts. One that is deleted, or of another application, is as
// unknown as one that never was. Errors are those of ValidatePayment.
func (g *Gateway) GuardCustomer(ctx context.Context, req GuardRequest) (Guarded, error) {
	return g.guard(ctx, "guard_customer", rightful.TypeCustomer, req, func(ctx context.Context) (Status, string, error) {
		return g.seeCustomer(ctx, req, false)
	})
}

// GuardPortal says whether the user may be sent to the billing portal of a Stripe
// customer. Beside what GuardCustomer demands, the company has to be billed through it:
// it is the company's link, or, while the company links none, the only customer that is
// rightfully its own. Another one of the user's own company is of status no_company.
// Errors are those of ValidatePayment.
func (g *Gateway) GuardPortal(ctx context.Context, req GuardRequest) (Guarded, error) {
	return g.guard(ctx, "guard_portal", rightful.TypeCustomer, req, func(ctx context.Context) (Status, string, error) {
		return g.seeCustomer(ctx, req, true)
	})
}

// guard turns what is found out about a client's id into the answer. Nobody is told
// anything who is not signed in, not even whether there is such a thing.
func (g *Gateway) guard(ctx context.Context, span string, t rightful.ObjectType, req GuardRequest, see func(context.Context) (Status, string, error)) (answer Guarded, err error) {
	ctx, act := g.begin(ctx, span, DecidedGuard)
	defer func() { act.end(err) }()
	act.UserID, act.Object = shortened(req.UserID), rightful.Ref{Type: string(t), ID: shortened(req.ID)}
	answer.Status = NeedsSignIn
	if req.UserID != "" {
		if answer.Status, act.CompanyID, err = see(ctx); err != nil {
			return Guarded{}, err
		}
	}
	answer.Decision, answer.Enforced = g.ruling(answer.Status)
	act.Status, act.Decision.Decision, act.Enforced = answer.Status, answer.Decision, answer.Enforced
	return answer, nil
}

// seeCustomer finds out whose a customer is, and whether it is the user's; company is
// canonical, and empty unless it is. As with sessions, a narrow look is enough to let
// pass what is in order, and to refuse what is firmly another company's.
func (g *Gateway) seeCustomer(ctx context.Context, req GuardRequest, portal bool) (status Status, company string, err error) {
	n, err := g.heldNarrowly(ctx, req, portal)
	for _, other := range g.others() {
		if err == nil && n.status != UnknownObject || !customerID.MatchString(req.ID) {
			break
		}
		n2, err2 := other.heldNarrowly(ctx, req, portal)
		if err2 != nil || n2.status != UnknownObject || err == nil {
			g, n, err = other, n2, err2 // one that did not answer may have it
		}
	}
	if err != nil || n.settled {
		return n.status, n.company, err
	}
	look := func() (*refused, error) {
		sit, held, known, err := g.heldWidely(ctx, n.account, req)
		if err != nil {
			return nil, err
		}
		status, company = whoseCustomer(sit, held, known, req.UserID, portal)
		return &refused{status: status, company: company}, nil
	}
	q := question{id: req.ID, user: req.UserID, portal: portal, shown: shownBy(n.sit)}
	if err := g.wide.ask(ctx, q, asked{own: n.status == Valid}, g.now, look, func(r *refused) { status, company = r.status, r.company }); err != nil {
		return "", "", err
	}
	return status, company, nil
}

// heldThen is what a narrow look at a customer has shown.
type heldThen struct {
	status  Status
	company string
	settled bool // it is the answer
	account rightful.Account
	sit     *rightful.Situation
}

// heldNarrowly reads a customer, and the rows that name it.
func (g *Gateway) heldNarrowly(ctx context.Context, req GuardRequest, portal bool) (n heldThen, err error) {
	settled := func(status Status) (heldThen, error) { return heldThen{status: status, settled: true}, nil }
	if !customerID.MatchString(req.ID) {
		return settled(UnknownObject)
	}
	if checkID("user_id", req.UserID) != nil {
		return settled(NeedsSignIn) // no user has such an id
	}
	if n.account, err = g.opens(ctx); err != nil {
		return heldThen{}, err
	}
	customer, exists, err := g.opt.Stripe.Get(ctx, rightful.TypeCustomer, req.ID)
	switch {
	case err != nil:
		return heldThen{}, err
	case exists != rightful.ExistsPresent:
		return settled(UnknownObject)
	}
	if n.sit, err = collect.Narrow(ctx, g.sources(), g.options(), []rightful.Object{customer}, nil, req.UserID); err != nil {
		return heldThen{}, err
	}
	n.sit.Account = n.account
	verdict := look.Heard(ctx, g.sources(), g.rules, n.sit)
	if err := unrecorded(n.sit); err != nil {
		return heldThen{}, err
	}
	held, known := judge.HeldOf(n.sit, g.rules, verdict, req.ID)
	n.status, n.company = whoseCustomer(n.sit, held, known, req.UserID, portal)
	switch {
	case known && held.Foreign, n.status == NeedsSignIn:
		n.settled = true
	case n.status == Valid:
		n.settled = held.Firm && !troubled(verdict)
	case n.status == OtherCompany:
		n.settled = held.Firm && held.Stamped && !troubled(verdict) && !tied(n.sit, g.opt.Keys, req.UserID, held.Companies)
	}
	return n, nil
}

// heldWidely reads what surrounds a customer, as an investigation of it does.
func (g *Gateway) heldWidely(ctx context.Context, account rightful.Account, req GuardRequest) (*rightful.Situation, judge.Held, bool, error) {
	src, opt := g.sources(), g.options()
	sit, _, err := look.Around(ctx, src, opt, g.rules, rightful.Subject{Customers: []string{req.ID}})
	if err != nil {
		return nil, judge.Held{}, false, err
	}
	partly := partlyRead(ctx, sit, req.ID)
	if err := collect.Belonging(ctx, src, opt, sit, req.UserID); err != nil {
		return nil, judge.Held{}, false, err
	}
	sit.Account = account
	verdict, err := look.Judged(ctx, src, opt, g.rules, sit)
	if err == nil {
		err = unrecorded(sit)
	}
	if err != nil {
		return nil, judge.Held{}, false, err
	}
	held, known := judge.HeldOf(sit, g.rules, verdict, req.ID)
	if !held.Firm && partly != nil {
		return nil, judge.Held{}, false, partly
	}
	return sit, held, known, nil
}

// whoseCustomer says whether a customer is the user's.
func whoseCustomer(sit *rightful.Situation, held judge.Held, known bool, user string, portal bool) (status Status, company string) {
	switch {
	case !known || !held.Ours:
		return UnknownObject, ""
	case !signedIn(sit, user):
		return NeedsSignIn, ""
	case len(held.Companies) > 0:
		bills := false
		for _, c := range held.Companies {
			if !held.Belongs(user, c) {
				return OtherCompany, ""
			}
			bills = bills || held.Bills(c)
		}
		if portal && !bills {
			return NoCompany, ""
		}
		return Valid, held.Companies[0]
	case held.Gone == "":
		return NoCompany, ""
	case held.Had(user):
		return CompanyGone, ""
	}
	return OtherCompany, ""
}
