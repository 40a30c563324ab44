package sqldirectory_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/source/sqldirectory"
)

// firstError reads companies to the end and returns what went wrong.
func firstError(t *testing.T, d *sqldirectory.Directory, sel rightful.Select) error {
	t.Helper()
	for _, err := range d.Companies(t.Context(), sel) {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestReadsCannotWrite(t *testing.T) {
	t.Parallel()
	setup := []string{"CREATE TABLE companies (id integer)", "INSERT INTO companies VALUES (4)", "CREATE TABLE log (id integer)"}
	untouched := func(t *testing.T, e engine, dsn string) {
		t.Helper()
		var companies, log int
		db := connect(t, e.driver, strings.TrimPrefix(dsn, "sqlite:"))
		err := db.QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM companies), (SELECT count(*) FROM log)").Scan(&companies, &log)
		if err != nil || companies != 1 || log != 0 {
			t.Errorf("there are %d companies and %d log rows now (%v)", companies, log, err)
		}
	}
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t, setup...)
		for _, query := range []string{
			"DELETE FROM companies RETURNING id",
			"INSERT INTO companies VALUES (5) RETURNING id",
			"WITH gone AS (DELETE FROM companies RETURNING id) SELECT id FROM gone",
			"SELECT id FROM companies; DELETE FROM companies",
			"SELECT id FROM companies) q; DELETE FROM companies; SELECT * FROM (SELECT id FROM companies",
			"DROP TABLE companies",
			"PRAGMA query_only = 0",
			"COMMIT",
		} {
			d, err := sqldirectory.Open(t.Context(), dsn, sqldirectory.Mapping{Companies: query})
			if rightful.KindOf(err) != rightful.KindInvalid {
				t.Errorf("%s: got %v, want an error of kind invalid", query, err)
			}
			if err == nil {
				d.Close()
			}
		}
		for _, query := range []string{
			"DELETE FROM companies WHERE id = :user_id RETURNING id",
			"WITH one AS (SELECT 1) DELETE FROM companies WHERE id = :user_id RETURNING id",
		} {
			d, err := sqldirectory.Open(t.Context(), dsn, sqldirectory.Mapping{Companies: companies, Resolve: query})
			if err == nil {
				// What the query does shows only when it runs.
				_, err = d.Resolve(t.Context(), "4")
				d.Close()
			}
			if rightful.KindOf(err) != rightful.KindInvalid {
				t.Errorf("resolver %s: got %v, want an error of kind invalid", query, err)
			}
		}
		untouched(t, e, dsn)
	})
	t.Run("into a file", func(t *testing.T) {
		t.Parallel()
		dsn := mariadb.with(t, setup...)
		for _, query := range []string{
			"SELECT id FROM companies WHERE id = :user_id INTO OUTFILE 'rightful-test'", "SELECT id into @x FROM companies WHERE id = :user_id",
		} {
			says(t, refused(t, dsn, sqldirectory.Mapping{Companies: companies, Resolve: query}), rightful.KindInvalid, "directory.resolve", "writes INTO")
		}
		open(t, dsn, sqldirectory.Mapping{Companies: companies, Resolve: "SELECT 'into' AS `into` /* into */ WHERE :user_id <> ''"})
	})
	t.Run("through a function", func(t *testing.T) {
		t.Parallel()
		onServers(t, func(t *testing.T, e engine) {
			function := `CREATE FUNCTION logged(n integer) RETURNS integer LANGUAGE plpgsql VOLATILE AS
			$$BEGIN INSERT INTO log VALUES (n); RETURN n; END$$`
			if e.name == "mariadb" {
				function = "CREATE FUNCTION logged(n integer) RETURNS integer BEGIN INSERT INTO log VALUES (n); RETURN n; END"
			}
			dsn := e.with(t, append(slices.Clone(setup), function)...)
			// MariaDB may run a function when it looks at the query, the
			// others when they read.
			d, err := sqldirectory.Open(t.Context(), dsn, sqldirectory.Mapping{Companies: "SELECT logged(id) AS id FROM companies"})
			if err == nil {
				err = firstError(t, d, rightful.Select{})
				d.Close()
			}
			if rightful.KindOf(err) != rightful.KindInvalid || !strings.Contains(strings.ToLower(err.Error()), "transaction") ||
				!strings.Contains(err.Error(), "read-only") {
				t.Errorf("got %v, want an error that says it is read-only", err)
			}
			d, err = sqldirectory.Open(t.Context(), dsn, sqldirectory.Mapping{Companies: companies, Resolve: "SELECT logged(4) WHERE :user_id <> ''"})
			if err == nil {
				_, err = d.Resolve(t.Context(), "7")
				d.Close()
			}
			if rightful.KindOf(err) != rightful.KindInvalid {
				t.Errorf("the resolver: got %v, want an error of kind invalid", err)
			}
			untouched(t, e, dsn)
		})
	})
}

func TestReadsEndInTime(t *testing.T) {
	t.Parallel()
	endless := map[string]string{
		"sqlite":   "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id FROM n WHERE id < 0",
		"postgres": "SELECT id FROM (SELECT 1 AS id, pg_sleep(60)) s WHERE pg_sleep IS NOT NULL OR id = 1",
		"mariadb":  "SELECT seq AS id FROM seq_1_to_9000000000000 WHERE seq % 2 > 1",
	}
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t, "CREATE TABLE companies (id integer)")
		d := open(t, dsn, sqldirectory.Mapping{Companies: "SELECT id FROM companies", Users: endless[e.name]},
			sqldirectory.WithStatementTimeout(200*time.Millisecond))
		began := time.Now()
		var got error
		for _, err := range d.Users(t.Context(), rightful.Select{}) {
			got = err
		}
		if rightful.KindOf(got) != rightful.KindUnreachable || !strings.Contains(got.Error(), "directory.users: no answer within 200ms") {
			t.Errorf("got %v, want an error that says it did not answer", got)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("it took %s", took)
		}
		// The caller's own deadline is the caller's.
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		patient := open(t, dsn, sqldirectory.Mapping{Companies: "SELECT id FROM companies", Users: endless[e.name]})
		for _, err := range patient.Users(ctx, rightful.Select{}) {
			got = err
		}
		if !errors.Is(got, context.DeadlineExceeded) || rightful.KindOf(got) != "" {
			t.Errorf("got %v, want the caller's own deadline", got)
		}
		// And what was broken off does not spoil the next read.
		if err := firstError(t, patient, rightful.Select{}); err != nil {
			t.Error(err)
		}
	})
}

func TestServerEndsStatements(t *testing.T) {
	t.Parallel()
	dsn := engines[1].with(t)
	d := open(t, dsn, sqldirectory.Mapping{Companies: "SELECT current_setting('statement_timeout') AS id, current_setting('transaction_read_only') AS name"},
		sqldirectory.WithStatementTimeout(7*time.Second))
	for c, err := range d.Companies(t.Context(), rightful.Select{}) {
		if err != nil || c.ID != "7500ms" || c.Name != "on" {
			t.Errorf("timeout %q, read-only %q, %v; want 7500ms, on", c.ID, c.Name, err)
		}
	}
}

// TestPagesHoldNothingOpen reads with a consumer that reads again for each row:
// a reader that kept its connection while it hands rows out would run dry.
func TestPagesHoldNothingOpen(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t, "CREATE TABLE companies (id integer)", "INSERT INTO companies VALUES (1), (2), (3)")
		d := open(t, dsn, sqldirectory.Mapping{Companies: companies}, sqldirectory.WithPageSize(1))
		var nested func(depth int) int
		nested = func(depth int) int {
			n := 0
			for _, err := range d.Companies(t.Context(), rightful.Select{}) {
				if err != nil {
					t.Fatal(err)
				}
				n++
				if depth > 0 {
					return n + nested(depth-1)
				}
			}
			return n
		}
		if got := nested(20); got != 23 {
			t.Errorf("got %d rows, want 23", got)
		}
	})
}

func TestClosedDirectoryIsAnError(t *testing.T) {
	t.Parallel()
	d := open(t, engines[0].with(t, "CREATE TABLE companies (id integer)"), sqldirectory.Mapping{Companies: companies})
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := firstError(t, d, rightful.Select{}); err == nil {
		t.Error("a closed directory could be read")
	}
}

func TestOpenSaysWhichTableMayNotBeRead(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, e engine) {
		admin, err := url.Parse(e.with(t, "CREATE TABLE companies (id bigint)", "CREATE TABLE open (id bigint)"))
		if err != nil {
			t.Fatal(err)
		}
		// Roles belong to the whole server: the name is the test's own database's.
		role := "r" + strings.TrimPrefix(admin.Path, "/")
		create, denied := []string{"CREATE ROLE " + role + " LOGIN PASSWORD 'pw'"}, "permission denied for table companies"
		if e.name == "mariadb" {
			create, denied = []string{"CREATE USER " + role + " IDENTIFIED BY 'pw'", "GRANT SELECT ON open TO " + role}, "SELECT command denied to user"
		}
		db := connect(t, e.driver, admin.String())
		for _, statement := range create {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		t.Cleanup(func() {
			drop := "DROP ROLE "
			if e.name == "mariadb" {
				drop = "DROP USER "
			}
			if _, err := db.ExecContext(context.Background(), drop+role); err != nil {
				t.Error(err)
			}
		})
		admin.User = url.UserPassword(role, "pw")
		says(t, refused(t, admin.String(), sqldirectory.Mapping{Companies: companies}),
			rightful.KindForbidden, "directory.companies", denied, "GRANT SELECT")
	})
}
