package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"rightful"
	"rightful/internal/schedule"
)

// Schedules is where it stands what runs when, and who is at it.
type Schedules interface {
	DueTasks(ctx context.Context) ([]rightful.Scheduled, error)
	TakeTask(ctx context.Context, key rightful.TaskKey, dueAt, after, seconds int64) (rightful.TaskLease, bool, error)
	RenewTask(ctx context.Context, l rightful.TaskLease, seconds int64) error
	YieldTask(ctx context.Context, l rightful.TaskLease, gets, seconds int64, further bool) error
	EndTask(ctx context.Context, l rightful.TaskLease, end rightful.TaskEnd) (rightful.TaskRun, error)
}

// Done is what became of one slice of a run.
type Done struct {
	// More tells that the run goes on in another slice, and Further that this one
	// brought it any further.
	More, Further bool
	GETs          int64 // that the slice took

	// The rest is of a run that came to its end.
	Outcome rightful.TaskOutcome
	Detail  string
	Usual   bool // the next run will take about as many GETs
	Audit   *rightful.AuditResult
}

// Scheduled runs tasks when they are due.
type Scheduled struct {
	Schedules Schedules
	// Add queues jobs; those that are queued already are left out.
	Add func(ctx context.Context, jobs []river.InsertManyParams) error
	// Do does a slice of a task. It asks Stripe only while the lease lasts: its Check is
	// called before each request. Within is how long the slice should take.
	Do func(ctx context.Context, lease *Lease, within time.Duration) (Done, error)
	// Ended is told of each run; nil is allowed.
	Ended func(ctx context.Context, run rightful.TaskRun)
	// Stopping is closed when the process stops: what runs is given back at once.
	Stopping <-chan struct{}
	// AtOnce is how many tasks run here at a time.
	AtOnce int
	// LeaseFor is for how long an account is held by somebody who is not heard of.
	LeaseFor time.Duration
	Now      func() time.Time // with a monotonic clock
	Logger   *slog.Logger

	slots chan struct{} // made by Register
}

// What a schedule does with time.
const (
	wakeEvery = 2 * time.Second
	// longestSync and longestAudit are when River takes a job for dead. The lease tells
	// much sooner: this is when the row of a dead job goes.
	longestSync  = 15 * time.Minute
	longestAudit = 6 * time.Hour
	// mostTries is how often a run is tried without coming any further.
	mostTries = 8
	// firstRetry doubles with each try.
	firstRetry   = 5 * time.Second
	longestRetry = 10 * time.Minute
	slice        = 25 * time.Second
	longestSlice = 10 * time.Minute
)

// RunTask is a job: a slice of a run. After tells it from the slices before it, so that
// a job that is left of a dead process does nothing when it comes back.
type RunTask struct {
	Task     rightful.Task `json:"task"`
	Account  string        `json:"account"`
	Livemode bool          `json:"livemode"`
	DueAt    int64         `json:"due_at"`
	After    int64         `json:"after"`
}

// Kind implements river.JobArgs.
func (RunTask) Kind() string { return "schedule_run" }

// InsertOpts lets a job be queued once. One that fails is not tried again by the queue:
// the schedule makes another.
func (RunTask) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true, ByQueue: true, ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
	}}}
}

// Register adds the worker to a bundle.
func (s *Scheduled) Register(workers *river.Workers) {
	s.slots = make(chan struct{}, s.AtOnce)
	river.AddWorker(workers, &taskWorker{s: s})
}

// Run queues what is due, until the context ends. Every process looks, and what is queued
// already is not queued again: so nothing waits until a leader that is gone is missed.
func (s *Scheduled) Run(ctx context.Context) {
	look := time.NewTicker(wakeEvery)
	defer look.Stop()
	for {
		if err := s.wake(ctx); err != nil && ctx.Err() == nil {
			s.Logger.Warn("it is not known what is due", "error", err.Error())
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Scheduled) wake(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*wakeEvery)
	defer cancel()
	due, err := s.Schedules.DueTasks(ctx)
	if err != nil {
		return err
	}
	jobs := make([]river.InsertManyParams, len(due))
	for i, d := range due {
		jobs[i] = river.InsertManyParams{
			Args:       RunTask{Task: d.Task, Account: d.Account, Livemode: d.Livemode, DueAt: d.DueAt, After: d.After},
			InsertOpts: &river.InsertOpts{Queue: d.Queue},
		}
	}
	return s.Add(ctx, jobs)
}

type taskWorker struct {
	river.WorkerDefaults[RunTask]
	s *Scheduled
}

// Timeout implements river.Worker.
func (*taskWorker) Timeout(job *river.Job[RunTask]) time.Duration {
	if job.Args.Task == rightful.TaskAudit {
		return longestAudit
	}
	return longestSync
}

// Work implements river.Worker.
func (w *taskWorker) Work(ctx context.Context, job *river.Job[RunTask]) error {
	a := job.Args
	return w.s.run(ctx, rightful.TaskKey{Task: a.Task, Account: a.Account, Livemode: a.Livemode}, a.DueAt, a.After)
}

// run does one slice of a run.
func (s *Scheduled) run(ctx context.Context, key rightful.TaskKey, dueAt, after int64) error {
	select {
	case <-s.Stopping:
		return nil // another process will see that it is due
	default:
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		return river.JobSnooze(busyFor) // perhaps another process has a place
	}
	lease, ok, err := s.take(ctx, key, dueAt, after)
	if err != nil || !ok {
		return err
	}
	working, stop := context.WithCancelCause(ctx)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		lease.keep(working, stop, s.Stopping)
	}()
	within := min(slice<<min(lease.Tries-1, 8), longestSlice)
	done, err := s.Do(working, lease, within)
	stop(nil)
	<-kept
	return s.settle(context.WithoutCancel(ctx), lease, done, err, context.Cause(working))
}

// errStopping ends the work of a process that stops.
var errStopping = errors.New("the process stops")

// settle writes down what became of a slice.
func (s *Scheduled) settle(ctx context.Context, l *Lease, done Done, failed, because error) error {
	ctx, cancel := context.WithTimeout(ctx, s.LeaseFor)
	defer cancel()
	switch {
	case errors.Is(because, errLost) || errors.Is(failed, errLost):
		return fmt.Errorf("%s of %s: %w", l.Task, l.Account, errLost) // whoever has it goes on
	case errors.Is(because, errStopping):
		return s.Schedules.YieldTask(ctx, l.TaskLease, done.GETs, 0, true)
	case failed != nil && l.Tries >= mostTries:
		done = Done{Outcome: rightful.TaskFailed, Detail: failed.Error(), GETs: done.GETs}
	case failed != nil:
		wait := min(firstRetry<<(l.Tries-1), longestRetry)
		return errors.Join(fmt.Errorf("%s of %s: %w", l.Task, l.Account, failed), s.Schedules.YieldTask(ctx, l.TaskLease, done.GETs, int64(wait/time.Second), false))
	case done.More && l.Tries >= mostTries && !done.Further:
		done = Done{Outcome: rightful.TaskFailed, Detail: fmt.Sprintf("it was taken up %d times, and came no further", l.Tries), GETs: done.GETs}
	case done.More:
		return s.Schedules.YieldTask(ctx, l.TaskLease, done.GETs, 0, done.Further)
	}
	rule, err := schedule.Parse(l.Rule)
	if err != nil {
		return err
	}
	run, err := s.Schedules.EndTask(ctx, l.TaskLease, rightful.TaskEnd{
		Outcome: done.Outcome, Detail: done.Detail, GETs: done.GETs, Usual: done.Usual, Audit: done.Audit,
		NextAt: rule.Next(time.Unix(l.DueAt, 0), s.Now()).Unix(),
	})
	if err == nil && s.Ended != nil {
		s.Ended(ctx, run)
	}
	return err
}
