package rightful

import "context"

// Checkout is one checkout session with what hangs on it, as one read shows it.
type Checkout struct {
	Session Object
	// Customer is the session's customer: zero for a guest. Of a deleted one it has
	// only what names it.
	Customer       Object
	CustomerExists Existence // ExistsUnknown for a guest
	Subscription   Object    // zero when the session created none, or not yet
	PaymentIntent  Object    // zero when the session created none
	URL            string    // where the buyer pays; empty unless the session is open
}

// CheckoutReader reads checkout sessions whole. Errors are as those of
// StripeReader.
type CheckoutReader interface {
	// Checkout looks a session up, with its customer, subscription and payment
	// intent, in one request. An id that does not exist is no error.
	Checkout(ctx context.Context, sessionID string) (Checkout, Existence, error)
}

// NewCustomer is a customer that is to be made.
type NewCustomer struct {
	Name           string            // shown on invoices; empty: none
	Email          string            // where receipts go; empty: none
	Metadata       map[string]string // stamps included
	IdempotencyKey string            // the same for the same attempt, from whichever process it is sent
}

// NewCheckout is a checkout session that is to be made. Params are Stripe's own
// parameters of that call, by their names: texts, numbers, booleans, lists and maps
// of them.
type NewCheckout struct {
	Params         map[string]any
	IdempotencyKey string
}

// StripeCreator makes what a purchase needs, and nothing else. A request that is
// sent again with the same idempotency key within 24 hours is executed once
// (docs.stripe.com/api/idempotent_requests); with other parameters it is an error
// of kind conflict.
//
// Errors are as those of StripeReader, of kind invalid for parameters that Stripe
// refuses (its words are in the message, and Hint names the parameter), and of kind
// uncertain when it may have taken effect.
type StripeCreator interface {
	CreateCustomer(ctx context.Context, c NewCustomer) (Object, error)
	CreateCheckout(ctx context.Context, c NewCheckout) (Checkout, error)
	// ExpireCheckout closes an open session, so that nobody can pay it any more.
	// One that is not open is an error of kind conflict.
	ExpireCheckout(ctx context.Context, sessionID string) error
}
