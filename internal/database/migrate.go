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
	Table string // keeps the number of the schema
	Lock  int64  // of PostgreSQL's advisory lock, so that one process at a time migrates

	// Make makes Table before the first migration; empty: the first one does.
	Make string
	// At is the time for a column "at" of Table, in Unix seconds; 0: it has none.
	At int64
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

// Latest returns the number of the schema of this version for an engine.
func (m Migrations) Latest(engine string) (int, error) {
	all, err := m.steps(engine)
	if err != nil {
		return 0, err
	}
	return all[len(all)-1].number, nil
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
	at, err := d.stands(ctx, m)
	if err == nil && at < latest {
		write, _ := d.Isolation()
		err = In(ctx, d.Write, &sql.TxOptions{Isolation: write}, func(ctx context.Context, tx *sql.Tx) error {
			if err := d.lockSchema(ctx, tx, m.Lock); err != nil {
				return err
			}
			if at, err = d.version(ctx, tx, m.Table); err != nil {
				return err
			}
			return m.run(ctx, tx, all, at)
		})
	}
	if err == nil && at > latest {
		err = d.newer(at, latest)
	}
	return d.Explain(ctx, err)
}

// run runs the migrations after the one that the tables are at.
func (m Migrations) run(ctx context.Context, tx *sql.Tx, all []step, at int) error {
	if m.Make != "" {
		if _, err := tx.ExecContext(ctx, m.Make); err != nil {
			return err
		}
	}
	for _, st := range all {
		if st.number <= at {
			continue
		}
		if _, err := tx.ExecContext(ctx, st.text); err != nil {
			return fmt.Errorf("migration %d: %w", st.number, err)
		}
		note := fmt.Sprintf(`INSERT INTO %s (version) VALUES (%d)`, m.Table, st.number)
		if m.At != 0 {
			note = fmt.Sprintf(`INSERT INTO %s (version, at) VALUES (%d, %d)`, m.Table, st.number, m.At)
		}
		if _, err := tx.ExecContext(ctx, note); err != nil {
			return err
		}
	}
	return nil
}

// Known refuses, for who only reads, tables that are not of the schema of this version:
// of kind not_found where there are none, unsupported where they are older, and refused
// where they are newer.
func (d *Database) Known(ctx context.Context, m Migrations) error {
	latest, err := m.Latest(d.Name())
	if err != nil {
		return err
	}
	at, err := d.stands(ctx, m)
	if err != nil {
		var recovered bool
		if recovered, err = d.recover(ctx, err); recovered {
			at, err = d.stands(ctx, m)
		}
	}
	switch {
	case err != nil:
		return d.Explain(ctx, err)
	case at > latest:
		return d.newer(at, latest)
	case at == 0:
		return &rightful.Error{
			Kind: rightful.KindNotFound, Place: d.o.Place, Message: d.Where() + " holds nothing of rightful's: nothing was recorded there",
			Hint: "name the right place " + d.o.Given,
		}
	case at < latest:
		return &rightful.Error{
			Kind: rightful.KindUnsupported, Place: d.o.Place, Message: fmt.Sprintf("%s is of an older version (schema %d of %d)", d.Where(), at, latest),
			Hint: "a command that writes brings it up to date",
		}
	}
	return nil
}

func (d *Database) newer(at, latest int) error {
	return &rightful.Error{
		Kind: rightful.KindRefused, Place: d.o.Place, Message: fmt.Sprintf("%s is of a newer version (schema %d, and this one knows %d)", d.Where(), at, latest),
		Hint: "use the version of rightful that wrote there last, or a later one",
	}
}

// stands returns the number of the schema that is there, 0 for none.
func (d *Database) stands(ctx context.Context, m Migrations) (at int, err error) {
	_, read := d.Isolation()
	err = In(ctx, d.Read, &sql.TxOptions{Isolation: read, ReadOnly: true}, func(ctx context.Context, tx *sql.Tx) (err error) {
		at, err = d.version(ctx, tx, m.Table)
		return err
	})
	return at, err
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
