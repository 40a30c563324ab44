package gateway

import (
	"context"

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

// judgeEach looks at some events of a shard, those of each account by themselves: one that
// cannot be read keeps nobody else waiting.
func (w *Webhooks) judgeEach(ctx context.Context, shard int, worker string, events []rightful.InboxEvent) (failed error) {
	for _, part := range w.byAccount(events) {
		if err := part.judgePart(ctx, shard, worker); err != nil && failed == nil {
			failed = err
		}
	}
	return failed
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
