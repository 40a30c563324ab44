package sqldirectory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/source/sqldirectory"
)

// numbers is a table of i from 1 on, for INSERT ... SELECT.
func numbers(count int) string {
	return fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)", count)
}

// wantDiagnosis expects one line of that level and place with each of the
// texts.
func wantDiagnosis(t *testing.T, all []rightful.Diagnosis, level rightful.Level, place string, texts ...string) {
	t.Helper()
	if !slices.ContainsFunc(all, func(d rightful.Diagnosis) bool {
		return d.Level == level && d.Place == place && !slices.ContainsFunc(texts, func(text string) bool {
			return !strings.Contains(d.Says+"\n"+d.Todo, text)
		})
	}) {
		t.Errorf("no diagnosis of %s at %s with %q; there are:\n%s", level, place, texts, diagnoses(all))
	}
}

func diagnoses(all []rightful.Diagnosis) string {
	var b strings.Builder
	for _, d := range all {
		fmt.Fprintf(&b, "  %-8s %-24s %s\n", d.Level, d.Place, d.Says)
		if d.Todo != "" {
			fmt.Fprintf(&b, "  %34s%s\n", "", d.Todo)
		}
	}
	return b.String()
}

func atLevel(all []rightful.Diagnosis, level rightful.Level) []rightful.Diagnosis {
	var some []rightful.Diagnosis
	for _, d := range all {
		if d.Level == level {
			some = append(some, d)
		}
	}
	return some
}

// indexed is an app that has an index for everything.
func (e engine) indexed() []string {
	lower := "(lower(mail))"
	if e.name == "mariadb" {
		lower = "(mail)" // the column ignores case itself
	}
	return []string{
		"CREATE INDEX orgs_customer ON orgs (customer)", "CREATE INDEX orgs_owner ON orgs (owner)",
		"CREATE INDEX people_mail ON people " + lower, "CREATE INDEX people_org ON people (org)",
		"CREATE INDEX seats_person ON seats (person)", "CREATE INDEX seats_org ON seats (org)",
		"CREATE INDEX subs_org ON subs (org)", "CREATE INDEX subs_cus ON subs (cus)", "CREATE INDEX subs_sub ON subs (sub)",
		"CREATE INDEX accounts_org ON accounts (org)", "CREATE INDEX accounts_cus ON accounts (cus)",
	}
}

var grown = []string{
	"CREATE TABLE orgs (nr integer PRIMARY KEY, title varchar(80), owner integer, customer varchar(80))",
	"CREATE TABLE people (nr integer PRIMARY KEY, mail varchar(100), org integer)",
	"CREATE TABLE seats (person integer, org integer, since integer, till integer)",
	"CREATE TABLE subs (nr integer PRIMARY KEY, org integer, cus varchar(80), sub varchar(80), state varchar(20))",
	"CREATE TABLE accounts (org integer, cus varchar(80))",
	"INSERT INTO orgs " + numbers(1500) + " SELECT i, 'org', 7, 'cus_' || i FROM n",
	"INSERT INTO people SELECT nr, 'u' || nr || '@example.com', nr FROM orgs",
	"INSERT INTO seats SELECT nr, nr, 0, NULL FROM orgs",
	"INSERT INTO subs SELECT nr, nr, 'cus_' || nr, 'sub_' || nr, 'active' FROM orgs",
	"INSERT INTO accounts SELECT nr, 'cus_' || nr FROM orgs",
}

var grownMapping = sqldirectory.Mapping{
	Companies:     "SELECT nr AS id, title AS name, owner AS owner_user_id, customer AS stripe_customer_id FROM orgs",
	Users:         "SELECT p.nr AS id, p.mail AS email, p.org AS company_id FROM people AS p",
	Memberships:   "SELECT person AS user_id, org company_id, since AS joined_at, till AS left_at FROM seats",
	Subscriptions: "SELECT nr AS id, org AS company_id, cus AS stripe_customer_id, sub AS stripe_subscription_id, state AS status FROM subs",
	Links:         "SELECT org AS company_id, cus AS stripe_customer_id FROM accounts",
}

func TestDiagnoseOfAHealthyDatabase(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		d := open(t, e.with(t, append(slices.Clone(grown), e.indexed()...)...), grownMapping)
		got := d.Diagnose(t.Context())
		if bad := append(atLevel(got, rightful.LevelWarning), atLevel(got, rightful.LevelError)...); len(bad) > 0 {
			t.Errorf("a healthy database has:\n%s", diagnoses(bad))
		}
		ok := rightful.LevelOK
		wantDiagnosis(t, got, ok, "directory.dsn", map[string]string{"sqlite": "SQLite 3.", "postgres": "PostgreSQL 1", "mariadb": "MariaDB 1"}[e.name], "answers")
		wantDiagnosis(t, got, ok, "directory.dsn", "reads cannot write: ", map[string]string{
			"sqlite": "query_only = 1", "postgres": "transaction_read_only = on", "mariadb": "READ ONLY transaction",
		}[e.name])
		if e.name != "sqlite" {
			wantDiagnosis(t, got, ok, "directory.dsn", "clock agrees")
		}
		number, text := map[string]string{"sqlite": "integer", "postgres": "int4", "mariadb": "int"}[e.name], "varchar"
		if e.name == "sqlite" {
			text = "varchar(80)"
		}
		wantDiagnosis(t, got, ok, "directory.companies", "1,500 rows; columns id ("+number+"), name, owner_user_id ("+number+"), stripe_customer_id ("+text+")",
			"without deleted_at, merged_into")
		for place, by := range map[string]string{
			"companies": "id, stripe_customer_id, owner_user_id", "users": "id, email, company_id", "memberships": "user_id, company_id",
			"subscriptions": "company_id, stripe_customer_id, stripe_subscription_id", "links": "company_id, stripe_customer_id",
		} {
			wantDiagnosis(t, got, ok, "directory."+place, "looked up by "+by+" with an index")
		}
		wantDiagnosis(t, got, ok, "directory.resolve", "direct")
	})
}

func TestDiagnoseSaysWhichIndexIsMissing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t, grown...)
		got := open(t, dsn, grownMapping).Diagnose(t.Context())
		create := func(table, column string) string {
			name, as := strings.ToLower(strings.Trim(column, `"`)), column
			if column == "mail" && e.name != "mariadb" {
				as = "lower(mail)"
			}
			if e.name == "postgres" {
				return "CREATE INDEX CONCURRENTLY ON " + table + " (" + as + ")"
			}
			return "CREATE INDEX " + table + "_" + name + " ON " + table + " (" + as + ")"
		}
		for place, columns := range map[string]map[string]string{
			"companies":     {"stripe_customer_id": create("orgs", "customer"), "owner_user_id": create("orgs", "owner")},
			"users":         {"email": create("people", "mail"), "company_id": create("people", "org")},
			"memberships":   {"user_id": create("seats", "person"), "company_id": create("seats", "org")},
			"subscriptions": {"company_id": create("subs", "org"), "stripe_customer_id": create("subs", "cus"), "stripe_subscription_id": create("subs", "sub")},
			"links":         {"company_id": create("accounts", "org"), "stripe_customer_id": create("accounts", "cus")},
		} {
			for column, todo := range columns {
				wantDiagnosis(t, got, rightful.LevelWarning, "directory."+place, "no index serves a lookup by "+column+":", todo)
			}
		}
		wantDiagnosis(t, got, rightful.LevelOK, "directory.companies", "looked up by id with an index")
		// What it says to do helps.
		db := connect(t, e.driver, strings.TrimPrefix(dsn, "sqlite:"))
		for _, d := range got {
			if strings.HasPrefix(d.Todo, "CREATE INDEX") {
				if _, err := db.ExecContext(t.Context(), d.Todo); err != nil {
					t.Errorf("%s: %v", d.Todo, err)
				}
			}
		}
		if left := atLevel(open(t, dsn, grownMapping).Diagnose(t.Context()), rightful.LevelWarning); len(left) > 0 {
			t.Errorf("after that there are:\n%s", diagnoses(left))
		}
	})
}

// TestDiagnoseLooksThroughQueries has lookups that are served, or not, in
// queries of many forms.
func TestDiagnoseLooksThroughQueries(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t, append(slices.Clone(grown), "CREATE INDEX people_org ON people (org)",
			"CREATE TABLE plans (nr integer, org integer)", "INSERT INTO plans VALUES (1, 1), (2, 2)",
			"CREATE TABLE owned (id integer, company_id integer)", "INSERT INTO owned SELECT nr, org FROM people",
			"CREATE TABLE alike (id integer, company_id integer)", "INSERT INTO alike SELECT nr, 1 FROM people", "CREATE INDEX alike_company ON alike (company_id)")...)
		if e.name == "postgres" {
			db := connect(t, e.driver, dsn)
			if _, err := db.ExecContext(t.Context(), "ANALYZE"); err != nil {
				t.Fatal(err)
			}
		}
		for query, todo := range map[string]string{
			"SELECT p.nr AS id, o.nr AS company_id FROM people p JOIN orgs o ON o.nr = p.org":                                                    "", // both have keys
			"SELECT p.nr AS id, o.customer AS company_id FROM people p JOIN orgs o ON o.nr = p.org":                                              "orgs",
			"SELECT id, company_id FROM alike":                                                                                                   "", // an index, which no planner would take
			"SELECT p.nr AS id, p.org AS company_id FROM people p LEFT JOIN subs b ON b.org = p.org WHERE b.state IS NULL OR b.state = 'active'": "joins it",
			"SELECT * FROM owned -- all":                                                                                   "owned (company_id)",
			"SELECT id, company_id FROM owned":                                                                             "owned (company_id)",
			"SELECT nr AS id, org + 1 AS company_id FROM people":                                                           "let it return the stored column",
			"SELECT nr AS id, min(org) AS company_id FROM people GROUP BY nr":                                              "let it return the stored column",
			"WITH all_of_them AS (SELECT * FROM people) SELECT nr AS id, org AS company_id FROM all_of_them":               "",
			"SELECT nr AS id, org AS company_id FROM plans":                                                                "", // few
			"SELECT nr AS id, (SELECT o.owner FROM orgs o WHERE o.nr = people.org) AS company_id FROM people":              "let it return the stored column",
			"SELECT person AS id, org AS company_id FROM seats /* no index */":                                             "seats",
			"SELECT s.nr AS id, \"s\".\"org\" AS company_id, s.*\nFROM subs s, orgs WHERE orgs.nr = s.nr ORDER BY orgs.nr": "subs",
		} {
			t.Run(query, func(t *testing.T) {
				d := open(t, dsn, sqldirectory.Mapping{Companies: "SELECT nr AS id FROM orgs", Users: query})
				var lookups []rightful.Diagnosis
				for _, one := range atLevel(d.Diagnose(t.Context()), rightful.LevelWarning) {
					if strings.Contains(one.Says, "by company_id") {
						lookups = append(lookups, one)
					}
				}
				switch {
				case todo == "" && len(lookups) > 0:
					t.Errorf("an index serves, and it says:\n%s", diagnoses(lookups))
				case todo != "" && (len(lookups) != 1 || !strings.Contains(lookups[0].Todo, todo)):
					t.Errorf("want a hint with %q, got:\n%s", todo, diagnoses(lookups))
				}
			})
		}
	})
}

func TestDiagnoseSaysWhatIsNotMapped(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t, "CREATE TABLE companies (id integer)", "CREATE TABLE users (id integer)")
		warning := rightful.LevelWarning
		got := open(t, dsn, sqldirectory.Mapping{
			Companies: companies, Users: "SELECT id FROM users", Memberships: "SELECT id AS user_id, id AS company_id FROM users",
			Subscriptions: "SELECT id, id AS company_id, id AS stripe_subscription_id FROM users",
		}).Diagnose(t.Context())
		wantDiagnosis(t, got, warning, "directory.companies", "no rows", "right database")
		wantDiagnosis(t, got, warning, "directory.users", "no rows")
		wantDiagnosis(t, got, warning, "directory.users", "no column email", "... AS email")
		wantDiagnosis(t, got, warning, "directory.memberships", "no column joined_at", "no history")
		wantDiagnosis(t, got, warning, "directory.memberships", "no column left_at", "a buyer's past companies are unknown")
		wantDiagnosis(t, got, warning, "directory.subscriptions", "no column status")
		wantDiagnosis(t, got, warning, "directory.companies", "what the app links is not judged")
		wantDiagnosis(t, got, rightful.LevelOK, "directory.resolve", "membership")

		got = open(t, dsn, sqldirectory.Mapping{Companies: companies}).Diagnose(t.Context())
		wantDiagnosis(t, got, warning, "directory.users", "not mapped")
		wantDiagnosis(t, got, warning, "directory.subscriptions", "RF401")
		wantDiagnosis(t, got, warning, "directory.resolve", "nothing says how")
	})
}

func TestDiagnoseComparesClocks(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, e engine) {
		dsn := e.with(t, "CREATE TABLE companies (id integer)")
		for shift, text := range map[time.Duration]string{
			0: "", 3 * time.Second: "", -3 * time.Second: "", time.Minute: "1m0s behind ours", -time.Hour: "1h0m0s ahead of ours",
		} {
			clock := func() time.Time { return time.Now().Add(shift) }
			got := open(t, dsn, sqldirectory.Mapping{Companies: companies}, sqldirectory.WithClock(clock)).Diagnose(t.Context())
			if text == "" {
				wantDiagnosis(t, got, rightful.LevelOK, "directory.dsn", "clock agrees")
				continue
			}
			wantDiagnosis(t, got, rightful.LevelWarning, "directory.dsn", text, "NTP")
		}
	})
}

func TestDiagnoseOfWhatDoesNotWork(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t, "CREATE TABLE companies (id integer)", "CREATE TABLE users (id integer)")
		d := open(t, dsn, sqldirectory.Mapping{Companies: companies, Users: "SELECT id FROM users"})
		db := connect(t, e.driver, strings.TrimPrefix(dsn, "sqlite:"))
		if _, err := db.ExecContext(t.Context(), "DROP TABLE users"); err != nil {
			t.Fatal(err)
		}
		wantDiagnosis(t, d.Diagnose(t.Context()), rightful.LevelError, "directory.users", "its rows could not be counted", "users")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got := d.Diagnose(ctx); len(got) != 1 || got[0].Level != rightful.LevelError || got[0].Place != "directory.dsn" {
			t.Errorf("when interrupted it says:\n%s", diagnoses(got))
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if got := d.Diagnose(t.Context()); len(got) != 1 || got[0].Level != rightful.LevelError || got[0].Place != "directory.dsn" {
			t.Errorf("when closed it says:\n%s", diagnoses(got))
		}
	})
}
