package sqldirectory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
)

// asksKey is the key of a context that says whether a connection is tried
// before it is used, which is a way of its own.
type asksKey struct{}

const (
	asksNever  = "never"
	asksAlways = "always"
)

// asksFirst reports whether a connection is tried before it is used: one that has
// rested, unless the context knows better. What is asked in one go does without, and
// is asked once more, on one that was tried, when the connection was dead.
func asksFirst(ctx context.Context, c stdlib.ShouldPingParams) bool {
	switch ctx.Value(asksKey{}) {
	case asksNever:
		return false
	case asksAlways:
		return true
	}
	return c.IdleDuration > time.Second
}

// lostError is what became of a connection that was dead.
type lostError struct{ error }

// Unwrap returns what the connection said.
func (e lostError) Unwrap() error { return e.error }

// pipeline sends everything, from BEGIN to ROLLBACK, before it reads the first
// answer. One transaction sees one moment.
func (p postgres) pipeline(ctx context.Context, conn *sql.Conn, d *Directory, all []asking) (rows [][][]any, at int, err error) {
	err = conn.Raw(func(driver any) error {
		pg, ok := driver.(*stdlib.Conn)
		if !ok {
			return errors.New("this is not a PostgreSQL connection")
		}
		on := pg.Conn().PgConn()
		l := &line{types: pg.Conn().TypeMap()}
		if p.config.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
			l.known = preparedOn(on)
		}
		rows, at, err = l.run(ctx, on, d.timeout, all)
		if l.outdated(err) {
			// A table has changed under what was prepared: once more, without.
			_, _ = on.Exec(ctx, p.end()).ReadAll()
			rows, at, err = l.run(ctx, on, d.timeout, all)
		}
		if err != nil && ctx.Err() == nil && on.IsClosed() {
			err = lostError{err}
		}
		return err
	})
	return rows, at, err
}

// prepared are the statements that a connection knows by name.
type prepared struct {
	names map[string]string // statement -> name
	count int               // names that were ever given
}

// preparedOn returns what a connection knows.
func preparedOn(conn *pgconn.PgConn) *prepared {
	const key = "rightful.prepared"
	known, ok := conn.CustomData()[key].(*prepared)
	if !ok {
		known = &prepared{names: map[string]string{}}
		conn.CustomData()[key] = known
	}
	return known
}

// line is one way to the server and back.
type line struct {
	*pgconn.Pipeline
	types *pgtype.Map
	// known is nil where the address says that statements are not to be kept: a
	// pooler in between may give the next transaction another server connection.
	known *prepared
}

// run asks everything. at is the statement that an error is about.
func (l *line) run(ctx context.Context, on *pgconn.PgConn, timeout time.Duration, all []asking) (rows [][][]any, at int, err error) {
	l.Pipeline = on.StartPipeline(ctx)
	begin := []string{"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", fmt.Sprintf("SET LOCAL statement_timeout = %d", timeout.Milliseconds()+500)}
	for _, statement := range begin {
		l.SendQueryParams(statement, nil, nil, nil, nil)
	}
	fresh := make([]bool, len(all)) // prepared on this way
	for i, a := range all {
		fresh[i] = l.send(a)
	}
	l.SendQueryParams(postgres{}.end(), nil, nil, nil, nil)
	err = l.Sync()
	for i := -len(begin); err == nil && i <= len(all); i++ {
		at = min(max(i, 0), len(all)-1)
		asked := i >= 0 && i < len(all)
		if asked && fresh[i] {
			if _, err = l.GetResults(); err != nil {
				break
			}
			fresh[i] = false
		}
		var found [][]any
		if found, err = l.next(); asked {
			rows = append(rows, found)
		}
	}
	for i, lost := range fresh {
		if lost {
			delete(l.known.names, all[i].statement.sent)
		}
	}
	return rows, at, errors.Join(err, l.Close())
}

// send sends a statement. It reports whether it is prepared on the same way.
func (l *line) send(a asking) (fresh bool) {
	values, formats := postgresParameters(a.args)
	results, sent := resultFormats(a.columns), a.statement.sent
	if l.known == nil {
		l.SendQueryParams(sent, values, nil, formats, results)
	} else {
		name, known := l.known.names[sent]
		if !known {
			l.known.count++
			name, fresh = "rightful_"+strconv.Itoa(l.known.count), true
			l.known.names[sent] = name
			l.SendPrepare(name, sent, nil)
		}
		l.SendQueryPrepared(name, values, formats, results)
	}
	l.SendFlushRequest() // else nobody could tell which one takes so long
	return fresh
}

// outdated reports whether an error is about what was prepared earlier and does not
// fit any more, which is then forgotten.
func (l *line) outdated(err error) bool {
	var said *pgconn.PgError
	if l.known == nil || !errors.As(err, &said) || said.Code != "0A000" && said.Code != "26000" {
		return false
	}
	clear(l.known.names)
	return true
}

// next reads the answer to the next statement.
func (l *line) next() ([][]any, error) {
	next, err := l.GetResults()
	if err != nil {
		return nil, err
	}
	reader, ok := next.(*pgconn.ResultReader)
	if !ok {
		return nil, fmt.Errorf("the server answered out of order (%T)", next)
	}
	fields := reader.FieldDescriptions()
	var rows [][]any
	for reader.NextRow() {
		row := make([]any, len(fields))
		for i, raw := range reader.Values() {
			if row[i], err = postgresValue(l.types, fields[i], raw); err != nil {
				_, _ = reader.Close() // the first error is the one to tell
				return nil, fmt.Errorf("column %s: %w", fields[i].Name, err)
			}
		}
		rows = append(rows, row)
	}
	_, err = reader.Close()
	return rows, err
}

// postgresParameters writes values as PostgreSQL reads them: bytes as they are, and
// everything else as text, which it takes for what the parameter is compared with.
func postgresParameters(args []any) (values [][]byte, formats []int16) {
	for _, arg := range args {
		format := int16(pgtype.TextFormatCode)
		var value []byte
		switch v := arg.(type) {
		case []byte:
			value, format = v, pgtype.BinaryFormatCode
		case int64:
			value = strconv.AppendInt(nil, v, 10)
		default:
			value = []byte(plainText(arg))
		}
		values, formats = append(values, value), append(formats, format)
	}
	return values, formats
}

// binaryTypes are those whose text depends on the server's settings, and numbers.
// They are what database/sql asks for in binary too.
var binaryTypes = []string{"bool", "bytea", "cid", "date", "float4", "float8", "int2", "int4", "int8", "oid", "timestamp", "timestamptz", "xid"}

// resultFormats says in which form the columns are wanted; all of them as text
// where they are not known.
func resultFormats(columns []resultColumn) []int16 {
	var formats []int16
	for _, c := range columns {
		format := int16(pgtype.TextFormatCode)
		if slices.Contains(binaryTypes, strings.ToLower(c.typ.name)) {
			format = pgtype.BinaryFormatCode
		}
		formats = append(formats, format)
	}
	return formats
}

// postgresValue returns what database/sql makes of a value.
func postgresValue(types *pgtype.Map, field pgconn.FieldDescription, raw []byte) (any, error) {
	if raw == nil {
		return nil, nil
	}
	switch field.DataTypeOID {
	case pgtype.BoolOID:
		return scanned[bool](types, field, raw)
	case pgtype.ByteaOID, pgtype.JSONOID, pgtype.JSONBOID, pgtype.XMLOID:
		return scanned[[]byte](types, field, raw)
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID:
		return scanned[int64](types, field, raw)
	case pgtype.Float4OID, pgtype.Float8OID:
		return scanned[float64](types, field, raw)
	case pgtype.CIDOID, pgtype.OIDOID, pgtype.XIDOID:
		n, err := scanned[uint32](types, field, raw)
		return int64(n), err
	case pgtype.DateOID:
		v, err := scanned[pgtype.Date](types, field, raw)
		return driverValue(v.Value, err)
	case pgtype.TimestampOID:
		v, err := scanned[pgtype.Timestamp](types, field, raw)
		return driverValue(v.Value, err)
	case pgtype.TimestamptzOID:
		v, err := scanned[pgtype.Timestamptz](types, field, raw)
		return driverValue(v.Value, err)
	}
	return scanned[string](types, field, raw)
}

func scanned[T any](types *pgtype.Map, field pgconn.FieldDescription, raw []byte) (v T, err error) {
	err = types.Scan(field.DataTypeOID, field.Format, raw, &v)
	return v, err
}

func driverValue[V any](value func() (V, error), err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return value()
}
