package database

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"rightful"
)

type postgres struct{ config *pgx.ConnConfig }

// connectWithin bounds a connection's beginning.
const connectWithin = 10 * time.Second

func (d *Database) openPostgres(address string) error {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		// The parser's own words may repeat the address; they are dropped.
		return d.invalid("this is no PostgreSQL address",
			"write postgres://user:password@host:5432/database?sslmode=require, with special characters of the password as %XX")
	}
	if config.ConnectTimeout == 0 || config.ConnectTimeout > connectWithin {
		config.ConnectTimeout = connectWithin
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "rightful"
	}
	// A pooler in between may give each transaction another server connection,
	// which knows nothing of statements prepared before.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	d.Write = stdlib.OpenDB(*config)
	d.Write.SetMaxOpenConns(readers)
	d.Write.SetMaxIdleConns(readers)
	d.Read, d.Engine = d.Write, postgres{config}
	return nil
}

// Name implements Engine.
func (postgres) Name() string { return "postgres" }

// Where implements Engine.
func (p postgres) Where() string {
	return "PostgreSQL at " + net.JoinHostPort(p.config.Host, strconv.Itoa(int(p.config.Port))) + "/" + p.config.Database
}

// Path implements Engine.
func (postgres) Path() string { return "" }

// Postgres implements Engine.
func (p postgres) Postgres() *pgx.ConnConfig { return p.config.Copy() }

func (postgres) recover(_ context.Context, err error) (bool, error) { return false, err }

func (postgres) prepare(context.Context, *sql.DB) error { return nil }

// Isolation implements Engine.
func (postgres) Isolation() (write, read sql.IsolationLevel) {
	return sql.LevelReadCommitted, sql.LevelRepeatableRead
}

func (postgres) lockSchema(ctx context.Context, tx *sql.Tx, lock int64) error {
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, lock)
	return err
}

// hasTable looks into the catalogue itself: to_regclass may answer from memory that a
// table is not there, which another process made while this one waited for the lock.
func (postgres) hasTable() string {
	return `SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_tables
		WHERE schemaname || '.' || tablename = $1 OR tablename = $1 AND schemaname = ANY (current_schemas(false)))`
}

// Fault implements Engine.
func (p postgres) Fault(err error) (rightful.ErrorKind, string, string) {
	var said *pgconn.PgError
	if !errors.As(err, &said) {
		return rightful.KindUnreachable, p.redact(err.Error()), "check that it runs, then go on"
	}
	switch {
	case said.Code == "28P01" || said.Code == "28000":
		// Those who keep things here never return an unauthorized error: it would read
		// as one of Stripe's.
		return rightful.KindForbidden, p.redact(said.Message), "check user and password"
	case said.Code == "42501":
		return rightful.KindForbidden, p.redact(said.Message), "let this user create a schema there once, or create it for them, and let them read and write its tables"
	case said.Code == "25006":
		return rightful.KindForbidden, "the database takes no writes", "name the primary, not a replica"
	case strings.HasPrefix(said.Code, "53"):
		return rightful.KindUnavailable, p.redact(said.Message), "make room, then go on"
	}
	return rightful.KindUnavailable, p.redact(said.Message), "run it again; if it stays, look at the database's log"
}

func (p postgres) redact(message string) string {
	if p.config.Password == "" {
		return message
	}
	return strings.ReplaceAll(message, p.config.Password, "***")
}
