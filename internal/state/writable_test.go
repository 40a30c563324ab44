package state_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/state"
)

// TestWritable: what can be read and not be written is said, and soon.
func TestWritable(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		must(b.T, s.Writable(b.Context()))
		if b.engine == "postgres" {
			b.mustBehind(s, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$`)
			s.DB().SetMaxIdleConns(0) // those that are open do not know of it
			if err := s.Writable(b.Context()); rightful.KindOf(err) != rightful.KindForbidden {
				b.Errorf("a replica: %v", err)
			}
			if _, err := s.InboxMark(b.Context(), "a"); err != nil {
				b.Errorf("it cannot be read: %v", err)
			}
			return
		}
		db, err := sql.Open("sqlite", strings.TrimPrefix(b.address, "sqlite:")+"?_txlock=immediate")
		must(b.T, err)
		defer db.Close()
		lock, err := db.BeginTx(b.Context(), nil)
		must(b.T, err)
		ctx, cancel := context.WithTimeout(b.Context(), 200*time.Millisecond)
		defer cancel()
		began := time.Now()
		if err := s.Writable(ctx); err == nil || time.Since(began) > 5*time.Second {
			b.Errorf("a locked file: %v after %v", err, time.Since(began))
		}
		must(b.T, lock.Rollback(), s.Writable(b.Context()))
	})
}

// TestAFileThatIsGoneIsNoticed: what is written to it still succeeds, and nobody will
// find it.
func TestAFileThatIsGoneIsNoticed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rightful.db")
	s, err := state.Open(t.Context(), "sqlite:"+path, state.Options{Now: time.Now})
	must(t, err)
	defer s.Close()
	must(t, s.Writable(t.Context()), os.Rename(path, path+".moved"))
	gone := func(when string) {
		t.Helper()
		if err := s.Writable(t.Context()); rightful.KindOf(err) != rightful.KindUnavailable || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "moved") {
			t.Errorf("%s: %v", when, err)
		}
	}
	gone("moved away")
	must(t, os.WriteFile(path, nil, 0o600))
	gone("another one in its place")
	must(t, os.Remove(path))
	gone("deleted")
	must(t, os.Rename(path+".moved", path), s.Writable(t.Context()))
}
