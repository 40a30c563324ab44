package rightful

// Company is one tenant, organisation or workspace row of the app.
type Company struct {
	ID               string // raw id, as the app's database prints it
	Name             string // for people only; never compared
	OwnerUserID      string // empty when the app keeps no owner
	StripeCustomerID string // the link, when it is a column of the company
	DeletedAt        int64  // Unix seconds; meaningful only when Deleted
	Deleted          bool   // the row is marked as deleted
	MergedInto       string // id of the surviving company, empty when not merged
	BillingParentID  string // id of the company that pays for this one
	StampValue       string // what stamps hold when it is not the id (a slug, a public UUID)
	StripeAccount    string // acct_...: where the company pays, when the app says so
}

// Live reports whether the company can own anything today: neither deleted nor
// merged into another.
func (c Company) Live() bool { return !c.Deleted && c.MergedInto == "" }

// User is one user row of the app.
type User struct {
	ID            string
	Email         string
	EmailVerified bool
	Inactive      bool   // is_active says no; an unknown column means active
	CompanyID     string // the direct column, empty when there is none
}

// Membership is one row that ties a user to a company for a time.
type Membership struct {
	UserID    string
	CompanyID string
	Role      string
	JoinedAt  int64 // Unix seconds; 0 means since always
	LeftAt    int64 // Unix seconds; 0 means still a member
}

// JoinTolerance is how long before a join a membership already counts, in
// seconds. Sign-up flows create the customer and the member in either order.
const JoinTolerance = 24 * 60 * 60

// ActiveAt reports whether the membership counts at time t (Unix seconds).
func (m Membership) ActiveAt(t int64) bool {
	if m.JoinedAt != 0 && t < m.JoinedAt-JoinTolerance {
		return false
	}
	return m.LeftAt == 0 || t < m.LeftAt
}

// SubscriptionRow is the app's own row for a subscription: it ties a company to
// a Stripe subscription and customer.
type SubscriptionRow struct {
	ID                   string
	CompanyID            string
	StripeCustomerID     string
	StripeSubscriptionID string
	Status               string
	StripeAccount        string // acct_...: whose customer and subscription it names, when the app says so
}

// Link ties a company to a Stripe customer. It comes from a column of the
// company or from a table of links; a company may have several in the latter.
type Link struct {
	CompanyID        string
	StripeCustomerID string
	StripeAccount    string // acct_...: whose customer that is, when the app says so
	Column           bool   // it stands in the company's own row
	Table            bool   // it is a row of the table of links
}

// Mapping says which facts the app's database can state at all, so that "not
// mapped" is never read as "none".
type Mapping struct {
	Owner            bool // companies have an owner
	Direct           bool // users have a company column
	Memberships      bool // there are membership rows
	SubscriptionRows bool // there are subscription rows
	Link             bool // companies have a link column, or there is a table of links
	LinkTable        bool // there is a table of links
	LinkColumn       bool // companies have a link column
	Resolver         Resolver
}

// Resolver names the one configured way to get a user's company.
type Resolver string

// The ways a resolver can work. ResolverSQL is a query of the app's own;
// ResolverNone means that nothing is configured and nothing can be defaulted.
const (
	ResolverNone       Resolver = ""
	ResolverDirect     Resolver = "direct"
	ResolverOwner      Resolver = "owner"
	ResolverMembership Resolver = "membership"
	ResolverSQL        Resolver = "sql"
)

// DefaultResolver returns the resolver that a mapping implies when none is
// configured: the first way that the database can state at all.
func (m Mapping) DefaultResolver() Resolver {
	switch {
	case m.Direct:
		return ResolverDirect
	case m.Memberships:
		return ResolverMembership
	case m.Owner:
		return ResolverOwner
	}
	return ResolverNone
}
