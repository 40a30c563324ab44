package sqldirectory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"rightful"
)

var _ rightful.ManyReader = (*Directory)(nil)

// pipelining is a dialect that sends many statements without waiting for answers.
type pipelining interface {
	// pipeline runs the statements in one read-only transaction that it begins and
	// ends itself, and returns the rows of each. at is the statement that an error
	// is about; after one, the transaction may still be open.
	pipeline(ctx context.Context, conn *sql.Conn, d *Directory, all []asking) (rows [][][]any, at int, err error)
}

// ReadMany implements rightful.ManyReader: all statements run on one connection in
// one read-only transaction. PostgreSQL takes all of them in one round trip, the
// beginning and end of the transaction included, and shows one moment; so does
// MariaDB, whose transactions show one moment too unless the server is set
// otherwise. MySQL gets a round trip or two for each; SQLite has no way to go.
//
// Where the resolver query needs the user's row first (a database that does not type
// its parameters), users are resolved after that, together: in a second round trip.
func (d *Directory) ReadMany(ctx context.Context, q rightful.DirectoryQuestion) (rightful.DirectoryAnswer, error) {
	fail := func(err error) (rightful.DirectoryAnswer, error) { return rightful.DirectoryAnswer{}, err }
	if err := q.Check(); err != nil {
		return fail(err)
	}
	m := many{d: d}
	var a rightful.DirectoryAnswer
	a.Companies = add(&m, placeCompanies, d.companies, q.Companies, asCompany)
	a.Users = add(&m, placeUsers, d.users, q.Users, asUser)
	a.Memberships = add(&m, placeMemberships, d.memberships, q.Memberships, asMembership)
	a.SubscriptionRows = add(&m, placeSubscriptions, d.subscriptions, q.SubscriptionRows, asSubscriptionRow)
	a.Links = add(&m, placeLinks, d.links, q.Links, asLink)
	atOnce := len(q.Resolve) > 0 && (d.users == nil || d.resolver != nil && d.resolver.parameters != nil)
	var forms [][]any
	switch {
	case atOnce:
		a.Resolutions = m.resolve(m.forms(ctx, q.Resolve))
	case len(q.Resolve) > 0:
		forms = m.formsRead(q.Resolve)
	}
	if m.err == nil {
		m.run(ctx)
	}
	if forms != nil && m.err == nil {
		then := many{d: d}
		a.Resolutions = then.resolve(forms)
		then.run(ctx)
		m.err = then.err
	}
	if m.err != nil {
		return fail(m.err)
	}
	return a, nil
}

// many collects statements, and what becomes of the rows of each. The first error
// is kept.
type many struct {
	d    *Directory
	all  []asking
	take []func(rows [][]any) error
	err  error
}

// add adds the statements of selects, and returns where their rows will be.
func add[T any](m *many, place string, q *query, selects []rightful.Select, convert func(*record) (T, bool)) [][]T {
	if len(selects) == 0 {
		return nil
	}
	out := make([][]T, len(selects))
	if q == nil {
		if m.err == nil {
			m.err = m.d.broken[place]
		}
		return out
	}
	for i, sel := range selects {
		for _, a := range m.statements(q, sel) {
			m.all = append(m.all, a)
			m.take = append(m.take, func(rows [][]any) error {
				for _, values := range rows {
					r := record{query: q, values: values}
					row, ok := convert(&r)
					if r.err != nil {
						return r.err
					}
					if ok {
						out[i] = append(out[i], row)
					}
				}
				return nil
			})
		}
	}
	return out
}

// statements are those of one select.
func (m *many) statements(q *query, sel rightful.Select) []asking {
	if sel.By != rightful.ByEmail {
		return m.d.lookups(q, string(sel.By), sel.Values)
	}
	a, ok := m.d.emails(q, sel.Values)
	switch {
	case !ok:
		return nil
	case len(a.args) > mostEmails:
		if m.err == nil {
			m.err = invalid(q.place, fmt.Sprintf("%d emails are too many for one question among others", len(sel.Values)), "ask for them alone")
		}
		return nil
	}
	return []asking{a}
}

// forms returns the forms of each user's id where no row has to be read for that.
func (m *many) forms(ctx context.Context, users []string) [][]any {
	if m.err == nil {
		m.err = m.d.resolves()
	}
	all := make([][]any, len(users))
	for i, user := range users {
		if m.err == nil {
			all[i], m.err = m.d.userForms(ctx, user)
		}
	}
	return all
}

// formsRead adds the statements that read the forms of each user's id from the user's
// own row, and returns where they will be.
func (m *many) formsRead(users []string) [][]any {
	if m.err == nil {
		m.err = m.d.resolves()
	}
	all := make([][]any, len(users))
	for i, user := range users {
		for _, a := range m.d.lookups(m.d.users, "id", []string{user}) {
			m.all = append(m.all, a)
			m.take = append(m.take, func(rows [][]any) error {
				all[i] = m.d.formsIn(all[i], rows)
				return nil
			})
		}
	}
	return all
}

// resolve adds the statements that resolve users by the forms of their ids, and returns
// where the answers will be. The first form that has an answer counts.
func (m *many) resolve(forms [][]any) []rightful.Resolution {
	if m.err != nil {
		return nil
	}
	out := make([]rightful.Resolution, len(forms))
	for i := range forms {
		for _, a := range m.d.resolver.askings(forms[i]) {
			m.all = append(m.all, a)
			m.take = append(m.take, func(rows [][]any) error {
				if out[i] == (rightful.Resolution{}) {
					out[i] = m.d.resolution(rows)
				}
				return nil
			})
		}
	}
	return out
}

// run asks everything and hands out the rows.
func (m *many) run(ctx context.Context) {
	if len(m.all) == 0 {
		m.err = ctx.Err()
		return
	}
	rows, err := m.d.together(ctx, m.all)
	if err != nil {
		m.err = err
		return
	}
	for i, take := range m.take {
		if keep := m.all[i].keep; keep != nil {
			rows[i] = filter(rows[i], keep)
		}
		if m.err = take(rows[i]); m.err != nil {
			return
		}
	}
}

// together runs statements in one transaction and returns the rows of each. A
// connection that turns out to be dead is no error: it is asked on another.
func (d *Directory) together(ctx context.Context, all []asking) ([][][]any, error) {
	if p, ok := d.dialect.(pipelining); ok {
		rows, err := d.onOneWay(context.WithValue(ctx, asksKey{}, asksNever), p, all)
		var lost lostError
		if errors.As(err, &lost) {
			rows, err = d.onOneWay(context.WithValue(ctx, asksKey{}, asksAlways), p, all)
		}
		return rows, err
	}
	if m, ok := d.dialect.(*mysqlServer); ok && m.takesBlocks() {
		rows, err := d.inBlock(ctx, m, all)
		if err == nil || ctx.Err() != nil || rightful.KindOf(err) == rightful.KindUnreachable {
			return rows, err
		}
		// What is wrong, and with which statement, is known best when each is asked alone.
		if rows, err = d.oneByOne(ctx, all); err == nil {
			m.fruitless.Add(1)
		}
		return rows, err
	}
	return d.oneByOne(ctx, all)
}

// oneByOne is together where the database gets one statement at a time.
func (d *Directory) oneByOne(ctx context.Context, all []asking) (rows [][][]any, err error) {
	at := 0
	err = d.connected(ctx, func() statement { return all[at].statement }, func(within context.Context, conn *sql.Conn) (abandon func(context.Context), err error) {
		defer d.end(ctx, conn)
		rows = nil
		if abandon, err = d.dialect.begin(within, conn, d.timeout); err != nil {
			return abandon, err
		}
		for i, a := range all {
			at = i
			found, err := d.fetch(within, conn, a.statement.sent, a.args)
			if err != nil {
				return abandon, err
			}
			rows = append(rows, found)
		}
		return abandon, nil
	})
	return rows, err
}

// onOneWay is together where the database takes all statements in one go.
func (d *Directory) onOneWay(ctx context.Context, p pipelining, all []asking) (rows [][][]any, err error) {
	at := 0
	err = d.connected(ctx, func() statement { return all[at].statement }, func(within context.Context, conn *sql.Conn) (abandon func(context.Context), err error) {
		if rows, at, err = p.pipeline(within, conn, d, all); err != nil {
			d.end(ctx, conn)
		}
		return nil, err
	})
	return rows, err
}
