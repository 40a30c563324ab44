package mirror

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// lite writes through the one connection that writes, with statements that are
// prepared once.
type lite struct {
	db       *sql.DB
	prepared map[string]*sql.Stmt // by text; closed with the database
}

// rewrite leaves out the schema, and writes parameters as SQLite numbers them.
var rewrite = strings.NewReplacer("rightful_mirror.", "", "$", "?")

func (*lite) query(statement string) string { return rewrite.Replace(statement) }

func (*lite) using(index string) string {
	if index == "" {
		return " NOT INDEXED"
	}
	return " INDEXED BY " + index
}

// lockAccount has nothing to do: a transaction that writes is the only one.
func (*lite) lockAccount(context.Context, transaction, int64) error { return nil }

// prepare prepares the statements that keeping needs, once for all.
func (l *lite) prepare(ctx context.Context) error {
	for _, text := range []string{
		lookupCustomers(1), lookupCustomers(rowsAtOnce), lookupOthers(1), lookupOthers(rowsAtOnce),
		upsert(1), upsert(rowsAtOnce), appended(1), appended(rowsAtOnce), touchOne, removeOne,
	} {
		st, err := l.db.PrepareContext(ctx, text)
		if err != nil {
			return err
		}
		l.prepared[text] = st
	}
	return nil
}

// rowsAtOnce is how many rows a statement writes or looks up.
const rowsAtOnce = 64

// many is n times a group of parameters.
func many(n int, group string) string { return strings.Repeat(group+",", n-1) + group }

// batches calls f with the arguments of up to rowsAtOnce rows at a time, and a
// statement made for that many.
func (l *lite) batches(ctx context.Context, tx transaction, rows []row, text func(n int) string, args func([]any, *row) []any, f func(*sql.Stmt, []any) error) error {
	var buffer []any
	for len(rows) > 0 {
		n := 1
		if len(rows) >= rowsAtOnce {
			n = rowsAtOnce
		}
		st := tx.StmtContext(ctx, l.prepared[text(n)])
		for len(rows) >= n {
			buffer = buffer[:0]
			for i := range rows[:n] {
				buffer = args(buffer, &rows[i])
			}
			if err := f(st, buffer); err != nil {
				return err
			}
			rows = rows[n:]
		}
	}
	return nil
}

func (l *lite) lookup(ctx context.Context, tx transaction, rows []row, read func(*sql.Rows) error) error {
	var customers, others []row
	for _, r := range rows {
		if r.typ == typeCustomer {
			customers = append(customers, r)
		} else {
			others = append(others, r)
		}
	}
	all := func(st *sql.Stmt, args []any) error {
		found, err := st.QueryContext(ctx, args...)
		return eachOf(found, err, read)
	}
	if err := l.batches(ctx, tx, customers, lookupCustomers, func(to []any, r *row) []any { return append(to, r.place, r.family) }, all); err != nil {
		return err
	}
	return l.batches(ctx, tx, others, lookupOthers, func(to []any, r *row) []any { return append(to, r.place&^(slots-1), r.typ, r.tail) }, all)
}

// ofObject names the columns where object is o.
var ofObject = "o." + strings.ReplaceAll(columns, ", ", ", o.")

// The rows that are asked for lead, and the index of what they have in common with
// object follows.

func lookupCustomers(n int) string {
	return `WITH w (place, family) AS (VALUES ` + many(n, "(?,?)") + `) SELECT ` + ofObject +
		` FROM w CROSS JOIN object o ON o.place = w.place AND o.family = w.family AND o.type = 1 AND o.tail = 0`
}

func lookupOthers(n int) string {
	return `WITH w (first, type, tail) AS (VALUES ` + many(n, "(?,?,?)") + `) SELECT ` + ofObject +
		` FROM w CROSS JOIN object o INDEXED BY object_tail ON o.tail = w.tail AND o.tail <> 0 AND o.type = w.type AND o.place >= w.first AND o.place < w.first + ` + strconv.Itoa(slots)
}

// keyColumnNames are those that rows of one object have in common.
var keyColumnNames = []string{"place", "family", "type", "tail", "id"}

// replaced is what an upsert sets: all but the key.
var replaced = func() string {
	var set []string
	for _, c := range strings.Split(columns, ", ") {
		if !slices.Contains(keyColumnNames, c) {
			set = append(set, c+" = excluded."+c)
		}
	}
	return strings.Join(set, ", ")
}()

func upsert(n int) string {
	return `INSERT INTO object (` + columns + `) VALUES ` + many(n, "("+many(columnCount, "?")+")") + ` ON CONFLICT (place, family, type, tail) DO UPDATE SET ` + replaced + ` WHERE object.id IS NOT DISTINCT FROM excluded.id`
}

const (
	touchOne  = `UPDATE object SET as_of = ?, seen = ? WHERE place = ? AND family = ? AND type = ? AND tail = ?`
	removeOne = `DELETE FROM object WHERE place = ? AND family = ? AND type = ? AND tail = ?`
)

func (l *lite) put(ctx context.Context, tx transaction, rows []row) error {
	return l.batches(ctx, tx, rows, upsert, func(to []any, r *row) []any { return r.appendValues(to) }, func(st *sql.Stmt, args []any) error {
		done, err := st.ExecContext(ctx, args...)
		return allPut(done, err, len(args)/columnCount)
	})
}

// stages is true: a file is often written on a disk that does not like it.
func (*lite) stages() bool { return true }

func appended(n int) string {
	return `INSERT INTO staged (` + columns + `) VALUES ` + many(n, "("+many(columnCount, "?")+")")
}

func (l *lite) stage(ctx context.Context, tx transaction, rows []row) error {
	return l.batches(ctx, tx, rows, appended, func(to []any, r *row) []any { return r.appendValues(to) }, func(st *sql.Stmt, args []any) error {
		_, err := st.ExecContext(ctx, args...)
		return err
	})
}

// merge sorts staged rows in. When they are many, the indexes are made anew: sorted
// too, instead of one page for each row. Others see the file as it was until the end.
func (l *lite) merge(ctx context.Context, tx transaction, number int64, bulk bool) error {
	indexes := map[string]string{}
	if bulk {
		if err := eachIndex(ctx, tx, indexes); err != nil {
			return err
		}
	}
	for name := range indexes {
		if _, err := tx.ExecContext(ctx, `DROP INDEX `+name); err != nil {
			return err
		}
	}
	var set []string
	for _, c := range strings.Split(columns, ", ") {
		switch {
		case c == "seen":
			set = append(set, "seen = max(object.seen, excluded.seen)")
		case !slices.Contains(keyColumnNames, c):
			set = append(set, c+" = CASE WHEN excluded.as_of >= object.as_of THEN excluded."+c+" ELSE object."+c+" END")
		}
	}
	first, end := number<<slotBits, (number+1)<<slotBits
	var want int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM staged WHERE place >= ? AND place < ?`, first, end).Scan(&want); err != nil {
		return err
	}
	done, err := tx.ExecContext(ctx, `INSERT INTO object (`+columns+`) SELECT `+columns+` FROM staged WHERE place >= ? AND place < ?
		ORDER BY place, family, type, tail, as_of, rowid
		ON CONFLICT (place, family, type, tail) DO UPDATE SET `+strings.Join(set, ", ")+` WHERE object.id IS NOT DISTINCT FROM excluded.id`, first, end)
	if err := allPut(done, err, want); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(indexes)) {
		if _, err := tx.ExecContext(ctx, indexes[name]); err != nil {
			return err
		}
	}
	return nil
}

// eachIndex returns the statements that make the indexes of object, by name.
func eachIndex(ctx context.Context, tx transaction, into map[string]string) error {
	rows, err := tx.QueryContext(ctx, `SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'object' AND sql IS NOT NULL`)
	return eachOf(rows, err, func(rows *sql.Rows) error {
		var name, statement string
		err := rows.Scan(&name, &statement)
		into[name] = statement
		return err
	})
}

func (l *lite) touch(ctx context.Context, tx transaction, rows []row) error {
	return l.one(ctx, tx, touchOne, rows, func(to []any, r *row) []any {
		return append(to, r.asOf, r.seen, r.place, r.family, r.typ, r.tail)
	})
}

func (l *lite) remove(ctx context.Context, tx transaction, rows []row) error {
	return l.one(ctx, tx, removeOne, rows, func(to []any, r *row) []any { return append(to, r.place, r.family, r.typ, r.tail) })
}

// one runs a statement for each row.
func (l *lite) one(ctx context.Context, tx transaction, text string, rows []row, args func([]any, *row) []any) error {
	if len(rows) == 0 {
		return nil
	}
	st := tx.StmtContext(ctx, l.prepared[text])
	var buffer []any
	for i := range rows {
		buffer = args(buffer[:0], &rows[i])
		if _, err := st.ExecContext(ctx, buffer...); err != nil {
			return err
		}
	}
	return nil
}

// allPut checks that as many rows were put as there were.
func allPut(done sql.Result, err error, want int) error {
	if err != nil {
		return err
	}
	n, err := done.RowsAffected()
	if err == nil && n != int64(want) {
		err = invalid("two objects of one customer have ids that cannot be told apart by their tails", "report this: it was thought impossible")
	}
	return err
}
