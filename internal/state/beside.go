package state

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Serve says that this process serves on the state, until release is called or the
// process is gone, however it ends. beside reports that another one said so before:
// several may, but of a SQLite file only one can write at a time. On PostgreSQL nobody
// is looked for. An error means that nobody can tell; release is never nil.
func (s *Store) Serve(ctx context.Context) (beside bool, release func() error, err error) {
	release = func() error { return nil }
	path := s.db.Path()
	if path == "" {
		return false, release, nil
	}
	// A file of its own: a transaction that is open in the state all the time would keep
	// everybody from writing. The operating system ends it with the process.
	name := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path + ".serve.lock")}).EscapedPath(), RawQuery: "_busy_timeout=0"}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return false, release, err
	}
	conn, err := db.Conn(ctx)
	if err == nil {
		_, err = conn.ExecContext(ctx, `BEGIN EXCLUSIVE`)
	}
	if err == nil {
		return false, func() error {
			_, rolled := conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
			return errors.Join(rolled, conn.Close(), db.Close())
		}, nil
	}
	if conn != nil {
		_ = conn.Close() // there is no transaction
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) && lite.Code()&0xff == sqlite3.SQLITE_BUSY {
		return true, release, db.Close()
	}
	return false, release, errors.Join(err, db.Close())
}
