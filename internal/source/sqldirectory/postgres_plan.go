package sqldirectory

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/jackc/pgx/v5"
)

// cannotWrite asks the server: what it answers is what it enforces.
func (postgres) cannotWrite(ctx context.Context, conn *sql.Conn) (how string, readOnly bool, err error) {
	var setting string
	err = conn.QueryRowContext(ctx, "SELECT current_setting('transaction_read_only')").Scan(&setting)
	return "inside a read the server says transaction_read_only = " + setting, setting == "on", err
}

func (postgres) clock() string { return "SELECT extract(epoch FROM clock_timestamp())::float8" }

// planNode is what matters of a node of a plan.
type planNode struct {
	Kind      string     `json:"Node Type"`
	Relation  string     `json:"Relation Name"`
	Schema    string     `json:"Schema"`
	Alias     string     `json:"Alias"`
	IndexCond string     `json:"Index Cond"`
	Plans     []planNode `json:"Plans"`
}

// wholes makes sequential scans cost so much that one is only planned where
// nothing else is possible: a planner that prefers one, because the table is
// small or the value in every row, says nothing about the indexes.
func (postgres) wholes(ctx context.Context, conn *sql.Conn, sent string, args []any) ([]whole, error) {
	if _, err := conn.ExecContext(ctx, "SET LOCAL enable_seqscan = off"); err != nil {
		return nil, err
	}
	var raw []byte
	if err := conn.QueryRowContext(ctx, "EXPLAIN (FORMAT JSON, VERBOSE) "+sent, args...).Scan(&raw); err != nil {
		return nil, err
	}
	var plans []struct{ Plan planNode }
	if err := json.Unmarshal(raw, &plans); err != nil {
		return nil, err
	}
	var found []whole
	var walk func(planNode)
	walk = func(n planNode) {
		switch n.Kind {
		case "Index Scan", "Index Only Scan", "Bitmap Index Scan":
			if n.IndexCond != "" {
				break
			}
			fallthrough
		case "Seq Scan":
			if n.Relation != "" {
				found = append(found, whole{n.Relation, pgx.Identifier{n.Schema, n.Relation}.Sanitize()})
			}
		}
		for _, below := range n.Plans {
			walk(below)
		}
	}
	for _, p := range plans {
		walk(p.Plan)
	}
	return found, nil
}

func (postgres) createIndex(table, column string, _ columnType, anyCase bool) string {
	if anyCase {
		column = "lower(" + column + ")"
	}
	return "CREATE INDEX CONCURRENTLY ON " + table + " (" + column + ")"
}
