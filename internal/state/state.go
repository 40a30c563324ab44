// Package state keeps what rightful itself knows: the journal, the runs derived
// from it, who is at work on which account, saved plans, and recorded audits. It keeps them in
// tables of their own on SQLite or PostgreSQL, by the same code on both.
//
// sqlite.go and postgres.go have what differs, migrate.go the tables (internal/database opens and migrates them), append.go
// the one way in which records are written, begin.go and lease.go the beginning
// of a run, run.go a run under way, read.go reading and checking, plans.go plans,
// audits.go and audits_read.go recorded audits and the lives of findings.
package state

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"sync/atomic"
	"time"

	"rightful"
	"rightful/internal/database"
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

	// Shared replaces, in tests, the clock that decides for how long shards of the
	// inbox are held, for all processes alike: on PostgreSQL the server's, else Now.
	Shared func() time.Time
}

// Store keeps our tables. It is safe for use by several goroutines, and beside
// other processes.
type Store struct {
	db       *database.Database
	d        dialect
	address  string
	now      func() time.Time
	holder   string
	process  string
	dead     func(process string) bool
	readOnly bool
	page     int              // how many records are read at once
	shared   func() time.Time // nil: the database's, see clock
	waker    Waker
	forgot   atomic.Int64 // when intents were last forgotten, in Unix seconds
}

var _ journal.Log = (*Store)(nil)

// dialect is what differs between the engines in what the state asks of them.
type dialect interface {
	// query returns a statement as the engine wants it: parameters are written
	// $1, $2 and so on.
	query(statement string) string

	// lockHead is what reads the head so that nobody else writes until the end of
	// the transaction.
	lockHead() string

	// lockFindings is what lets one transaction alone compare findings with those
	// that are open, or several beside each other; empty where a transaction that
	// writes is the only one anyway.
	lockFindings(alone bool) string

	// durable makes the commit of a transaction outlive a crash.
	durable(ctx context.Context, tx *sql.Tx) error
}

// within bounds what is written: a database that does not answer must not hold up
// a repair for longer than a lease lasts.
const within = 30 * time.Second

// options are how the state's database is opened. FULL synchronises a SQLite file at
// each commit: with less, a machine that loses power forgets intents of writes that
// were made.
func options(readOnly bool) database.Options {
	return database.Options{
		Place: place, Thing: place, Example: "rightful.db", Given: "with --state, or as state in the config",
		WritePragmas: []string{"synchronous(FULL)"}, BusyFor: 10 * time.Second, ReadOnly: readOnly,
	}
}

// place is the Place of errors.
const place = "state"

// Open opens the store at an address, sqlite:FILE or postgres://, and makes or
// migrates its tables.
func Open(ctx context.Context, address string, o Options) (*Store, error) {
	s, err := open(ctx, address, o, false)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := s.db.Migrate(bounded, s.migrations()); err != nil {
		return nil, errors.Join(s.explain(ctx, err), s.Close())
	}
	return s, nil
}

// OpenToRead opens a store that is there already, and never writes. Its schema
// must be the one of this version.
func OpenToRead(ctx context.Context, address string, o Options) (*Store, error) {
	s, err := open(ctx, address, o, true)
	if err != nil {
		return nil, err
	}
	if err := s.db.Known(ctx, s.migrations()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func open(ctx context.Context, address string, o Options, readOnly bool) (*Store, error) {
	s := &Store{address: address, now: o.Now, holder: o.Holder, process: o.Process, dead: o.Dead, shared: o.Shared, readOnly: readOnly, page: pageSize}
	if s.dead == nil {
		s.dead = func(string) bool { return false }
	}
	var err error
	if s.db, err = database.Open(ctx, address, options(readOnly)); err != nil {
		return nil, err
	}
	s.d = postgres{}
	if path := s.db.Path(); path != "" {
		file, err := os.Stat(path)
		if err != nil {
			return nil, errors.Join(s.explain(ctx, err), s.Close())
		}
		s.d = sqliteFile{path, file}
	}
	return s, nil
}

// Close closes the database. Runs under way keep their leases until these go
// stale.
func (s *Store) Close() error { return s.db.Close() }

// write runs f in a transaction that is durable when write returns nil.
func (s *Store) write(ctx context.Context, f func(context.Context, *sql.Tx) error) error {
	if s.readOnly {
		return &rightful.Error{Kind: rightful.KindForbidden, Place: place, Message: s.db.Where() + " was opened for reading only"}
	}
	level, _ := s.db.Isolation()
	bounded, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := database.In(bounded, s.db.Write, &sql.TxOptions{Isolation: level}, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.d.durable(ctx, tx); err != nil {
			return err
		}
		return f(ctx, tx)
	})
	return s.explain(ctx, err)
}

// read runs f in a transaction that sees one moment.
func (s *Store) read(ctx context.Context, f func(context.Context, *sql.Tx) error) error {
	_, level := s.db.Isolation()
	return s.explain(ctx, database.In(ctx, s.db.Read, &sql.TxOptions{Isolation: level, ReadOnly: true}, f))
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
func (s *Store) explain(ctx context.Context, err error) error { return s.db.Explain(ctx, err) }

func (s *Store) unix() int64 { return s.now().Unix() }

func invalid(message, hint string) error {
	return &rightful.Error{Kind: rightful.KindInvalid, Place: place, Message: message, Hint: hint}
}
