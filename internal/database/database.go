// Package database opens the SQLite files and PostgreSQL databases in which rightful
// keeps tables of its own, brings these to the schema of this version, and says in
// words for people what an engine's error means. It knows nothing of what the tables
// hold.
package database

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"rightful"
)

// Options say what is opened, and how it is spoken of.
type Options struct {
	Place   string // the Place of errors: what is kept there, as "mirror"
	Thing   string // the same in a sentence, as "a mirror"
	Example string // the name of a SQLite file, for hints
	Given   string // how somebody gives another address, as "with --state, or in the config"

	// WritePragmas of SQLite, as synchronous(NORMAL), are for the connection that writes.
	WritePragmas []string
	// BusyFor is how long SQLite waits for another process that writes.
	BusyFor time.Duration
	// ReadOnly opens what is there already, and never writes.
	ReadOnly bool
}

// Database is an open database of one engine.
type Database struct {
	// Write is for transactions that write. On SQLite it is one connection, because
	// one can write at a time: others wait for it in line.
	Write *sql.DB
	// Read is for reading beside it. When the database was opened to be read only, Write
	// is the same.
	Read *sql.DB

	Engine
	o Options
}

// Engine is what differs between the engines.
type Engine interface {
	// Name is sqlite or postgres: also the folder of the engine's migrations.
	Name() string
	// Where names the database for errors, without a password.
	Where() string
	// Path is of a SQLite file, and empty elsewhere. Postgres is how PostgreSQL is
	// reached, and nil elsewhere: for who needs connections of another kind.
	Path() string
	Postgres() *pgx.ConnConfig
	// Fault says in words for people what the engine's error means.
	Fault(err error) (kind rightful.ErrorKind, message, hint string)

	// Isolation is of transactions that write, where one waits for another instead of
	// failing, and of those that read, which see one moment. It does not take the
	// server's default.
	Isolation() (write, read sql.IsolationLevel)

	prepare(ctx context.Context, db *sql.DB) error
	// recover takes back what a process has left half done, where err says that only
	// somebody who may write can.
	recover(ctx context.Context, err error) (bool, error)
	lockSchema(ctx context.Context, tx *sql.Tx, lock int64) error
	hasTable() string
}

// readers bounds how many connections read at a time. Callers beyond that wait for one.
const readers = 16

// Open opens the database at an address, sqlite:FILE or postgres://. What Open and
// the methods of Database return are errors of kind rightful.Error, without secrets.
func Open(ctx context.Context, address string, o Options) (*Database, error) {
	d := &Database{o: o}
	var err error
	switch scheme, rest, _ := strings.Cut(address, ":"); scheme {
	case "sqlite":
		err = d.openSQLite(rest)
	case "postgres", "postgresql":
		err = d.openPostgres(address)
	default:
		// The address is not repeated: it may hold a password.
		err = d.invalid("this is no address that "+o.Thing+" can be kept at", "write sqlite:"+o.Example+" or postgres://user:password@host:5432/database")
	}
	if err != nil {
		return nil, err
	}
	if o.ReadOnly {
		return d, nil
	}
	if err := d.prepare(ctx, d.Write); err != nil {
		return nil, errors.Join(d.Explain(ctx, err), d.Close())
	}
	return d, nil
}

// Close closes the database.
func (d *Database) Close() error {
	if d.Write == d.Read {
		return d.Read.Close()
	}
	// The writer last: it is the one that tidies up a SQLite file.
	return errors.Join(d.Read.Close(), d.Write.Close())
}

// In runs f in a transaction of db. What f returns rolls it back.
func In(ctx context.Context, db *sql.DB, o *sql.TxOptions, f func(context.Context, *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	if err := f(ctx, tx); err != nil {
		// What a rollback would still say is less than what went wrong.
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

// Explain turns a database's error into one that a person can act on. An error of
// kind rightful.Error stays as it is, and when ctx is over its error is returned.
func (d *Database) Explain(ctx context.Context, err error) error {
	var own *rightful.Error
	switch {
	case err == nil, errors.As(err, &own):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return &rightful.Error{
			Kind: rightful.KindUnreachable, Place: d.o.Place, Err: err,
			Message: d.Where() + " did not answer in time", Hint: "look at who else uses it, and run it again",
		}
	}
	kind, message, hint := d.Fault(err)
	return &rightful.Error{Kind: kind, Place: d.o.Place, Message: d.Where() + ": " + message, Hint: hint, Err: err}
}

func (d *Database) invalid(message, hint string) error {
	return &rightful.Error{Kind: rightful.KindInvalid, Place: d.o.Place, Message: message, Hint: hint}
}
