package stripeapi

import (
	"context"
	"sync/atomic"
)

// Background is work that nobody waits for. What is asked with its context comes after
// everybody who waits, is counted apart, and is asked only while it may be.
type Background struct {
	check func(context.Context) error // nil: it may always
	gets  atomic.Int64
}

// InBackground returns a context for such work. check is called just before each request,
// retries included; when it returns an error, the request is not sent.
func InBackground(ctx context.Context, check func(context.Context) error) (context.Context, *Background) {
	b := &Background{check: check}
	return context.WithValue(inBulk(ctx), backgroundKey{}, b), b
}

// GETs returns how many GETs were sent with the context, retries included.
func (b *Background) GETs() int64 { return b.gets.Load() }

type backgroundKey struct{}

func backgroundOf(ctx context.Context) *Background {
	b, _ := ctx.Value(backgroundKey{}).(*Background)
	return b
}

// may reports whether a request may be sent. Nil may.
func (b *Background) may(ctx context.Context) error {
	if b == nil || b.check == nil {
		return nil
	}
	return b.check(ctx)
}

func (b *Background) sent() {
	if b != nil {
		b.gets.Add(1)
	}
}

// Share bounds this reader, and its writer, to a part of the account's pace, from 0, which
// is next to nothing, to 1: other processes take the rest. bulk is a part beside it that is
// kept for bulk reading; where it is 0, bulk reading takes what the others leave.
func (r *Reader) Share(of, bulk float64) {
	p := r.pacer
	p.mu.Lock()
	defer p.mu.Unlock()
	share := parts{of, bulk}
	if share == p.share {
		return
	}
	p.share = share
	now := p.now()
	p.account.scale(now, share)
	for _, l := range p.lanes {
		l.scale(now, share)
	}
}

// Mode returns the mode that the key itself tells, without asking Stripe.
func (r *Reader) Mode() (live, known bool) { return modeOfKey(r.key) }
