package jobs

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"rightful"
)

// book is a schedule in memory, with faults.
type book struct {
	lease rightful.TaskLease

	mu      sync.Mutex
	renew   func() error
	renewed chan struct{}
	yielded []bool // whether the run came further
	waits   []int64
	ended   []rightful.TaskEnd
}

func (b *book) DueTasks(context.Context) ([]rightful.Scheduled, error) { return nil, nil }
func (b *book) TakeTask(context.Context, rightful.TaskKey, int64, int64, int64) (rightful.TaskLease, bool, error) {
	return b.lease, true, nil
}
func (b *book) RenewTask(context.Context, rightful.TaskLease, int64) error {
	defer func() {
		select {
		case b.renewed <- struct{}{}:
		default:
		}
	}()
	return b.renew()
}
func (b *book) YieldTask(_ context.Context, _ rightful.TaskLease, _, seconds int64, further bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.yielded, b.waits = append(b.yielded, further), append(b.waits, seconds)
	return nil
}
func (b *book) EndTask(_ context.Context, _ rightful.TaskLease, e rightful.TaskEnd) (rightful.TaskRun, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = append(b.ended, e)
	return rightful.TaskRun{}, nil
}

const due = 1_800_000_000

func newBook(tries int64) *book {
	return &book{
		lease: rightful.TaskLease{TaskKey: rightful.TaskKey{Task: rightful.TaskAudit, Account: "acct_1"}, Rule: "every 1h0m0s", DueAt: due, Tries: tries},
		renew: func() error { return nil }, renewed: make(chan struct{}, 1),
	}
}

func runs(b *book, length time.Duration, do func(ctx context.Context, l *Lease) (Done, error)) (*Scheduled, error) {
	s := &Scheduled{
		Schedules: b, Stopping: make(chan struct{}), LeaseFor: length, Logger: slog.New(slog.DiscardHandler), AtOnce: 1, slots: make(chan struct{}, 1),
		Now: time.Now, Do: func(ctx context.Context, l *Lease, _ time.Duration) (Done, error) { return do(ctx, l) },
	}
	return s, s.run(context.Background(), b.lease.TaskKey, due, 0)
}

// TestALeaseThatIsLostEndsTheWork: nothing more is asked, and nothing is written.
func TestALeaseThatIsLostEndsTheWork(t *testing.T) {
	t.Parallel()
	for name, renew := range map[string]func() error{
		"another has it":       func() error { return &rightful.Error{Kind: rightful.KindConflict} },
		"the database is away": func() error { return &rightful.Error{Kind: rightful.KindUnreachable} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBook(1)
			b.renew = renew
			_, err := runs(b, 4*time.Second, func(ctx context.Context, l *Lease) (Done, error) {
				if err := l.Check(ctx); err != nil {
					t.Errorf("at first: %v", err)
				}
				<-ctx.Done()
				if err := l.Check(ctx); !errors.Is(err, errLost) {
					t.Errorf("in the end: %v", err)
				}
				return Done{Outcome: rightful.TaskComplete}, nil
			})
			if !errors.Is(err, errLost) || len(b.ended)+len(b.yielded) > 0 {
				t.Errorf("%v; ended %v, yielded %v", err, b.ended, b.yielded)
			}
		})
	}
}

// TestALeaseEndsByTheHoldersClock, whatever becomes of the one who renews it, and earlier
// than in the database.
func TestALeaseEndsByTheHoldersClock(t *testing.T) {
	t.Parallel()
	now := time.Unix(due, 0)
	s := &Scheduled{Schedules: newBook(1), LeaseFor: 30 * time.Second, Now: func() time.Time { return now }}
	l, _, err := s.take(t.Context(), rightful.TaskKey{}, due, 0)
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(25*time.Second - 1)
	if err := l.Check(t.Context()); err != nil {
		t.Error(err)
	}
	now = now.Add(1)
	if err := l.Check(t.Context()); !errors.Is(err, errLost) {
		t.Errorf("%v", err)
	}
}

func TestWhatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	broken := errors.New("Stripe is away")
	for _, c := range []struct {
		tries, wait int64
		end         rightful.TaskOutcome
	}{{1, 5, ""}, {2, 10, ""}, {7, 320, ""}, {8, 0, rightful.TaskFailed}} {
		b := newBook(c.tries)
		_, err := runs(b, time.Minute, func(context.Context, *Lease) (Done, error) { return Done{GETs: 3}, broken })
		if c.end == "" {
			if !errors.Is(err, broken) || len(b.waits) != 1 || b.waits[0] != c.wait || b.yielded[0] {
				t.Errorf("try %d: %v, %v %v", c.tries, err, b.waits, b.yielded)
			}
			continue
		}
		if err != nil || len(b.ended) != 1 || b.ended[0].Outcome != c.end || b.ended[0].NextAt <= time.Now().Unix() && b.ended[0].NextAt != due+3600 {
			t.Errorf("try %d: %v, %+v", c.tries, err, b.ended)
		}
	}
}

// TestAProcessThatStopsGivesItsRunBack.
func TestAProcessThatStopsGivesItsRunBack(t *testing.T) {
	t.Parallel()
	b, stopping := newBook(1), make(chan struct{})
	s := &Scheduled{
		Schedules: b, Stopping: stopping, LeaseFor: time.Minute, Logger: slog.New(slog.DiscardHandler), AtOnce: 1, slots: make(chan struct{}, 1), Now: time.Now,
		Do: func(ctx context.Context, _ *Lease, _ time.Duration) (Done, error) {
			close(stopping)
			<-ctx.Done()
			return Done{}, context.Cause(ctx)
		},
	}
	if err := s.run(t.Context(), b.lease.TaskKey, due, 0); err != nil || len(b.yielded) != 1 || len(b.ended) != 0 {
		t.Errorf("%v; %v %v", err, b.yielded, b.ended)
	}
}
