// Package mirror keeps the identity fields of Stripe accounts in a SQLite file of
// its own or in PostgreSQL, and reads them as Stripe would answer: rightful.MirrorStore.
// What it holds can always be read from Stripe again.
//
// row.go and rest.go say how an object is stored, keep.go and stage.go write, pass.go
// keeps passes over lists, replaced.go keeps what stood there before, read.go and families.go read, sqlite.go and postgres.go have
// what differs.
package mirror

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"time"

	"rightful"
	"rightful/internal/database"
)

//go:embed migrations/*/*.sql
var migrations embed.FS

// schemaLock is the number of PostgreSQL's advisory lock of migrations: "mirror".
const schemaLock = 0x6d6972726f72

// Options say how a mirror is opened. The zero value is the usual way.
type Options struct {
	// Within bounds each transaction that writes, and how long one waits for another
	// process that writes a SQLite file; 0 means a minute.
	Within time.Duration
}

// Mirror keeps mirrors of any number of accounts. It is safe for use by several
// goroutines, and beside other processes: one writes at a time, others wait for it
// and read what was there before.
type Mirror struct {
	db     *database.Database
	d      dialect
	within time.Duration
	// stageFrom is how many objects of a first pass are written where they belong at
	// once. What comes after is staged.
	stageFrom int64
}

// stageFrom is about where random writing begins to outgrow a machine's memory for
// files.
const stageFrom = 200_000

// dialect is what differs between the engines.
type dialect interface {
	// query returns a statement as the engine wants it. It is written with $1, $2 and
	// so on, and with the schema before each table.
	query(statement string) string
	// using names the index by which object is to be read, where the engine must be
	// told: empty for none, as the table is clustered.
	using(index string) string
	// lockAccount lets one transaction at a time write an account.
	lockAccount(ctx context.Context, tx transaction, number int64) error
	// lookup returns the rows that are there of the objects of rows. read makes a row
	// of what a statement yields.
	lookup(ctx context.Context, tx transaction, rows []row, read func(*sql.Rows) error) error
	// put inserts rows, or replaces those of the same key. None comes twice.
	put(ctx context.Context, tx transaction, rows []row) error
	// touch sets when rows stood so and were seen.
	touch(ctx context.Context, tx transaction, rows []row) error
	// stages tells that rows may be staged.
	stages() bool
	// stage keeps rows to be merged.
	stage(ctx context.Context, tx transaction, rows []row) error
	// merge sorts an account's staged rows in. bulk tells that they are many beside
	// what is there.
	merge(ctx context.Context, tx transaction, number int64, bulk bool) error
	// remove takes rows away.
	remove(ctx context.Context, tx transaction, rows []row) error
}

// Open opens the mirror at an address, sqlite:FILE or postgres://, and makes or
// migrates its tables. Errors are of the kinds of rightful.MirrorStore.
func Open(ctx context.Context, address string, o Options) (*Mirror, error) {
	if o.Within <= 0 {
		o.Within = time.Minute
	}
	db, err := database.Open(ctx, address, database.Options{
		Place: "mirror", Thing: "a mirror", Example: "rightful-mirror.db", Given: "as mirror in the config", BusyFor: o.Within,
		// A mirror that lost its last second is behind by that second. A bigger cache
		// and a longer log spare writing: families come in no order.
		WritePragmas: []string{"synchronous(NORMAL)", "cache_size(-16384)", "wal_autocheckpoint(32768)", "journal_size_limit(67108864)"},
	})
	if err != nil {
		return nil, err
	}
	m := &Mirror{db: db, within: o.Within, stageFrom: stageFrom}
	schema := database.Migrations{Files: migrations, Table: "mirror_schema", Lock: schemaLock}
	if db.Name() == "sqlite" {
		m.d = &lite{db: db.Write, prepared: map[string]*sql.Stmt{}}
	} else {
		m.d = postgres{}
		schema.Table = "rightful_mirror.mirror_schema"
	}
	err = db.Migrate(ctx, schema)
	if l, is := m.d.(*lite); is && err == nil {
		err = db.Explain(ctx, l.prepare(ctx))
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return m, nil
}

// Close closes the mirror.
func (m *Mirror) Close() error { return m.db.Close() }

// Of returns the mirror of one account in one mode, for a config with those identity
// keys. Nothing is written by that.
func (m *Mirror) Of(account string, livemode bool, keys rightful.KeySet) *Account {
	return &Account{m: m, account: account, livemode: livemode, keys: keys, fingerprint: fingerprint(keys)}
}

// write runs f in a transaction that writes.
func (m *Mirror) write(ctx context.Context, f func(context.Context, transaction) error) error {
	bounded, cancel := context.WithTimeout(ctx, m.within)
	defer cancel()
	return m.writeUnbounded(ctx, bounded, f)
}

// writeUnbounded is write for as long as bounded lives.
func (m *Mirror) writeUnbounded(ctx, bounded context.Context, f func(context.Context, transaction) error) error {
	return m.db.Explain(ctx, m.begin(bounded, f))
}

// transaction is one under way, with its connection, which is nil in one that only
// reads.
type transaction struct {
	*sql.Tx
	conn *sql.Conn
}

func (m *Mirror) begin(ctx context.Context, f func(context.Context, transaction) error) (err error) {
	conn, err := m.db.Write.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	level, _ := m.db.Isolation()
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: level})
	if err != nil {
		return err
	}
	if err := f(ctx, transaction{tx, conn}); err != nil {
		_ = tx.Rollback() // what it would still say is less than what went wrong
		return err
	}
	return tx.Commit()
}

func (m *Mirror) exec(ctx context.Context, tx transaction, statement string, args ...any) (int64, error) {
	r, err := tx.ExecContext(ctx, m.d.query(statement), args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (m *Mirror) row(ctx context.Context, tx queryer, statement string, args ...any) *sql.Row {
	return tx.QueryRowContext(ctx, m.d.query(statement), args...)
}

// queryer is a transaction, or connections outside of one.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// each hands on what a statement yields, row by row.
func (m *Mirror) each(ctx context.Context, in queryer, f func(*sql.Rows) error, statement string, args ...any) error {
	rows, err := in.QueryContext(ctx, m.d.query(statement), args...)
	return eachOf(rows, err, f)
}

func eachOf(rows *sql.Rows, err error, f func(*sql.Rows) error) error {
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := f(rows); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

func invalid(message, hint string) error {
	return &rightful.Error{Kind: rightful.KindInvalid, Place: "mirror", Message: message, Hint: hint}
}
