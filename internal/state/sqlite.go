package state

import (
	"context"
	"database/sql"
	"os"
	"strings"

	"rightful"
)

// sqliteFile is what is the state's own on a SQLite file.
type sqliteFile struct {
	path string
	file os.FileInfo // what was there when it was opened
}

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

// durable has nothing to do: the connection's pragmas do it.
func (sqliteFile) durable(context.Context, *sql.Tx) error { return nil }

func (sqliteFile) lockFindings(bool) string { return "" }

func (sqliteFile) lockHead() string { return `SELECT records, hash FROM rightful_journal_head` }
