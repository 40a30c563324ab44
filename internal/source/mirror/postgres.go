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

func (postgres) lockAccount(ctx context.Context, tx transaction, number int64) error {
	_, err := tx.ExecContext(ctx, `SELECT 1 FROM rightful_mirror.account WHERE number = $1 FOR UPDATE`, number)
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
		found, err := tx.QueryContext(ctx, `SELECT `+ofObject+` FROM unnest($1::bigint[], $2::text[]) AS w (place, family)
			JOIN rightful_mirror.object o ON o.place = w.place AND o.family = w.family AND o.type = 1 AND o.tail = 0`, customers.place, customers.family)
		if err := eachOf(found, err, read); err != nil {
			return err
		}
	}
	if len(others.place) == 0 {
		return nil
	}
	first := others.place[0] &^ (slots - 1)
	found, err := tx.QueryContext(ctx, `SELECT `+ofObject+` FROM unnest($1::bigint[], $2::bigint[]) AS w (tail, type)
		JOIN rightful_mirror.object o ON o.tail = w.tail AND o.tail <> 0 AND o.type = w.type AND o.place >= $3 AND o.place < $4`, others.tail, others.typ, first, first+slots)
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
