package sqldirectory_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/source/sqldirectory"
	"rightful/internal/testserver"
)

// schema is the least that an app has.
var schema = []string{
	"CREATE TABLE companies (id integer PRIMARY KEY, title text, owner integer, customer text)",
	"CREATE TABLE users (id integer PRIMARY KEY, mail text)",
}

const companies = "SELECT id FROM companies"

// refused opens the directory and returns the error, which must be one that a
// person can act on.
func refused(t *testing.T, dsn string, m sqldirectory.Mapping) *rightful.Error {
	t.Helper()
	d, err := sqldirectory.Open(t.Context(), dsn, m, sqldirectory.WithConnectTimeout(5*time.Second))
	if err == nil {
		d.Close()
		t.Fatal("it opened; want an error")
	}
	var known *rightful.Error
	if !errors.As(err, &known) {
		t.Fatalf("error %v is no rightful.Error", err)
	}
	return known
}

// says checks an error's kind and place, and that it has each of the texts.
func says(t *testing.T, err *rightful.Error, kind rightful.ErrorKind, place string, texts ...string) {
	t.Helper()
	if err.Kind != kind || err.Place != place {
		t.Errorf("got kind %q at %q, want %q at %q: %v", err.Kind, err.Place, kind, place, err)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error lacks %q: %v", text, err)
		}
	}
}

func TestOpenSaysWhatIsWrongWithAQuery(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t, schema...)
		for name, test := range map[string]struct {
			mapping sqldirectory.Mapping
			place   string
			texts   []string
		}{
			"no companies": {sqldirectory.Mapping{}, "directory.companies", []string{"no query for companies", "SELECT id FROM"}},
			"only a comment": {
				sqldirectory.Mapping{Companies: "-- later"}, "directory.companies", []string{"no statement"},
			},
			"no id": {
				sqldirectory.Mapping{Companies: companies, Users: "SELECT id AS user_id, mail FROM users"},
				"directory.users", []string{"the query has no column id; it has: user_id, mail", "AS id"},
			},
			"near miss": {
				sqldirectory.Mapping{Companies: companies, Links: "SELECT id AS company_id, customer AS customer_id FROM companies"},
				"directory.links", []string{"no column stripe_customer_id", "did you mean customer_id AS stripe_customer_id?"},
			},
			"misspelt": {
				sqldirectory.Mapping{Companies: companies, Memberships: "SELECT id AS user_id, id AS compani_id FROM users"},
				"directory.memberships", []string{"no column company_id", "did you mean compani_id AS company_id?"},
			},
			"twice": {
				sqldirectory.Mapping{Companies: "SELECT c.id, u.id FROM companies c JOIN users u ON u.id = c.owner"},
				"directory.companies", []string{"two columns id"},
			},
			"unknown column": {
				sqldirectory.Mapping{Companies: companies, Users: "SELECT id, emial AS email FROM users"},
				"directory.users", []string{"emial"},
			},
			"misspelt name in quotes": {
				sqldirectory.Mapping{Companies: companies, Users: `SELECT id, "emial" AS email FROM users`},
				"directory.users", []string{"emial"},
			},
			"unknown table": {
				sqldirectory.Mapping{Companies: "SELECT id FROM compnies"}, "directory.companies", []string{"compnies"},
			},
			"syntax": {
				sqldirectory.Mapping{Companies: "SELECT id FORM companies"}, "directory.companies", []string{"companies"},
			},
			"cut off": {
				sqldirectory.Mapping{Companies: "SELECT id FROM (SELECT id FROM companies"}, "directory.companies", nil,
			},
			"closes more than it opens": {
				sqldirectory.Mapping{Companies: "SELECT id FROM companies) q WHERE (1 = 1"}, "directory.companies", nil,
			},
			"two statements": {
				sqldirectory.Mapping{Companies: "SELECT id FROM companies; SELECT id FROM users"},
				"directory.companies", []string{"more than one statement"},
			},
			"no query": {
				sqldirectory.Mapping{Companies: "companies"}, "directory.companies", []string{"SELECT"},
			},
			"resolve direct without a column": {
				sqldirectory.Mapping{Companies: companies, Users: "SELECT id FROM users", Resolve: "direct"},
				"directory.resolve", []string{"company_id", "directory.users"},
			},
			"resolve direct without users": {
				sqldirectory.Mapping{Companies: companies, Resolve: "direct"}, "directory.resolve", []string{"users"},
			},
			"resolve owner without a column": {
				sqldirectory.Mapping{Companies: companies, Resolve: "owner"},
				"directory.resolve", []string{"owner_user_id", "directory.companies"},
			},
			"resolve membership without memberships": {
				sqldirectory.Mapping{Companies: companies, Resolve: "membership"}, "directory.resolve", []string{"memberships"},
			},
			"resolve by a word": {
				sqldirectory.Mapping{Companies: companies, Resolve: "magic"},
				"directory.resolve", []string{`"magic"`, "direct, owner, membership"},
			},
			"resolve for nobody": {
				sqldirectory.Mapping{Companies: companies, Resolve: "SELECT id FROM companies WHERE owner = 7 -- :user_id"},
				"directory.resolve", []string{":user_id"},
			},
			"resolve with a mistake": {
				sqldirectory.Mapping{Companies: companies, Resolve: "SELECT id FROM companies WHERE ownr = :user_id"},
				"directory.resolve", []string{"ownr"},
			},
		} {
			t.Run(name, func(t *testing.T) {
				says(t, refused(t, dsn, test.mapping), rightful.KindInvalid, test.place, test.texts...)
			})
		}
	})
}

func TestOpenSaysWhereInTheQuery(t *testing.T) {
	t.Parallel()
	onServers(t, testOpenSaysWhereInTheQuery)
}

func testOpenSaysWhereInTheQuery(t *testing.T, e engine) {
	dsn := e.with(t, schema...)
	if e.name == "mariadb" { // which says where only for what is no SQL at all
		for name, test := range map[string]struct {
			query, where string
		}{
			"one line":   {"SELECT id name FROM FROM companies", `syntax error near "FROM companies" (at character 21 of the query)`},
			"some lines": {"SELECT id,\n  'é' AS name,\n  , title\nFROM companies;", "at line 3, character 5 of the query"},
			"at the end": {"SELECT id FROM companies WHERE", "directory.companies: syntax error near"},
		} {
			t.Run(name, func(t *testing.T) {
				says(t, refused(t, dsn, sqldirectory.Mapping{Companies: test.query}), rightful.KindInvalid, "directory.companies", test.where)
			})
		}
		says(t, refused(t, dsn, sqldirectory.Mapping{Companies: companies, Resolve: "SELECT id FROM companies\n  WHERE WHERE ownr = :user_id"}),
			rightful.KindInvalid, "directory.resolve", "at line 2, character 9 of the query")
		return
	}
	for name, test := range map[string]struct {
		mapping sqldirectory.Mapping
		place   string
		where   string
	}{
		"one line":   {sqldirectory.Mapping{Companies: "SELECT id, titel FROM companies"}, "directory.companies", "at character 12 of the query"},
		"some lines": {sqldirectory.Mapping{Companies: "SELECT id,\n  'é' AS name,\n  titel\nFROM companies;"}, "directory.companies", "at line 3, character 3 of the query"},
		"a resolver": {
			sqldirectory.Mapping{Companies: companies, Resolve: "SELECT id FROM companies WHERE owner = :user_id\n  AND ownr = :user_id"},
			"directory.resolve", "at line 2, character 7 of the query",
		},
	} {
		t.Run(name, func(t *testing.T) {
			says(t, refused(t, dsn, test.mapping), rightful.KindInvalid, test.place, test.where)
		})
	}
	t.Run("not in the query", func(t *testing.T) {
		err := refused(t, dsn, sqldirectory.Mapping{Companies: "SELECT id FROM companies WHERE ("})
		if strings.Contains(err.Error(), "at character") {
			t.Errorf("the error points into the query, where nothing is: %v", err)
		}
	})
}

func TestOpenNeedsTypesThatIDsCanHave(t *testing.T) {
	t.Parallel()
	dsn := engines[1].with(t, "CREATE TYPE plan AS ENUM ('free', 'paid')", "CREATE TABLE companies (id plan, data jsonb)")
	says(t, refused(t, dsn, sqldirectory.Mapping{Companies: companies}),
		rightful.KindInvalid, "directory.companies", "column id has the type plan", "text")
	says(t, refused(t, dsn, sqldirectory.Mapping{Companies: "SELECT id::text, data->'stripe' AS stripe_customer_id FROM companies"}),
		rightful.KindInvalid, "directory.companies", "column stripe_customer_id has the type jsonb")
	open(t, dsn, sqldirectory.Mapping{Companies: "SELECT id::text, data->>'stripe' AS stripe_customer_id FROM companies"})
}

func TestOpenReadsTheSchemesItNames(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]struct {
		kind rightful.ErrorKind
		text string
	}{
		"":                                            {rightful.KindInvalid, "no address"},
		"oracle:app/s3cr3t@db":                        {rightful.KindInvalid, `"oracle"`},
		"mysql://app:s3cr3t@db:notaport/app":          {rightful.KindInvalid, "no MySQL address"},
		"mysql://app:s3cr3t%@db/app":                  {rightful.KindInvalid, "no MySQL address"},
		"mysql:app:s3cr3t@db":                         {rightful.KindInvalid, "no MySQL address"},
		"mariadb://app:s3cr3t@db":                     {rightful.KindInvalid, "names no database"},
		"mariadb://app:s3cr3t@db/":                    {rightful.KindInvalid, "names no database"},
		"mysql://app:s3cr3t@db/app?tls=s3cr3t":        {rightful.KindInvalid, "no such tls"},
		"mysql://app:s3cr3t@db/app?loc=s3cr3t":        {rightful.KindInvalid, "time zone"},
		"mysql://app:s3cr3t@db/app?sql_mode=x":        {rightful.KindInvalid, `"sql_mode", which is not known`},
		"app.db":                                      {rightful.KindInvalid, "no scheme"},
		"host=db password=s3cr3t":                     {rightful.KindInvalid, "no scheme"},
		"s3cr3t!:x":                                   {rightful.KindInvalid, "no scheme"},
		"postgres://app:s3cr3t@db:notaport/app":       {rightful.KindInvalid, "no PostgreSQL address"},
		"postgres://app:s3cr3t%@db/app":               {rightful.KindInvalid, "no PostgreSQL address"},
		"postgres://app:s3cr3t@db/app?sslmode=s3cr3t": {rightful.KindInvalid, "no PostgreSQL address"},
		"sqlite:":                                     {rightful.KindInvalid, "names no file"},
		"sqlite:?mode=rwc":                            {rightful.KindInvalid, "names no file"},
	} {
		t.Run(dsn, func(t *testing.T) {
			t.Parallel()
			err := refused(t, dsn, sqldirectory.Mapping{Companies: companies})
			says(t, err, want.kind, "directory.dsn", want.text)
			if all := err.Error() + chain(err); strings.Contains(all, "s3cr3t") {
				t.Errorf("the password is in the error: %s", all)
			}
		})
	}
}

// chain returns the texts of all the causes.
func chain(err error) string {
	var all string
	for err != nil {
		all += "; " + err.Error()
		err = errors.Unwrap(err)
	}
	return all
}

func TestOpenNeverMakesAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "app.db")
	m := sqldirectory.Mapping{Companies: companies}
	for _, dsn := range []string{"sqlite:" + path, "sqlite://" + path, "sqlite:" + path + "?mode=rwc&cache=private", "sqlite::memory:"} {
		says(t, refused(t, dsn, m), rightful.KindInvalid, "directory.dsn", "there is no file")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("the folder has %v, %v; want nothing in it", entries, err)
	}
	says(t, refused(t, "sqlite:"+dir, m), rightful.KindInvalid, "directory.dsn", "is a folder")
	if err := os.WriteFile(path, []byte(strings.Repeat("this is no database. ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	says(t, refused(t, "sqlite:"+path, m), rightful.KindInvalid, "directory.dsn", "not a database")
}

func TestOpenReadsPathsAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "50% of #1 & more")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "my app.db")
	db := connect(t, "sqlite", "file:"+url.PathEscape(path))
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE companies (id integer)"); err != nil {
		t.Fatal(err)
	}
	for _, dsn := range []string{"sqlite:" + path, "sqlite://" + path, "SQLite:" + path + "?cache=private", "sqlite:" + path + "?mode=rwc"} {
		open(t, dsn, sqldirectory.Mapping{Companies: companies})
	}
}

func TestOpenSaysWhyAServerCannotBeRead(t *testing.T) {
	t.Parallel()
	onServers(t, testOpenSaysWhyAServerCannotBeRead)
}

func testOpenSaysWhyAServerCannotBeRead(t *testing.T, e engine) {
	_, dsn := e.create(t)
	real, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	hangsUp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hangsUp.Close() })
	go func() {
		for {
			conn, err := hangsUp.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	with := func(change func(*url.URL)) string {
		u := *real
		u.User = url.UserPassword(u.User.Username(), "s3cr3t")
		change(&u)
		return u.String()
	}
	const password = "s3cr3t"
	own, _ := real.User.Password()
	target, denied, missing := "PostgreSQL at ", "password authentication failed", `"nowhere" does not exist`
	if e.name == "mariadb" {
		target, denied, missing = "MySQL at ", "Access denied for user", "Unknown database 'nowhere'"
	}
	for name, test := range map[string]struct {
		dsn  string
		kind rightful.ErrorKind
		text string
	}{
		"wrong password":   {with(func(*url.URL) {}), rightful.KindUnauthorized, denied},
		"unknown database": {with(func(u *url.URL) { u.User, u.Path = real.User, "/nowhere" }), rightful.KindInvalid, missing},
		"nobody listens":   {with(func(u *url.URL) { u.Host = testserver.Nobody }), rightful.KindUnreachable, "connection refused"},
		"no such host":     {with(func(u *url.URL) { u.Host = "db.invalid:5432" }), rightful.KindUnreachable, "db.invalid"},
		"no answer":        {with(func(u *url.URL) { u.Host = silent.Addr().String() }), rightful.KindUnreachable, "no answer within 300ms"},
		"hangs up":         {with(func(u *url.URL) { u.Host = hangsUp.Addr().String() }), rightful.KindUnreachable, "closed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timeout := 5 * time.Second
			if name == "no answer" {
				timeout = 300 * time.Millisecond
			}
			began := time.Now()
			d, err := sqldirectory.Open(context.Background(), test.dsn, sqldirectory.Mapping{Companies: companies}, sqldirectory.WithConnectTimeout(timeout))
			if err == nil {
				d.Close()
				t.Fatal("it opened")
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
			var known *rightful.Error
			if !errors.As(err, &known) {
				t.Fatalf("%v is no rightful.Error", err)
			}
			says(t, known, test.kind, "directory.dsn", test.text, target)
			for _, text := range []string{known.Error(), chain(err)} {
				if strings.Contains(text, password) || strings.Contains(text, own) {
					t.Errorf("the password is in the error: %s", text)
				}
			}
		})
	}
}
