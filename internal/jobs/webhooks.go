// Package jobs are the workers of the queue. What they do is done by the gateway and the
// engine; here is when, and what happens when it fails.
package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"rightful"
	"rightful/internal/queue"
)

// Events is what is done with accepted events: gateway.Webhooks.
type Events interface {
	JudgeShard(ctx context.Context, shard int) (bool, error)
	TellShard(ctx context.Context, shard int) (bool, error)
	CatchUp(ctx context.Context) (int, error)
	Sweep(ctx context.Context, first bool) error
}

const (
	// sweepEvery is how often things are looked for that are due and have no job.
	sweepEvery = 10 * time.Second
	// busyFor is when a shard is tried again that another worker has.
	busyFor = time.Second
	// attempts bounds retries by the queue: the sweep makes new jobs for what is left.
	attempts = 5
)

// JudgeShard is a job: the events of a shard are judged.
type JudgeShard struct {
	Shard      int   `json:"shard"`
	Generation int64 `json:"generation"`
}

// TellShard is a job: the app is told of events of a shard.
type TellShard struct {
	Shard      int   `json:"shard"`
	Generation int64 `json:"generation"`
}

// CatchUp is a job: events that were never delivered are looked for.
type CatchUp struct{}

// SweepEvents is a job: jobs are made for what is due and has none.
type SweepEvents struct{}

// Kind implements river.JobArgs, as the others do.
func (JudgeShard) Kind() string  { return "webhook_judge" }
func (TellShard) Kind() string   { return "webhook_tell" }
func (CatchUp) Kind() string     { return "webhook_catch_up" }
func (SweepEvents) Kind() string { return "webhook_sweep" }

// InsertOpts implements river.JobArgsWithInsertOpts, as the others do.
func (JudgeShard) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: attempts} }
func (TellShard) InsertOpts() river.InsertOpts  { return river.InsertOpts{MaxAttempts: attempts} }

// InsertOpts lets periodic jobs fail: the next one comes anyway.
func (CatchUp) InsertOpts() river.InsertOpts     { return river.InsertOpts{MaxAttempts: 1} }
func (SweepEvents) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 1} }

// Webhooks adds the workers of events to a bundle, and returns what is to be done from
// time to time. catchUp is how often events are looked for that were never delivered; 0
// for never.
func Webhooks(workers *river.Workers, events Events, catchUp time.Duration) []*river.PeriodicJob {
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[JudgeShard]) error {
		return shard(events.JudgeShard(ctx, job.Args.Shard))
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[TellShard]) error {
		return shard(events.TellShard(ctx, job.Args.Shard))
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, _ *river.Job[CatchUp]) error {
		_, err := events.CatchUp(ctx)
		return err
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, _ *river.Job[SweepEvents]) error {
		return events.Sweep(ctx, false)
	}))
	now := &river.PeriodicJobOpts{RunOnStart: true}
	periodic := []*river.PeriodicJob{
		river.NewPeriodicJob(river.PeriodicInterval(sweepEvery), func() (river.JobArgs, *river.InsertOpts) { return SweepEvents{}, nil }, now),
	}
	if catchUp > 0 {
		periodic = append(periodic, river.NewPeriodicJob(river.PeriodicInterval(catchUp), func() (river.JobArgs, *river.InsertOpts) { return CatchUp{}, nil }, now))
	}
	return periodic
}

// shard is what a job says about its work on a shard.
func shard(taken bool, err error) error {
	if err == nil && !taken {
		return river.JobSnooze(busyFor)
	}
	return err
}

// Wake puts the job for a shard into a transaction.
func Wake(ctx context.Context, q *queue.Queue, tx queue.Tx, lane rightful.InboxLane, shard int, generation int64) error {
	switch lane {
	case rightful.LaneJudge:
		return q.Insert(ctx, tx, JudgeShard{shard, generation})
	case rightful.LaneTell:
		return q.Insert(ctx, tx, TellShard{shard, generation})
	}
	return fmt.Errorf("jobs: there is no lane %s", lane)
}
