package sqldirectory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/source/sqldirectory"
)

// TestConstraintsOfLiveCompanies: a company that is gone may keep the customer
// that a live one has, where the engine has an index of some rows only.
func TestConstraintsOfLiveCompanies(t *testing.T) {
	t.Parallel()
	const rule = "rightful_companies_stripe_customer_id_key"
	gone := "UPDATE companies SET stripe_customer_id = 'cus_4', deleted_at = '2026-01-01 00:00:00' WHERE id = 11"
	onEach(t, func(t *testing.T, e engine) {
		source, dsn := e.create(t)
		db := connect(t, e.driver, source)
		for _, statement := range append(e.app(), gone, "INSERT INTO members VALUES (1, 4, '2025-01-01 00:00:00'), (1, 4, '2025-02-01 00:00:00')") {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
		d := open(t, dsn, appMapping)
		c := constraintsOf(t, d)[rule]
		if e.name == "mariadb" {
			if c.State != rightful.ConstraintBroken || c.Rows != 2 || !strings.Contains(strings.Join(c.Notes, " "), "RF603") {
				t.Errorf("%+v", c)
			}
			return
		}
		if c.State != rightful.ConstraintMissing || !strings.HasPrefix(c.Says, "no two live companies link one customer, unless") {
			t.Fatalf("%+v", c)
		}
		if added := addAll(t, d, dsn); !slices.Contains(added, "rightful_members_user_id_company_id_key") {
			t.Errorf("past memberships stand in the way: added %v", added)
		}
		if err := within(t, db, "UPDATE companies SET deleted_at = NULL WHERE id = 11"); err == nil {
			t.Error("a company comes back with the customer of another")
		}
		if err := within(t, db, "UPDATE companies SET stripe_customer_id = 'cus_4' WHERE id = 16"); err != nil {
			t.Errorf("company 4 pays for company 16: %v", err)
		}
		if got := constraintsOf(t, d)[rule]; got.State != rightful.ConstraintHolds {
			t.Errorf("afterwards: %+v", got)
		}
	})
}

// TestConstraintsThatAreThere: what keeps a rule under another name is found, and
// what looks like it and is weaker is not taken for it.
func TestConstraintsThatAreThere(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t,
			"CREATE TABLE users (id integer PRIMARY KEY)",
			"CREATE TABLE companies (id integer PRIMARY KEY, owner_id integer, stripe_customer_id varchar(100) CHECK (stripe_customer_id <> ''), FOREIGN KEY (owner_id) REFERENCES users (id) ON DELETE CASCADE)",
			"CREATE UNIQUE INDEX one_customer ON companies (stripe_customer_id)",
			"CREATE TABLE members (user_id integer NOT NULL, company_id integer NOT NULL, role integer, PRIMARY KEY (user_id, company_id))",
			"CREATE TABLE subs (id integer PRIMARY KEY, company_id integer NOT NULL, sub varchar(100), kind varchar(10), FOREIGN KEY (company_id) REFERENCES users (id))",
			"CREATE UNIQUE INDEX wider ON subs (sub, kind)",
		)
		all := constraintsOf(t, open(t, dsn, sqldirectory.Mapping{
			Companies: "SELECT id, owner_id AS owner_user_id, stripe_customer_id FROM companies", Users: "SELECT id FROM users",
			Memberships: "SELECT * FROM members", Subscriptions: "SELECT id, company_id, sub stripe_subscription_id FROM subs",
		}))
		for _, name := range []string{
			"rightful_companies_stripe_customer_id_key", "rightful_companies_owner_id_fkey", "rightful_companies_stripe_customer_id_not_empty",
			"rightful_members_user_id_company_id_key", "rightful_members_user_id_not_null", "rightful_subs_company_id_not_null",
		} {
			if c := all[name]; c.State != rightful.ConstraintHolds || c.By == "" {
				t.Errorf("%s is %q by %q %s", name, c.State, c.By, c.Why)
			}
		}
		if c := all["rightful_companies_owner_id_fkey"]; !strings.Contains(strings.Join(c.Notes, " "), "CASCADE") {
			t.Errorf("the cascade is not told: %v", c.Notes)
		}
		if c := all["rightful_subs_sub_key"]; c.State != rightful.ConstraintMissing {
			t.Errorf("an index of further columns is taken for the rule: %+v", c)
		}
		if c := all["rightful_subs_company_id_fkey"]; c.State == rightful.ConstraintHolds {
			t.Errorf("a key to another table is taken for the rule: %+v", c)
		}
	})
}

// TestConstraintsOfOddNames: capitals, quotes, reserved words.
func TestConstraintsOfOddNames(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t,
			`CREATE TABLE "Or""der" ("ID" integer PRIMARY KEY, "select" integer, "Stripe ""id" varchar(100))`,
			`CREATE TABLE "group" ("user" integer, "Or" integer)`,
			`CREATE TABLE "Users" (id integer PRIMARY KEY)`,
			`INSERT INTO "Or""der" VALUES (1, NULL, 'cus_1')`,
		)
		d := open(t, dsn, sqldirectory.Mapping{
			Companies:   `SELECT "ID" AS id, o."select" AS owner_user_id, "Stripe ""id" AS stripe_customer_id FROM "Or""der" o`,
			Users:       `SELECT id FROM "Users"`,
			Memberships: `SELECT "user" AS user_id, "Or" AS company_id FROM "group" -- from here`,
		})
		added := addAll(t, d, dsn)
		for _, want := range []string{`rightful_Or"der_Stripe "id_key`, "rightful_group_user_not_null"} {
			if !slices.Contains(added, want) {
				t.Errorf("%s was not added: %v", want, added)
			}
		}
		for name, c := range constraintsOf(t, d) {
			if c.State == rightful.ConstraintMissing || c.State == rightful.ConstraintUnknown || c.State == rightful.ConstraintBroken {
				t.Errorf("%s is %s: %s", name, c.State, c.Why)
			}
		}
	})
}

// TestConstraintsCannotTell: what is no row of a table gets no rule.
func TestConstraintsCannotTell(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t, append(e.app(), "CREATE VIEW seen AS SELECT id, stripe_customer_id FROM companies")...)
		for _, companies := range []string{
			"SELECT id, stripe_customer_id FROM seen",
			"SELECT c.id, c.stripe_customer_id FROM companies c JOIN users u ON u.id = c.owner_id",
			"SELECT id, lower(stripe_customer_id) AS stripe_customer_id FROM companies",
			"SELECT id, 'cus_1' AS stripe_customer_id FROM companies",
			"SELECT id + 0 AS id, 'cus_1' AS stripe_customer_id FROM companies",
			"SELECT DISTINCT id, stripe_customer_id FROM companies",
			"SELECT id, max(stripe_customer_id) AS stripe_customer_id FROM companies GROUP BY id",
			"SELECT id, stripe_customer_id FROM companies UNION SELECT id, email FROM users",
			"WITH c AS (SELECT id, stripe_customer_id FROM companies) SELECT * FROM c",
			"SELECT id, stripe_customer_id FROM (SELECT id, stripe_customer_id FROM companies) c",
			"SELECT id, stripe_customer_id FROM companies WHERE id > 0 OR id < 0",
			"SELECT id, stripe_customer_id, CASE WHEN id = 1 THEN 1 END AS deleted_at FROM companies",
		} {
			for name, c := range constraintsOf(t, open(t, dsn, sqldirectory.Mapping{Companies: companies})) {
				if c.Kind == rightful.ConstraintUnique && (c.State != rightful.ConstraintUnknown || c.Why == "" || len(c.Statements) > 0) {
					t.Errorf("%s: %s is %s: %d", companies, name, c.State, len(c.Statements))
				}
			}
		}
	})
}

// TestConstraintsOfSomeRows: rows that a query leaves out have other rules.
func TestConstraintsOfSomeRows(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t,
			"CREATE TABLE companies (id integer PRIMARY KEY)", "INSERT INTO companies VALUES (4)",
			"CREATE TABLE billing (owner integer, kind varchar(10), customer varchar(100))",
			"INSERT INTO billing VALUES (4, 'team', 'cus_1'), (7, 'user', 'cus_1'), (NULL, 'user', '')",
		)
		all := constraintsOf(t, open(t, dsn, sqldirectory.Mapping{
			Companies: "SELECT id FROM companies", Links: "SELECT b.owner AS company_id, b.customer AS stripe_customer_id FROM billing b WHERE b.kind = 'team' AND b.owner IS NOT NULL",
		}))
		for name, c := range all {
			want := rightful.ConstraintUnable
			switch {
			case c.Rows > 0:
				want = rightful.ConstraintBroken
			case c.Kind == rightful.ConstraintUnique && e.name != "mariadb":
				want = rightful.ConstraintMissing
				if sql := c.Statements[0].SQL; !strings.Contains(sql, "kind = 'team' AND owner IS NOT NULL") {
					t.Errorf("%s", sql)
				}
			}
			if c.State != want {
				t.Errorf("%s is %s: %s", name, c.State, c.Why)
			}
			if c.State == rightful.ConstraintBroken && len(c.Statements) > 0 && c.Kind != rightful.ConstraintUnique {
				t.Errorf("%s would be for all rows: %s", name, c.Statements[0].SQL)
			}
		}
	})
}

// TestConstraintWaitsForNobodyLong: where somebody else holds a lock, adding a
// rule ends soon, says so, leaves nothing, and works afterwards.
func TestConstraintWaitsForNobodyLong(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		source, dsn := e.create(t)
		db := connect(t, e.driver, source)
		for _, statement := range e.app() {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
		d := open(t, dsn, appMapping)
		rule := constraintsOf(t, d)["rightful_subs_company_id_not_null"]
		holder, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := holder.ExecContext(t.Context(), "UPDATE subs SET sub = sub"); err != nil {
			t.Fatal(err)
		}
		w := constraintWriter(t, d, dsn, 50*time.Millisecond)
		err = w.AddConstraint(t.Context(), rule, func(s rightful.ConstraintStatement) { t.Errorf("done: %s", s.SQL) })
		if rightful.KindOf(err) != rightful.KindUnavailable || !strings.Contains(fmt.Sprint(err), "somebody else holds a lock") {
			t.Errorf("while a lock is held: %v", err)
		}
		if err := holder.Rollback(); err != nil {
			t.Fatal(err)
		}
		if got := constraintsOf(t, d)["rightful_subs_company_id_not_null"]; got.State != rightful.ConstraintMissing {
			t.Errorf("afterwards it is %s", got.State)
		}
		if err := w.AddConstraint(t.Context(), rule, func(rightful.ConstraintStatement) {}); err != nil {
			t.Errorf("again: %v", err)
		}
	})
}

// TestConstraintComesTooLate: a row that breaks the rule arrives between the look
// and the statement. The rule is not there afterwards, or not for the old rows,
// and nothing stands in the way of the next run.
func TestConstraintComesTooLate(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		source, dsn := e.create(t)
		db := connect(t, e.driver, source)
		for _, statement := range e.app() {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
		d := open(t, dsn, appMapping)
		all := constraintsOf(t, d)
		if _, err := db.ExecContext(t.Context(), "INSERT INTO subs VALUES (7, 99, 'sub_1'), (8, NULL, 'sub_8')"); err != nil {
			t.Fatal(err)
		}
		w := constraintWriter(t, d, dsn, time.Second)
		for _, name := range []string{"rightful_subs_company_id_not_null", "rightful_subs_sub_key", "rightful_subs_company_id_fkey"} {
			if !e.done(name) {
				continue
			}
			if err := w.AddConstraint(t.Context(), all[name], func(rightful.ConstraintStatement) {}); err == nil {
				t.Errorf("%s was added", name)
			} else {
				t.Log(err)
			}
			if got := constraintsOf(t, d)[name]; got.State != rightful.ConstraintBroken {
				t.Errorf("%s is %s afterwards: %+v", name, got.State, got)
			}
		}
		if _, err := db.ExecContext(t.Context(), "DELETE FROM subs WHERE id IN (7, 8)"); err != nil {
			t.Fatal(err)
		}
		addAll(t, d, dsn)
		for name, c := range constraintsOf(t, d) {
			if e.done(name) && c.State != rightful.ConstraintHolds {
				t.Errorf("%s is %s in the end: %s", name, c.State, c.Why)
			}
		}
	})
}

// TestConstraintsWhereEmptyMeansNone: a column that takes no NULL holds the empty
// text of every company without a customer.
func TestConstraintsWhereEmptyMeansNone(t *testing.T) {
	t.Parallel()
	const rule = "rightful_companies_stripe_customer_id_key"
	onEach(t, func(t *testing.T, e engine) {
		if !e.done("companies_stripe_customer_id_not_empty") {
			t.Skip("this engine has no index of some rows only")
		}
		source, dsn := e.create(t)
		db := connect(t, e.driver, source)
		run(t, db, "CREATE TABLE companies (id integer PRIMARY KEY, stripe_customer_id varchar(100) NOT NULL DEFAULT '')", "INSERT INTO companies VALUES (1, ''), (2, ''), (3, 'cus_1')")
		d := open(t, dsn, sqldirectory.Mapping{Companies: "SELECT * FROM companies"})
		if all := constraintsOf(t, d); len(all) != 1 || all[rule].State != rightful.ConstraintMissing {
			t.Fatalf("%+v", all)
		}
		addAll(t, d, dsn)
		if c := constraintsOf(t, d)[rule]; c.State != rightful.ConstraintHolds {
			t.Errorf("%+v", c)
		}
		if err := within(t, db, "INSERT INTO companies VALUES (4, '')"); err != nil {
			t.Error(err)
		}
		if err := within(t, db, "INSERT INTO companies VALUES (4, 'cus_1')"); err == nil {
			t.Error("two companies with one customer")
		}
	})
}

// TestConstraintsNeedAKeyOfOneType: nothing refers to a column that is not unique,
// nor to one of another type.
func TestConstraintsNeedAKeyOfOneType(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, e engine) {
		dsn := e.with(t,
			"CREATE TABLE companies (id integer NOT NULL, owner_id bigint, stripe_customer_id integer)",
			"CREATE TABLE users (id integer PRIMARY KEY, company_id integer)",
		)
		all := constraintsOf(t, open(t, dsn, sqldirectory.Mapping{Companies: "SELECT id, owner_id AS owner_user_id, stripe_customer_id FROM companies", Users: "SELECT id, company_id FROM users"}))
		for name, why := range map[string]string{
			"rightful_companies_owner_id_fkey": "the types differ: owner_id is bigint", "rightful_users_company_id_fkey": "companies.id is neither the primary key nor unique",
		} {
			if c := all[name]; c.State != rightful.ConstraintUnable || !strings.Contains(c.Why, why) || len(c.Statements) > 0 {
				t.Errorf("%s: %+v", name, c)
			}
		}
		if _, there := all["rightful_companies_stripe_customer_id_not_empty"]; there {
			t.Error("a number is to be no empty text")
		}
	})
}

// TestConstraintsByIndexesOfSomeRows: an index of some rows keeps the rule for these.
func TestConstraintsByIndexesOfSomeRows(t *testing.T) {
	t.Parallel()
	const rule = "rightful_companies_stripe_customer_id_key"
	for _, e := range engines[:2] {
		for where, want := range map[string]rightful.ConstraintState{
			"deleted_at IS NULL": rightful.ConstraintHolds,
			"(deleted_at) IS NULL AND stripe_customer_id IS NOT NULL":   rightful.ConstraintHolds,
			"stripe_customer_id <> ''":                                  rightful.ConstraintHolds,
			"deleted_at IS NULL AND plan = 'paid'":                      rightful.ConstraintMissing,
			"deleted_at IS NOT NULL":                                    rightful.ConstraintMissing,
			"deleted_at IS NULL AND (plan = 'paid' OR plan IS NULL)":    rightful.ConstraintMissing,
			"deleted_at IS NULL AND stripe_customer_id = 'cus_1'":       rightful.ConstraintMissing,
			"plan IS NOT NULL AND (deleted_at IS NULL OR plan IS NULL)": rightful.ConstraintMissing,
		} {
			dsn := e.with(t,
				"CREATE TABLE companies (id integer PRIMARY KEY, stripe_customer_id varchar(100), plan varchar(10), deleted_at timestamp)",
				"CREATE UNIQUE INDEX theirs ON companies (stripe_customer_id) WHERE "+where,
			)
			c := constraintsOf(t, open(t, dsn, sqldirectory.Mapping{Companies: "SELECT id, stripe_customer_id FROM companies WHERE deleted_at IS NULL"}))[rule]
			if c.State != want {
				t.Errorf("%s: with an index WHERE %s it is %s (%s)", e.name, where, c.State, c.Why)
			}
		}
	}
}
