package state

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"rightful"
)

// quickly accepts events in one round trip. It is for PostgreSQL, and for when a job
// is queued already for each shard that the events are of, as it nearly always is while
// many come. Else nothing is done, and what has to be is told.
//
// The shards are kept as they are until the commit, from who takes them, and not from
// others who accept: a worker that begins with the job that is queued sees these events.
// Events are numbered as they come, and inserted in the order of their ids: of two nodes
// that insert the same ones in different orders, each would wait for the other.
// The statement is a transaction of its own, and as durable as all are.
const quickly = `WITH durable AS MATERIALIZED (
	SELECT count(set_config('synchronous_commit', 'on', true)) AS n FROM (SELECT) AS once WHERE current_setting('synchronous_commit') = 'off'
), held AS MATERIALIZED (
	SELECT shard, generation, queued FROM rightful_webhook_shards WHERE lane = $1 AND shard = ANY ($12::bigint[]) ORDER BY shard FOR KEY SHARE
), idle AS MATERIALIZED (
	SELECT count(*) FILTER (WHERE queued < generation AND shard = ANY ($2::bigint[])) > 0 AS some FROM held
), numbers AS MATERIALIZED (
	SELECT pg_get_serial_sequence('rightful_webhook_events', 'seq')::regclass AS sequence FROM idle, durable WHERE NOT idle.some AND durable.n >= 0
), numbered AS MATERIALIZED (
	SELECT nextval(numbers.sequence) AS seq, e.* FROM numbers, unnest($3::text[], $4::boolean[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[],
		$10::text[], $11::text[], $12::bigint[], $13::text[], $14::bigint[], $15::text[], $16::bigint[], $17::text[], $18::bigint[]) AS e (` + inserted + `)
), added AS (
	INSERT INTO rightful_webhook_events (seq, ` + inserted + `) OVERRIDING SYSTEM VALUE
	SELECT seq, ` + inserted + ` FROM numbered ORDER BY livemode, id
	ON CONFLICT DO NOTHING RETURNING livemode, id
)
SELECT idle.some, coalesce(added.livemode, false), coalesce(added.id, '') FROM idle LEFT JOIN added ON true`

// acceptQuickly reports whether the events were accepted.
func (s *Store) acceptQuickly(ctx context.Context, events []rightful.InboxEvent, fresh []bool) (bool, error) {
	if _, is := s.d.(postgres); !is || s.readOnly || s.waker == nil {
		return false, nil
	}
	bounded, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	rows, err := s.db.Write.QueryContext(bounded, quickly, append([]any{string(rightful.LaneJudge), openShards(events)}, columnsOf(events)...)...)
	if err != nil {
		return false, s.slowly(ctx, err)
	}
	defer rows.Close()
	added := map[eventKey]bool{}
	idle := false
	for rows.Next() {
		var k eventKey
		if err := rows.Scan(&idle, &k.livemode, &k.id); err != nil {
			return false, s.explain(ctx, err)
		}
		added[k] = true
	}
	if err := rows.Err(); err != nil || idle {
		return false, s.slowly(ctx, err)
	}
	markFresh(events, fresh, added)
	return true, nil
}

// slowly returns nil for an error after which the events can be accepted the other way: a
// server whose transactions are stricter by default than ours need be does not wait for
// others, but fails.
func (s *Store) slowly(ctx context.Context, err error) error {
	var said *pgconn.PgError
	if errors.As(err, &said) && said.Code == "40001" {
		return nil
	}
	return s.explain(ctx, err)
}

// eventKey is what an event is known by.
type eventKey struct {
	livemode bool
	id       string
}

// markFresh tells which events were added. Of two of the same id, the first is new.
func markFresh(events []rightful.InboxEvent, fresh []bool, added map[eventKey]bool) {
	for i, e := range events {
		k := eventKey{e.Livemode, e.ID}
		fresh[i] = added[k]
		delete(added, k)
	}
}

// openShards are the shards of events that are to be judged.
func openShards(events []rightful.InboxEvent) []int {
	var open []int
	for _, e := range events {
		if e.Status == rightful.InboxPending {
			open = append(open, e.Shard)
		}
	}
	slices.Sort(open)
	return slices.Compact(open)
}

// columnsOf are the values of new events, column by column as in inserted.
func columnsOf(events []rightful.InboxEvent) []any {
	texts := func(of func(rightful.InboxEvent) string) []string { return column(events, of) }
	numbers := func(of func(rightful.InboxEvent) int64) []int64 { return column(events, of) }
	return []any{
		texts(func(e rightful.InboxEvent) string { return e.Account }),
		column(events, func(e rightful.InboxEvent) bool { return e.Livemode }),
		texts(func(e rightful.InboxEvent) string { return e.ID }),
		texts(func(e rightful.InboxEvent) string { return e.Type }),
		numbers(func(e rightful.InboxEvent) int64 { return e.Created }),
		texts(func(e rightful.InboxEvent) string { return string(e.Origin) }),
		texts(func(e rightful.InboxEvent) string { return string(e.ObjectType) }),
		texts(func(e rightful.InboxEvent) string { return e.ObjectID }),
		texts(func(e rightful.InboxEvent) string { return e.Family }),
		numbers(func(e rightful.InboxEvent) int64 { return int64(e.Shard) }),
		texts(func(e rightful.InboxEvent) string { return e.Payload }),
		numbers(func(e rightful.InboxEvent) int64 { return e.ReceivedAt }),
		texts(func(e rightful.InboxEvent) string { return string(e.Status) }),
		numbers(func(e rightful.InboxEvent) int64 { return e.NextAt }),
		texts(func(e rightful.InboxEvent) string { return strings.Join(e.Codes, " ") }),
		numbers(func(e rightful.InboxEvent) int64 { return e.JudgedAt }),
	}
}

func column[T any](events []rightful.InboxEvent, of func(rightful.InboxEvent) T) []T {
	out := make([]T, len(events))
	for i, e := range events {
		out[i] = of(e)
	}
	return out
}
