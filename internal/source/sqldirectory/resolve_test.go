package sqldirectory_test

import (
	"strings"
	"testing"

	"rightful"
	"rightful/internal/source/sqldirectory"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	const users = "SELECT id, mail AS email FROM users"
	tables := []string{
		"CREATE TABLE companies (id integer)",
		"CREATE TABLE users (id integer PRIMARY KEY, mail text)",
		"INSERT INTO users VALUES (4, 'd@example.com'), (7, 'a@example.com'), (8, 'b@example.com'), (9, 'c@example.com')",
		// The same user id in columns of several types, as apps have it.
		"CREATE TABLE seats (member integer, member_text text, member_big bigint, company integer, note text)",
		`INSERT INTO seats VALUES (7, '7', 7, 11, ':user_id'), (8, '8', 8, 11, ''), (8, '8', 8, 11, ''), (8, '8', 8, 12, ''),
			(9, '9', 9, NULL, ''), (4, '4', 4, 44, '')`,
	}
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t, tables...)
		one, several, none := rightful.Resolution{CompanyID: "11"}, rightful.Resolution{Ambiguous: true}, rightful.Resolution{}
		expect := map[string]rightful.Resolution{
			"7": one, "8": several, "9": none, "10": none, "": none, "07": none, "7abc": none, " 7": none, "+7": none, "7.0": none,
			"04": none, "9223372036854775807": none, "99999999999999999999": none, "7' OR '1'='1": none, "7\x00": none, "é": none,
		}
		for name, query := range map[string]string{
			"number":         "SELECT company FROM seats WHERE member = :user_id",
			"text":           "SELECT company FROM seats WHERE member_text = :user_id;",
			"both":           "SELECT company FROM seats WHERE member = :user_id AND member_text = :user_id AND member_big = :user_id",
			"cast":           "SELECT company FROM seats WHERE member = CAST(:user_id AS integer)",
			"with":           "WITH mine AS (SELECT company FROM seats WHERE member = :user_id) SELECT company, 1 FROM mine -- :user_id",
			"look-alikes":    "/* :user_id */ SELECT company, ':user_id', note AS \":user_id\" FROM seats WHERE member = :user_id AND note <> ':user_id;'",
			"union":          "SELECT company FROM seats WHERE member = :user_id UNION SELECT company FROM seats WHERE member_big=:user_id",
			"no space after": "SELECT company FROM seats WHERE(member=:user_id)AND(company IS NULL OR company>0)",
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				d := open(t, dsn, sqldirectory.Mapping{Companies: companies, Users: users, Resolve: query})
				if got := d.Mapping().Resolver; got != rightful.ResolverSQL {
					t.Errorf("resolver is %q", got)
				}
				for user, want := range expect {
					got, err := d.Resolve(t.Context(), user)
					if err != nil {
						t.Errorf("user %q: %v", user, err)
					}
					if got != want {
						t.Errorf("user %q: got %+v, want %+v", user, got, want)
					}
				}
			})
		}
		t.Run("without users", func(t *testing.T) {
			t.Parallel()
			d := open(t, dsn, sqldirectory.Mapping{Companies: companies, Resolve: "SELECT company FROM seats WHERE member = :user_id"})
			for user, want := range map[string]rightful.Resolution{"7": one, "8": several, "07": none, " 7": none, "7.0": none, "x": none} {
				if got, err := d.Resolve(t.Context(), user); err != nil || got != want {
					t.Errorf("user %q: got %+v, %v; want %+v", user, got, err, want)
				}
			}
		})
	})
}

// literal is a UUID as a constant for a column of the type.
func literal(idType, uuid string) string {
	if idType == "binary(16)" {
		return "UNHEX('" + strings.ReplaceAll(uuid, "-", "") + "')"
	}
	return "'" + uuid + "'"
}

func TestResolveUUIDs(t *testing.T) {
	t.Parallel()
	const (
		lower   = "0b7cbeef-4abc-4def-8abc-0123456789ab"
		upper   = "0B7CBEEF-4ABC-4DEF-8ABC-0123456789AB"
		company = "7e57beef-4abc-4def-8abc-0123456789ab"
	)
	for name, test := range map[string]struct {
		engine engine
		idType string
		query  string
	}{
		"sqlite text":           {engines[0], "text", "SELECT company FROM seats WHERE member = :user_id"},
		"postgres text":         {engines[1], "text", "SELECT company FROM seats WHERE member = :user_id"},
		"postgres uuid":         {engines[1], "uuid", "SELECT company FROM seats WHERE member = :user_id"},
		"postgres cast":         {engines[1], "uuid", "SELECT company FROM seats WHERE member = :user_id::uuid AND $$:user_id$$ <> ''"},
		"postgres uuid as text": {engines[1], "uuid", "SELECT company FROM seats WHERE member::text = lower(:user_id)"},
		"mariadb text":          {engines[2], "varchar(40) COLLATE utf8mb4_bin", "SELECT company FROM seats WHERE member = :user_id"},
		"mariadb char":          {engines[2], "char(36) CHARACTER SET ascii", "SELECT company FROM seats WHERE member = :user_id"},
		"mariadb uuid":          {engines[2], "uuid", "SELECT company FROM seats WHERE member = :user_id"},
		"mariadb bytes":         {engines[2], "binary(16)", "SELECT company FROM seats WHERE member = :user_id"},
		"mariadb bytes of text": {engines[2], "binary(16)", "SELECT company FROM seats WHERE member = UNHEX(REPLACE(:user_id, '-', '')) AND ':user_id' <> 'it\\'s :user_id'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := test.engine.with(t, "CREATE TABLE users (id "+test.idType+")", "CREATE TABLE seats (member "+test.idType+", company "+test.idType+")",
				"INSERT INTO users VALUES ("+literal(test.idType, lower)+")", "INSERT INTO seats VALUES ("+literal(test.idType, lower)+", "+literal(test.idType, company)+")")
			d := open(t, dsn, sqldirectory.Mapping{Companies: "SELECT company AS id FROM seats", Users: "SELECT id FROM users", Resolve: test.query})
			for user, want := range map[string]string{lower: company, upper: company, company: "", "7": "", "x": "", lower[:35]: ""} {
				if got, err := d.Resolve(t.Context(), user); err != nil || got != (rightful.Resolution{CompanyID: want}) {
					t.Errorf("user %q: got %+v, %v; want %q", user, got, err, want)
				}
			}
		})
	}
}

// TestResolveReadsPostgresSyntax has all that looks like :user_id or like the
// end of a statement, and is not.
func TestResolveReadsPostgresSyntax(t *testing.T) {
	t.Parallel()
	dsn := engines[1].with(t, "CREATE DOMAIN user_id AS integer", "CREATE TABLE seats (member integer, company integer, many integer[])",
		"INSERT INTO seats VALUES (7, 11, '{7,8}'), (8, 12, '{}')", "CREATE TABLE companies (id integer)")
	for _, query := range []string{
		"SELECT company FROM seats WHERE member = :user_id::user_id",
		"SELECT company FROM seats WHERE :user_id = ANY (many)",
		`SELECT company FROM seats WHERE member = :user_id AND name'a\' <> ';:user_id'`,
		`SELECT company FROM seats WHERE member = :user_id AND E'a\';:user_id' <> ''`,
		"SELECT company FROM seats /* /* :user_id */ ;:user_id */ WHERE member = :user_id",
		"SELECT company AS a$b$ FROM seats WHERE member = :user_id AND $b$;:user_id$b$ <> $$;$b$:user_id$$;",
		"/* first */ (SELECT company FROM seats WHERE member = :user_id) ; -- last",
	} {
		d, err := sqldirectory.Open(t.Context(), dsn, sqldirectory.Mapping{Companies: companies, Resolve: query})
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		for user, want := range map[string]string{"7": "11", "9": "", "x": ""} {
			if got, err := d.Resolve(t.Context(), user); err != nil || got != (rightful.Resolution{CompanyID: want}) {
				t.Errorf("%s for %q: got %+v, %v; want %q", query, user, got, err, want)
			}
		}
		d.Close()
	}
}

func TestResolveTakesTheFirstWayThatIsMapped(t *testing.T) {
	t.Parallel()
	dsn := engines[0].with(t, "CREATE TABLE t (id, owner_user_id, company_id, user_id)")
	all := sqldirectory.Mapping{
		Companies: "SELECT id, owner_user_id FROM t", Users: "SELECT id, company_id FROM t", Memberships: "SELECT user_id, company_id FROM t",
	}
	for _, test := range []struct {
		change func(*sqldirectory.Mapping)
		want   rightful.Resolver
	}{
		{func(m *sqldirectory.Mapping) {}, rightful.ResolverDirect},
		{func(m *sqldirectory.Mapping) { m.Users = "SELECT id FROM t" }, rightful.ResolverMembership},
		{func(m *sqldirectory.Mapping) { m.Users, m.Memberships = "", "" }, rightful.ResolverOwner},
		{func(m *sqldirectory.Mapping) { *m = sqldirectory.Mapping{Companies: "SELECT id FROM t"} }, rightful.ResolverNone},
		{func(m *sqldirectory.Mapping) { m.Resolve = "owner" }, rightful.ResolverOwner},
		{func(m *sqldirectory.Mapping) { m.Resolve = "membership" }, rightful.ResolverMembership},
		{func(m *sqldirectory.Mapping) { m.Resolve = "direct" }, rightful.ResolverDirect},
	} {
		m := all
		test.change(&m)
		d := open(t, dsn, m)
		if got := d.Mapping().Resolver; got != test.want {
			t.Errorf("%+v: resolver is %q, want %q", m, got, test.want)
		}
		if _, err := d.Resolve(t.Context(), "7"); rightful.KindOf(err) != rightful.KindInvalid {
			t.Errorf("%+v: Resolve without a query gave %v, want an error", m, err)
		}
	}
}
