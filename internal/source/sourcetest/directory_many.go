package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"rightful"
)

// testMany: what is asked together is answered as if it were asked alone.
func testMany(t *testing.T, k IDs, open openDirectory) {
	rows := small(k)
	for i := range 600 { // more than one statement takes
		rows.Companies = append(rows.Companies, rightful.Company{ID: k.id(1000 + i), OwnerUserID: k.id(9)})
	}
	d := open(t, rows)
	var ids []string
	for _, c := range rows.Companies {
		ids = append(ids, c.ID)
	}
	selects := []rightful.Select{
		{By: rightful.ByID, Values: []string{k.id(4), k.id(7), k.id(404), k.id(1)}}, {By: rightful.ByID, Values: ids},
		{By: rightful.ByOwner, Values: []string{k.id(7)}}, {By: rightful.ByStripeCustomer, Values: []string{"cus_4", "cus_11"}},
		{By: rightful.ByStripeSubscription, Values: []string{"sub_1"}}, {By: rightful.ByEmail, Values: []string{"ANN@example.com", "bob.builder@example.com"}},
		{By: rightful.ByUser, Values: []string{k.id(7), k.id(8)}}, {By: rightful.ByCompany, Values: []string{k.id(11)}},
		{By: rightful.ByStampValue, Values: []string{"four"}}, {By: rightful.ByID}, {By: rightful.ByID, Values: []string{""}},
		{By: "no_such_column", Values: []string{"4"}}, {By: rightful.ByID, Values: oddTexts()}, {By: rightful.ByStripeCustomer, Values: append(oddTexts(), "cus_4")},
	}
	q := rightful.DirectoryQuestion{Companies: selects, Users: selects, Memberships: selects, SubscriptionRows: selects, Links: selects}
	a, err := rightful.ReadMany(t.Context(), d, q)
	if err != nil {
		t.Fatal(err)
	}
	for i, sel := range selects {
		t.Run(fmt.Sprintf("%d %s", i, sel.By), func(t *testing.T) {
			same(t, DirectoryRows{
				Companies: a.Companies[i], Users: a.Users[i], Memberships: a.Memberships[i], Subscriptions: a.SubscriptionRows[i], Links: a.Links[i],
			}, read(t, d, sel))
		})
	}
	one, err := rightful.ReadMany(t.Context(), d, rightful.DirectoryQuestion{Users: selects[:1]})
	if err != nil || len(one.Users) != 1 || one.Companies != nil || one.Resolutions != nil {
		t.Errorf("users alone: %+v, %v", one, err)
	}
	compare(t, "users", one.Users[0], rows.Users[:1])
	if none, err := rightful.ReadMany(t.Context(), d, rightful.DirectoryQuestion{}); err != nil || len(none.Users) > 0 {
		t.Errorf("nothing: %+v, %v", none, err)
	}
	for i, whole := range []rightful.DirectoryQuestion{
		{Companies: []rightful.Select{selects[0], {}}}, {Users: []rightful.Select{{}}}, {Memberships: []rightful.Select{{}}},
		{SubscriptionRows: []rightful.Select{{}}}, {Links: []rightful.Select{{}}},
	} {
		if _, err := rightful.ReadMany(t.Context(), d, whole); rightful.KindOf(err) != rightful.KindInvalid {
			t.Errorf("whole table %d: %v", i, err)
		}
		if many, ok := d.(rightful.ManyReader); ok {
			if _, err := many.ReadMany(t.Context(), whole); rightful.KindOf(err) != rightful.KindInvalid {
				t.Errorf("whole table %d: %v", i, err)
			}
		}
	}
	// A resolver is a query of one app's; without one, who asks is told so.
	_, alone := d.Resolve(t.Context(), k.id(7))
	if _, err := rightful.ReadMany(t.Context(), d, rightful.DirectoryQuestion{Resolve: []string{k.id(7)}}); rightful.KindOf(err) != rightful.KindOf(alone) {
		t.Errorf("resolving: %v, and alone %v", err, alone)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := rightful.ReadMany(ctx, d, q); !errors.Is(err, context.Canceled) {
		t.Errorf("called off: %v", err)
	}
}
