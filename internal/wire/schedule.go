package wire

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
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
	config *config.Config
	path   string
	state  *state.Store
	stripe *stripeapi.Reader
	now    func() time.Time
	log    *slog.Logger
	tasks  *jobs.Scheduled
	queue  string // of those with the same config
	node   string // this process

	stopping chan struct{}
	stop     sync.Once

	mu      sync.Mutex
	mirror  *mirror.Mirror // guarded by mu; nil until it is needed
	account rightful.Account
	share   rightful.NodeShare // guarded by mu
	until   time.Time          // guarded by mu: for how long the share stands
	holds   int                // guarded by mu: leases of the account
}

// newScheduling prepares what the schedule says. A schedule that Stripe would not allow is
// an error of kind refused.
func (g *Opened) newScheduling(path string, stripe *stripeapi.Reader, o GatewayOptions) (*scheduling, error) {
	c := g.config
	if err := refusedSchedule(c, o.Now()); err != nil {
		return nil, err
	}
	s := &scheduling{
		config: c, path: path, state: g.state, stripe: stripe, now: o.Now, log: o.Logger, node: rand.Text(),
		queue: queueOf(c), stopping: make(chan struct{}),
	}
	s.tasks = &jobs.Scheduled{
		Schedules: g.state, Add: func(ctx context.Context, all []river.InsertManyParams) error { return g.work.queue.Add(ctx, all) },
		Do: s.do, Ended: s.ended, Stopping: s.stopping, LeaseFor: c.Schedule.LeaseFor(), Now: o.Now, Logger: o.Logger,
	}
	stripe.Share(0) // until it is known who else asks
	return s, nil
}

// queueOf names the queue of those who can run the tasks of a config: who opens the same
// accounts.
func queueOf(c *config.Config) string {
	h := sha256.New()
	for _, a := range c.Stripe {
		h.Write([]byte(a.Account + "\n" + a.APIBase + "\n" + a.Key + "\n"))
	}
	return "schedule-" + hex.EncodeToString(h.Sum(nil))[:16]
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
	if !s.register(ctx) {
		return
	}
	beat := time.NewTicker(s.tasks.LeaseFor / 3)
	defer beat.Stop()
	for {
		s.beat(ctx)
		select {
		case <-beat.C:
		case <-ctx.Done():
			gone, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			_ = s.state.LeaveNode(gone, s.account.ID, s.account.Livemode, s.node) // else it is missed after a while
			return
		}
	}
}

// registerAgain is how long after a failure it is tried again.
const registerAgain = 5 * time.Second

// register finds out which account it is, and keeps what runs. It returns false when the
// context ended.
func (s *scheduling) register(ctx context.Context) bool {
	for {
		err := s.registerOnce(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		s.log.Error("nothing of the schedule runs", "error", err.Error())
		select {
		case <-ctx.Done():
			return false
		case <-time.After(registerAgain):
		}
	}
}

func (s *scheduling) registerOnce(ctx context.Context) error {
	a, err := s.stripe.Account(ctx)
	at := s.config.Stripe[0]
	switch {
	case err != nil:
		return err
	case at.Account != "" && a.ID != at.Account, at.Livemode != nil && a.Livemode != *at.Livemode:
		return &rightful.Error{Kind: rightful.KindRefused, Code: rightful.CodeWrongAccount, Place: "stripe.key", Message: "the key opens another account or mode than the config expects"}
	case a.ID == "":
		return &rightful.Error{Kind: rightful.KindForbidden, Place: "stripe.key", Message: "the key may not read which account it opens, and a schedule is kept by accounts", Hint: "give the restricted key read access to the account"}
	}
	s.account = a
	now := s.now()
	var tasks []rightful.Scheduled
	for t, rule := range s.config.Schedule.Rules() {
		tasks = append(tasks, rightful.Scheduled{TaskKey: rightful.TaskKey{Task: t, Account: a.ID, Livemode: a.Livemode}, Rule: rule.String(), Queue: s.queue, DueAt: rule.First(now).Unix()})
	}
	if err := s.state.Register(ctx, tasks); err != nil {
		return err
	}
	s.afford(ctx)
	return nil
}

// afford stops audits and syncs that turned out to cost more than Stripe allows. What is
// asked by the gateway goes on: a process that did not start for that would take payments
// down.
func (s *scheduling) afford(ctx context.Context) {
	known, err := s.state.Schedules(ctx)
	if err != nil {
		return // the next run tells
	}
	own := known[:0]
	for _, k := range known {
		if k.Account == s.account.ID && k.Livemode == s.account.Livemode {
			own = append(own, k)
		}
	}
	over := schedule.Exceeds(costs(s.config, own), s.config.Schedule.Reads(), s.now())
	if over == "" {
		return
	}
	for _, k := range own {
		if k.Refused != "" {
			continue
		}
		s.log.Error("the schedule would exceed what Stripe allows, and does not run any more", "task", string(k.Task), "account", k.Account, "because", over)
		if err := s.state.RefuseTask(ctx, k.TaskKey, over); err != nil {
			s.log.Error("that the schedule is refused could not be kept", "error", err.Error())
		}
	}
}

func (s *scheduling) ended(ctx context.Context, run rightful.TaskRun) {
	s.log.Info("a run of the schedule ended", "task", string(run.Task), "account", run.Account, "due_at", run.DueAt, "outcome", string(run.Outcome),
		"detail", run.Detail, "audit", run.AuditID, "stripe_gets", run.GETs, "slices", run.Slices, "seconds", run.EndedAt-run.StartedAt)
	s.afford(ctx)
}

// beat tells the others that this process is there, and takes its share of the pace.
func (s *scheduling) beat(ctx context.Context) {
	s.mu.Lock()
	divides := int64(max(s.share.Nodes, 1))
	if s.share == (rightful.NodeShare{}) {
		divides = 1 << 30 // it takes nothing yet
	}
	s.mu.Unlock()
	asked, length := s.now(), s.tasks.LeaseFor
	bounded, cancel := context.WithTimeout(ctx, length/3)
	share, err := s.state.BeatNode(bounded, s.account.ID, s.account.Livemode, s.node, divides, int64(length/time.Second))
	cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.share, s.until = share, asked.Add(length*5/6)
		time.AfterFunc(length*5/6, s.expire)
	} else if ctx.Err() == nil {
		s.log.Warn("the state does not answer, so others may take what this process has of Stripe's pace", "error", err.Error())
	}
	s.divide()
}

// expire takes back the share when the state has not answered for too long.
func (s *scheduling) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.divide()
}

// background is the part of the pace that is kept for whoever has the account's lease,
// when there is more than one process. The rest is divided.
const background = 0.5

// divide sets the pace of this process. Between beats it is looked at by each task.
func (s *scheduling) divide() {
	part := 0.0 // it is not known who else asks, or the others have not made room
	switch {
	case !s.now().Before(s.until):
	case s.share.Nodes == 1:
		part = 1
	case s.share.Room:
		part = (1 - background) / float64(s.share.Nodes)
		if s.holds > 0 {
			part += background
		}
	}
	s.stripe.Share(part)
}

// holding counts leases of the account that this process has.
func (s *scheduling) holding(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds += n
	s.divide()
}

func (s *scheduling) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mirror == nil {
		return nil
	}
	return s.mirror.Close()
}
