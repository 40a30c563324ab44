package sqldirectory

import (
	"context"
	"database/sql"
	"iter"
	"strings"

	"rightful"
)

// valuesPerStatement bounds the parameters of one statement. Lists are filled
// up to a power of two, so that a database sees few different statements.
const valuesPerStatement = 512

// wanted is one value that was asked for, with every form in which a row may
// hold it.
type wanted struct {
	canonical string
	forms     []any
}

// collect returns the values that can be in the column, each once: spellings of
// one id are one value.
func collect(typ columnType, values []string) []*wanted {
	var all []*wanted
	known := make(map[string]*wanted, len(values))
	seen := make(map[any]bool, len(values))
	for _, value := range values {
		canonical := rightful.CanonicalID(value)
		for _, form := range typ.forms(value) {
			if seen[formKey(form)] {
				continue
			}
			seen[formKey(form)] = true
			w := known[canonical]
			if w == nil {
				w = &wanted{canonical: canonical}
				known[canonical] = w
				all = append(all, w)
			}
			w.forms = append(w.forms, form)
		}
	}
	return all
}

// formKey returns a form as a map key.
func formKey(form any) any {
	if raw, ok := form.([]byte); ok {
		return [1]string{string(raw)} // not equal to the same text
	}
	return form
}

// asking is one statement of a lookup, and which of its rows are wanted: databases
// compare more loosely than rightful does, so what they find is compared once more.
type asking struct {
	statement statement
	args      []any
	keep      func(row []any) bool
	columns   []resultColumn // what the rows hold; nil when that is not known
}

// lookup calls emit with the rows whose column is one of the values, a few
// hundred values at a time, until it returns false.
func (d *Directory) lookup(ctx context.Context, q *query, name string, values []string, emit func([][]any) (bool, error)) error {
	for _, a := range d.lookups(q, name, values) {
		if more, err := d.ask(ctx, a, emit); err != nil || !more {
			return err
		}
	}
	return nil
}

// ask runs one statement of a lookup.
func (d *Directory) ask(ctx context.Context, a asking, emit func([][]any) (bool, error)) (more bool, err error) {
	rows, err := d.run(ctx, a.statement, a.args)
	if err != nil {
		return false, err
	}
	return emit(filter(rows, a.keep))
}

// lookups returns the statements that find the rows whose column is one of the
// values. There are none when no row can be.
func (d *Directory) lookups(q *query, name string, values []string) []asking {
	column, ok := q.column(name)
	if !ok {
		return nil
	}
	at := q.index(name)
	var all []asking
	for chunk := range chunks(collect(column.typ, values)) {
		asked := make(map[string]bool, len(chunk))
		var args []any
		for _, w := range chunk {
			asked[w.canonical] = true
			args = append(args, w.forms...)
		}
		args = padded(args)
		all = append(all, asking{statement: q.in(column, len(args)), args: args, columns: q.columns,
			keep: func(row []any) bool { return asked[rightful.CanonicalID(column.typ.idText(row[at]))] }})
	}
	return all
}

// lookupEmails is lookup without regard to case. A scan of the table happens once
// at most: more emails than fit one statement are sought by reading the table
// ourselves.
func (d *Directory) lookupEmails(ctx context.Context, q *query, values []string, emit func([][]any) (bool, error)) error {
	a, ok := d.emails(q, values)
	if !ok {
		return nil
	}
	if len(a.args) > mostEmails {
		return d.pages(ctx, q, func(rows [][]any) (bool, error) { return emit(filter(rows, a.keep)) })
	}
	_, err := d.ask(ctx, a, emit)
	return err
}

// mostEmails is how many emails are asked for with one statement.
const mostEmails = 2 * valuesPerStatement

// emails returns the statement that finds emails without regard to case, false when
// no row can have one: an app may hold one person in two spellings, and both are
// wanted. So emails are sought through lower(email), which reads the whole table
// where there is no index on that; a column that compares without case itself does
// with its own.
func (d *Directory) emails(q *query, values []string) (asking, bool) {
	const name = string(rightful.ByEmail)
	column, ok := q.column(name)
	if !ok {
		return asking{}, false
	}
	at := q.index(name)
	asked := make(map[string]bool, len(values)) // in lower case
	given := make(map[string]bool, len(values))
	var args []any
	for _, value := range values {
		small := strings.ToLower(value)
		if small == "" || len(textForms(value)) == 0 {
			continue
		}
		asked[small] = true
		// A database's lower() may know ASCII only: then a spelling is found
		// when it is given.
		for _, form := range []string{small, value} {
			if !given[form] {
				given[form] = true
				args = append(args, form)
			}
		}
	}
	if len(args) == 0 {
		return asking{}, false
	}
	args = padded(args)
	return asking{statement: q.inAnyCase(column, len(args)), args: args, columns: q.columns,
		keep: func(row []any) bool { return asked[strings.ToLower(column.typ.idText(row[at]))] }}, true
}

// chunks cuts the values so that no statement gets too many forms.
func chunks(all []*wanted) iter.Seq[[]*wanted] {
	return func(yield func([]*wanted) bool) {
		for len(all) > 0 {
			size, forms := 0, 0
			for size < len(all) && forms+len(all[size].forms) <= valuesPerStatement {
				forms += len(all[size].forms)
				size++
			}
			size = max(size, 1)
			if !yield(all[:size]) {
				return
			}
			all = all[size:]
		}
	}
}

// run runs a statement and returns its rows.
func (d *Directory) run(ctx context.Context, s statement, args []any) (rows [][]any, err error) {
	err = d.read(ctx, s, func(ctx context.Context, conn *sql.Conn) (err error) {
		rows, err = d.fetch(ctx, conn, s.sent, args)
		return err
	})
	return rows, err
}

// padded repeats the first value until there is a power of two of them.
func padded(values []any) []any {
	size := 1
	for size < len(values) {
		size *= 2
	}
	for len(values) < size {
		values = append(values, values[0])
	}
	return values
}

// in is the statement that finds the rows whose column is one of a number of values.
func (q *query) in(column resultColumn, values int) statement {
	return q.wrap(q.list(), "WHERE "+column.ref+" IN ("+q.marks(column, values)+")")
}

// inAnyCase is in without regard to case.
func (q *query) inAnyCase(column resultColumn, values int) statement {
	if column.typ.folds {
		return q.in(column, values)
	}
	column.ref = "lower(" + column.ref + ")"
	column.typ.mark = "lower(" + column.typ.marked("%s") + ")"
	return q.in(column, values)
}

// marks is a list of parameters to compare a column with.
func (q *query) marks(column resultColumn, count int) string {
	marks := make([]string, count)
	for i := range marks {
		marks[i] = column.typ.marked(q.dialect.placeholder(1 + i))
	}
	return strings.Join(marks, ", ")
}

func filter(rows [][]any, keep func([]any) bool) [][]any {
	kept := rows[:0]
	for _, row := range rows {
		if keep(row) {
			kept = append(kept, row)
		}
	}
	return kept
}
