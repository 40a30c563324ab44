package jobs

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"rightful"
)

// Lease is the right to run a task, as its holder knows it: for how long it lasts, by the
// holder's own clock.
type Lease struct {
	rightful.TaskLease

	schedules Schedules
	length    time.Duration
	now       func() time.Time
	log       *slog.Logger

	mu    sync.Mutex
	until time.Time // guarded by mu
}

// errLost says that the lease may be another's by now.
var errLost = errors.New("it was not heard of for so long that another process may be at it: nothing more is asked or written")

// take takes a task. What is known of the time is from before the request was sent, so
// that the lease ends here before it ends in the database.
func (s *Scheduled) take(ctx context.Context, key rightful.TaskKey, dueAt, after int64) (*Lease, bool, error) {
	l := &Lease{schedules: s.Schedules, length: s.LeaseFor, now: s.Now, log: s.Logger}
	asked := l.now()
	taken, ok, err := s.Schedules.TakeTask(ctx, key, dueAt, after, l.seconds())
	l.TaskLease, l.until = taken, l.end(asked)
	return l, ok, err
}

func (l *Lease) seconds() int64 { return int64(l.length / time.Second) }

// margin is how much earlier than in the database a lease ends here: for what is on its
// way to Stripe then, and because the database counts in whole seconds.
func (l *Lease) margin() time.Duration { return max(l.length/6, 1500*time.Millisecond) }

func (l *Lease) end(asked time.Time) time.Time { return asked.Add(l.length - l.margin()) }

// Check reports whether Stripe may be asked now. Its error is that of a lease that is
// lost.
func (l *Lease) Check(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now().Before(l.until) {
		return nil
	}
	return errLost
}

func (l *Lease) left() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until.Sub(l.now())
}

// keep renews the lease until the context ends. When it cannot be renewed in time, or
// somebody else has it, the work is stopped.
func (l *Lease) keep(ctx context.Context, stop context.CancelCauseFunc, stopping <-chan struct{}) {
	next := time.NewTimer(l.length / 4)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-stopping:
			stop(errStopping)
			return
		case <-next.C:
		}
		asked := l.now()
		bounded, cancel := context.WithTimeout(ctx, max(l.left(), 0))
		err := l.schedules.RenewTask(bounded, l.TaskLease, l.seconds())
		cancel()
		switch {
		case err == nil:
			l.mu.Lock()
			l.until = l.end(asked)
			l.mu.Unlock()
			next.Reset(l.length / 4)
		case ctx.Err() != nil:
			return
		case rightful.KindOf(err) == rightful.KindConflict || l.left() <= 0:
			l.lose()
			stop(errLost)
			return
		default:
			l.log.Warn("an account is held, and the state does not answer", "task", string(l.Task), "account", l.Account, "error", err.Error())
			next.Reset(min(time.Second, l.length/8))
		}
	}
}

// lose ends the lease here and now.
func (l *Lease) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = time.Time{}
}
