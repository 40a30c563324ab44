package sqldirectory

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"

	"rightful"
)

// resolver is the app's own query for a user's company.
type resolver struct {
	statement  statement
	count      int          // how often it mentions the user
	parameters []columnType // of each mention; nil when the database does not type them
}

// compileResolver checks the resolver query. Every mention of :user_id becomes
// a parameter of its own, which a database that types parameters types by what
// stands around it: the same query may compare it with a number and with text.
func (d *Directory) compileResolver(ctx context.Context, text string) (*resolver, error) {
	cleaned, err := d.oneSelect(placeResolve, text)
	if err != nil {
		return nil, err
	}
	sent, count := d.dialect.lexing().bind(cleaned, "user_id", d.dialect.placeholder)
	if count == 0 {
		return nil, invalid(placeResolve, "the query does not ask for :user_id",
			"write SELECT company_id FROM ... WHERE user_id = :user_id")
	}
	r := &resolver{statement: statement{place: placeResolve, sql: cleaned, sent: sent}, count: count}
	err = d.read(ctx, r.statement, func(ctx context.Context, conn *sql.Conn) (err error) {
		r.parameters, err = d.dialect.parameterTypes(ctx, conn, sent)
		return err
	})
	return r, err
}

// Resolve implements rightful.DirectoryReader. The first column of each row is
// a company; NULL names none.
func (d *Directory) Resolve(ctx context.Context, userID string) (rightful.Resolution, error) {
	if err := d.resolves(); err != nil {
		return rightful.Resolution{}, err
	}
	forms, err := d.userForms(ctx, userID)
	if err != nil {
		return rightful.Resolution{}, err
	}
	for _, a := range d.resolver.askings(forms) {
		rows, err := d.run(ctx, a.statement, a.args)
		if err != nil {
			return rightful.Resolution{}, err
		}
		if answer := d.resolution(rows); answer != (rightful.Resolution{}) {
			return answer, nil
		}
	}
	return rightful.Resolution{}, nil
}

// resolves returns an error unless there is a resolver query to ask.
func (d *Directory) resolves() error {
	if err := d.broken[placeResolve]; err != nil {
		return err
	}
	if d.resolver == nil {
		return invalid(placeResolve, "no resolver query is configured", "add directory.resolve: SELECT company_id FROM ... WHERE user_id = :user_id")
	}
	return nil
}

// askings returns the statements that resolve a user who is known under one of the
// forms.
func (r *resolver) askings(forms []any) []asking {
	var all []asking
	for _, form := range forms {
		if args, ok := r.arguments(form); ok {
			all = append(all, asking{statement: r.statement, args: args})
		}
	}
	return all
}

// userForms returns the values under which the database may know the user: the
// id in the type of users.id, in every spelling. There are none when no such
// user can exist.
func (d *Directory) userForms(ctx context.Context, userID string) ([]any, error) {
	if d.users == nil {
		return d.unmappedForms(userID), nil
	}
	id, _ := d.users.column("id")
	if d.resolver.parameters != nil {
		return id.typ.forms(userID), nil
	}
	// A database that does not type parameters compares loosely: 4 = '04'.
	// So the value is taken from the user's own row.
	var forms []any
	err := d.lookup(ctx, d.users, "id", []string{userID}, func(rows [][]any) (bool, error) {
		forms = d.formsIn(forms, rows)
		return true, nil
	})
	return forms, err
}

// formsIn adds the ids in rows of users to the forms that are known.
func (d *Directory) formsIn(forms []any, rows [][]any) []any {
	id, _ := d.users.column("id")
	at := d.users.index("id")
	for _, row := range rows {
		for _, form := range d.dialect.untyped(row[at], id.typ.idText(row[at])) {
			if !slices.ContainsFunc(forms, func(known any) bool { return formKey(known) == formKey(form) }) {
				forms = append(forms, form)
			}
		}
	}
	return forms
}

// unmappedForms is for a mapping without users. The type of their ids may still
// be known from where else they stand; where nothing tells it, what is almost a
// number is left out, because a database may take it for one.
func (d *Directory) unmappedForms(userID string) []any {
	for _, from := range []struct {
		query  *query
		column string
	}{{d.memberships, "user_id"}, {d.companies, "owner_user_id"}} {
		if !from.query.has(from.column) {
			continue
		}
		column, _ := from.query.column(from.column)
		var forms []any
		for _, form := range column.typ.forms(userID) {
			forms = append(forms, d.dialect.untyped(form, column.typ.idText(form))...)
		}
		return forms
	}
	if n, ok := parseInteger(userID); ok {
		return d.dialect.untyped(n, userID)
	}
	if _, err := strconv.ParseFloat(strings.TrimSpace(userID), 64); err == nil || userID == "" {
		return nil
	}
	if d.dialect.mistakes(userID) {
		return nil
	}
	return textForms(userID)
}

// arguments returns the form for each mention of the user. A mention whose type
// cannot hold it means that nothing can match.
func (r *resolver) arguments(form any) ([]any, bool) {
	args := make([]any, r.count)
	for i := range args {
		args[i] = form
		if r.parameters == nil {
			continue
		}
		var ok bool
		if args[i], ok = r.parameters[i].parameter(form); !ok {
			return nil, false
		}
	}
	return args, true
}

// resolution returns what the resolver's rows say. They hold ids of companies,
// and are read as those are.
func (d *Directory) resolution(rows [][]any) rightful.Resolution {
	id, _ := d.companies.column("id")
	company := ""
	for _, row := range rows {
		named := id.typ.idText(row[0])
		switch {
		case named == "" || rightful.SameID(named, company):
		case company != "":
			return rightful.Resolution{Ambiguous: true}
		default:
			company = named
		}
	}
	return rightful.Resolution{CompanyID: company}
}
