package sqldirectory_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/source/sqldirectory"
)

// halfCommitted returns a SQLite file as it is when a process was killed in the
// middle of a commit: some pages hold new values, and a journal beside it the old.
func halfCommitted(t *testing.T) string {
	t.Helper()
	whole, half := filepath.Join(t.TempDir(), "app.db"), filepath.Join(t.TempDir(), "app.db")
	db, err := sql.Open("sqlite", whole)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	// More than SQLite keeps in memory, so that pages are written before the commit.
	for _, statement := range []string{
		"CREATE TABLE companies (id integer PRIMARY KEY, name text)",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) INSERT INTO companies SELECT i, 'as it was ' || hex(zeroblob(100)) FROM n",
		"BEGIN IMMEDIATE",
		"UPDATE companies SET name = 'half done' || hex(zeroblob(100))",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	for _, suffix := range []string{"", "-journal"} {
		raw, err := os.ReadFile(whole + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(half+suffix, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return half
}

// TestRecover: a file that a process left half committed cannot be opened for
// reading, and can be once it was recovered.
func TestRecover(t *testing.T) {
	t.Parallel()
	path := halfCommitted(t)
	dsn, mapping := "sqlite:"+path, sqldirectory.Mapping{Companies: "SELECT id, name FROM companies"}
	_, err := sqldirectory.Open(t.Context(), dsn, mapping)
	if rightful.KindOf(err) != rightful.KindUnavailable || !strings.Contains(err.Error(), "killed in the middle of a commit") || !strings.Contains(err.Error(), path) {
		t.Errorf("before: %v", err)
	}
	if err := sqldirectory.Recover(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	d, err := sqldirectory.Open(t.Context(), dsn, mapping)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	for c, err := range d.Companies(t.Context(), rightful.Select{}) {
		if err != nil || !strings.HasPrefix(c.Name, "as it was") {
			t.Fatalf("company %s is %.20q, %v", c.ID, c.Name, err)
		}
	}
	if err := sqldirectory.Recover(t.Context(), "postgres://user@127.0.0.1:1/nothing"); err != nil {
		t.Errorf("another database: %v", err)
	}
	if err := sqldirectory.Recover(t.Context(), "sqlite:"+path+".not"); rightful.KindOf(err) != rightful.KindInvalid {
		t.Errorf("no file: %v", err)
	}
}
