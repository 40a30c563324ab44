package state

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rightful"
)

var _ rightful.AlertStore = (*Store)(nil)

// rank orders severities for the database.
func rank(s rightful.Severity) int {
	switch s {
	case rightful.SeverityError:
		return 3
	case rightful.SeverityWarning:
		return 2
	}
	return 1
}

// raiseStatement opens an alert, or refreshes the one that is there. What can
// happen again is counted each time; what stands is counted when it is opened.
const raiseStatement = `INSERT INTO rightful_alerts
		(key, kind, severity, rank, title, message, label, ids, codes, at, seen, resolved, times, before, quiet)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, 0, $13)
	ON CONFLICT (key) DO UPDATE SET
		kind = excluded.kind, severity = excluded.severity, rank = excluded.rank, title = excluded.title, message = excluded.message,
		label = excluded.label, codes = excluded.codes, quiet = excluded.quiet, resolved = 0,
		ids = CASE WHEN rightful_alerts.resolved = 0 AND excluded.quiet > 0 THEN rightful_alerts.ids ELSE excluded.ids END,
		at = CASE WHEN rightful_alerts.resolved = 0 THEN rightful_alerts.at ELSE excluded.at END,
		before = CASE WHEN rightful_alerts.resolved = 0 THEN rightful_alerts.before ELSE rightful_alerts.times END,
		times = CASE WHEN rightful_alerts.resolved = 0 AND excluded.quiet = 0 THEN rightful_alerts.times ELSE rightful_alerts.times + excluded.times END,
		seen = CASE WHEN rightful_alerts.seen > excluded.seen THEN rightful_alerts.seen ELSE excluded.seen END`

// RaiseAlerts implements rightful.AlertStore.
func (s *Store) RaiseAlerts(ctx context.Context, alerts []rightful.Alert) error {
	changes := []rightful.Alert{}
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, a := range alerts {
			if a.Quiet == 0 {
				same, err := s.stands(ctx, tx, a)
				if err != nil {
					return err
				}
				if same {
					continue
				}
			}
			changes = append(changes, a)
		}
		return nil
	})
	if err != nil || len(changes) == 0 {
		return err
	}
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error { return s.raise(ctx, tx, changes) })
}

// stands reports whether an alert is open as it is raised: then there is nothing to
// write.
func (s *Store) stands(ctx context.Context, tx *sql.Tx, a rightful.Alert) (bool, error) {
	var one int
	err := s.row(ctx, tx, `SELECT 1 FROM rightful_alerts WHERE key = $1 AND resolved = 0 AND severity = $2 AND title = $3 AND message = $4`,
		a.Key, string(a.Severity), a.Title, a.Message).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// raise writes alerts in the order of their keys, so that two processes do not wait
// for each other.
func (s *Store) raise(ctx context.Context, tx *sql.Tx, alerts []rightful.Alert) error {
	alerts = slices.SortedFunc(slices.Values(alerts), func(a, b rightful.Alert) int { return strings.Compare(a.Key, b.Key) })
	for _, a := range alerts {
		ids, err := document(a.IDs[:min(len(a.IDs), rightful.AlertIDs)])
		if err != nil {
			return err
		}
		codes, err := document(a.Codes)
		if err != nil {
			return err
		}
		at := cmp.Or(a.At, s.unix())
		if _, err := s.exec(ctx, tx, raiseStatement, a.Key, string(a.Kind), string(a.Severity), rank(a.Severity), a.Title, a.Message, a.Label(),
			ids, codes, at, max(a.Seen, at), max(a.Count, 1), a.Quiet); err != nil {
			return err
		}
		if a.Quiet > 0 {
			if err := s.mergeIDs(ctx, tx, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// mergeIDs puts the ids of what happened last before those that were there. The row
// is ours until the end of the transaction.
func (s *Store) mergeIDs(ctx context.Context, tx *sql.Tx, a rightful.Alert) error {
	var text string
	if err := s.row(ctx, tx, `SELECT ids FROM rightful_alerts WHERE key = $1`, a.Key).Scan(&text); err != nil {
		return err
	}
	var old []rightful.Ref
	if err := json.Unmarshal([]byte(text), &old); err != nil {
		return err
	}
	merged := slices.Clone(a.IDs)
	for _, id := range old {
		if !slices.Contains(merged, id) {
			merged = append(merged, id)
		}
	}
	ids, err := document(merged[:min(len(merged), rightful.AlertIDs)])
	if err != nil || ids == text {
		return err
	}
	_, err = s.exec(ctx, tx, `UPDATE rightful_alerts SET ids = $1 WHERE key = $2`, ids, a.Key)
	return err
}

// document writes a value as JSON; no list is null.
func document(v any) (string, error) {
	raw, err := json.Marshal(v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	return string(raw), err
}

// ResolveAlerts implements rightful.AlertStore.
func (s *Store) ResolveAlerts(ctx context.Context, keys []string) error {
	open := false
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, key := range keys {
			var n int
			if err := s.row(ctx, tx, `SELECT count(*) FROM rightful_alerts WHERE key = $1 AND resolved = 0`, key).Scan(&n); err != nil {
				return err
			}
			open = open || n > 0
		}
		return nil
	})
	if err != nil || !open {
		return err
	}
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error { return s.end(ctx, tx, keys) })
}

func (s *Store) end(ctx context.Context, tx *sql.Tx, keys []string) error {
	for _, key := range slices.Sorted(slices.Values(keys)) {
		if _, err := s.exec(ctx, tx, `UPDATE rightful_alerts SET resolved = $1 WHERE key = $2 AND resolved = 0`, s.unix(), key); err != nil {
			return err
		}
	}
	return nil
}

// ReplaceAlerts implements rightful.AlertStore. What does not change is not written:
// most often that is everything.
func (s *Store) ReplaceAlerts(ctx context.Context, kind rightful.AlertKind, alerts []rightful.Alert) error {
	var open map[string]rightful.Severity
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		open, err = s.openOf(ctx, tx, kind)
		return err
	})
	if err != nil {
		return err
	}
	var raised []rightful.Alert
	for _, a := range alerts {
		if severity, is := open[a.Key]; !is || severity != a.Severity {
			raised = append(raised, a)
		}
		delete(open, a.Key)
	}
	for batch := range slices.Chunk(raised, alertBatch) {
		if err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error { return s.raise(ctx, tx, batch) }); err != nil {
			return err
		}
	}
	for batch := range slices.Chunk(slices.Sorted(maps.Keys(open)), alertBatch) {
		if err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error { return s.end(ctx, tx, batch) }); err != nil {
			return err
		}
	}
	return nil
}

// alertBatch is how many alerts are written at once. A first audit may find very many,
// and whoever else writes to a SQLite file waits meanwhile. What is cut short is gone
// on with the next time.
const alertBatch = 500

// openOf returns the open alerts of a kind.
func (s *Store) openOf(ctx context.Context, tx *sql.Tx, kind rightful.AlertKind) (map[string]rightful.Severity, error) {
	rows, err := tx.QueryContext(ctx, s.d.query(`SELECT key, severity FROM rightful_alerts WHERE kind = $1 AND resolved = 0`), string(kind))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	open := map[string]rightful.Severity{}
	for rows.Next() {
		var key, severity string
		if err := rows.Scan(&key, &severity); err != nil {
			return nil, err
		}
		open[key] = rightful.Severity(severity)
	}
	return open, rows.Err()
}

// quiet chooses what has not happened again for as long as it says, at $1.
const quiet = `resolved = 0 AND quiet > 0 AND seen + quiet <= $1`

// ResolveQuietAlerts implements rightful.AlertStore.
func (s *Store) ResolveQuietAlerts(ctx context.Context) error {
	some, err := s.some(ctx, `SELECT 1 FROM rightful_alerts WHERE `+quiet, s.unix())
	if err != nil || !some {
		return err
	}
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := s.exec(ctx, tx, `UPDATE rightful_alerts SET resolved = $1 WHERE `+quiet, s.unix())
		return err
	})
}

// some reports whether a query finds anything. A transaction that writes is not
// begun for nothing: on SQLite it keeps everybody else from writing.
func (s *Store) some(ctx context.Context, query string, args ...any) (bool, error) {
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var one int
		return s.row(ctx, tx, query+` LIMIT 1`, args...).Scan(&one)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// ForgetAlerts implements rightful.AlertStore.
func (s *Store) ForgetAlerts(ctx context.Context, before int64) error {
	const (
		oldAlerts   = `resolved > 0 AND resolved < $1`
		oldMessages = `sent_at > 0 AND sent_at < $1 AND NOT EXISTS (SELECT 1 FROM rightful_alert_told t WHERE t.message = rightful_alert_messages.id)`
	)
	some, err := s.some(ctx, `SELECT 1 FROM rightful_alerts WHERE `+oldAlerts+`
		UNION ALL SELECT 1 FROM rightful_alert_messages WHERE `+oldMessages, before)
	if err != nil || !some {
		return err
	}
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, statement := range []string{
			`DELETE FROM rightful_alert_told WHERE key IN (SELECT key FROM rightful_alerts WHERE ` + oldAlerts + `)`,
			`DELETE FROM rightful_alerts WHERE ` + oldAlerts,
			`DELETE FROM rightful_alert_messages WHERE ` + oldMessages,
		} {
			if _, err := s.exec(ctx, tx, statement, before); err != nil {
				return err
			}
		}
		return nil
	})
}
