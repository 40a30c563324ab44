package gateway

import (
	"cmp"
	"context"
	"slices"
	"time"

	"rightful"
)

// join makes what looks at the events of each of the joined accounts. They share the inbox,
// and only w accepts and works.
func (w *Webhooks) join() {
	if len(w.g.joined) == 0 {
		return
	}
	for _, g := range w.g.joined {
		one := w
		if g != w.g {
			o := w.o
			o.Secrets = w.o.SecretsOf[g.opt.Account]
			one = &Webhooks{g: g, o: o}
		}
		w.joined = append(w.joined, one)
	}
	for _, one := range w.joined {
		one.joined = w.joined
	}
}

// each is what looks at the events of each account.
func (w *Webhooks) each() []*Webhooks {
	if len(w.joined) == 0 {
		return []*Webhooks{w}
	}
	return w.joined
}

// signer returns that of the account one of whose secrets made a signature, nil for none.
func (w *Webhooks) signer(body []byte, s signature) *Webhooks {
	for _, one := range w.each() {
		if len(one.o.Secrets) > 0 && s.good(body, one.o.Secrets) {
			return one
		}
	}
	return nil
}

// ofAccount are events that one account's look is at.
type ofAccount struct {
	*Webhooks
	events []rightful.InboxEvent
}

// byAccount parts events by account, in their order. What is of none is w's own, which
// lets go of it.
func (w *Webhooks) byAccount(events []rightful.InboxEvent) []ofAccount {
	if len(w.joined) == 0 {
		return []ofAccount{{w, events}}
	}
	var parts []ofAccount
	for _, one := range w.joined {
		part := ofAccount{Webhooks: one}
		for _, e := range events {
			if g := w.g.named(e.Account); g == one.g || g == nil && one == w {
				part.events = append(part.events, e)
			}
		}
		if len(part.events) > 0 {
			parts = append(parts, part)
		}
	}
	return parts
}

// judging is one look at a shard.
type judging struct {
	w       *Webhooks
	without []string // accounts that cannot be read now
	failed  error    // why the first of them cannot
}

// some looks at some events of the shard, those of each account by themselves: one that
// cannot be read keeps nobody else waiting, however many events it has there.
func (j *judging) some(ctx context.Context, shard int, worker string, _ time.Time) (bool, error) {
	events, err := j.w.o.Inbox.OpenEvents(ctx, shard, judgeTogether, j.without)
	if err != nil || len(events) == 0 {
		return false, err
	}
	for _, part := range j.w.byAccount(events) {
		err := part.judgePart(ctx, shard, worker)
		switch {
		case err == nil:
		case len(j.w.joined) == 0, ctx.Err() != nil, ofOneEvent(err):
			return true, err
		default:
			for _, e := range part.events {
				if !slices.Contains(j.without, e.Account) {
					j.without = append(j.without, e.Account)
				}
			}
			j.failed = cmp.Or(j.failed, err)
		}
	}
	return true, nil
}

func (p ofAccount) judgePart(ctx context.Context, shard int, worker string) error {
	w := p.Webhooks
	b, err := w.judge(ctx, p.events)
	if err != nil {
		return err
	}
	if err := w.o.Inbox.SettleEvents(ctx, shard, worker, w.until(), b.events, b.learned()); err != nil {
		return err
	}
	for i, e := range b.events {
		if b.fates[i] == fateJudged {
			w.judged(ctx, e, b.found[e.Family])
		}
	}
	return nil
}
