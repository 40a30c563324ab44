package gateway

import (
	"context"
	"slices"

	"rightful"
	"rightful/internal/look"
)

// LookAgain looks at what a finding is about, with everything that surrounds it, as an
// investigation does, and returns what is found about its family now: nothing when all
// is in order. It costs some requests at Stripe.
//
// An error is of kind unsupported when the finding is about nothing that can be looked
// at so, of kind unavailable when not everything could be read, and nothing follows
// then; else as those of ValidatePayment.
func (g *Gateway) LookAgain(ctx context.Context, f rightful.Finding) ([]rightful.Finding, error) {
	if own := g.named(f.Account); own != nil {
		g = own
	}
	account, err := g.opens(ctx)
	if err != nil {
		return nil, err
	}
	about, err := g.subjectOf(ctx, f)
	if err != nil {
		return nil, err
	}
	src, opt := g.sources(), g.options()
	sit, _, err := look.Around(ctx, src, opt, g.rules, about)
	if err != nil {
		return nil, err
	}
	sit.Account = account
	if err := partlyRead(ctx, sit, f.Object.ID); err != nil {
		return nil, err
	}
	v, err := look.Judged(ctx, src, opt, g.rules, sit)
	if err == nil {
		err = unrecorded(sit)
	}
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(v.Findings, func(now rightful.Finding) bool { return now.Family != f.Family && now.ID != f.ID }), nil
}

// subjectOf returns what is to be looked at: the customer, or what a guest paid with.
func (g *Gateway) subjectOf(ctx context.Context, f rightful.Finding) (rightful.Subject, error) {
	if customerID.MatchString(f.Family) {
		return rightful.Subject{Customers: []string{f.Family}}, nil
	}
	if slices.Contains(rightful.StripeTypes(), rightful.ObjectType(f.Object.Type)) && isStripeID(f.Object.ID) {
		o, exists, err := g.opt.Stripe.Get(ctx, rightful.ObjectType(f.Object.Type), f.Object.ID)
		switch {
		case err != nil:
			return rightful.Subject{}, err
		case exists == rightful.ExistsPresent:
			return rightful.Subject{Objects: []rightful.Object{o}}, nil
		}
	}
	return rightful.Subject{}, &rightful.Error{
		Kind: rightful.KindUnsupported, Place: "finding", Message: f.Object.ID + " cannot be looked at by itself", Hint: "rightful audit --record looks at everything",
	}
}
