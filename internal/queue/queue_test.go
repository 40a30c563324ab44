package queue_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"rightful"
	"rightful/internal/queue"
	"rightful/internal/state"
	"rightful/internal/testserver"
)

// note is a job.
type note struct {
	Text string `json:"text"`
}

func (note) Kind() string { return "note" }

// place is a state that queues keep their jobs in.
type place struct {
	address string
	store   *state.Store
}

// onBoth runs a test on each engine.
func onBoth(t *testing.T, test func(t *testing.T, p *place)) {
	t.Parallel()
	for engine, address := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "rightful.db") },
		"postgres": func(t *testing.T) string { return testserver.Postgres(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			p := &place{address: address(t)}
			p.store = p.open(t)
			test(t, p)
		})
	}
}

func (p *place) open(t *testing.T) *state.Store {
	t.Helper()
	s, err := state.Open(t.Context(), p.address, state.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// queue opens a queue, as another process would. The jobs' texts come out of the
// channel; work says what becomes of them.
func (p *place) queue(t *testing.T, work func(context.Context, note) error) *queue.Queue {
	t.Helper()
	at, err := p.store.OpenQueue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { at.Close() })
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[note]) error { return work(ctx, job.Args) }))
	q, err := queue.Open(t.Context(), queue.Connections{SQLite: at.SQLite, Postgres: at.Postgres}, queue.Options{Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// insert puts a job into a transaction of the store, beside an event, and fails it or
// not.
func (p *place) insert(t *testing.T, q *queue.Queue, text string, fail error) {
	t.Helper()
	p.store.SetWaker(func(ctx context.Context, tx state.Tx, _ []state.Wake) error {
		if err := q.Insert(ctx, queue.Tx{SQLite: tx.SQL, Postgres: tx.Postgres}, note{text}); err != nil {
			return err
		}
		return fail
	})
	// Each is in a shard that is taken, so that the next one queues a job again.
	if _, err := p.store.TakeShard(t.Context(), rightful.LaneJudge, 1, "test", 0); err != nil {
		t.Fatal(err)
	}
	_, err := p.store.AcceptEvents(t.Context(), []rightful.InboxEvent{{ID: text, Type: "a", Family: text, Shard: 1, Status: rightful.InboxPending}})
	if !errors.Is(err, fail) {
		t.Fatalf("got %v", err)
	}
}

func TestAJobIsCommittedWithWhatItIsFor(t *testing.T) {
	onBoth(t, func(t *testing.T, p *place) {
		done := make(chan string, 10)
		q := p.queue(t, func(_ context.Context, n note) error { done <- n.Text; return nil })
		p.insert(t, q, "taken back", errors.New("no"))
		p.insert(t, q, "kept", nil)
		if err := q.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := <-done; got != "kept" {
			t.Errorf("worked on %s", got)
		}
		if err := q.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if len(done) > 0 {
			t.Errorf("worked on %s", <-done)
		}
	})
}

func TestAJobThatFailsComesAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, p *place) {
		var tries atomic.Int32
		done := make(chan string, 10)
		q := p.queue(t, func(_ context.Context, n note) error {
			if tries.Add(1) == 1 {
				return errors.New("not now")
			}
			done <- n.Text
			return nil
		})
		p.insert(t, q, "again", nil)
		if err := q.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-done
		if err := q.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestStopWaitsForJobs, and calls them off when it may not wait longer.
func TestStopWaitsForJobs(t *testing.T) {
	onBoth(t, func(t *testing.T, p *place) {
		began, end, off := make(chan struct{}, 2), make(chan struct{}), make(chan struct{}, 1)
		q := p.queue(t, func(ctx context.Context, n note) error {
			began <- struct{}{}
			select {
			case <-end:
				return nil
			case <-ctx.Done():
				off <- struct{}{}
				return ctx.Err()
			}
		})
		p.insert(t, q, "long", nil)
		if err := q.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-began
		impatient, cancel := context.WithCancel(t.Context())
		cancel()
		if err := q.Stop(impatient); err != nil {
			t.Error(err)
		}
		<-off
	})
}

// TestManyOpenAtOnce: several processes make the tables at the same time.
func TestManyOpenAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, p *place) {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				at, err := p.store.OpenQueue(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				defer at.Close()
				if _, err := queue.Open(t.Context(), queue.Connections{SQLite: at.SQLite, Postgres: at.Postgres}, queue.Options{}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

// TestAnAppsOwnRiverStaysItsOwn: the tables are in a schema of their own.
func TestAnAppsOwnRiverStaysItsOwn(t *testing.T) {
	t.Parallel()
	p := &place{address: testserver.Postgres(t)}
	p.store = p.open(t)
	p.queue(t, func(context.Context, note) error { return nil })
	pool, err := pgxpool.New(t.Context(), p.address)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var elsewhere int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_tables WHERE tablename LIKE 'river%' AND schemaname <> $1`, queue.Schema).Scan(&elsewhere); err != nil || elsewhere != 0 {
		t.Errorf("%d tables elsewhere, %v", elsewhere, err)
	}
}
