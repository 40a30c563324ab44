package state

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"

	"github.com/go-json-experiment/json"

	"rightful"
)

// What a channel is to be told of: a is the alert, t what it was told last. The
// parameters are $1 channel, $2 now, $3 least rank, $4 threshold, $5 seconds until
// something open is told again, $6 the key that is about the channel itself, $7 to
// $10 kinds. What was told is also told to be over, whatever the rule says by now.
const due = `FROM rightful_alerts a LEFT JOIN rightful_alert_told t ON t.channel = $1 AND t.key = a.key
	WHERE a.key <> $6 AND (
		a.resolved > 0 AND t.over = 0
		OR a.resolved = 0 AND a.rank >= $3 AND a.kind IN ($7, $8, $9, $10) AND (
			(t.key IS NULL OR t.over = 1) AND (a.quiet = 0 OR a.times - a.before >= $4)
			OR t.over = 0 AND a.quiet > 0 AND a.times > t.times
			OR t.over = 0 AND t.at <= CAST($2 AS bigint) - CAST($5 AS bigint)))`

func dueArgs(r rightful.AlertRule, now int64) []any {
	args := []any{r.Channel, now, rank(r.Severity), max(r.Threshold, 1), r.Remind, rightful.AlertChannelDead + r.Channel}
	for i := range 4 {
		kind := ""
		if i < len(r.Kinds) {
			kind = string(r.Kinds[i])
		}
		args = append(args, kind)
	}
	return args
}

// errNothing ends a transaction in which there was nothing to say.
var errNothing = errors.New("nothing to say")

// MakeAlertMessage implements rightful.AlertStore. Whoever moves the channel's row
// on makes the message; everybody else finds it moved.
func (s *Store) MakeAlertMessage(ctx context.Context, r rightful.AlertRule) error {
	now := s.unix()
	ready, err := s.ready(ctx, r.Channel, now)
	if err != nil || !ready {
		return err
	}
	if some, err := s.some(ctx, `SELECT 1 `+due, dueArgs(r, now)...); err != nil || !some {
		return err
	}
	id := "msg_" + rand.Text()
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := s.exec(ctx, tx, `UPDATE rightful_alert_channels SET pending = $1, next_at = $2 WHERE name = $3 AND pending = '' AND next_at <= $4`,
			id, now+r.Every, r.Channel, now)
		if err != nil {
			return err
		}
		if n == 0 {
			return errNothing
		}
		// First it is marked what is told, then that is read: what comes in between
		// is for the next message.
		n, err = s.exec(ctx, tx, `INSERT INTO rightful_alert_told (channel, key, message, incident, said, over, at, times, more)
			SELECT CAST($1 AS text), a.key, CAST($11 AS text), CASE WHEN t.over = 0 THEN t.incident ELSE $11 END,
				CASE WHEN a.resolved > 0 THEN 'resolved' WHEN t.key IS NULL OR t.over = 1 THEN 'new'
					WHEN a.quiet > 0 AND a.times > t.times THEN 'again' ELSE 'open' END,
				CASE WHEN a.resolved > 0 THEN 1 ELSE 0 END, CAST($2 AS bigint), a.times, a.times - CASE WHEN t.over = 0 THEN t.times ELSE a.before END
			`+due+`
			ON CONFLICT (channel, key) DO UPDATE SET message = excluded.message, incident = excluded.incident, said = excluded.said,
				over = excluded.over, at = excluded.at, times = excluded.times, more = excluded.more`, append(dueArgs(r, now), id)...)
		if err != nil {
			return err
		}
		if n == 0 {
			return errNothing
		}
		m, err := s.message(ctx, tx, id, r.Channel, now)
		if err != nil {
			return err
		}
		body, err := document(m)
		if err != nil {
			return err
		}
		_, err = s.exec(ctx, tx, `INSERT INTO rightful_alert_messages (id, channel, made_at, sent_at, body) VALUES ($1, $2, $3, 0, $4)`, id, r.Channel, now, body)
		return err
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

// ready reports whether a message may be made for a channel, which is written down
// when it is met first.
func (s *Store) ready(ctx context.Context, channel string, now int64) (bool, error) {
	var next int64
	var pending string
	get := func(ctx context.Context, tx *sql.Tx) error {
		return s.row(ctx, tx, `SELECT next_at, pending FROM rightful_alert_channels WHERE name = $1`, channel).Scan(&next, &pending)
	}
	err := s.read(ctx, get)
	if errors.Is(err, sql.ErrNoRows) {
		err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
			_, err := s.exec(ctx, tx, `INSERT INTO rightful_alert_channels (name, since, next_at, pending, token, until, not_before, failures, error, tried_at, sent_at)
				VALUES ($1, $2, 0, '', '', 0, 0, 0, '', 0, 0) ON CONFLICT (name) DO NOTHING`, channel, now)
			return err
		})
	}
	return err == nil && pending == "" && next <= now, err
}

// message reads what was marked for a message.
func (s *Store) message(ctx context.Context, tx *sql.Tx, id, channel string, now int64) (rightful.AlertMessage, error) {
	m := rightful.AlertMessage{ID: id, Channel: channel, At: now, Parts: []rightful.AlertPart{}, Incidents: []rightful.AlertIncident{}, Ended: []string{}}
	rows, err := tx.QueryContext(ctx, s.d.query(`SELECT t.said, t.incident, t.more, a.label, `+alertColumns+`
		FROM rightful_alert_told t JOIN rightful_alerts a ON a.key = t.key WHERE t.message = $1 ORDER BY a.rank DESC, a.at, a.key`), id)
	if err != nil {
		return m, err
	}
	defer rows.Close()
	t := tally{said: map[rightful.AlertSaid]*rightful.AlertPart{}, at: map[string]int{}}
	for rows.Next() {
		var said, incident, label string
		var more int
		a, err := scanAlert(rows, &said, &incident, &more, &label)
		if err != nil {
			return m, err
		}
		t.add(&m, rightful.AlertSaid(said), incident, label, more, a)
	}
	if err := rows.Err(); err != nil {
		return m, err
	}
	for _, said := range []rightful.AlertSaid{rightful.SaidNew, rightful.SaidAgain, rightful.SaidOpen, rightful.SaidResolved} {
		if part := t.said[said]; part != nil {
			m.Parts = append(m.Parts, *part)
		}
	}
	ended, err := tx.QueryContext(ctx, s.d.query(`SELECT DISTINCT t.incident FROM rightful_alert_told t WHERE t.message = $1 AND t.over = 1
		AND NOT EXISTS (SELECT 1 FROM rightful_alert_told o WHERE o.incident = t.incident AND o.over = 0) ORDER BY t.incident`), id)
	if err != nil {
		return m, err
	}
	defer ended.Close()
	for ended.Next() {
		var incident string
		if err := ended.Scan(&incident); err != nil {
			return m, err
		}
		m.Ended = append(m.Ended, incident)
	}
	return m, ended.Err()
}

// tally counts the alerts of a message, which come the most severe first.
type tally struct {
	said map[rightful.AlertSaid]*rightful.AlertPart
	at   map[string]int // of a count in its part, and of an incident
}

func (t tally) add(m *rightful.AlertMessage, said rightful.AlertSaid, incident, label string, more int, a rightful.Alert) {
	part := t.said[said]
	if part == nil {
		part = &rightful.AlertPart{Said: said, Counts: []rightful.AlertCount{}, Examples: []rightful.Alert{}}
		t.said[said] = part
	}
	part.Count++
	times := 1
	if a.Quiet > 0 && said != rightful.SaidResolved {
		times = max(more, 1)
	}
	place := string(said) + " " + label
	if i, is := t.at[place]; is {
		part.Counts[i].Count += times
	} else {
		t.at[place] = len(part.Counts)
		part.Counts = append(part.Counts, rightful.AlertCount{Label: label, Title: a.Title, Severity: a.Severity, Count: times})
	}
	if len(part.Examples) < rightful.AlertExamples {
		part.Examples = append(part.Examples, a)
	}
	if said == rightful.SaidResolved {
		return
	}
	if i, is := t.at[incident]; is {
		m.Incidents[i].Count++
	} else {
		t.at[incident] = len(m.Incidents)
		m.Incidents = append(m.Incidents, rightful.AlertIncident{ID: incident, Severity: a.Severity, Title: a.Title, Count: 1})
	}
}

// claimable chooses a channel, $1, whose message may be sent at $2.
const claimable = `name = $1 AND pending <> '' AND not_before <= $2 AND until <= $2`

// ClaimAlertMessage implements rightful.AlertStore.
func (s *Store) ClaimAlertMessage(ctx context.Context, channel string, seconds int64) (*rightful.AlertClaim, error) {
	now := s.unix()
	if some, err := s.some(ctx, `SELECT 1 FROM rightful_alert_channels WHERE `+claimable, channel, now); err != nil || !some {
		return nil, err
	}
	claim := &rightful.AlertClaim{Token: rand.Text()}
	err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := s.exec(ctx, tx, `UPDATE rightful_alert_channels SET token = $3, until = $4, tried_at = $2 WHERE `+claimable, channel, now, claim.Token, now+seconds)
		if err != nil {
			return err
		}
		if n == 0 {
			return errNothing
		}
		var body string
		err = s.row(ctx, tx, `SELECT c.failures, m.body FROM rightful_alert_channels c JOIN rightful_alert_messages m ON m.id = c.pending WHERE c.name = $1`, channel).
			Scan(&claim.Failures, &body)
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(body), &claim.Message)
	})
	if errors.Is(err, errNothing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return claim, nil
}

// SettleAlertMessage implements rightful.AlertStore. Whoever lost the claim settles
// nothing: somebody else has the message now.
func (s *Store) SettleAlertMessage(ctx context.Context, o rightful.AlertOutcome) error {
	id, now := o.Claim.Message.ID, s.unix()
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		statement, args := `UPDATE rightful_alert_channels SET token = '', until = 0, pending = '', failures = 0, error = '', not_before = 0, sent_at = $3
			WHERE name = $1 AND token = $2`, []any{o.Claim.Message.Channel, o.Claim.Token, now}
		if o.Failed != "" {
			statement, args = `UPDATE rightful_alert_channels SET token = '', until = 0, failures = failures + 1, error = $3, not_before = $4
				WHERE name = $1 AND token = $2`, []any{o.Claim.Message.Channel, o.Claim.Token, o.Failed, o.NotBefore}
		}
		n, err := s.exec(ctx, tx, statement, args...)
		switch {
		case err != nil || n == 0:
			return err
		case o.Failed == "":
			_, err = s.exec(ctx, tx, `UPDATE rightful_alert_messages SET sent_at = $1 WHERE id = $2`, now, id)
			return err
		case o.GiveUp:
			return s.untell(ctx, tx, o.Claim.Message)
		}
		return nil
	})
}

// untell takes back what a message was to say, so that the next one says it.
func (s *Store) untell(ctx context.Context, tx *sql.Tx, m rightful.AlertMessage) error {
	for _, statement := range []string{
		`DELETE FROM rightful_alert_told WHERE message = $1 AND said = 'new'`,
		`UPDATE rightful_alert_told SET over = 0, at = 0 WHERE message = $1`,
		`UPDATE rightful_alert_channels SET pending = '' WHERE pending = $1`,
		`DELETE FROM rightful_alert_messages WHERE id = $1`,
	} {
		if _, err := s.exec(ctx, tx, statement, m.ID); err != nil {
			return err
		}
	}
	return nil
}
