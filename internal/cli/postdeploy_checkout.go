package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/wire"
)

// buying makes sessions through the gateway that a config opens.
type buying struct {
	opened *wire.Opened
	mode   string
	now    func() time.Time
}

// openFor is how long a session lasts that nobody closes, because this process was
// killed: little more than the half hour that Stripe demands
// (docs.stripe.com/api/checkout/sessions/create), as clocks differ.
const openFor = 35 * time.Minute

// returnsTo is where a synthetic session leads: nobody ever comes back from it.
const returnsTo = "https://example.com/"

// Buy implements engine.Buying. The session is like no other: an open one of a real
// buyer is never taken, and so never closed.
func (b buying) Buy(ctx context.Context, userID, priceID string) (made rightful.Checkout, companyID string, err error) {
	s, err := b.opened.CreateCheckoutSession(ctx, gateway.CheckoutRequest{
		UserID: userID, Mode: b.mode, Price: priceID, SuccessURL: returnsTo, CancelURL: returnsTo,
		Metadata:     map[string]string{"rightful_postdeploy": rand.Text()},
		StripeParams: map[string]any{"expires_at": b.now().Add(openFor).Unix()},
	})
	if err != nil {
		return made, "", err
	}
	if s.Reused {
		return made, s.CompanyID, fmt.Errorf("an open session was reused: %s", s.ID)
	}
	made, exists, err := b.opened.Stripe.Checkout(ctx, s.ID)
	if err == nil && exists != rightful.ExistsPresent {
		err = fmt.Errorf("the session %s was made, and Stripe does not have it", s.ID)
	}
	made.Session.ID = s.ID // it is closed, whatever could be read of it
	return made, s.CompanyID, err
}

// Expire implements engine.Buying.
func (b buying) Expire(ctx context.Context, sessionID string) error {
	return b.opened.Stripe.ExpireCheckout(ctx, sessionID)
}
