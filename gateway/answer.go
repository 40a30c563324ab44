package gateway

import "rightful"

// Mode says what becomes of a refusal.
type Mode string

// Observe lets pass and says what would have been refused; Enforce refuses. Stamps,
// the resolver and the choice of a customer are the same in both.
const (
	Observe Mode = "observe"
	Enforce Mode = "enforce"
)

// Status is the truth about a payment, or about an id that a client sent.
type Status string

// The statuses. Whatever the mode, they are true.
const (
	Valid          Status = "valid"           // paid, and the user's company bought it
	Processing     Status = "processing"      // completed; the money is on its way
	NotPaid        Status = "not_paid"        // the session is still open, or the money did not arrive
	Expired        Status = "expired"         // nobody can pay it any more
	OtherCompany   Status = "other_company"   // it belongs to a company that is not the user's
	CompanyGone    Status = "company_gone"    // the company that it belongs to was deleted
	NoCompany      Status = "no_company"      // the user has no company, or nobody can say whose it is
	UnknownSession Status = "unknown_session" // Stripe has no such session, or it is another app's
	UnknownObject  Status = "unknown"         // the same, of a customer
	WrongMode      Status = "wrong_mode"      // a test session where live ones are paid, or the reverse
	NeedsSignIn    Status = "needs_sign_in"   // nobody is signed in
)

// Verdict is what the app is told to do.
type Verdict string

// Allow and Refuse follow the mode; see Status for the truth.
const (
	Allow  Verdict = "allow"
	Refuse Verdict = "refuse"
)

// Customer is the one live Stripe customer of a company.
type Customer struct {
	StripeCustomerID string `json:"stripe_customer_id"`
	Created          bool   `json:"created"` // this call made it
}

// Session is a checkout session that a buyer may be sent to.
type Session struct {
	ID  string `json:"id"`
	URL string `json:"url"` // where the buyer pays; empty for an embedded session
	// ClientSecret opens an embedded session in the buyer's browser, and is for them
	// alone; empty, and not in JSON, for one that has a URL.
	ClientSecret     string `json:"client_secret,omitempty"`
	CompanyID        string `json:"company_id"`
	StripeCustomerID string `json:"stripe_customer_id"`
	Reused           bool   `json:"reused"` // an open session of the very same wish
	// AlreadySubscribed are the ids of the company's own live subscriptions with a price
	// that this session sells too, at the same customer: most often the buyer is about
	// to pay twice. Empty: there is none; nil: Stripe could not be asked, as the log says.
	AlreadySubscribed []string `json:"already_subscribed"`
}

// Portal is a session of Stripe's customer portal that a user may be sent to.
type Portal struct {
	ID               string `json:"id"`
	URL              string `json:"url"` // for this user alone: who has it sees how the company is billed
	CompanyID        string `json:"company_id"`
	StripeCustomerID string `json:"stripe_customer_id"`
}

// Validation is what is to be said about a payment after checkout.
type Validation struct {
	Status   Status  `json:"status"`
	Decision Verdict `json:"decision"`
	// Enforced is the decision in mode Enforce.
	Enforced Verdict `json:"enforced"`
	// CompanyID is the company that the payment belongs to; nil unless the user
	// belongs to it too, or did when they bought it, and it can be said which it is.
	CompanyID       *string            `json:"company_id"`
	BuyerMessage    string             `json:"buyer_message"`    // may be shown to anybody
	OperatorMessage string             `json:"operator_message"` // names other companies only to operators
	Findings        []rightful.Finding `json:"findings"`
}

// Guarded is the answer about an id that a client sent.
type Guarded struct {
	Status   Status  `json:"status"`
	Decision Verdict `json:"decision"`
	Enforced Verdict `json:"enforced"`
}

// Kinds of Decision.
const (
	DecidedCompany  = "company"  // a user's company was resolved
	DecidedCustomer = "customer" // a company's customer was chosen or made
	DecidedCheckout = "checkout" // a session was made or reused
	DecidedPortal   = "portal"   // a session of the customer portal was made
	DecidedPayment  = "payment"  // a payment was validated
	DecidedGuard    = "guard"    // a client's id was looked at
	DecidedWebhook  = "webhook"  // an event was judged
	DecidedHealing  = "healing"  // a link or stamp was put right on the way
)

// What may have ended a call beside an error of a kind.
const (
	ErrorCalledOff = "called_off" // who asked did not wait for the answer: nothing failed
	ErrorTimedOut  = "timed_out"  // it took longer than its caller allowed
	ErrorUnknown   = "unknown"    // an error of no kind
)

// Decision is one structured event: what was decided, about whom. But for its
// findings it holds ids only.
type Decision struct {
	Kind             string
	At               int64 // Unix seconds
	UserID           string
	CompanyID        string
	StripeCustomerID string
	SessionID        string
	EventID          string // of a webhook
	Object           rightful.Ref
	Status           Status // of payments and guards; of webhooks the disposition
	Decision         Verdict
	Enforced         Verdict
	Created          bool     // a customer or session was made
	Codes            []string // codes of the findings, sorted
	// AlreadySubscribed is that of the Session.
	AlreadySubscribed []string
	// Family is what was judged, by its key: the customer, or what a guest paid with.
	// Empty: nothing was.
	Family string
	// Findings are what was found, for whoever keeps it. They may name other
	// companies: they are in no log line and no trace.
	Findings []rightful.Finding
	Error    string  // what ended it: a kind of error, or one of those below; empty when nothing did
	Seconds  float64 // how long it took
}
