package gateway_test

import (
	"fmt"
	"testing"

	"rightful/gateway"
	"rightful/stripesim"
)

// TestWhatAReplayCosts: ten requests for each customer, and nothing is searched for.
func TestWhatAReplayCosts(t *testing.T) {
	t.Parallel()
	const customers = 5
	var rows []string
	for n := range customers {
		rows = append(rows, fmt.Sprintf("INSERT INTO companies (id, name) VALUES (%d, 'C'); INSERT INTO users VALUES (%[1]d, 'u%[1]d@example.com', %[1]d); INSERT INTO memberships VALUES (%[1]d, %[1]d, 1, NULL)", 100+n))
	}
	p := rent(t, setup{}, rows, "")
	g := p.gateway()
	for n := range customers {
		s, err := g.CreateCheckoutSession(t.Context(), gateway.CheckoutRequest{
			UserID: fmt.Sprint(100 + n), Mode: "setup", SuccessURL: "https://shop.example.com/return", StripeParams: map[string]any{"currency": "eur"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.sim.CompleteCheckout(simAccount, s.ID, stripesim.CompleteOptions{Email: "ana@example.com"}); err != nil {
			t.Fatal(err)
		}
	}
	before := p.requests()
	r, err := g.Replay(t.Context(), gateway.ReplayRequest{SessionsOnly: true})
	if err != nil || r.Counts.Allowed != customers {
		t.Fatalf("%v: %+v", err, r)
	}
	if n := p.requests() - before; n > 10*customers+5 {
		t.Errorf("%d requests for %d customers", n, customers)
	}
	if n := p.sim.Counts().Operations["customers.search"]; n != 0 {
		t.Errorf("%d searches", n)
	}
}
