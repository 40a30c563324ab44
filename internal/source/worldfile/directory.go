package worldfile

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"rightful"
)

// database is the db section.
type database struct {
	mapping     rightful.Mapping
	companies   []rightful.Company
	users       []rightful.User
	memberships []rightful.Membership
	rows        []rightful.SubscriptionRow
	links       []rightful.Link
	resolved    map[string]rightful.Resolution // by canonical user id; nil: the world records no answers
}

// readDatabase parses the tables. Tables that rightful does not know are left
// alone.
func (w *World) readDatabase(tables map[string]list) error {
	db := &w.db
	has := func(r *row, column string) bool { _, ok := r.columns[column]; return ok }
	readers := map[string]func(*row) string{ // each returns the required column that is missing
		"companies": func(r *row) string {
			c := rightful.Company{
				ID: r.text("id"), Name: r.text("name"), OwnerUserID: r.text("owner_user_id"),
				StripeCustomerID: r.text("stripe_customer_id"), MergedInto: r.text("merged_into"),
				BillingParentID: r.text("billing_parent_id"), StampValue: r.text("stamp_value"),
				StripeAccount: r.text("stripe_account"),
			}
			c.DeletedAt, c.Deleted = r.deleted("deleted_at")
			db.companies = append(db.companies, c)
			db.mapping.Owner = db.mapping.Owner || has(r, "owner_user_id")
			db.mapping.LinkColumn = db.mapping.LinkColumn || has(r, "stripe_customer_id")
			return missing("id", c.ID)
		},
		"users": func(r *row) string {
			u := rightful.User{
				ID: r.text("id"), Email: r.text("email"), EmailVerified: r.truth("email_verified", false),
				Inactive: !r.truth("is_active", true), CompanyID: r.text("company_id"),
			}
			db.users = append(db.users, u)
			db.mapping.Direct = db.mapping.Direct || has(r, "company_id")
			return missing("id", u.ID)
		},
		"memberships": func(r *row) string {
			m := rightful.Membership{
				UserID: r.text("user_id"), CompanyID: r.text("company_id"), Role: r.text("role"),
				JoinedAt: r.time("joined_at"), LeftAt: r.time("left_at"),
			}
			db.memberships = append(db.memberships, m)
			return missing("user_id", m.UserID) + missing("company_id", m.CompanyID)
		},
		"subscriptions": func(r *row) string {
			db.rows = append(db.rows, subscriptionRow(r))
			return ""
		},
		"links": func(r *row) string {
			db.links = append(db.links, rightful.Link{
				CompanyID: r.text("company_id"), StripeCustomerID: r.text("stripe_customer_id"), StripeAccount: r.text("stripe_account"),
			})
			return ""
		},
	}
	for table, read := range readers {
		seen := map[string]bool{}
		for i, element := range tables[table] {
			path := fmt.Sprintf("db.%s[%d]", table, i)
			r, err := parseRow(element.value)
			if err != nil {
				return w.errorAt(element.offset, path, err.Error())
			}
			if column := read(r); column != "" && r.err == nil {
				r.err = fmt.Errorf("%s is missing or empty", column)
			}
			id := rightful.CanonicalID(r.text("id"))
			if seen[id] && r.err == nil && (table == "companies" || table == "users") {
				r.err = fmt.Errorf("id %q stands in the table twice", id)
			}
			seen[id] = true
			if r.err != nil {
				return w.errorAt(element.offset, path, r.err.Error())
			}
		}
	}
	_, db.mapping.Memberships = tables["memberships"]
	_, db.mapping.SubscriptionRows = tables["subscriptions"]
	_, db.mapping.LinkTable = tables["links"]
	db.mapping.Link = db.mapping.LinkColumn || db.mapping.LinkTable
	return nil
}

func missing(column, value string) string {
	if value == "" {
		return column
	}
	return ""
}

// Directory returns the world's database. resolver is the configured way, empty
// for the default. A query cannot run on a file: without recorded answers it
// resolves nothing.
func (w *World) Directory(resolver rightful.Resolver) rightful.DirectoryReader {
	d := directory{db: &w.db, resolver: resolver}
	switch resolver {
	case rightful.ResolverNone:
		d.resolver = w.db.mapping.DefaultResolver()
	case rightful.ResolverSQL:
		if w.db.resolved == nil {
			d.resolver = rightful.ResolverNone
		}
	}
	return d
}

// directory implements rightful.DirectoryReader. It sees what is written into
// the world.
type directory struct {
	db       *database
	resolver rightful.Resolver
}

// Mapping tells a column that no row has from one that is empty.
func (d directory) Mapping() rightful.Mapping {
	m := d.db.mapping
	m.Resolver = d.resolver
	return m
}

// Companies yields the companies that sel picks.
func (d directory) Companies(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.Company, error] {
	return pick(ctx, d.db.companies, sel, map[rightful.Column]func(rightful.Company) string{
		rightful.ByID:             func(c rightful.Company) string { return c.ID },
		rightful.ByOwner:          func(c rightful.Company) string { return c.OwnerUserID },
		rightful.ByStripeCustomer: func(c rightful.Company) string { return c.StripeCustomerID },
		rightful.ByStampValue:     func(c rightful.Company) string { return c.StampValue },
		rightful.ByBillingParent:  func(c rightful.Company) string { return c.BillingParentID },
		rightful.ByMergedInto:     func(c rightful.Company) string { return c.MergedInto },
	})
}

// Users yields the users that sel picks.
func (d directory) Users(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.User, error] {
	return pick(ctx, d.db.users, sel, map[rightful.Column]func(rightful.User) string{
		rightful.ByID:      func(u rightful.User) string { return u.ID },
		rightful.ByEmail:   func(u rightful.User) string { return u.Email },
		rightful.ByCompany: func(u rightful.User) string { return u.CompanyID },
	})
}

// Memberships yields the memberships that sel picks.
func (d directory) Memberships(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.Membership, error] {
	return pick(ctx, d.db.memberships, sel, map[rightful.Column]func(rightful.Membership) string{
		rightful.ByUser:    func(m rightful.Membership) string { return m.UserID },
		rightful.ByCompany: func(m rightful.Membership) string { return m.CompanyID },
	})
}

// SubscriptionRows yields the subscription rows that sel picks. An empty one, as one
// that was taken away leaves it, is left out.
func (d directory) SubscriptionRows(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.SubscriptionRow, error] {
	rows, empty := d.db.rows, rightful.SubscriptionRow{}
	if slices.Contains(rows, empty) {
		rows = slices.DeleteFunc(slices.Clone(rows), func(r rightful.SubscriptionRow) bool { return r == empty })
	}
	return pick(ctx, rows, sel, map[rightful.Column]func(rightful.SubscriptionRow) string{
		rightful.ByID:                 func(r rightful.SubscriptionRow) string { return r.ID },
		rightful.ByCompany:            func(r rightful.SubscriptionRow) string { return r.CompanyID },
		rightful.ByStripeCustomer:     func(r rightful.SubscriptionRow) string { return r.StripeCustomerID },
		rightful.ByStripeSubscription: func(r rightful.SubscriptionRow) string { return r.StripeSubscriptionID },
	})
}

// Links yields the rows of the links table that sel picks. A row without company
// or customer, as a removed link leaves it, links nothing and is left out.
func (d directory) Links(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.Link, error] {
	links := slices.DeleteFunc(slices.Clone(d.db.links), func(l rightful.Link) bool { return l.CompanyID == "" || l.StripeCustomerID == "" })
	return pick(ctx, links, sel, map[rightful.Column]func(rightful.Link) string{
		rightful.ByCompany:        func(l rightful.Link) string { return l.CompanyID },
		rightful.ByStripeCustomer: func(l rightful.Link) string { return l.StripeCustomerID },
	})
}

// Resolve returns the recorded answer, and none for a user without one. A world
// that records none at all states them through the other ways.
func (d directory) Resolve(ctx context.Context, userID string) (rightful.Resolution, error) {
	if d.db.resolved != nil {
		return d.db.resolved[rightful.CanonicalID(userID)], ctx.Err()
	}
	return rightful.Resolution{}, &rightful.Error{
		Kind:    rightful.KindUnavailable,
		Place:   "directory.resolve",
		Message: "a world file cannot run a resolver query",
		Hint:    "set resolve to direct, owner or membership in the world's config, or record its answers in resolved",
	}
}

// pick yields the rows whose column is one of the selected values.
func pick[T any](ctx context.Context, rows []T, sel rightful.Select, columns map[rightful.Column]func(T) string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		if err := ctx.Err(); err != nil {
			yield(zero, err)
			return
		}
		column, known := columns[sel.By]
		if sel.By != "" && !known {
			return
		}
		canonical := rightful.CanonicalID
		if sel.By == rightful.ByEmail {
			canonical = strings.ToLower
		}
		wanted := map[string]bool{}
		for _, v := range sel.Values {
			wanted[canonical(v)] = v != "" // empty ids match nothing
		}
		for _, r := range rows {
			if sel.By != "" && !wanted[canonical(column(r))] {
				continue
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}
