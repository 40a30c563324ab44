package gateway

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"rightful"
)

// Bounds of accepting together.
const (
	acceptTogether = 256              // events in one transaction
	acceptWaiting  = 4096             // events that wait for one
	acceptWithin   = 10 * time.Second // for one transaction, and for one request: Stripe waits about as long
)

// acceptor lets requests that come at the same time share one transaction: making a
// commit durable costs as much for one event as for many. Nobody waits for company.
// The first one is committed alone, and whoever comes meanwhile is committed together
// next.
type acceptor struct {
	inbox  rightful.Inbox
	within time.Duration // 0: acceptWithin

	mu      sync.Mutex
	busy    bool // somebody commits
	waiting []*waiter
}

// waiter is one event whose request waits.
type waiter struct {
	event rightful.InboxEvent
	done  chan struct{} // it was committed, or not
	fresh bool
	err   error
}

// accept returns after the event was committed. When the request is given up, or has
// waited for too long, the event may be committed all the same; Stripe sends it again,
// and it is then a double.
func (a *acceptor) accept(ctx context.Context, e rightful.InboxEvent) (fresh bool, err error) {
	w := &waiter{event: e, done: make(chan struct{})}
	a.mu.Lock()
	if len(a.waiting) >= acceptWaiting {
		a.mu.Unlock()
		return false, &rightful.Error{Kind: rightful.KindUnavailable, Place: "webhooks", Message: "too many events wait to be stored", Hint: "look at what keeps the state's database busy"}
	}
	a.waiting = append(a.waiting, w)
	begin := !a.busy
	a.busy = true
	a.mu.Unlock()
	if begin {
		go a.work()
	}
	// Those that wait for a commit that fails wait for their own after it. A database
	// that is locked must not hold a request for as long as all of them together.
	late := time.NewTimer(a.limit())
	defer late.Stop()
	select {
	case <-w.done:
		return w.fresh, w.err
	case <-ctx.Done():
		err = ctx.Err()
	case <-late.C:
		err = &rightful.Error{Kind: rightful.KindUnavailable, Place: "webhooks", Message: "the event was not stored within " + a.limit().String(), Hint: "look at what keeps the state's database busy"}
	}
	a.leave(w)
	return false, err
}

func (a *acceptor) limit() time.Duration {
	if a.within > 0 {
		return a.within
	}
	return acceptWithin
}

// work commits until nobody waits.
func (a *acceptor) work() {
	for a.commit(context.Background()) {
	}
}

// commit stores what waits, and reports whether there was anything.
func (a *acceptor) commit(ctx context.Context) bool {
	a.mu.Lock()
	batch := slices.Clone(a.waiting[:min(len(a.waiting), acceptTogether)])
	a.waiting = a.waiting[len(batch):]
	a.busy = len(batch) > 0
	a.mu.Unlock()
	if len(batch) == 0 {
		return false
	}
	events := make([]rightful.InboxEvent, len(batch))
	for i, w := range batch {
		events[i] = w.event
	}
	ctx, cancel := context.WithTimeout(ctx, a.limit())
	defer cancel()
	fresh, err := a.store(ctx, events)
	for i, w := range batch {
		if w.err = err; err == nil {
			w.fresh = fresh[i]
		}
		close(w.done)
	}
	return true
}

// store keeps events. An inbox of the app's own that panics must not take those along
// who come later: nobody would commit for them any more.
func (a *acceptor) store(ctx context.Context, events []rightful.InboxEvent) (fresh []bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("gateway: the inbox failed: %v", r)
		}
	}()
	fresh, err = a.inbox.AcceptEvents(ctx, events)
	if err == nil && len(fresh) != len(events) {
		err = fmt.Errorf("gateway: the inbox was given %d events, and answered about %d", len(events), len(fresh))
	}
	return fresh, err
}

// leave takes a request away that was given up, so that it takes nobody's place.
func (a *acceptor) leave(w *waiter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = slices.DeleteFunc(slices.Clone(a.waiting), func(other *waiter) bool { return other == w })
}
