package wire

import (
	"context"
	"errors"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/among"
	"rightful/internal/config"
	"rightful/internal/engine"
	"rightful/internal/journal"
	"rightful/internal/source/sqldirectory"
	"rightful/internal/source/stripeapi"
)

// Account says which Stripe account of a config something is about. The zero value is the
// only one.
type Account struct {
	ID string // acct_..., as somebody named it
	// Implied is whose it has to be where none is named and the config has several: that of
	// a plan, or of a run.
	Implied string
}

// read reads a config, narrowed to the account.
func read(path string, env func(string) (string, bool), of []Account) (*config.Config, error) {
	c, err := config.Read(path, env)
	if err != nil {
		return nil, err
	}
	return narrowed(c, of)
}

func narrowed(c *config.Config, of []Account) (*config.Config, error) {
	id := ""
	for _, a := range of {
		id = a.ID
		if id == "" && c.Several() {
			id = a.Implied
		}
	}
	return c.Narrowed(id)
}

// AccountOf returns the account of a run in the journal, "" when that cannot be told: then
// whoever opens the journal says why.
func AccountOf(ctx context.Context, at StateAt, run string, env func(string) (string, bool), now func() time.Time) string {
	log, c, err := Journal(ctx, at, false, "", env, now)
	if err != nil {
		return ""
	}
	defer log.Close()
	if c != nil && !c.Several() {
		return ""
	}
	found, err := journal.Find(ctx, log, run)
	if err != nil {
		return ""
	}
	return found.Account
}

// openAccounts opens a client for each account. The engine gets the first, and asks the
// others only for what that does not have.
func (p *parts) openAccounts(e *engine.Engine, c *config.Config) (err error) {
	if p.stripe, err = openStripe(e, c.Stripe[0], c.UsesGateway()); err != nil || len(c.Stripe) == 1 {
		return err
	}
	for _, other := range c.Stripe[1:] {
		o, err := newReader(e, other, c.UsesGateway())
		if err != nil {
			return err
		}
		p.others = append(p.others, o)
	}
	e.Sources.Stripe = amongOthers(p.stripe, c.Stripe[1:], p.others)
	e.GETs = func() int {
		n := p.stripe.Requests().GETs
		for _, o := range p.others {
			n += o.Requests().GETs
		}
		return n
	}
	return nil
}

// amongOthers returns the reader of an account with the others beside it.
func amongOthers(own *stripeapi.Reader, accounts config.Accounts, others []*stripeapi.Reader) *among.Reader {
	var beside []among.Other
	for i, o := range others {
		beside = append(beside, among.Other{Account: accounts[i].Account, Stripe: o})
	}
	return among.New(own, beside...)
}

// Accounts is Config for every account of a config: an engine for each, in its order, with
// one pace for each account. They share what is not Stripe's; closing is of all at once.
func Accounts(ctx context.Context, path string, env func(string) (string, bool), now time.Time) ([]*engine.Engine, *config.Config, func() error, error) {
	c, err := config.Read(path, env)
	if err != nil {
		return nil, nil, nil, err
	}
	// What one account opens is opened for all of them.
	first, p, problems := open(ctx, c, now, sqldirectory.Open)
	if len(problems) > 0 {
		return nil, c, nil, errors.Join(problems[0], first.Close())
	}
	readers := p.readers()
	engines := make([]*engine.Engine, len(c.Stripe))
	for i, account := range c.Stripe.IDs() {
		own, err := c.Narrowed(account)
		if err != nil {
			return nil, c, nil, errors.Join(err, first.Close())
		}
		e := newEngine(own, now.Unix())
		e.Sources, e.Lacks = first.Sources, first.Lacks
		if len(readers) > 1 {
			e.Sources.Stripe = amongOthers(readers[i], own.Stripe[1:], without(readers, i))
			e.Sources.Record = p.record.of(e.Sources.Stripe.Account)
		}
		e.GETs = func() int { return readers[i].Requests().GETs }
		engines[i] = e
	}
	return engines, c, first.Close, nil
}

// readers are those of all accounts, in the order of the config at hand.
func (p *parts) readers() []*stripeapi.Reader {
	return append([]*stripeapi.Reader{p.stripe}, p.others...)
}

// gatewayStripe returns the i-th account of a config, as the gateway needs it.
func (p *parts) gatewayStripe(c *config.Config, i int) gateway.Stripe {
	readers := p.readers()
	own := account{readers[i], readers[i].Writer()}
	if len(readers) == 1 {
		return own
	}
	var accounts config.Accounts
	for at, one := range c.Stripe {
		if at != i {
			accounts = append(accounts, one)
		}
	}
	return accountAmong{account: own, among: amongOthers(readers[i], accounts, without(readers, i))}
}

// accountAmong is an account of several: what it does not have may be in another.
type accountAmong struct {
	account
	among *among.Reader
}

// Get implements rightful.StripeReader.
func (a accountAmong) Get(ctx context.Context, t rightful.ObjectType, id string) (rightful.Object, rightful.Existence, error) {
	return a.among.Get(ctx, t, id)
}

// GetHere looks in the account alone.
func (a accountAmong) GetHere(ctx context.Context, t rightful.ObjectType, id string) (rightful.Object, rightful.Existence, error) {
	return a.among.GetHere(ctx, t, id)
}

// without returns the readers but one, in their order.
func without(readers []*stripeapi.Reader, but int) []*stripeapi.Reader {
	var others []*stripeapi.Reader
	for i, r := range readers {
		if i != but {
			others = append(others, r)
		}
	}
	return others
}
