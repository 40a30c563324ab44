package sqldirectory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
)

// pipeline sends everything, from BEGIN to ROLLBACK, before it reads the first
// answer. Statements are not prepared by name: a pooler in between may give the next
// transaction another server connection, and the first question would take a second
// way. One transaction sees one moment.
func (p postgres) pipeline(ctx context.Context, conn *sql.Conn, d *Directory, all []asking) (rows [][][]any, at int, err error) {
	err = conn.Raw(func(driver any) error {
		pg, ok := driver.(*stdlib.Conn)
		if !ok {
			return errors.New("this is not a PostgreSQL connection")
		}
		line := pg.Conn().PgConn().StartPipeline(ctx)
		begin := []string{"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", fmt.Sprintf("SET LOCAL statement_timeout = %d", d.timeout.Milliseconds()+500)}
		for _, statement := range begin {
			line.SendQueryParams(statement, nil, nil, nil, nil)
		}
		for _, a := range all {
			values, formats := postgresParameters(a.args)
			line.SendQueryParams(a.statement.sent, values, nil, formats, resultFormats(a.columns))
			line.SendFlushRequest() // else nobody could tell which one takes so long
		}
		line.SendQueryParams(p.end(), nil, nil, nil, nil)
		err := line.Sync()
		for i := -len(begin); err == nil && i <= len(all); i++ {
			at = min(max(i, 0), len(all)-1)
			var found [][]any
			if found, err = nextRows(line, pg.Conn().TypeMap()); i >= 0 && i < len(all) {
				rows = append(rows, found)
			}
		}
		return errors.Join(err, line.Close())
	})
	return rows, at, err
}

// nextRows reads the answer to the next statement of a pipeline.
func nextRows(line *pgconn.Pipeline, types *pgtype.Map) ([][]any, error) {
	next, err := line.GetResults()
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
			if row[i], err = postgresValue(types, fields[i], raw); err != nil {
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
