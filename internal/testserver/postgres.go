package testserver

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
)

// Postgres creates an empty PostgreSQL database for the test and returns its
// DSN. It is dropped, with whoever is still connected, when the test ends.
func Postgres(t testing.TB) string {
	t.Helper()
	admin := address(t, "RIGHTFUL_TEST_POSTGRES")
	dsn, err := url.Parse(admin)
	if err != nil {
		t.Fatal("RIGHTFUL_TEST_POSTGRES is not a URL") // its text holds a password
	}
	name := "test_" + strings.ToLower(rand.Text())
	adminExec(t, admin, "CREATE DATABASE "+name+" TEMPLATE template0")
	t.Cleanup(func() { adminExec(t, admin, "DROP DATABASE "+name+" WITH (FORCE)") })
	dsn.Path = "/" + name
	return dsn.String()
}

func adminExec(t testing.TB, admin, statement string) {
	t.Helper()
	// Not the test's own context: that one has ended when cleaning up.
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	db, err := sql.Open("pgx", admin)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
