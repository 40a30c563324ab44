package sqldirectory_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"slices"
	"testing"
	"time"

	"rightful"
	"rightful/internal/source/sqldirectory"
)

var mariadb = engines[2]

func TestMySQLAddresses(t *testing.T) {
	t.Parallel()
	dsn := mariadb.with(t, "CREATE TABLE companies (id integer)")
	base, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	for scheme, parameters := range map[string]string{
		"mysql":   "tls=false",
		"mariadb": "",
		"MySQL":   "tls=preferred&connection_limit=5&sslaccept=accept_invalid_certs&ssl-mode=REQUIRED&charset=latin1&parseTime=false&multiStatements=true",
	} {
		u := *base
		u.Scheme, u.RawQuery = scheme, parameters
		open(t, u.String(), sqldirectory.Mapping{Companies: companies})
	}
	var socket string
	if err := connect(t, mariadb.driver, dsn).QueryRowContext(t.Context(), "SELECT @@socket").Scan(&socket); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(socket); err == nil { // the server may be on another machine
		u := *base
		u.Host, u.RawQuery = "", url.Values{"socket": {socket}}.Encode()
		open(t, u.String(), sqldirectory.Mapping{Companies: companies})
	}
	for parameters, text := range map[string]string{
		"tls=true":              "does not speak TLS",
		"ssl-mode=REQUIRED":     "does not speak TLS",
		"socket=/nowhere/s.ock": "no such file",
		"tls=maybe":             "no such tls",
		"allowAllFiles=true":    `"allowAllFiles", which is not known`,
	} {
		u := *base
		u.RawQuery = parameters
		err := refused(t, u.String(), sqldirectory.Mapping{Companies: companies})
		says(t, err, err.Kind, "directory.dsn", text)
	}
}

// TestMySQLTimes has a server whose clock is at +05:30.
func TestMySQLTimes(t *testing.T) {
	t.Parallel()
	dsn := mariadb.with(t,
		"SET sql_mode = ''", // so that it takes zero dates
		"CREATE TABLE companies (id integer, at timestamp NULL, dt datetime(3), d date, zt timestamp, zd datetime(6), zday date, b bit(1), nb bit(1), t tinyint(1), j json)",
		"INSERT INTO companies VALUES (4, '2024-02-29 12:00:00', '2024-02-29 12:00:00.999', '2024-02-29', '0000-00-00', '0000-00-00', '0000-00-00', b'1', b'0', 1, '{\"gone\": \"2024-02-29T12:00:00Z\"}')",
	)
	type deletion struct {
		at      int64
		deleted bool
	}
	for expression, want := range map[string]deletion{
		"at": {leap, true}, "dt": {leap, true}, "d": {leap - 12*3600, true}, "zt": {}, "zd": {}, "zday": {}, "CAST(zd AS char)": {}, "NULLIF(at, at)": {},
		"b": {0, true}, "nb": {}, "t": {0, true}, "t = 0": {}, "JSON_VALUE(j, '$.gone')": {leap, true}, "UNIX_TIMESTAMP(at)": {leap, true},
		"CAST(1709208000 AS unsigned)": {leap, true}, "CAST(1 AS unsigned)": {0, true}, "CAST(0 AS unsigned)": {},
	} {
		d := open(t, dsn, sqldirectory.Mapping{Companies: "SELECT id, " + expression + " AS deleted_at FROM companies"})
		// By id the server answers in another way than for the whole table.
		for _, sel := range []rightful.Select{{}, by(rightful.ByID, "4")} {
			n := 0
			for c, err := range d.Companies(t.Context(), sel) {
				n++
				if got := (deletion{c.DeletedAt, c.Deleted}); err != nil || got != want {
					t.Errorf("%s by %q: got %+v, %v; want %+v", expression, sel.By, got, err, want)
				}
			}
			if n != 1 {
				t.Errorf("%s by %q: got %d rows", expression, sel.By, n)
			}
		}
	}
	for expression, want := range map[string]int64{"dt": leap - 3600, "at": leap - 3600} {
		d := open(t, dsn+"?loc=Europe/Berlin", sqldirectory.Mapping{Companies: "SELECT id, " + expression + " AS deleted_at FROM companies"})
		for c, err := range d.Companies(t.Context(), rightful.Select{}) {
			if err != nil || c.DeletedAt != want {
				t.Errorf("%s as of Berlin: got %d, %v; want %d", expression, c.DeletedAt, err, want)
			}
		}
	}
}

// TestMySQLNeverTakesTextForNumbers has a resolver and rows that MySQL's own
// comparisons would bring together.
func TestMySQLNeverTakesTextForNumbers(t *testing.T) {
	t.Parallel()
	dsn := mariadb.with(t,
		"CREATE TABLE companies (id integer)", "CREATE TABLE users (id integer, ref varchar(20))",
		"INSERT INTO users VALUES (7, '7abc'), (8, '8')",
		"CREATE TABLE seats (member varchar(20), nr bigint, company integer)",
		"INSERT INTO seats VALUES ('7abc', 9007199254740993, 11), ('07', 0, 12), ('7.0', 1, 13), ('8', 9007199254740992, 14)",
	)
	text, number := "SELECT company FROM seats WHERE member = :user_id", "SELECT company FROM seats WHERE nr = :user_id"
	for _, test := range []struct {
		users, resolve string
		want           map[string]string
	}{
		{"SELECT id FROM users", text, map[string]string{"7": "", "8": "14", "7abc": ""}},
		{"SELECT ref AS id FROM users", text, map[string]string{"7abc": "11", "7": "", "8": "14"}},
		{"", text, map[string]string{"7": "", "8": "14"}},
		{"", number, map[string]string{"9007199254740993": "11", "9007199254740992": "14", "1abc": "", " 1": "", "1.0": "", "01": "", "": ""}},
	} {
		d := open(t, dsn, sqldirectory.Mapping{Companies: companies, Users: test.users, Resolve: test.resolve})
		for user, want := range test.want {
			if got, err := d.Resolve(t.Context(), user); err != nil || got != (rightful.Resolution{CompanyID: want}) {
				t.Errorf("%q in %s, of users %q: got %+v, %v; want %q", user, test.resolve, test.users, got, err, want)
			}
		}
	}
	// Where nothing tells the type of a user's id, memberships may.
	d := open(t, dsn, sqldirectory.Mapping{Companies: companies, Memberships: "SELECT nr AS user_id, company AS company_id FROM seats", Resolve: number})
	for user, want := range map[string]string{"1": "13", "x": "", "1x": ""} {
		if got, err := d.Resolve(t.Context(), user); err != nil || got.CompanyID != want {
			t.Errorf("%q: got %+v, %v; want %q", user, got, err, want)
		}
	}
}

func TestMySQLCutsItsOwnSQL(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		noEscapes bool
		sql, want string
	}{
		{false, `a = 'it\'s :user_id' AND b = :user_id`, `a = 'it\'s :user_id' AND b = ?       `},
		{true, `a = 'c:\' AND b = :user_id`, `a = 'c:\' AND b = ?       `},
		{false, "5--:user_id", "5--?       "},
		{false, "5 -- :user_id\n:user_id", "5 -- :user_id\n?       "},
		{false, "5 # :user_id '\n:user_id", "5 # :user_id '\n?       "},
		{false, "a[:user_id] = `:user_id`", "a[?       ] = `:user_id`"},
		{false, `":user_id\" = :user_id`, `":user_id\" = ?       `},
		{false, "/* /* :user_id */ :user_id", "/* /* :user_id */ ?       "},
	} {
		if got := sqldirectory.BindMySQL(test.noEscapes, test.sql); got != test.want {
			t.Errorf("%s (no escapes: %v):\ngot  %s\nwant %s", test.sql, test.noEscapes, got, test.want)
		}
	}
}

// TestMySQLStopsWhatNobodyWaitsFor looks at the server after the caller has
// gone.
func TestMySQLStopsWhatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	dsn := mariadb.with(t, "CREATE TABLE companies (id integer)")
	endless := "SELECT seq AS id FROM seq_1_to_9000000000000 WHERE seq % 2 > 1"
	d := open(t, dsn, sqldirectory.Mapping{Companies: companies, Users: endless})
	db := connect(t, mariadb.driver, dsn)
	running := func() (n int) {
		t.Helper()
		const count = "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID() AND info LIKE '%seq_1_to%'"
		if err := db.QueryRowContext(t.Context(), count).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		var got error
		for _, err := range d.Users(ctx, rightful.Select{}) {
			got = err
		}
		done <- got
	}()
	for running() == 0 {
		select {
		case err := <-done:
			t.Fatalf("it ended by itself: %v", err)
		default:
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the caller's own end", err)
	}
	for deadline := time.Now().Add(10 * time.Second); running() > 0; {
		if time.Now().After(deadline) {
			t.Fatal("the statement still runs")
		}
	}
}

func TestMySQLServerEndsStatements(t *testing.T) {
	t.Parallel()
	d := open(t, mariadb.with(t), sqldirectory.Mapping{Companies: "SELECT CAST(@@max_statement_time AS char) AS id, @@time_zone AS name"},
		sqldirectory.WithStatementTimeout(7*time.Second))
	wantRows(t, d.Companies(t.Context(), rightful.Select{}), rightful.Company{ID: "7.500000", Name: "+00:00"})
}

// TestMySQLIdsAreExact has columns that compare without regard to case, accents
// and blanks at the end, which ids do not. The index is used all the same.
func TestMySQLIdsAreExact(t *testing.T) {
	t.Parallel()
	dsn := mariadb.with(t,
		"CREATE TABLE companies (id varchar(40) COLLATE utf8mb4_general_ci, customer varchar(40) COLLATE utf8mb4_unicode_ci, KEY (id), KEY (customer))",
		"INSERT INTO companies VALUES ('org_a', 'cus_Ab'), ('ORG_A', 'cus_aB'), ('örg_a', 'cus_AB'), ('org_a ', 'cus_Ab ')",
		"INSERT INTO companies "+numbers(1500)+" SELECT CONCAT('other', i), CONCAT('cus_other', i) FROM n",
		"CREATE TABLE users (id integer PRIMARY KEY, mail varchar(80) COLLATE utf8mb4_general_ci, KEY (mail))",
		"INSERT INTO users VALUES (1, 'Ada@example.com'), (2, 'ada@EXAMPLE.com'), (3, 'áda@example.com')",
	)
	d := open(t, dsn, sqldirectory.Mapping{
		Companies: "SELECT id, customer AS stripe_customer_id FROM companies", Users: "SELECT id, mail AS email FROM users",
	}, sqldirectory.WithPageSize(1))
	for _, id := range []string{"org_a", "ORG_A", "örg_a", "org_a "} {
		if got := companyIDs(t, d, by(rightful.ByID, id)); !slices.Equal(got, []string{id}) {
			t.Errorf("%q finds %q", id, got)
		}
	}
	if got := companyIDs(t, d, by(rightful.ByID, "Org_a")); len(got) > 0 {
		t.Errorf("an id that no row has finds %q", got)
	}
	for customer, company := range map[string]string{"cus_Ab": "org_a", "cus_aB": "ORG_A", "cus_AB": "örg_a"} {
		if got := companyIDs(t, d, by(rightful.ByStripeCustomer, customer)); !slices.Equal(got, []string{company}) {
			t.Errorf("%s finds %q, want %q", customer, got, company)
		}
	}
	// Pages end between keys that the database takes for equal at no place.
	if got := companyIDs(t, d, rightful.Select{}); len(got) != 1504 {
		t.Errorf("the whole table has %d rows, want 1504", len(got))
	}
	var users []string
	for u, err := range d.Users(t.Context(), by(rightful.ByEmail, "ADA@example.com")) {
		if err != nil {
			t.Fatal(err)
		}
		users = append(users, u.ID)
	}
	slices.Sort(users)
	if !slices.Equal(users, []string{"1", "2"}) {
		t.Errorf("the email finds users %v, want 1 and 2: case says nothing, an accent does", users)
	}
	wantDiagnosis(t, d.Diagnose(t.Context()), rightful.LevelOK, "directory.companies", "looked up by id, stripe_customer_id with an index")
}
