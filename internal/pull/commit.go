package pull

import (
	"context"
	"sync"
	"time"

	"rightful"
)

// Pages that arrive within gather are kept in one transaction, so that the store is not
// asked more than ten times a second however fast Stripe answers. mostWaiting bounds what
// is held in memory, and what has to be read again after a kill: three lists at Stripe's
// limits bring 75 pages a second. Who has enough of them waits for no more.
const (
	gather      = 100 * time.Millisecond
	mostWaiting = 32 // pages that are not kept yet
	enough      = mostWaiting / 2
)

// committer keeps pages in the order in which they were added.
type committer struct {
	store rightful.MirrorStore
	sleep func(context.Context, time.Duration) error
	ended chan struct{} // closed when run has returned
	stop  context.CancelFunc

	mu      sync.Mutex
	queue   []rightful.MirrorPage // guarded by mu
	keeping int                   // guarded by mu: pages of the transaction under way
	flushes int                   // guarded by mu: who waits for everything to be kept
	err     error                 // guarded by mu: the first one; nothing is kept after it
	changed chan struct{}         // guarded by mu: closed, and replaced, at each change
	hurry   context.CancelFunc    // guarded by mu: ends the gathering; nil when nobody gathers
}

func newCommitter(store rightful.MirrorStore, sleep func(context.Context, time.Duration) error) *committer {
	ctx, stop := context.WithCancel(context.Background())
	c := &committer{store: store, sleep: sleep, ended: make(chan struct{}), stop: stop, changed: make(chan struct{})}
	go c.run(ctx)
	return c
}

// tell wakes everybody who waits. c.mu is held.
func (c *committer) tell() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// add hands over a page to be kept soon.
func (c *committer) add(page rightful.MirrorPage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, page)
	if len(c.queue) >= enough && c.hurry != nil {
		c.hurry()
	}
	c.tell()
}

// room waits until there is room for another page. It returns the error of keeping.
func (c *committer) room(ctx context.Context) error {
	return c.until(ctx, func() bool { return len(c.queue)+c.keeping < mostWaiting })
}

// flush waits until everything that was added is kept. It returns the error of keeping.
func (c *committer) flush(ctx context.Context) error {
	c.mu.Lock()
	c.flushes++
	if c.hurry != nil {
		c.hurry()
	}
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.flushes--
	}()
	return c.until(ctx, func() bool { return len(c.queue) == 0 && c.keeping == 0 })
}

func (c *committer) until(ctx context.Context, so func() bool) error {
	for {
		c.mu.Lock()
		err, is, changed := c.err, so(), c.changed
		c.mu.Unlock()
		if err != nil || is {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// close keeps what is left, also after an interruption, and ends.
func (c *committer) close() error {
	err := c.flush(context.Background())
	c.stop()
	<-c.ended
	return err
}

func (c *committer) run(ctx context.Context) {
	defer close(c.ended)
	for {
		c.mu.Lock()
		waiting, changed := len(c.queue) > 0, c.changed
		c.mu.Unlock()
		if !waiting {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				return
			}
		}
		c.gather(ctx)
		if !c.keep() {
			return
		}
	}
}

// gather waits for others that arrive about now, unless somebody waits for these.
func (c *committer) gather(ctx context.Context) {
	gathering, hurry := context.WithCancel(ctx)
	defer hurry()
	c.mu.Lock()
	waited := c.flushes > 0 || len(c.queue) >= enough
	c.hurry = hurry
	c.mu.Unlock()
	if !waited {
		_ = c.sleep(gathering, gather) // ended early is as good
	}
	c.mu.Lock()
	c.hurry = nil
	c.mu.Unlock()
}

// keep keeps what has gathered, and reports whether that succeeded.
func (c *committer) keep() bool {
	c.mu.Lock()
	pages := c.queue
	c.queue, c.keeping = nil, len(pages)
	c.tell()
	c.mu.Unlock()
	err := c.store.Keep(context.Background(), pages) // what was read is kept, interrupted or not
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keeping = 0
	if err != nil {
		c.err = &keepError{err}
	}
	c.tell()
	return err == nil
}
