package gateway

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"rightful"
)

// gated is an inbox that waits to be let go, and counts its transactions.
type gated struct {
	enter chan []rightful.InboxEvent
	leave chan error
}

func (g gated) AcceptEvents(_ context.Context, events []rightful.InboxEvent) ([]bool, error) {
	g.enter <- events
	return make([]bool, len(events)), <-g.leave
}

// wait returns when n events wait.
func (a *acceptor) wait(n int) {
	for {
		a.mu.Lock()
		got := len(a.waiting)
		a.mu.Unlock()
		if got == n {
			return
		}
		runtime.Gosched()
	}
}

// TestWhoWaitsSharesACommit: those who come while one is committed are committed
// together, one that is given up takes nobody along, and nobody leads for ever.
func TestWhoWaitsSharesACommit(t *testing.T) {
	t.Parallel()
	g := gated{make(chan []rightful.InboxEvent), make(chan error)}
	a := &acceptor{inbox: g}
	accept := func(ctx context.Context, id string, done chan<- error) {
		_, err := a.accept(ctx, rightful.InboxEvent{ID: id})
		done <- err
	}
	first, up, rest := make(chan error, 1), make(chan error, 1), make(chan error, 20)
	go accept(t.Context(), "evt_first", first)
	if got := <-g.enter; len(got) != 1 {
		t.Errorf("got %v", got)
	}
	given, cancel := context.WithCancel(t.Context())
	go accept(given, "evt_given_up", up)
	a.wait(1)
	cancel()
	if err := <-up; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for i := range 10 {
		go accept(t.Context(), fmt.Sprint("evt_", i), rest)
	}
	a.wait(10)
	g.leave <- nil
	if err := <-first; err != nil {
		t.Error(err)
	}
	if got := <-g.enter; len(got) != 10 {
		t.Errorf("%d are committed together", len(got))
	}
	failed := errors.New("no room")
	g.leave <- failed
	for range 10 {
		if err := <-rest; !errors.Is(err, failed) {
			t.Errorf("got %v", err)
		}
	}
}

// TestNobodyWaitsForTheCommitsOfOthers: while nothing can be stored, a request is
// refused as soon as its own time is over, and not when all before it have failed. It
// takes nobody's place then.
func TestNobodyWaitsForTheCommitsOfOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := gated{make(chan []rightful.InboxEvent), make(chan error)}
		a := &acceptor{inbox: g}
		accept := func(id string) <-chan error {
			done := make(chan error, 1)
			go func() {
				_, err := a.accept(t.Context(), rightful.InboxEvent{ID: id})
				done <- err
			}()
			return done
		}
		first := accept("evt_first")
		<-g.enter
		time.Sleep(acceptWithin / 2) // on the clock of synctest: nobody waits
		second := accept("evt_second")
		began := time.Now()
		if err := <-first; rightful.KindOf(err) != rightful.KindUnavailable || time.Since(began) != acceptWithin/2 {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		if err := <-second; rightful.KindOf(err) != rightful.KindUnavailable || time.Since(began) != acceptWithin {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		kept := accept("evt_kept")
		synctest.Wait()
		g.leave <- context.DeadlineExceeded
		if got := <-g.enter; len(got) != 1 || got[0].ID != "evt_kept" {
			t.Errorf("got %v", got)
		}
		g.leave <- nil
		if err := <-kept; err != nil {
			t.Error(err)
		}
	})
}

// TestTooManyWait: what cannot be stored soon is refused now.
func TestTooManyWait(t *testing.T) {
	t.Parallel()
	a := &acceptor{busy: true, waiting: make([]*waiter, acceptWaiting)}
	if _, err := a.accept(t.Context(), rightful.InboxEvent{}); rightful.KindOf(err) != rightful.KindUnavailable {
		t.Errorf("got %v", err)
	}
}

// broken is an inbox with a fault of its own.
type broken func() []bool

func (b broken) AcceptEvents(context.Context, []rightful.InboxEvent) ([]bool, error) { return b(), nil }

// TestABrokenInboxIsAnError, and the next event is committed all the same.
func TestABrokenInboxIsAnError(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]broken{
		"panic": func() []bool { panic("a fault") }, "too few answers": func() []bool { return nil },
	} {
		a := &acceptor{inbox: fault}
		func() {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("%s: it panics: %v", name, r)
				}
			}()
			if _, err := a.accept(t.Context(), rightful.InboxEvent{}); err == nil {
				t.Errorf("%s: it is no error", name)
			}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		a.inbox = broken(func() []bool { return []bool{true} })
		if fresh, err := a.accept(ctx, rightful.InboxEvent{}); !fresh || err != nil {
			t.Errorf("%s: after it %v %v", name, fresh, err)
		}
		cancel()
	}
}
