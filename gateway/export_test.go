package gateway

import (
	"context"
	"time"
)

// Look is what one look at a session has found out.
type Look struct {
	Status    Status
	Company   string
	Companies []string // whose it is
	Settled   bool     // a narrow look answers the question
}

// Both looks at a session narrowly and widely.
func (g *Gateway) Both(ctx context.Context, session, user string) (narrow, wide Look, err error) {
	s := &seen{id: session, user: user}
	if s.account, err = g.opens(ctx); err != nil {
		return narrow, wide, err
	}
	if s.checkout, _, err = g.opt.Stripe.Checkout(ctx, session); err != nil {
		return narrow, wide, err
	}
	found := func() Look {
		return Look{Status: s.status, Company: s.company, Companies: s.bought.Companies, Settled: s.settledNarrowly()}
	}
	if err := g.seeNarrow(ctx, s); err != nil {
		return narrow, wide, err
	}
	narrow = found()
	err = g.seeWide(ctx, s)
	return narrow, found(), err
}

// Ruling is what the app is told to do about a status.
func (g *Gateway) Ruling(status Status) (decision, enforced Verdict) { return g.ruling(status) }

// Payment is what became of the money.
var Payment = payment

// ReadFor replaces how long one batch of events reads at Stripe.
func (w *Webhooks) ReadFor(d time.Duration) { w.readFor = d }

// ShardOf is the shard of a family.
var ShardOf = shardOf
