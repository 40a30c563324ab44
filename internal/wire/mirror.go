package wire

import (
	"context"
	"time"

	"rightful"
	"rightful/internal/config"
	"rightful/internal/engine"
	"rightful/internal/source/mirror"
)

// Sync returns an engine over the Stripe account and the mirror that a config names, and
// nothing else: the app's database is not opened. It must be closed.
func Sync(ctx context.Context, path string, env func(string) (string, bool), now time.Time, of ...Account) (*engine.Engine, *config.Config, error) {
	c, err := read(path, env, of)
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
	bulk := stripe.Bulk()
	e.Mirroring = &engine.Mirroring{
		Stripe: bulk, Place: m.Place(), Sweep: c.Sync.SweepAfter(), Spent: bulk.Spent,
		Hold: func(ctx context.Context, a rightful.Account) (rightful.MirrorStore, func() error, error) {
			of := m.Of(a.ID, a.Livemode, e.Options.Keys)
			release, err := of.Hold(ctx)
			if err != nil {
				return nil, nil, err
			}
			return of, release, nil
		},
	}
	return e, c, nil
}
