package wire

import (
	"context"
	"time"

	"rightful"
	"rightful/internal/config"
	"rightful/internal/engine"
	"rightful/internal/source/mirror"
	"rightful/internal/source/stripeapi"
)

// Sync returns an engine over the Stripe account and the mirror that a config names, and
// nothing else: the app's database is not opened. It must be closed.
func Sync(ctx context.Context, path string, env func(string) (string, bool), now time.Time) (*engine.Engine, *config.Config, error) {
	c, err := config.Read(path, env)
	if err != nil {
		return nil, nil, err
	}
	e := newEngine(c, now.Unix())
	stripe, err := openStripe(e, c.Stripe[0], false)
	if err != nil {
		return nil, c, err
	}
	m, err := mirror.Open(ctx, c.MirrorAddress(), mirror.Options{})
	if err != nil {
		return nil, c, err
	}
	e.Close = m.Close
	e.Mirroring = mirroring(c, e.Options.Keys, stripe, m)
	return e, c, nil
}

// mirroring is what sync works with, over an account and a mirror.
func mirroring(c *config.Config, keys rightful.KeySet, stripe *stripeapi.Reader, m *mirror.Mirror) *engine.Mirroring {
	bulk := stripe.Bulk()
	return &engine.Mirroring{
		Stripe: bulk, Place: m.Place(), Sweep: c.Sync.SweepAfter(), Spent: bulk.Spent,
		Hold: func(ctx context.Context, a rightful.Account) (rightful.MirrorStore, func() error, error) {
			of := m.Of(a.ID, a.Livemode, keys)
			release, err := of.Hold(ctx)
			if err != nil {
				return nil, nil, err
			}
			return of, release, nil
		},
	}
}
