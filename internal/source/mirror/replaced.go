package mirror

import (
	"context"
	"database/sql"
	"encoding/json"

	"rightful"
)

// replacedFor is how long what was replaced is kept, in seconds: a day longer than Stripe
// keeps the events that tell it (docs.stripe.com/api/events/list).
const replacedFor = 31 * 24 * 60 * 60

// keepReplaced keeps what stood there before, by events.
func (a *Account) keepReplaced(ctx context.Context, tx transaction, k known, events []rightful.Event) error {
	for _, e := range events {
		previous := map[string]string{}
		for key, value := range kept(e.Previous, a.keys) {
			previous[escape(key)] = escape(value)
		}
		if len(previous) == 0 {
			continue
		}
		raw, err := json.Marshal(previous)
		if err != nil {
			return err
		}
		if _, err := a.m.exec(ctx, tx, `INSERT INTO rightful_mirror.replaced (account, keyset, created, event, kind, type, object, previous)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
			k.number, k.keyset, e.Created, escape(e.ID), escape(e.Type), typeNumbers[e.ObjectType], escape(e.ObjectID), string(raw)); err != nil {
			return err
		}
	}
	return nil
}

// noteFollowed notes of which time all events were taken in. What joins on to the time
// that was noted before is one with it; of two that have a gap between them the later one
// is kept.
func (a *Account) noteFollowed(ctx context.Context, tx transaction, k known, from, until int64) error {
	if _, err := a.m.exec(ctx, tx, `INSERT INTO rightful_mirror.followed AS f (account, keyset, since, until) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, keyset) DO UPDATE SET
			since = CASE WHEN excluded.since > f.until OR excluded.since < f.since THEN excluded.since ELSE f.since END,
			until = CASE WHEN excluded.until > f.until THEN excluded.until ELSE f.until END
		WHERE excluded.until >= f.since`, k.number, k.keyset, from, until); err != nil {
		return err
	}
	_, err := a.m.exec(ctx, tx, `DELETE FROM rightful_mirror.replaced WHERE account = $1 AND keyset = $2 AND created < $3`, k.number, k.keyset, until-replacedFor)
	return err
}

// Replaced implements rightful.MirrorStore.
func (a *Account) Replaced(ctx context.Context) (r rightful.MirrorReplaced, err error) {
	err = a.m.read(ctx, func(ctx context.Context, tx transaction) error {
		k, err := a.find(ctx, tx)
		if err != nil || k.number == 0 {
			return err
		}
		if err := a.m.each(ctx, tx, func(rows *sql.Rows) error {
			return rows.Scan(&r.Since, &r.Until)
		}, `SELECT since, until FROM rightful_mirror.followed WHERE account = $1 AND keyset = $2`, k.number, k.keyset); err != nil {
			return err
		}
		return a.m.each(ctx, tx, func(rows *sql.Rows) error {
			var e rightful.Event
			var t int64
			var raw string
			if err := rows.Scan(&e.Created, &e.ID, &e.Type, &t, &e.ObjectID, &raw); err != nil {
				return err
			}
			var previous map[string]string
			if err := json.Unmarshal([]byte(raw), &previous); err != nil {
				return err
			}
			e.Previous = make(map[string]string, len(previous))
			for key, value := range previous {
				e.Previous[unescape(key)] = unescape(value)
			}
			e.ID, e.Type, e.ObjectType, e.ObjectID = unescape(e.ID), unescape(e.Type), typeNames[t], unescape(e.ObjectID)
			r.Events = append(r.Events, e)
			return nil
		}, `SELECT created, event, kind, type, object, previous FROM rightful_mirror.replaced
			WHERE account = $1 AND keyset = $2 ORDER BY created DESC, event`, k.number, k.keyset)
	})
	if err != nil {
		return rightful.MirrorReplaced{}, err
	}
	return r, nil
}
