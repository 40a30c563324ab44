package rightful

import "context"

// Checkout is one checkout session with what hangs on it, as one read shows it.
type Checkout struct {
	Session Object
	// Customer is the session's customer: zero for a guest. Of a deleted one it has
	// only what names it.
	Customer       Object
	CustomerExists Existence // ExistsUnknown for a guest, and where the place does not show the customer
	// Subscription and PaymentIntent are zero when the session created none, or not
	// yet, and where the place does not show them; the session tells their ids.
	Subscription  Object
	PaymentIntent Object
	URL           string // where the buyer pays; empty unless the session is open, and for one that is embedded
	// ClientSecret opens an embedded session in the buyer's browser (ui_mode, at
	// docs.stripe.com/api/checkout/sessions/object). It is the buyer's secret, and
	// empty unless the session is open.
	ClientSecret string
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
// of them, at most 8 levels deep, 1,000 in all and 5,000 characters each. An empty
// text unsets. What cannot be sent is an error of kind invalid that names it.
type NewCheckout struct {
	Params         map[string]any
	IdempotencyKey string
}

// NewPortal is a session of Stripe's customer portal that is to be made.
type NewPortal struct {
	StripeCustomerID string
	ReturnURL        string
	Configuration    string // bpc_...; empty: the account's own
}

// Portal is a session of Stripe's customer portal. Who has the URL sees, and changes,
// how the customer is billed.
type Portal struct {
	ID  string
	URL string
}

// StripeCreator makes what a purchase needs, and nothing else. A request that is
// sent again with the same idempotency key within 24 hours is executed once
// (docs.stripe.com/api/idempotent_requests); with other parameters it is an error
// of kind conflict.
//
// Errors are as those of StripeReader, of kind invalid for parameters that Stripe
// refuses (its words are in the message, and Hint names the parameter), of kind
// not_found for a customer or session that is not there or was deleted, and of kind
// uncertain when it may have taken effect. Uncertain is answered by asking again
// with the same key; where Stripe itself has failed and keeps that as the answer
// (an error 500), that brings the same error for 24 hours.
type StripeCreator interface {
	CreateCustomer(ctx context.Context, c NewCustomer) (Object, error)
	// CreateCheckout returns the session and where to pay it, and nothing of its
	// customer.
	CreateCheckout(ctx context.Context, c NewCheckout) (Checkout, error)
	// CreatePortal makes a session of the customer portal. Each call makes one; one that
	// nobody opens expires.
	CreatePortal(ctx context.Context, p NewPortal) (Portal, error)
	// ExpireCheckout closes an open session, so that nobody can pay it any more.
	// One that is not open is an error of kind conflict.
	ExpireCheckout(ctx context.Context, sessionID string) error
}
