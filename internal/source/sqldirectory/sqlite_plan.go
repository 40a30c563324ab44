package sqldirectory

import (
	"context"
	"database/sql"
	"slices"
	"strings"
)

// cannotWrite asks the library: the file is opened for reading, and the
// connection refuses to write.
func (sqliteFile) cannotWrite(ctx context.Context, conn *sql.Conn) (how string, readOnly bool, err error) {
	var setting string
	err = conn.QueryRowContext(ctx, "PRAGMA query_only").Scan(&setting)
	return "the file is opened with mode=ro, and the connection says query_only = " + setting, setting == "1", err
}

// clock is empty: a file has none.
func (sqliteFile) clock() string { return "" }

// wholes reads EXPLAIN QUERY PLAN, whose lines say SCAN table or SEARCH table
// USING INDEX. An automatic index is one that is made for the query and thrown
// away, of all rows.
func (sqliteFile) wholes(ctx context.Context, conn *sql.Conn, sent string, args []any) ([]whole, error) {
	rows, err := conn.QueryContext(ctx, "EXPLAIN QUERY PLAN "+sent, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []whole
	made := map[string]bool{} // results of inner queries, which the plan scans like tables
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			return nil, err
		}
		words := strings.Fields(strings.Replace(detail, " TABLE ", " ", 1))
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "CO-ROUTINE", "MATERIALIZE":
			made[words[1]] = true
		case "SCAN", "SEARCH":
			if words[0] == "SCAN" && words[1] != "CONSTANT" || strings.Contains(detail, " AUTOMATIC ") {
				found = append(found, whole{alias: words[1]})
			}
		}
	}
	return slices.DeleteFunc(found, func(w whole) bool { return made[w.alias] }), rows.Err()
}

func (sqliteFile) createIndex(table, column string, _ columnType, anyCase bool) string {
	name := indexName(table, column)
	if anyCase {
		column = "lower(" + column + ")"
	}
	return "CREATE INDEX " + name + " ON " + table + " (" + column + ")"
}
