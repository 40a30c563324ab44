package judge

import (
	"cmp"
	"slices"

	"rightful"
)

// ordered returns the situation with its rows in one order, whatever order they
// were read in: a verdict must not depend on it. Families keep theirs.
func ordered(sit *rightful.Situation) *rightful.Situation {
	out := *sit
	out.Companies = asOfNow(sorted(sit.Companies, func(a, b rightful.Company) int { return cmp.Compare(a.ID, b.ID) }), sit.Now)
	out.Users = sorted(sit.Users, func(a, b rightful.User) int { return cmp.Compare(a.ID, b.ID) })
	out.Memberships = sorted(sit.Memberships, func(a, b rightful.Membership) int {
		return cmp.Or(cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.CompanyID, b.CompanyID), cmp.Compare(a.JoinedAt, b.JoinedAt), cmp.Compare(a.LeftAt, b.LeftAt))
	})
	out.Links = sorted(sit.Links, func(a, b rightful.Link) int {
		return cmp.Or(cmp.Compare(a.CompanyID, b.CompanyID), cmp.Compare(a.StripeCustomerID, b.StripeCustomerID))
	})
	out.SubscriptionRows = sorted(sit.SubscriptionRows, func(a, b rightful.SubscriptionRow) int {
		return cmp.Or(cmp.Compare(a.CompanyID, b.CompanyID), cmp.Compare(a.ID, b.ID),
			cmp.Compare(a.StripeSubscriptionID, b.StripeSubscriptionID), cmp.Compare(a.StripeCustomerID, b.StripeCustomerID))
	})
	return &out
}

// asOfNow takes a deletion that is yet to come for none: the company lives, and is
// billed, until then.
func asOfNow(companies []rightful.Company, now int64) []rightful.Company {
	future := func(c rightful.Company) bool { return c.Deleted && c.DeletedAt > now }
	if !slices.ContainsFunc(companies, future) {
		return companies
	}
	out := slices.Clone(companies)
	for i := range out {
		if future(out[i]) {
			out[i].Deleted, out[i].DeletedAt, out[i].MergedInto = false, 0, ""
		}
	}
	return out
}

func sorted[T any](rows []T, compare func(a, b T) int) []T {
	if slices.IsSortedFunc(rows, compare) {
		return rows
	}
	out := slices.Clone(rows)
	slices.SortStableFunc(out, compare)
	return out
}
