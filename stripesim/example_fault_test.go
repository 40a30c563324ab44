package stripesim_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

// A test of an application: the connection breaks after Stripe has created the
// customer and before the application hears of it. Does trying again make a
// second one?
func ExampleServer_Fault() {
	sim := stripesim.New(stripesim.Options{})
	srv := httptest.NewServer(sim)
	defer srv.Close()
	client := stripe.NewClient("sk_test_anything", stripe.WithBackends(stripe.NewBackendsWithConfig(
		&stripe.BackendConfig{URL: stripe.String(srv.URL), MaxNetworkRetries: stripe.Int64(0), LeveledLogger: &stripe.LeveledLogger{}})))

	// The application under test, in one function.
	customerFor := func(company string) error {
		params := &stripe.CustomerCreateParams{Metadata: map[string]string{"company_id": company}}
		params.SetIdempotencyKey("customer-for-company-" + company)
		_, err := client.V1Customers.Create(context.Background(), params)
		return err
	}

	err := sim.Fault(stripesim.FaultRule{Operation: "customers.create", Then: stripesim.FaultDrop, AfterEffect: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("first try worked:", customerFor("11") == nil)
	fmt.Println("second try worked:", customerFor("11") == nil)

	customers := 0
	for _, err := range client.V1Customers.List(context.Background(), &stripe.CustomerListParams{}).All(context.Background()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		customers++
	}
	fmt.Println("requests:", sim.Counts().Operations["customers.create"], "customers:", customers)
	// Output:
	// first try worked: false
	// second try worked: true
	// requests: 2 customers: 1
}
