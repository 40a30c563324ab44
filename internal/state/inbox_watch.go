package state

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"rightful"
)

var _ rightful.InboxLog = (*Store)(nil)

// Place names the database for people, without a password.
func (s *Store) Place() string { return s.db.Where() }

// InboxBefore implements rightful.InboxLog.
func (s *Store) InboxBefore(ctx context.Context, at int64) (before int64, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return s.row(ctx, tx, `SELECT coalesce((SELECT min(seq) - 1 FROM rightful_webhook_events WHERE received_at >= $1),
			(SELECT max(seq) FROM rightful_webhook_events), 0)`, at).Scan(&before)
	})
	return before, err
}

// InboxEntriesAfter implements rightful.InboxLog.
func (s *Store) InboxEntriesAfter(ctx context.Context, after int64, limit int) (entries []rightful.InboxEntry, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		entries, err = s.inboxEntries(ctx, tx, `WHERE e.seq > $1 ORDER BY e.seq LIMIT $2`, after, limit)
		return err
	})
	return entries, err
}

// InboxEntries implements rightful.InboxLog.
func (s *Store) InboxEntries(ctx context.Context, numbers []int64) ([]rightful.InboxEntry, error) {
	var all []rightful.InboxEntry
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		all = nil
		for some := range slices.Chunk(slices.Sorted(slices.Values(numbers)), selectTogether) {
			entries, err := s.inboxEntries(ctx, tx, `WHERE e.seq IN (`+parameters(1, len(some))+`) ORDER BY e.seq`, anys(some)...)
			if err != nil {
				return err
			}
			all = append(all, entries...)
		}
		return nil
	})
	return all, err
}

func (s *Store) inboxEntries(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]rightful.InboxEntry, error) {
	rows, err := tx.QueryContext(ctx, s.d.query(`SELECT e.seq, e.account, e.livemode, e.id, e.type, e.created, e.origin, e.object_type, e.object_id, e.family,
		e.received_at, e.status, e.company_id, e.codes, e.superseded, e.judged_at, coalesce(o.snapshot, '')
		FROM rightful_webhook_events AS e LEFT JOIN rightful_webhook_objects AS o
		ON o.livemode = e.livemode AND o.type = e.object_type AND o.id = e.object_id `+where), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []rightful.InboxEntry
	for rows.Next() {
		var e rightful.InboxEntry
		var codes string
		if err := rows.Scan(&e.Seq, &e.Account, &e.Livemode, &e.ID, &e.Type, &e.Created, &e.Origin, &e.ObjectType, &e.ObjectID, &e.Family,
			&e.ReceivedAt, &e.Status, &e.CompanyID, &codes, &e.Superseded, &e.JudgedAt, &e.Snapshot); err != nil {
			return nil, err
		}
		e.Codes = strings.Fields(codes)
		all = append(all, e)
	}
	return all, rows.Err()
}
