package sqldirectory

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"rightful"
)

// query is one mapped query, checked against the database.
type query struct {
	place   string
	sql     string // one statement, without what ends it
	dialect dialect
	columns []resultColumn // the output columns that the query has, in our order
	key     string         // output column by which whole tables are paged
}

// resultColumn is an output column as the query really spells it.
type resultColumn struct {
	name string // ours: owner_user_id
	ref  string // quoted, qualified: q."Owner_User_ID"
	typ  columnType
}

const wrapHead = "SELECT %s FROM ("

// wrap returns the mapped query as a table q with the given select list, and
// what must follow is a WHERE, an ORDER BY or a LIMIT. The line break ends a
// comment that the query may end with.
func (q *query) wrap(list, rest string) statement {
	head := fmt.Sprintf(wrapHead, list)
	return statement{place: q.place, sql: q.sql, skip: utf8.RuneCountInString(head), sent: head + q.sql + "\n) q " + rest}
}

// list is the select list of every column that rightful reads.
func (q *query) list() string {
	refs := make([]string, len(q.columns))
	for i, c := range q.columns {
		refs[i] = c.ref
	}
	return strings.Join(refs, ", ")
}

// column returns the output column with our name for it.
func (q *query) column(name string) (resultColumn, bool) {
	i := slices.IndexFunc(q.columns, func(c resultColumn) bool { return c.name == name })
	if i < 0 {
		return resultColumn{}, false
	}
	return q.columns[i], true
}

// has reports whether the query is mapped and has the output column.
func (q *query) has(name string) bool {
	if q == nil {
		return false
	}
	_, ok := q.column(name)
	return ok
}

// compile checks a mapped query: that it is one SELECT, that the database takes
// it, and that it has the columns. An empty one is nil.
func (d *Directory) compile(ctx context.Context, place, text, key string, columns []column) (*query, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	cleaned, err := d.oneSelect(place, text)
	if err != nil {
		return nil, err
	}
	q := &query{place: place, sql: cleaned, dialect: d.dialect, key: key}
	probe := q.wrap("*", "LIMIT 0")
	err = d.read(ctx, probe, func(ctx context.Context, conn *sql.Conn) error {
		rows, err := conn.QueryContext(ctx, probe.sent)
		if err != nil {
			return err
		}
		defer rows.Close()
		found, err := rows.ColumnTypes()
		if err != nil {
			return err
		}
		// Closed before the types are looked up on the same connection.
		if err := rows.Close(); err != nil {
			return err
		}
		types, err := d.dialect.columnTypes(ctx, conn, q, found)
		if err != nil {
			return err
		}
		return q.match(columns, found, types)
	})
	if err != nil {
		return nil, err
	}
	return q, nil
}

// oneSelect returns the text as one statement that can stand in FROM (...).
func (d *Directory) oneSelect(place, text string) (string, error) {
	rules := d.dialect.lexing()
	cleaned, one := rules.single(text)
	if !one {
		return "", invalid(place, "this is more than one statement", "write one SELECT")
	}
	if rules.intoWrites && slices.ContainsFunc(rules.tokens(cleaned), func(t token) bool { return t.is("into") }) {
		return "", invalid(place, "the query writes INTO something", "write one SELECT: rightful only reads")
	}
	switch word := rules.firstWord(cleaned); word {
	case "select", "with", "values", "table":
		return cleaned, nil
	case "":
		return "", invalid(place, "there is no statement", "write one SELECT")
	default:
		return "", invalid(place, "a query begins with SELECT or WITH, not with "+quoted(word), "write one SELECT: rightful only reads")
	}
}

// match finds our columns among those of the query.
func (q *query) match(columns []column, found []*sql.ColumnType, types []columnType) error {
	have := make([]string, len(found))
	for i, f := range found {
		have[i] = f.Name()
	}
	for _, want := range columns {
		at := -1
		for i, name := range have {
			if !strings.EqualFold(asWritten(name), want.name) {
				continue
			}
			if at >= 0 {
				return invalid(q.place, "the query has two columns "+want.name, "name the columns one by one, each once")
			}
			at = i
		}
		if at < 0 {
			if want.required {
				return invalid(q.place, "the query has no column "+want.name+"; it has: "+strings.Join(have, ", "),
					suggest(want.name, have, columns))
			}
			continue
		}
		if want.isID && types[at].kind == kindOther {
			return invalid(q.place, "column "+want.name+" has the type "+types[at].name+", by which rows cannot be looked up",
				"convert it to text in the query")
		}
		q.columns = append(q.columns, resultColumn{want.name, "q." + q.dialect.quote(have[at]), types[at]})
	}
	return nil
}

// asWritten returns the name that a column has in the query: SQLite numbers the
// second column of a name (id, id:1), which would hide that there are two.
func asWritten(name string) string {
	before, number, found := strings.Cut(name, ":")
	if found && rightful.IsNumericID(number) {
		return before
	}
	return name
}

// suggest says how a missing column can be had: from the one that looks most
// like it and is not itself one that rightful reads.
func suggest(missing string, have []string, columns []column) string {
	best, distance := "", 3 // more edits than two are another word
	for _, name := range have {
		taken := slices.ContainsFunc(columns, func(c column) bool { return strings.EqualFold(c.name, name) })
		if taken {
			continue
		}
		a, b := plainName(missing), plainName(name)
		near := edits(a, b)
		if len(min(a, b)) > 2 && (strings.Contains(a, b) || strings.Contains(b, a)) {
			near = 0
		}
		if near < distance {
			best, distance = name, near
		}
	}
	if best == "" {
		return "write SELECT ... AS " + missing
	}
	return "did you mean " + best + " AS " + missing + "?"
}

// plainName returns a column's name without case and underscores.
func plainName(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "_", "")
}

// edits returns how many letters have to be added, dropped or changed to make b
// of a.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// facts returns which facts the compiled queries can state.
func (d *Directory) facts() rightful.Mapping {
	return rightful.Mapping{
		Owner:            d.companies.has("owner_user_id"),
		Direct:           d.users.has("company_id"),
		Memberships:      d.memberships != nil,
		SubscriptionRows: d.subscriptions != nil,
		Link:             d.companies.has("stripe_customer_id") || d.links != nil,
		LinkTable:        d.links != nil,
		LinkColumn:       d.companies.has("stripe_customer_id"),
	}
}
