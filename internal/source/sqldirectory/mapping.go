package sqldirectory

import (
	"strings"

	"rightful"
)

// Mapping is how the app's database is read: one SELECT per noun. The fields
// are the keys below "directory" in the configuration.
//
// Output columns are matched by name, without case, and further columns are
// ignored. An empty query means that the app has no such rows. A query may end
// with a semicolon or a comment, and may be anything that can stand in
// FROM (...).
type Mapping struct {
	// Companies is required. Columns: id (required), name, owner_user_id,
	// stripe_customer_id, deleted_at, merged_into, billing_parent_id,
	// stamp_value, stripe_account.
	Companies string
	// Users has the columns id (required), email, email_verified, is_active,
	// company_id.
	Users string
	// Memberships has the columns user_id and company_id (both required),
	// role, joined_at, left_at.
	Memberships string
	// Subscriptions has the columns id, company_id and stripe_subscription_id
	// (all required), stripe_customer_id, status, stripe_account.
	Subscriptions string
	// Links has the columns company_id and stripe_customer_id (both required), and
	// stripe_account.
	Links string
	// Resolve is direct, owner, membership, or a SELECT with :user_id whose
	// first column is the company's id. Empty means the first way that the
	// other queries can state at all.
	Resolve string
}

// column is one output column of a mapped query.
type column struct {
	name     string
	required bool
	isID     bool // rows can be selected by it, so its type matters
}

// id and text are shorthands for the tables of columns below.
func id(name string) column         { return column{name: name, isID: true} }
func requiredID(name string) column { return column{name: name, isID: true, required: true} }
func plain(name string) column      { return column{name: name} }

var (
	companyColumns = []column{
		requiredID("id"), plain("name"), id("owner_user_id"), id("stripe_customer_id"), plain("deleted_at"),
		id("merged_into"), id("billing_parent_id"), id("stamp_value"), plain("stripe_account"),
	}
	userColumns = []column{
		requiredID("id"), id("email"), plain("email_verified"), plain("is_active"), id("company_id"),
	}
	membershipColumns = []column{
		requiredID("user_id"), requiredID("company_id"), plain("role"), plain("joined_at"), plain("left_at"),
	}
	subscriptionColumns = []column{
		requiredID("id"), requiredID("company_id"), id("stripe_customer_id"), requiredID("stripe_subscription_id"),
		plain("status"), plain("stripe_account"),
	}
	linkColumns = []column{requiredID("company_id"), requiredID("stripe_customer_id"), plain("stripe_account")}
)

// resolver returns which resolver the mapping configures, given which facts the
// queries can state. A resolver that needs a fact that is not mapped is an
// error that says what to add.
func (m Mapping) resolver(facts rightful.Mapping) (rightful.Resolver, error) {
	missing := func(what, hint string) error {
		return invalid(placeResolve, "resolve: "+m.Resolve+" needs "+what, hint)
	}
	switch rightful.Resolver(m.Resolve) {
	case rightful.ResolverNone:
		return facts.DefaultResolver(), nil
	case rightful.ResolverDirect:
		if m.Users == "" {
			return "", missing("a users query with the column company_id", "add directory.users: SELECT id, email, company_id FROM ...")
		}
		if !facts.Direct {
			return "", missing("the column company_id in directory.users", "add it: SELECT id, ..., ... AS company_id FROM ...")
		}
		return rightful.ResolverDirect, nil
	case rightful.ResolverOwner:
		if !facts.Owner {
			return "", missing("the column owner_user_id in directory.companies",
				"add it: SELECT id, ..., ... AS owner_user_id FROM ...")
		}
		return rightful.ResolverOwner, nil
	case rightful.ResolverMembership:
		if !facts.Memberships {
			return "", missing("a memberships query", "add directory.memberships: SELECT user_id, company_id FROM ...")
		}
		return rightful.ResolverMembership, nil
	}
	// Anything of several words is meant as a query, and checked as one.
	if len(strings.Fields(m.Resolve)) < 2 {
		return "", invalid(placeResolve, "there is no resolver "+quoted(m.Resolve),
			"write direct, owner, membership, or a SELECT with :user_id")
	}
	return rightful.ResolverSQL, nil
}
