package sqldirectory

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"rightful"
)

// record is one row of a mapped query. Its methods take our column names; a
// column that the query lacks is NULL. The first value that cannot be read is
// kept in err.
type record struct {
	query  *query
	values []any
	err    error
}

// index returns where a column stands in a row, -1 when the query lacks it.
func (q *query) index(name string) int {
	return slices.IndexFunc(q.columns, func(c resultColumn) bool { return c.name == name })
}

func (r *record) value(name string) any {
	if i := r.query.index(name); i >= 0 {
		return r.values[i]
	}
	return nil
}

func (r *record) id(name string) string {
	i := r.query.index(name)
	if i < 0 {
		return ""
	}
	return r.query.columns[i].typ.idText(r.values[i])
}

func (r *record) text(name string) string { return plainText(r.value(name)) }

func (r *record) time(name string) int64 {
	at, ok := unixTime(r.value(name))
	if !ok {
		r.unreadable(name, "a time", "times are timestamps, Unix seconds or ISO 8601 text")
	}
	return at
}

func (r *record) deletion(name string) (int64, bool) {
	at, deleted, ok := deletion(r.value(name))
	if !ok {
		r.unreadable(name, "a time or a yes or no", "write an expression, such as status = 'deleted' AS "+name)
	}
	return at, deleted
}

// flag returns a yes or no, and what NULL and a missing column mean. A time is
// a yes: apps store when an email was verified.
func (r *record) flag(name string, null bool) bool {
	value := r.value(name)
	if value == nil {
		return null
	}
	if yes, ok := truth(value); ok {
		return yes
	}
	at, ok := unixTime(value)
	if !ok {
		r.unreadable(name, "a yes or no", "write an expression, such as status = 'active' AS "+name)
	}
	return at != 0
}

func (r *record) unreadable(name, what, hint string) {
	if r.err == nil {
		r.err = invalid(r.query.place, fmt.Sprintf("column %s holds %s, which is not %s", name, quoted(plainText(r.value(name))), what), hint)
	}
}

// rows yields the selected rows of a query, converted. convert returns false
// for a row that names nothing. A query that is not mapped has no rows.
func rows[T any](ctx context.Context, d *Directory, place string, q *query, sel rightful.Select, convert func(*record) (T, bool)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		if q == nil {
			if err := d.broken[place]; err != nil {
				yield(zero, err)
			}
			return
		}
		emit := func(page [][]any) (bool, error) {
			for _, values := range page {
				r := record{query: q, values: values}
				row, ok := convert(&r)
				if r.err != nil {
					return false, r.err
				}
				if ok && !yield(row, nil) {
					return false, nil
				}
			}
			return true, nil
		}
		var err error
		switch {
		case sel.By == "":
			err = d.pages(ctx, q, emit)
		case sel.By == rightful.ByEmail:
			err = d.lookupEmails(ctx, q, sel.Values, emit)
		default:
			err = d.lookup(ctx, q, string(sel.By), sel.Values, emit)
		}
		if err != nil {
			yield(zero, err)
		}
	}
}

// Companies implements rightful.DirectoryReader.
func (d *Directory) Companies(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.Company, error] {
	return rows(ctx, d, placeCompanies, d.companies, sel, asCompany)
}

func asCompany(r *record) (rightful.Company, bool) {
	at, deleted := r.deletion("deleted_at")
	c := rightful.Company{
		ID:               r.id("id"),
		Name:             r.text("name"),
		OwnerUserID:      r.id("owner_user_id"),
		StripeCustomerID: r.id("stripe_customer_id"),
		DeletedAt:        at,
		Deleted:          deleted,
		MergedInto:       r.id("merged_into"),
		BillingParentID:  r.id("billing_parent_id"),
		StampValue:       r.id("stamp_value"),
		StripeAccount:    r.text("stripe_account"),
	}
	return c, c.ID != ""
}

// Users implements rightful.DirectoryReader. Emails are found by lower(email),
// which is slow without an index on it (Diagnose says so).
func (d *Directory) Users(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.User, error] {
	return rows(ctx, d, placeUsers, d.users, sel, asUser)
}

func asUser(r *record) (rightful.User, bool) {
	u := rightful.User{
		ID:            r.id("id"),
		Email:         r.id("email"),
		EmailVerified: r.flag("email_verified", false),
		Inactive:      !r.flag("is_active", true),
		CompanyID:     r.id("company_id"),
	}
	return u, u.ID != ""
}

// Memberships implements rightful.DirectoryReader. A row without user or
// company ties nothing and is left out.
func (d *Directory) Memberships(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.Membership, error] {
	return rows(ctx, d, placeMemberships, d.memberships, sel, asMembership)
}

func asMembership(r *record) (rightful.Membership, bool) {
	m := rightful.Membership{
		UserID:    r.id("user_id"),
		CompanyID: r.id("company_id"),
		Role:      r.text("role"),
		JoinedAt:  r.time("joined_at"),
		LeftAt:    r.time("left_at"),
	}
	return m, m.UserID != "" && m.CompanyID != ""
}

// SubscriptionRows implements rightful.DirectoryReader.
func (d *Directory) SubscriptionRows(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.SubscriptionRow, error] {
	return rows(ctx, d, placeSubscriptions, d.subscriptions, sel, asSubscriptionRow)
}

func asSubscriptionRow(r *record) (rightful.SubscriptionRow, bool) {
	s := rightful.SubscriptionRow{
		ID:                   r.id("id"),
		CompanyID:            r.id("company_id"),
		StripeCustomerID:     r.id("stripe_customer_id"),
		StripeSubscriptionID: r.id("stripe_subscription_id"),
		Status:               r.text("status"),
		StripeAccount:        r.text("stripe_account"),
	}
	return s, s.ID != ""
}

// Links implements rightful.DirectoryReader. A row without company or customer
// links nothing and is left out.
func (d *Directory) Links(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.Link, error] {
	return rows(ctx, d, placeLinks, d.links, sel, asLink)
}

func asLink(r *record) (rightful.Link, bool) {
	l := rightful.Link{CompanyID: r.id("company_id"), StripeCustomerID: r.id("stripe_customer_id"), StripeAccount: r.text("stripe_account")}
	return l, l.CompanyID != "" && l.StripeCustomerID != ""
}
