package sqldirectory

import (
	"context"
	"database/sql"
	"time"

	"rightful"
)

// dialect is what differs between databases. A further database is a further
// implementation and a line in dial.
type dialect interface {
	// target names the database for messages: kind, host and name, never user
	// or password.
	target() string
	// redact returns the message without a password, should one be in it.
	redact(message string) string
	// lexing returns how this SQL is cut into words.
	lexing() lexRules
	// quote returns the name as an identifier.
	quote(name string) string
	// placeholder returns the n-th parameter, from 1.
	placeholder(n int) string
	// begin and end are the statements around a read: a transaction that
	// cannot write and, where the server can watch it, ends each statement
	// after the timeout.
	begin(timeout time.Duration) string
	end() string
	// columnTypes returns the types of result columns, in order.
	columnTypes(ctx context.Context, conn *sql.Conn, columns []*sql.ColumnType) ([]columnType, error)
	// parameterTypes returns the types that the statement gives to its
	// parameters, or nil when the database does not type them.
	parameterTypes(ctx context.Context, conn *sql.Conn, statement string) ([]columnType, error)
	// fault explains an answer of the database; false when err is none.
	fault(err error) (fault, bool)
}

// dial opens the database that the DSN names. It may connect lazily.
func dial(dsn string, connectTimeout time.Duration) (*sql.DB, dialect, error) {
	scheme, rest := splitDSN(dsn)
	switch scheme {
	case "postgres", "postgresql":
		return dialPostgres(dsn, connectTimeout)
	case "sqlite":
		return dialSQLite(rest)
	}
	const hint = "write postgres://user@host/database, or sqlite:path/to/file.db"
	switch scheme {
	case "":
		if dsn == "" {
			return nil, nil, invalid(placeDSN, "there is no address", hint)
		}
		return nil, nil, invalid(placeDSN, "the address has no scheme", hint)
	case "mysql", "mariadb":
		return nil, nil, &rightful.Error{
			Kind: rightful.KindUnavailable, Place: placeDSN,
			Message: "this version does not read " + scheme + ": databases; it reads postgres:, postgresql: and sqlite:",
			Hint:    hint,
		}
	}
	return nil, nil, invalid(placeDSN, "there is no database scheme "+quoted(scheme)+
		"; this version reads postgres:, postgresql: and sqlite:", hint)
}

// splitDSN returns the scheme of a DSN in lower case, and what follows the
// colon. What does not look like a scheme is none: it may be a password.
func splitDSN(dsn string) (scheme, rest string) {
	for i := range len(dsn) {
		switch c := dsn[i]; {
		case c >= 'a' && c <= 'z':
			scheme += string(c)
		case c >= 'A' && c <= 'Z':
			scheme += string(c + 'a' - 'A')
		case c == ':' && i > 0 && i <= 12:
			return scheme, dsn[i+1:]
		default:
			return "", dsn
		}
	}
	return "", dsn
}
