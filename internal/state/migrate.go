package state

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"rightful"
)

// Migrations are run in the order of their names, which begin with the number of
// the schema that they lead to. They are never changed once released.
//
//go:embed migrations/*/*.sql
var migrations embed.FS

// steps returns the migrations of an engine, in order.
func steps(d dialect) ([]string, error) {
	entries, err := fs.ReadDir(migrations, d.schema()) // sorted by name
	if err != nil {
		return nil, err
	}
	var texts []string
	for i, e := range entries {
		if want := fmt.Sprintf("%04d_", i+1); !strings.HasPrefix(e.Name(), want) {
			return nil, fmt.Errorf("state: migration %s does not begin with %s", e.Name(), want)
		}
		raw, err := migrations.ReadFile(path.Join(d.schema(), e.Name()))
		if err != nil {
			return nil, err
		}
		texts = append(texts, string(raw))
	}
	return texts, nil
}

// migrate brings the tables to the schema of this version. Several processes may
// do so at once: the first does, the others find it done.
func (s *Store) migrate(ctx context.Context) error {
	texts, err := steps(s.d)
	if err != nil {
		return err
	}
	// Most often there is nothing to do, and nothing to be locked for it.
	at, err := s.version(ctx)
	if err != nil || at == len(texts) {
		return err
	}
	if at > len(texts) {
		return s.newer(at, len(texts))
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
		if at > len(texts) {
			return s.newer(at, len(texts))
		}
		for i, text := range texts[at:] {
			if _, err := tx.ExecContext(ctx, text); err != nil {
				return fmt.Errorf("migration %d: %w", at+i+1, err)
			}
			if _, err := s.exec(ctx, tx, `INSERT INTO rightful_schema (version, at) VALUES ($1, $2)`, at+i+1, s.unix()); err != nil {
				return err
			}
		}
		return nil
	})
}

// known refuses a schema that this version does not have.
func (s *Store) known(ctx context.Context) error {
	texts, err := steps(s.d)
	if err != nil {
		return err
	}
	switch at, err := s.version(ctx); {
	case err != nil:
		return err
	case at > len(texts):
		return s.newer(at, len(texts))
	case at == 0:
		return &rightful.Error{
			Kind: rightful.KindNotFound, Place: "state", Message: s.d.place() + " holds nothing of rightful's: nothing was recorded there",
			Hint: "name the right place with --state, or as state in the config",
		}
	case at < len(texts):
		return &rightful.Error{
			Kind: rightful.KindUnsupported, Place: "state", Message: fmt.Sprintf("%s is of an older version (schema %d of %d)", s.d.place(), at, len(texts)),
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
