package worldfile

import (
	"context"

	"rightful"
	"rightful/internal/stripeobject"
)

var _ rightful.CheckoutReader = (*stripeReader)(nil)

// Checkout looks a session up, with what the world lists of it beside. An id that
// the world neither lists nor declares missing is unknown.
func (r *stripeReader) Checkout(ctx context.Context, sessionID string) (rightful.Checkout, rightful.Existence, error) {
	session, exists, err := r.Get(ctx, rightful.TypeSession, sessionID)
	if err != nil || exists != rightful.ExistsPresent {
		return rightful.Checkout{}, exists, err
	}
	c := rightful.Checkout{Session: session, URL: r.urlOf(session)}
	c.Customer, c.CustomerExists, err = r.Get(ctx, rightful.TypeCustomer, session.StripeCustomerID)
	if c.CustomerExists == rightful.ExistsMissing {
		c.CustomerExists = rightful.ExistsUnknown // as Stripe shows it: as an id, and nothing behind
	}
	c.Subscription = r.byID[string(rightful.TypeSubscription)+"/"+session.SubscriptionID]
	c.PaymentIntent = r.byID[string(rightful.TypePaymentIntent)+"/"+session.PaymentIntentID]
	if err != nil {
		return rightful.Checkout{}, rightful.ExistsUnknown, err
	}
	return c, rightful.ExistsPresent, nil
}

// urlOf returns where an open session is paid.
func (r *stripeReader) urlOf(session rightful.Object) string {
	if session.Status != "open" {
		return ""
	}
	for _, raw := range r.section.raw[rightful.TypeSession] {
		c, err := stripeobject.DecodeCheckout(raw, r.keys, stripeobject.Defaults{})
		if err == nil && c.Session.ID == session.ID {
			return c.URL
		}
	}
	return ""
}
