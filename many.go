package rightful

import (
	"context"
	"fmt"
	"iter"
)

// DirectoryQuestion asks for several things of the app's database at once. Every
// Select names a column: whole tables are read one at a time.
type DirectoryQuestion struct {
	Companies        []Select
	Users            []Select
	Memberships      []Select
	SubscriptionRows []Select
	Links            []Select
	Resolve          []string // ids of users, for the app's own resolver query
}

// DirectoryAnswer holds what a DirectoryQuestion asked for: one element for each
// Select and each user, in the same order.
type DirectoryAnswer struct {
	Companies        [][]Company
	Users            [][]User
	Memberships      [][]Membership
	SubscriptionRows [][]SubscriptionRow
	Links            [][]Link
	Resolutions      []Resolution
}

// ManyReader is a DirectoryReader that answers several questions on one way, where
// asking one by one would take a way each.
type ManyReader interface {
	// ReadMany returns what single reads would, all of one moment, or the first
	// error. Errors are those of DirectoryReader, and of kind invalid for a Select
	// without a column.
	ReadMany(ctx context.Context, q DirectoryQuestion) (DirectoryAnswer, error)
}

// ReadMany asks d everything at once if it is a ManyReader, else one by one: then
// the answers may be of different moments.
func ReadMany(ctx context.Context, d DirectoryReader, q DirectoryQuestion) (DirectoryAnswer, error) {
	if err := q.Check(); err != nil {
		return DirectoryAnswer{}, err
	}
	if many, ok := d.(ManyReader); ok {
		return many.ReadMany(ctx, q)
	}
	var a DirectoryAnswer
	err := readEach(ctx, &a.Companies, q.Companies, d.Companies)
	if err == nil {
		err = readEach(ctx, &a.Users, q.Users, d.Users)
	}
	if err == nil {
		err = readEach(ctx, &a.Memberships, q.Memberships, d.Memberships)
	}
	if err == nil {
		err = readEach(ctx, &a.SubscriptionRows, q.SubscriptionRows, d.SubscriptionRows)
	}
	if err == nil {
		err = readEach(ctx, &a.Links, q.Links, d.Links)
	}
	for _, user := range q.Resolve {
		if err != nil {
			break
		}
		var r Resolution
		r, err = d.Resolve(ctx, user)
		a.Resolutions = append(a.Resolutions, r)
	}
	if err != nil {
		return DirectoryAnswer{}, err
	}
	return a, nil
}

// Check returns an error of kind invalid if the question asks for a whole table.
func (q DirectoryQuestion) Check() error {
	for noun, selects := range map[string][]Select{
		"companies": q.Companies, "users": q.Users, "memberships": q.Memberships, "subscription rows": q.SubscriptionRows, "links": q.Links,
	} {
		for _, sel := range selects {
			if sel.By == "" {
				return &Error{Kind: KindInvalid, Place: "directory", Message: fmt.Sprintf("all %s cannot be asked for among other things", noun)}
			}
		}
	}
	return nil
}

func readEach[T any](ctx context.Context, into *[][]T, selects []Select, read func(context.Context, Select) iter.Seq2[T, error]) error {
	for _, sel := range selects {
		var rows []T
		for row, err := range read(ctx, sel) {
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
		*into = append(*into, rows)
	}
	return nil
}
