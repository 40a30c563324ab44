package rightful

// Situation is everything that was read about one question, closed over its
// references: each company and user id that a family mentions was looked up, so
// an id that is absent here does not exist in the app. It is the only input of
// the judge.
type Situation struct {
	Now     int64 // Unix seconds at which things are judged
	Account Account
	Mapping Mapping

	Companies        []Company
	Users            []User
	Memberships      []Membership
	SubscriptionRows []SubscriptionRow
	Links            []Link                // link columns and link table alike
	Resolved         map[string]Resolution // by canonical user id; only where the resolver is SQL
	Families         []Family              // sorted by Key
	Unlisted         map[string]Existence  // subscriptions that a row names and no list holds, by id
	Events           []Event               // only those that were asked for; newest first
	Endpoints        []WebhookEndpoint     // sorted by ID
	Cache            []CacheEntry
	// Made tells for whom our own record says that sessions were made, by their ids;
	// an Intent without an ObjectID: nothing is kept of that one. What is not in it was
	// not asked about.
	Made map[string]Intent
	// Existed tells of companies without a row of their own, by canonical id, whether
	// something remembers them all the same: a row that was not read into this situation,
	// or our own record. What is not in it was not asked about.
	Existed map[string]bool
	Probe   *ProbeReport // nil when no probe is configured

	// Accounts are the app's other Stripe accounts, by id: what is not in this one may be
	// in those.
	Accounts []string

	// Whole is true when the situation holds everything the places say, false
	// when it is the surroundings of one question.
	Whole bool

	// Screened is true when the situation holds, of everything, what was not cleared
	// before, and Beside is how many customers of ours were cleared.
	Screened bool
	Beside   int

	// Incomplete lists, in plain words, what could not be read.
	Incomplete []string
	// Unheard lists, in plain words, places that were not heard, or not to their
	// end, and that a single check needs. That check is silent without them;
	// what the others say is complete.
	Unheard []string
	// CacheUnread and ProbeUnread say why a whole place could not be heard;
	// empty when it was read, or when it is not configured.
	CacheUnread string
	ProbeUnread string
	// RecordUnread says why our own record could not be heard; empty when it was, or when
	// nothing was to be asked.
	RecordUnread string
	// CacheConfigured tells "no key is configured" from "no key was found".
	CacheConfigured bool
	// EndpointsRead tells that Endpoints is what Stripe said, so that none means
	// none.
	EndpointsRead bool
	// Crowded are the companies (canonical ids) with more members than were
	// looked at: they may have customers that nobody saw.
	Crowded map[string]bool
	// StripeUnread says why Stripe could not be heard at all. StripePartly
	// tells that some of it could not be read, so that the absence of money
	// proves nothing.
	StripeUnread string
	StripePartly bool
}

// Account is the Stripe account that a key opens.
type Account struct {
	ID       string
	Livemode bool
	// LivemodeKnown is false when neither the key nor any object told the mode.
	LivemodeKnown bool
}

// Resolution is the answer of a resolver: at most one company.
type Resolution struct {
	CompanyID string // empty when the resolver names none
	Ambiguous bool   // it returned more than one
}

// Holds names what a cached value is.
type Holds string

// What a cache key may hold.
const (
	HoldsCompany  Holds = "company_id"
	HoldsCustomer Holds = "stripe_customer_id"
)

// CacheEntry is one cache key that could exist, and what stands there.
type CacheEntry struct {
	Key     string // the whole key
	Pattern string // the configured pattern that it was built from
	Holds   Holds
	Decode  string // text, json:path, hash:field, php or pickle

	// Whose key it is. Exactly one of these is set.
	UserID           string
	CompanyID        string
	StripeCustomerID string

	Found       bool
	Value       string // decoded; meaningful only when Found and Undecodable is empty
	Undecodable string // why the value could not be read as configured
}

// ProbeReport is what the running app answered.
type ProbeReport struct {
	Users            map[string]ProbeAnswer // by canonical user id; only those asked
	Revision         string                 // empty when it does not tell
	ExpectedRevision string                 // empty when none is configured
}

// ProbeAnswer is the running app's answer for one user.
type ProbeAnswer struct {
	CompanyID string // empty when the app says: no company
	Failed    string // why there is no answer; then CompanyID means nothing
	// Unasked tells, beside Failed, that nobody put the question: a record need
	// not have every user, and no place failed.
	Unasked bool
}

// Subject names what a question is about.
type Subject struct {
	Users     []string // ids of the app's users
	Companies []string // ids of companies
	Customers []string // Stripe customer ids
	Objects   []Object // guest sessions and payments, which have no customer
}
