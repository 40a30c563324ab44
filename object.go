package rightful

import (
	"slices"
	"strings"
)

// ObjectType is a Stripe object's own name for its type.
type ObjectType string

// The Stripe objects that rightful reads.
const (
	TypeCustomer      ObjectType = "customer"
	TypeSession       ObjectType = "checkout.session"
	TypeSubscription  ObjectType = "subscription"
	TypePaymentIntent ObjectType = "payment_intent"
	TypeSchedule      ObjectType = "subscription_schedule"
	TypeInvoice       ObjectType = "invoice"
	TypeCharge        ObjectType = "charge"
	TypePaymentMethod ObjectType = "payment_method"
)

// StripeTypes lists the object types that rightful reads, in reading order.
func StripeTypes() []ObjectType {
	return append(ListedTypes(), TypeInvoice, TypeCharge, TypePaymentMethod)
}

// ListedTypes lists the types of which an audit reads every object. Invoices,
// charges and payment methods are read only for customers whose money is in
// question: they are the longest lists of an account, and say whose a payment is
// in copies only.
func ListedTypes() []ObjectType {
	return []ObjectType{TypeCustomer, TypeSession, TypeSubscription, TypePaymentIntent, TypeSchedule}
}

// Object is one Stripe object, reduced to the fields that say whose it is and
// whether money hangs on it. It never holds cards, names or addresses. A field
// that Stripe (or a world file) left out has its zero value.
type Object struct {
	Account  string // acct_... the object was read from
	Livemode bool
	Type     ObjectType
	ID       string
	Created  int64 // Unix seconds
	Deleted  bool  // Stripe returned the stub of a deleted object

	// Metadata holds only the identity keys that were asked for (KeySet).
	Metadata map[string]string

	StripeCustomerID  string // the payer; customer_account when Stripe uses accounts as customers
	SubscriptionID    string // on a session: the subscription that it created; on a schedule or invoice: its subscription
	PaymentIntentID   string // on a session: the payment intent that it created; on a charge: its payment intent
	PaymentLink       string // on a session: the payment link it came from
	ClientReferenceID string // on a session
	Email             string // customer email, or what the buyer typed at checkout
	Mode              string // on a session: payment, setup or subscription
	Status            string
	PaymentStatus     string // on a session
	ReturnsTo         string // on a session: host and path of its success or return address, ids in the path as *
	TestClock         string
	ExpiresAt         int64 // on a session, Unix seconds
	EndedAt           int64 // on a subscription that is over, Unix seconds
	Ending            bool  // on a subscription: it will end, and not renew again

	// HasSchedule and HasPendingUpdate tell that something will write to the
	// subscription later, so that no repair of it can be called safe.
	HasSchedule      bool
	HasPendingUpdate bool

	Balance        int64 // on a customer, minor units
	HasSavedMethod bool  // on a customer: a default payment method or source
	AmountPaid     int64 // on an invoice or charge: what was really paid, minor units
	Items          []Item

	// Snapshot holds, on an invoice, the identity keys of the metadata that its
	// subscription had when the invoice was finalized. Stripe never changes it.
	Snapshot map[string]string
	// Phases are the phases of a schedule, oldest first.
	Phases []Phase
}

// Phase is one phase of a subscription schedule. When it begins, Stripe writes
// its metadata into the subscription.
type Phase struct {
	Start    int64 // Unix seconds
	End      int64 // Unix seconds; 0 when it has no end
	Metadata map[string]string
}

// Item is one price of a subscription.
type Item struct {
	PriceID       string
	ProductID     string
	UnitAmount    int64 // minor units
	Currency      string
	Interval      string // day, week, month or year
	IntervalCount int64
	Quantity      int64
}

// Ref names one object in JSON and in messages: a Stripe object, or one of
// company, user, subscription_row, link, cache_key.
type Ref struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// Types of Ref that are not Stripe's.
const (
	RefCompany         = "company"
	RefUser            = "user"
	RefSubscriptionRow = "subscription_row"
	RefLink            = "link"
	RefCacheKey        = "cache_key"
	RefRevision        = "revision" // what the running app says it is
)

// Ref returns the object's name.
func (o Object) Ref() Ref { return Ref{Type: string(o.Type), ID: o.ID} }

// LiveSubscription reports whether o is a subscription under which a company
// has or may get access today. Incomplete ones are not live.
func (o Object) LiveSubscription() bool {
	if o.Type != TypeSubscription {
		return false
	}
	return LiveStatus(o.Status)
}

// LiveStatus reports whether a subscription status means access or money now.
func LiveStatus(status string) bool {
	switch status {
	case "active", "trialing", "past_due", "unpaid", "paused":
		return true
	}
	return false
}

// SettledSession reports whether o is a checkout session that was paid, or that
// was completed with nothing to pay (a trial).
func (o Object) SettledSession() bool {
	return o.Type == TypeSession &&
		(o.PaymentStatus == "paid" || o.PaymentStatus == "no_payment_required" && o.Status == "complete")
}

// SettledIntent reports whether o is a payment intent whose money arrived.
func (o Object) SettledIntent() bool {
	return o.Type == TypePaymentIntent && o.Status == "succeeded"
}

// Existence is what a source knows about an id.
type Existence int

// The answers to "is there such an object?". ExistsUnknown is never a reason to
// conclude anything; ExistsDeleted is Stripe's own stub.
const (
	ExistsUnknown Existence = iota
	ExistsPresent
	ExistsDeleted
	ExistsMissing
)

// KeySet names the metadata keys that carry identity.
type KeySet struct {
	Company   string   // the stamp: metadata key that holds the company id
	AlsoRead  []string // further keys read as stamps when Company is absent
	User      string   // metadata key that holds the user id
	Ownership string   // metadata key that says which app an object belongs to; empty when not configured
}

// Keeps reports whether the metadata key carries identity.
func (k KeySet) Keeps(key string) bool {
	if key == "" {
		return false
	}
	if key == k.Company || key == k.User || key == k.Ownership {
		return true
	}
	return slices.Contains(k.AlsoRead, key) || k.Near(key)
}

// tenantWords are what apps call a company, as metadata keys with or without
// "id".
var tenantWords = []string{"company", "org", "organisation", "organization", "tenant", "workspace", "team"}

// Near reports whether the metadata key looks like one that was meant to hold the
// company id, and is not among those that are read: orgId, Company-ID and so on.
// What stands there is a suspicion and never a stamp.
func (k KeySet) Near(key string) bool {
	if key == "" || key == k.Company || key == k.User || key == k.Ownership || slices.Contains(k.AlsoRead, key) {
		return false
	}
	bare := bareKey(key)
	return bare == bareKey(k.Company) || slices.ContainsFunc(tenantWords, func(w string) bool { return bare == w || bare == w+"id" })
}

// separators are what may stand between the words of a metadata key.
var separators = strings.NewReplacer("_", "", "-", "", ".", "", " ", "")

// bareKey is a metadata key without case and separators.
func bareKey(key string) string {
	return strings.ToLower(separators.Replace(key))
}
