package sqldirectory_test

import (
	"fmt"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/source/sqldirectory"
)

// leap is 2024-02-29 12:00:00 UTC.
const leap = 1709208000

func TestTimes(t *testing.T) {
	t.Parallel()
	both := map[string]int64{
		"NULL": 0, "0": 0, "''": 0, "1709208000": leap, "1709208000.9": leap, "1709208000999": leap,
		"'1709208000'": leap, "'2024-02-29T12:00:00Z'": leap, "'2024-02-29 12:00:00'": leap, "'2024-02-29 12:00'": leap,
		"'2024-02-29T13:00:00.123456+01:00'": leap, "'2024-02-29 12:00:00.999999+00:00'": leap, "'2024-02-29 07:00:00-05'": leap,
		"'2024-02-29 12:00:00 UTC'": leap, "'2024-02-29'": leap - 12*3600, "'0000-00-00 00:00:00'": 0, "-86400": -86400,
	}
	only := map[string]map[string]int64{
		"sqlite": {"CAST('2024-02-29 12:00:00' AS BLOB)": leap},
		"postgres": {
			"'2024-02-29 12:00:00.5+00'::timestamptz": leap, "'2024-02-29 12:00:00'::timestamp": leap, "'2024-02-29'::date": leap - 12*3600,
			"'infinity'::timestamptz": 0, "'-infinity'::timestamp": 0, "1709208000::numeric": leap, "1709208000.7::float8": leap,
		},
	}
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t, "CREATE TABLE companies (id integer)")
		check := func(expression string, want int64) {
			d := open(t, dsn, sqldirectory.Mapping{
				Companies: companies, Memberships: "SELECT 7 AS user_id, 4 AS company_id, " + expression + " AS joined_at, " + expression + " AS left_at",
			})
			for m, err := range d.Memberships(t.Context(), rightful.Select{}) {
				if err != nil || m.JoinedAt != want || m.LeftAt != want {
					t.Errorf("%s: got %d and %d, %v; want %d", expression, m.JoinedAt, m.LeftAt, err, want)
				}
			}
		}
		for expression, want := range both {
			check(expression, want)
		}
		for expression, want := range only[e.name] {
			check(expression, want)
		}
		for _, expression := range []string{"'soon'", "'2024-02-30'", "'12:00'"} {
			d := open(t, dsn, sqldirectory.Mapping{
				Companies: companies, Memberships: "SELECT 7 AS user_id, 4 AS company_id, " + expression + " AS left_at",
			})
			for _, err := range d.Memberships(t.Context(), rightful.Select{}) {
				if rightful.KindOf(err) != rightful.KindInvalid || !strings.Contains(fmt.Sprint(err), "directory.memberships: column left_at holds") {
					t.Errorf("%s: got %v, want an error that names query and column", expression, err)
				}
			}
		}
	})
}

func TestDeletedAt(t *testing.T) {
	t.Parallel()
	type deletion struct {
		at      int64
		deleted bool
	}
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t, "CREATE TABLE t (gone "+map[string]string{"sqlite": "datetime", "postgres": "timestamptz", "mariadb": "timestamp"}[e.name]+")",
			"INSERT INTO t VALUES ('2024-02-29 12:00:00"+map[string]string{"sqlite": "+00:00", "postgres": "+00:00"}[e.name]+"')")
		for expression, want := range map[string]deletion{
			"NULL": {}, "false": {}, "0": {}, "''": {}, "'0'": {}, "'f'": {}, "'false'": {},
			"true": {0, true}, "1": {0, true}, "'t'": {0, true}, "gone IS NOT NULL": {0, true}, "gone IS NULL": {},
			"gone": {leap, true}, "1709208000": {leap, true}, "'2024-02-29T12:00:00Z'": {leap, true},
		} {
			d := open(t, dsn, sqldirectory.Mapping{Companies: "SELECT 4 AS id, " + expression + " AS deleted_at FROM t"})
			for c, err := range d.Companies(t.Context(), rightful.Select{}) {
				if got := (deletion{c.DeletedAt, c.Deleted}); err != nil || got != want {
					t.Errorf("%s: got %+v, %v; want %+v", expression, got, err, want)
				}
			}
		}
		d := open(t, dsn, sqldirectory.Mapping{Companies: "SELECT 4 AS id, 'gone' AS deleted_at"})
		if err := firstError(t, d, rightful.Select{}); rightful.KindOf(err) != rightful.KindInvalid || !strings.Contains(err.Error(), `column deleted_at holds "gone"`) {
			t.Errorf("got %v, want an error that names the column", err)
		}
	})
}

func TestFlags(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t, "CREATE TABLE companies (id integer)")
		for expression, want := range map[string]struct{ verified, inactive bool }{
			"NULL": {false, false}, "true": {true, false}, "false": {false, true}, "1": {true, false}, "0": {false, true},
			"'t'": {true, false}, "'f'": {false, true}, "'true'": {true, false}, "'FALSE'": {false, true}, "'no'": {false, true},
			"'2024-02-29T12:00:00Z'": {true, false},
		} {
			d := open(t, dsn, sqldirectory.Mapping{
				Companies: companies, Users: "SELECT 7 AS id, " + expression + " AS email_verified, " + expression + " AS is_active",
			})
			wantRows(t, d.Users(t.Context(), rightful.Select{}), rightful.User{ID: "7", EmailVerified: want.verified, Inactive: want.inactive})
		}
		d := open(t, dsn, sqldirectory.Mapping{Companies: companies, Users: "SELECT 7 AS id"})
		wantRows(t, d.Users(t.Context(), rightful.Select{}), rightful.User{ID: "7"})
		d = open(t, dsn, sqldirectory.Mapping{Companies: companies, Users: "SELECT 7 AS id, 'perhaps' AS is_active"})
		for _, err := range d.Users(t.Context(), rightful.Select{}) {
			if rightful.KindOf(err) != rightful.KindInvalid || !strings.Contains(fmt.Sprint(err), `directory.users: column is_active holds "perhaps"`) {
				t.Errorf("got %v, want an error that names query and column", err)
			}
		}
	})
}

func TestEmailsOfAnyCase(t *testing.T) {
	t.Parallel()
	d := open(t, engines[1].with(t, "CREATE TABLE companies (id integer)", "CREATE TABLE u (id integer, email varchar(80))",
		"INSERT INTO u VALUES (1, 'Ann@Example.com'), (2, 'bob@example.com'), (3, 'BOB@example.com'), (4, NULL), (5, '')"),
		sqldirectory.Mapping{Companies: companies, Users: "SELECT id, email FROM u"})
	ids := func(values ...string) string {
		var got []string
		for _, u := range all(t, d.Users(t.Context(), by(rightful.ByEmail, values...))) {
			got = append(got, u.ID)
		}
		return strings.Join(got, " ")
	}
	for _, test := range []struct{ ask, want string }{
		{"ann@example.com", "1"}, {"ANN@EXAMPLE.COM", "1"}, {"Ann@Example.com", "1"},
		{"bob@example.com", "2 3"}, {"BOB@example.com", "2 3"}, {"Bob@Example.COM", "2 3"},
		{"nobody@example.com", ""}, {"", ""}, {"ann@example.com\x00", ""}, {"%", ""},
	} {
		if got := ids(test.ask); got != test.want {
			t.Errorf("%q: got users %q, want %q", test.ask, got, test.want)
		}
	}
	if got := ids("ANN@example.com", "", "Bob@Example.com", "ann@example.com"); got != "1 2 3" {
		t.Errorf("several: got users %q, want 1 2 3", got)
	}
}

func TestCitext(t *testing.T) {
	t.Parallel()
	d := open(t, engines[1].with(t, "CREATE EXTENSION citext", "CREATE TABLE c (id citext)", "CREATE TABLE u (id integer, email citext)",
		"INSERT INTO c VALUES ('acme'), ('ACME'), ('b')", "INSERT INTO u VALUES (1, 'Ann@Example.com'), (2, 'ann@example.com')"),
		sqldirectory.Mapping{Companies: "SELECT id FROM c", Users: "SELECT id, email FROM u"}, sqldirectory.WithPageSize(1))
	if got := companyIDs(t, d, by(rightful.ByID, "ACME")); len(got) != 1 || got[0] != "ACME" {
		t.Errorf("by id: got %q, want ACME only: ids are compared with case", got)
	}
	if got := companyIDs(t, d, rightful.Select{}); len(got) != 3 {
		t.Errorf("pages: got %q, want three rows", got)
	}
	if got := all(t, d.Users(t.Context(), by(rightful.ByEmail, "ANN@example.com"))); len(got) != 2 {
		t.Errorf("by email: got %+v, want both", got)
	}
}
