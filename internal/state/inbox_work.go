package state

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rightful"
	"rightful/internal/failpoint"
)

// kept are the columns of an event, in the order in which event reads them.
const kept = `seq, account, livemode, id, type, created, origin, object_type, object_id, family, shard, payload, received_at, status, attempts, next_at,
	company_id, codes, superseded, judged_at, notice, notice_attempts, notice_since, notice_next_at, told_at`

func (s *Store) events(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]rightful.InboxEvent, error) {
	rows, err := tx.QueryContext(ctx, s.d.query(`SELECT `+kept+` FROM rightful_webhook_events `+where), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []rightful.InboxEvent
	for rows.Next() {
		var e rightful.InboxEvent
		var codes string
		if err := rows.Scan(&e.Seq, &e.Account, &e.Livemode, &e.ID, &e.Type, &e.Created, &e.Origin, &e.ObjectType, &e.ObjectID, &e.Family, &e.Shard, &e.Payload,
			&e.ReceivedAt, &e.Status, &e.Attempts, &e.NextAt, &e.CompanyID, &codes, &e.Superseded, &e.JudgedAt,
			&e.Notice, &e.NoticeAttempts, &e.NoticeSince, &e.NoticeNextAt, &e.ToldAt); err != nil {
			return nil, err
		}
		e.Codes = strings.Fields(codes)
		all = append(all, e)
	}
	return all, rows.Err()
}

// OpenEvents implements rightful.InboxWork.
func (s *Store) OpenEvents(ctx context.Context, number, limit int, without []string) (open []rightful.InboxEvent, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		not := func(from int) string {
			if len(without) == 0 {
				return ""
			}
			return ` AND account NOT IN (` + parameters(from, len(without)) + `)`
		}
		var families []string
		err := s.texts(ctx, tx, func(f string) { families = append(families, f) }, `SELECT family FROM rightful_webhook_events
			WHERE shard = $1 AND status IN ('pending', 'unknown') AND next_at <= $2`+not(4)+` ORDER BY family LIMIT $3`, append([]any{number, s.unix(), limit}, anys(without)...)...)
		if families = slices.Compact(families); err != nil || len(families) == 0 {
			return err
		}
		// Those that are due come first: of a family that has more than fit, the others
		// would else be all that is ever looked at.
		open, err = s.events(ctx, tx, `WHERE shard = $1 AND status IN ('pending', 'unknown') AND family IN (`+parameters(4, len(families))+`)`+not(4+len(families))+`
			ORDER BY family, next_at > $3, created, seq LIMIT $2`, append([]any{number, limit, s.unix()}, anys(slices.Concat(families, without))...)...)
		if err != nil {
			return err
		}
		dead, err := s.events(ctx, tx, `WHERE shard = $1 AND status = 'dead' AND family IN (`+parameters(3, len(families))+`)`+not(3+len(families))+`
			ORDER BY family, created, seq LIMIT $2`, append([]any{number, limit}, anys(slices.Concat(families, without))...)...)
		open = append(open, dead...)
		return err
	})
	slices.SortFunc(open, func(a, b rightful.InboxEvent) int {
		return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.Created, b.Created), cmp.Compare(a.Seq, b.Seq))
	})
	return open, err
}

// WaitingNotices implements rightful.InboxWork.
func (s *Store) WaitingNotices(ctx context.Context, number, limit int) (waiting []rightful.InboxEvent, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		waiting, err = s.events(ctx, tx, `WHERE shard = $1 AND notice = 'waiting' AND family NOT IN
			(SELECT family FROM rightful_webhook_events WHERE shard = $1 AND notice = 'waiting' AND notice_next_at > $2)
			ORDER BY family, created, seq LIMIT $3`, number, s.unix(), limit)
		return err
	})
	return waiting, err
}

// objectsOfFamily is how many objects of one family are returned: a family may have a
// hundred thousand.
const objectsOfFamily = 100

// InboxObjects implements rightful.InboxWork.
func (s *Store) InboxObjects(ctx context.Context, livemode bool, families, ids []string) ([]rightful.InboxObject, error) {
	const columns = `o.type, o.id, o.family, o.created, o.event_id, o.snapshot, o.seen_at`
	known := map[string]rightful.InboxObject{}
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		clear(known)
		for some := range slices.Chunk(families, selectTogether) {
			// The index by family and time tells where the young ones begin, so that the
			// rest of a large family is not read. SQLite takes a CROSS JOIN in the order in
			// which it stands.
			theirs := fmt.Sprintf("o.livemode = $%d", len(some)+1)
			rows, err := tx.QueryContext(ctx, s.d.query(`WITH asked (family) AS (VALUES `+tuples(len(some), 1)+`), young (family, since) AS (
				SELECT family, COALESCE((SELECT created FROM rightful_webhook_objects AS o WHERE `+theirs+` AND o.family = asked.family
					ORDER BY created DESC LIMIT 1 OFFSET `+strconv.Itoa(objectsOfFamily-1)+`), -1) FROM asked)
				SELECT `+columns+` FROM young CROSS JOIN rightful_webhook_objects AS o WHERE `+theirs+` AND o.family = young.family AND o.created >= young.since`),
				append(anys(some), livemode)...)
			if err != nil {
				return err
			}
			if err := scanObjects(rows, known, livemode); err != nil {
				return err
			}
		}
		for some := range slices.Chunk(ids, selectTogether) {
			rows, err := tx.QueryContext(ctx, s.d.query(`SELECT `+columns+` FROM rightful_webhook_objects AS o
				WHERE livemode = $1 AND id IN (`+parameters(2, len(some))+`)`), append([]any{livemode}, anys(some)...)...)
			if err != nil {
				return err
			}
			if err := scanObjects(rows, known, livemode); err != nil {
				return err
			}
		}
		return nil
	})
	return slices.Collect(maps.Values(known)), err
}

func scanObjects(rows *sql.Rows, into map[string]rightful.InboxObject, livemode bool) error {
	defer rows.Close()
	for rows.Next() {
		o := rightful.InboxObject{Livemode: livemode}
		if err := rows.Scan(&o.Type, &o.ID, &o.Family, &o.Created, &o.EventID, &o.Snapshot, &o.SeenAt); err != nil {
			return err
		}
		into[string(o.Type)+"/"+o.ID] = o
	}
	return rows.Err()
}

// SettleEvents implements rightful.InboxWork.
func (s *Store) SettleEvents(ctx context.Context, number int, worker string, until int64, events []rightful.InboxEvent, objects []rightful.InboxObject) error {
	err := s.writing(ctx, func(ctx context.Context, tx Tx) error {
		judge, tell := []int{number}, []int(nil)
		for _, e := range events {
			judge = append(judge, e.Shard) // another one, when the family was not known
			if e.Notice == rightful.NoticeWaiting {
				tell = append(tell, e.Shard)
			}
		}
		shards, err := s.lockShards(ctx, tx, rightful.LaneJudge, judge)
		if err != nil {
			return err
		}
		if err := s.keep(ctx, tx, rightful.LaneJudge, number, worker, until); err != nil {
			return err
		}
		if err := s.keepObjects(ctx, tx, objects); err != nil {
			return err
		}
		var moved []int
		for _, e := range events {
			if e.Shard != number {
				moved = append(moved, e.Shard)
			}
			if _, err := s.exec(ctx, tx.SQL, `UPDATE rightful_webhook_events SET family = $1, shard = $2, payload = $3, status = $4, attempts = $5, next_at = $6,
				company_id = $7, codes = $8, superseded = $9, judged_at = $10, notice = $11, object_type = $12, account = $13 WHERE seq = $14`,
				e.Family, e.Shard, e.Payload, string(e.Status), e.Attempts, e.NextAt, e.CompanyID, strings.Join(e.Codes, " "), e.Superseded, e.JudgedAt,
				string(e.Notice), string(e.ObjectType), e.Account, e.Seq); err != nil {
				return err
			}
		}
		if err := s.wake(ctx, tx, rightful.LaneJudge, idle(shards, moved)); err != nil {
			return err
		}
		if shards, err = s.lockShards(ctx, tx, rightful.LaneTell, tell); err != nil {
			return err
		}
		if err := s.wake(ctx, tx, rightful.LaneTell, idle(shards, tell)); err != nil {
			return err
		}
		failpoint.Here("inbox/judged")
		return nil
	})
	failpoint.Here("inbox/settled")
	return err
}

func (s *Store) keepObjects(ctx context.Context, tx Tx, objects []rightful.InboxObject) error {
	for _, o := range objects {
		if _, err := s.exec(ctx, tx.SQL, `INSERT INTO rightful_webhook_objects (livemode, type, id, family, created, event_id, snapshot, seen_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (livemode, type, id)
			DO UPDATE SET family = excluded.family, created = excluded.created, event_id = excluded.event_id, snapshot = excluded.snapshot, seen_at = excluded.seen_at
			WHERE rightful_webhook_objects.created <= excluded.created`,
			o.Livemode, string(o.Type), o.ID, o.Family, o.Created, o.EventID, o.Snapshot, o.SeenAt); err != nil {
			return err
		}
	}
	return nil
}

// SettleNotices implements rightful.InboxWork.
func (s *Store) SettleNotices(ctx context.Context, number int, worker string, until int64, events []rightful.InboxEvent) error {
	return s.writing(ctx, func(ctx context.Context, tx Tx) error {
		if _, err := s.lockShards(ctx, tx, rightful.LaneTell, []int{number}); err != nil {
			return err
		}
		if err := s.keep(ctx, tx, rightful.LaneTell, number, worker, until); err != nil {
			return err
		}
		for _, e := range events {
			if _, err := s.exec(ctx, tx.SQL, `UPDATE rightful_webhook_events SET payload = $1, notice = $2, notice_attempts = $3, notice_since = $4, notice_next_at = $5, told_at = $6
				WHERE seq = $7`, e.Payload, string(e.Notice), e.NoticeAttempts, e.NoticeSince, e.NoticeNextAt, e.ToldAt, e.Seq); err != nil {
				return err
			}
		}
		failpoint.Here("inbox/told")
		return nil
	})
}
