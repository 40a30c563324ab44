package demo

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"

	_ "modernc.org/sqlite" // the app's database driver
)

// Revisions of the demo's deployed app.
const (
	newRevision = "2025-08-13.fix-company"
	oldRevision = "2025-08-01.initial"
)

const schema = `
CREATE TABLE company (id INTEGER PRIMARY KEY, name TEXT, owner_id INTEGER, stripe_customer_id TEXT, deleted_at INTEGER);
CREATE TABLE account_user (id INTEGER PRIMARY KEY, email TEXT UNIQUE, email_verified INTEGER, is_active INTEGER,
	company_id INTEGER, legacy_company_id INTEGER);
CREATE TABLE membership (user_id INTEGER, company_id INTEGER, role TEXT, joined_at INTEGER, left_at INTEGER);
CREATE TABLE billing_subscription (id INTEGER PRIMARY KEY, company_id INTEGER, stripe_customer_id TEXT,
	stripe_subscription_id TEXT, status TEXT);
CREATE INDEX membership_user ON membership (user_id);
INSERT INTO company VALUES (11, 'Bela Consultoria', 7, NULL, NULL), (12, 'Norte Foods', 9, 'cus_S9norteFoods01', NULL);
INSERT INTO account_user VALUES (7, 'bela@example.com', 1, 1, 11, 4), (9, 'dora@example.com', 1, 1, 12, 12);
INSERT INTO membership VALUES (7, 11, 'owner', 1753000000, NULL), (9, 12, 'owner', 1753100000, NULL);
INSERT INTO billing_subscription VALUES (31, 12, 'cus_S9norteFoods01', 'sub_1RnorteActive1', 'active');
`

// createDatabase makes the app's database anew.
func createDatabase(ctx context.Context, path string, d database) (*sql.DB, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	err = fill(ctx, db, d)
	if err != nil {
		_ = db.Close() // the first error is the one to tell
		return nil, err
	}
	return db, nil
}

func fill(ctx context.Context, db *sql.DB, d database) error {
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "UPDATE account_user SET company_id = ? WHERE id = 7", d.belaCompany); err != nil {
		return err
	}
	if d.linked != "" {
		if _, err := db.ExecContext(ctx, "UPDATE company SET stripe_customer_id = ? WHERE id = 11", d.linked); err != nil {
			return err
		}
	}
	if d.reflected {
		_, err := db.ExecContext(ctx, "INSERT INTO billing_subscription VALUES (32, 11, ?, 'sub_1RbelaActive01', 'active')", belaCustomer)
		return err
	}
	return nil
}

// app is the deployed app: it answers which company a user has. The old
// revision still reads the column that the fix left behind.
type app struct {
	db  *sql.DB
	old bool
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}/company", a.company)
	mux.HandleFunc("GET /revision", func(w http.ResponseWriter, _ *http.Request) {
		revision := newRevision
		if a.old {
			revision = oldRevision
		}
		fmt.Fprintln(w, revision)
	})
	mux.ServeHTTP(w, r)
}

func (a *app) company(w http.ResponseWriter, r *http.Request) {
	query := "SELECT company_id FROM account_user WHERE id = ?"
	if a.old {
		query = "SELECT legacy_company_id FROM account_user WHERE id = ?"
	}
	var company sql.NullString
	err := a.db.QueryRowContext(r.Context(), query, r.PathValue("id")).Scan(&company)
	if err != nil {
		http.Error(w, "no such user", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"company": map[string]any{"id": company.String}})
}
