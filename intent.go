package rightful

import "context"

// IntentKind is what an Intent promises to make.
type IntentKind string

// The kinds of intents.
const (
	IntentCustomer IntentKind = "customer" // the one customer of a company
	IntentCheckout IntentKind = "checkout" // one session of a wish: the same wish, by the same user for the same company, leads to the same open session
)

// Intent is the promise to make one object at Stripe. It is kept before Stripe is
// asked, so that processes that ask at the same time, or one that dies on the way, end
// with the same object. Its key is everything before Generation.
type Intent struct {
	Kind      IntentKind
	Account   string // acct_..., empty when the key may not tell
	Livemode  bool
	CompanyID string // canonical
	UserID    string // canonical; of a session only
	Wish      string // of a session only: hash of everything that was asked for, the customer included

	// Generation counts the objects that were promised under this key: a new one begins
	// only after the last was found gone or lost.
	Generation int
	// Name and Email are what the first who promised a customer asked for: an
	// idempotency key stands for exactly these.
	Name, Email string
	// At is when it was promised or, once a request was sent, when the first was: Unix
	// seconds. Nothing was made of it before.
	At int64
	// SentAt is when a request was last about to be sent: Unix seconds, and 0 when none
	// was. What was sent then may take effect for a while.
	SentAt   int64
	ObjectID string // the answer; empty while none is known
}

// IntentStore keeps intents. It is safe for use by several processes; what it
// returned is durable. Ids come back canonical, and names and emails without what no
// text may hold.
//
// Errors are of kind unreachable or unavailable; of kind invalid for an empty id, or
// one that is longer than 400 bytes or no text; and of kind not_found when what is to
// be sent, kept or renewed was never promised. A call that failed may be made again.
type IntentStore interface {
	// Kept returns what is kept of the intent's key; false when nothing is.
	Kept(ctx context.Context, in Intent) (kept Intent, known bool, err error)
	// Promise keeps the intent unless there is one of its key, and returns what is kept
	// then: the caller's, or the earlier one.
	Promise(ctx context.Context, in Intent) (Intent, error)
	// Send writes down that a request of the intent's generation is about to be sent at
	// in.SentAt, if no answer is known yet, and returns what is kept then: the later of
	// two times, and as At that of the first.
	Send(ctx context.Context, in Intent) (Intent, error)
	// Keep writes down the object of the intent's generation, if none is known yet, and
	// returns what is kept then.
	Keep(ctx context.Context, in Intent) (Intent, error)
	// Renew replaces the intent of in.Generation-1 by in, unless somebody else has, and
	// returns what is kept then.
	Renew(ctx context.Context, in Intent) (Intent, error)
}

// IntentRecords tells what was made, and for whom. An IntentStore may have them: they
// are the only history of who belonged where of an app that keeps none, and of a company
// whose row was deleted. Errors are those of IntentStore.
type IntentRecords interface {
	// CheckoutsOf returns the intents whose answers are these sessions, by the ids of the
	// sessions, as long as they were not renewed or forgotten; of others it returns none.
	CheckoutsOf(ctx context.Context, account string, livemode bool, sessionIDs []string) (map[string]Intent, error)
	// Promised returns those of these companies (canonical ids) for which something is
	// promised: nothing is for one that never had a row.
	Promised(ctx context.Context, account string, livemode bool, companyIDs []string) ([]string, error)
}
