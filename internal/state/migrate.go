package state

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"rightful"
)

// Migrations are run in the order of their names, which begin with the number of
// the schema that they lead to. They are never changed once released.
//
//go:embed migrations/*/*.sql
var migrations embed.FS

// step is one migration: the number that its name begins with, and what it does.
type step struct {
	number int
	text   string
}

// steps returns the migrations of an engine, in order. Numbers may be left out, and
// none comes twice.
func steps(d dialect) ([]step, error) {
	entries, err := fs.ReadDir(migrations, d.schema()) // sorted by name
	if err != nil {
		return nil, err
	}
	var all []step
	for _, e := range entries {
		digits, _, _ := strings.Cut(e.Name(), "_")
		number, err := strconv.Atoi(digits)
		if err != nil || len(digits) != 4 || len(all) > 0 && number <= all[len(all)-1].number {
			return nil, fmt.Errorf("state: migration %s does not begin with a number of four digits of its own", e.Name())
		}
		raw, err := migrations.ReadFile(path.Join(d.schema(), e.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, step{number, string(raw)})
	}
	return all, nil
}

// latest returns the number of the schema of this version.
func latest(all []step) int { return all[len(all)-1].number }

// migrate brings the tables to the schema of this version. Several processes may
// do so at once: the first does, the others find it done.
func (s *Store) migrate(ctx context.Context) error {
	all, err := steps(s.d)
	if err != nil {
		return err
	}
	// Most often there is nothing to do, and nothing to be locked for it.
	at, err := s.version(ctx)
	if err != nil || at == latest(all) {
		return err
	}
	if at > latest(all) {
		return s.newer(at, latest(all))
	}
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.d.lockSchema(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS rightful_schema (version bigint PRIMARY KEY, at bigint NOT NULL)`); err != nil {
			return err
		}
		at, err := s.versionIn(ctx, tx)
		if err != nil {
			return err
		}
		if at > latest(all) {
			return s.newer(at, latest(all))
		}
		for _, st := range all {
			if st.number <= at {
				continue
			}
			if _, err := tx.ExecContext(ctx, st.text); err != nil {
				return fmt.Errorf("migration %d: %w", st.number, err)
			}
			if _, err := s.exec(ctx, tx, `INSERT INTO rightful_schema (version, at) VALUES ($1, $2)`, st.number, s.unix()); err != nil {
				return err
			}
		}
		return nil
	})
}

// Schema returns the number of the schema that an opened store has.
func (s *Store) Schema() int {
	all, err := steps(s.d)
	if err != nil {
		return 0 // it would not have been opened
	}
	return latest(all)
}

// known refuses a schema that this version does not have.
func (s *Store) known(ctx context.Context) error {
	all, err := steps(s.d)
	if err != nil {
		return err
	}
	switch at, err := s.version(ctx); {
	case err != nil:
		return err
	case at > latest(all):
		return s.newer(at, latest(all))
	case at == 0:
		return &rightful.Error{
			Kind: rightful.KindNotFound, Place: "state", Message: s.d.place() + " holds nothing of rightful's: nothing was recorded there",
			Hint: "name the right place with --state, or as state in the config",
		}
	case at < latest(all):
		return &rightful.Error{
			Kind: rightful.KindUnsupported, Place: "state", Message: fmt.Sprintf("%s is of an older version (schema %d of %d)", s.d.place(), at, latest(all)),
			Hint: "a command that writes brings it up to date",
		}
	}
	return nil
}

func (s *Store) newer(at, ours int) error {
	return &rightful.Error{
		Kind: rightful.KindRefused, Place: "state", Message: fmt.Sprintf("%s is of a newer version (schema %d, and this one knows %d)", s.d.place(), at, ours),
		Hint: "use the version of rightful that wrote there last, or a later one",
	}
}

// version returns the number of the schema that is there, 0 for none.
func (s *Store) version(ctx context.Context) (int, error) {
	var at int
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var is bool
		if err := s.row(ctx, tx, s.d.hasTable(), "rightful_schema").Scan(&is); err != nil || !is {
			return err
		}
		var err error
		at, err = s.versionIn(ctx, tx)
		return err
	})
	return at, err
}

func (s *Store) versionIn(ctx context.Context, tx *sql.Tx) (int, error) {
	var at int
	err := s.row(ctx, tx, `SELECT COALESCE(MAX(version), 0) FROM rightful_schema`).Scan(&at)
	return at, err
}
