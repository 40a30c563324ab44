package rightful

import "context"

// CustomerIntent is the promise to make one Stripe customer for a company. It is
// kept before Stripe is asked, so that processes that ask at the same time, or one
// that dies on the way, end with the same customer.
type CustomerIntent struct {
	Account   string // acct_..., empty when the key may not tell
	Livemode  bool
	CompanyID string // canonical

	// Generation counts the customers that were promised for this company: a new
	// one begins only after the last was found deleted or lost.
	Generation int
	// Name and Email are what the first who promised asked for: an idempotency key
	// stands for exactly these.
	Name, Email string
	At          int64  // Unix seconds when it was promised
	CustomerID  string // the answer; empty while none is known
}

// CheckoutIntent is the promise to make one checkout session: the same wish, by the
// same user for the same company, leads to the same open session.
type CheckoutIntent struct {
	Account   string
	Livemode  bool
	CompanyID string // canonical
	UserID    string // canonical
	Wish      string // hash of everything that was asked for, the customer included

	Generation int    // counts the sessions of this wish
	At         int64  // Unix seconds when it was promised
	SessionID  string // the answer; empty while none is known
}

// IntentStore keeps intents. It is safe for use by several processes; what it
// returned is durable. Ids come back canonical, and names and emails without what no
// text may hold.
//
// Errors are of kind unreachable or unavailable; of kind invalid for an empty id, or
// one that is longer than 400 bytes or no text; and of kind not_found when what is to
// be kept or renewed was never promised. A call that failed may be made again.
type IntentStore interface {
	// PromiseCustomer keeps the intent unless there is one for its account, mode and
	// company, and returns what is kept then: the caller's, or the earlier one.
	PromiseCustomer(ctx context.Context, in CustomerIntent) (CustomerIntent, error)
	// KeepCustomer writes down the customer of the intent's generation, if none is
	// known yet, and returns what is kept then.
	KeepCustomer(ctx context.Context, in CustomerIntent) (CustomerIntent, error)
	// RenewCustomer replaces the intent of in.Generation-1 by in, unless somebody
	// else has, and returns what is kept then.
	RenewCustomer(ctx context.Context, in CustomerIntent) (CustomerIntent, error)

	// The same for sessions.
	PromiseCheckout(ctx context.Context, in CheckoutIntent) (CheckoutIntent, error)
	KeepCheckout(ctx context.Context, in CheckoutIntent) (CheckoutIntent, error)
	RenewCheckout(ctx context.Context, in CheckoutIntent) (CheckoutIntent, error)
}

// CheckoutRecords tells for whom sessions were made. An IntentStore may have them: they
// are the only history of who belonged where of an app that keeps none. Errors are
// those of IntentStore.
type CheckoutRecords interface {
	// CheckoutOf returns the intent whose answer is this session, as long as it was not
	// renewed; false when there is none.
	CheckoutOf(ctx context.Context, account string, livemode bool, sessionID string) (CheckoutIntent, bool, error)
}
