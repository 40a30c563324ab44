package sqldirectory

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/go-sql-driver/mysql"
)

// mysqlServer is a MySQL or a MariaDB: they are told apart where they differ.
type mysqlServer struct {
	config    *mysql.Config
	connector driver.Connector

	// Learnt from the server once, before the first query is looked at.
	learn     sync.Once
	noEscapes bool // a backslash in a text is a backslash
	mariaDB   bool

	// fruitless counts the blocks that were not taken, and whose statements were, one by
	// one: a proxy in between may not let blocks through.
	fruitless atomic.Int32
}

func (m *mysqlServer) target() string {
	address := m.config.Addr
	if m.config.Net == "unix" {
		address = "socket " + address
	}
	return fmt.Sprintf("MySQL at %s/%s", address, m.config.DBName)
}

func (m *mysqlServer) redact(message string) string {
	if m.config.Passwd == "" {
		return message
	}
	return strings.ReplaceAll(message, m.config.Passwd, "***")
}

func (m *mysqlServer) version(ctx context.Context, conn *sql.Conn) (string, error) {
	var number, modes string
	if err := conn.QueryRowContext(ctx, "SELECT VERSION(), @@sql_mode").Scan(&number, &modes); err != nil {
		return "", err
	}
	before, _, mariaDB := strings.Cut(number, "-MariaDB")
	m.learn.Do(func() { m.noEscapes, m.mariaDB = strings.Contains(modes, "NO_BACKSLASH_ESCAPES"), mariaDB })
	if mariaDB {
		return "MariaDB " + before, nil
	}
	return "MySQL " + number, nil
}

func (m *mysqlServer) lexing() lexRules {
	return lexRules{
		otherNames: true, noBrackets: true, hashComments: true, spacedDashes: true, backslashes: !m.noEscapes, intoWrites: true,
	}
}

func (*mysqlServer) quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func (*mysqlServer) placeholder(int) string { return "?" }

// settings are set before every read, not once for the connection: a proxy in
// between may have handed that to somebody else. TIMESTAMP columns are read in
// UTC, and "a" is a name as in other databases: taken for a text, a name in the
// wrong quotes would be the same company in every row. MySQL and MariaDB end a
// statement under different names, and each takes the other's for a comment.
// The server does it a moment after we do, in case our word does not get
// through.
const settings = "SET /*!50704 max_execution_time = %d, */ /*M!100101 max_statement_time = %.3f, */ time_zone = '+00:00', " +
	"sql_mode = CONCAT_WS(',', NULLIF(@@sql_mode, ''), 'ANSI_QUOTES')"

func (m *mysqlServer) begin(ctx context.Context, conn *sql.Conn, timeout time.Duration) (func(context.Context), error) {
	return m.start(ctx, conn, timeout, "START TRANSACTION READ ONLY")
}

func (m *mysqlServer) start(ctx context.Context, conn *sql.Conn, timeout time.Duration, statements ...string) (func(context.Context), error) {
	timeout += 500 * time.Millisecond
	var id uint64
	var host string
	for _, statement := range append([]string{fmt.Sprintf(settings, timeout.Milliseconds(), timeout.Seconds())}, statements...) {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return nil, err
		}
	}
	if err := conn.QueryRowContext(ctx, whoami).Scan(&id, &host); err != nil {
		return nil, err
	}
	return func(ctx context.Context) { m.kill(ctx, id, host) }, nil
}

const whoami = "SELECT CONNECTION_ID(), CONCAT(@@hostname, ':', @@port)"

// kill ends a connection that we have left in the middle of a statement: the
// server does not look whether anybody still listens. Behind a proxy the new
// connection may have come to another server, where the id is somebody else's.
// What fails here is left to the server's own deadline.
func (m *mysqlServer) kill(ctx context.Context, id uint64, host string) {
	db := sql.OpenDB(m.connector)
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return
	}
	defer conn.Close()
	var ours uint64
	var here string
	if err := conn.QueryRowContext(ctx, whoami).Scan(&ours, &here); err == nil && here == host {
		_, _ = conn.ExecContext(ctx, fmt.Sprintf("KILL %d", id))
	}
}

func (*mysqlServer) end() string { return "ROLLBACK" }

// mysqlTypes are the types that an id or an email can have, by the driver's
// name.
var mysqlTypes = map[string]columnType{
	"TINYINT":            {kind: kindInteger, max: math.MaxInt8},
	"SMALLINT":           {kind: kindInteger, max: math.MaxInt16},
	"MEDIUMINT":          {kind: kindInteger, max: 1<<23 - 1},
	"INT":                {kind: kindInteger, max: math.MaxInt32},
	"BIGINT":             {kind: kindInteger, max: math.MaxInt64},
	"UNSIGNED TINYINT":   {kind: kindInteger, max: math.MaxUint8},
	"UNSIGNED SMALLINT":  {kind: kindInteger, max: math.MaxUint16},
	"UNSIGNED MEDIUMINT": {kind: kindInteger, max: 1<<24 - 1},
	"UNSIGNED INT":       {kind: kindInteger, max: math.MaxUint32},
	"UNSIGNED BIGINT":    {kind: kindUnsigned},
	// Compared with a text, a decimal becomes a floating-point number, which
	// makes large ids alike.
	"DECIMAL":    {kind: kindNumeric, mark: "CAST(%s AS DECIMAL(65,30))"},
	"FLOAT":      {kind: kindNumeric},
	"DOUBLE":     {kind: kindNumeric},
	"CHAR":       {kind: kindText, padded: true},
	"VARCHAR":    {kind: kindText},
	"TINYTEXT":   {kind: kindText},
	"TEXT":       {kind: kindText},
	"MEDIUMTEXT": {kind: kindText},
	"LONGTEXT":   {kind: kindText},
	"ENUM":       {kind: kindText},
	"NULL":       {kind: kindText},
	"BINARY":     {kind: kindBytes, uuids: true},
	"VARBINARY":  {kind: kindBytes},
	"TINYBLOB":   {kind: kindBytes},
	"BLOB":       {kind: kindBytes},
	"MEDIUMBLOB": {kind: kindBytes},
	"LONGBLOB":   {kind: kindBytes},
}

// columnTypes asks for the collation of text columns, which the driver does not
// tell. A parameter has to be brought to it: one that the column's character set
// cannot hold (an emoji in utf8mb3) is an error otherwise, and one with a
// collation of its own may keep an index from being used.
func (m *mysqlServer) columnTypes(ctx context.Context, conn *sql.Conn, q *query, columns []*sql.ColumnType) ([]columnType, error) {
	types := make([]columnType, len(columns))
	var texts []int
	var asks []string
	for i, column := range columns {
		name := column.DatabaseTypeName()
		types[i] = mysqlTypes[name]
		types[i].name = strings.ToLower(name)
		if types[i].kind == kindText && name != "NULL" {
			// min() of no rows is NULL and has the column's collation.
			ref := "min(q." + m.quote(column.Name()) + ")"
			texts, asks = append(texts, i), append(asks, "charset("+ref+")", "collation("+ref+")")
		}
	}
	if len(texts) == 0 {
		return types, nil
	}
	answers := make([]string, len(asks))
	into := make([]any, len(asks))
	for i := range answers {
		into[i] = &answers[i]
	}
	ask := q.wrap(strings.Join(asks, ", "), "WHERE 1 = 0")
	if err := conn.QueryRowContext(ctx, ask.sent).Scan(into...); err != nil {
		return nil, err
	}
	for n, i := range texts {
		charset, collation := answers[2*n], answers[2*n+1]
		if charset == "binary" || !isName(charset) || !isName(collation) {
			continue
		}
		types[i].mark = "CONVERT(%s USING " + charset + ") COLLATE " + collation
		types[i].folds = strings.HasSuffix(collation, "_ci")
	}
	return types, nil
}

func isName(text string) bool {
	return text != "" && strings.IndexFunc(text, func(c rune) bool { return c > unicode.MaxASCII || !isNameByte(byte(c)) }) < 0
}

// value turns what the driver reads as bytes into text unless the column holds
// bytes, and the zero date, which is no date, into NULL.
func (*mysqlServer) value(value any, column *sql.ColumnType) any {
	switch v := value.(type) {
	case []byte:
		switch name := column.DatabaseTypeName(); {
		case name == "BIT", name == "GEOMETRY", name == "VECTOR", mysqlTypes[name].kind == kindBytes:
			return v
		}
		return string(v)
	case time.Time:
		if v.IsZero() {
			return nil
		}
	case float32:
		return float64(v)
	}
	return value
}

// parameterTypes returns nil: neither server says which type a parameter has.
func (*mysqlServer) parameterTypes(ctx context.Context, conn *sql.Conn, statement string) ([]columnType, error) {
	prepared, err := conn.PrepareContext(ctx, statement)
	if err != nil {
		return nil, err
	}
	return nil, prepared.Close()
}

// untyped binds text, also for numbers: a column of numbers compares a whole
// number in text as that number, but a column of texts that is compared with a
// number compares floating-point numbers, '7abc' = 7, and uses no index. Bytes
// are tried as they are, and then as the text that a query may convert itself:
// UNHEX(REPLACE(:user_id, '-', ”)).
func (*mysqlServer) untyped(id any, text string) []any {
	if raw, ok := id.([]byte); ok {
		return []any{raw, text}
	}
	return []any{text}
}

// mistakes: '7abc' is 7.
func (*mysqlServer) mistakes(text string) bool {
	return strings.IndexAny(strings.TrimSpace(text), "+-.0123456789") == 0
}
