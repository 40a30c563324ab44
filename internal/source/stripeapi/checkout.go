package stripeapi

import (
	"context"
	"errors"
	"net/url"

	"rightful"
	"rightful/internal/stripeobject"
)

var _ rightful.CheckoutReader = (*Reader)(nil)

// expandedCheckout asks for everything that a session's answer can hold of a
// purchase. Each needs the read permission of its own.
var expandedCheckout = url.Values{"expand[]": {"customer", "subscription", "payment_intent"}}

// Checkout implements rightful.CheckoutReader with one GET.
func (r *Reader) Checkout(ctx context.Context, sessionID string) (rightful.Checkout, rightful.Existence, error) {
	if impossible(sessionID) {
		return rightful.Checkout{}, rightful.ExistsMissing, ctx.Err()
	}
	e := endpoints[rightful.TypeSession]
	e.byID = true
	var c rightful.Checkout
	err := r.request(ctx, e, sessionID, expandedCheckout, func(body []byte) error {
		var err error
		if c, err = stripeobject.DecodeCheckout(body, r.keys, r.known()); err != nil {
			return err
		}
		if c.Session.ID != sessionID {
			return errors.New("it is about another session than the one asked for")
		}
		return nil
	})
	var f *failure
	switch {
	case err == nil:
		return c, rightful.ExistsPresent, nil
	case errors.As(err, &f) && f.missing():
		return rightful.Checkout{}, rightful.ExistsMissing, nil
	}
	return rightful.Checkout{}, rightful.ExistsUnknown, err
}
