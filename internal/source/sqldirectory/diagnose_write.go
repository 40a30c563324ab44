package sqldirectory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"rightful"
)

var _ rightful.Diagnoser = (*Writer)(nil)

// ExamineWriter is OpenWriter for Diagnose: a statement with a mistake does not
// hide the rest. Nothing must be written by such a writer.
func ExamineWriter(ctx context.Context, d *Directory, dsn string, m WriteMapping) (*Writer, error) {
	w, problems, err := openWriter(ctx, d, dsn, m)
	if err != nil {
		return nil, err
	}
	w.broken = map[string]error{}
	for _, problem := range problems {
		if own, ok := errors.AsType[*rightful.Error](problem); ok {
			w.broken[own.Place] = problem
		}
	}
	return w, nil
}

// triedRows is among how many rows one with a value and one without is looked
// for, to try a statement on.
const triedRows = 100

// Diagnose implements rightful.Diagnoser. Each statement that changes a row is
// run for a row that there is, writes what stands there already, and is rolled
// back; the others are only explained by the database, which tells whether the
// user may run them.
func (w *Writer) Diagnose(ctx context.Context) []rightful.Diagnosis {
	brief, d := *w, *w.d
	d.timeout = min(d.timeout, diagnosisTimeout)
	brief.d = &d
	var all []rightful.Diagnosis
	for _, r := range writeRules {
		s := brief.statements[r.name]
		switch {
		case brief.broken[r.place()] != nil:
			all = append(all, failed(r.place(), "", brief.broken[r.place()]))
		case s == nil:
			if r.query(&d).has(r.field) {
				all = append(all, rightful.OK(r.place(), "is not set: no plan does that"))
			}
		case r.begin == "update":
			all = append(all, brief.tryStatement(ctx, s))
		default:
			all = append(all, brief.explainStatement(ctx, s))
		}
	}
	return all
}

// explainStatement asks the database how it would run a statement.
func (w *Writer) explainStatement(ctx context.Context, s *writeStatement) rightful.Diagnosis {
	err := w.transact(ctx, s.statement, false, func(ctx context.Context, conn *sql.Conn) error {
		_, err := w.d.fetch(ctx, conn, "EXPLAIN "+s.statement.sent, make([]any, len(s.mentions)))
		return err
	})
	if err != nil {
		return failed(s.rule.place(), "", err)
	}
	return rightful.OK(s.rule.place(), "the database takes it, with "+named(s.rule.needs))
}

// tryStatement runs a statement that changes a row.
func (w *Writer) tryStatement(ctx context.Context, s *writeStatement) rightful.Diagnosis {
	tried := 0
	err := w.transact(ctx, s.statement, false, func(ctx context.Context, conn *sql.Conn) error {
		targets, err := w.someTargets(ctx, conn, s)
		if err != nil {
			return err
		}
		for _, t := range targets {
			if err := w.try(ctx, conn, t); err != nil {
				return err
			}
		}
		if tried = len(targets); tried == 0 {
			_, err = conn.ExecContext(ctx, s.statement.sent, make([]any, len(s.mentions))...)
		}
		return err
	})
	var missed *unchanged
	switch {
	case errors.As(err, &missed):
		err = w.overlooked(missed)
	case err == nil && tried == 0:
		return rightful.OK(s.rule.place(), "the database takes it, with :id, :old, :new; there is no row to try it on")
	}
	if err != nil {
		return failed(s.rule.place(), "", err)
	}
	return rightful.OK(s.rule.place(), fmt.Sprintf("changes one row where :old stands, and none where it does not: tried on %s, and rolled back", sized(tried)))
}

// someTargets returns a row in which something stands and one in which nothing
// does, where there are such rows.
func (w *Writer) someTargets(ctx context.Context, conn *sql.Conn, s *writeStatement) ([]*target, error) {
	q := s.rule.query(w.d)
	key, object := "id", rightful.RefCompany
	switch q {
	case w.d.links:
		key, object = "company_id", rightful.RefLink
	case w.d.subscriptions:
		object = rightful.RefSubscriptionRow
	}
	some := q.wrap(q.list(), fmt.Sprintf("LIMIT %d", triedRows))
	rows, err := w.d.fetch(ctx, conn, some.sent, nil)
	if err != nil {
		return nil, &placed{some, err}
	}
	var targets []*target
	seen := map[bool]bool{}
	for _, values := range rows {
		r := &record{query: q, values: values}
		id, have := r.id(key), r.id(s.rule.field)
		if id == "" || seen[have == ""] {
			continue
		}
		seen[have == ""] = true
		c := rightful.FieldChange{Object: rightful.Ref{Type: object, ID: id}, Field: s.rule.field}
		if have != "" {
			c.From, c.To = &have, &have
		}
		targets = append(targets, &target{change: c, statement: s, id: r.value(key), old: r.value(s.rule.field)})
	}
	return targets, nil
}

// try runs a statement for a row as it is, and then as if something else stood
// there, which must change nothing.
func (w *Writer) try(ctx context.Context, conn *sql.Conn, t *target) error {
	values, err := w.values(ctx, conn, t)
	if err != nil {
		return err
	}
	values["new"] = values["old"]
	count := func() (changed int64, err error) {
		for n := 0; n < 2 && changed == 0; n++ {
			args, err := t.statement.arguments(values, n)
			if err != nil {
				return 0, err
			}
			result, err := conn.ExecContext(ctx, t.statement.statement.sent, args...)
			if err != nil {
				return 0, err
			}
			if changed, err = result.RowsAffected(); err != nil {
				return 0, err
			}
		}
		return changed, nil
	}
	rule, object := t.statement.rule, t.change.Object
	switch changed, err := count(); {
	case err != nil:
		return err
	case changed == 0:
		return &unchanged{t}
	case changed != 1:
		return invalid(rule.place(), fmt.Sprintf("it changes %d rows for %s %s", changed, object.Type, object.ID), "name the one row: ... WHERE id = :id AND ...")
	}
	if values["old"] = w.somethingElse(t); values["old"] == nil {
		return nil
	}
	switch changed, err := count(); {
	case err != nil:
		return err
	case changed > 0:
		return invalid(rule.place(), fmt.Sprintf("it changes %s %s also where :old is not what stands there", object.Type, object.ID),
			fmt.Sprintf("compare: ... AND %s %s :old", rule.field, w.d.dialect.nullSafe()))
	}
	return nil
}

// somethingElse returns a value that does not stand in the target, nil when the
// column can hold none that is known.
func (w *Writer) somethingElse(t *target) []any {
	if t.change.From != nil {
		return []any{nil}
	}
	column, _ := t.statement.rule.query(w.d).column(t.statement.rule.field)
	for _, value := range []string{"rightful_doctor", "1"} {
		if forms := column.typ.forms(value); len(forms) > 0 {
			return w.d.dialect.untyped(forms[0], value)
		}
	}
	return nil
}
