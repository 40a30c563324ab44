package state

import (
	"context"
	"database/sql"

	"rightful"
)

var _ rightful.InboxCounter = (*Store)(nil)

// CountEvents implements rightful.InboxCounter.
func (s *Store) CountEvents(ctx context.Context, since int64) (n rightful.InboxCounts, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n = rightful.InboxCounts{}
		if err := s.countOpen(ctx, tx, &n); err != nil {
			return err
		}
		if err := s.row(ctx, tx, `SELECT COUNT(*) FROM rightful_webhook_events WHERE notice = 'waiting'`).Scan(&n.Waiting); err != nil {
			return err
		}
		if n.Dead, n.DeadIDs, err = s.givenUp(ctx, tx, `status = 'dead'`, since); err != nil {
			return err
		}
		n.Untold, n.UntoldIDs, err = s.givenUp(ctx, tx, `notice = 'dead'`, since)
		return err
	})
	return n, err
}

func (s *Store) countOpen(ctx context.Context, tx *sql.Tx, n *rightful.InboxCounts) error {
	rows, err := tx.QueryContext(ctx, s.d.query(`SELECT status, COUNT(*), MIN(received_at) FROM rightful_webhook_events WHERE status IN ('pending', 'unknown') GROUP BY status`))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var status rightful.InboxStatus
		var count int
		var oldest int64
		if err := rows.Scan(&status, &count, &oldest); err != nil {
			return err
		}
		if status == rightful.InboxPending {
			n.Pending, n.OldestPending = count, oldest
			continue
		}
		n.Unknown = count
	}
	return rows.Err()
}

// givenUp counts what is given up, and names the last of it with what it is about.
func (s *Store) givenUp(ctx context.Context, tx *sql.Tx, where string, since int64) (count int, ids []rightful.Ref, err error) {
	where += ` AND judged_at >= $1`
	if err := s.row(ctx, tx, `SELECT COUNT(*) FROM rightful_webhook_events WHERE `+where, since).Scan(&count); err != nil || count == 0 {
		return count, nil, err
	}
	rows, err := tx.QueryContext(ctx, s.d.query(`SELECT id, object_type, object_id FROM rightful_webhook_events WHERE `+where+` ORDER BY seq DESC LIMIT $2`), since, rightful.AlertIDs/2)
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var event string
		var about rightful.Ref
		if err := rows.Scan(&event, &about.Type, &about.ID); err != nil {
			return 0, nil, err
		}
		ids = append(ids, rightful.Ref{Type: "event", ID: event}, about)
	}
	return count, ids, rows.Err()
}
