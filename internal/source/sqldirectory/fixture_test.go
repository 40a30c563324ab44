package sqldirectory_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"rightful"
	"rightful/internal/source/sourcetest"
	"rightful/internal/source/sqldirectory"
	"rightful/internal/testserver"
)

// engine is a database to run a test on.
type engine struct {
	name   string
	driver string
	// create makes an empty database and returns what database/sql and what
	// Open call it.
	create func(t *testing.T) (source, dsn string)
}

var engines = []engine{
	{"sqlite", "sqlite", func(t *testing.T) (string, string) {
		path := filepath.Join(t.TempDir(), "app.db")
		return path, "sqlite:" + path
	}},
	{"postgres", "pgx", func(t *testing.T) (string, string) {
		dsn := testserver.Postgres(t)
		return dsn, dsn
	}},
	{"mariadb", "mysql", func(t *testing.T) (string, string) {
		dsn := testserver.MariaDB(t)
		return dsn, dsn
	}},
}

// place is the n-th parameter of a statement.
func (e engine) place(n int) string {
	if e.driver == "mysql" {
		return "?"
	}
	return fmt.Sprintf("$%d", n)
}

// create makes a database with the given statements and returns its DSN.
func (e engine) with(t *testing.T, statements ...string) string {
	t.Helper()
	source, dsn := e.create(t)
	db := connect(t, e.driver, source)
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return dsn
}

func connect(t *testing.T, driver, source string) *sql.DB {
	t.Helper()
	if driver == "mysql" {
		return testserver.OpenMariaDB(t, source)
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// onEach runs the test on every engine.
func onEach(t *testing.T, test func(t *testing.T, e engine)) {
	t.Helper()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

// onServers is onEach without SQLite, which has no server.
func onServers(t *testing.T, test func(t *testing.T, e engine)) {
	t.Helper()
	for _, e := range engines[1:] {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

func open(t *testing.T, dsn string, m sqldirectory.Mapping, options ...sqldirectory.Option) *sqldirectory.Directory {
	t.Helper()
	d, err := sqldirectory.Open(t.Context(), dsn, m, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// seed stores the fixture in tables whose ids have the given type, and returns
// the mapping that reads them.
func (e engine) seed(t *testing.T, rows sourcetest.DirectoryRows, idType string) (string, sqldirectory.Mapping) {
	t.Helper()
	source, dsn := e.create(t)
	db := connect(t, e.driver, source)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	insert := func(table string, columns []string, count int, values func(i int) []any) {
		t.Helper()
		var types, marks []string
		for i, c := range columns {
			name, typ, _ := strings.Cut(c, " ")
			mark := e.place(i + 1)
			if typ == "id" {
				typ = idType
				if typ == "binary(16)" {
					mark = "UNHEX(REPLACE(" + mark + ", '-', ''))"
				}
			}
			columns[i] = name
			types = append(types, name+" "+typ)
			marks = append(marks, mark)
		}
		if _, err := tx.ExecContext(t.Context(), "CREATE TABLE "+table+" ("+strings.Join(types, ", ")+")"); err != nil {
			t.Fatal(err)
		}
		statement, err := tx.PrepareContext(t.Context(), "INSERT INTO "+table+" VALUES ("+strings.Join(marks, ", ")+")")
		if err != nil {
			t.Fatal(err)
		}
		defer statement.Close()
		for i := range count {
			if _, err := statement.ExecContext(t.Context(), values(i)...); err != nil {
				t.Fatalf("%s row %d: %v", table, i, err)
			}
		}
	}

	m := sqldirectory.Mapping{}
	companies := []string{"id id", "name text", "deleted_at bigint", "merged_into id", "billing_parent_id id", "stamp_value text",
		"owner_user_id id", "stripe_customer_id text", "stripe_account text"}
	insert("companies", companies, len(rows.Companies), func(i int) []any {
		c := rows.Companies[i]
		deleted := c.DeletedAt
		if c.Deleted && deleted == 0 {
			deleted = 1
		}
		return []any{null(c.ID), null(c.Name), zero(deleted), null(c.MergedInto), null(c.BillingParentID), null(c.StampValue),
			null(c.OwnerUserID), null(c.StripeCustomerID), null(c.StripeAccount)}
	})
	m.Companies = "SELECT id, name, deleted_at, merged_into, billing_parent_id, stamp_value, stripe_account" +
		also(rows.Owner, "owner_user_id") + also(rows.LinkColumn, "stripe_customer_id") + " FROM companies"
	if rows.Users != nil {
		users := []string{"id id", "email text", "email_verified boolean", "is_active boolean", "company_id id"}
		insert("users", users, len(rows.Users), func(i int) []any {
			u := rows.Users[i]
			return []any{null(u.ID), null(u.Email), u.EmailVerified, !u.Inactive, null(u.CompanyID)}
		})
		m.Users = "SELECT id, email, email_verified, is_active" + also(rows.Direct, "company_id") + " FROM users"
	}
	if rows.Memberships != nil {
		insert("memberships", []string{"user_id id", "company_id id", "role text", "joined_at bigint", "left_at bigint"},
			len(rows.Memberships), func(i int) []any {
				m := rows.Memberships[i]
				return []any{null(m.UserID), null(m.CompanyID), null(m.Role), zero(m.JoinedAt), zero(m.LeftAt)}
			})
		m.Memberships = "SELECT * FROM memberships"
	}
	if rows.Subscriptions != nil {
		insert("subscriptions", []string{"id id", "company_id id", "stripe_customer_id text", "stripe_subscription_id text", "status text", "stripe_account text"},
			len(rows.Subscriptions), func(i int) []any {
				s := rows.Subscriptions[i]
				return []any{null(s.ID), null(s.CompanyID), null(s.StripeCustomerID), null(s.StripeSubscriptionID), null(s.Status), null(s.StripeAccount)}
			})
		m.Subscriptions = "SELECT * FROM subscriptions"
	}
	if rows.Links != nil {
		insert("links", []string{"company_id id", "stripe_customer_id text", "stripe_account text"}, len(rows.Links), func(i int) []any {
			return []any{null(rows.Links[i].CompanyID), null(rows.Links[i].StripeCustomerID), null(rows.Links[i].StripeAccount)}
		})
		m.Links = "SELECT * FROM links"
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return dsn, m
}

func also(has bool, column string) string {
	if !has {
		return ""
	}
	return ", " + column
}

func null(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func zero(seconds int64) any {
	if seconds == 0 {
		return nil
	}
	return seconds
}

// companyIDs returns the ids that a selection of companies finds.
func companyIDs(t *testing.T, d rightful.DirectoryReader, sel rightful.Select) []string {
	t.Helper()
	var ids []string
	for c, err := range d.Companies(t.Context(), sel) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, c.ID)
	}
	return ids
}
