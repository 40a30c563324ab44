package sqldirectory

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"rightful"
)

// fault explains what the server said, by error number. MySQL and MariaDB share
// those of the time before they parted.
func (m *mysqlServer) fault(err error) (fault, bool) {
	if errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, driver.ErrBadConn) {
		return fault{
			kind: rightful.KindUnreachable, whole: true,
			message: "the connection was closed", hint: "is it running, and does it ask for TLS?",
		}, true
	}
	if errors.Is(err, mysql.ErrNoTLS) {
		return fault{
			kind: rightful.KindInvalid, whole: true, message: "the server does not speak TLS, and the address asks for it",
			hint: "write tls=false where the way to the server is safe",
		}, true
	}
	var answer *mysql.MySQLError
	if !errors.As(err, &answer) {
		return fault{}, false
	}
	f := fault{message: answer.Message}
	switch answer.Number {
	case 1045, 1698, 1130, 1251, 1862: // a wrong password, a host that is not let in, a way to sign in that is not known
		f.kind, f.hint, f.whole = rightful.KindUnauthorized, "check user and password, and from where the server lets the user in", true
	case 1044: // no right on the database, or no such database
		f.kind, f.hint, f.whole = rightful.KindForbidden, "check the name at the end of the address, and GRANT SELECT to its user", true
	case 1049:
		f.kind, f.hint, f.whole = rightful.KindInvalid, "check the name at the end of the address", true
	case 1142, 1143, 1227, 1345, 1370:
		f.kind, f.hint = rightful.KindForbidden, "GRANT SELECT to the user of directory.dsn"
	case 1792, 1290, 1836:
		f.kind, f.hint = rightful.KindInvalid, readOnlyHint
	case 1205, 1213: // a lock that is not given, a deadlock
		f.kind, f.hint = rightful.KindUnavailable, lockedHint
	case 1969, 3024, 1317: // MariaDB's deadline, MySQL's, KILL
		f.kind, f.hint = rightful.KindUnreachable, "the query may lack an index: run it by hand with EXPLAIN"
	case 1146:
		f.kind, f.hint = rightful.KindInvalid, missingTable+"; most servers tell capitals from small letters in it"
	case 1054:
		f.kind, f.hint = rightful.KindInvalid, missingName
	case 1060:
		f.kind = rightful.KindInvalid
		f.message, f.hint = "the query has two columns "+between(answer.Message, "'", "'"), "name the columns one by one, each once"
	case 1064:
		f.kind = rightful.KindInvalid
		f.near, f.line = syntaxAt(answer.Message)
	case 1356, 1449: // a view of what is gone, or of a definer who is
		f.kind, f.hint = rightful.KindInvalid, "SHOW CREATE VIEW tells what it needs and whose rights it has"
	case 1267, 1270, 1271: // collations that do not go together
		f.kind, f.hint = rightful.KindInvalid, "name the collation in the query: ... COLLATE utf8mb4_bin"
	case 1040, 1203, 1226: // too many connections, of all or of one user
		f.kind, f.whole, f.hint = rightful.KindUnavailable, true, fmt.Sprintf("leave room for %d connections, or run it again later", connections)
	default:
		switch string(answer.SQLState[:2]) {
		case "21", "22", "23", "42": // 23 is also an ambiguous name
			f.kind = rightful.KindInvalid
		default:
			// Shutting down, out of memory, ...
			f.kind, f.whole = rightful.KindUnavailable, true
		}
	}
	return f, true
}

// syntaxAt returns the text and the line at which a statement could not be
// read: "... syntax to use near 'FORM companies' at line 1".
func syntaxAt(message string) (near string, line int) {
	_, rest, found := strings.Cut(message, " near '")
	end := strings.LastIndex(rest, "' at line ")
	if !found || end < 0 {
		return "", 0
	}
	line, err := strconv.Atoi(rest[end+len("' at line "):])
	if err != nil {
		return "", 0
	}
	return strings.TrimLeft(rest[:end], " "), line
}

// between returns what stands between the first opening and the next closing.
func between(text, opening, closing string) string {
	_, rest, _ := strings.Cut(text, opening)
	inside, _, _ := strings.Cut(rest, closing)
	return inside
}
