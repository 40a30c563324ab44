package sqldirectory_test

import (
	"slices"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/source/sqldirectory"
)

// examine opens a directory that may have mistakes.
func examine(t *testing.T, dsn string, m sqldirectory.Mapping) *sqldirectory.Directory {
	t.Helper()
	d, err := sqldirectory.Examine(t.Context(), dsn, m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// TestExamineGoesOnAfterMistakes: each query with one is told, and none of them
// is taken for not mapped.
func TestExamineGoesOnAfterMistakes(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		m := grownMapping
		m.Users = "SELECT nr AS id, emial AS email FROM people"
		m.Memberships = "SELECT person AS user_id, org AS company_id FROM saets"
		m.Links = "SELECT org AS company_id FROM accounts"
		m.Resolve = "SELECT org FROM seats WHERE WHERE person = :user_id"
		d := examine(t, e.with(t, append(slices.Clone(grown), e.indexed()...)...), m)
		got := d.Diagnose(t.Context())
		bad := atLevel(got, rightful.LevelError)
		if len(bad) != 4 || len(atLevel(got, rightful.LevelWarning)) > 0 {
			t.Errorf("want 4 errors and no warning, got:\n%s", diagnoses(got))
		}
		wantDiagnosis(t, bad, rightful.LevelError, "directory.users", "emial", "check the name")
		wantDiagnosis(t, bad, rightful.LevelError, "directory.memberships", "saets", "check the table's name")
		wantDiagnosis(t, bad, rightful.LevelError, "directory.links", "no column stripe_customer_id", "AS stripe_customer_id")
		wantDiagnosis(t, bad, rightful.LevelError, "directory.resolve", "syntax error", "by hand")
		wantDiagnosis(t, got, rightful.LevelOK, "directory.companies", "1,500 rows")
		wantDiagnosis(t, got, rightful.LevelOK, "directory.subscriptions", "looked up by company_id")

		if ids := companyIDs(t, d, by(rightful.ByID, "4")); !slices.Equal(ids, []string{"4"}) {
			t.Errorf("the good query finds %v", ids)
		}
		errs := 0
		for _, err := range d.Users(t.Context(), rightful.Select{}) {
			if rightful.KindOf(err) == rightful.KindInvalid {
				errs++
			}
		}
		if _, err := d.Resolve(t.Context(), "4"); errs != 1 || rightful.KindOf(err) != rightful.KindInvalid {
			t.Errorf("a broken query yields %d errors, and the resolver %v", errs, err)
		}
	})
}

func TestExamineSaysWhatTheResolverWaitsFor(t *testing.T) {
	t.Parallel()
	e := engines[0]
	dsn := e.with(t, grown...)
	for resolve, m := range map[string]sqldirectory.Mapping{
		"":           {Companies: grownMapping.Companies, Users: "SELECT nr FROM people"},
		"direct":     {Companies: grownMapping.Companies, Users: "SELECT nr FROM people"},
		"owner":      {Companies: "SELECT nr FROM orgs", Users: grownMapping.Users},
		"membership": {Companies: grownMapping.Companies, Memberships: "SELECT nr FROM seats"},
		"SELECT org FROM seats WHERE person = :user_id": {Companies: "SELECT nr FROM orgs", Users: grownMapping.Users},
	} {
		m.Resolve = resolve
		got := examine(t, dsn, m).Diagnose(t.Context())
		if bad := atLevel(got, rightful.LevelError); len(bad) != 1 {
			t.Errorf("%q: want one error, got:\n%s", resolve, diagnoses(bad))
		}
		wantDiagnosis(t, got, rightful.LevelWarning, "directory.resolve", "it rests on directory.", "first")
	}
	// A query of its own mistake is none of the others'.
	got := examine(t, dsn, sqldirectory.Mapping{Companies: grownMapping.Companies, Users: "SELECT nr AS id FROM people", Resolve: "direct"}).Diagnose(t.Context())
	wantDiagnosis(t, got, rightful.LevelError, "directory.resolve", "needs the column company_id")
}

func TestExamineEndsAtADeadDatabase(t *testing.T) {
	t.Parallel()
	if _, err := sqldirectory.Examine(t.Context(), "sqlite:"+t.TempDir()+"/app.db", grownMapping); rightful.KindOf(err) != rightful.KindInvalid {
		t.Errorf("got %v", err)
	}
}

// TestEveryMistakeSaysWhatToDo has what databases say in words of their own.
func TestEveryMistakeSaysWhatToDo(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t, schema...)
		db := connect(t, e.driver, strings.TrimPrefix(dsn, "sqlite:"))
		for _, statement := range []string{"CREATE TABLE gone (id integer)", "CREATE VIEW stale AS SELECT id FROM gone", "DROP TABLE gone"} {
			if _, err := db.ExecContext(t.Context(), statement); err != nil && e.name != "postgres" { // which keeps it
				t.Fatal(err)
			}
		}
		for query, todo := range map[string]string{
			"SELECT id FROM stale":                                   "",
			"SELECT id FROM compnies":                                "check the table's name",
			"SELECT id FROM nowhere.companies":                       "",
			"SELECT nr AS id FROM companies":                         "check the name",
			"SELECT id FORM companies":                               "",
			"SELECT id FROM companies WHERE":                         "by hand",
			"SELECT no_such_function(id) AS id FROM companies":       "",
			"SELECT c.id FROM companies c JOIN users u ON id = u.id": "by hand",
		} {
			if e.name == "postgres" && strings.Contains(query, "stale") {
				continue
			}
			err := refused(t, dsn, sqldirectory.Mapping{Companies: query})
			if err.Place != "directory.companies" || err.Hint == "" || !strings.Contains(err.Hint, todo) {
				t.Errorf("%s: want a hint with %q, got: %v", query, todo, err)
			}
		}
	})
}

func TestDiagnoseTriesTheResolver(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t, append(slices.Clone(grown),
			"CREATE TABLE fast (person integer PRIMARY KEY, org integer)", "INSERT INTO fast SELECT nr, nr FROM orgs",
			"CREATE TABLE alike (person integer, org integer)", "INSERT INTO alike SELECT nr, nr FROM orgs", "INSERT INTO alike SELECT nr, nr + 1 FROM orgs",
		)...)
		ok, warning := rightful.LevelOK, rightful.LevelWarning
		for _, tt := range []struct {
			resolve string
			level   rightful.Level
			texts   []string
		}{
			{"SELECT org FROM fast WHERE person = :user_id", ok, []string{"of 10 users tried, 10 have a company"}},
			{"SELECT org FROM fast WHERE person = :user_id", ok, []string{"run for a user with an index"}},
			{"SELECT org FROM seats WHERE person = :user_id", warning, []string{"for each user it reads all of seats", "index the column of seats"}},
			{"SELECT f.org FROM fast f JOIN subs s ON s.org = f.org WHERE f.person = :user_id", warning, []string{"reads all of s", "joins"}},
			{"SELECT org FROM alike WHERE person = :user_id", warning, []string{"and 10 have several", "LIMIT 1"}},
			{"SELECT org + 5000 FROM fast WHERE person = :user_id", warning, []string{"which is no id in directory.companies", "first column"}},
			{"SELECT org FROM fast WHERE person = :user_id AND person < 0", warning, []string{"of 10 users tried, 0 have a company", "by hand"}},
		} {
			m := grownMapping
			m.Resolve = tt.resolve
			wantDiagnosis(t, open(t, dsn, m).Diagnose(t.Context()), tt.level, "directory.resolve", tt.texts...)
		}

		m := grownMapping
		m.Users, m.Resolve = "SELECT nr AS id FROM people WHERE nr < 0", "SELECT org FROM fast WHERE person = :user_id"
		wantDiagnosis(t, open(t, dsn, m).Diagnose(t.Context()), warning, "directory.resolve", "no user to try it for")
		m.Users = "" // then memberships know some
		wantDiagnosis(t, open(t, dsn, m).Diagnose(t.Context()), ok, "directory.resolve", "of 10 users tried")
	})
}

// TestDiagnoseRunsTheResolver: what only running it shows.
func TestDiagnoseRunsTheResolver(t *testing.T) {
	t.Parallel()
	e := engines[1]
	m := grownMapping
	m.Resolve = "SELECT nr / (nr - nr) FROM people WHERE nr = :user_id"
	wantDiagnosis(t, open(t, e.with(t, grown...), m).Diagnose(t.Context()), rightful.LevelError, "directory.resolve", "cannot be run for user", "division by zero", "by hand")
}
