package state

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"rightful"
)

// requeueAfter is how long after a job was queued, in seconds, another one is queued
// for the same generation: the first was lost.
const requeueAfter = 30

// lockRows keeps rows that are read until the end of the transaction. SQLite needs
// nothing: who writes is alone.
func (s *Store) lockRows() string {
	if _, is := s.d.(postgres); is {
		return " FOR UPDATE"
	}
	return ""
}

// shard is a row of the table of shards.
type shard struct {
	number             int
	generation, queued int64
	queuedAt, until    int64
	worker             string
}

// lockShards reads shards of a lane, and keeps them from others until the end of the
// transaction. They are always locked in the order of their numbers, and those of the
// lane that judges first, so that nobody waits in a circle.
func (s *Store) lockShards(ctx context.Context, tx Tx, lane rightful.InboxLane, numbers []int) ([]shard, error) {
	numbers = slices.Clone(numbers)
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	if len(numbers) == 0 {
		return nil, nil
	}
	rows, err := tx.SQL.QueryContext(ctx, s.d.query(`SELECT shard, generation, queued, queued_at, worker, until FROM rightful_webhook_shards
		WHERE lane = $1 AND shard IN (`+parameters(2, len(numbers))+`) ORDER BY shard`+s.lockRows()), append([]any{string(lane)}, anys(numbers)...)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var shards []shard
	for rows.Next() {
		var r shard
		if err := rows.Scan(&r.number, &r.generation, &r.queued, &r.queuedAt, &r.worker, &r.until); err != nil {
			return nil, err
		}
		shards = append(shards, r)
	}
	return shards, rows.Err()
}

// idle returns those of the numbers, of shards that are locked, for whose generation no
// job is queued.
func idle(shards []shard, numbers []int) []shard {
	return slices.DeleteFunc(slices.Clone(shards), func(r shard) bool { return r.queued >= r.generation || !slices.Contains(numbers, r.number) })
}

// wake queues a job for each of the shards, which are locked. It is the one way in which
// jobs are made.
func (s *Store) wake(ctx context.Context, tx Tx, lane rightful.InboxLane, shards []shard) error {
	if len(shards) == 0 || s.waker == nil {
		return nil
	}
	var jobs []Wake
	for _, r := range shards {
		jobs = append(jobs, Wake{Lane: lane, Shard: r.number, Generation: r.generation})
		if _, err := s.exec(ctx, tx.SQL, `UPDATE rightful_webhook_shards SET queued = generation, queued_at = $1 WHERE lane = $2 AND shard = $3`,
			s.unix(), string(lane), r.number); err != nil {
			return err
		}
	}
	return s.waker(ctx, tx, jobs)
}

// named is a worker's name as it stands in the table: with its process, so that nobody
// waits for one that was killed on the same machine.
func (s *Store) named(worker string) string { return s.process + "/" + worker }

// held reports whether a worker holds the shard that may still be at it.
func (s *Store) held(r shard, now int64) bool {
	process, _, _ := strings.Cut(r.worker, "/")
	return r.worker != "" && r.until > now && (process == "" || !s.dead(process))
}

// TakeShard implements rightful.InboxWork.
func (s *Store) TakeShard(ctx context.Context, lane rightful.InboxLane, number int, worker string, until int64) (taken bool, err error) {
	err = s.writing(ctx, func(ctx context.Context, tx Tx) error {
		taken = false
		shards, err := s.lockShards(ctx, tx, lane, []int{number})
		if err != nil || len(shards) == 0 || s.held(shards[0], s.unix()) && shards[0].worker != s.named(worker) {
			return err
		}
		taken = true
		_, err = s.exec(ctx, tx.SQL, `UPDATE rightful_webhook_shards SET generation = generation + 1, worker = $1, until = $2 WHERE lane = $3 AND shard = $4`,
			s.named(worker), until, string(lane), number)
		return err
	})
	return taken && err == nil, err
}

// ReleaseShard implements rightful.InboxWork.
func (s *Store) ReleaseShard(ctx context.Context, lane rightful.InboxLane, number int, worker string, more bool) error {
	return s.writing(ctx, func(ctx context.Context, tx Tx) error {
		n, err := s.exec(ctx, tx.SQL, `UPDATE rightful_webhook_shards SET worker = '', until = 0 WHERE lane = $1 AND shard = $2 AND worker = $3`, string(lane), number, s.named(worker))
		if err != nil || n == 0 || !more {
			return err // whoever holds it by now goes on with it
		}
		shards, err := s.lockShards(ctx, tx, lane, []int{number})
		if err != nil {
			return err
		}
		return s.wake(ctx, tx, lane, idle(shards, []int{number}))
	})
}

// keep refuses to write for a worker that does not hold the shard any more, and lets
// it hold it on. The shard must be locked.
func (s *Store) keep(ctx context.Context, tx Tx, lane rightful.InboxLane, number int, worker string, until int64) error {
	n, err := s.exec(ctx, tx.SQL, `UPDATE rightful_webhook_shards SET until = $1 WHERE lane = $2 AND shard = $3 AND worker = $4`, until, string(lane), number, s.named(worker))
	if err == nil && n == 0 {
		err = &rightful.Error{Kind: rightful.KindConflict, Place: "state", Message: "another worker has taken the shard over", Hint: "nothing: that one goes on"}
	}
	return err
}

// WakeShards implements rightful.InboxWork.
func (s *Store) WakeShards(ctx context.Context, again bool) (int, error) {
	woken := 0
	err := s.writing(ctx, func(ctx context.Context, tx Tx) error {
		woken = 0
		now := s.unix()
		// A sum is in no index: so the engines take the one of what is due, and not the
		// one of all that is open, which is in the order of shards.
		for _, due := range []struct {
			lane  rightful.InboxLane
			query string
		}{
			{rightful.LaneJudge, `SELECT DISTINCT shard + 0 FROM rightful_webhook_events WHERE status IN ('pending', 'unknown') AND next_at <= $1`},
			{rightful.LaneTell, `SELECT DISTINCT shard + 0 FROM rightful_webhook_events WHERE notice = 'waiting' AND notice_next_at <= $1`},
		} {
			numbers, err := s.numbers(ctx, tx.SQL, due.query, now)
			if err != nil {
				return err
			}
			shards, err := s.lockShards(ctx, tx, due.lane, numbers)
			if err != nil {
				return err
			}
			var wake []shard
			for _, r := range shards {
				if !s.held(r, now) && (again || r.queued < r.generation || r.queuedAt <= now-requeueAfter) {
					wake = append(wake, r)
				}
			}
			if err := s.wake(ctx, tx, due.lane, wake); err != nil {
				return err
			}
			woken += len(wake)
		}
		return nil
	})
	return woken, err
}

func (s *Store) numbers(ctx context.Context, tx *sql.Tx, statement string, args ...any) ([]int, error) {
	rows, err := tx.QueryContext(ctx, s.d.query(statement), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []int
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, rows.Err()
}
