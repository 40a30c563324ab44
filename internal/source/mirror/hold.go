package mirror

import (
	"context"
	"database/sql"
	"errors"
	"hash/fnv"
	"net/url"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"rightful"
)

// Hold makes this process the only one that fills the account, until release is called
// or the process is gone, however it ends. Reading needs no hold, and nothing checks it:
// two that fill side by side would do the same twice, and harm nothing. While
// another process holds the account the error is of kind refused.
func (a *Account) Hold(ctx context.Context) (release func() error, err error) {
	db, take := a.m.db.Write, a.holdPostgres
	if a.m.db.Name() == "sqlite" {
		if db, err = sql.Open("sqlite", a.lockFile()); err != nil {
			return nil, err
		}
		take = holdFile
	}
	conn, err := db.Conn(ctx)
	if err == nil {
		err = take(ctx, conn)
	}
	release = func() error {
		var errs []error
		if conn != nil {
			_, rolled := conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
			errs = append(errs, rolled, conn.Close())
		}
		if db != a.m.db.Write {
			errs = append(errs, db.Close())
		}
		return errors.Join(errs...)
	}
	if err != nil {
		_ = release() // there may be no transaction
		if busy(err) {
			err = a.held(err)
		}
		return nil, a.m.db.Explain(ctx, err)
	}
	return release, nil
}

func (a *Account) held(err error) error {
	return &rightful.Error{Kind: rightful.KindRefused, Place: "mirror", Err: err,
		Message: "another process is filling the mirror of " + a.account + " (" + modeName(a.livemode) + " mode)", Hint: "let it end, and run this again"}
}

// lockFile is beside the mirror's own file: a transaction that is open there all the
// time would keep others from writing. The operating system ends it with the process.
func (a *Account) lockFile() string {
	plain := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' {
			return c
		}
		return '-'
	}, a.account)
	path := filepath.ToSlash(a.m.db.Where() + "." + plain + "-" + modeName(a.livemode) + ".lock")
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: "_busy_timeout=0"}).String()
}

func holdFile(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, `BEGIN EXCLUSIVE`)
	return err
}

// holdPostgres takes a lock that lasts as long as a transaction. It is of no table, and
// the transaction reads nothing, so that it holds nobody else up.
func (a *Account) holdPostgres(ctx context.Context, conn *sql.Conn) error {
	name := fnv.New64a()
	_, _ = name.Write([]byte("rightful mirror " + a.account + " " + modeName(a.livemode)))
	if _, err := conn.ExecContext(ctx, `BEGIN`); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, `SET LOCAL idle_in_transaction_session_timeout = 0`); err != nil {
		return err
	}
	var taken bool
	if err := conn.QueryRowContext(ctx, `SELECT pg_try_advisory_xact_lock($1)`, int64(name.Sum64())).Scan(&taken); err != nil {
		return err
	}
	if !taken {
		return a.held(nil)
	}
	return nil
}

// busy reports that another process holds a lock of SQLite's.
func busy(err error) bool {
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff == sqlite3.SQLITE_BUSY
}

// Place names where the mirror is, without a password.
func (m *Mirror) Place() string { return m.db.Where() }
