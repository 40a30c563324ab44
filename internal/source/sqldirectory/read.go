package sqldirectory

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"
)

// cleanup bounds the end of a transaction, which has to be told even when the
// caller has gone.
const cleanup = 5 * time.Second

// read runs f inside a read-only transaction under the deadline of one
// statement, and explains its error as one of s.
func (d *Directory) read(ctx context.Context, s statement, f func(context.Context, *sql.Conn) error) error {
	return d.connected(ctx, func() statement { return s }, func(within context.Context, conn *sql.Conn) (abandon func(context.Context), err error) {
		abandon, err = d.dialect.begin(within, conn, d.timeout)
		if err == nil {
			err = f(within, conn)
		}
		d.end(ctx, conn)
		return abandon, err
	})
}

// connected runs f on a connection under the deadline of one statement, and
// explains its error as one of the statement that where returns then. f returns
// what makes the server give up a statement, or nil.
func (d *Directory) connected(ctx context.Context, where func() statement, f func(context.Context, *sql.Conn) (abandon func(context.Context), err error)) error {
	if err := ctx.Err(); err != nil {
		return d.explain(ctx, where(), err)
	}
	// Connecting has a deadline of its own, which is not the statement's.
	within, cancel := context.WithTimeout(ctx, d.connectTimeout+d.timeout)
	defer cancel()
	conn, err := d.db.Conn(within)
	if err != nil {
		return d.explain(ctx, statement{place: placeDSN}, err)
	}
	defer conn.Close()

	within, cancel = context.WithTimeout(ctx, d.timeout)
	defer cancel()
	abandon, err := f(within, conn)
	// A driver that was interrupted may say so in words of its own.
	if err != nil && within.Err() != nil {
		err = within.Err()
		if abandon != nil {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
			defer cancel()
			abandon(ctx)
		}
	}
	return d.explain(ctx, where(), err)
}

// end ends the transaction. A connection on which that fails is not used again;
// what was read on it is as good as before.
func (d *Directory) end(ctx context.Context, conn *sql.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
	defer cancel()
	if _, err := conn.ExecContext(ctx, d.dialect.end()); err != nil {
		// The answer is the error we hand in: it makes database/sql drop
		// the connection.
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
}

// fetch runs one statement and returns its rows.
func (d *Directory) fetch(ctx context.Context, conn *sql.Conn, sent string, args []any) ([][]any, error) {
	rows, err := conn.QueryContext(ctx, sent, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return d.rowsOf(rows)
}

// rowsOf returns the rows of one answer.
func (d *Directory) rowsOf(rows *sql.Rows) ([][]any, error) {
	columns, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	var all [][]any
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		for i := range values {
			values[i] = d.dialect.value(values[i], columns[i])
		}
		all = append(all, values)
	}
	return all, rows.Err()
}
