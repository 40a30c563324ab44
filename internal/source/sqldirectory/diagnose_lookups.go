package sqldirectory

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rightful"
)

// smallTable is the number of rows below which a table needs no index.
const smallTable = 1000

// whole is a table that a statement reads as a whole.
type whole struct {
	alias string // as the plan calls it
	table string // as SQL calls it, where the plan tells
}

// diagnoseLookups asks the database how it would look rows up. rows is the
// number of rows of the query.
func (d *Directory) diagnoseLookups(ctx context.Context, n noun, rows int) []rightful.Diagnosis {
	var served []string
	var all []rightful.Diagnosis
	for _, name := range n.lookups {
		column, ok := n.query.column(name)
		if !ok {
			continue
		}
		reads, err := d.wholes(ctx, n.query, column)
		if err != nil {
			all = append(all, failed(n.place, "how it is looked up by "+name+" could not be found out", err))
			continue
		}
		reads = slices.DeleteFunc(reads, func(w whole) bool { return d.size(ctx, n.query, w, rows) < smallTable })
		if len(reads) == 0 {
			served = append(served, name)
			continue
		}
		var tables []string
		for _, w := range reads {
			tables = append(tables, w.alias)
		}
		all = append(all, rightful.Warn(n.place,
			fmt.Sprintf("no index serves a lookup by %s: each reads all of %s", name, strings.Join(tables, ", ")), d.remedy(ctx, n.query, column, reads)))
	}
	if len(served) > 0 {
		ok := rightful.OK(n.place, "looked up by "+strings.Join(served, ", ")+" with an index, or in fewer than "+thousands(smallTable)+" rows")
		all = append([]rightful.Diagnosis{ok}, all...)
	}
	return all
}

// lookupOf returns the statement that looks one value of a column up.
func (q *query) lookupOf(column resultColumn) statement {
	if column.name == string(rightful.ByEmail) {
		return q.inAnyCase(column, 1)
	}
	return q.in(column, 1)
}

// wholes returns the tables that a lookup by the column reads as a whole.
func (d *Directory) wholes(ctx context.Context, q *query, column resultColumn) (reads []whole, err error) {
	s := q.lookupOf(column)
	// A value that hardly any row has: one that is in most rows is sought
	// without the index, for good reasons.
	var example any
	for _, text := range []string{
		strconv.FormatInt(max(column.typ.max-1, 1), 10), "00000000-0000-4000-8000-000000000000", "rightful looks for an index",
	} {
		if forms := column.typ.forms(text); len(forms) > 0 {
			example = forms[0]
			break
		}
	}
	err = d.read(ctx, s, func(ctx context.Context, conn *sql.Conn) (err error) {
		reads, err = d.dialect.wholes(ctx, conn, s.sent, []any{example})
		return err
	})
	return reads, err
}

// size returns how many rows the table has, up to smallTable, and the rows of
// the query where the table cannot be told or read by itself.
func (d *Directory) size(ctx context.Context, q *query, w whole, rows int) int {
	table := w.table
	if table == "" {
		table = d.dialect.quote(w.alias)
		o, _ := d.dialect.lexing().origins(q.sql)
		if known, ok := o.tables[bare(w.alias)]; ok {
			table = known
		}
	}
	counted := 0
	ask := fmt.Sprintf("SELECT count(*) FROM (SELECT 1 AS one FROM %s LIMIT %d) n", table, smallTable)
	err := d.read(ctx, statement{place: q.place}, func(ctx context.Context, conn *sql.Conn) error {
		return conn.QueryRowContext(ctx, ask).Scan(&counted)
	})
	if err != nil {
		return rows
	}
	return counted
}

// remedy says how to get an index for a lookup by the column, which reads these
// tables as a whole.
func (d *Directory) remedy(ctx context.Context, q *query, column resultColumn, reads []whole) string {
	anyCase := column.name == string(rightful.ByEmail) && !column.typ.folds
	if o, ok := d.dialect.lexing().origins(q.sql); ok {
		if table, base, ok := o.column(column.name); ok && d.exists(ctx, q, table, base) {
			// Looked up in its table alone: is it this index that is missing?
			column.ref = "q." + d.dialect.quote("one")
			alone := &query{
				place: q.place, sql: "SELECT " + base + " AS one FROM " + table, dialect: d.dialect, columns: []resultColumn{column},
			}
			if needs, err := d.wholes(ctx, alone, column); err == nil && len(needs) == 0 {
				return "index the columns of " + reads[0].alias + " by which the query joins it"
			}
			if create := d.dialect.createIndex(table, base, column.typ, anyCase); create != "" {
				return create
			}
		}
	}
	if anyCase {
		return "index the lower-case form of the column behind " + column.name + ", or give the column a collation that ignores case and an index"
	}
	return "index the column behind " + column.name + "; where the query computes it or groups rows, let it return the stored column"
}

// exists reports whether the table has the column: what was read out of the
// query's text is asked once more.
func (d *Directory) exists(ctx context.Context, q *query, table, column string) bool {
	return d.read(ctx, statement{place: q.place}, func(ctx context.Context, conn *sql.Conn) error {
		_, err := d.fetch(ctx, conn, "SELECT "+column+" FROM "+table+" LIMIT 0", nil)
		return err
	}) == nil
}

// indexName is a name for an index: the table's and the column's.
func indexName(table, column string) string {
	return strings.Map(func(c rune) rune {
		if c < 0x80 && isNameByte(byte(c)) {
			return c
		}
		if c == '.' {
			return '_'
		}
		return -1
	}, strings.ToLower(table+"_"+column))
}
