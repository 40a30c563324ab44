package sqldirectory_test

import (
	"context"
	"database/sql"
	"net/url"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/source/sqldirectory"
	"rightful/internal/testserver"
)

const subsKey = "rightful_subs_sub_key"

// appOn makes the app on an engine.
func (e engine) appOn(t *testing.T, also ...string) (*sql.DB, *sqldirectory.Directory, string) {
	t.Helper()
	source, dsn := e.create(t)
	db := connect(t, e.driver, source)
	run(t, db, append(e.app(), also...)...)
	return db, open(t, dsn, appMapping), dsn
}

func run(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// until asks until the answer is the wanted one.
func until(t *testing.T, db *sql.DB, ask string, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for n := -1; n != want; {
		if err := db.QueryRowContext(ctx, ask).Scan(&n); err != nil {
			t.Fatalf("%s never became %d: %v", ask, want, err)
		}
	}
}

// TestConstraintsUnfinishedIndex: an index that somebody's CREATE INDEX
// CONCURRENTLY has left is dropped before it is made again, and until then it is
// not taken for the rule.
func TestConstraintsUnfinishedIndex(t *testing.T) {
	t.Parallel()
	db, d, dsn := engines[1].appOn(t, "INSERT INTO subs VALUES (3, 4, 'sub_1')")
	if _, err := db.ExecContext(t.Context(), "CREATE UNIQUE INDEX CONCURRENTLY "+subsKey+" ON subs (sub)"); err == nil {
		t.Fatal("the index was made of rows that are double")
	}
	until(t, db, "SELECT count(*) FROM pg_index WHERE NOT indisvalid", 1)
	if c := constraintsOf(t, d)[subsKey]; c.State != rightful.ConstraintBroken || c.Rows != 2 {
		t.Errorf("with rows that are double: %+v", c)
	}
	run(t, db, "DELETE FROM subs WHERE id = 3")
	c := constraintsOf(t, d)[subsKey]
	if c.State != rightful.ConstraintMissing || len(c.Statements) != 2 || !strings.HasPrefix(c.Statements[0].SQL, "DROP INDEX CONCURRENTLY") {
		t.Fatalf("%+v", c)
	}
	addAll(t, d, dsn)
	if c := constraintsOf(t, d)[subsKey]; c.State != rightful.ConstraintHolds {
		t.Errorf("afterwards: %+v", c)
	}
}

// TestConstraintInterrupted stops the building of an index while it waits for an
// old transaction: by the caller, and by the server. What is left heals in the
// next run.
func TestConstraintInterrupted(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(t *testing.T, db *sql.DB, cancel func()){
		"by the caller": func(_ *testing.T, _ *sql.DB, cancel func()) { cancel() },
		"by the server": func(t *testing.T, db *sql.DB, _ func()) {
			run(t, db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE UNIQUE INDEX%' AND pid <> pg_backend_pid()")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, d, dsn := engines[1].appOn(t)
			old, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := old.ExecContext(t.Context(), "UPDATE subs SET sub = sub WHERE id = 1"); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			rule := constraintsOf(t, d)[subsKey]
			w := constraintWriter(t, d, dsn, 100*time.Millisecond)
			go func() { ended <- w.AddConstraint(ctx, rule, func(rightful.ConstraintStatement) {}) }()
			until(t, db, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE UNIQUE INDEX%' AND wait_event_type = 'Lock'", 1)
			stop(t, db, cancel)
			if err := <-ended; err == nil || !strings.Contains(err.Error(), "could not be taken back yet") {
				t.Errorf("%v", err)
			} else {
				t.Log(err)
			}
			if err := old.Rollback(); err != nil {
				t.Fatal(err)
			}
			if c := constraintsOf(t, d)[subsKey]; c.State != rightful.ConstraintMissing || len(c.Statements) != 2 {
				t.Errorf("afterwards: %+v", c)
			}
			addAll(t, d, dsn)
			if c := constraintsOf(t, d)[subsKey]; c.State != rightful.ConstraintHolds {
				t.Errorf("in the end: %+v", c)
			}
		})
	}
}

// TestConstraintInterruptedOnMariaDB: a statement that its caller has left does not
// go on waiting, with everybody behind it.
func TestConstraintInterruptedOnMariaDB(t *testing.T) {
	t.Parallel()
	db, d, dsn := engines[2].appOn(t)
	old, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.ExecContext(t.Context(), "UPDATE subs SET sub = sub WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	rule := constraintsOf(t, d)[subsKey]
	w := constraintWriter(t, d, dsn, time.Minute)
	go func() { ended <- w.AddConstraint(ctx, rule, func(rightful.ConstraintStatement) {}) }()
	const waiting = "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND info LIKE 'ALTER TABLE%'"
	until(t, db, waiting, 1)
	cancel()
	if err := <-ended; rightful.KindOf(err) != rightful.KindUncertain {
		t.Errorf("%v", err)
	}
	until(t, db, waiting, 0)
	if err := old.Rollback(); err != nil {
		t.Fatal(err)
	}
	if c := constraintsOf(t, d)[subsKey]; c.State != rightful.ConstraintMissing {
		t.Errorf("afterwards: %+v", c)
	}
	addAll(t, d, dsn)
	if c := constraintsOf(t, d)[subsKey]; c.State != rightful.ConstraintHolds {
		t.Errorf("in the end: %+v", c)
	}
}

// TestConstraintsHalfDone: what a run that ended between two statements has left
// is finished, and not begun again.
func TestConstraintsHalfDone(t *testing.T) {
	t.Parallel()
	const notNull, fkey = "rightful_subs_company_id_not_null", "rightful_subs_company_id_fkey"
	addCheck := `ALTER TABLE "public"."subs" ADD CONSTRAINT "` + notNull + `" CHECK ("company_id" IS NOT NULL) NOT VALID`
	validate := `ALTER TABLE "public"."subs" VALIDATE CONSTRAINT "` + notNull + `"`
	setNotNull := `ALTER TABLE "public"."subs" ALTER COLUMN "company_id" SET NOT NULL`
	drop := `ALTER TABLE "public"."subs" DROP CONSTRAINT "` + notNull + `"`
	for _, test := range []struct {
		engine int
		done   []string
		rule   string
		left   []string
	}{
		{1, nil, notNull, []string{addCheck, validate, setNotNull, drop}},
		{1, []string{addCheck}, notNull, []string{validate, setNotNull, drop}},
		{1, []string{addCheck, validate}, notNull, []string{setNotNull, drop}},
		{1, []string{addCheck, validate, setNotNull}, notNull, []string{drop}},
		{1, []string{addCheck, validate, setNotNull, drop}, notNull, nil},
		{1, []string{"ALTER TABLE subs ADD CONSTRAINT other FOREIGN KEY (company_id) REFERENCES companies NOT VALID"}, fkey, []string{`ALTER TABLE "public"."subs" VALIDATE CONSTRAINT "other"`}},
		{
			0, []string{`CREATE TRIGGER "` + notNull + `_insert" AFTER INSERT ON "subs" WHEN NEW."company_id" IS NULL BEGIN SELECT RAISE(ABORT, '` + notNull + `'); END`}, notNull,
			[]string{
				`CREATE TRIGGER "` + notNull + `_update" AFTER UPDATE OF "company_id" ON "subs" WHEN NEW."company_id" IS NULL BEGIN SELECT RAISE(ABORT, '` + notNull + `'); END`,
				`SELECT count(*) FROM "subs" a WHERE a."company_id" IS NULL`,
			},
		},
	} {
		_, d, dsn := engines[test.engine].appOn(t, test.done...)
		c := constraintsOf(t, d)[test.rule]
		var left []string
		for _, s := range c.Statements {
			left = append(left, s.SQL)
			if s.Lock == "" || s.Held == "" {
				t.Errorf("%s says not what it locks: %+v", s.SQL, s)
			}
		}
		if strings.Join(left, "\n") != strings.Join(test.left, "\n") {
			t.Errorf("after %q:\n%s\nwant\n%s", test.done, strings.Join(left, "\n"), strings.Join(test.left, "\n"))
		}
		addAll(t, d, dsn)
		if c := constraintsOf(t, d)[test.rule]; c.State != rightful.ConstraintHolds {
			t.Errorf("after %q it is %s in the end", test.done, c.State)
		}
	}
}

// TestConstraintsOfSomebodyElse: something else has the name.
func TestConstraintsOfSomebodyElse(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		_, d, _ := e.appOn(t, "CREATE UNIQUE INDEX "+subsKey+" ON subs (sub, company_id)")
		if c := constraintsOf(t, d)[subsKey]; c.State != rightful.ConstraintUnable || !strings.Contains(c.Why, "says something else") {
			t.Errorf("%+v", c)
		}
	})
}

// TestConstraintsKeepTheDefinition: MySQL's MODIFY repeats all of a column.
func TestConstraintsKeepTheDefinition(t *testing.T) {
	t.Parallel()
	source, dsn := engines[2].create(t)
	db := connect(t, "mysql", source)
	run(t, db,
		"CREATE TABLE companies (id varchar(40) COLLATE utf8mb4_bin PRIMARY KEY)",
		"CREATE TABLE subs (id integer PRIMARY KEY, company_id varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT 'x DEFAULT NULL' COMMENT 'it''s, NULL DEFAULT NULL' CHECK (company_id <> 'zz'), sub varchar(90))",
	)
	d := open(t, dsn, sqldirectory.Mapping{Companies: "SELECT id FROM companies", Subscriptions: "SELECT id, company_id, sub AS stripe_subscription_id FROM subs"})
	addAll(t, d, dsn)
	var name, text string
	if err := db.QueryRowContext(t.Context(), "SHOW CREATE TABLE subs").Scan(&name, &text); err != nil {
		t.Fatal(err)
	}
	const want = `varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT 'x DEFAULT NULL' COMMENT 'it''s, NULL DEFAULT NULL' CHECK ("company_id" <> 'zz')`
	if !strings.Contains(text, want) {
		t.Errorf("%s", text)
	}
	if c := constraintsOf(t, d)["rightful_subs_company_id_fkey"]; c.State != rightful.ConstraintHolds {
		t.Errorf("%+v", c)
	}
}

// TestConstraintsInSchemas: the table that the query reads is the one that gets
// the rule, also where another has its name.
func TestConstraintsInSchemas(t *testing.T) {
	t.Parallel()
	dsn := testserver.Postgres(t)
	db := connect(t, "pgx", dsn)
	run(t, db,
		"CREATE SCHEMA app", "CREATE TABLE companies (id integer PRIMARY KEY, stripe_customer_id text)",
		"CREATE TABLE app.companies (id integer PRIMARY KEY, stripe_customer_id text)",
		"INSERT INTO companies VALUES (1, 'cus_1'), (2, 'cus_1')",
	)
	d := open(t, dsn+"&search_path=app,public", sqldirectory.Mapping{Companies: "SELECT id, stripe_customer_id FROM companies"})
	c := constraintsOf(t, d)["rightful_companies_stripe_customer_id_key"]
	if c.State != rightful.ConstraintMissing || c.Table != `"app"."companies"` {
		t.Fatalf("%+v", c)
	}
	addAll(t, d, dsn) // whose search_path is another
	until(t, db, "SELECT count(*) FROM pg_indexes WHERE schemaname = 'app' AND indexname = '"+c.Name+"'", 1)
	if c := constraintsOf(t, open(t, dsn, sqldirectory.Mapping{Companies: "SELECT id, stripe_customer_id FROM companies"}))[c.Name]; c.State != rightful.ConstraintBroken {
		t.Errorf("the other one: %+v", c)
	}
}

// TestConstraintsNeedTheOwner: a user who only reads sees how things stand, and is
// told which address adding rules needs.
func TestConstraintsNeedTheOwner(t *testing.T) {
	t.Parallel()
	db, _, dsn := engines[1].appOn(t)
	role := "reader_" + strings.ToLower(t.Name()[4:]) + "_" + dsn[strings.LastIndex(dsn, "_")+1:strings.Index(dsn, "?")]
	role = role[:50]
	run(t, db, `CREATE ROLE "`+role+`" LOGIN PASSWORD 'reader'`, `GRANT SELECT ON ALL TABLES IN SCHEMA public TO "`+role+`"`)
	t.Cleanup(func() {
		_, _ = db.ExecContext(context.Background(), `DROP OWNED BY "`+role+`"`)
		_, _ = db.ExecContext(context.Background(), `DROP ROLE "`+role+`"`)
	})
	at, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	at.User = url.UserPassword(role, "reader")
	d := open(t, at.String(), appMapping)
	c := constraintsOf(t, d)[subsKey]
	if c.State != rightful.ConstraintMissing {
		t.Fatalf("%+v", c)
	}
	err = constraintWriter(t, d, at.String(), 0).AddConstraint(t.Context(), c, func(rightful.ConstraintStatement) {})
	if rightful.KindOf(err) != rightful.KindForbidden || !strings.Contains(err.Error(), "RIGHTFUL_DDL_DSN") {
		t.Errorf("%v", err)
	}
}

// TestConstraintTriggersMissNothing: the ways past a trigger in SQLite.
func TestConstraintTriggersMissNothing(t *testing.T) {
	t.Parallel()
	db, d, dsn := engines[0].appOn(t, "CREATE UNIQUE INDEX one ON subs (sub)")
	addAll(t, d, dsn)
	for _, statement := range []string{
		"REPLACE INTO subs VALUES (1, NULL, 'sub_1')",
		"INSERT OR IGNORE INTO subs VALUES (9, NULL, 'sub_9')",
		"INSERT INTO subs VALUES (1, 4, 'sub_1') ON CONFLICT DO UPDATE SET company_id = NULL",
		"UPDATE OR IGNORE subs SET company_id = NULL",
		"INSERT INTO subs SELECT 9, NULL, 'sub_9'",
		"UPDATE subs SET (company_id, sub) = (NULL, 'x') WHERE id = 1",
	} {
		if err := within(t, db, statement); err == nil {
			t.Errorf("gets through: %s", statement)
		}
	}
}
