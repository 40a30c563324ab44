package rightful

import (
	"context"
	"iter"
)

// Column names the field by which rows are selected.
type Column string

// The columns that a Select may use. A source that does not have the column
// yields nothing for it.
const (
	ByID                 Column = "id"
	ByOwner              Column = "owner_user_id"
	ByStripeCustomer     Column = "stripe_customer_id"
	ByStripeSubscription Column = "stripe_subscription_id"
	ByEmail              Column = "email"
	ByUser               Column = "user_id"
	ByCompany            Column = "company_id"
	ByStampValue         Column = "stamp_value"
	ByBillingParent      Column = "billing_parent_id"
	ByMergedInto         Column = "merged_into"
)

// Select picks rows: those whose column By is one of Values, or every row when
// By is empty. Values are ids as text, or emails; one that cannot be a value of
// the column (a word where the column holds numbers) matches nothing. Emails
// match without regard to case.
type Select struct {
	By     Column
	Values []string
}

// DirectoryReader reads what the app's database says. It never writes: a source
// reads inside read-only transactions where the engine has them.
//
// The sequences stop at the first error, which they yield with a zero row.
// Errors are of kind invalid (the mapping is wrong), unreachable, unauthorized
// or unavailable. Rows come in no promised order.
type DirectoryReader interface {
	// Mapping returns which facts the database can state at all.
	Mapping() Mapping
	Companies(ctx context.Context, sel Select) iter.Seq2[Company, error]
	Users(ctx context.Context, sel Select) iter.Seq2[User, error]
	Memberships(ctx context.Context, sel Select) iter.Seq2[Membership, error]
	SubscriptionRows(ctx context.Context, sel Select) iter.Seq2[SubscriptionRow, error]
	// Links yields the rows of the table of links only; a link that is a
	// column of the company comes with the company.
	Links(ctx context.Context, sel Select) iter.Seq2[Link, error]
	// Resolve asks the app's own resolver query for one user. It is called
	// only when Mapping().Resolver is ResolverSQL.
	Resolve(ctx context.Context, userID string) (Resolution, error)
}

// ListQuery picks the objects of one list of Stripe's API. Empty fields do not
// filter. Each field is a filter that the list of that type really has.
type ListQuery struct {
	Type             ObjectType
	StripeCustomerID string // all but customers
	Email            string // customers; sessions, by what the buyer typed; exact, as Stripe compares
	SubscriptionID   string // sessions
	PaymentIntentID  string // sessions
	CreatedFrom      int64  // all but payment methods: Unix seconds, inclusive; 0 for no bound
	CreatedTo        int64  // all but payment methods: Unix seconds, exclusive; 0 for no bound
}

// ListPage is one answer of a list.
type ListPage struct {
	Objects []Object // newest first, up to 100
	More    bool     // older ones follow
	AsOf    int64    // they stood like this then, or later: Unix seconds, by Stripe's clock
}

// StripeReader reads one Stripe account in one mode. Objects of the other mode
// do not exist for it. Several goroutines may ask it at a time.
//
// Errors are of kind unauthorized (the key is revoked or wrong), forbidden (the
// message names the missing permission), unreachable or unavailable.
type StripeReader interface {
	// Account returns the account and mode that the key opens. It is called
	// before anything else.
	Account(ctx context.Context) (Account, error)
	// List yields every object of the list, newest first, all pages to the
	// end, subscriptions of every status. Deleted customers are not listed, and
	// payment methods only of one customer. A sequence that stops early always
	// yields an error first.
	List(ctx context.Context, q ListQuery) iter.Seq2[Object, error]
	// Get looks one object up. An id that does not exist is no error: the
	// answer says missing, deleted or unknown, and the Object is zero; of a
	// deleted one it has what names it (type, id, account, mode) and Deleted.
	Get(ctx context.Context, t ObjectType, id string) (Object, Existence, error)
	// Search returns objects whose metadata key holds the value: a hint where
	// to look, never a reason to conclude, because Stripe's index lags. An
	// account without search gets an error of kind unsupported.
	Search(ctx context.Context, t ObjectType, key, value string) ([]Object, error)
	// Events yields what the query picks, newest first, all pages to the end. A
	// place that keeps no events, or cannot tell which were not delivered,
	// yields an error of kind unsupported.
	Events(ctx context.Context, q EventQuery) iter.Seq2[Event, error]
	// Endpoints returns the account's webhook endpoints, sorted by id. None and
	// no error means that there is none; a place that does not tell returns an
	// error of kind unsupported.
	Endpoints(ctx context.Context) ([]WebhookEndpoint, error)
}

// CacheReader reads cached values.
type CacheReader interface {
	// Read fills Found, Value and Undecodable of each entry. It returns an
	// error, of kind unreachable or unauthorized, only when the cache as a
	// whole cannot be heard; then the entries mean nothing.
	Read(ctx context.Context, entries []CacheEntry) error
}

// CacheScanner finds the keys that are there, also those that no known id leads
// to. What an audit reads it does not scan for: it builds its keys.
type CacheScanner interface {
	// Scan yields the keys that match the pattern, in no promised order: * stands
	// for any text, ? for one byte, [ab], [a-c] and [^a] for a byte of a set, and
	// what follows \ for itself. A key that is there all the time comes at least
	// once, and perhaps again; one that comes or goes meanwhile may be missing.
	// Whether it holds a value that can be decoded is not looked at. The sequence
	// stops at the first error, which it yields with an empty key; kinds are those
	// of CacheReader, and unavailable where keys may have been missed.
	Scan(ctx context.Context, pattern string) iter.Seq2[string, error]
}

// ProbeReader asks the running app. Several goroutines may ask it at a time; one
// that bears fewer questions holds the others back.
type ProbeReader interface {
	// Company returns the company that the running app resolves for the user.
	// An app that cannot be reached at all is an error of kind unreachable.
	Company(ctx context.Context, userID string) (ProbeAnswer, error)
	// Revision returns the deployed revision, empty when it does not tell.
	Revision(ctx context.Context) (string, error)
}
