package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"rightful"
)

// StripeKeys are the identity keys with which TestStripe wants its readers
// opened.
func StripeKeys() rightful.KeySet {
	return rightful.KeySet{Company: "company_id", AlsoRead: []string{"org_id"}, User: "user_id", Ownership: "app"}
}

// stripeAccount is the account of every world of TestStripe.
const stripeAccount = "acct_1Conformance"

// oddIDs name no object of Stripe's, in every way a database can hold nonsense.
var oddIDs = []string{
	"cus_a/b", "cus_a/../b", "../customers", "cus?limit=1", "cus_1#x", "cus_%2F", "cus 1", `cus_"1"`, "cus_'1'", `cus_\1`,
	"cus_é", "cus_😀", "pending_1", "0", strings.Repeat("c", 300),
}

// TestStripe checks the contract of rightful.StripeReader. open returns a
// reader, with the keys of StripeKeys, of the account that a world file
// describes, at the time that the world file calls now.
func TestStripe(t *testing.T, open func(t *testing.T, world []byte) rightful.StripeReader) {
	t.Run("account", func(t *testing.T) {
		for _, livemode := range []bool{true, false} {
			got, err := open(t, smallWorld(t, livemode)).Account(t.Context())
			want := rightful.Account{ID: stripeAccount, Livemode: livemode, LivemodeKnown: true}
			if err != nil || got != want {
				t.Errorf("got %+v, %v; want %+v", got, err, want)
			}
		}
	})
	t.Run("list", func(t *testing.T) { testStripeList(t, open(t, smallWorld(t, true))) })
	t.Run("pages", func(t *testing.T) { testStripePages(t, open) })
	t.Run("get", func(t *testing.T) { testStripeGet(t, open(t, smallWorld(t, true))) })
	t.Run("fields", func(t *testing.T) { testStripeFields(t, open) })
	t.Run("events", func(t *testing.T) { testStripeEvents(t, open) })
	t.Run("endpoints", func(t *testing.T) { testStripeEndpoints(t, open) })
	t.Run("search", func(t *testing.T) { testStripeSearch(t, open(t, smallWorld(t, true))) })
	t.Run("cancellation", func(t *testing.T) { testStripeCancellation(t, open) })
}

// all reads a list to its end.
func all(ctx context.Context, r rightful.StripeReader, q rightful.ListQuery) (objects []rightful.Object, err error) {
	for o, err := range r.List(ctx, q) {
		if err != nil {
			return objects, err
		}
		objects = append(objects, o)
	}
	return objects, nil
}

func testStripeList(t *testing.T, r rightful.StripeReader) {
	const (
		customers     = rightful.TypeCustomer
		sessions      = rightful.TypeSession
		subscriptions = rightful.TypeSubscription
		intents       = rightful.TypePaymentIntent
		schedules     = rightful.TypeSchedule
		invoices      = rightful.TypeInvoice
		charges       = rightful.TypeCharge
		methods       = rightful.TypePaymentMethod
	)
	tests := []struct {
		name string
		q    rightful.ListQuery
		want string // ids, newest first
	}{
		{"customers, deleted ones not", rightful.ListQuery{Type: customers}, "cus_new cus_mid cus_old"},
		{"customers by email, case counts", rightful.ListQuery{Type: customers, Email: "ann@example.com"}, "cus_old"},
		{"customers by an email of nobody", rightful.ListQuery{Type: customers, Email: "x@example.com"}, ""},
		{"customers from, included", rightful.ListQuery{Type: customers, CreatedFrom: 2000}, "cus_new cus_mid"},
		{"customers to, excluded", rightful.ListQuery{Type: customers, CreatedTo: 2000}, "cus_old"},
		{"customers of one second", rightful.ListQuery{Type: customers, CreatedFrom: 2000, CreatedTo: 2001}, "cus_mid"},
		{"customers of no time", rightful.ListQuery{Type: customers, CreatedFrom: 2000, CreatedTo: 2000}, ""},
		{"sessions of every status", rightful.ListQuery{Type: sessions}, "cs_3 cs_2 cs_1"},
		{"sessions by customer", rightful.ListQuery{Type: sessions, StripeCustomerID: "cus_mid"}, "cs_3 cs_1"},
		{"sessions by customer and time", rightful.ListQuery{Type: sessions, StripeCustomerID: "cus_mid", CreatedTo: 2300}, "cs_1"},
		{"sessions by email", rightful.ListQuery{Type: sessions, Email: "bob@example.com"}, "cs_2"},
		{"sessions by subscription", rightful.ListQuery{Type: sessions, SubscriptionID: "sub_active"}, "cs_1"},
		{"sessions by payment intent", rightful.ListQuery{Type: sessions, PaymentIntentID: "pi_1"}, "cs_2"},
		{"subscriptions of every status", rightful.ListQuery{Type: subscriptions}, "sub_trialing sub_incomplete sub_active sub_canceled sub_gone"},
		{"subscriptions by customer", rightful.ListQuery{Type: subscriptions, StripeCustomerID: "cus_mid"}, "sub_active sub_canceled"},
		{"intents", rightful.ListQuery{Type: intents}, "pi_2 pi_1"},
		{"intents by customer", rightful.ListQuery{Type: intents, StripeCustomerID: "cus_mid"}, "pi_2"},
		{"schedules of every status", rightful.ListQuery{Type: schedules}, "sub_sched_2 sub_sched_1"},
		{"schedules by customer", rightful.ListQuery{Type: schedules, StripeCustomerID: "cus_mid"}, "sub_sched_1"},
		{"schedules from, included", rightful.ListQuery{Type: schedules, CreatedFrom: 3110}, "sub_sched_2"},
		{"invoices of every status", rightful.ListQuery{Type: invoices}, "in_3 in_2 in_1"},
		{"invoices by customer", rightful.ListQuery{Type: invoices, StripeCustomerID: "cus_mid"}, "in_2 in_1"},
		{"invoices by customer and time", rightful.ListQuery{Type: invoices, StripeCustomerID: "cus_mid", CreatedTo: 2400}, "in_1"},
		{"charges", rightful.ListQuery{Type: charges}, "ch_2 ch_1"},
		{"charges by customer", rightful.ListQuery{Type: charges, StripeCustomerID: "cus_mid"}, "ch_2"},
		{"methods by customer", rightful.ListQuery{Type: methods, StripeCustomerID: "cus_mid"}, "pm_2 pm_1"},
		{"methods of a customer without any", rightful.ListQuery{Type: methods, StripeCustomerID: "cus_new"}, ""},
		{"schedules of a missing customer", rightful.ListQuery{Type: schedules, StripeCustomerID: "cus_missing"}, ""},
		{"invoices of a missing customer", rightful.ListQuery{Type: invoices, StripeCustomerID: "cus_missing"}, ""},
		{"charges of a missing customer", rightful.ListQuery{Type: charges, StripeCustomerID: "cus_missing"}, ""},
		{"methods of a missing customer", rightful.ListQuery{Type: methods, StripeCustomerID: "cus_missing"}, ""},
		{"sessions of a missing customer", rightful.ListQuery{Type: sessions, StripeCustomerID: "cus_missing"}, ""},
		{"subscriptions of a missing customer", rightful.ListQuery{Type: subscriptions, StripeCustomerID: "cus_missing"}, ""},
		{"intents of a missing customer", rightful.ListQuery{Type: intents, StripeCustomerID: "cus_missing"}, ""},
		{"sessions of an odd customer", rightful.ListQuery{Type: sessions, StripeCustomerID: oddIDs[0]}, ""},
		{"sessions of a missing subscription", rightful.ListQuery{Type: sessions, SubscriptionID: "sub_missing"}, ""},
		{"sessions of a missing intent", rightful.ListQuery{Type: sessions, PaymentIntentID: "pi_missing"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			objects, err := all(t.Context(), r, tt.q)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, o := range objects {
				ids = append(ids, o.ID)
				if o.Type != tt.q.Type || o.Account != stripeAccount || !o.Livemode || o.Deleted {
					t.Errorf("got %+v", o)
				}
			}
			if got := strings.Join(ids, " "); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// manyCustomers are n of one second, which no window can split, between one
// older and one newer.
func manyCustomers(n int) []any {
	customer := func(id string, created int) fields {
		return fields{"id": id, "object": "customer", "created": created}
	}
	list := []any{customer("cus_first", 1000)}
	for i := range n {
		list = append(list, customer(fmt.Sprintf("cus_%04d", i), 2000))
	}
	return append(list, customer("cus_last", 3000))
}

func testStripePages(t *testing.T, open func(*testing.T, []byte) rightful.StripeReader) {
	for _, n := range []int{98, 99, 198, 248, 250} {
		t.Run(fmt.Sprint(n+2), func(t *testing.T) {
			r := open(t, stripeWorld(t, true, fields{"customers": manyCustomers(n)}))
			objects, err := all(t.Context(), r, rightful.ListQuery{Type: rightful.TypeCustomer})
			if err != nil {
				t.Fatal(err)
			}
			if len(objects) != n+2 || objects[0].ID != "cus_last" || objects[n+1].ID != "cus_first" {
				t.Fatalf("got %d objects, want %d from cus_last to cus_first", len(objects), n+2)
			}
			if !slices.IsSortedFunc(objects, func(a, b rightful.Object) int { return int(b.Created - a.Created) }) {
				t.Error("not newest first")
			}
			ids := map[string]bool{}
			for _, o := range objects {
				ids[o.ID] = true
			}
			if len(ids) != n+2 {
				t.Errorf("%d objects came twice", n+2-len(ids))
			}
		})
	}
	t.Run("methods of nobody in particular", func(t *testing.T) {
		r := open(t, smallWorld(t, true))
		if objects, err := all(t.Context(), r, rightful.ListQuery{Type: rightful.TypePaymentMethod}); rightful.KindOf(err) != rightful.KindInvalid || len(objects) > 0 {
			t.Errorf("got %d objects, %v", len(objects), err)
		}
	})
	t.Run("stopping early", func(t *testing.T) {
		r := open(t, stripeWorld(t, true, fields{"customers": manyCustomers(150)}))
		for range 2 {
			for o, err := range r.List(t.Context(), rightful.ListQuery{Type: rightful.TypeCustomer}) {
				if err != nil || o.ID != "cus_last" {
					t.Errorf("got %s, %v", o.ID, err)
				}
				break
			}
		}
	})
}

func testStripeGet(t *testing.T, r rightful.StripeReader) {
	for _, typ := range rightful.StripeTypes() {
		query := rightful.ListQuery{Type: typ}
		if typ == rightful.TypePaymentMethod {
			query.StripeCustomerID = "cus_mid"
		}
		listed, err := all(t.Context(), r, query)
		if err != nil || len(listed) == 0 {
			t.Fatalf("list of %s: %d objects, %v", typ, len(listed), err)
		}
		for _, want := range listed {
			got, exists, err := r.Get(t.Context(), typ, want.ID)
			if err != nil || exists != rightful.ExistsPresent || !reflect.DeepEqual(got, want) {
				t.Errorf("get %s: %+v, %v, %v\nlisted as %+v", want.ID, got, exists, err, want)
			}
		}
	}
	got, exists, err := r.Get(t.Context(), rightful.TypeCustomer, "cus_gone")
	if err != nil || exists != rightful.ExistsDeleted || got.ID != "cus_gone" || got.Type != rightful.TypeCustomer || len(got.Metadata) > 0 {
		t.Errorf("deleted customer: got %+v, %v, %v", got, exists, err)
	}
	missing := map[string]rightful.ObjectType{
		"cus_missing": rightful.TypeCustomer, "cs_missing": rightful.TypeSession,
		"sub_missing": rightful.TypeSubscription, "pi_missing": rightful.TypePaymentIntent,
		"sub_sched_missing": rightful.TypeSchedule, "in_missing": rightful.TypeInvoice,
		"ch_missing": rightful.TypeCharge, "pm_missing": rightful.TypePaymentMethod,
	}
	for _, id := range oddIDs {
		missing[id] = rightful.TypeCustomer
	}
	for id, typ := range missing {
		got, exists, err := r.Get(t.Context(), typ, id)
		if err != nil || exists != rightful.ExistsMissing || !reflect.DeepEqual(got, rightful.Object{}) {
			t.Errorf("missing %q: got %+v, %v, %v", id, got, exists, err)
		}
	}
}

func testStripeFields(t *testing.T, open func(*testing.T, []byte) rightful.StripeReader) {
	for _, livemode := range []bool{true, false} {
		r := open(t, smallWorld(t, livemode))
		if _, err := r.Account(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, want := range []rightful.Object{
			{Type: rightful.TypeCustomer, ID: "cus_old", Created: 1000, Email: "ann@example.com",
				Metadata: map[string]string{"company_id": "4", "user_id": "7", "org_id": "o", "app": "ledgerly", "Company_ID": "5"}},
			{Type: rightful.TypeSession, ID: "cs_1", Created: 2100, StripeCustomerID: "cus_mid", SubscriptionID: "sub_active", Mode: "subscription",
				Status: "complete", PaymentStatus: "paid", Email: "ann@example.com", ClientReferenceID: "7", Metadata: map[string]string{"company_id": "4"}},
			{Type: rightful.TypeSubscription, ID: "sub_active", Created: 2110, StripeCustomerID: "cus_mid", Status: "active", Metadata: map[string]string{"company_id": "4"},
				Items: []rightful.Item{{PriceID: "price_1", ProductID: "prod_1", UnitAmount: 4900, Currency: "eur", Interval: "month", IntervalCount: 1, Quantity: 2}}},
			{Type: rightful.TypePaymentIntent, ID: "pi_1", Created: 2201, Status: "succeeded", Email: "bob@example.com"},
			{Type: rightful.TypeSchedule, ID: "sub_sched_1", Created: 2120, StripeCustomerID: "cus_mid", SubscriptionID: "sub_active", Status: "active",
				Metadata: map[string]string{"company_id": "4"},
				Phases: []rightful.Phase{
					{Start: 2120, End: 9000, Metadata: map[string]string{"company_id": "4"}},
					{Start: 9000, End: 9900, Metadata: map[string]string{"company_id": "5"}}}},
			{Type: rightful.TypeSchedule, ID: "sub_sched_2", Created: 3110, StripeCustomerID: "cus_new", SubscriptionID: "sub_trialing", Status: "released"},
			{Type: rightful.TypeInvoice, ID: "in_1", Created: 2130, StripeCustomerID: "cus_mid", SubscriptionID: "sub_active", Status: "paid", AmountPaid: 9800,
				Metadata: map[string]string{"company_id": "6"}, Snapshot: map[string]string{"company_id": "4"}},
			{Type: rightful.TypeCharge, ID: "ch_1", Created: 2202, PaymentIntentID: "pi_1", Status: "succeeded", AmountPaid: 100, Metadata: map[string]string{"company_id": "4"}},
			{Type: rightful.TypeCharge, ID: "ch_2", Created: 2302, StripeCustomerID: "cus_mid", PaymentIntentID: "pi_2", Status: "succeeded"},
			{Type: rightful.TypePaymentMethod, ID: "pm_1", Created: 2000, StripeCustomerID: "cus_mid", Metadata: map[string]string{"company_id": "4"}},
		} {
			want.Account, want.Livemode = stripeAccount, livemode
			got, _, err := r.Get(t.Context(), want.Type, want.ID)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Metadata) == 0 {
				got.Metadata = nil
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		}
	}
}

func testStripeSearch(t *testing.T, r rightful.StripeReader) {
	for _, typ := range []rightful.ObjectType{rightful.TypeSession, rightful.TypeSchedule, rightful.TypePaymentMethod} {
		if _, err := r.Search(t.Context(), typ, "company_id", "4"); rightful.KindOf(err) != rightful.KindUnsupported {
			t.Errorf("%s: got %v", typ, err)
		}
	}
	for _, value := range []string{"4", "", `'`, `\`, `4' OR created>0 OR metadata['x']:'`} {
		found, err := r.Search(t.Context(), rightful.TypeCustomer, "company_id", value)
		if err != nil && rightful.KindOf(err) != rightful.KindUnsupported {
			t.Errorf("%q: %v", value, err)
		}
		for _, o := range found {
			if o.Metadata["company_id"] != value || value != "4" {
				t.Errorf("%q: found %+v", value, o)
			}
		}
	}
}

func testStripeCancellation(t *testing.T, open func(*testing.T, []byte) rightful.StripeReader) {
	r := open(t, stripeWorld(t, true, fields{"customers": manyCustomers(250)}))
	query := rightful.ListQuery{Type: rightful.TypeCustomer}

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	objects, err := all(gone, r, query)
	if !errors.Is(err, context.Canceled) || len(objects) > 0 {
		t.Errorf("list: got %d objects, %v", len(objects), err)
	}
	if _, exists, err := r.Get(gone, rightful.TypeCustomer, "cus_first"); !errors.Is(err, context.Canceled) || exists != rightful.ExistsUnknown {
		t.Errorf("get: got %v, %v", exists, err)
	}
	if _, err := r.Account(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("account: got %v", err)
	}

	// A source may finish what it holds already, but not stop without a word.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var n int
	var last error
	for _, err := range r.List(ctx, query) {
		if last = err; err == nil {
			n++
		}
		cancel()
	}
	if last == nil && n != 252 {
		t.Errorf("list ended after %d of 252 objects without an error", n)
	}
	if last != nil && !errors.Is(last, context.Canceled) {
		t.Errorf("list: got %v", last)
	}
}
