package state_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"rightful"
	"rightful/internal/journal"
	"rightful/internal/state"
)

func TestManyMigrateAtOnce(t *testing.T) {
	onBoth(t, func(b *bench) {
		const processes = 8
		errs := make(chan error, processes)
		ready := make(chan struct{})
		for range processes {
			go func() {
				<-ready
				s, err := state.Open(b.Context(), b.address, b.options("someone"))
				if err == nil {
					err = s.Close()
				}
				errs <- err
			}()
		}
		close(ready)
		for range processes {
			if err := <-errs; err != nil {
				b.Error(err)
			}
		}
		s := b.open()
		rows, err := s.DB().QueryContext(b.Context(), `SELECT version FROM rightful_schema ORDER BY version`)
		if got := scanAll[int](b.T, rows, err); !slices.Equal(got, migrationNumbers(b.T)) {
			b.Errorf("migrations %v", got)
		}
		b.whole(s, "plan-a")
	})
}

func TestANewerSchemaIsRefused(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		b.mustBehind(s, `INSERT INTO rightful_schema (version, at) VALUES (99, 0)`)
		if _, err := state.Open(b.Context(), b.address, b.options("")); rightful.KindOf(err) != rightful.KindRefused {
			b.Errorf("got %v", err)
		}
		if _, err := state.OpenToRead(b.Context(), b.address, b.options("")); rightful.KindOf(err) != rightful.KindRefused {
			b.Errorf("got %v", err)
		}
	})
}

func TestReadingMakesNoTables(t *testing.T) {
	onBoth(t, func(b *bench) {
		if b.engine == "sqlite" {
			must(b, os.WriteFile(b.address[len("sqlite:"):], nil, 0o600))
		}
		if _, err := state.OpenToRead(b.Context(), b.address, b.options("")); rightful.KindOf(err) != rightful.KindNotFound {
			b.Errorf("got %v", err)
		}
		b.open()
		reading, err := state.OpenToRead(b.Context(), b.address, b.options(""))
		must(b, err)
		defer reading.Close()
		if runs, err := reading.Runs(b.Context(), journal.Filter{}); err != nil || len(runs) != 0 {
			b.Errorf("got %v, %v", runs, err)
		}
		b.mustBeWhole(reading)
	})
}

// TestBothEnginesHaveTheSameMigrations keeps a migration from being forgotten on
// one of them.
func TestBothEnginesHaveTheSameMigrations(t *testing.T) {
	t.Parallel()
	names := map[string][]string{}
	for _, engine := range []string{"sqlite", "postgres"} {
		files, err := fs.Glob(os.DirFS("migrations"), engine+"/*.sql")
		must(t, err)
		for _, f := range files {
			names[engine] = append(names[engine], filepath.Base(f))
		}
	}
	if len(names["sqlite"]) == 0 || !slices.Equal(names["sqlite"], names["postgres"]) {
		t.Errorf("got %v", names)
	}
}

// migrationNumbers are the numbers that the migrations' names begin with.
func migrationNumbers(t *testing.T) []int {
	t.Helper()
	files, err := fs.Glob(os.DirFS("migrations"), "sqlite/*.sql")
	must(t, err)
	var numbers []int
	for _, f := range files {
		n, err := strconv.Atoi(filepath.Base(f)[:4])
		must(t, err)
		numbers = append(numbers, n)
	}
	return numbers
}
