// Package state keeps what rightful itself knows: the journal, the runs derived
// from it, who is at work on which account, saved plans, and recorded audits. It keeps them in
// tables of their own on SQLite or PostgreSQL, by the same code on both.
//
// sqlite.go and postgres.go have what differs, migrate.go the tables, append.go
// the one way in which records are written, begin.go and lease.go the beginning
// of a run, run.go a run under way, read.go reading and checking, plans.go plans,
// audits.go and audits_read.go recorded audits and the lives of findings.
package state

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"rightful"
	"rightful/internal/journal"
)

// Options say how a store is opened.
type Options struct {
	Now    func() time.Time
	Holder string // who opens it: shown to those who find an account taken

	// Process names this process for others on the same machine, and Dead reports
	// whether one that was named so surely does not run any more: what it held may
	// be taken over at once. Empty and nil: nobody can tell.
	Process string
	Dead    func(process string) bool
}

// Store keeps our tables. It is safe for use by several goroutines, and beside
// other processes.
type Store struct {
	db       *sql.DB
	d        dialect
	now      func() time.Time
	holder   string
	process  string
	dead     func(process string) bool
	readOnly bool
	page     int // how many records are read at once
	waker    Waker
	forgot   atomic.Int64 // when intents were last forgotten, in Unix seconds
}

var _ journal.Log = (*Store)(nil)

// dialect is what differs between the engines.
type dialect interface {
	// place names the database for errors, without a password.
	place() string

	// prepare makes the database ready to be written.
	prepare(ctx context.Context, db *sql.DB) error

	// query returns a statement as the engine wants it: parameters are written
	// $1, $2 and so on.
	query(statement string) string

	// schema is the folder of the migrations.
	schema() string

	// lockSchema lets one process at a time migrate.
	lockSchema(ctx context.Context, tx *sql.Tx) error

	// hasTable is a query for one boolean: whether a table of name $1 is there.
	hasTable() string

	// lockHead is what reads the head so that nobody else writes until the end of
	// the transaction.
	lockHead() string

	// lockFindings is what lets one transaction alone compare findings with those
	// that are open, or several beside each other; empty where a transaction that
	// writes is the only one anyway.
	lockFindings(alone bool) string

	// durable makes the commit of a transaction outlive a crash.
	durable(ctx context.Context, tx *sql.Tx) error

	// isolation is of transactions that write, and of those that read.
	isolation() (write, read sql.IsolationLevel)

	// fault says in words for people what the engine's error means.
	fault(err error) (kind rightful.ErrorKind, message, hint string)
}

// within bounds what is written: a database that does not answer must not hold up
// a repair for longer than a lease lasts.
const within = 30 * time.Second

// connections bounds how many connections a store has. Callers beyond that wait for
// one: PostgreSQL allows 100 in all by default, and SQLite has one writer anyway.
const connections = 16

// Open opens the store at an address, sqlite:FILE or postgres://, and makes or
// migrates its tables.
func Open(ctx context.Context, address string, o Options) (*Store, error) {
	s, err := dial(address, o, false)
	if err != nil {
		return nil, err
	}
	if err = s.d.prepare(ctx, s.db); err == nil {
		err = s.migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(s.explain(ctx, err), s.Close())
	}
	return s, nil
}

// OpenToRead opens a store that is there already, and never writes. Its schema
// must be the one of this version.
func OpenToRead(ctx context.Context, address string, o Options) (*Store, error) {
	s, err := dial(address, o, true)
	if err != nil {
		return nil, err
	}
	err = s.known(ctx)
	if halfDone(err) {
		if err = recoverFile(ctx, address); err == nil {
			err = s.known(ctx)
		}
	}
	if err != nil {
		return nil, errors.Join(s.explain(ctx, err), s.Close())
	}
	return s, nil
}

func dial(address string, o Options, readOnly bool) (*Store, error) {
	s := &Store{now: o.Now, holder: o.Holder, process: o.Process, dead: o.Dead, readOnly: readOnly, page: pageSize}
	if s.dead == nil {
		s.dead = func(string) bool { return false }
	}
	var err error
	switch scheme, rest, _ := strings.Cut(address, ":"); scheme {
	case "sqlite":
		s.db, s.d, err = dialSQLite(rest, readOnly)
	case "postgres", "postgresql":
		s.db, s.d, err = dialPostgres(address)
	default:
		// The address is not repeated: it may hold a password.
		err = invalid("this is no address that state can be kept at", "write sqlite:rightful.db or postgres://user:password@host:5432/database")
	}
	if err != nil {
		return nil, err
	}
	s.db.SetMaxOpenConns(connections)
	s.db.SetMaxIdleConns(connections)
	return s, nil
}

// Close closes the database. Runs under way keep their leases until these go
// stale.
func (s *Store) Close() error { return s.db.Close() }

// write runs f in a transaction that is durable when write returns nil.
func (s *Store) write(ctx context.Context, f func(context.Context, *sql.Tx) error) error {
	if s.readOnly {
		return &rightful.Error{Kind: rightful.KindForbidden, Place: "state", Message: s.d.place() + " was opened for reading only"}
	}
	level, _ := s.d.isolation()
	bounded, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := s.in(bounded, &sql.TxOptions{Isolation: level}, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.d.durable(ctx, tx); err != nil {
			return err
		}
		return f(ctx, tx)
	})
	return s.explain(ctx, err)
}

// read runs f in a transaction that sees one moment.
func (s *Store) read(ctx context.Context, f func(context.Context, *sql.Tx) error) error {
	_, level := s.d.isolation()
	return s.explain(ctx, s.in(ctx, &sql.TxOptions{Isolation: level, ReadOnly: true}, f))
}

func (s *Store) in(ctx context.Context, o *sql.TxOptions, f func(context.Context, *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, o)
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

func (s *Store) exec(ctx context.Context, tx *sql.Tx, statement string, args ...any) (int64, error) {
	r, err := tx.ExecContext(ctx, s.d.query(statement), args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (s *Store) row(ctx context.Context, tx *sql.Tx, statement string, args ...any) *sql.Row {
	return tx.QueryRowContext(ctx, s.d.query(statement), args...)
}

// explain turns a database's error into one that a person can act on.
func (s *Store) explain(ctx context.Context, err error) error {
	var own *rightful.Error
	switch {
	case err == nil, errors.As(err, &own):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return &rightful.Error{
			Kind: rightful.KindUnreachable, Place: "state", Err: err,
			Message: s.d.place() + " did not answer within " + within.String(), Hint: "look at who else uses it, and run it again",
		}
	}
	kind, message, hint := s.d.fault(err)
	return &rightful.Error{Kind: kind, Place: "state", Message: s.d.place() + ": " + message, Hint: hint, Err: err}
}

func (s *Store) unix() int64 { return s.now().Unix() }

func invalid(message, hint string) error {
	return &rightful.Error{Kind: rightful.KindInvalid, Place: "state", Message: message, Hint: hint}
}
