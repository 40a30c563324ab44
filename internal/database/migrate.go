package database

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"rightful"
)

// Migrations bring tables to the schema of this version.
type Migrations struct {
	// Files has a folder for each engine, and in it files that begin with a number of
	// four digits. They are run in that order and never changed once released.
	Files fs.FS
	Table string // keeps the number of the schema; the first migration makes it
	Lock  int64  // of PostgreSQL's advisory lock, so that one process at a time migrates
}

// step is one migration: the number that its name begins with, and what it does.
type step struct {
	number int
	text   string
}

func (m Migrations) steps(engine string) ([]step, error) {
	folder := path.Join("migrations", engine)
	entries, err := fs.ReadDir(m.Files, folder) // sorted by name
	if err != nil {
		return nil, err
	}
	var all []step
	for _, e := range entries {
		digits, _, _ := strings.Cut(e.Name(), "_")
		number, err := strconv.Atoi(digits)
		if err != nil || len(digits) != 4 || len(all) > 0 && number <= all[len(all)-1].number {
			return nil, fmt.Errorf("database: migration %s does not begin with a number of four digits of its own", e.Name())
		}
		raw, err := fs.ReadFile(m.Files, path.Join(folder, e.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, step{number, string(raw)})
	}
	return all, nil
}

// Migrate brings the tables to the schema of this version. Several processes may
// do so at once: the first does, the others find it done. A newer schema is refused.
func (d *Database) Migrate(ctx context.Context, m Migrations) error {
	all, err := m.steps(d.Name())
	if err != nil {
		return err
	}
	latest := all[len(all)-1].number
	// Most often there is nothing to do, and nothing to be locked for it.
	var at int
	write, read := d.Isolation()
	err = In(ctx, d.Read, &sql.TxOptions{Isolation: read, ReadOnly: true}, func(ctx context.Context, tx *sql.Tx) (err error) {
		at, err = d.version(ctx, tx, m.Table)
		return err
	})
	if err == nil && at < latest {
		err = In(ctx, d.Write, &sql.TxOptions{Isolation: write}, func(ctx context.Context, tx *sql.Tx) error {
			if err := d.lockSchema(ctx, tx, m.Lock); err != nil {
				return err
			}
			if at, err = d.version(ctx, tx, m.Table); err != nil {
				return err
			}
			for _, st := range all {
				if st.number <= at {
					continue
				}
				if _, err := tx.ExecContext(ctx, st.text); err != nil {
					return fmt.Errorf("migration %d: %w", st.number, err)
				}
				if _, err := tx.ExecContext(ctx, fmt.Sprintf(`INSERT INTO %s (version) VALUES (%d)`, m.Table, st.number)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err == nil && at > latest {
		err = &rightful.Error{
			Kind: rightful.KindForbidden, Place: d.place, Message: fmt.Sprintf("%s is of a newer version (schema %d, and this one knows %d)", d.Where(), at, latest),
			Hint: "use the version of rightful that wrote there last, or a later one",
		}
	}
	return d.Explain(ctx, err)
}

// version returns the number of the schema that is there, 0 for none.
func (d *Database) version(ctx context.Context, tx *sql.Tx, table string) (at int, err error) {
	var is bool
	if err := tx.QueryRowContext(ctx, d.hasTable(), table).Scan(&is); err != nil || !is {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM `+table).Scan(&at)
	return at, err
}
