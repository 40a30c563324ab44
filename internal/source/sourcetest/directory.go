// Package sourcetest holds one conformance suite per port of package rightful.
// Every source runs the suite of the port that it implements, so that a world
// file, an app's database and Stripe cannot differ in what they promise.
package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"rightful"
)

// openDirectory makes a reader of the rows. It skips the test when the source
// cannot hold ids of that kind.
type openDirectory = func(t *testing.T, rows DirectoryRows) rightful.DirectoryReader

// TestDirectory checks that a reader keeps the contract of
// rightful.DirectoryReader.
func TestDirectory(t *testing.T, open func(t *testing.T, rows DirectoryRows) rightful.DirectoryReader) {
	for _, kind := range []IDs{IDsNumbers, IDsUUIDs, IDsText} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			for name, test := range map[string]func(*testing.T, IDs, openDirectory){
				"whole tables":      testWholeTables,
				"selects":           testSelects,
				"what is not there": testNothing,
				"odd ids":           testOddIDs,
				"emails":            testEmails,
				"many rows":         testManyRows,
				"mapping":           testMapping,
				"cancellation":      testCancellation,
				"stops when told":   testStops,
				"side by side":      testConcurrent,
				"many at once":      testMany,
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, kind, open)
				})
			}
		})
	}
	t.Run("uuids in any case", func(t *testing.T) { t.Parallel(); testUUIDCase(t, open) })
	t.Run("odd ids as ids", func(t *testing.T) { t.Parallel(); testStoredOddIDs(t, open) })
}

func testWholeTables(t *testing.T, k IDs, open openDirectory) {
	rows := small(k)
	same(t, read(t, open(t, rows), rightful.Select{}), rows)
}

func testSelects(t *testing.T, k IDs, open openDirectory) {
	all := small(k)
	d := open(t, all)
	unknown := k.id(404)
	for _, test := range []struct {
		by     rightful.Column
		values []string
		want   DirectoryRows
	}{
		{rightful.ByID, []string{k.id(4), unknown}, DirectoryRows{
			Companies: all.Companies[:1], Subscriptions: all.Subscriptions[3:],
		}},
		{rightful.ByID, []string{k.id(7), k.id(9), k.id(7)}, DirectoryRows{
			Users: []rightful.User{all.Users[0], all.Users[2]},
		}},
		{rightful.ByOwner, []string{k.id(7)}, DirectoryRows{
			Companies: []rightful.Company{all.Companies[0], all.Companies[2]},
		}},
		{rightful.ByStripeCustomer, []string{"cus_4"}, DirectoryRows{
			Companies:     []rightful.Company{all.Companies[0], all.Companies[2]},
			Subscriptions: all.Subscriptions[:1],
			Links:         []rightful.Link{all.Links[0], all.Links[2]},
		}},
		{rightful.ByStripeSubscription, []string{"sub_1"}, DirectoryRows{
			Subscriptions: []rightful.SubscriptionRow{all.Subscriptions[0], all.Subscriptions[2]},
		}},
		{rightful.ByEmail, []string{"ann@example.com"}, DirectoryRows{Users: all.Users[:1]}},
		{rightful.ByUser, []string{k.id(7)}, DirectoryRows{Memberships: all.Memberships[:3]}},
		{rightful.ByUser, []string{k.id(8), unknown}, DirectoryRows{Memberships: all.Memberships[3:]}},
		{rightful.ByCompany, []string{k.id(11)}, DirectoryRows{
			Users: all.Users[1:3], Memberships: all.Memberships[1:], Subscriptions: all.Subscriptions[1:3], Links: all.Links[2:],
		}},
		{rightful.ByStampValue, []string{"four"}, DirectoryRows{Companies: all.Companies[:1]}},
	} {
		t.Run(fmt.Sprint(test.by, test.values), func(t *testing.T) {
			same(t, read(t, d, rightful.Select{By: test.by, Values: test.values}), test.want)
		})
	}
}

func testNothing(t *testing.T, k IDs, open openDirectory) {
	d := open(t, small(k))
	for _, by := range []rightful.Column{
		rightful.ByID, rightful.ByOwner, rightful.ByStripeCustomer, rightful.ByStripeSubscription, rightful.ByEmail,
		rightful.ByUser, rightful.ByCompany, rightful.ByStampValue, "no_such_column", "id = id OR id",
	} {
		for _, values := range [][]string{nil, {}, {""}, {"", ""}, {k.id(404)}, {"nobody@example.com"}} {
			if got := read(t, d, rightful.Select{By: by, Values: values}); !got.empty() {
				t.Errorf("%s %q found %+v", by, values, got)
			}
		}
	}
	t.Run("empty tables", func(t *testing.T) {
		empty := DirectoryRows{
			IDs: k, Companies: []rightful.Company{}, Users: []rightful.User{}, Memberships: []rightful.Membership{},
			Subscriptions: []rightful.SubscriptionRow{}, Links: []rightful.Link{},
		}
		same(t, read(t, open(t, empty), rightful.Select{}), DirectoryRows{})
	})
}

func testEmails(t *testing.T, k IDs, open openDirectory) {
	all := small(k)
	d := open(t, all)
	for _, test := range []struct {
		values []string
		want   []rightful.User
	}{
		{[]string{"ANN@example.com"}, all.Users[:1]},
		{[]string{"bob.builder@example.com"}, all.Users[1:2]},
		{[]string{"Bob.Builder@Example.com"}, all.Users[1:2]},
		{[]string{"BOB.BUILDER@EXAMPLE.COM", "bob.builder@example.com"}, all.Users[1:2]},
		{[]string{"Carol@Example.com", "nobody@example.com", "bob.BUILDER@example.com", "ann@example.com"}, all.Users[:3]},
		{[]string{"ann@example.co", "ann@example.com ", "nn@example.com", "ann%", "_nn@example.com"}, nil},
	} {
		same(t, read(t, d, rightful.Select{By: rightful.ByEmail, Values: test.values}), DirectoryRows{Users: test.want})
	}
	// One person in two spellings: each way to ask finds both.
	twice := DirectoryRows{IDs: k, Companies: []rightful.Company{}, Users: []rightful.User{
		{ID: k.id(7), Email: "dora@example.com"}, {ID: k.id(8), Email: "DORA@Example.com"}, {ID: k.id(9), Email: "dora@example.org"},
	}}
	d = open(t, twice)
	for _, values := range [][]string{
		{"dora@example.com"}, {"DORA@Example.com"}, {"Dora@EXAMPLE.com"}, {"dora@example.com", "DORA@Example.com", "x@example.com"},
	} {
		same(t, read(t, d, rightful.Select{By: rightful.ByEmail, Values: values}), DirectoryRows{Users: twice.Users[:2]})
	}
}

func testMapping(t *testing.T, k IDs, open openDirectory) {
	full := small(k)
	for name, drop := range map[string]func(*DirectoryRows){
		"everything":       func(*DirectoryRows) {},
		"no owner":         func(r *DirectoryRows) { r.Owner = false },
		"no direct":        func(r *DirectoryRows) { r.Direct = false },
		"no users":         func(r *DirectoryRows) { r.Users, r.Direct = nil, false },
		"no memberships":   func(r *DirectoryRows) { r.Memberships = nil },
		"no subscriptions": func(r *DirectoryRows) { r.Subscriptions = nil },
		"no link column":   func(r *DirectoryRows) { r.LinkColumn = false },
		"no links":         func(r *DirectoryRows) { r.LinkColumn, r.Links = false, nil },
		"owners only":      func(r *DirectoryRows) { r.Direct, r.Memberships = false, nil },
		"companies only": func(r *DirectoryRows) {
			*r = DirectoryRows{IDs: k, Companies: []rightful.Company{{ID: k.id(4), Name: "Four"}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows := full
			rows.Companies, rows.Users = slices.Clone(full.Companies), slices.Clone(full.Users)
			drop(&rows)
			for i := range rows.Companies {
				if !rows.Owner {
					rows.Companies[i].OwnerUserID = ""
				}
				if !rows.LinkColumn {
					rows.Companies[i].StripeCustomerID = ""
				}
			}
			for i := range rows.Users {
				if !rows.Direct {
					rows.Users[i].CompanyID = ""
				}
			}
			d := open(t, rows)
			if diff := gocmp.Diff(rows.Mapping(), d.Mapping()); diff != "" {
				t.Errorf("mapping (-want +got):\n%s", diff)
			}
			same(t, read(t, d, rightful.Select{}), rows)
			if got := read(t, d, rightful.Select{By: rightful.ByOwner, Values: []string{k.id(7)}}); !rows.Owner && !got.empty() {
				t.Errorf("without owners, a select by owner found %+v", got)
			}
		})
	}
}

func testCancellation(t *testing.T, k IDs, open openDirectory) {
	d := open(t, small(k))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, sel := range []rightful.Select{
		{},
		{By: rightful.ByID, Values: []string{k.id(4)}},
		{By: rightful.ByCompany, Values: []string{k.id(4)}},
		{By: rightful.ByEmail, Values: []string{"ann@example.com"}},
	} {
		check := func(noun string, rows int, err error) {
			t.Helper()
			if rows != 0 || err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("%s by %q: %d rows and error %v; want context.Canceled", noun, sel.By, rows, err)
			}
			if err == nil && sel.By == "" {
				t.Errorf("%s: no error; want context.Canceled", noun)
			}
		}
		_, n, err := drain(d.Companies(ctx, sel))
		check("companies", n, err)
		_, n, err = drain(d.Users(ctx, sel))
		check("users", n, err)
		_, n, err = drain(d.Memberships(ctx, sel))
		check("memberships", n, err)
		_, n, err = drain(d.SubscriptionRows(ctx, sel))
		check("subscription rows", n, err)
		_, n, err = drain(d.Links(ctx, sel))
		check("links", n, err)
	}
}

func testStops(t *testing.T, k IDs, open openDirectory) {
	d := open(t, small(k))
	for _, sel := range []rightful.Select{{}, {By: rightful.ByID, Values: []string{k.id(4), k.id(11), k.id(12)}}} {
		seen := 0
		for _, err := range d.Companies(t.Context(), sel) {
			if err != nil {
				t.Fatal(err)
			}
			seen++
			if seen == 2 {
				break
			}
		}
		if seen != 2 {
			t.Errorf("got %d companies, want to have stopped at 2", seen)
		}
	}
	// Nothing that was begun may stand in the way of the next read.
	same(t, read(t, d, rightful.Select{}), small(k))
}

func testConcurrent(t *testing.T, k IDs, open openDirectory) {
	all := small(k)
	d := open(t, all)
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			for c, err := range d.Companies(t.Context(), rightful.Select{}) {
				if err != nil {
					t.Error(err)
					return
				}
				// A read inside a read, as a caller that joins does it.
				for _, err := range d.Memberships(t.Context(), rightful.Select{By: rightful.ByCompany, Values: []string{c.ID}}) {
					if err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wait.Wait()
}
