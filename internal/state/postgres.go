package state

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

func dialPostgres(address string) (*sql.DB, dialect, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		// The parser's own words may repeat the address; they are dropped.
		return nil, nil, invalid("this is no PostgreSQL address",
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
	return stdlib.OpenDB(*config), postgres{config}, nil
}

func (p postgres) place() string {
	return "PostgreSQL at " + net.JoinHostPort(p.config.Host, strconv.Itoa(int(p.config.Port))) + "/" + p.config.Database
}

func (postgres) prepare(context.Context, *sql.DB) error { return nil }

func (postgres) query(statement string) string { return statement }

func (postgres) schema() string { return "migrations/postgres" }

// schemaLock is the number of the advisory lock of migrations: "rightful".
const schemaLock = 0x7269676874

func (postgres) lockSchema(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(schemaLock))
	return err
}

func (postgres) hasTable() string { return `SELECT to_regclass($1) IS NOT NULL` }

// The number is of an advisory lock: "findings".
func (postgres) lockFindings(alone bool) string {
	if alone {
		return `SELECT pg_advisory_xact_lock(7379550841967896435)`
	}
	return `SELECT pg_advisory_xact_lock_shared(7379550841967896435)`
}

func (postgres) lockHead() string {
	return `SELECT records, hash FROM rightful_journal_head FOR UPDATE`
}

// durable undoes a server's, a database's or a user's synchronous_commit = off,
// with which a commit may be forgotten. Other values are left alone: they all
// wait for the disk.
func (postgres) durable(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'`)
	return err
}

// isolation does not take the server's default: under a stricter one, two
// appends would fail instead of waiting for each other.
func (postgres) isolation() (write, read sql.IsolationLevel) {
	return sql.LevelReadCommitted, sql.LevelRepeatableRead
}

func (p postgres) fault(err error) (rightful.ErrorKind, string, string) {
	again := "run it again; if it stays, look at the database's log"
	var said *pgconn.PgError
	if !errors.As(err, &said) {
		return rightful.KindUnreachable, p.redact(err.Error()), "check that it runs, then go on"
	}
	switch {
	case said.Code == "28P01" || said.Code == "28000":
		return rightful.KindUnauthorized, p.redact(said.Message), "check user and password"
	case said.Code == "42501":
		return rightful.KindForbidden, p.redact(said.Message), "let this user create tables and functions there once, and then read and write them"
	case said.Code == "25006":
		return rightful.KindForbidden, "the database takes no writes", "name the primary, not a replica"
	case strings.HasPrefix(said.Code, "53"):
		return rightful.KindUnavailable, p.redact(said.Message), "make room, then go on"
	}
	return rightful.KindUnavailable, p.redact(said.Message), again
}

func (p postgres) redact(message string) string {
	if p.config.Password == "" {
		return message
	}
	return strings.ReplaceAll(message, p.config.Password, "***")
}
