package gateway

import (
	"context"
	"fmt"
	"sync"
	"time"

	"rightful"
)

// Bounds of accepting together.
const (
	acceptTogether = 256              // events in one transaction
	acceptWaiting  = 4096             // events that wait for one
	acceptWithin   = 10 * time.Second // for one transaction: Stripe waits about as long
)

// acceptor lets requests that come at the same time share one transaction: making a
// commit durable costs as much for one event as for many. Nobody waits for company.
// The first who comes commits for itself, and whoever comes meanwhile is committed
// together next, by one of them.
type acceptor struct {
	inbox rightful.Inbox

	mu      sync.Mutex
	busy    bool // somebody commits
	waiting []*waiter
}

// waiter is one event whose request waits.
type waiter struct {
	event rightful.InboxEvent
	lead  chan struct{} // it is to commit for all that wait
	done  chan struct{} // it was committed, or not
	fresh bool
	err   error
}

// accept returns after the event was committed. When the request is given up, the
// event may be committed all the same; Stripe sends it again, and it is then a double.
func (a *acceptor) accept(ctx context.Context, e rightful.InboxEvent) (fresh bool, err error) {
	w := &waiter{event: e, lead: make(chan struct{}, 1), done: make(chan struct{})}
	a.mu.Lock()
	if len(a.waiting) >= acceptWaiting {
		a.mu.Unlock()
		return false, &rightful.Error{Kind: rightful.KindUnavailable, Place: "webhooks", Message: "too many events wait to be stored", Hint: "look at what keeps the state's database busy"}
	}
	a.waiting = append(a.waiting, w)
	if !a.busy {
		a.busy = true
		w.lead <- struct{}{}
	}
	a.mu.Unlock()
	select {
	case <-w.done:
	case <-w.lead:
		a.commit(context.WithoutCancel(ctx))
		<-w.done // its own event was among them
	case <-ctx.Done():
		a.leave(w)
		return false, ctx.Err()
	}
	return w.fresh, w.err
}

// commit stores what waits, the leader's own event first in line, and hands on.
func (a *acceptor) commit(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, acceptWithin)
	defer cancel()
	a.mu.Lock()
	batch := a.waiting[:min(len(a.waiting), acceptTogether)]
	a.waiting = a.waiting[len(batch):]
	a.mu.Unlock()

	events := make([]rightful.InboxEvent, len(batch))
	for i, w := range batch {
		events[i] = w.event
	}
	fresh, err := a.store(ctx, events)
	for i, w := range batch {
		if w.err = err; err == nil {
			w.fresh = fresh[i]
		}
		close(w.done)
	}
	a.pass()
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

// pass lets the one that waits longest commit next.
func (a *acceptor) pass() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy = len(a.waiting) > 0; a.busy {
		a.waiting[0].lead <- struct{}{}
	}
}

// leave takes a request away that was given up. If it had just been told to commit,
// the next one does.
func (a *acceptor) leave(w *waiter) {
	a.mu.Lock()
	for i, other := range a.waiting {
		if other == w {
			a.waiting = append(a.waiting[:i:i], a.waiting[i+1:]...)
			break
		}
	}
	a.mu.Unlock()
	select {
	case <-w.lead:
		a.pass()
	default:
	}
}
