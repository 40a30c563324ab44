package sqldirectory

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"rightful"
)

// catalog is what a database tells of its own tables, and how it is told to keep
// a rule. Every dialect is one.
type catalog interface {
	dialect
	// origins returns the column of a table behind each output column of the
	// query, by the output's name in lower case. What is computed has none.
	origins(ctx context.Context, conn *sql.Conn, q *query, s shape) (map[string]origin, error)
	// base returns what the catalog says of a table.
	base(ctx context.Context, conn *sql.Conn, ref tableRef) (*baseTable, error)
	// build gives the rule the statements that are left to do, or says in Why
	// why there are none.
	build(r *rule)
	// session is what a session begins with that adds rules. The wait is what a
	// statement waits for a lock, in whole milliseconds.
	session(wait int64) []string
	// limits returns what to run before a statement so that it waits no longer
	// than that for a lock, and is not ended while it works.
	limits(wait int64) []string
	// abandoner returns what makes the server give up a statement that nobody
	// waits for any more, nil when the driver does that.
	abandoner(ctx context.Context, conn *sql.Conn) (func(context.Context), error)
	// locked reports that a statement ended because it got no lock.
	locked(err error) bool
	// partial reports whether a unique index can be of some rows only.
	partial() bool
	// enforces reports whether what the catalog calls valid is always true.
	enforces() bool
	// emptiness returns the term that is true where a column holds nothing, false
	// when that cannot be written. A flag that says no is nothing.
	emptiness(c *baseColumn) (term, bool)
}

var _, _, _ catalog = postgres{}, &mysqlServer{}, sqliteFile{}

// tableRef names a table as the catalog does.
type tableRef struct{ schema, name string }

// as returns the name as SQL.
func (t tableRef) as(quote func(string) string) string {
	if t.schema == "" {
		return quote(t.name)
	}
	return quote(t.schema) + "." + quote(t.name)
}

// origin is the column behind an output column.
type origin struct {
	table  tableRef
	column string
}

// baseTable is a table of the app.
type baseTable struct {
	ref        tableRef
	why        string // no rules can be put on it, and why
	columns    []*baseColumn
	keys       []key
	references []reference
	checks     []check
	leads      []string          // columns with which an index begins
	triggers   map[string]string // SQLite: the text by name
}

// baseColumn is a column of a table.
type baseColumn struct {
	name       string
	typ        string // as a person reads it
	same       string // equal for types between which a foreign key can be
	family     columnFamily
	notNull    bool
	definition string // MySQL: what to repeat when it is changed
	noKey      string // why it can be in no unique index; empty when it can
	folds      bool   // it compares without regard to case
}

// columnFamily is what an empty value of a column looks like.
type columnFamily int

const (
	familyOther columnFamily = iota
	familyText
	familyNumber
	familyFlag
)

// key is a primary key, or a unique index or constraint.
type key struct {
	name    string
	columns []string
	where   string // of which rows; empty for all
	valid   bool
}

// reference is a foreign key of one column.
type reference struct {
	name     string
	column   string
	to       tableRef
	toColumn string
	onDelete string // CASCADE, SET NULL, RESTRICT, NO ACTION, SET DEFAULT
	valid    bool
}

// check is a CHECK of the table.
type check struct {
	name  string
	text  string
	valid bool
}

func (t *baseTable) column(name string) *baseColumn {
	i := slices.IndexFunc(t.columns, func(c *baseColumn) bool { return c.name == name })
	if i < 0 {
		return nil
	}
	return t.columns[i]
}

// keyNamed returns the unique index of that name.
func (t *baseTable) keyNamed(name string) (key, bool) {
	i := slices.IndexFunc(t.keys, func(k key) bool { return k.name == name })
	if i < 0 {
		return key{}, false
	}
	return t.keys[i], true
}

func (t *baseTable) checkNamed(name string) (check, bool) {
	i := slices.IndexFunc(t.checks, func(c check) bool { return c.name == name })
	if i < 0 {
		return check{}, false
	}
	return t.checks[i], true
}

// indexed reports whether rows are found by the column without reading all.
func (t *baseTable) indexed(column string) bool { return slices.Contains(t.leads, column) }

// identifies reports whether the column alone names at most one row.
func (t *baseTable) identifies(column string) bool {
	return slices.ContainsFunc(t.keys, func(k key) bool {
		return k.valid && k.where == "" && slices.Equal(k.columns, []string{column})
	})
}

// mapped is a query with the table that it shows, as far as that can be told.
type mapped struct {
	query   *query
	noun    string // companies
	shape   shape
	origins map[string]origin
	table   *baseTable
	why     string // why the table cannot be told, or can have no rules
}

// column returns the table's column behind an output column, nil when there is
// none.
func (m *mapped) column(output string) *baseColumn {
	if m.table == nil {
		return nil
	}
	o, ok := m.origins[output]
	if !ok || o.table != m.table.ref {
		return nil
	}
	return m.table.column(o.column)
}

// mapped finds the table behind a query.
func (d *Directory) mapped(ctx context.Context, cat catalog, q *query) (*mapped, error) {
	m := &mapped{query: q, noun: strings.TrimPrefix(q.place, "directory.")}
	lexing := cat.lexing()
	if m.shape, m.why = lexing.shapeOf(q.sql); m.why != "" {
		return m, nil
	}
	err := d.read(ctx, statement{place: q.place, sql: q.sql, sent: q.sql}, func(ctx context.Context, conn *sql.Conn) (err error) {
		if m.origins, err = cat.origins(ctx, conn, q, m.shape); err != nil {
			return err
		}
		tables := map[tableRef]bool{}
		for _, c := range q.columns {
			if o, ok := m.origins[c.name]; ok {
				tables[o.table] = true
			}
		}
		if len(tables) != 1 {
			m.why = "the database does not say which table its columns are stored in"
			return nil
		}
		for ref := range tables {
			if m.table, err = cat.base(ctx, conn, ref); err != nil {
				return err
			}
		}
		if written := m.shape.table[len(m.shape.table)-1]; !strings.EqualFold(meant(written), m.table.ref.name) {
			m.why = "what it reads (" + written + ") is a view, and not a table"
			m.table = nil
		} else {
			m.why = m.table.why
		}
		return nil
	})
	if rightful.KindOf(err) == rightful.KindForbidden {
		m.table, m.why = nil, "its table could not be looked at: "+firstLine(err)
		return m, nil
	}
	return m, err
}

// meant returns the name that SQL writes, without its quotes.
func meant(written string) string {
	if len(written) < 2 || isNameByte(written[0]) {
		return written
	}
	quote := written[len(written)-1:]
	return strings.ReplaceAll(written[1:len(written)-1], quote+quote, quote)
}
