package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // driver pgx
	_ "modernc.org/sqlite"             // driver sqlite
)

// table is one of the app's.
type table struct {
	columns string // their definitions
	names   []string
	indexes []string // columns
}

var tables = map[string]table{
	"companies": {
		"id BIGINT PRIMARY KEY, name TEXT, owner_user_id BIGINT, stripe_customer_id TEXT, deleted_at BIGINT, merged_into BIGINT",
		[]string{"id", "name", "owner_user_id", "stripe_customer_id", "deleted_at", "merged_into"},
		[]string{"stripe_customer_id", "owner_user_id"},
	},
	"users": {
		"id BIGINT PRIMARY KEY, email TEXT, email_verified BOOLEAN, is_active BOOLEAN, company_id BIGINT",
		[]string{"id", "email", "email_verified", "is_active", "company_id"},
		[]string{"email", "company_id"},
	},
	"memberships": {
		"user_id BIGINT, company_id BIGINT, role TEXT, joined_at BIGINT, left_at BIGINT",
		[]string{"user_id", "company_id", "role", "joined_at", "left_at"},
		[]string{"user_id", "company_id"},
	},
	"subscriptions": {
		"id BIGINT PRIMARY KEY, company_id BIGINT, stripe_customer_id TEXT, stripe_subscription_id TEXT, status TEXT",
		[]string{"id", "company_id", "stripe_customer_id", "stripe_subscription_id", "status"},
		[]string{"company_id", "stripe_customer_id", "stripe_subscription_id"},
	},
}

// fill makes the app's database of the section db of a world, row by row, and remembers
// the ids of Stripe in it.
func (s *stand) fill(ctx context.Context, world string) error {
	driver, address := "pgx", s.database
	if address == "" {
		driver, address = "sqlite", "file:"+filepath.Join(s.folder, "app.db")+"?_pragma=synchronous(off)&_pragma=journal_mode(wal)"
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	f, err := os.Open(world)
	if err != nil {
		return err
	}
	defer f.Close()
	d := json.NewDecoder(f)
	for in := false; !in; { // the section db comes before Stripe's
		token, err := d.Token()
		if err != nil {
			return err
		}
		in = token == "db"
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		if err := s.fillTable(ctx, tx, fmt.Sprint(name), d); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// fillTable makes one table of the rows that come next.
func (s *stand) fillTable(ctx context.Context, tx *sql.Tx, name string, d *json.Decoder) error {
	t := tables[name]
	if _, err := tx.ExecContext(ctx, "CREATE TABLE "+name+" ("+t.columns+")"); err != nil {
		return err
	}
	marks := make([]string, len(t.names))
	for i := range marks {
		marks[i] = fmt.Sprintf("$%d", i+1)
	}
	insert, err := tx.PrepareContext(ctx, "INSERT INTO "+name+" ("+strings.Join(t.names, ", ")+") VALUES ("+strings.Join(marks, ", ")+")")
	if err != nil {
		return err
	}
	defer insert.Close()
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		var row map[string]any
		if err := d.Decode(&row); err != nil {
			return err
		}
		values := make([]any, len(t.names))
		for i, column := range t.names {
			values[i] = row[column]
			if at, is := row[column].(float64); is {
				values[i] = int64(at)
			}
		}
		if _, err := insert.ExecContext(ctx, values...); err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
		switch name {
		case "companies":
			if id, is := row["stripe_customer_id"].(string); is {
				s.customers = append(s.customers, id)
			}
		case "subscriptions":
			if id, is := row["stripe_subscription_id"].(string); is {
				s.subscribed = append(s.subscribed, id)
			}
		}
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	for _, column := range t.indexes {
		if _, err := tx.ExecContext(ctx, fmt.Sprintf("CREATE INDEX bench_%s_%s ON %s (%s)", name, column, name, column)); err != nil {
			return err
		}
	}
	return nil
}

// ownDatabase makes a database on a server, to be dropped at the end, and returns its
// address.
func (s *stand) ownDatabase(ctx context.Context, server string) (string, error) {
	at, err := url.Parse(server)
	if err != nil {
		return "", errors.New("the address of the database is no URL") // its text may hold a password
	}
	db, err := sql.Open("pgx", server)
	if err != nil {
		return "", errors.New("the address of the database cannot be read")
	}
	name := "rightful_bench_" + strings.ToLower(rand.Text())
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return "", errors.Join(err, db.Close())
	}
	s.ends = append(s.ends, func() {
		_, _ = db.ExecContext(context.WithoutCancel(ctx), "DROP DATABASE "+name+" WITH (FORCE)")
		_ = db.Close()
	})
	at.Path = "/" + name
	return at.String(), nil
}
