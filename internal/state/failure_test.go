package state_test

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/journal"
	"rightful/internal/state"
	"rightful/internal/testserver"
)

// fails demands that a run says, of every record from now on, that it was not
// recorded, and that nothing was.
func fails(t *testing.T, r journal.Run, kind rightful.ErrorKind, because string) {
	t.Helper()
	step := stamp("step-2", "cus_2")
	step.Because = []string{strings.Repeat("x", 1<<20)} // too large for what is left
	for name, err := range map[string]error{
		"intend": r.Intend(context.Background(), intent(step, r)),
		"settle": r.Settle(context.Background(), done(step)),
		"finish": r.Finish(context.Background(), journal.RunEnd{}),
	} {
		if !errors.Is(err, journal.ErrNotRecorded) || rightful.KindOf(err) != kind || !strings.Contains(err.Error(), because) {
			t.Errorf("%s: kind %q, %v", name, rightful.KindOf(err), err)
		}
	}
}

func sqliteBench(t *testing.T) *bench {
	t.Helper()
	return &bench{T: t, engine: "sqlite", address: "sqlite:" + filepath.Join(t.TempDir(), "rightful.db"), clock: newClock()}
}

func TestAFullDiskStopsTheRun(t *testing.T) {
	t.Parallel()
	b := sqliteBench(t)
	s := b.open()
	r := b.begin(s, start("plan-a", 2))
	s.DB().SetMaxOpenConns(1)                    // the limit is the connection's
	b.mustBehind(s, `PRAGMA max_page_count = 1`) // it may not grow beyond what it has
	fails(t, r, rightful.KindUnavailable, "the disk is full")
	other := b.open()
	if got := b.entries(other, journal.Filter{}); len(got) != 1 {
		t.Errorf("recorded: %v", kinds(got))
	}
	b.mustBeWhole(other)
	// Where there is room again, the run goes on.
	b.clock.Add(journal.StaleAfter)
	again := start("plan-a", 2)
	again.Continue = r.ID()
	must(t, b.begin(other, again).Finish(t.Context(), journal.RunEnd{}))
}

func TestAReadOnlyFileStopsTheRun(t *testing.T) {
	t.Parallel()
	b := sqliteBench(t)
	s := b.open()
	r := b.begin(s, start("plan-a", 2))
	s.DB().SetMaxOpenConns(1)
	b.mustBehind(s, `PRAGMA query_only = 1`) // as root may write whatever the file's mode says
	fails(t, r, rightful.KindForbidden, "may not be written")
	reading, err := state.OpenToRead(t.Context(), b.address, b.options(""))
	must(t, err)
	defer reading.Close()
	if _, err := reading.Begin(t.Context(), start("plan-b", 1)); rightful.KindOf(err) != rightful.KindForbidden || !errors.Is(err, journal.ErrNotRecorded) {
		t.Errorf("got %v", err)
	}
	if err := b.behind(reading, `DELETE FROM rightful_runs`); err == nil {
		t.Error("a store that reads can write")
	}
	b.mustBeWhole(reading)
}

func TestALockedFileStopsTheRun(t *testing.T) {
	t.Parallel()
	b := sqliteBench(t)
	s, other := b.open(), b.open()
	r := b.begin(s, start("plan-a", 2))
	s.DB().SetMaxOpenConns(1)
	b.mustBehind(s, `PRAGMA busy_timeout = 1`)
	tx, err := other.DB().BeginTx(t.Context(), nil) // somebody who writes, and does not come to an end
	must(t, err)
	b.mustBeWhole(s) // reading goes on meanwhile
	fails(t, r, rightful.KindUnavailable, "locked")
	must(t, tx.Rollback())
	b.mustBeWhole(s)
}

func TestAClosedDatabaseStopsTheRun(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		r := b.begin(s, start("plan-a", 2))
		must(b, s.Close())
		want := rightful.KindUnavailable
		if b.engine == "postgres" {
			want = rightful.KindUnreachable
		}
		fails(b.T, r, want, "closed")
		b.mustBeWhole(b.open())
	})
}

func TestADatabaseThatGoesAwayStopsTheRun(t *testing.T) {
	t.Parallel()
	b := &bench{T: t, engine: "postgres", address: testserver.Postgres(t), clock: newClock()}
	s, other := b.open(), b.open()
	r := b.begin(s, start("plan-a", 2))
	name := scanOne[string](t, other.DB(), `SELECT current_database()`)
	b.mustBehind(other, `ALTER DATABASE `+name+` SET default_transaction_read_only = on`)
	// The connections of the run die under it; those that come take no writes.
	if _, err := other.DB().ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
		t.Fatal(err)
	}
	err := r.Intend(t.Context(), intent(stamp("step-1", "cus_1"), r))
	if !errors.Is(err, journal.ErrNotRecorded) {
		t.Errorf("got %v", err)
	}
	if err := r.Finish(t.Context(), journal.RunEnd{}); !errors.Is(err, journal.ErrNotRecorded) {
		t.Errorf("the run goes on: %v", err)
	}
	late := b.open() // opening what is there already writes nothing
	if _, err := late.Begin(t.Context(), start("plan-b", 1)); rightful.KindOf(err) != rightful.KindForbidden || !strings.Contains(err.Error(), "takes no writes") {
		t.Errorf("got %v", err)
	}
	b.mustBeWhole(late)
}

func scanOne[V any](t *testing.T, db *sql.DB, query string) V {
	t.Helper()
	var v V
	must(t, db.QueryRowContext(t.Context(), query).Scan(&v))
	return v
}

func TestACommitOutlivesACrashOfTheMachine(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		if b.engine == "sqlite" {
			if mode, sync := scanOne[string](b.T, s.DB(), `PRAGMA journal_mode`), scanOne[int](b.T, s.DB(), `PRAGMA synchronous`); mode != "wal" || sync != 2 {
				b.Errorf("journal mode %s, synchronous %d", mode, sync)
			}
			return
		}
		b.mustBehind(s, `ALTER DATABASE `+scanOne[string](b.T, s.DB(), `SELECT current_database()`)+` SET synchronous_commit = off`)
		late := b.open()
		if got := scanOne[string](b.T, late.DB(), `SHOW synchronous_commit`); got != "off" {
			b.Fatalf("synchronous_commit is %s", got)
		}
		must(b, late.Write(b.Context(), func(ctx context.Context, tx *sql.Tx) error {
			var got string
			if err := tx.QueryRowContext(ctx, `SHOW synchronous_commit`).Scan(&got); err != nil || got != "on" {
				b.Errorf("synchronous_commit is %s, %v", got, err)
			}
			return nil
		}))
	})
}

func TestAddressesThatAreNone(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	text := filepath.Join(folder, "text.db")
	must(t, os.WriteFile(text, []byte(strings.Repeat("this is no database. ", 100)), 0o600))
	for address, want := range map[string]string{
		"":                                     "no address that state can be kept at",
		"rightful.db":                          "no address that state can be kept at",
		"mysql://u:hunter2@h/db":               "no address that state can be kept at",
		"sqlite:":                              "names no file",
		"sqlite::memory:":                      "in memory would be lost",
		"sqlite:" + folder:                     "is a folder",
		"sqlite:" + folder + "/x.db?mode=rwc":  "has no parameters",
		"sqlite:" + folder + "/no/rightful.db": "cannot be made",
		"sqlite:" + text:                       "no SQLite file",
		"postgres://u:hunter2@h:port/db":       "no PostgreSQL address",
		"postgres://u:hunter2@127.0.0.1:1/db":  "PostgreSQL at 127.0.0.1:1/db",
	} {
		_, err := state.Open(t.Context(), address, state.Options{Now: atBegan})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", address, err)
		}
	}
	nowhere := "sqlite:" + filepath.Join(folder, "nothing.db")
	if _, err := state.OpenToRead(t.Context(), nowhere, state.Options{Now: atBegan}); rightful.KindOf(err) != rightful.KindNotFound {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, "nothing.db")); err == nil {
		t.Error("reading made a file")
	}
}

func TestTheFileIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	b := sqliteBench(t)
	b.whole(b.open(), "plan-a")
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(strings.TrimPrefix(b.address, "sqlite:") + suffix)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", info.Name(), info.Mode())
		}
	}
}

func TestAnOddPathIsAPath(t *testing.T) {
	t.Parallel()
	b := sqliteBench(t)
	b.address = "sqlite://" + filepath.Join(t.TempDir(), "a b%20c#d"+url.PathEscape("ü")+".db")
	b.whole(b.open(), "plan-a")
	if _, err := os.Stat(strings.TrimPrefix(b.address, "sqlite://")); err != nil {
		t.Error(err)
	}
}
