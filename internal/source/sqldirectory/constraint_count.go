package sqldirectory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// about is the condition for the rows that the rule is about, with AND before
// it; "" for all.
func (r *rule) about(prefix string) string {
	if text := conditions(slices.Concat(r.where, r.from.shape.where), prefix); text != "" && r.Kind == rightful.ConstraintUnique {
		return " AND " + text
	}
	return ""
}

// breaking is the FROM and WHERE of the rows a that break the rule; of rows that
// are double, those with the first few values.
func (r *rule) breaking(cat catalog) string {
	table := r.on(cat)
	column := "a." + cat.quote(r.columns[0].name)
	switch r.Kind {
	case rightful.ConstraintNotNull:
		return fmt.Sprintf("FROM %s a WHERE %s IS NULL", table, column)
	case rightful.ConstraintNotEmpty:
		return fmt.Sprintf("FROM %s a WHERE %s = ''", table, column)
	case rightful.ConstraintForeignKey:
		return fmt.Sprintf("FROM %s a WHERE %s IS NOT NULL AND NOT EXISTS (SELECT 1 FROM %s p WHERE p.%s = %s)",
			table, column, r.parent.ref.as(cat.quote), cat.quote(r.parentOf.name), column)
	}
	// The values are few, and joined with the table only to show some of its rows.
	var joined []string
	for _, c := range r.columns {
		joined = append(joined, "a."+cat.quote(c.name)+" = d."+cat.quote(c.name))
	}
	return fmt.Sprintf("FROM %s a JOIN (%s ORDER BY %s LIMIT %d) d ON %s WHERE 1 = 1%s",
		table, r.doubles(cat, r.names(cat, "b.")), r.names(cat, "b."), shownRows, strings.Join(joined, " AND "), r.about("a."))
}

// doubles selects from the values that several rows have.
func (r *rule) doubles(cat catalog, list string) string {
	var present []string
	for _, c := range r.columns {
		present = append(present, "b."+cat.quote(c.name)+" IS NOT NULL")
	}
	return fmt.Sprintf("SELECT %s FROM %s b WHERE %s%s GROUP BY %s HAVING count(*) > 1",
		list, r.on(cat), strings.Join(present, " AND "), r.about("b."), r.names(cat, "b."))
}

// counting is the query for the number of rows that break the rule.
func (r *rule) counting(cat catalog) string {
	if r.Kind == rightful.ConstraintUnique {
		return "SELECT COALESCE(sum(n), 0) FROM (" + r.doubles(cat, "count(*) AS n") + ") d"
	}
	return "SELECT count(*) " + r.breaking(cat)
}

// shownRows is how many rows that break a rule are shown.
const shownRows = 5

// countBreaking counts the rows that break the rule. What cannot be counted is
// told in the rule; the error is of the context.
func (d *Directory) countBreaking(ctx context.Context, cat catalog, r *rule, placeholder func(string) bool) (bool, error) {
	labels, keys := r.labels(cat)
	values := r.columns
	list := slices.Clone(keys)
	for _, c := range values {
		list = append(list, "a."+cat.quote(c.name))
	}
	var rows [][]any
	sent := r.counting(cat)
	err := d.read(ctx, statement{place: r.Place, sent: sent}, func(ctx context.Context, conn *sql.Conn) error {
		if err := conn.QueryRowContext(ctx, sent).Scan(&r.Rows); err != nil || r.Rows == 0 {
			return err
		}
		var order []string
		for i := range list {
			order = append(order, fmt.Sprint((i+len(keys))%len(list)+1))
		}
		var err error
		rows, err = d.fetch(ctx, conn, fmt.Sprintf("SELECT %s %s ORDER BY %s LIMIT %d", strings.Join(list, ", "), r.breaking(cat), strings.Join(order, ", "), shownRows), nil)
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		r.Failed, r.Why = true, "the rows that break it could not be counted: "+firstLine(err)
		if own, ok := errors.AsType[*rightful.Error](err); ok {
			r.Todo = own.Hint
		}
		return false, nil
	}
	for _, row := range rows {
		var said []string
		for i, label := range labels {
			said = append(said, strings.TrimSpace(label+" "+r.from.typeOf(i, keys, cat).idText(row[i])))
		}
		example := r.from.rowName() + " " + strings.Join(said, ", ")
		for i, c := range values {
			if r.Kind != rightful.ConstraintNotNull && !slices.Contains(keys, "a."+cat.quote(c.name)) {
				example += " -> " + quoted(r.from.typeNamed(c).idText(row[len(keys)+i]))
			}
		}
		r.Examples = append(r.Examples, example)
	}
	return true, d.notePlaceholders(ctx, cat, r, placeholder)
}

// triedPlaceholders is how many values that are double are compared with the
// patterns of placeholders.
const triedPlaceholders = 10_000

// notePlaceholders says how many values that are double are placeholders.
func (d *Directory) notePlaceholders(ctx context.Context, cat catalog, r *rule, placeholder func(string) bool) error {
	if r.Rows == 0 || r.Kind != rightful.ConstraintUnique || len(r.columns) != 1 || r.from.column("stripe_customer_id") != r.columns[0] {
		return nil
	}
	var rows [][]any
	sent := fmt.Sprintf("%s LIMIT %d", r.doubles(cat, r.names(cat, "b.")), triedPlaceholders)
	err := d.read(ctx, statement{place: r.Place, sent: sent}, func(ctx context.Context, conn *sql.Conn) (err error) {
		rows, err = d.fetch(ctx, conn, sent, nil)
		return err
	})
	if err != nil {
		return ctx.Err() // the count stands without
	}
	waiting := 0
	for _, row := range rows {
		if placeholder(columnType{}.idText(row[0])) {
			waiting++
		}
	}
	if waiting > 0 {
		r.note("%d of these values are placeholders (directory.placeholder_customers): store NULL until there is a customer, or one of each company's own", waiting)
	}
	return nil
}

// typeNamed returns the type that ids of a column have.
func (m *mapped) typeNamed(c *baseColumn) columnType {
	for _, q := range m.query.columns {
		if m.column(q.name) == c {
			return q.typ
		}
	}
	return columnType{}
}

// typeOf is typeNamed of one of the columns that name a row.
func (m *mapped) typeOf(i int, keys []string, cat catalog) columnType {
	for _, c := range m.table.columns {
		if "a."+cat.quote(c.name) == keys[i] {
			return m.typeNamed(c)
		}
	}
	return columnType{}
}

// rowName is how a row of the query is called in an example.
func (m *mapped) rowName() string {
	switch m.noun {
	case "companies":
		return "company"
	case "subscriptions":
		return "subscription row"
	}
	return strings.TrimSuffix(m.noun, "s")
}

// labels returns what a row is named by in an example, and those columns as SQL.
func (r *rule) labels(cat catalog) (labels, columns []string) {
	for _, name := range []string{"id", "user_id", "company_id"} {
		q := r.from.query
		if name != "id" && q.has("id") {
			continue
		}
		if c := r.from.column(name); q.has(name) && c != nil {
			label := ""
			if name != "id" {
				label = strings.TrimSuffix(name, "_id")
			}
			labels, columns = append(labels, label), append(columns, "a."+cat.quote(c.name))
		}
	}
	return labels, columns
}
