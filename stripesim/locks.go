package stripesim

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// locks are the objects that a write is busy with. Stripe serialises writes to
// one object and gives up on those that wait too long (Stripe docs:
// rate-limits, object lock timeouts).
type locks struct {
	timeout time.Duration // 0: no locks; writes of an account run in turn anyway
	mu      sync.Mutex
	held    map[string]*objectLock
}

type objectLock struct {
	taken chan struct{} // holds one value while somebody has the lock
	users int           // holder and waiters
}

// acquire waits for an object; ok is false when that took longer than allowed.
func (l *locks) acquire(ctx context.Context, key string, sleep func(context.Context, time.Duration)) (release func(), ok bool) {
	l.mu.Lock()
	if l.held == nil {
		l.held = map[string]*objectLock{}
	}
	lock := l.held[key]
	if lock == nil {
		lock = &objectLock{taken: make(chan struct{}, 1)}
		l.held[key] = lock
	}
	lock.users++
	l.mu.Unlock()
	select {
	case lock.taken <- struct{}{}:
		return func() { l.release(key, lock, true) }, true
	default:
	}
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	over := make(chan struct{})
	go func() {
		sleep(waiting, l.timeout)
		close(over)
	}()
	select {
	case lock.taken <- struct{}{}:
		return func() { l.release(key, lock, true) }, true
	case <-over:
		l.release(key, lock, false)
		return nil, false
	}
}

func (l *locks) release(key string, lock *objectLock, holder bool) {
	if holder {
		<-lock.taken
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if lock.users--; lock.users == 0 {
		delete(l.held, key)
	}
}

// lockObject takes the lock of the object that a write names in its path.
func (x *exchange) lockObject(c *call) (unlock func(), err *apiError) {
	if x.server.locks.timeout <= 0 || !c.op.writes || c.id == "" {
		return func() {}, nil
	}
	key := fmt.Sprintf("%s/%t/%s", c.account.id, c.livemode, c.id)
	release, ok := x.server.locks.acquire(x.request.Context(), key, x.server.sleep)
	if !ok {
		return nil, lockTimeout()
	}
	return release, nil
}

// lockTimeout is a 429 that is no rate limit: it has no reason and no
// Request-Id, and the request was not processed.
func lockTimeout() *apiError {
	return &apiError{status: http.StatusTooManyRequests, kind: invalidRequest, code: codeLockTimeout, unexecuted: true, nameless: true,
		message: "This object cannot be accessed right now because another API request or Stripe process is currently accessing it. Retry the request; if this happens often, send the writes to one object one after the other."}
}

const codeLockTimeout = "lock_timeout"
