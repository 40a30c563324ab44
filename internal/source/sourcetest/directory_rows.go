package sourcetest

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"rightful"
)

// IDs says what the app's own ids are in a fixture.
type IDs string

// The kinds of ids. A source that cannot hold one skips the test (t.Skip).
const (
	IDsNumbers IDs = "numbers" // 1, 2, 3: a number column, or text
	IDsUUIDs   IDs = "uuids"   // lower-case UUIDs: a UUID column, or text
	IDsText    IDs = "text"    // anything, odd things among it
)

// DirectoryRows is what an app's database holds. A nil slice means that the app
// has no such table, an empty one that the table is empty. Zero values stand
// for NULL. A company that is Deleted at 0 is marked by a flag without a time.
type DirectoryRows struct {
	IDs IDs
	// The columns that the app has at all.
	Owner      bool // companies have owner_user_id
	LinkColumn bool // companies have stripe_customer_id
	Direct     bool // users have company_id

	Companies     []rightful.Company
	Users         []rightful.User
	Memberships   []rightful.Membership
	Subscriptions []rightful.SubscriptionRow
	Links         []rightful.Link
}

// Mapping returns the facts that the rows can state.
func (r DirectoryRows) Mapping() rightful.Mapping {
	m := rightful.Mapping{
		Owner:            r.Owner,
		Direct:           r.Direct,
		Memberships:      r.Memberships != nil,
		SubscriptionRows: r.Subscriptions != nil,
		Link:             r.LinkColumn || r.Links != nil,
		LinkTable:        r.Links != nil,
		LinkColumn:       r.LinkColumn,
	}
	m.Resolver = m.DefaultResolver()
	return m
}

// id returns the n-th id of a kind.
func (k IDs) id(n int) string {
	switch k {
	case IDsNumbers:
		return fmt.Sprint(n)
	case IDsUUIDs:
		return fmt.Sprintf("%08x-beef-4abc-8def-%012x", n, n)
	}
	return fmt.Sprintf("t_%d", n)
}

// small returns a fixture in which every field of every noun is set somewhere
// and empty elsewhere.
func small(k IDs) DirectoryRows {
	return DirectoryRows{
		IDs: k, Owner: true, LinkColumn: true, Direct: true,
		Companies: []rightful.Company{
			{ID: k.id(4), Name: "Four", OwnerUserID: k.id(7), StripeCustomerID: "cus_4", StampValue: "four"},
			{ID: k.id(11), Name: `Eleven "& Sons"`, OwnerUserID: k.id(8), BillingParentID: k.id(4), StripeAccount: "acct_b"},
			{ID: k.id(12), OwnerUserID: k.id(7), StripeCustomerID: "cus_4"},
			{ID: k.id(13), Deleted: true, DeletedAt: 1_700_000_000},
			{ID: k.id(14), Deleted: true},
			{ID: k.id(15), MergedInto: k.id(11)},
		},
		Users: []rightful.User{
			{ID: k.id(7), Email: "ann@example.com", EmailVerified: true, CompanyID: k.id(4)},
			{ID: k.id(8), Email: "Bob.Builder@Example.com", CompanyID: k.id(11)},
			{ID: k.id(9), Email: "carol@example.com", Inactive: true, CompanyID: k.id(11)},
			{ID: k.id(10)},
		},
		Memberships: []rightful.Membership{
			{UserID: k.id(7), CompanyID: k.id(4), Role: "owner", JoinedAt: 1_600_000_000},
			{UserID: k.id(7), CompanyID: k.id(11), Role: "member", JoinedAt: 1_600_000_000, LeftAt: 1_650_000_000},
			{UserID: k.id(7), CompanyID: k.id(11), Role: "admin", JoinedAt: 1_660_000_000},
			{UserID: k.id(8), CompanyID: k.id(11)},
		},
		Subscriptions: []rightful.SubscriptionRow{
			{ID: k.id(1), CompanyID: k.id(4), StripeCustomerID: "cus_4", StripeSubscriptionID: "sub_1", Status: "active"},
			{ID: k.id(2), CompanyID: k.id(11), StripeCustomerID: "cus_11", StripeSubscriptionID: "sub_2", Status: "canceled", StripeAccount: "acct_b"},
			{ID: k.id(3), CompanyID: k.id(11), StripeSubscriptionID: "sub_1"},
			{ID: k.id(4)},
		},
		Links: []rightful.Link{
			{CompanyID: k.id(4), StripeCustomerID: "cus_4"},
			{CompanyID: k.id(4), StripeCustomerID: "cus_5", StripeAccount: "acct_b"},
			{CompanyID: k.id(11), StripeCustomerID: "cus_4"},
		},
	}
}

// read returns everything that the selection finds in any table.
func read(t *testing.T, d rightful.DirectoryReader, sel rightful.Select) DirectoryRows {
	t.Helper()
	ctx := t.Context()
	return DirectoryRows{
		Companies:     collect(t, d.Companies(ctx, sel)),
		Users:         collect(t, d.Users(ctx, sel)),
		Memberships:   collect(t, d.Memberships(ctx, sel)),
		Subscriptions: collect(t, d.SubscriptionRows(ctx, sel)),
		Links:         collect(t, d.Links(ctx, sel)),
	}
}

func collect[T any](t *testing.T, rows iter.Seq2[T, error]) []T {
	t.Helper()
	all, _, err := drain(rows)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// drain reads to the end: the rows, their number without an error's, and the
// error.
func drain[T any](rows iter.Seq2[T, error]) (all []T, n int, err error) {
	for row, e := range rows {
		if e != nil {
			err = e
			continue
		}
		all = append(all, row)
	}
	return all, len(all), err
}

func (r DirectoryRows) empty() bool {
	return len(r.Companies)+len(r.Users)+len(r.Memberships)+len(r.Subscriptions)+len(r.Links) == 0
}

// same compares rows without regard to order: none is promised.
func same(t *testing.T, got, want DirectoryRows) {
	t.Helper()
	compare(t, "companies", got.Companies, want.Companies)
	compare(t, "users", got.Users, want.Users)
	compare(t, "memberships", got.Memberships, want.Memberships)
	compare(t, "subscription rows", got.Subscriptions, want.Subscriptions)
	compare(t, "links", got.Links, want.Links)
}

func compare[T any](t *testing.T, noun string, got, want []T) {
	t.Helper()
	sorted := func(rows []T) []T {
		return slices.SortedFunc(slices.Values(rows), func(a, b T) int {
			return cmp.Compare(fmt.Sprintf("%+v", a), fmt.Sprintf("%+v", b))
		})
	}
	if diff := gocmp.Diff(sorted(want), sorted(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", noun, diff)
	}
}
