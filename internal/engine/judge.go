package engine

import (
	"context"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/judge"
)

// judged judges a situation, and again after a second, narrow read of what the
// first verdict turned on.
func (e *Engine) judged(ctx context.Context, src collect.Sources, sit *rightful.Situation) (judge.Verdict, error) {
	v := judge.Judge(sit, e.Rules)
	want := v.Wanted
	if src.Stripe == nil || sit.StripeUnread != "" || len(want.Customers)+len(want.Unread) == 0 && !want.Removals {
		return v, nil
	}
	unread := map[string]bool{}
	for _, id := range want.Unread {
		unread[id] = true
	}
	for i := range sit.Families {
		if f := &sit.Families[i]; unread[f.StripeCustomerID] {
			f.MoneyUnread = true
		}
	}
	if err := collect.Closer(ctx, src, e.Options, sit, collect.Wanted{Customers: want.Customers, Removals: want.Removals}); err != nil {
		return v, err
	}
	return judge.Judge(sit, e.Rules), nil
}
