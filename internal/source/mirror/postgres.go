package mirror

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

type postgres struct{}

func (postgres) query(statement string) string { return statement }

// using is empty: PostgreSQL is not told how to find things.
func (postgres) using(string) string { return "" }

// lockAccount also has the transaction find its rows one by one, through indexes, and
// think about it each time: while a first pass fills the table there are no statistics of
// it yet, and PostgreSQL would go on with what was best when it was empty: reading all of
// it for each transaction.
func (postgres) lockAccount(ctx context.Context, tx transaction, number int64) error {
	_, err := tx.ExecContext(ctx, `SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)
		FROM rightful_mirror.account WHERE number = $1 FOR UPDATE`, number)
	return err
}

// keyColumns are rows turned into arrays: a statement joins them however many they
// are.
type keyColumns struct {
	place  []int64
	family []string
	typ    []int64
	tail   []int64
	asOf   []int64
	seen   []int64
}

func (k *keyColumns) add(r *row) {
	k.place, k.family = append(k.place, r.place), append(k.family, r.family)
	k.typ, k.tail = append(k.typ, r.typ), append(k.tail, r.tail)
	k.asOf, k.seen = append(k.asOf, r.asOf), append(k.seen, r.seen)
}

func (postgres) lookup(ctx context.Context, tx transaction, rows []row, read func(*sql.Rows) error) error {
	var customers, others keyColumns
	for i := range rows {
		if rows[i].typ == typeCustomer {
			customers.add(&rows[i])
		} else {
			others.add(&rows[i])
		}
	}
	if len(customers.place) > 0 {
		found, err := tx.QueryContext(ctx, `SELECT `+ofObject+` FROM unnest($1::bigint[], $2::text[]) AS w (place, family) CROSS JOIN LATERAL (
			SELECT * FROM rightful_mirror.object o WHERE o.place = w.place AND o.family = w.family AND o.type = 1 AND o.tail = 0 OFFSET 0) o`, customers.place, customers.family)
		if err := eachOf(found, err, read); err != nil {
			return err
		}
	}
	if len(others.place) == 0 {
		return nil
	}
	// OFFSET 0 keeps the order of the join as it is written, and the account is told in a
	// way that no index serves: that of tails is the one.
	found, err := tx.QueryContext(ctx, `SELECT `+ofObject+` FROM unnest($1::bigint[], $2::bigint[]) AS w (tail, type) CROSS JOIN LATERAL (
		SELECT * FROM rightful_mirror.object o WHERE o.tail = w.tail AND o.tail <> 0 AND o.type = w.type AND o.place >> $3::int = $4 OFFSET 0) o`, others.tail, others.typ, slotBits, others.place[0]>>slotBits)
	return eachOf(found, err, read)
}

// staging holds rows on their way into the table. A session keeps it, and each
// transaction begins with an empty one.
const staging = "rightful_mirror_staging_1"

func (postgres) put(ctx context.Context, tx transaction, rows []row) error {
	if len(rows) == 0 {
		return nil
	}
	for _, statement := range []string{
		`CREATE TEMPORARY TABLE IF NOT EXISTS ` + staging + ` (LIKE rightful_mirror.object) ON COMMIT DELETE ROWS`,
		`DELETE FROM pg_temp.` + staging, // of an earlier part of this transaction
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	err := tx.conn.Raw(func(driver any) error {
		var values []any
		_, err := driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{"pg_temp", staging}, strings.Split(columns, ", "),
			pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
				values = rows[i].appendValues(values[:0])
				return values, nil
			}))
		return err
	})
	if err != nil {
		return err
	}
	done, err := tx.ExecContext(ctx, `INSERT INTO rightful_mirror.object (`+columns+`) SELECT `+columns+` FROM pg_temp.`+staging+`
		ON CONFLICT (place, family, type, tail) DO UPDATE SET `+replaced+` WHERE object.id IS NOT DISTINCT FROM excluded.id`)
	return allPut(done, err, len(rows))
}

// stages is false: what a server keeps in memory is bigger.
func (postgres) stages() bool { return false }

func (postgres) stage(context.Context, transaction, []row) error { return errors.ErrUnsupported }

func (postgres) merge(context.Context, transaction, int64, bool) error { return errors.ErrUnsupported }

func (postgres) touch(ctx context.Context, tx transaction, rows []row) error {
	if len(rows) == 0 {
		return nil
	}
	var k keyColumns
	for i := range rows {
		k.add(&rows[i])
	}
	_, err := tx.ExecContext(ctx, `UPDATE rightful_mirror.object o SET as_of = w.as_of, seen = w.seen
		FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[]) AS w (place, family, type, tail, as_of, seen)
		WHERE o.place = w.place AND o.family = w.family AND o.type = w.type AND o.tail = w.tail`, k.place, k.family, k.typ, k.tail, k.asOf, k.seen)
	return err
}

func (postgres) remove(ctx context.Context, tx transaction, rows []row) error {
	if len(rows) == 0 {
		return nil
	}
	var k keyColumns
	for i := range rows {
		k.add(&rows[i])
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM rightful_mirror.object o USING unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[]) AS w (place, family, type, tail)
		WHERE o.place = w.place AND o.family = w.family AND o.type = w.type AND o.tail = w.tail`, k.place, k.family, k.typ, k.tail)
	return err
}
