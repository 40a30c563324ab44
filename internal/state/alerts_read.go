package state

import (
	"context"
	"database/sql"

	"github.com/go-json-experiment/json"

	"rightful"
)

// alertColumns are those of an alert, as scanAlert reads them.
const alertColumns = `a.key, a.kind, a.severity, a.title, a.message, a.ids, a.codes, a.at, a.seen, a.resolved, a.times - a.before, a.quiet`

// scanAlert reads what stands before an alert's columns, and the alert.
func scanAlert(rows *sql.Rows, before ...any) (rightful.Alert, error) {
	var a rightful.Alert
	var kind, severity, ids, codes string
	err := rows.Scan(append(before, &a.Key, &kind, &severity, &a.Title, &a.Message, &ids, &codes, &a.At, &a.Seen, &a.Resolved, &a.Count, &a.Quiet)...)
	if err != nil {
		return a, err
	}
	a.Kind, a.Severity = rightful.AlertKind(kind), rightful.Severity(severity)
	if err := json.Unmarshal([]byte(ids), &a.IDs); err != nil {
		return a, err
	}
	return a, json.Unmarshal([]byte(codes), &a.Codes)
}

// Alerts implements rightful.AlertReader.
func (s *Store) Alerts(ctx context.Context, resolvedSince int64, limit int) (alerts []rightful.AlertState, open int, err error) {
	alerts = []rightful.AlertState{}
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.row(ctx, tx, `SELECT count(*) FROM rightful_alerts WHERE resolved = 0`).Scan(&open); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, s.d.query(`SELECT `+alertColumns+` FROM rightful_alerts a
			WHERE a.resolved = 0 OR ($1 > 0 AND a.resolved >= $1)
			ORDER BY CASE WHEN a.resolved = 0 THEN 0 ELSE 1 END, a.rank DESC, a.at DESC, a.key LIMIT $2`), resolvedSince, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			a, err := scanAlert(rows)
			if err != nil {
				return err
			}
			alerts = append(alerts, rightful.AlertState{Alert: a, Told: []rightful.AlertTold{}})
		}
		if err := rows.Err(); err != nil {
			return err
		}
		for i := range alerts {
			if alerts[i].Told, err = s.told(ctx, tx, alerts[i].Key); err != nil {
				return err
			}
		}
		return nil
	})
	return alerts, open, err
}

// told returns what was told of one alert, by channel.
func (s *Store) told(ctx context.Context, tx *sql.Tx, key string) ([]rightful.AlertTold, error) {
	told := []rightful.AlertTold{}
	rows, err := tx.QueryContext(ctx, s.d.query(`SELECT t.channel, t.said, t.at, t.message, COALESCE(m.sent_at, 0) FROM rightful_alert_told t
		LEFT JOIN rightful_alert_messages m ON m.id = t.message WHERE t.key = $1 ORDER BY t.channel`), key)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var t rightful.AlertTold
		var said string
		var sent int64
		if err := rows.Scan(&t.Channel, &said, &t.At, &t.Message, &sent); err != nil {
			return nil, err
		}
		t.Said, t.Sent = rightful.AlertSaid(said), sent > 0
		told = append(told, t)
	}
	return told, rows.Err()
}

// AlertChannels implements rightful.AlertReader.
func (s *Store) AlertChannels(ctx context.Context) ([]rightful.AlertChannel, error) {
	channels := []rightful.AlertChannel{}
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT name, since, sent_at, tried_at, failures, error, not_before, pending FROM rightful_alert_channels ORDER BY name`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c rightful.AlertChannel
			var pending string
			if err := rows.Scan(&c.Name, &c.Since, &c.SentAt, &c.TriedAt, &c.Failures, &c.Error, &c.NotBefore, &pending); err != nil {
				return err
			}
			c.Pending = pending != ""
			channels = append(channels, c)
		}
		return rows.Err()
	})
	return channels, err
}
