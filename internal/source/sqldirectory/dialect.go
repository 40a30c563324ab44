package sqldirectory

import (
	"context"
	"database/sql"
	"time"
)

// dialect is what differs between databases. A further database is a further
// implementation and a line in dial.
type dialect interface {
	// target names the database for messages: kind, host and name, never user
	// or password.
	target() string
	// redact returns the message without a password, should one be in it.
	redact(message string) string
	// version returns the server's name and version. It is asked once before
	// anything else, and learns which settings of the server change its SQL.
	version(ctx context.Context, conn *sql.Conn) (string, error)
	// lexing returns how this SQL is cut into words.
	lexing() lexRules
	// quote returns the name as an identifier.
	quote(name string) string
	// placeholder returns the n-th parameter, from 1.
	placeholder(n int) string
	// begin begins a read: a transaction that cannot write and, where the
	// server can watch it, ends each statement after the timeout. It returns
	// what makes the server give up a statement that nobody waits for any
	// more, nil when the driver does that. end is the statement that ends the
	// transaction.
	begin(ctx context.Context, conn *sql.Conn, timeout time.Duration) (abandon func(context.Context), err error)
	end() string
	// beginWrite is begin for a transaction that may write.
	beginWrite(ctx context.Context, conn *sql.Conn, timeout time.Duration) (abandon func(context.Context), err error)
	// notCommitted reports, of the error of a COMMIT, that nothing was committed
	// for sure.
	notCommitted(err error) bool
	// keeps says why writes into a table could not be rolled back; "" when they
	// can, or when there is no such table.
	keeps(ctx context.Context, conn *sql.Conn, table []string) (why string, err error)
	// nullSafe is the comparison for which NULL equals NULL.
	nullSafe() string
	// columnTypes returns the types of a query's result columns, in order.
	columnTypes(ctx context.Context, conn *sql.Conn, q *query, columns []*sql.ColumnType) ([]columnType, error)
	// value returns what the driver read from a column as what the rest of
	// the package knows: text is a string, and bytes are no text.
	value(value any, column *sql.ColumnType) any
	// parameterTypes returns the types that the statement gives to its
	// parameters, or nil when the database does not type them.
	parameterTypes(ctx context.Context, conn *sql.Conn, statement string) ([]columnType, error)
	// untyped returns what to bind, in the order to try, so that a parameter
	// without a type equals an id that the database has returned, which has
	// this canonical text.
	untyped(id any, text string) []any
	// mistakes reports whether the database would take this text, which is no
	// number, for one when a column of numbers is compared with it.
	mistakes(text string) bool
	// cannotWrite reports, inside a read, whether it can write, and how that
	// was found out.
	cannotWrite(ctx context.Context, conn *sql.Conn) (how string, readOnly bool, err error)
	// clock is the query for the server's time in Unix seconds; "" when there
	// is no server.
	clock() string
	// wholes returns the tables that a statement with these arguments would
	// read as a whole though that could be spared: no index serves.
	wholes(ctx context.Context, conn *sql.Conn, sent string, args []any) ([]whole, error)
	// createIndex is the statement that makes an index for lookups by a
	// column, or by its lower case; "" when the database has no such index.
	// Names are SQL already.
	createIndex(table, column string, typ columnType, anyCase bool) string
	// fault explains an answer of the database; false when err is none.
	fault(err error) (fault, bool)
}

// access is what connections are opened for.
type access int

const (
	forReading access = iota
	forWriting
)

// dial opens the database that the DSN names. It may connect lazily.
func dial(dsn string, connectTimeout time.Duration, to access) (*sql.DB, dialect, error) {
	scheme, rest := splitDSN(dsn)
	switch scheme {
	case "postgres", "postgresql":
		return dialPostgres(dsn, connectTimeout)
	case "sqlite":
		return dialSQLite(rest, to)
	case "mysql", "mariadb":
		return dialMySQL(dsn, connectTimeout, to)
	}
	const hint = "write postgres://user@host/database, mysql://user@host/database, or sqlite:path/to/file.db"
	switch scheme {
	case "":
		if dsn == "" {
			return nil, nil, invalid(placeDSN, "there is no address", hint)
		}
		return nil, nil, invalid(placeDSN, "the address has no scheme", hint)
	}
	return nil, nil, invalid(placeDSN, "there is no database scheme "+quoted(scheme)+
		"; it reads postgres:, postgresql:, mysql:, mariadb: and sqlite:", hint)
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
