package sqldirectory

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// WriteMapping is how the app's database is written: one statement for each thing
// that a repair changes. The fields are the keys below "directory.write" in the
// configuration. An empty one means that rightful does not write that.
//
// The statements that change a row have the parameters :id (the row, or the
// company of a link), :old (what stands there) and :new, each of which may be
// NULL but :id, and may be mentioned several times.
type WriteMapping struct {
	CompanyCustomer      string // UPDATE: the link in the company's own column
	LinkCustomer         string // UPDATE: the customer of a row of the table of links; :id is the company
	LinkInsert           string // INSERT: a row of the table of links, with :id and :new
	LinkDelete           string // DELETE: a row of the table of links, with :id and :old
	SubscriptionCompany  string // UPDATE: the company of a subscription row
	SubscriptionCustomer string // UPDATE: the customer of a subscription row
	SubscriptionStatus   string // UPDATE: the status of a subscription row
	SubscriptionInsert   string // INSERT: a subscription row, with :company_id, :stripe_customer_id, :stripe_subscription_id and :status
	SubscriptionDelete   string // DELETE: a subscription row that SubscriptionInsert made, with the same parameters
}

// writeRule is what a statement of the write mapping must be.
type writeRule struct {
	name  string
	text  func(WriteMapping) string
	begin string   // the word that it begins with
	needs []string // parameters that it must mention
	also  []string // and that it may
	query func(*Directory) *query
	reads string // the query's place
	field string // the column of the query that shows what was written
}

var changing = []string{"id", "old", "new"}

var writeRules = []writeRule{
	{"company_customer", func(m WriteMapping) string { return m.CompanyCustomer }, "update", changing, nil,
		func(d *Directory) *query { return d.companies }, placeCompanies, "stripe_customer_id"},
	{"link_customer", func(m WriteMapping) string { return m.LinkCustomer }, "update", changing, nil,
		func(d *Directory) *query { return d.links }, placeLinks, "stripe_customer_id"},
	{"link_insert", func(m WriteMapping) string { return m.LinkInsert }, "insert", []string{"id", "new"}, nil,
		func(d *Directory) *query { return d.links }, placeLinks, "stripe_customer_id"},
	{"link_delete", func(m WriteMapping) string { return m.LinkDelete }, "delete", []string{"id", "old"}, nil,
		func(d *Directory) *query { return d.links }, placeLinks, "stripe_customer_id"},
	{"subscription_company", func(m WriteMapping) string { return m.SubscriptionCompany }, "update", changing, nil,
		func(d *Directory) *query { return d.subscriptions }, placeSubscriptions, "company_id"},
	{"subscription_customer", func(m WriteMapping) string { return m.SubscriptionCustomer }, "update", changing, nil,
		func(d *Directory) *query { return d.subscriptions }, placeSubscriptions, "stripe_customer_id"},
	{"subscription_status", func(m WriteMapping) string { return m.SubscriptionStatus }, "update", changing, nil,
		func(d *Directory) *query { return d.subscriptions }, placeSubscriptions, "status"},
	{"subscription_insert", func(m WriteMapping) string { return m.SubscriptionInsert }, "insert", []string{"company_id", "stripe_subscription_id"},
		[]string{"stripe_customer_id", "status"}, func(d *Directory) *query { return d.subscriptions }, placeSubscriptions, "stripe_subscription_id"},
	{"subscription_delete", func(m WriteMapping) string { return m.SubscriptionDelete }, "delete", []string{"company_id", "stripe_subscription_id"},
		[]string{"stripe_customer_id", "status"}, func(d *Directory) *query { return d.subscriptions }, placeSubscriptions, "stripe_subscription_id"},
}

// place is where the rule's statement stands in the configuration.
func (r writeRule) place() string { return placeWrite + "." + r.name }

// writeStatement is one compiled statement.
type writeStatement struct {
	rule       writeRule
	statement  statement
	mentions   []string     // the parameter of each mention
	parameters []columnType // of each mention; nil when the database does not type them
}

// compileWrite checks a statement of the write mapping: that it is one statement
// of its kind with its parameters, that the mapping reads what it writes, that the
// database takes it, and that what it does can be rolled back.
func (w *Writer) compileWrite(ctx context.Context, r writeRule, text string) (*writeStatement, error) {
	lexing := w.d.dialect.lexing()
	cleaned, one := lexing.single(text)
	switch word := lexing.firstWord(cleaned); {
	case !one:
		return nil, invalid(r.place(), "this is more than one statement", "write one "+strings.ToUpper(r.begin))
	case word != r.begin:
		return nil, invalid(r.place(), "the statement begins with "+quoted(word), "write one "+strings.ToUpper(r.begin))
	}
	any := func(string) bool { return true }
	sent, mentions := lexing.parameters(cleaned, any, w.d.dialect.placeholder)
	for _, name := range mentions {
		if !slices.Contains(r.needs, name) && !slices.Contains(r.also, name) {
			return nil, invalid(r.place(), "there is no parameter :"+name, "this statement has "+named(append(slices.Clone(r.needs), r.also...)))
		}
	}
	for _, name := range r.needs {
		if !slices.Contains(mentions, name) {
			return nil, invalid(r.place(), "the statement does not mention :"+name, w.why(r, name))
		}
	}
	if q := r.query(w.d); !q.has(r.field) {
		return nil, invalid(r.place(), fmt.Sprintf("it writes %s, which %s does not read", r.field, r.reads), "add the column to "+r.reads+": what is written is read back")
	}
	s := &writeStatement{rule: r, mentions: mentions, statement: statement{place: r.place(), sql: cleaned, sent: sent}}
	err := w.transact(ctx, s.statement, false, func(ctx context.Context, conn *sql.Conn) (err error) {
		if why, err := w.d.dialect.keeps(ctx, conn, tableOf(lexing.tokens(cleaned))); err != nil || why != "" {
			if err == nil {
				err = invalid(r.place(), why, "rightful asks the database first, and rolls back: keep the table in an engine with transactions")
			}
			return err
		}
		s.parameters, err = w.d.dialect.parameterTypes(ctx, conn, sent)
		return err
	})
	return s, err
}

// why says what a parameter that is missing is for.
func (w *Writer) why(r writeRule, name string) string {
	column := r.field
	switch name {
	case "old":
		return fmt.Sprintf("compare with what is replaced, so that nobody else's change is lost: ... AND %s %s :old", column, w.d.dialect.nullSafe())
	case "id":
		return "name the row: ... WHERE id = :id"
	case "new":
		return "write the new value: SET " + column + " = :new"
	}
	if r.begin == "delete" {
		return "take away the one row that was added: ... WHERE stripe_subscription_id = :stripe_subscription_id AND company_id = :company_id"
	}
	return "a new row is of no use without it"
}

func named(parameters []string) string { return ":" + strings.Join(parameters, ", :") }

// tableOf returns the name of the table that a statement writes, in its parts.
func tableOf(tokens []token) []string {
	for i := 1; i < len(tokens); i++ {
		if !tokens[i].name || slices.ContainsFunc([]string{"into", "from", "low_priority", "quick", "ignore", "or", "only"}, tokens[i].is) {
			continue
		}
		parts := []string{unquoted(tokens[i].text)}
		for i+2 < len(tokens) && tokens[i+1].text == "." && tokens[i+2].name {
			parts = append(parts, unquoted(tokens[i+2].text))
			i += 2
		}
		return parts
	}
	return []string{""}
}

func unquoted(name string) string { return strings.Trim(name, "\"`[]") }

// statementFor returns the statement that makes a change, or why there is none.
func (w *Writer) statementFor(c rightful.FieldChange, name string) (*writeStatement, error) {
	if s := w.statements[name]; s != nil {
		return s, nil
	}
	return nil, &rightful.Error{
		Kind: rightful.KindUnsupported, Place: placeWrite,
		Message: fmt.Sprintf("%s of %s %s is not written: directory.write.%s is not set", c.Field, c.Object.Type, c.Object.ID, name),
		Hint:    "set it, or change the row by hand",
	}
}
