package gateway_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
)

// dumb is a Stripe that does not tell which account it is until it is let.
type dumb struct {
	gateway.Stripe
	asked sync.Once
	begun chan struct{}
	let   chan struct{}
}

func (s *dumb) Account(ctx context.Context) (rightful.Account, error) {
	s.asked.Do(func() { close(s.begun) })
	<-s.let
	return s.Stripe.Account(ctx)
}

// TestWhoGivesUpNeedNotWait: while somebody asks which account the key opens, the others
// wait for the answer no longer than they want to.
func TestWhoGivesUpNeedNotWait(t *testing.T) {
	t.Parallel()
	p := shop(t, setup{})
	s := &dumb{Stripe: p.opt.Stripe, begun: make(chan struct{}), let: make(chan struct{})}
	p.opt.Stripe = s
	g := p.gateway()
	first, second := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := g.EnsureCustomer(t.Context(), "11", gateway.CustomerDetails{})
		first <- err
	}()
	<-s.begun
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := g.ValidatePayment(ctx, gateway.ValidationRequest{SessionID: "cs_live_a", UserID: "7"})
		second <- err
	}()
	cancel()
	select {
	case err := <-second:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it waits although it was called off")
	}
	close(s.let)
	if err := <-first; err != nil {
		t.Error(err)
	}
}
