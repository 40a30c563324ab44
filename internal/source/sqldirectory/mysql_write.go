package sqldirectory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// strictly makes what a column cannot hold an error: else the server may write
// the part of it that fits.
const strictly = "SET sql_mode = CONCAT_WS(',', NULLIF(@@sql_mode, ''), 'STRICT_TRANS_TABLES'), innodb_lock_wait_timeout = %d"

func (m *mysqlServer) beginWrite(ctx context.Context, conn *sql.Conn, timeout time.Duration) (func(context.Context), error) {
	wait := max(1, int(timeout.Seconds()))
	return m.start(ctx, conn, timeout, fmt.Sprintf(strictly, wait), "START TRANSACTION READ WRITE")
}

// notCommitted: what a rule refuses and what loses a deadlock (on a cluster also
// at its end) is rolled back.
func (*mysqlServer) notCommitted(err error) bool {
	var answer *mysql.MySQLError
	if !errors.As(err, &answer) {
		return false
	}
	class := string(answer.SQLState[:2])
	return class == "23" || class == "40"
}

// keeps asks for the storage engine: MyISAM and its kin write at once, whatever
// the transaction does.
func (*mysqlServer) keeps(ctx context.Context, conn *sql.Conn, table []string) (string, error) {
	var schema any
	if len(table) > 1 {
		schema = table[len(table)-2]
	}
	var engine string
	err := conn.QueryRowContext(ctx, `SELECT e.engine FROM information_schema.tables t JOIN information_schema.engines e ON e.engine = t.engine
		WHERE t.table_schema = COALESCE(?, DATABASE()) AND t.table_name = ? AND COALESCE(e.transactions, 'NO') <> 'YES'`, schema, table[len(table)-1]).Scan(&engine)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", nil
	case err != nil:
		return "", err
	}
	return "the table " + strings.Join(table, ".") + " is kept by " + engine + ", which cannot roll back", nil
}

func (*mysqlServer) nullSafe() string { return "<=>" }
