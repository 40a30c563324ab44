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
// beginning and end of the transaction included, and shows one moment. MySQL and
// MariaDB, whose transactions show one moment too unless the server is set
// otherwise, get a round trip or two for each; SQLite has no way to go.
//
// Where the resolver query needs the user's row first (a database that does not type
// its parameters), users are resolved after that, one by one.
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
	if atOnce {
		a.Resolutions = m.resolve(ctx, q.Resolve)
	}
	if m.err == nil {
		m.run(ctx)
	}
	if !atOnce {
		for _, user := range q.Resolve {
			if m.err != nil {
				break
			}
			var r rightful.Resolution
			r, m.err = d.Resolve(ctx, user)
			a.Resolutions = append(a.Resolutions, r)
		}
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

// resolve adds the statements that resolve users, and returns where the answers
// will be. The first form of a user's id that has an answer counts.
func (m *many) resolve(ctx context.Context, users []string) []rightful.Resolution {
	if m.err == nil {
		m.err = m.d.resolves()
	}
	if m.err != nil {
		return nil
	}
	out := make([]rightful.Resolution, len(users))
	for i, user := range users {
		forms, err := m.d.userForms(ctx, user) // asks nothing where parameters are typed
		if err != nil {
			m.err = err
			return nil
		}
		for _, a := range m.d.resolver.askings(forms) {
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
	var rows [][][]any
	at := 0
	err := d.connected(ctx, func() statement { return all[at].statement }, func(within context.Context, conn *sql.Conn) (abandon func(context.Context), err error) {
		defer d.end(ctx, conn)
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
