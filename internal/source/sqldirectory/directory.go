package sqldirectory

import (
	"context"
	"database/sql"
	"time"

	"rightful"
)

// Directory reads one app's database through a Mapping. It is safe for
// concurrent use.
type Directory struct {
	db      *sql.DB
	dialect dialect
	mapping rightful.Mapping

	companies, users, memberships, subscriptions, links *query
	resolver                                            *resolver // nil unless the resolver is SQL

	// broken holds, by place, the error of each query that Examine kept going
	// after. It is nil in a directory that Open returned.
	broken map[string]error
	// undecided are the broken queries for which the resolver waits.
	undecided []string

	now            func() time.Time
	timeout        time.Duration
	connectTimeout time.Duration
	pageSize       int
}

var _ rightful.DirectoryReader = (*Directory)(nil)

// Defaults of the options.
const (
	DefaultStatementTimeout = 30 * time.Second
	DefaultConnectTimeout   = 10 * time.Second
	DefaultPageSize         = 1000
)

// connections is how many reads run side by side. An app's database has better
// things to do than to serve us.
const connections = 8

// An Option changes how a Directory reads.
type Option func(*Directory)

// WithStatementTimeout sets how long one read may take.
func WithStatementTimeout(timeout time.Duration) Option {
	return func(d *Directory) { d.timeout = timeout }
}

// WithConnectTimeout sets how long the database may take to accept a
// connection.
func WithConnectTimeout(timeout time.Duration) Option {
	return func(d *Directory) { d.connectTimeout = timeout }
}

// WithPageSize sets how many rows of a whole table are read at a time. A page
// is longer when many rows have the same key.
func WithPageSize(rows int) Option {
	return func(d *Directory) { d.pageSize = max(1, rows) }
}

// WithClock sets the clock that the database's is compared with by Diagnose.
func WithClock(now func() time.Time) Option {
	return func(d *Directory) { d.now = now }
}

// Open connects to the app's database and checks the mapping against it: every
// query is run for no rows, and has to have the columns.
//
// The DSN is postgres://..., postgresql://..., mysql://..., mariadb://... or
// sqlite:path. A SQLite file is
// never created. Errors are of type *rightful.Error. Their place is the path in
// the configuration (directory.users), their kind invalid (DSN, query or
// column), unauthorized, forbidden (a table may not be read), unreachable or
// unavailable. They never hold the password, nor the DSN.
func Open(ctx context.Context, dsn string, m Mapping, options ...Option) (*Directory, error) {
	return open(ctx, dsn, m, nil, options)
}

// open opens the directory. Where broken is not nil it collects what is wrong
// with single queries.
func open(ctx context.Context, dsn string, m Mapping, broken map[string]error, options []Option) (*Directory, error) {
	d := &Directory{
		broken: broken,
		now:    time.Now, timeout: DefaultStatementTimeout, connectTimeout: DefaultConnectTimeout, pageSize: DefaultPageSize,
	}
	for _, option := range options {
		option(d)
	}
	var err error
	if d.db, d.dialect, err = dial(dsn, d.connectTimeout, forReading); err != nil {
		return nil, err
	}
	d.db.SetMaxOpenConns(connections)
	d.db.SetMaxIdleConns(connections)
	d.db.SetConnMaxIdleTime(time.Minute)
	if err := d.check(ctx, m); err != nil {
		_ = d.db.Close() // the first error is the one to tell
		return nil, err
	}
	return d, nil
}

// check compiles the mapping.
func (d *Directory) check(ctx context.Context, m Mapping) error {
	if err := d.read(ctx, statement{place: placeDSN}, func(ctx context.Context, conn *sql.Conn) error {
		_, err := d.dialect.version(ctx, conn)
		return err
	}); err != nil {
		return err
	}
	for _, q := range []struct {
		into    **query
		place   string
		text    string
		key     string
		columns []column
	}{
		{&d.companies, placeCompanies, m.Companies, "id", companyColumns},
		{&d.users, placeUsers, m.Users, "id", userColumns},
		{&d.memberships, placeMemberships, m.Memberships, "user_id", membershipColumns},
		{&d.subscriptions, placeSubscriptions, m.Subscriptions, "id", subscriptionColumns},
		{&d.links, placeLinks, m.Links, "company_id", linkColumns},
	} {
		compiled, err := d.compile(ctx, q.place, q.text, q.key, q.columns)
		if err == nil && compiled == nil && q.place == placeCompanies {
			err = invalid(placeCompanies, "there is no query for companies", "add directory.companies: SELECT id FROM ...")
		}
		if err = d.keep(q.place, err); err != nil {
			return err
		}
		*q.into = compiled
	}
	d.mapping = d.facts()
	return d.keep(placeResolve, d.checkResolver(ctx, m))
}

// checkResolver compiles the resolver. One that rests on a query which is
// itself wrong is left alone: that query's error says what to do.
func (d *Directory) checkResolver(ctx context.Context, m Mapping) error {
	if d.undecided = d.restsOnBroken(m.Resolve); len(d.undecided) > 0 {
		return nil
	}
	resolver, err := m.resolver(d.mapping)
	if err != nil {
		return err
	}
	if resolver == rightful.ResolverSQL {
		if d.resolver, err = d.compileResolver(ctx, m.Resolve); err != nil {
			d.resolver = nil
			return err
		}
	}
	d.mapping.Resolver = resolver
	return nil
}

// Close closes the connections.
func (d *Directory) Close() error { return d.db.Close() }

// Mapping implements rightful.DirectoryReader.
func (d *Directory) Mapping() rightful.Mapping { return d.mapping }
