package testserver

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// MariaDB creates an empty MariaDB database for the test and returns its DSN,
// mysql://user:password@host:port/name. It is dropped, and whoever is still
// connected is cut off, when the test ends.
func MariaDB(t testing.TB) string {
	t.Helper()
	admin := address(t, "RIGHTFUL_TEST_MARIADB")
	dsn, err := url.Parse(admin)
	if err != nil {
		t.Fatal("RIGHTFUL_TEST_MARIADB is not a URL") // its text holds a password
	}
	name := "test_" + strings.ToLower(rand.Text())
	onMariaDB(t, admin, func(ctx context.Context, db *sql.DB) error {
		_, err := db.ExecContext(ctx, "CREATE DATABASE "+name)
		return err
	})
	t.Cleanup(func() {
		onMariaDB(t, admin, func(ctx context.Context, db *sql.DB) error {
			// An open transaction would make the drop wait. Connections
			// that end by themselves meanwhile are no error.
			if _, err := db.ExecContext(ctx, `BEGIN NOT ATOMIC
				DECLARE CONTINUE HANDLER FOR 1094 BEGIN END;
				FOR c IN (SELECT id FROM information_schema.processlist WHERE db = '`+name+`') DO KILL c.id; END FOR;
			END`); err != nil {
				return err
			}
			_, err := db.ExecContext(ctx, "DROP DATABASE "+name)
			return err
		})
	})
	dsn.Path = "/" + name
	return dsn.String()
}

// OpenMariaDB opens a DSN of MariaDB for a test to fill: in UTC, and with the
// standard's quotes around names. It is closed when the test ends.
func OpenMariaDB(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	location, err := url.Parse(dsn)
	if err != nil {
		t.Fatal("the DSN is not a URL")
	}
	config := mysql.NewConfig()
	config.User = location.User.Username()
	config.Passwd, _ = location.User.Password()
	config.Net, config.Addr, config.DBName = "tcp", location.Host, strings.TrimPrefix(location.Path, "/")
	config.Timeout, config.Loc = within, time.UTC
	config.Params = map[string]string{"time_zone": "'+00:00'", "sql_mode": "CONCAT(@@sql_mode, ',ANSI_QUOTES,PIPES_AS_CONCAT')", "max_recursive_iterations": "1000000"}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	return db
}

func onMariaDB(t testing.TB, dsn string, do func(context.Context, *sql.DB) error) {
	t.Helper()
	// Not the test's own context: that one has ended when cleaning up.
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	db := OpenMariaDB(t, dsn)
	defer db.Close()
	if err := do(ctx, db); err != nil {
		t.Fatal(err)
	}
}
