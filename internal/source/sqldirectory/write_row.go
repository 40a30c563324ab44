package sqldirectory

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"rightful"
)

// shows returns what a column reads as, as SubscriptionRows and its like return it: a
// status is a word, and everything else an id.
func (r *record) shows(name string) string {
	if name == "status" {
		return r.text(name)
	}
	return r.id(name)
}

// word returns a word as a value of a column. A type that is not known, such as an
// enum, takes it as text, if at all.
func word(column resultColumn, text string) any {
	if forms := column.typ.forms(text); len(forms) > 0 {
		return forms[0]
	}
	return text
}

// findRow looks for the rows that name a subscription, and compares them with what
// a change expects: none to add one, and to take one away just that.
func (w *Writer) findRow(ctx context.Context, conn *sql.Conn, c rightful.FieldChange) (*target, error) {
	if (c.From == nil) == (c.To == nil) {
		return nil, &rightful.Error{Kind: rightful.KindUnsupported, Place: placeWrite, Message: "a whole row is added or taken away, and not replaced"}
	}
	name, text := "subscription_insert", c.To
	if c.To == nil {
		name, text = "subscription_delete", c.From
	}
	values, err := rightful.ParseRowValues(*text)
	if err != nil {
		return nil, err
	}
	s, err := w.statementFor(c, name)
	if err != nil {
		return nil, err
	}
	t := &target{change: c, statement: s, row: values}
	naming, err := w.rows(ctx, conn, w.d.subscriptions, "stripe_subscription_id", c.Object.ID)
	if err != nil {
		return nil, err
	}
	if c.To == nil {
		if len(naming) != 1 {
			return nil, conflict("%d rows of %s name %s, not one", len(naming), placeSubscriptions, c.Object.ID)
		}
		t.had = &record{query: w.d.subscriptions, values: naming[0]}
		if !values.Agrees(t.had.row()) {
			return nil, conflict("the row of %s is %s, not %s", c.Object.ID, t.had.describe(), *c.From)
		}
	} else if len(naming) > 0 {
		had := &record{query: w.d.subscriptions, values: naming[0]}
		return nil, conflict("a row names %s already: %s", c.Object.ID, had.describe())
	}
	t.rows, err = w.rowsOfCompany(ctx, conn, values.CompanyID)
	return t, err
}

// rowsOfCompany counts the subscription rows of a company.
func (w *Writer) rowsOfCompany(ctx context.Context, conn *sql.Conn, company string) (int, error) {
	rows, err := w.rows(ctx, conn, w.d.subscriptions, "company_id", company)
	return len(rows), err
}

// row converts a record of directory.subscriptions.
func (r *record) row() rightful.SubscriptionRow {
	return rightful.SubscriptionRow{
		ID: r.id("id"), CompanyID: r.id("company_id"), StripeCustomerID: r.id("stripe_customer_id"),
		StripeSubscriptionID: r.id("stripe_subscription_id"), Status: r.text("status"),
	}
}

// describe writes a subscription row for a message.
func (r *record) describe() string {
	row := r.row()
	values := rightful.RowValues{CompanyID: row.CompanyID, StripeCustomerID: row.StripeCustomerID, Status: row.Status}
	return fmt.Sprintf("row %s with %s", quoted(row.ID), values.Text())
}

// rowValues returns, for each parameter of a row that is added or taken away, what
// to bind, in the order to try. A company is named as its own row has it; without
// such a row nothing is added.
func (w *Writer) rowValues(ctx context.Context, conn *sql.Conn, t *target) (map[string][]any, error) {
	q, out := w.d.subscriptions, map[string][]any{}
	for name, text := range map[string]string{
		"stripe_subscription_id": t.change.Object.ID, "stripe_customer_id": t.row.StripeCustomerID, "status": t.row.Status,
	} {
		column, _ := q.column(name) // one that is not read has the type of nothing, and takes text
		out[name] = []any{nil}
		if text != "" {
			out[name] = w.bound(t.statement, word(column, text), column.typ)
		}
	}
	company, _ := q.column("company_id")
	value := any(nil)
	if t.had != nil {
		value = t.had.value("company_id")
	} else {
		known, err := w.rows(ctx, conn, w.d.companies, "id", t.row.CompanyID)
		if err != nil {
			return nil, err
		}
		if len(known) != 1 {
			return nil, conflict("%d rows of %s have the id %s, not one", len(known), placeCompanies, t.row.CompanyID)
		}
		value = known[0][w.d.companies.index("id")]
	}
	out["company_id"] = w.bound(t.statement, value, company.typ)
	return out, nil
}

// confirmRow reads back what a statement made of a whole row: just that one is
// there, or is not any more, and its company has no other change of number. An
// INSERT that rather replaces a row of the company is told by that.
func (w *Writer) confirmRow(ctx context.Context, conn *sql.Conn, t *target) error {
	rule, c := t.statement.rule, t.change
	wrong := func(now, hint string) error {
		return invalid(rule.place(), fmt.Sprintf("it was run for %s, and %s then reads %s", c.Object.ID, rule.reads, now), hint)
	}
	naming, err := w.rows(ctx, conn, w.d.subscriptions, "stripe_subscription_id", c.Object.ID)
	if err != nil {
		return err
	}
	want, more := 1, 1
	if c.To == nil {
		want, more = 0, -1
	}
	if len(naming) != want {
		return wrong(fmt.Sprintf("%d rows of it instead of %d", len(naming), want), "let it write the columns that "+rule.reads+" reads, and one row")
	}
	if count, err := w.rowsOfCompany(ctx, conn, t.row.CompanyID); err != nil {
		return err
	} else if count != t.rows+more {
		return wrong(fmt.Sprintf("%d rows of company %s where there were %d", count, t.row.CompanyID, t.rows), "let it write one row and replace none")
	}
	if c.To == nil {
		return nil
	}
	now := &record{query: w.d.subscriptions, values: naming[0]}
	row := now.row()
	silent := func(name, have, want string) bool {
		return have == "" && want != "" && slices.Contains(t.statement.mentions, name) && w.d.subscriptions.has(name)
	}
	switch {
	case row.ID == "":
		return wrong("it without an id, by which no row is found again", "let the database, or the statement, give it one")
	case !t.row.Agrees(row), silent("status", row.Status, t.row.Status), silent("stripe_customer_id", row.StripeCustomerID, t.row.StripeCustomerID):
		return wrong(now.describe()+" instead of "+*c.To, "write :company_id, :stripe_customer_id and :status into the columns that it reads")
	}
	return nil
}
