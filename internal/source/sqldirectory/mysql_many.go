package sqldirectory

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// fruitlessMost is after how many blocks in vain none is sent any more.
const fruitlessMost = 3

// takesBlocks reports whether the server takes a block of statements as one: MariaDB
// does, outside of stored programs too (mariadb.com/kb/en/begin-end), and MySQL does not.
func (m *mysqlServer) takesBlocks() bool { return m.mariaDB && m.fruitless.Load() < fruitlessMost }

// block returns everything from the settings to ROLLBACK as one statement, and false when
// a parameter is of a type that it has no literal for. It needs no leave to send several
// statements at once, and whatever comes from outside of this file, statements and
// parameters, stands in it in hexadecimal: the server reads it as data, takes each for
// one statement, and binds the parameters as ever. The deadline is that of the whole
// block (mariadb.com/kb/en/set-statement), because it is not looked at within one.
func block(timeout time.Duration, all []asking) (string, bool) {
	var b strings.Builder
	timeout += 500 * time.Millisecond
	fmt.Fprintf(&b, "SET STATEMENT max_statement_time = %.3f FOR BEGIN NOT ATOMIC ", timeout.Seconds())
	fmt.Fprintf(&b, settings+"; START TRANSACTION READ ONLY; %s; ", timeout.Milliseconds(), timeout.Seconds(), whoami)
	for _, a := range all {
		fmt.Fprintf(&b, "EXECUTE IMMEDIATE %s", textLiteral(a.statement.sent))
		for i, arg := range a.args {
			literal, ok := mysqlLiteral(arg)
			if !ok {
				return "", false
			}
			b.WriteString([]string{" USING ", ", "}[min(i, 1)] + literal)
		}
		b.WriteString("; ")
	}
	b.WriteString("ROLLBACK; END")
	return b.String(), true
}

// textLiteral is a text without a single character of it.
func textLiteral(text string) string { return fmt.Sprintf("_utf8mb4 X'%x'", text) }

// mysqlLiteral returns a parameter as a literal of its type; false when there is none.
func mysqlLiteral(arg any) (string, bool) {
	switch v := arg.(type) {
	case int64:
		return strconv.FormatInt(v, 10), true
	case uint64:
		return strconv.FormatUint(v, 10), true
	case string:
		return textLiteral(v), utf8.ValidString(v)
	case []byte:
		return fmt.Sprintf("X'%x'", v), true
	}
	return "", false
}

// inBlock is together where the server takes a block.
func (d *Directory) inBlock(ctx context.Context, m *mysqlServer, all []asking) (rows [][][]any, err error) {
	text, ok := block(d.timeout, all)
	if !ok {
		return d.oneByOne(ctx, all)
	}
	at := 0
	err = d.connected(ctx, func() statement { return all[min(at, len(all)-1)].statement }, func(within context.Context, conn *sql.Conn) (abandon func(context.Context), err error) {
		if abandon, err = d.takeBlock(within, conn, m, text, func(found [][]any) { rows, at = append(rows, found), at+1 }); err != nil {
			d.end(ctx, conn)
		}
		return abandon, err
	})
	if err == nil {
		m.fruitless.Store(0)
	}
	return rows, err
}

// takeBlock sends a block and hands out the rows of each of its statements. abandon is
// known as soon as the server has begun.
func (d *Directory) takeBlock(ctx context.Context, conn *sql.Conn, m *mysqlServer, text string, take func([][]any)) (abandon func(context.Context), err error) {
	results, err := conn.QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer results.Close()
	var id uint64
	var host string
	for results.Next() {
		if err := results.Scan(&id, &host); err != nil {
			return nil, err
		}
	}
	abandon = func(ctx context.Context) { m.kill(ctx, id, host) }
	for results.NextResultSet() {
		found, err := d.rowsOf(results)
		if err != nil {
			return abandon, err
		}
		take(found)
	}
	return abandon, results.Err()
}
