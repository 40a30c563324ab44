package state

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"strconv"

	"rightful"
)

// errTaskLost says that somebody else has the account by now.
func errTaskLost() error {
	return &rightful.Error{Kind: rightful.KindConflict, Place: "state", Message: "another process has taken the account over", Hint: "nothing: that one goes on"}
}

// briefly is write for rows that others wait for: of a process that is cut off in the middle
// of a transaction, the server would else keep the locks for hours.
func (s *Store) briefly(ctx context.Context, f func(context.Context, *sql.Tx) error) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, is := s.d.(postgres); is {
			if _, err := tx.ExecContext(ctx, `SET LOCAL idle_in_transaction_session_timeout = '10s'`); err != nil {
				return err
			}
		}
		return f(ctx, tx)
	})
}

// TakeTask takes the lease of an account for some seconds, to run a task that is due.
// after is how often the task had been taken when somebody saw that it is due. taken is
// false when it is not due any more, or somebody else was faster.
func (s *Store) TakeTask(ctx context.Context, key rightful.TaskKey, dueAt, after, seconds int64) (l rightful.TaskLease, taken bool, err error) {
	err = s.briefly(ctx, func(ctx context.Context, tx *sql.Tx) error {
		taken = false
		l = rightful.TaskLease{TaskKey: key, DueAt: dueAt, Token: rand.Text()}
		var now int64
		err := s.row(ctx, tx, `SELECT rule, started_at, tries, gets, `+s.clock()+` FROM rightful_schedules
			WHERE task = $1 AND account = $2 AND livemode = $3 AND due_at = $4 AND taken = $5 AND retired = $6 AND refused = ''`+s.lockRows(),
			string(key.Task), key.Account, key.Livemode, dueAt, after, false).Scan(&l.Rule, &l.StartedAt, &l.Tries, &l.GETs, &now)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if ok, err := s.takeAccount(ctx, tx, l, now, seconds); err != nil || !ok {
			return err
		}
		taken = true
		l.Tries++
		if l.StartedAt == 0 {
			l.StartedAt = now
		}
		_, err = s.exec(ctx, tx, `UPDATE rightful_schedules SET taken = taken + 1, started_at = $1, tries = $2, slices = slices + 1 WHERE task = $3 AND account = $4 AND livemode = $5`,
			l.StartedAt, l.Tries, string(key.Task), key.Account, key.Livemode)
		return err
	})
	return l, taken && err == nil, err
}

// takeAccount takes the lease of an account, unless somebody has it who may be alive.
func (s *Store) takeAccount(ctx context.Context, tx *sql.Tx, l rightful.TaskLease, now, seconds int64) (bool, error) {
	var process string
	var until int64
	err := s.row(ctx, tx, `SELECT process, until FROM rightful_account_leases WHERE account = $1 AND livemode = $2`+s.lockRows(), l.Account, l.Livemode).Scan(&process, &until)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	if err == nil && until > now && !s.gone(process) {
		return false, nil
	}
	// Where there was no row, another process may have made one meanwhile: then it has
	// the account.
	free := ` WHERE rightful_account_leases.until <= ` + strconv.FormatInt(now, 10)
	if err == nil {
		free = "" // it is locked, and whose it was is gone
	}
	n, err := s.exec(ctx, tx, `INSERT INTO rightful_account_leases (account, livemode, token, task, holder, process, since, until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (account, livemode) DO UPDATE SET token = excluded.token, task = excluded.task, holder = excluded.holder, process = excluded.process, since = excluded.since, until = excluded.until`+free,
		l.Account, l.Livemode, l.Token, string(l.Task), s.holder, s.process, now, now+seconds)
	return n == 1, err
}

// RenewTask keeps the lease for some seconds more, from now on. When somebody else has
// the account, the error is of kind conflict.
func (s *Store) RenewTask(ctx context.Context, l rightful.TaskLease, seconds int64) error {
	return s.briefly(ctx, func(ctx context.Context, tx *sql.Tx) error { return s.holds(ctx, tx, l, seconds) })
}

// holds refuses to write for a lease that is another's by now, and keeps others from
// taking it until the end of the transaction.
func (s *Store) holds(ctx context.Context, tx *sql.Tx, l rightful.TaskLease, seconds int64) error {
	n, err := s.exec(ctx, tx, `UPDATE rightful_account_leases SET until = `+s.clock()+` + $1 WHERE account = $2 AND livemode = $3 AND token = $4`, seconds, l.Account, l.Livemode, l.Token)
	if err == nil && n == 0 {
		err = errTaskLost()
	}
	return err
}

func (s *Store) giveBack(ctx context.Context, tx *sql.Tx, l rightful.TaskLease) error {
	_, err := s.exec(ctx, tx, `DELETE FROM rightful_account_leases WHERE account = $1 AND livemode = $2 AND token = $3`, l.Account, l.Livemode, l.Token)
	return err
}

// YieldTask gives the account back in the middle of a run, which is gone on with after
// some seconds. further tells that the run came further since it was taken; gets are the
// GETs that it took.
func (s *Store) YieldTask(ctx context.Context, l rightful.TaskLease, gets, seconds int64, further bool) error {
	return s.briefly(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.holds(ctx, tx, l, 0); err != nil {
			return err
		}
		tries := "tries"
		if further {
			tries = "0"
		}
		if _, err := s.exec(ctx, tx, `UPDATE rightful_schedules SET gets = gets + $1, retry_at = `+s.clock()+` + $2, tries = `+tries+` WHERE task = $3 AND account = $4 AND livemode = $5`,
			gets, seconds, string(l.Task), l.Account, l.Livemode); err != nil {
			return err
		}
		return s.giveBack(ctx, tx, l)
	})
}

// EndTask ends a run, and records the audit that it was, all or nothing: there is one
// run for each time at which a task was due, whoever thinks that it has run it.
func (s *Store) EndTask(ctx context.Context, l rightful.TaskLease, end rightful.TaskEnd) (rightful.TaskRun, error) {
	run := rightful.TaskRun{TaskKey: l.TaskKey, DueAt: l.DueAt, StartedAt: l.StartedAt, Outcome: end.Outcome, Detail: end.Detail, Holder: s.holder}
	err := s.briefly(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.holds(ctx, tx, l, 0); err != nil {
			return err
		}
		if err := s.row(ctx, tx, `SELECT gets, slices, `+s.clock()+` FROM rightful_schedules WHERE task = $1 AND account = $2 AND livemode = $3`,
			string(l.Task), l.Account, l.Livemode).Scan(&run.GETs, &run.Slices, &run.EndedAt); err != nil {
			return err
		}
		run.GETs += end.GETs
		run.AuditID = ""
		if end.Audit != nil {
			kept, err := s.recordAudit(ctx, tx, *end.Audit)
			if err != nil {
				return err
			}
			run.AuditID = kept.ID
		}
		if _, err := s.exec(ctx, tx, `INSERT INTO rightful_schedule_runs (task, account, livemode, due_at, started_at, ended_at, outcome, detail, audit_id, gets, slices, holder)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
			string(run.Task), run.Account, run.Livemode, run.DueAt, run.StartedAt, run.EndedAt, string(run.Outcome), run.Detail, run.AuditID, run.GETs, run.Slices, run.Holder); err != nil {
			return err
		}
		usual := "usual_gets"
		if end.Usual {
			usual = strconv.FormatInt(run.GETs, 10)
		}
		if _, err := s.exec(ctx, tx, `UPDATE rightful_schedules SET due_at = $1, retry_at = 0, started_at = 0, tries = 0, slices = 0, gets = 0, usual_gets = `+usual+`
			WHERE task = $2 AND account = $3 AND livemode = $4`, end.NextAt, string(l.Task), l.Account, l.Livemode); err != nil {
			return err
		}
		if _, err := s.exec(ctx, tx, `DELETE FROM rightful_schedule_runs WHERE ended_at < $1`, run.EndedAt-keepRunsFor); err != nil {
			return err
		}
		return s.giveBack(ctx, tx, l)
	})
	return run, err
}

// RefuseTask stops a task until it is registered again, and says why.
func (s *Store) RefuseTask(ctx context.Context, key rightful.TaskKey, why string) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := s.exec(ctx, tx, `UPDATE rightful_schedules SET refused = $1 WHERE task = $2 AND account = $3 AND livemode = $4`, why, string(key.Task), key.Account, key.Livemode)
		return err
	})
}
