package state

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"

	"rightful"
	"rightful/internal/failpoint"
)

var _ rightful.InboxWork = (*Store)(nil)

// insertTogether is how many events are inserted by one statement.
const insertTogether = 64

// inserted are the columns of a new event.
const inserted = `account, livemode, id, type, created, origin, object_type, object_id, family, shard, payload, received_at, status, next_at, codes, judged_at`

// AcceptEvents implements rightful.Inbox.
func (s *Store) AcceptEvents(ctx context.Context, events []rightful.InboxEvent) ([]bool, error) {
	fresh := make([]bool, len(events))
	done, err := s.acceptQuickly(ctx, events, fresh)
	if done || err != nil {
		failpoint.Here("inbox/committed")
		return fresh, err
	}
	err = s.writing(ctx, func(ctx context.Context, tx Tx) error {
		clear(fresh)
		// The shards come first, also of events that nobody judges: whoever accepts the
		// same ones at the same time waits here, and not for one event after another.
		shards, err := s.lockShards(ctx, tx, rightful.LaneJudge, column(events, func(e rightful.InboxEvent) int { return e.Shard }))
		if err != nil {
			return err
		}
		for from := 0; from < len(events); from += insertTogether {
			to := min(from+insertTogether, len(events))
			if err := s.insertEvents(ctx, tx, events[from:to], fresh[from:to]); err != nil {
				return err
			}
		}
		var wake []int
		for i, e := range events {
			if fresh[i] && e.Status == rightful.InboxPending {
				wake = append(wake, e.Shard)
			}
		}
		if err := s.wake(ctx, tx, rightful.LaneJudge, idle(shards, wake)); err != nil {
			return err
		}
		failpoint.Here("inbox/commit")
		return nil
	})
	failpoint.Here("inbox/committed")
	return fresh, err
}

// insertEvents inserts what is not there, and tells which that was.
func (s *Store) insertEvents(ctx context.Context, tx Tx, events []rightful.InboxEvent, fresh []bool) error {
	const columns = 16
	args := make([]any, 0, len(events)*columns)
	for _, e := range events {
		args = append(args, e.Account, e.Livemode, e.ID, e.Type, e.Created, string(e.Origin), string(e.ObjectType), e.ObjectID, e.Family, e.Shard, e.Payload,
			e.ReceivedAt, string(e.Status), e.NextAt, strings.Join(e.Codes, " "), e.JudgedAt)
	}
	rows, err := tx.SQL.QueryContext(ctx, s.d.query(`INSERT INTO rightful_webhook_events (`+inserted+`) VALUES `+tuples(len(events), columns)+
		` ON CONFLICT DO NOTHING RETURNING livemode, id`), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	added := map[eventKey]bool{}
	for rows.Next() {
		var k eventKey
		if err := rows.Scan(&k.livemode, &k.id); err != nil {
			return err
		}
		added[k] = true
	}
	markFresh(events, fresh, added)
	return rows.Err()
}

// MissingEvents implements rightful.InboxWork.
func (s *Store) MissingEvents(ctx context.Context, livemode bool, ids []string) ([]string, error) {
	var missing []string
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		missing = nil
		for some := range slices.Chunk(ids, selectTogether) {
			there := map[string]bool{}
			err := s.texts(ctx, tx, func(id string) { there[id] = true },
				`SELECT id FROM rightful_webhook_events WHERE livemode = $1 AND id IN (`+parameters(2, len(some))+`)`, append([]any{livemode}, anys(some)...)...)
			if err != nil {
				return err
			}
			for _, id := range some {
				if !there[id] {
					missing = append(missing, id)
				}
			}
		}
		return nil
	})
	return missing, err
}

// PruneEvents implements rightful.InboxWork. What is known of objects stays: an event
// that is older than it may still come.
func (s *Store) PruneEvents(ctx context.Context, before int64, limit int) (int, error) {
	var n int64
	err := s.writing(ctx, func(ctx context.Context, tx Tx) (err error) {
		n, err = s.exec(ctx, tx.SQL, `DELETE FROM rightful_webhook_events WHERE seq IN (SELECT seq FROM rightful_webhook_events
			WHERE received_at < $1 AND status NOT IN ('pending', 'unknown') AND notice <> 'waiting' ORDER BY received_at LIMIT $2)`, before, limit)
		return err
	})
	return int(n), err
}

// PruneObjects implements rightful.InboxWork.
func (s *Store) PruneObjects(ctx context.Context, before int64, limit int) (int, error) {
	var n int64
	err := s.writing(ctx, func(ctx context.Context, tx Tx) (err error) {
		n, err = s.exec(ctx, tx.SQL, `DELETE FROM rightful_webhook_objects WHERE (livemode, type, id) IN (SELECT livemode, type, id FROM rightful_webhook_objects
			WHERE seen_at < $1 ORDER BY seen_at LIMIT $2)`, before, limit)
		return err
	})
	return int(n), err
}

// InboxMark implements rightful.InboxWork.
func (s *Store) InboxMark(ctx context.Context, name string) (at int64, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		err := s.row(ctx, tx, `SELECT at FROM rightful_marks WHERE name = $1`, name).Scan(&at)
		if errors.Is(err, sql.ErrNoRows) {
			at, err = 0, nil
		}
		return err
	})
	return at, err
}

// KeepInboxMark implements rightful.InboxWork.
func (s *Store) KeepInboxMark(ctx context.Context, name string, at int64) error {
	return s.writing(ctx, func(ctx context.Context, tx Tx) error {
		_, err := s.exec(ctx, tx.SQL, `INSERT INTO rightful_marks (name, at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET at = excluded.at`, name, at)
		return err
	})
}

// selectTogether is how many values one IN takes.
const selectTogether = 500

// texts calls keep for each value of a query's one column.
func (s *Store) texts(ctx context.Context, tx *sql.Tx, keep func(string), statement string, args ...any) error {
	rows, err := tx.QueryContext(ctx, s.d.query(statement), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return err
		}
		keep(v)
	}
	return rows.Err()
}

// parameters are n parameters from a number on: $3, $4.
func parameters(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(from + i))
	}
	return b.String()
}

// tuples are rows of parameters: ($1, $2), ($3, $4).
func tuples(rows, columns int) string {
	var b strings.Builder
	for i := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(" + parameters(i*columns+1, columns) + ")")
	}
	return b.String()
}

func anys[T any](values []T) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}
