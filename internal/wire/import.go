package wire

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"rightful"
	"rightful/internal/config"
	"rightful/internal/engine"
	"rightful/internal/pull"
	"rightful/internal/source/mirror"
	"rightful/internal/source/stripecopy"
)

// From says which copies of Stripe's objects a mirror is filled with.
type From struct {
	Addresses []string // as stripecopy.Open takes them
	AsOf      int64    // when all of it was there, by the word of a person: Unix seconds; 0: nobody says
	Stdin     io.Reader
}

// Import returns an engine over copies of Stripe's objects and the mirror that a config
// names; with no addresses it can only look at the mirror. It cannot ask Stripe: whose
// objects these are is what the config says. It must be closed.
func Import(ctx context.Context, path string, env func(string) (string, bool), now time.Time, from From, whose ...Account) (*engine.Engine, *config.Config, error) {
	c, err := read(path, env, whose)
	if err != nil {
		return nil, nil, err
	}
	account, err := expected(c.Stripe[0])
	if err != nil {
		return nil, c, err
	}
	e := newEngine(c, now.Unix())
	copied, err := stripecopy.Open(ctx, from.Addresses, stripecopy.Options{
		Account: account.ID, Livemode: account.Livemode, Keys: e.Options.Keys, AsOf: from.AsOf, Stdin: from.Stdin,
	})
	if err != nil {
		return nil, c, err
	}
	m, err := mirror.Open(ctx, c.MirrorAddress(), mirror.Options{})
	if err != nil {
		return nil, c, errors.Join(err, copied.Close())
	}
	e.Close = func() error { return errors.Join(copied.Close(), m.Close()) }
	of := m.Of(account.ID, account.Livemode, e.Options.Keys)
	e.Importing = &engine.Importing{
		Account: account, Copy: copied, From: stripecopy.Places(from.Addresses), Mirror: m.Place(), Kept: of,
		Hold: func(ctx context.Context) (pull.ImportStore, func() error, error) {
			release, err := of.Hold(ctx)
			return of, release, err
		},
	}
	return e, c, nil
}

// expected is the account that a config says its key opens, without asking.
func expected(s config.Stripe) (rightful.Account, error) {
	a := rightful.Account{ID: s.Account, LivemodeKnown: true}
	if a.ID == "" {
		return a, &rightful.Error{Kind: rightful.KindInvalid, Place: "stripe", Message: "a copy does not say whose objects it has, and Stripe is not asked",
			Hint: "write stripe.account: acct_..., as Stripe's dashboard shows it"}
	}
	switch _, rest, _ := strings.Cut(s.Key, "_"); {
	case s.Livemode != nil:
		a.Livemode = *s.Livemode
	case strings.HasPrefix(rest, "live_"):
		a.Livemode = true
	case !strings.HasPrefix(rest, "test_"):
		return a, &rightful.Error{Kind: rightful.KindInvalid, Place: "stripe", Message: "neither the key nor the config says whether this is live or test mode", Hint: "write stripe.livemode: true or false"}
	}
	return a, nil
}
