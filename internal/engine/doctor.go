package engine

import (
	"context"
	"fmt"

	"rightful"
)

// Checkup is what the doctor found.
type Checkup struct {
	Healthy  bool                 `json:"healthy"` // no line of level error
	Errors   int                  `json:"error"`
	Warnings int                  `json:"warning"`
	Lines    []rightful.Diagnosis `json:"lines"`
}

// Doctor examines every source that is configured, and says of each that is not
// what it would give. It never fails: what does not work is a line.
func (e *Engine) Doctor(ctx context.Context) *Checkup {
	c := &Checkup{Lines: []rightful.Diagnosis{}}
	c.examine(ctx, e.Sources.Directory)
	c.add(e.diagnoseMapping()...)
	c.examine(ctx, e.Sources.Stripe)
	c.add(e.diagnoseExpectation(ctx)...)
	if e.Sources.Cache == nil {
		c.add(rightful.Warn("cache.url", "no cache is configured: stale cache stays untold", "set cache.url and cache.keys if the app caches a user's company or customer"))
	}
	c.examine(ctx, e.Sources.Cache)
	if e.Sources.Probe == nil {
		c.add(rightful.Warn("resolver_probe.url", "no probe is configured: whether the deploy was applied stays untold", "give the app an internal address that answers a user's company, and set resolver_probe.url"))
	}
	c.examine(ctx, e.Sources.Probe)
	c.Healthy = c.Errors == 0
	return c
}

func (c *Checkup) add(lines ...rightful.Diagnosis) {
	for _, d := range lines {
		switch d.Level {
		case rightful.LevelError:
			c.Errors++
		case rightful.LevelWarning:
			c.Warnings++
		}
		c.Lines = append(c.Lines, d)
	}
}

// Undiagnosed adds a line for a source that could not even be opened.
func (c *Checkup) Undiagnosed(d rightful.Diagnosis) {
	c.add(d)
	c.Healthy = false
}

// examine asks a source to examine itself, if it can.
func (c *Checkup) examine(ctx context.Context, source any) {
	if d, ok := source.(rightful.Diagnoser); ok {
		c.add(d.Diagnose(ctx)...)
	}
}

// diagnoseMapping says what the mapping cannot state.
func (e *Engine) diagnoseMapping() []rightful.Diagnosis {
	if e.Sources.Directory == nil {
		return nil
	}
	m := e.Sources.Directory.Mapping()
	var d []rightful.Diagnosis
	if m.Resolver == rightful.ResolverNone {
		d = append(d, rightful.Fail("directory.resolve", "nothing states a user's company", "map users with company_id, or memberships, or set directory.resolve"))
	} else {
		d = append(d, rightful.OK("directory.resolve", "a user's company is resolved by "+string(m.Resolver)))
	}
	if !m.Memberships {
		d = append(d, rightful.Warn("directory.memberships", "not mapped: who belonged where in the past is unknown, so a wrong buyer is not told from one who moved", "map it if the app has such a table"))
	}
	if !m.SubscriptionRows {
		d = append(d, rightful.Warn("directory.subscriptions", "not mapped: payments that the database does not know stay unseen", "map it if the app keeps subscriptions"))
	}
	if !m.Link {
		d = append(d, rightful.Warn("directory.companies", "no company links a Stripe customer", "map stripe_customer_id, or directory.links"))
	}
	return d
}

// diagnoseExpectation compares the account and mode with what is expected.
func (e *Engine) diagnoseExpectation(ctx context.Context) []rightful.Diagnosis {
	if e.Sources.Stripe == nil {
		return nil
	}
	account, err := e.Sources.Stripe.Account(ctx)
	if err != nil {
		return nil // the source said so itself
	}
	if r := e.wrongAccount(account); r != nil {
		return []rightful.Diagnosis{rightful.Fail("stripe.account", r.Message, r.Hint)}
	}
	if e.Expect.Account == "" || e.Expect.Livemode == nil {
		return []rightful.Diagnosis{rightful.Warn("stripe.account", "the expected account and mode are not both set: a wrong key is only noticed by its missing customers",
			fmt.Sprintf("set stripe.account: %s and stripe.livemode: %v", account.ID, account.Livemode))}
	}
	return []rightful.Diagnosis{rightful.OK("stripe.account", "the key opens the expected account and mode")}
}
