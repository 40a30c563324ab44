package state

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
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

// sqliteFile is a SQLite file. FULL synchronises at each commit: with less, a
// machine that loses power forgets intents of writes that were made.
type sqliteFile struct {
	path string
	file os.FileInfo // what was there when it was opened
}

func dialSQLite(rest string, readOnly bool) (*sql.DB, dialect, error) {
	path, parameters, _ := strings.Cut(rest, "?")
	// sqlite:///abs/rightful.db is how many tools write an absolute path.
	path = strings.TrimPrefix(path, "//")
	switch {
	case path == "":
		return nil, nil, invalid("the address names no file", "write sqlite:path/to/rightful.db")
	case parameters != "":
		return nil, nil, invalid("the address of a state file has no parameters", "leave out what follows the ?")
	case strings.HasPrefix(path, ":"):
		return nil, nil, invalid("state in memory would be lost", "write sqlite:path/to/rightful.db")
	}
	if err := prepareFile(path, readOnly); err != nil {
		return nil, nil, err
	}
	values := url.Values{"_dqs": {"0"}, "_busy_timeout": {"10000"}, "_txlock": {"immediate"}}
	if readOnly {
		values.Set("mode", "ro")
		values.Set("_query_only", "1")
	} else {
		values.Set("_pragma", "synchronous(FULL)")
	}
	name := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: values.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, nil, err
	}
	file, err := os.Stat(path)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db, sqliteFile{path, file}, nil
}

// prepareFile makes the file if it may, for its owner's eyes: plans and journals
// name the customers of a business.
func prepareFile(path string, readOnly bool) error {
	failed := func(kind rightful.ErrorKind, message, hint string, err error) error {
		return &rightful.Error{Kind: kind, Place: "state", Message: message, Hint: hint, Err: err}
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return invalid(path+" is a folder, not a state file", "write the path of the file in it")
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return failed(rightful.KindForbidden, path+" cannot be opened", "let the user that rightful runs as read the file and its folder", err)
	case readOnly:
		return failed(rightful.KindNotFound, "there is no file "+path+": nothing was recorded there", "name the file with --state sqlite:FILE, or as state in the config", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return failed(rightful.KindForbidden, path+" cannot be made: "+cause(err), "name a file in a folder that can be written", err)
	}
	return f.Close()
}

// cause returns what a file system said, without the path.
func cause(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

func (s sqliteFile) place() string { return s.path }

// stillThere notices a file that was moved, deleted or replaced while it is open: what
// is written then goes where nobody who opens the path finds it.
func (s sqliteFile) stillThere() error {
	now, err := os.Stat(s.path)
	if err == nil && os.SameFile(now, s.file) {
		return nil
	}
	return &rightful.Error{
		Kind: rightful.KindUnavailable, Place: "state", Message: s.path + " was moved, deleted or replaced while it is open: what is recorded now is lost when this process ends",
		Hint: "move it back if it is still there, or start this process again; move it only while nothing runs", Err: err,
	}
}

func (sqliteFile) query(statement string) string { return strings.ReplaceAll(statement, "$", "?") }

func (sqliteFile) schema() string { return "migrations/sqlite" }

// switchWithin bounds how long the switch to the write-ahead log is tried.
const switchWithin = 10 * time.Second

// prepare switches the file to the write-ahead log, with which others read while
// one writes. It lasts, but when several processes are the first to open the
// file, SQLite refuses all but one at once instead of letting them wait.
func (s sqliteFile) prepare(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, switchWithin)
	defer cancel()
	for {
		var mode string
		err := db.QueryRowContext(ctx, `PRAGMA journal_mode = WAL`).Scan(&mode)
		var lite *sqlite.Error
		switch {
		case err == nil && mode != "wal":
			return invalid(s.path+" lies where SQLite cannot share it (its journal mode stays "+mode+")", "keep the state on a local disk, or on PostgreSQL")
		case !errors.As(err, &lite) || lite.Code()&0xff != sqlite3.SQLITE_BUSY:
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// halfDone reports whether SQLite found a transaction of a process that was killed
// in the middle of its commit, and was not opened to take that back.
func halfDone(err error) bool {
	var lite *sqlite.Error
	return errors.As(err, &lite) && (lite.Code() == sqlite3.SQLITE_READONLY_ROLLBACK || lite.Code() == sqlite3.SQLITE_READONLY_RECOVERY)
}

// recoverFile lets SQLite take back what a process of ours has left half done. It
// can happen while the file is made, before it has its write-ahead log.
func recoverFile(ctx context.Context, address string) error {
	db, _, err := dialSQLite(strings.TrimPrefix(address, "sqlite:"), false)
	if err != nil {
		return err
	}
	var tables int
	return errors.Join(db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&tables), db.Close())
}

// lockSchema has nothing to do: a transaction that may write is the only one from
// its beginning. durable neither: the connection's pragmas do it.
func (sqliteFile) lockSchema(context.Context, *sql.Tx) error { return nil }
func (sqliteFile) durable(context.Context, *sql.Tx) error    { return nil }

func (sqliteFile) hasTable() string {
	return `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1)`
}

func (sqliteFile) lockFindings(bool) string { return "" }

func (sqliteFile) lockHead() string { return `SELECT records, hash FROM rightful_journal_head` }

// isolation is the default: a transaction of SQLite sees one moment.
func (sqliteFile) isolation() (write, read sql.IsolationLevel) {
	return sql.LevelDefault, sql.LevelDefault
}

func (s sqliteFile) fault(err error) (rightful.ErrorKind, string, string) {
	var lite *sqlite.Error
	if !errors.As(err, &lite) {
		return rightful.KindUnavailable, err.Error(), "run it again"
	}
	message := strings.TrimSuffix(strings.TrimPrefix(lite.Error(), "SQL logic error: "), " ("+strconv.Itoa(lite.Code())+")")
	switch lite.Code() & 0xff { // the rest of the bits is detail
	case sqlite3.SQLITE_FULL:
		return rightful.KindUnavailable, "the disk is full, or the file may not grow", "make room, then go on"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return rightful.KindForbidden, "the file may not be written", "let the user that rightful runs as write the file and its folder"
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return rightful.KindUnavailable, "another process has kept it locked for 10 seconds", "let that one end, then go on"
	case sqlite3.SQLITE_NOTADB:
		return rightful.KindInvalid, "this is no SQLite file", "name another file"
	case sqlite3.SQLITE_CORRUPT:
		return rightful.KindUnavailable, "the file is damaged: " + message, "ask SQLite what is left: PRAGMA integrity_check"
	case sqlite3.SQLITE_CANTOPEN:
		return rightful.KindForbidden, "it cannot be opened: " + message, "rightful needs to write the folder too, also for reading"
	}
	return rightful.KindUnavailable, message, "run it again; if it stays, look at the file"
}
