package wire

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"rightful"
	"rightful/internal/config"
	"rightful/internal/jobs"
	"rightful/internal/schedule"
	"rightful/internal/source/mirror"
	"rightful/internal/source/stripeapi"
	"rightful/internal/state"
)

// tasksAtOnce is how many tasks one process runs at a time.
const tasksAtOnce = 4

// scheduling runs what the schedule of a config says, beside other processes that do.
type scheduling struct {
	config   *config.Config
	path     string
	state    *state.Store
	now      func() time.Time
	log      *slog.Logger
	tasks    *jobs.Scheduled
	join     func(queue string) error
	accounts []*scheduledAccount

	stopping chan struct{}
	stop     sync.Once

	mu     sync.Mutex
	mirror *mirror.Mirror // guarded by mu; nil until it is needed
}

// newScheduling prepares what the schedule says, for each account that is answered for.
// readers are those of all accounts of the config.
func (g *Opened) newScheduling(path string, readers []*stripeapi.Reader, o GatewayOptions) (*scheduling, error) {
	c := g.config
	s := &scheduling{config: c, path: path, state: g.state, now: o.Now, log: o.Logger, join: func(name string) error { return g.work.queue.Join(name) }, stopping: make(chan struct{})}
	s.tasks = &jobs.Scheduled{
		Schedules: g.state, Add: func(ctx context.Context, all []river.InsertManyParams) error { return g.work.queue.Add(ctx, all) },
		AtOnce: tasksAtOnce, Do: s.do, Ended: s.ended, Stopping: s.stopping, LeaseFor: c.Schedule.LeaseFor(), Now: o.Now, Logger: o.Logger,
	}
	for i, at := range g.accounts {
		own := c
		if c.Several() {
			var err error
			if own, err = c.Narrowed(at.Account); err != nil {
				return nil, err
			}
		}
		readers[i].Share(0, 0) // until it is known who else asks
		s.accounts = append(s.accounts, &scheduledAccount{scheduling: s, config: own, stripe: readers[i], others: without(readers, i), node: rand.Text()})
	}
	return s, nil
}

// queueOf names the queue of those who can run the tasks of an account.
func queueOf(a rightful.Account) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%s %t", a.ID, a.Livemode))
	return "schedule-" + hex.EncodeToString(h[:8])
}

// refusedSchedule refuses a schedule that would exceed what Stripe allows, whatever the
// account holds.
func refusedSchedule(c *config.Config, now time.Time) error {
	over := schedule.Exceeds(costs(c, nil), c.Schedule.Reads(), now)
	if over == "" {
		return nil
	}
	return &rightful.Error{Kind: rightful.KindRefused, Place: "schedule", Message: over,
		Hint: "let it run less often, or, if your account has more, say so: schedule: {monthly_reads: ...}. Stripe allows 500 for each transaction of the last 30 days, and 10,000 at least"}
}

// mirroredLeast is how many GETs an audit from the mirror takes at least: no mirror keeps the
// webhook endpoints and the undelivered events.
const mirroredLeast = 2

// costs returns what the tasks of a config cost, by what their runs took.
func costs(c *config.Config, known []rightful.Scheduled) []schedule.Cost {
	var all []schedule.Cost
	rules := c.Schedule.Rules()
	for _, t := range []rightful.Task{rightful.TaskSync, rightful.TaskAudit} {
		rule, runs := rules[t]
		if !runs {
			continue
		}
		cost := schedule.Cost{Task: t, Rule: rule, GETs: schedule.Least(t)}
		if t == rightful.TaskAudit && c.Schedule.Audit.Mirror {
			cost.GETs = mirroredLeast
		}
		for _, k := range known {
			if k.Task == t && k.GETs > 0 {
				cost.GETs, cost.Measured = k.GETs, true
			}
		}
		all = append(all, cost)
	}
	return all
}

// run registers what runs, and tells the others of this process, until the context ends.
func (s *scheduling) run(ctx context.Context) {
	defer s.stop.Do(func() { close(s.stopping) })
	var all sync.WaitGroup
	for _, a := range s.accounts {
		all.Go(func() { a.run(ctx) })
	}
	all.Go(func() { s.tasks.Run(ctx) })
	<-ctx.Done()
	s.stop.Do(func() { close(s.stopping) })
	all.Wait()
}

// of returns the account that a task is about.
func (s *scheduling) of(k rightful.TaskKey) (*scheduledAccount, error) {
	for _, a := range s.accounts {
		if own, known := a.known(); known && own.ID == k.Account && own.Livemode == k.Livemode {
			return a, nil
		}
	}
	return nil, fmt.Errorf("this process does not know yet that its key opens %s", k.Account)
}

func (s *scheduling) ended(ctx context.Context, run rightful.TaskRun) {
	s.log.Info("a run of the schedule ended", "task", string(run.Task), "account", run.Account, "due_at", run.DueAt, "outcome", string(run.Outcome),
		"detail", run.Detail, "audit", run.AuditID, "stripe_gets", run.GETs, "slices", run.Slices, "seconds", run.EndedAt-run.StartedAt)
	if a, err := s.of(run.TaskKey); err == nil {
		a.afford(ctx)
	}
}

func (s *scheduling) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mirror == nil {
		return nil
	}
	return s.mirror.Close()
}
