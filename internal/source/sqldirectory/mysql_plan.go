package sqldirectory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// cannotWrite tries: these servers have no way to ask whether a transaction is
// read-only. What is tried would delete no row.
func (m *mysqlServer) cannotWrite(ctx context.Context, conn *sql.Conn) (how string, readOnly bool, err error) {
	var table string
	const any = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' LIMIT 1"
	switch err := conn.QueryRowContext(ctx, any).Scan(&table); {
	case errors.Is(err, sql.ErrNoRows):
		return "each is in START TRANSACTION READ ONLY (there is no table to try a write on)", true, nil
	case err != nil:
		return "", false, err
	}
	try := "DELETE FROM " + m.quote(table) + " WHERE 1 = 0"
	_, err = conn.ExecContext(ctx, try)
	var answer *mysql.MySQLError
	switch {
	case err == nil:
		return "the server took " + try, false, nil
	case !errors.As(err, &answer):
		return "", false, err
	}
	return "the server refused " + try + " (" + m.redact(answer.Message) + ")", true, nil
}

func (*mysqlServer) clock() string { return "SELECT UNIX_TIMESTAMP(NOW(6))" }

// wholes reads EXPLAIN: a table of type ALL is read as it lies there, one of type
// index in the order of an index, and both to the end.
func (m *mysqlServer) wholes(ctx context.Context, conn *sql.Conn, sent string, args []any) ([]whole, error) {
	rows, err := conn.QueryContext(ctx, "EXPLAIN FORMAT=TRADITIONAL "+sent, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var found []whole
	for rows.Next() {
		cells := make([]sql.NullString, len(names))
		into := make([]any, len(names))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		line := map[string]string{}
		for i, name := range names {
			line[strings.ToLower(name)] = cells[i].String
		}
		// <derived2> is the result of an inner query, which has lines of its
		// own.
		if table := line["table"]; (line["type"] == "ALL" || line["type"] == "index") && table != "" && table[0] != '<' {
			found = append(found, whole{alias: table})
		}
	}
	return found, rows.Err()
}

func (m *mysqlServer) createIndex(table, column string, typ columnType, anyCase bool) string {
	name := indexName(table, column)
	switch {
	case anyCase && m.mariaDB:
		return "" // it has no indexes on expressions
	case anyCase:
		column = "(lower(" + column + "))"
	case strings.HasSuffix(typ.name, "text") || strings.HasSuffix(typ.name, "blob"):
		column = fmt.Sprintf("%s(%d)", column, 191) // what fits into an index of any row format
	}
	return "CREATE INDEX " + name + " ON " + table + " (" + column + ")"
}
