package sqldirectory

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"rightful"
)

type sqliteFile struct {
	path string
	file os.FileInfo // what was there when it was opened
}

// stillThere notices a file that was moved, deleted or replaced while it is open. A
// connection goes on with the old one for ever, and reads companies and stamps as they
// were.
func (s sqliteFile) stillThere() error {
	now, err := os.Stat(s.path)
	if err == nil && os.SameFile(now, s.file) {
		return nil
	}
	return &rightful.Error{
		Kind: rightful.KindUnavailable, Place: placeDSN, Err: err,
		Message: s.path + " was moved, deleted or replaced while it is open: what is read here is not what the app writes any more",
		Hint:    "start this process again; to restore a backup, stop it first",
	}
}

// sqliteBusy is how long a read waits for a writer, in milliseconds.
const sqliteBusy = "10000"

func dialSQLite(rest string, to access) (*sql.DB, dialect, error) {
	path, parameters, _ := strings.Cut(rest, "?")
	// sqlite:///abs/app.db is how many tools write an absolute path.
	path = strings.TrimPrefix(path, "//")
	if path == "" {
		return nil, nil, invalid(placeDSN, "the address names no file", "write sqlite:path/to/file.db")
	}
	values, err := url.ParseQuery(parameters)
	if err != nil {
		return nil, nil, invalid(placeDSN, "what stands after the ? in the address cannot be read", "write sqlite:path/to/file.db")
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil, &rightful.Error{
			Kind: rightful.KindInvalid, Place: placeDSN, Err: err,
			Message: "there is no file " + path,
			Hint:    "a path that does not begin with / starts from the folder that rightful runs in",
		}
	case err != nil:
		return nil, nil, &rightful.Error{
			Kind: rightful.KindForbidden, Place: placeDSN, Err: err, Message: "the file " + path + " cannot be opened",
			Hint: "let the user that rightful runs as read the file and its folder",
		}
	case info.IsDir():
		return nil, nil, invalid(placeDSN, path+" is a folder, not a database file", "write the path of the file in it")
	}

	// Opened for reading only, and no statement may write, whatever else the
	// address asks for. Misspelt "names" are errors, not text.
	values.Set("mode", "ro")
	values.Set("_query_only", "1")
	values.Set("_dqs", "0")
	if to == forWriting {
		if immutable := values.Get("immutable"); immutable != "" && immutable != "0" {
			return nil, nil, invalid(placeDSN, "the address says immutable, and this is to be written", "name the app's own file, without immutable")
		}
		values.Set("mode", "rw")
		values.Set("_query_only", "0")
		values.Set("_foreign_keys", "1") // the app's own rules hold for us too
	}
	if !values.Has("_busy_timeout") && !values.Has("_timeout") {
		values.Set("_busy_timeout", sqliteBusy)
	}
	name := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: values.Encode()}
	db, err := sql.Open("sqlite", name.String())
	return db, sqliteFile{path, info}, err
}

// Recover takes back what a process left half done that was killed in the middle
// of a commit. SQLite does so when somebody opens the file who may write; a
// Directory may not, and could not be opened. Other databases do it by themselves,
// and nothing happens to them here. It is for who is about to write anyway.
func Recover(ctx context.Context, dsn string) error {
	scheme, rest := splitDSN(dsn)
	if scheme != "sqlite" {
		return nil
	}
	db, _, err := dialSQLite(rest, forWriting)
	if err != nil {
		return err
	}
	var tables int
	return errors.Join(db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables), db.Close())
}

func (s sqliteFile) target() string { return "SQLite file " + s.path }

func (sqliteFile) redact(message string) string { return message }

func (sqliteFile) version(ctx context.Context, conn *sql.Conn) (string, error) {
	var number string
	err := conn.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&number)
	return "SQLite " + number, err
}

func (sqliteFile) lexing() lexRules { return lexRules{otherNames: true} }

func (sqliteFile) quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func (sqliteFile) placeholder(n int) string { return "?" + strconv.Itoa(n) }

func (s sqliteFile) begin(ctx context.Context, conn *sql.Conn, _ time.Duration) (func(context.Context), error) {
	if err := s.stillThere(); err != nil {
		return nil, err
	}
	_, err := conn.ExecContext(ctx, "BEGIN")
	return nil, err
}

// beginWrite takes the lock at once: one that reads first and then wants to write
// is refused without waiting when somebody else has written in between.
func (s sqliteFile) beginWrite(ctx context.Context, conn *sql.Conn, _ time.Duration) (func(context.Context), error) {
	if err := s.stillThere(); err != nil {
		return nil, err
	}
	_, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE")
	return nil, err
}

// notCommitted: a COMMIT that SQLite itself refuses leaves the transaction open,
// or has rolled it back.
func (sqliteFile) notCommitted(err error) bool {
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff != sqlite3.SQLITE_INTERRUPT
}

func (sqliteFile) keeps(context.Context, *sql.Conn, []string) (string, error) { return "", nil }

func (sqliteFile) nullSafe() string { return "IS" }

func (sqliteFile) end() string { return "ROLLBACK" }

// columnTypes says little about a column on purpose: in SQLite the type belongs
// to each value, and a column's declared type only converts what can be
// converted. So numbers are sought as number and as text, and columns declared
// as neither as bytes too.
func (sqliteFile) columnTypes(_ context.Context, _ *sql.Conn, _ *query, columns []*sql.ColumnType) ([]columnType, error) {
	types := make([]columnType, len(columns))
	for i, column := range columns {
		name := column.DatabaseTypeName()
		types[i] = columnType{kind: kindLoose, name: strings.ToLower(name)}
		if name == "" || strings.Contains(name, "BLOB") || strings.Contains(name, "BINARY") {
			types[i].kind = kindBlob
		}
	}
	return types, nil
}

func (sqliteFile) value(value any, _ *sql.ColumnType) any { return value }

// untyped returns the value as it is: SQLite compares it by the rules of the
// column that stands beside it.
func (sqliteFile) untyped(id any, _ string) []any { return []any{id} }

func (sqliteFile) mistakes(string) bool { return false }

// parameterTypes returns nil: SQLite gives no type to a parameter.
func (sqliteFile) parameterTypes(ctx context.Context, conn *sql.Conn, statement string) ([]columnType, error) {
	prepared, err := conn.PrepareContext(ctx, statement)
	if err != nil {
		return nil, err
	}
	return nil, prepared.Close()
}

// fault explains what SQLite said, by result code.
func (s sqliteFile) fault(err error) (fault, bool) {
	var lite *sqlite.Error
	if !errors.As(err, &lite) {
		return fault{}, false
	}
	f := fault{kind: rightful.KindInvalid, message: sqliteMessage(lite)}
	switch lite.Code() & 0xff { // the rest of the bits is detail
	case sqlite3.SQLITE_ERROR: // told apart by its words only
		switch {
		case strings.HasPrefix(f.message, "no such table"):
			f.hint = missingTable
		case strings.HasPrefix(f.message, "no such column"):
			f.hint = missingName
		}
	case sqlite3.SQLITE_READONLY:
		f.hint = readOnlyHint
		if code := lite.Code(); code == sqlite3.SQLITE_READONLY_ROLLBACK || code == sqlite3.SQLITE_READONLY_RECOVERY {
			f.kind, f.whole = rightful.KindUnavailable, true
			f.message = "a process was killed in the middle of a commit, and what it left half done is taken back by the next one that may write"
			f.hint = "if it was a repair, go on with it (rightful journal names it); else open the file once with the app, or with sqlite3"
		}
	case sqlite3.SQLITE_NOTADB:
		f.whole, f.hint = true, "directory.dsn names the app's SQLite file itself: not a dump, and not an encrypted one"
	case sqlite3.SQLITE_CORRUPT:
		f.whole, f.hint = true, "ask SQLite: PRAGMA integrity_check"
	case sqlite3.SQLITE_CANTOPEN:
		if gone, is := errors.AsType[*rightful.Error](s.stillThere()); is {
			return fault{kind: gone.Kind, whole: true, message: gone.Message, hint: gone.Hint}, true
		}
		f.whole, f.hint = true, "a file in WAL mode needs write access to its folder, or ?immutable=1 for a copy that nobody writes"
	case sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		f.kind, f.whole, f.hint = rightful.KindForbidden, true, "let the user that rightful runs as read the file"
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_FULL:
		f.kind, f.whole = rightful.KindUnavailable, true
	case sqlite3.SQLITE_INTERRUPT:
		return fault{}, false // a deadline: told as one
	}
	return f, true
}

// sqliteMessage returns SQLite's own words without the code around them:
// "SQL logic error: no such column: emial (1)".
func sqliteMessage(err *sqlite.Error) string {
	message := strings.TrimPrefix(err.Error(), "SQL logic error: ")
	return strings.TrimSuffix(message, " ("+strconv.Itoa(err.Code())+")")
}
