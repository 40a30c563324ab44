package state

import (
	"context"
	"database/sql"
	"slices"

	"rightful"
)

// keepRunsFor is how long, in seconds, it is remembered what ran.
const keepRunsFor = 90 * 24 * 60 * 60

// Register keeps what is to run: each with its rule, its queue, and when it is due first.
// One that is known with the same rule stays due when it is. Tasks of the same accounts
// that are not among them do not run any more.
func (s *Store) Register(ctx context.Context, tasks []rightful.Scheduled) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		retired := map[rightful.TaskKey]bool{}
		for _, t := range tasks {
			for _, other := range []rightful.Task{rightful.TaskSync, rightful.TaskAudit} {
				key := rightful.TaskKey{Task: other, Account: t.Account, Livemode: t.Livemode}
				if slices.ContainsFunc(tasks, func(t rightful.Scheduled) bool { return t.TaskKey == key }) || retired[key] {
					continue
				}
				retired[key] = true
				if _, err := s.exec(ctx, tx, `UPDATE rightful_schedules SET retired = $1 WHERE task = $2 AND account = $3 AND livemode = $4`, true, string(key.Task), key.Account, key.Livemode); err != nil {
					return err
				}
			}
			if _, err := s.exec(ctx, tx, `INSERT INTO rightful_schedules (task, account, livemode, rule, queue, due_at) VALUES ($1, $2, $3, $4, $5, $6)
				ON CONFLICT (task, account, livemode) DO UPDATE SET queue = excluded.queue, retired = $7, refused = '',
					due_at = CASE WHEN rightful_schedules.rule = excluded.rule AND rightful_schedules.retired = $7 OR rightful_schedules.started_at <> 0 THEN rightful_schedules.due_at ELSE excluded.due_at END,
					rule = excluded.rule`,
				string(t.Task), t.Account, t.Livemode, t.Rule, t.Queue, t.DueAt, false); err != nil {
				return err
			}
		}
		return nil
	})
}

// Schedules returns what runs when, in the order of accounts and tasks. Empty when nothing
// was ever scheduled.
func (s *Store) Schedules(ctx context.Context) ([]rightful.Scheduled, error) {
	all := []rightful.Scheduled{}
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := s.schedules(ctx, tx, `WHERE s.retired = $1 ORDER BY s.account, s.livemode, s.task DESC`, false)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if r.held {
				r.Running = &r.running
			}
			if last, err := s.taskRuns(ctx, tx, `WHERE task = $1 AND account = $2 AND livemode = $3 ORDER BY due_at DESC LIMIT 1`, string(r.Task), r.Account, r.Livemode); err != nil {
				return err
			} else if len(last) > 0 {
				r.Last = &last[0]
			}
			all = append(all, r.Scheduled)
		}
		return nil
	})
	return all, err
}

// DueTasks returns what is due and at which nobody is, of each account the one that has
// waited longest, and of two of the same time what reads first.
func (s *Store) DueTasks(ctx context.Context) ([]rightful.Scheduled, error) {
	var due []rightful.Scheduled
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := s.schedules(ctx, tx, `WHERE s.retired = $1 AND s.refused = '' AND s.due_at <= `+s.clock()+` AND s.retry_at <= `+s.clock()+`
			ORDER BY s.account, s.livemode, s.due_at, s.task DESC`, false)
		if err != nil {
			return err
		}
		for _, r := range rows {
			same := func(d rightful.Scheduled) bool { return d.Account == r.Account && d.Livemode == r.Livemode }
			if r.busy || slices.ContainsFunc(due, same) {
				continue
			}
			due = append(due, r.Scheduled)
		}
		return nil
	})
	return due, err
}

// scheduled is a row of the table, with the lease of its account.
type scheduled struct {
	rightful.Scheduled
	held    bool // somebody runs this task
	busy    bool // somebody runs a task of the account
	running rightful.TaskRunning
}

func (s *Store) schedules(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]scheduled, error) {
	rows, err := tx.QueryContext(ctx, s.d.query(`SELECT s.task, s.account, s.livemode, s.rule, s.queue, s.due_at, s.retry_at, s.refused, s.usual_gets, s.taken,
		COALESCE(l.task, ''), COALESCE(l.holder, ''), COALESCE(l.process, ''), COALESCE(l.since, 0), COALESCE(l.until, 0), `+s.clock()+`
		FROM rightful_schedules AS s LEFT JOIN rightful_account_leases AS l ON l.account = s.account AND l.livemode = s.livemode `+where), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []scheduled
	for rows.Next() {
		var r scheduled
		var at rightful.Task
		var process string
		var now int64
		if err := rows.Scan(&r.Task, &r.Account, &r.Livemode, &r.Rule, &r.Queue, &r.DueAt, &r.RetryAt, &r.Refused, &r.GETs, &r.After,
			&at, &r.running.Holder, &process, &r.running.Since, &r.running.Until, &now); err != nil {
			return nil, err
		}
		r.busy = r.running.Until > now && !s.gone(process)
		r.held = r.busy && at == r.Task
		all = append(all, r)
	}
	return all, rows.Err()
}

// TaskRuns returns the last runs, the last first; limit 0 means 100.
func (s *Store) TaskRuns(ctx context.Context, limit int) ([]rightful.TaskRun, error) {
	var runs []rightful.TaskRun
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		runs, err = s.taskRuns(ctx, tx, `ORDER BY ended_at DESC, due_at DESC, account, task LIMIT `+number(limit))
		return err
	})
	return runs, err
}

func (s *Store) taskRuns(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]rightful.TaskRun, error) {
	rows, err := tx.QueryContext(ctx, s.d.query(`SELECT task, account, livemode, due_at, started_at, ended_at, outcome, detail, audit_id, gets, slices, holder FROM rightful_schedule_runs `+where), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []rightful.TaskRun{}
	for rows.Next() {
		var r rightful.TaskRun
		if err := rows.Scan(&r.Task, &r.Account, &r.Livemode, &r.DueAt, &r.StartedAt, &r.EndedAt, &r.Outcome, &r.Detail, &r.AuditID, &r.GETs, &r.Slices, &r.Holder); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}
