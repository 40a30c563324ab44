package stripesim_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

// A test of an application: it starts a checkout as the application would,
// plays the buyer, and looks at what the application would find afterwards.
func Example() {
	sim := stripesim.New(stripesim.Options{Seed: 1})
	srv := httptest.NewServer(sim)
	defer srv.Close()
	client := stripe.NewClient("sk_test_anything", stripe.WithBackends(stripe.NewBackendsWithConfig(
		&stripe.BackendConfig{URL: stripe.String(srv.URL)})))
	ctx := context.Background()

	session, err := client.V1CheckoutSessions.Create(ctx, &stripe.CheckoutSessionCreateParams{
		Mode:       stripe.String("subscription"),
		SuccessURL: stripe.String("https://app.example/welcome"),
		Metadata:   map[string]string{"company_id": "11"},
		LineItems:  []*stripe.CheckoutSessionCreateLineItemParams{{Price: stripe.String("price_pro"), Quantity: stripe.Int64(1)}},
		SubscriptionData: &stripe.CheckoutSessionCreateSubscriptionDataParams{
			Metadata: map[string]string{"company_id": "11"},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := sim.CompleteCheckout("", session.ID, stripesim.CompleteOptions{Email: "bela@example.com"}); err != nil {
		fmt.Println(err)
		return
	}

	params := &stripe.CheckoutSessionRetrieveParams{}
	params.AddExpand("customer")
	params.AddExpand("subscription")
	session, err = client.V1CheckoutSessions.Retrieve(ctx, session.ID, params)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(session.Status, session.PaymentStatus, session.Customer.Email)
	fmt.Println(session.Subscription.Status, session.Subscription.Metadata["company_id"])
	fmt.Println("reads:", sim.Counts().GETs)
	// Output:
	// complete paid bela@example.com
	// active 11
	// reads: 1
}
