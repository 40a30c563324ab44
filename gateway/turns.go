package gateway

import (
	"context"
	"sync"
)

// turns lets one at a time through for each key: within a process, those who want
// the same thing need not race at Stripe. Other processes are kept apart by the
// intents.
type turns struct {
	mu    sync.Mutex
	lines map[string]*line
}

// line is who waits for one key.
type line struct {
	turn    chan struct{} // holds one value while nobody has the turn
	waiting int
}

// take waits for the key's turn, or until ctx ends. leave must be called once it was
// taken.
func (t *turns) take(ctx context.Context, key string) (leave func(), err error) {
	t.mu.Lock()
	if t.lines == nil {
		t.lines = map[string]*line{}
	}
	l := t.lines[key]
	if l == nil {
		l = &line{turn: make(chan struct{}, 1)}
		l.turn <- struct{}{}
		t.lines[key] = l
	}
	l.waiting++
	t.mu.Unlock()
	gone := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if l.waiting--; l.waiting == 0 {
			delete(t.lines, key)
		}
	}
	select {
	case <-l.turn:
		return func() { l.turn <- struct{}{}; gone() }, nil
	case <-ctx.Done():
		gone()
		return nil, context.Cause(ctx)
	}
}
