package gateway_test

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"

	"rightful"
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

// cards is a Stripe whose customers saved cards: things that have no list of their own
// and are read one by one.
type cards struct {
	gateway.Stripe
	many    int
	bounded atomic.Int64 // reads that had to be done by a time
}

func (s *cards) Events(context.Context, rightful.EventQuery) iter.Seq2[rightful.Event, error] {
	return func(yield func(rightful.Event, error) bool) {
		for n := range s.many {
			if !yield(rightful.Event{ID: fmt.Sprintf("evt_%d", n), Type: "payment_method.attached", Created: noon, ObjectType: rightful.TypePaymentMethod, ObjectID: fmt.Sprintf("pm_%d", n)}, nil) {
				return
			}
		}
	}
}

func (s *cards) Get(ctx context.Context, t rightful.ObjectType, id string) (rightful.Object, rightful.Existence, error) {
	if t != rightful.TypePaymentMethod {
		return s.Stripe.Get(ctx, t, id)
	}
	if _, bounded := ctx.Deadline(); bounded {
		s.bounded.Add(1)
	}
	return rightful.Object{Account: simAccount, Livemode: true, Type: t, ID: id, Created: noon, StripeCustomerID: "cus_S3bela"}, rightful.ExistsPresent, nil
}

// TestAReplayReadsAllItsEvents: a replay has no half minute to keep to, as a job has, so
// that no time of its own ends its reads, however many there are.
func TestAReplayReadsAllItsEvents(t *testing.T) {
	t.Parallel()
	s := &cards{many: 600}
	p := rent(t, setup{options: func(o *gateway.Options) { s.Stripe, o.Stripe = o.Stripe, s }}, officeRows, "")
	r, err := p.gateway().Replay(t.Context(), gateway.ReplayRequest{Since: noon - 100})
	if err != nil {
		t.Fatal(err)
	}
	if n := s.bounded.Load(); n > 0 || len(r.IncompleteBecause) > 0 || r.Events.Events != s.many {
		t.Errorf("%d reads had a time to keep to; incomplete because of %q; %d events", n, r.IncompleteBecause, r.Events.Events)
	}
}
