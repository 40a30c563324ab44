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
	s := &seen{id: session, user: user, keys: g.opt.Keys}
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

// BothOfCustomer looks at a customer narrowly and widely.
func (g *Gateway) BothOfCustomer(ctx context.Context, customer, user string, portal bool) (narrow, wide Look, err error) {
	req := GuardRequest{UserID: user, ID: customer}
	n, err := g.heldNarrowly(ctx, req, portal)
	if err != nil {
		return narrow, wide, err
	}
	narrow = Look{Status: n.status, Company: n.company, Settled: n.settled}
	sit, held, known, err := g.heldWidely(ctx, n.account, req)
	if err != nil {
		return narrow, wide, err
	}
	wide.Status, wide.Company = whoseCustomer(sit, held, known, user, portal)
	return narrow, wide, nil
}

// Wide asks what is remembered, or looks.
type Wide struct{ wide wide }

// Ask asks about an id and a user at a time.
func (w *Wide) Ask(ctx context.Context, id, user string, at int64, look func() (Status, error)) (status Status, err error) {
	err = w.wide.ask(ctx, question{id: id, user: user}, false, func() int64 { return at },
		func() (*refused, error) {
			var err error
			if status, err = look(); err != nil || !remembered(status) {
				return nil, err
			}
			return &refused{status: status}, nil
		},
		func(r *refused) { status = r.status })
	return status, err
}

// Kept is how many refusals are remembered.
func (w *Wide) Kept() int { return len(w.wide.known) }

// Ruling is what the app is told to do about a status.
func (g *Gateway) Ruling(status Status) (decision, enforced Verdict) { return g.ruling(status) }

// Payment is what became of the money.
var Payment = payment

// ReadFor replaces how long one batch of events reads at Stripe.
func (w *Webhooks) ReadFor(d time.Duration) { w.readFor = d }

// AcceptWithin replaces how long an event may wait to be stored.
func (w *Webhooks) AcceptWithin(d time.Duration) { w.acceptor.within = d }

// ShardOf is the shard of a family.
var ShardOf = shardOf
