package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"rightful"
)

type sqliteFile struct {
	path    string
	busyFor time.Duration
}

func (d *Database) openSQLite(rest string) error {
	o := d.o
	path, parameters, _ := strings.Cut(rest, "?")
	// sqlite:///abs/file.db is how many tools write an absolute path.
	path = strings.TrimPrefix(path, "//")
	switch {
	case path == "":
		return d.invalid("the address names no file", "write sqlite:path/to/"+o.Example)
	case parameters != "":
		return d.invalid("the address of a SQLite file has no parameters here", "leave out what follows the ?")
	case strings.HasPrefix(path, ":"):
		return d.invalid("what is in memory would be lost", "write sqlite:path/to/"+o.Example)
	}
	if err := d.prepareFile(path); err != nil {
		return err
	}
	open := func(with url.Values) (*sql.DB, error) {
		with.Set("_dqs", "0")
		with.Set("_busy_timeout", strconv.FormatInt(o.BusyFor.Milliseconds(), 10))
		name := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: with.Encode()}
		return sql.Open("sqlite", name.String())
	}
	d.Engine = sqliteFile{path, o.BusyFor}
	reading := url.Values{"_query_only": {"1"}}
	if o.ReadOnly {
		reading.Set("mode", "ro")
	}
	var err error
	if d.Read, err = open(reading); err != nil {
		return err
	}
	d.Read.SetMaxOpenConns(readers)
	d.Read.SetMaxIdleConns(readers)
	if o.ReadOnly {
		d.Write = d.Read
		return nil
	}
	if d.Write, err = open(url.Values{"_txlock": {"immediate"}, "_pragma": o.WritePragmas}); err != nil {
		return errors.Join(err, d.Read.Close())
	}
	d.Write.SetMaxOpenConns(1)
	return nil
}

// prepareFile makes the file if it may, for its owner's eyes: what rightful keeps
// names the customers of a business.
func (d *Database) prepareFile(path string) error {
	failed := func(kind rightful.ErrorKind, message, hint string, err error) error {
		return &rightful.Error{Kind: kind, Place: d.o.Place, Message: message, Hint: hint, Err: err}
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return d.invalid(path+" is a folder, not a file", "write the path of the file in it: sqlite:"+filepath.Join(path, d.o.Example))
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return failed(rightful.KindForbidden, path+" cannot be opened", "let the user that rightful runs as read the file and its folder", err)
	}
	if d.o.ReadOnly {
		return failed(rightful.KindNotFound, "there is no file "+path+": nothing was recorded there", "name the file "+d.o.Given, err)
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

// Name implements Engine.
func (sqliteFile) Name() string { return "sqlite" }

// Where implements Engine.
func (s sqliteFile) Where() string { return s.path }

// Path implements Engine.
func (s sqliteFile) Path() string { return s.path }

// Postgres implements Engine.
func (sqliteFile) Postgres() *pgx.ConnConfig { return nil }

// recover lets SQLite take back what a process that was killed in the middle of its
// commit has left. It can happen while the file is made, before it has its write-ahead
// log.
func (s sqliteFile) recover(ctx context.Context, err error) (bool, error) {
	var lite *sqlite.Error
	if !errors.As(err, &lite) || lite.Code() != sqlite3.SQLITE_READONLY_ROLLBACK && lite.Code() != sqlite3.SQLITE_READONLY_RECOVERY {
		return false, err
	}
	name := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(s.path)}).EscapedPath()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return false, err
	}
	var tables int
	err = errors.Join(db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&tables), db.Close())
	return err == nil, err
}

// prepare switches the file to the write-ahead log, with which others read while
// one writes. It lasts, but when several processes are the first to open the
// file, SQLite refuses all but one at once instead of letting them wait.
func (s sqliteFile) prepare(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, s.busyFor)
	defer cancel()
	for {
		var mode string
		err := db.QueryRowContext(ctx, `PRAGMA journal_mode = WAL`).Scan(&mode)
		var lite *sqlite.Error
		switch {
		case err == nil && mode != "wal":
			return &rightful.Error{
				Kind: rightful.KindInvalid, Place: s.path, Message: "it lies where SQLite cannot share it (its journal mode stays " + mode + ")",
				Hint: "keep it on a local disk, or on PostgreSQL",
			}
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

// Isolation implements Engine: a transaction of SQLite sees one moment.
func (sqliteFile) Isolation() (write, read sql.IsolationLevel) {
	return sql.LevelDefault, sql.LevelDefault
}

// lockSchema has nothing to do: a transaction that may write is the only one from
// its beginning.
func (sqliteFile) lockSchema(context.Context, *sql.Tx, int64) error { return nil }

func (sqliteFile) hasTable() string {
	return `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)`
}

// Fault implements Engine.
func (s sqliteFile) Fault(err error) (rightful.ErrorKind, string, string) {
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
		return rightful.KindUnavailable, fmt.Sprintf("another process has kept it locked for %.0f seconds", s.busyFor.Seconds()), "let that one end, then go on"
	case sqlite3.SQLITE_NOTADB:
		return rightful.KindInvalid, "this is no SQLite file", "name another file"
	case sqlite3.SQLITE_CORRUPT:
		return rightful.KindUnavailable, "the file is damaged: " + message, "ask SQLite what is left: PRAGMA integrity_check"
	case sqlite3.SQLITE_CANTOPEN:
		return rightful.KindForbidden, "it cannot be opened: " + message, "rightful needs to write the folder too, also for reading"
	}
	return rightful.KindUnavailable, message, "run it again; if it stays, look at the file"
}
