package sqldirectory

import (
	"context"
	"database/sql"
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

// lookup calls emit with the rows whose column is one of the values, a few
// hundred values at a time, until it returns false. Databases compare more
// loosely than rightful does, so what they find is compared once more.
func (d *Directory) lookup(ctx context.Context, q *query, name string, values []string, emit func([][]any) (bool, error)) error {
	column, ok := q.column(name)
	if !ok {
		return nil
	}
	at := q.index(name)
	return d.inChunks(collect(column.typ, values), func(chunk []*wanted) (bool, error) {
		asked := make(map[string]bool, len(chunk))
		var args []any
		for _, w := range chunk {
			asked[w.canonical] = true
			args = append(args, w.forms...)
		}
		rows, err := d.where(ctx, q, column.ref, args, nil)
		if err != nil {
			return false, err
		}
		return emit(filter(rows, func(row []any) bool {
			return asked[rightful.CanonicalID(column.typ.idText(row[at]))]
		}))
	})
}

// lookupEmails is lookup without regard to case. Emails are sought as they were
// given and in lower case first, because that is what an app stores and what an
// index serves. Only what was not found so is sought through lower(email).
func (d *Directory) lookupEmails(ctx context.Context, q *query, values []string, emit func([][]any) (bool, error)) error {
	const name = string(rightful.ByEmail)
	column, ok := q.column(name)
	if !ok {
		return nil
	}
	at := q.index(name)
	byLower := make(map[string]*wanted, len(values))
	var all []*wanted
	for _, value := range values {
		lower := strings.ToLower(value)
		w := byLower[lower]
		if w == nil {
			w = &wanted{canonical: lower, forms: textForms(lower)}
			if len(w.forms) == 0 || lower == "" {
				continue
			}
			byLower[lower] = w
			all = append(all, w)
		}
		if value != lower {
			w.forms = append(w.forms, textForms(value)...)
		}
	}
	return d.inChunks(all, func(chunk []*wanted) (bool, error) {
		missing := make(map[string]bool, len(chunk))
		var args []any
		for _, w := range chunk {
			missing[w.canonical] = true
			args = append(args, w.forms...)
		}
		email := func(row []any) string { return strings.ToLower(column.typ.idText(row[at])) }
		rows, err := d.where(ctx, q, column.ref, args, nil)
		if err != nil {
			return false, err
		}
		rows = filter(rows, func(row []any) bool { _, asked := missing[email(row)]; return asked })
		for _, row := range rows {
			missing[email(row)] = false
		}
		args = nil
		for _, w := range chunk {
			if missing[w.canonical] {
				args = append(args, w.canonical)
			}
		}
		if len(args) > 0 {
			more, err := d.where(ctx, q, "lower("+column.ref+")", args, func(mark string) string { return "lower(" + mark + ")" })
			if err != nil {
				return false, err
			}
			rows = append(rows, filter(more, func(row []any) bool { return missing[email(row)] })...)
		}
		return emit(rows)
	})
}

// inChunks cuts the values so that no statement gets too many forms.
func (d *Directory) inChunks(all []*wanted, each func([]*wanted) (bool, error)) error {
	for len(all) > 0 {
		size, forms := 0, 0
		for size < len(all) && forms+len(all[size].forms) <= valuesPerStatement {
			forms += len(all[size].forms)
			size++
		}
		size = max(size, 1)
		if more, err := each(all[:size]); err != nil || !more {
			return err
		}
		all = all[size:]
	}
	return nil
}

// where returns the rows for which the expression is one of the values. around
// wraps each placeholder; nil leaves it as it is.
func (d *Directory) where(ctx context.Context, q *query, expression string, args []any, around func(string) string) ([][]any, error) {
	padded := 1
	for padded < len(args) {
		padded *= 2
	}
	for len(args) < padded {
		args = append(args, args[0])
	}
	s := q.in(expression, len(args), around)
	var rows [][]any
	err := d.read(ctx, s, func(ctx context.Context, conn *sql.Conn) (err error) {
		rows, err = fetch(ctx, conn, s.sent, args)
		return err
	})
	return rows, err
}

// in is the statement of where for a number of values.
func (q *query) in(expression string, values int, around func(string) string) statement {
	marks := make([]string, values)
	for i := range marks {
		marks[i] = q.dialect.placeholder(i + 1)
		if around != nil {
			marks[i] = around(marks[i])
		}
	}
	return q.wrap(q.list(), "WHERE "+expression+" IN ("+strings.Join(marks, ", ")+")")
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
