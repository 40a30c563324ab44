// Package look reads what surrounds a question and has it judged, and judged again
// after a second, narrow read of what the first verdict turned on. Whoever asks about
// a part of an account asks here, so that all get the answer of an audit.
package look

import (
	"context"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/judge"
)

// Around reads the surroundings of a subject, wide enough to be judged as an audit
// judges them. It returns the situation and the subject as it grew; errors are those
// of collect.Around.
func Around(ctx context.Context, src collect.Sources, opt collect.Options, rules judge.Rules, about rightful.Subject) (*rightful.Situation, rightful.Subject, error) {
	return collect.Around(ctx, src, opt, about, func(sit *rightful.Situation) []string {
		return judge.Attributed(sit, rules, Heard(ctx, src, rules, sit))
	})
}

// Judged judges a situation, and again after a second read of what the first verdict
// wants, which it adds to the situation. On an error the verdict is the first one.
func Judged(ctx context.Context, src collect.Sources, opt collect.Options, rules judge.Rules, sit *rightful.Situation) (judge.Verdict, error) {
	v := Heard(ctx, src, rules, sit)
	if ctx.Err() != nil {
		return v, context.Cause(ctx)
	}
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
	if err := collect.Closer(ctx, src, opt, sit, collect.Wanted{Customers: want.Customers, Removals: want.Removals}); err != nil {
		return v, err
	}
	return Heard(ctx, src, rules, sit), nil
}
