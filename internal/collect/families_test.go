package collect_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rightful"
	"rightful/internal/collect"
)

// TestEveryObjectIsInExactlyOneFamily draws tangled accounts, in any order, and
// expects each object once, with its payer where it has one, and the same
// families whatever the order.
func TestEveryObjectIsInExactlyOneFamily(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		objects := drawObjects(t)
		families := collect.Families(objects, nil, nil, nil)

		home := map[string]string{}
		for _, f := range families {
			for _, o := range append(f.Objects(), f.Schedules...) {
				if other, twice := home[o.ID]; twice {
					t.Fatalf("%s is in the families of %s and %s", o.ID, other, f.Key)
				}
				home[o.ID] = f.Key
				if o.StripeCustomerID != "" && o.StripeCustomerID != f.Key {
					t.Fatalf("%s is charged to %s and sits in the family of %s", o.ID, o.StripeCustomerID, f.Key)
				}
			}
		}
		for _, o := range objects {
			if home[o.ID] == "" {
				t.Fatalf("%s is in no family", o.ID)
			}
			if sub := home[o.SubscriptionID]; o.Type == rightful.TypeSchedule && o.StripeCustomerID == "" && sub != "" && home[o.ID] != sub {
				t.Fatalf("%s is in the family of %s, its subscription in that of %s", o.ID, home[o.ID], sub)
			}
		}
		shuffled := rapid.Permutation(objects).Draw(t, "shuffled")
		if diff := cmp.Diff(families, collect.Families(shuffled, nil, nil, nil)); diff != "" {
			t.Fatalf("another order gives other families:\n%s", diff)
		}
	})
}

// drawObjects draws an account in which each thing that a session makes is made
// by that session alone, as in Stripe.
func drawObjects(t *rapid.T) []rightful.Object {
	payer := rapid.SampledFrom([]string{"", "cus_1", "cus_2", "cus_3"})
	var objects []rightful.Object
	for _, id := range []string{"cus_1", "cus_2"} { // cus_3 is named and not listed
		if rapid.Bool().Draw(t, id) {
			objects = append(objects, rightful.Object{Type: rightful.TypeCustomer, ID: id})
		}
	}
	n := rapid.IntRange(0, 6).Draw(t, "purchases")
	for i := range n {
		p := payer.Draw(t, "payer")
		session := rightful.Object{Type: rightful.TypeSession, ID: fmt.Sprintf("cs_%d", i), StripeCustomerID: p, Created: int64(i / 2)}
		made := rightful.Object{Type: rightful.TypePaymentIntent, ID: fmt.Sprintf("pi_%d", i), StripeCustomerID: p}
		session.PaymentIntentID = made.ID
		if rapid.Bool().Draw(t, "subscription") {
			made = rightful.Object{Type: rightful.TypeSubscription, ID: fmt.Sprintf("sub_%d", i), StripeCustomerID: "cus_1"}
			session.SubscriptionID, session.PaymentIntentID = made.ID, ""
			if p != "" {
				session.StripeCustomerID = made.StripeCustomerID
			}
		}
		if rapid.Bool().Draw(t, "schedule") {
			objects = append(objects, rightful.Object{
				Type: rightful.TypeSchedule, ID: fmt.Sprintf("sub_sched_%d", i), SubscriptionID: session.SubscriptionID, StripeCustomerID: payer.Draw(t, "schedule's payer"),
			})
		}
		if rapid.Bool().Draw(t, "with session") {
			objects = append(objects, session)
		}
		if rapid.Bool().Draw(t, "with what it made") {
			objects = append(objects, made)
		}
	}
	return rapid.Permutation(objects).Draw(t, "order")
}

func TestGuestFamilies(t *testing.T) {
	t.Parallel()
	families := collect.Families([]rightful.Object{
		{Type: rightful.TypePaymentIntent, ID: "pi_1"},
		{Type: rightful.TypeSession, ID: "cs_1", PaymentIntentID: "pi_1"},
		{Type: rightful.TypePaymentIntent, ID: "pi_alone"},
		{Type: rightful.TypeSubscription, ID: "sub_1", StripeCustomerID: "cus_1"},
		{Type: rightful.TypeSession, ID: "cs_2", SubscriptionID: "sub_1"}, // its payer is the subscription's
		{Type: rightful.TypeSchedule, ID: "sub_sched_1", SubscriptionID: "sub_1"},
		{Type: rightful.TypeSchedule, ID: "sub_sched_alone", SubscriptionID: "sub_gone"},
		{Type: rightful.TypeInvoice, ID: "in_1", StripeCustomerID: "cus_2"}, // read for families that are known
	}, nil, nil, nil)
	got := map[string][]string{}
	for _, f := range families {
		for _, o := range append(f.Objects(), f.Schedules...) {
			got[f.Key] = append(got[f.Key], o.ID)
		}
		if f.Guest() != (f.Key != "cus_1") {
			t.Errorf("%s: guest %v", f.Key, f.Guest())
		}
	}
	want := map[string][]string{"cs_1": {"cs_1", "pi_1"}, "pi_alone": {"pi_alone"}, "cus_1": {"cs_2", "sub_1", "sub_sched_1"}, "sub_sched_alone": {"sub_sched_alone"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestRowsFollowTheirSubscription: a row that names two customers' things lives
// with its subscription's payer.
func TestRowsFollowTheirSubscription(t *testing.T) {
	t.Parallel()
	families := collect.Families(
		[]rightful.Object{{Type: rightful.TypeSubscription, ID: "sub_1", StripeCustomerID: "cus_1"}},
		[]rightful.Link{{CompanyID: "2", StripeCustomerID: "cus_2"}},
		[]rightful.SubscriptionRow{
			{ID: "1", CompanyID: "2", StripeCustomerID: "cus_2", StripeSubscriptionID: "sub_1"},
			{ID: "2", CompanyID: "2", StripeCustomerID: "cus_2", StripeSubscriptionID: "sub_gone"},
		},
		map[string]rightful.Existence{"cus_2": rightful.ExistsDeleted},
	)
	for _, f := range families {
		want := map[string]string{"cus_1": "1", "cus_2": "2"}[f.Key]
		if len(f.Rows) != 1 || f.Rows[0].ID != want {
			t.Errorf("%s has rows %+v, want row %s", f.Key, f.Rows, want)
		}
		if f.Key == "cus_2" && f.Exists != rightful.ExistsDeleted {
			t.Errorf("cus_2 exists: %v", f.Exists)
		}
	}
}
