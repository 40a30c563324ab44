package sqldirectory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"rightful"
)

type postgres struct {
	config *pgx.ConnConfig
}

func dialPostgres(dsn string, connectTimeout time.Duration) (*sql.DB, dialect, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		// The parser's own words may repeat the DSN; they are dropped.
		return nil, nil, invalid(placeDSN, "this is no PostgreSQL address",
			"write postgres://user:password@host:5432/database?sslmode=require, with special characters of the password as %XX")
	}
	if config.ConnectTimeout == 0 || config.ConnectTimeout > connectTimeout {
		config.ConnectTimeout = connectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "rightful"
	}
	return stdlib.OpenDB(*config, stdlib.OptionShouldPing(asksFirst)), postgres{config}, nil
}

func (p postgres) target() string {
	host := net.JoinHostPort(p.config.Host, strconv.Itoa(int(p.config.Port)))
	return fmt.Sprintf("PostgreSQL at %s/%s", host, p.config.Database)
}

func (p postgres) redact(message string) string {
	if p.config.Password == "" {
		return message
	}
	return strings.ReplaceAll(message, p.config.Password, "***")
}

func (postgres) version(ctx context.Context, conn *sql.Conn) (string, error) {
	var number string
	err := conn.QueryRowContext(ctx, "SELECT current_setting('server_version')").Scan(&number)
	return "PostgreSQL " + number, err
}

func (postgres) lexing() lexRules {
	return lexRules{dollarQuotes: true, escapeStrings: true, nestedComments: true}
}

func (postgres) quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func (postgres) placeholder(n int) string { return "$" + strconv.Itoa(n) }

// begin sets the timeout inside the transaction, not on the connection: a
// pooler in between would hand that to somebody else. The server ends a
// statement a moment after we do, in case our word does not get through.
//
// When we stop waiting, the driver asks the server to cancel.
func (postgres) begin(ctx context.Context, conn *sql.Conn, timeout time.Duration) (func(context.Context), error) {
	_, err := conn.ExecContext(ctx, fmt.Sprintf("BEGIN READ ONLY; SET LOCAL statement_timeout = %d", timeout.Milliseconds()+500))
	return nil, err
}

// beginWrite says READ WRITE: the server or the user may default to the other.
func (postgres) beginWrite(ctx context.Context, conn *sql.Conn, timeout time.Duration) (func(context.Context), error) {
	_, err := conn.ExecContext(ctx, fmt.Sprintf("BEGIN READ WRITE; SET LOCAL statement_timeout = %d", timeout.Milliseconds()+500))
	return nil, err
}

// notCommitted: what a deferred rule refuses, and what cannot be put in order, is
// rolled back. A server that is going down may have committed before it said so.
func (postgres) notCommitted(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && len(pg.Code) == 5 && (pg.Code[:2] == "23" || pg.Code[:2] == "40")
}

func (postgres) keeps(context.Context, *sql.Conn, []string) (string, error) { return "", nil }

func (postgres) nullSafe() string { return "IS NOT DISTINCT FROM" }

func (postgres) end() string { return "ROLLBACK" }

// postgresTypes are the types that an id or an email can have. What has no name
// here is looked up in the catalog (an extension's citext).
var postgresTypes = map[string]columnType{
	"INT2":    {kind: kindInteger, max: math.MaxInt16},
	"INT4":    {kind: kindInteger, max: math.MaxInt32},
	"INT8":    {kind: kindInteger, max: math.MaxInt64},
	"OID":     {kind: kindInteger, max: math.MaxUint32},
	"NUMERIC": {kind: kindNumeric},
	"FLOAT4":  {kind: kindNumeric},
	"FLOAT8":  {kind: kindNumeric},
	"UUID":    {kind: kindUUID},
	"TEXT":    {kind: kindText},
	"VARCHAR": {kind: kindText},
	"NAME":    {kind: kindText},
	"UNKNOWN": {kind: kindText},
	"BPCHAR":  {kind: kindText, padded: true},
	"BYTEA":   {kind: kindBytes},
}

func (postgres) columnTypes(ctx context.Context, conn *sql.Conn, _ *query, columns []*sql.ColumnType) ([]columnType, error) {
	types := make([]columnType, len(columns))
	for i, column := range columns {
		var err error
		if types[i], err = postgresType(ctx, conn, column.DatabaseTypeName()); err != nil {
			return nil, err
		}
	}
	return types, nil
}

// postgresType returns the type with the driver's name for it, which is a
// number when the driver does not know it: a domain, or an extension's type.
func postgresType(ctx context.Context, conn *sql.Conn, name string) (columnType, error) {
	t, known := postgresTypes[name]
	t.name = strings.ToLower(name)
	if known {
		return t, nil
	}
	oid, err := strconv.ParseUint(name, 10, 32)
	if err != nil {
		return t, nil
	}
	var base, category string
	err = conn.QueryRowContext(ctx, `
		WITH RECURSIVE t AS (
			SELECT typname, typcategory, typbasetype FROM pg_type WHERE oid = $1
			UNION ALL
			SELECT p.typname, p.typcategory, p.typbasetype FROM pg_type p JOIN t ON p.oid = t.typbasetype
		)
		SELECT typname::text, typcategory::text FROM t WHERE typbasetype = 0`, int64(oid)).Scan(&base, &category)
	if err != nil {
		return t, err
	}
	t = postgresTypes[strings.ToUpper(base)]
	t.name = base
	t.folds = base == "citext"
	if t.kind == kindOther && category == "S" {
		t.kind = kindText
	}
	return t, nil
}

func (postgres) value(value any, _ *sql.ColumnType) any { return value }

// untyped has nothing to do: PostgreSQL gives every parameter a type.
func (postgres) untyped(id any, _ string) []any { return []any{id} }

func (postgres) mistakes(string) bool { return false }

func (postgres) parameterTypes(ctx context.Context, conn *sql.Conn, statement string) ([]columnType, error) {
	var names []string
	err := conn.Raw(func(driver any) error {
		pg, ok := driver.(*stdlib.Conn)
		if !ok {
			return errors.New("this is not a PostgreSQL connection")
		}
		description, err := pg.Conn().Prepare(ctx, "", statement)
		if err != nil {
			return err
		}
		for _, oid := range description.ParamOIDs {
			name := strconv.FormatUint(uint64(oid), 10)
			if t, ok := pg.Conn().TypeMap().TypeForOID(oid); ok {
				name = strings.ToUpper(t.Name)
			}
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	types := make([]columnType, len(names))
	for i, name := range names {
		if types[i], err = postgresType(ctx, conn, name); err != nil {
			return nil, err
		}
	}
	return types, nil
}

// fault explains what the server said, by SQLSTATE.
func (p postgres) fault(err error) (fault, bool) {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return fault{}, false
	}
	f := fault{message: pg.Message, position: int(pg.Position)}
	switch pg.Code {
	case "28P01", "28000":
		f.kind, f.hint, f.whole = rightful.KindUnauthorized, "check user and password, and what the server lets in (pg_hba.conf)", true
		return f, true
	case "3D000":
		f.kind, f.hint, f.whole = rightful.KindInvalid, "check the name at the end of the address", true
		return f, true
	case "42501":
		f.kind, f.hint = rightful.KindForbidden, "GRANT SELECT to the user of directory.dsn"
		if strings.Contains(pg.Message, " schema ") {
			f.hint = "GRANT USAGE ON SCHEMA, and SELECT on its tables, to the user of directory.dsn"
		}
		return f, true
	case "42P01", "3F000":
		f.kind, f.hint = rightful.KindInvalid, missingTable+`; outside the search_path write schema.table, and names with capitals in "double" quotes`
		return f, true
	case "42703":
		f.kind, f.hint = rightful.KindInvalid, pg.Hint
		if f.hint == "" {
			f.hint = missingName + ", and needed for names with capitals"
		}
		return f, true
	case "53300": // too_many_connections
		f.kind, f.whole, f.hint = rightful.KindUnavailable, true, fmt.Sprintf("leave room for %d connections, or run it again later", connections)
		return f, true
	case "25006":
		f.kind, f.hint = rightful.KindInvalid, readOnlyHint
		return f, true
	case "55P03": // lock_not_available
		f.kind, f.hint = rightful.KindUnavailable, lockedHint
		return f, true
	case "57014":
		f.kind = rightful.KindUnreachable
		f.hint = "the query may lack an index: run it by hand with EXPLAIN"
		return f, true
	case "0A000": // feature not supported, such as a write inside WITH
		f.kind, f.hint = rightful.KindInvalid, pg.Hint
		return f, true
	}
	switch pg.Code[:min(2, len(pg.Code))] {
	case "23": // a rule of the app's own: unique, foreign key, not null
		// The message names the rule. The detail would show the row.
		f.kind = rightful.KindInvalid
	case "40": // a deadlock, or transactions that cannot be put in order
		f.kind, f.hint = rightful.KindUnavailable, lockedHint
	case "08":
		f.kind, f.whole = rightful.KindUnreachable, true
	case "22", "42":
		f.kind, f.hint = rightful.KindInvalid, pg.Hint
	default:
		// Shutting down, out of memory, ...
		f.kind, f.whole = rightful.KindUnavailable, true
	}
	return f, true
}
