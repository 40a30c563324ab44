package wire

import (
	"context"
	"errors"
	"strings"
	"time"

	"rightful"
	"rightful/internal/config"
	"rightful/internal/engine"
	"rightful/internal/skim"
	"rightful/internal/source/mirror"
	"rightful/internal/source/stripeapi"
)

// Sync returns an engine for each Stripe account that a config names, or for one of them,
// over its mirror, and nothing else: the app's database is not opened. Closing is of all at
// once.
func Sync(ctx context.Context, path string, env func(string) (string, bool), now time.Time, of ...Account) (engines []*engine.Engine, c *config.Config, shut func() error, err error) {
	if c, err = config.Read(path, env); err != nil {
		return nil, nil, nil, err
	}
	each := c.Stripe.IDs()
	if len(of) > 0 && of[0].ID != "" {
		each = []string{of[0].ID}
	}
	var configs []*config.Config
	for _, account := range each { // before anything is made
		own, err := c.Narrowed(account)
		if err != nil {
			return nil, c, nil, err
		}
		configs = append(configs, own)
	}
	stripes := map[*engine.Engine]*stripeapi.Reader{}
	for _, own := range configs {
		e := newEngine(own, now.Unix())
		stripe, err := openStripe(e, own.Stripe[0], false)
		if err != nil {
			return nil, own, nil, err
		}
		stripes[e] = stripe
		engines = append(engines, e)
	}
	m, err := mirror.Open(ctx, c.MirrorAddress(), mirror.Options{})
	if err != nil {
		return nil, c, nil, err
	}
	for _, e := range engines {
		e.Mirroring = mirroring(c, e.Options.Keys, stripes[e], m)
	}
	return engines, configs[0], m.Close, nil
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

// Mirrored lets an engine over real systems audit from the mirror of its config, which is
// closed with the engine. A mirror that was never made is made, and empty.
func Mirrored(ctx context.Context, e *engine.Engine, c *config.Config) error {
	m, err := mirror.Open(ctx, c.MirrorAddress(), mirror.Options{})
	if err != nil {
		return err
	}
	shut := e.Close
	e.Close = func() error { return errors.Join(shut(), m.Close()) }
	e.Mirrored = mirrored(c, e, m)
	return nil
}

// mirrored is what an engine audits instead of Stripe.
func mirrored(c *config.Config, e *engine.Engine, m *mirror.Mirror) *engine.Mirrored {
	return &engine.Mirrored{Place: m.Place(), Account: named(c.Stripe[0]), Of: func(a rightful.Account) skim.Mirror {
		return m.Of(a.ID, a.Livemode, e.Options.Keys)
	}}
}

// named returns the account that a config names. The key tells the mode where the config
// does not.
func named(s config.Stripe) rightful.Account {
	a := rightful.Account{ID: s.Account, LivemodeKnown: true}
	if s.Livemode != nil {
		a.Livemode = *s.Livemode
		return a
	}
	for _, kind := range []string{"sk_", "rk_"} {
		a.Livemode = a.Livemode || strings.HasPrefix(s.Key, kind+"live_")
	}
	return a
}
