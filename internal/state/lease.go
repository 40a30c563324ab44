package state

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rightful/internal/journal"
)

// lease is the lease of one account, as its holder knows it. The token tells two
// holders of the same run apart: one may have taken over from the other.
type lease struct {
	account  string
	livemode bool
	token    string
}

// take gives the lease of the account to a run. It returns whose stale lease was
// taken for it, nil when nobody's.
func (a *appending) take(ctx context.Context, start journal.Start, run string) (lease, *journal.Lease, error) {
	l := lease{account: start.Account, livemode: start.Livemode, token: rand.Text()}
	var old journal.Lease
	var stale *journal.Lease
	var process string
	err := a.row(ctx, a.tx, `SELECT run, holder, process, since, beat FROM rightful_leases WHERE account = $1 AND livemode = $2`, l.account, l.livemode).
		Scan(&old.Run, &old.Holder, &process, &old.Since, &old.Beat)
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return l, nil, err
	case !old.Stale(a.at) && !a.gone(process):
		return l, nil, held(old, a.at)
	default:
		stale = &old
	}
	_, err = a.exec(ctx, a.tx, `INSERT INTO rightful_leases (account, livemode, run, token, holder, process, since, beat) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
		ON CONFLICT (account, livemode) DO UPDATE SET run = excluded.run, token = excluded.token, holder = excluded.holder,
			process = excluded.process, since = excluded.since, beat = excluded.beat`, l.account, l.livemode, run, l.token, a.holder, a.process, a.at)
	return l, stale, err
}

// gone reports whether the process that holds a lease is surely dead.
func (s *Store) gone(process string) bool { return process != "" && s.dead(process) }

// held refuses a second run on an account.
func held(l journal.Lease, now int64) error {
	clock := func(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04:05 UTC") }
	return journal.Refuse(
		fmt.Sprintf("%s is at work on this account since %s, by %s; its last sign of life was %s", l.Run, clock(l.Since), l.Holder, clock(l.Beat)),
		fmt.Sprintf("let it end; if it is dead, it can be continued in %d seconds", max(l.Beat+journal.StaleAfter-now, 0)),
		&journal.HeldError{Lease: l})
}

// beat says that the holder is alive. It fails when somebody else has taken over.
func (s *Store) beat(ctx context.Context, tx *sql.Tx, l lease) error {
	n, err := s.exec(ctx, tx, `UPDATE rightful_leases SET beat = $1 WHERE account = $2 AND livemode = $3 AND token = $4`,
		s.unix(), l.account, l.livemode, l.token)
	if err == nil && n == 0 {
		err = journal.Refuse("another run has taken over the account, because this one gave no sign of life for too long",
			"look at what it did: rightful journal list", journal.ErrLeaseLost)
	}
	return err
}

// release gives the lease back.
func (a *appending) release(ctx context.Context, l lease) error {
	_, err := a.exec(ctx, a.tx, `DELETE FROM rightful_leases WHERE account = $1 AND livemode = $2 AND token = $3`, l.account, l.livemode, l.token)
	return err
}

// leases returns the leases whose holders may be alive, by run.
func (s *Store) leases(ctx context.Context, tx *sql.Tx) (map[string]journal.Lease, error) {
	rows, err := tx.QueryContext(ctx, `SELECT run, holder, process, since, beat FROM rightful_leases`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	live, now := map[string]journal.Lease{}, s.unix()
	for rows.Next() {
		var l journal.Lease
		var process string
		if err := rows.Scan(&l.Run, &l.Holder, &process, &l.Since, &l.Beat); err != nil {
			return nil, err
		}
		if !l.Stale(now) && !s.gone(process) {
			live[l.Run] = l
		}
	}
	return live, rows.Err()
}
