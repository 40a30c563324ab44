package sourcetest

import (
	"context"
	"errors"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"rightful"
)

// checkoutWorld has sessions in every state, over the customers of smallWorld.
func checkoutWorld(t *testing.T, livemode bool) []byte {
	return stripeWorld(t, livemode, fields{
		"customers": []any{
			fields{"id": "cus_1", "object": "customer", "created": 1000, "email": "ann@example.com", "name": "Ann",
				"metadata": fields{"company_id": "4", "user_id": "7", "note": "private"}},
			fields{"id": "cus_gone", "object": "customer", "deleted": true},
		},
		"checkout_sessions": []any{
			fields{"id": "cs_open", "object": "checkout.session", "created": 2000, "customer": "cus_1", "mode": "payment", "status": "open", "payment_status": "unpaid",
				"url": "https://checkout.example.com/c/pay/cs_open", "expires_at": 9000, "client_reference_id": "4", "metadata": fields{"company_id": "4", "note": "private"}},
			fields{"id": "cs_paid", "object": "checkout.session", "created": 2100, "customer": "cus_1", "mode": "subscription", "status": "complete", "payment_status": "paid",
				"url": nil, "subscription": "sub_1", "metadata": fields{"company_id": "4"}},
			fields{"id": "cs_guest", "object": "checkout.session", "created": 2200, "customer": nil, "mode": "payment", "status": "complete", "payment_status": "paid",
				"payment_intent": "pi_1", "customer_details": fields{"email": "bob@example.com"}},
			fields{"id": "cs_gone", "object": "checkout.session", "created": 2300, "customer": "cus_gone", "mode": "subscription", "status": "complete", "payment_status": "paid",
				"subscription": "sub_gone"},
			fields{"id": "cs_expired", "object": "checkout.session", "created": 2400, "customer": "cus_1", "mode": "payment", "status": "expired", "payment_status": "unpaid",
				"url": "https://checkout.example.com/c/pay/cs_expired"},
			fields{"id": "cs_dangling", "object": "checkout.session", "created": 2500, "customer": "cus_missing", "mode": "subscription", "status": "complete", "payment_status": "paid",
				"subscription": "sub_missing"},
		},
		"subscriptions": []any{
			fields{"id": "sub_1", "object": "subscription", "created": 2110, "customer": "cus_1", "status": "active", "metadata": fields{"company_id": "5", "note": "private"}},
			fields{"id": "sub_gone", "object": "subscription", "created": 2310, "customer": "cus_gone", "status": "canceled"},
		},
		"payment_intents": []any{
			fields{"id": "pi_1", "object": "payment_intent", "created": 2201, "customer": nil, "status": "succeeded", "amount": 100, "currency": "eur", "metadata": fields{"company_id": "6"}},
		},
		"missing_ids": append([]string{"cs_missing", "cus_missing", "sub_missing"}, oddIDs...),
	})
}

// TestCheckoutReader checks the contract of rightful.CheckoutReader. open returns a
// reader of the account that a world file describes, as TestStripe wants its reader.
func TestCheckoutReader(t *testing.T, open func(t *testing.T, world []byte) rightful.CheckoutReader) {
	t.Run("sessions", func(t *testing.T) { testCheckouts(t, open) })
	t.Run("no session", func(t *testing.T) {
		r := open(t, checkoutWorld(t, true))
		for _, id := range append([]string{"cs_missing"}, oddIDs...) {
			c, exists, err := r.Checkout(t.Context(), id)
			if diff := gocmp.Diff(rightful.Checkout{}, c); err != nil || exists != rightful.ExistsMissing || diff != "" {
				t.Errorf("%.40q: %v, %v, %s", id, exists, err, diff)
			}
		}
		for _, id := range []string{"", ".", "cus_1", "sub_1"} { // a place may not know that there are none
			c, exists, err := r.Checkout(t.Context(), id)
			if err != nil || exists == rightful.ExistsPresent || exists == rightful.ExistsDeleted || c.Session.ID != "" {
				t.Errorf("%q: %+v, %v, %v", id, c, exists, err)
			}
		}
	})
	t.Run("cancellation", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, exists, err := open(t, checkoutWorld(t, true)).Checkout(ctx, "cs_open"); !errors.Is(err, context.Canceled) || exists != rightful.ExistsUnknown {
			t.Errorf("got %v, %v", exists, err)
		}
	})
}

func testCheckouts(t *testing.T, open func(t *testing.T, world []byte) rightful.CheckoutReader) {
	for _, livemode := range []bool{true, false} {
		r := open(t, checkoutWorld(t, livemode))
		object := func(typ rightful.ObjectType, id string, created int64) rightful.Object {
			return rightful.Object{Account: stripeAccount, Livemode: livemode, Type: typ, ID: id, Created: created}
		}
		session := func(id string, created int64, mode, status, paid string) rightful.Object {
			o := object(rightful.TypeSession, id, created)
			o.Mode, o.Status, o.PaymentStatus = mode, status, paid
			return o
		}
		customer := object(rightful.TypeCustomer, "cus_1", 1000)
		customer.Email, customer.Metadata = "ann@example.com", map[string]string{"company_id": "4", "user_id": "7"}
		gone := object(rightful.TypeCustomer, "cus_gone", 0)
		gone.Deleted = true

		want := map[string]rightful.Checkout{}
		c := rightful.Checkout{Session: session("cs_open", 2000, "payment", "open", "unpaid"), Customer: customer, CustomerExists: rightful.ExistsPresent}
		c.Session.StripeCustomerID, c.Session.ExpiresAt, c.Session.ClientReferenceID, c.Session.Metadata = "cus_1", 9000, "4", map[string]string{"company_id": "4"}
		c.URL = "https://checkout.example.com/c/pay/cs_open"
		want["cs_open"] = c

		c = rightful.Checkout{Session: session("cs_paid", 2100, "subscription", "complete", "paid"), Customer: customer, CustomerExists: rightful.ExistsPresent}
		c.Session.StripeCustomerID, c.Session.SubscriptionID, c.Session.Metadata = "cus_1", "sub_1", map[string]string{"company_id": "4"}
		c.Subscription = object(rightful.TypeSubscription, "sub_1", 2110)
		c.Subscription.StripeCustomerID, c.Subscription.Status, c.Subscription.Metadata = "cus_1", "active", map[string]string{"company_id": "5"}
		want["cs_paid"] = c

		c = rightful.Checkout{Session: session("cs_guest", 2200, "payment", "complete", "paid")}
		c.Session.PaymentIntentID, c.Session.Email = "pi_1", "bob@example.com"
		c.PaymentIntent = object(rightful.TypePaymentIntent, "pi_1", 2201)
		c.PaymentIntent.Status, c.PaymentIntent.Metadata = "succeeded", map[string]string{"company_id": "6"}
		want["cs_guest"] = c

		c = rightful.Checkout{Session: session("cs_gone", 2300, "subscription", "complete", "paid"), Customer: gone, CustomerExists: rightful.ExistsDeleted}
		c.Session.StripeCustomerID, c.Session.SubscriptionID = "cus_gone", "sub_gone"
		c.Subscription = object(rightful.TypeSubscription, "sub_gone", 2310)
		c.Subscription.StripeCustomerID, c.Subscription.Status = "cus_gone", "canceled"
		want["cs_gone"] = c

		c = rightful.Checkout{Session: session("cs_expired", 2400, "payment", "expired", "unpaid"), Customer: customer, CustomerExists: rightful.ExistsPresent}
		c.Session.StripeCustomerID = "cus_1"
		want["cs_expired"] = c

		// What the session names and nobody shows stays zero.
		c = rightful.Checkout{Session: session("cs_dangling", 2500, "subscription", "complete", "paid")}
		c.Session.StripeCustomerID, c.Session.SubscriptionID = "cus_missing", "sub_missing"
		want["cs_dangling"] = c

		for id, want := range want {
			got, exists, err := r.Checkout(t.Context(), id)
			if err != nil || exists != rightful.ExistsPresent {
				t.Fatalf("%s: %v, %v", id, exists, err)
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("%s, livemode %v (-want +got):\n%s", id, livemode, diff)
			}
		}
	}
}
