package state_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/state"
)

// TestReadHalfMade reads a state whose process was killed in the middle of the
// commit that made it: SQLite would refuse it to whoever only reads.
func TestReadHalfMade(t *testing.T) {
	t.Parallel()
	whole, half := filepath.Join(t.TempDir(), "state.db"), filepath.Join(t.TempDir(), "state.db")
	db, err := sql.Open("sqlite", whole)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	// More than SQLite keeps in memory, so that pages are written before the commit.
	for _, statement := range []string{
		"CREATE TABLE other (id integer PRIMARY KEY, name text)",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) INSERT INTO other SELECT i, hex(zeroblob(100)) FROM n",
		"BEGIN IMMEDIATE",
		"UPDATE other SET name = 'half done' || name",
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
	_, err = state.OpenToRead(t.Context(), "sqlite:"+half, state.Options{Now: time.Now})
	if rightful.KindOf(err) != rightful.KindNotFound || !strings.Contains(err.Error(), "nothing was recorded there") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(half + "-journal"); err == nil {
		t.Error("the half of a transaction is still there")
	}
}
