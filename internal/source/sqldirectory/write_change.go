package sqldirectory

import (
	"context"
	"database/sql"
	"fmt"

	"rightful"
)

// target is one row that is to be changed, as it was read in the transaction.
type target struct {
	change    rightful.FieldChange
	statement *writeStatement
	id        any // of the row, or the link's company, as the database returned it
	old       any // what stands there, as the database returned it

	row  rightful.RowValues // of a whole row: what is added or taken away
	had  *record            // the row that is taken away; nil when one is added
	rows int                // how many rows its company has before
}

// change makes one change inside a transaction.
func (w *Writer) change(ctx context.Context, conn *sql.Conn, c rightful.FieldChange) error {
	if !w.mayEmpty(c) {
		return w.makeChange(ctx, conn, c)
	}
	// A link that a repair filled stands in a row of the app's, which must not go
	// with it. Only a row that cannot be without a customer was added.
	if _, err := conn.ExecContext(ctx, "SAVEPOINT rightful_link"); err != nil {
		return err
	}
	err := w.makeChange(ctx, conn, c)
	if err == nil || rightful.KindOf(err) == rightful.KindConflict || ctx.Err() != nil {
		return err
	}
	if _, undone := conn.ExecContext(ctx, "ROLLBACK TO SAVEPOINT rightful_link"); undone != nil {
		return err
	}
	c.TakesBack = false
	return w.makeChange(ctx, conn, c)
}

// mayEmpty reports whether a link that is taken back can be removed with its row, and
// without.
func (w *Writer) mayEmpty(c rightful.FieldChange) bool {
	return c.Object.Type == rightful.RefLink && c.To == nil && c.TakesBack && w.statements["link_delete"] != nil && w.statements["link_customer"] != nil
}

func (w *Writer) makeChange(ctx context.Context, conn *sql.Conn, c rightful.FieldChange) error {
	t, err := w.find(ctx, conn, c)
	if err != nil {
		return err
	}
	values, err := w.values(ctx, conn, t)
	if err != nil {
		return err
	}
	return w.run(ctx, conn, t, values)
}

// find looks for what a change is about, and compares what stands there.
func (w *Writer) find(ctx context.Context, conn *sql.Conn, c rightful.FieldChange) (*target, error) {
	var name string
	switch {
	case c.Object.Type == rightful.RefLink && c.Field == rightful.FieldLink:
		return w.findLink(ctx, conn, c)
	case c.Object.Type == rightful.RefSubscriptionRow && c.Field == rightful.FieldRow:
		return w.findRow(ctx, conn, c)
	case c.Object.Type == rightful.RefCompany && c.Field == rightful.FieldLink:
		name = "company_customer"
	case c.Object.Type == rightful.RefSubscriptionRow && c.Field == rightful.FieldRowStatus:
		name = "subscription_status"
	case c.Object.Type == rightful.RefSubscriptionRow && c.Field == rightful.FieldRowCompany:
		name = "subscription_company"
	case c.Object.Type == rightful.RefSubscriptionRow && c.Field == rightful.FieldRowCustomer:
		name = "subscription_customer"
	default:
		return nil, &rightful.Error{Kind: rightful.KindUnsupported, Place: placeWrite, Message: fmt.Sprintf("%s of a %s is not written", c.Field, c.Object.Type)}
	}
	s, err := w.statementFor(c, name)
	if err != nil {
		return nil, err
	}
	q := s.rule.query(w.d)
	rows, err := w.rows(ctx, conn, q, "id", c.Object.ID)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 {
		return nil, conflict("%d rows of %s have the id %s, not one", len(rows), s.rule.reads, c.Object.ID)
	}
	r := record{query: q, values: rows[0]}
	if have := r.shows(s.rule.field); !stands(have, c.From) {
		return nil, conflict("%s of %s %s is %s, not %s", c.Field, c.Object.Type, c.Object.ID, shown(&have), shown(c.From))
	}
	return &target{change: c, statement: s, id: r.value("id"), old: r.value(s.rule.field)}, nil
}

// findLink looks for the one row of the table of links that a change is about. A
// link that is added takes a row of the company without customer, where there is
// one, and else a new row.
func (w *Writer) findLink(ctx context.Context, conn *sql.Conn, c rightful.FieldChange) (*target, error) {
	name := "link_customer"
	if c.To == nil && w.statements["link_delete"] != nil && !w.mayEmpty(c) {
		name = "link_delete"
	}
	if w.d.links == nil {
		_, err := w.statementFor(c, name)
		return nil, err
	}
	rows, err := w.rows(ctx, conn, w.d.links, "company_id", c.Object.ID)
	if err != nil {
		return nil, err
	}
	from, to := w.linking(rows, textOf(c.From)), 0
	if c.To != nil {
		to = len(w.linking(rows, *c.To))
	}
	switch {
	case to > 0:
		return nil, conflict("company %s links %s already", c.Object.ID, *c.To)
	case c.From != nil && len(from) != 1:
		return nil, conflict("%d rows of %s tie company %s to %s, not one", len(from), placeLinks, c.Object.ID, *c.From)
	case len(from) > 1:
		return nil, conflict("%d rows of %s have company %s and no customer, not one", len(from), placeLinks, c.Object.ID)
	case c.From == nil && (len(from) == 0 || w.statements[name] == nil):
		return w.newLink(ctx, conn, c)
	}
	s, err := w.statementFor(c, name)
	if err != nil {
		return nil, err
	}
	return &target{change: c, statement: s, id: from[0].value("company_id"), old: from[0].value("stripe_customer_id")}, nil
}

// newLink is the target of a link for which there is no row.
func (w *Writer) newLink(ctx context.Context, conn *sql.Conn, c rightful.FieldChange) (*target, error) {
	s, err := w.statementFor(c, "link_insert")
	if err != nil {
		return nil, err
	}
	column, _ := w.d.links.column("company_id")
	id, err := w.companyID(ctx, conn, column, c.Object.ID)
	return &target{change: c, statement: s, id: id}, err
}

// linking returns the rows of the table of links with the customer; "" for none.
func (w *Writer) linking(rows [][]any, customer string) []*record {
	var found []*record
	for _, values := range rows {
		if r := (&record{query: w.d.links, values: values}); r.id("stripe_customer_id") == customer {
			found = append(found, r)
		}
	}
	return found
}

// values returns, for each parameter, what to bind, in the order to try.
func (w *Writer) values(ctx context.Context, conn *sql.Conn, t *target) (map[string][]any, error) {
	if t.change.Field == rightful.FieldRow {
		return w.rowValues(ctx, conn, t)
	}
	q, field := t.statement.rule.query(w.d), t.statement.rule.field
	column, _ := q.column(field)
	var next any
	if t.change.To != nil {
		var err error
		switch field {
		case "company_id":
			next, err = w.companyID(ctx, conn, column, *t.change.To)
		case "status":
			next = word(column, *t.change.To)
		default:
			next, err = form(column, *t.change.To)
		}
		if err != nil {
			return nil, err
		}
	}
	key := "id"
	if t.change.Object.Type == rightful.RefLink {
		key = "company_id"
	}
	named, _ := q.column(key)
	s := t.statement
	return map[string][]any{"id": w.bound(s, t.id, named.typ), "old": w.bound(s, t.old, column.typ), "new": w.bound(s, next, column.typ)}, nil
}

// bound returns how a value of a column is bound to a parameter of a statement.
func (w *Writer) bound(s *writeStatement, value any, typ columnType) []any {
	switch {
	case value == nil:
		return []any{nil}
	case s.parameters != nil: // typed by the database: 11.00 is 11
		return []any{typ.idText(value)}
	}
	return w.d.dialect.untyped(value, typ.idText(value))
}

// companyID returns a company's id as its own row has it: where columns have no
// type of their own, a number must stay a number.
func (w *Writer) companyID(ctx context.Context, conn *sql.Conn, column resultColumn, id string) (any, error) {
	rows, err := w.rows(ctx, conn, w.d.companies, "id", id)
	if err != nil {
		return nil, err
	}
	if len(rows) == 1 {
		return rows[0][w.d.companies.index("id")], nil
	}
	return form(column, id)
}

// form returns an id as a value of a column.
func form(column resultColumn, id string) (any, error) {
	forms := column.typ.forms(id)
	if len(forms) == 0 {
		return nil, conflict("%s cannot stand in the column %s, which has the type %s", quoted(id), column.name, column.typ.name)
	}
	return forms[0], nil
}

// savepoint is where a statement that is tried with several forms begins.
const savepoint = "rightful_change"

// run executes the statement and looks at what it did. Where an id can be bound
// in two forms (bytes, and the text that the statement converts itself), both are
// tried.
func (w *Writer) run(ctx context.Context, conn *sql.Conn, t *target, values map[string][]any) error {
	variants := 1
	for _, forms := range values {
		variants = max(variants, len(forms))
	}
	if variants > 1 {
		if _, err := conn.ExecContext(ctx, "SAVEPOINT "+savepoint); err != nil {
			return err
		}
	}
	var first error
	for n := range variants {
		err := w.execute(ctx, conn, t, values, n)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
		if n+1 < variants {
			if _, err := conn.ExecContext(ctx, "ROLLBACK TO SAVEPOINT "+savepoint); err != nil {
				return first
			}
		}
	}
	return first
}

// execute runs the statement with the n-th form of each value.
func (w *Writer) execute(ctx context.Context, conn *sql.Conn, t *target, values map[string][]any, n int) error {
	s := t.statement
	args, err := s.arguments(values, n)
	if err != nil {
		return err
	}
	result, err := conn.ExecContext(ctx, s.statement.sent, args...)
	if err != nil {
		return &placed{s.statement, err}
	}
	changed, err := result.RowsAffected()
	switch {
	case err != nil:
		return &placed{s.statement, err}
	case changed == 0:
		return &unchanged{t}
	case changed != 1:
		return conflict("%s changed %d rows for %s %s, not one", s.rule.place(), changed, t.change.Object.Type, t.change.Object.ID)
	}
	return w.confirm(ctx, conn, t)
}

// arguments returns the n-th form of the value of each mention.
func (s *writeStatement) arguments(values map[string][]any, n int) ([]any, error) {
	args := make([]any, len(s.mentions))
	for i, name := range s.mentions {
		forms := values[name]
		if len(forms) == 0 {
			continue // NULL
		}
		args[i] = forms[min(n, len(forms)-1)]
		if args[i] == nil || s.parameters == nil {
			continue
		}
		var fits bool
		if args[i], fits = s.parameters[i].parameter(args[i]); !fits {
			return nil, invalid(s.rule.place(), fmt.Sprintf("the value of :%s cannot be of the type %s", name, s.parameters[i].name),
				"is :"+name+" compared with the right column?")
		}
	}
	return args, nil
}

// confirm reads back, through the mapped query, what was written.
func (w *Writer) confirm(ctx context.Context, conn *sql.Conn, t *target) error {
	rule, c := t.statement.rule, t.change
	q := rule.query(w.d)
	wrong := func(now string) error {
		return invalid(rule.place(), fmt.Sprintf("it was run for %s %s, and %s then reads %s instead of %s", c.Object.Type, c.Object.ID, rule.reads, now, shown(c.To)),
			"let it write the column that "+rule.reads+" reads as "+rule.field)
	}
	if c.Field == rightful.FieldRow {
		return w.confirmRow(ctx, conn, t)
	}
	if c.Object.Type == rightful.RefLink {
		rows, err := w.rows(ctx, conn, w.d.links, "company_id", c.Object.ID)
		switch {
		case err != nil:
			return err
		case c.To != nil && len(w.linking(rows, *c.To)) != 1:
			return wrong(fmt.Sprintf("it in %d rows", len(w.linking(rows, *c.To))))
		case c.From != nil && len(w.linking(rows, *c.From)) != 0:
			return wrong(shown(c.From))
		}
		return nil
	}
	rows, err := w.rows(ctx, conn, q, "id", c.Object.ID)
	if err != nil {
		return err
	}
	if len(rows) != 1 {
		return wrong(fmt.Sprintf("%d such rows", len(rows)))
	}
	if now := (&record{query: q, values: rows[0]}).shows(rule.field); !stands(now, c.To) {
		return wrong(shown(&now))
	}
	return nil
}

// rows returns the rows of a mapped query whose column is the id, as they are.
func (w *Writer) rows(ctx context.Context, conn *sql.Conn, q *query, name, id string) ([][]any, error) {
	var found [][]any
	for _, a := range w.d.lookups(q, name, []string{id}) {
		rows, err := w.d.fetch(ctx, conn, a.statement.sent, a.args)
		if err != nil {
			return nil, &placed{a.statement, err}
		}
		found = append(found, filter(rows, a.keep)...)
	}
	return found, nil
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// shown writes a value for a message.
func shown(s *string) string {
	if textOf(s) == "" {
		return "empty"
	}
	return quoted(*s)
}

// stands compares ids as the judge does; nothing is only nothing.
func stands(have string, want *string) bool {
	return have == "" && textOf(want) == "" || rightful.SameID(have, textOf(want))
}
