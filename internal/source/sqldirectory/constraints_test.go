package sqldirectory_test

import (
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/source/sqldirectory"
)

// app is a schema without any rule, in the SQL of every engine.
func (e engine) app() []string {
	key := "integer PRIMARY KEY"
	return []string{
		"CREATE TABLE users (id " + key + ", email varchar(100), company_id integer)",
		"CREATE TABLE companies (id " + key + ", owner_id integer, stripe_customer_id varchar(100), deleted_at timestamp NULL, merged_into integer, parent_id integer)",
		"CREATE TABLE members (user_id integer, company_id integer, left_at timestamp NULL)",
		"CREATE TABLE subs (id " + key + ", company_id integer, sub varchar(100))",
		"CREATE TABLE billing (company_id integer, customer varchar(100))",
		"INSERT INTO users VALUES (1, 'a@example.com', 4), (2, 'b@example.com', 11), (3, 'c@example.com', NULL)",
		"INSERT INTO companies VALUES (4, 1, 'cus_4', NULL, NULL, NULL), (11, 2, 'cus_11', NULL, NULL, NULL), (12, NULL, NULL, NULL, NULL, NULL), (16, NULL, NULL, NULL, NULL, 4)",
		"INSERT INTO members VALUES (1, 4, NULL), (2, 11, NULL)",
		"INSERT INTO subs VALUES (1, 4, 'sub_1'), (2, 11, 'sub_2')",
		"INSERT INTO billing VALUES (4, 'cus_4'), (4, 'cus_4b'), (11, 'cus_11')",
	}
}

var appMapping = sqldirectory.Mapping{
	Companies:     "SELECT id, owner_id AS owner_user_id, stripe_customer_id, deleted_at, merged_into, parent_id AS billing_parent_id FROM companies",
	Users:         "SELECT id, email, company_id FROM users",
	Memberships:   "SELECT user_id, company_id, left_at FROM members",
	Subscriptions: "SELECT s.id, s.company_id, s.sub AS stripe_subscription_id FROM subs AS s ORDER BY s.id",
	Links:         "SELECT company_id, customer AS stripe_customer_id FROM billing",
}

// appRules are the rules of appMapping.
var appRules = []string{
	"rightful_companies_stripe_customer_id_not_empty", "rightful_billing_customer_not_empty",
	"rightful_billing_company_id_not_null", "rightful_billing_customer_not_null", "rightful_subs_company_id_not_null",
	"rightful_members_user_id_not_null", "rightful_members_company_id_not_null",
	"rightful_companies_stripe_customer_id_key", "rightful_billing_customer_key", "rightful_subs_sub_key", "rightful_members_user_id_company_id_key",
	"rightful_companies_owner_id_fkey", "rightful_companies_merged_into_fkey", "rightful_companies_parent_id_fkey",
	"rightful_users_company_id_fkey", "rightful_members_user_id_fkey", "rightful_members_company_id_fkey", "rightful_subs_company_id_fkey", "rightful_billing_company_id_fkey",
}

func constraintsOf(t *testing.T, d *sqldirectory.Directory) map[string]rightful.Constraint {
	t.Helper()
	found, err := d.Constraints(t.Context(), func(id string) bool { return strings.HasPrefix(id, "pending") })
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]rightful.Constraint{}
	for _, c := range found.List {
		if _, twice := all[c.Name]; twice {
			t.Errorf("two rules are called %s", c.Name)
		}
		if c.Columns == nil || c.Notes == nil || c.Examples == nil || c.Statements == nil {
			t.Errorf("%s has a nil list", c.Name)
		}
		all[c.Name] = c
	}
	return all
}

func constraintWriter(t *testing.T, d *sqldirectory.Directory, dsn string, wait time.Duration) *sqldirectory.ConstraintWriter {
	t.Helper()
	w, err := sqldirectory.OpenConstraintWriter(t.Context(), d, dsn, wait)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// addAll adds every rule that is missing, in order, and returns their names.
func addAll(t *testing.T, d *sqldirectory.Directory, dsn string) (added []string) {
	t.Helper()
	w := constraintWriter(t, d, dsn, 0)
	found, err := d.Constraints(t.Context(), func(string) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range found.List {
		if c.State != rightful.ConstraintMissing {
			continue
		}
		if err := w.AddConstraint(t.Context(), c, func(rightful.ConstraintStatement) {}); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		added = append(added, c.Name)
	}
	return added
}

// violations breaks each rule of the app in every way there is.
var violations = map[string][]string{
	"rightful_companies_stripe_customer_id_not_empty": {"UPDATE companies SET stripe_customer_id = '' WHERE id = 12", "INSERT INTO companies (id, stripe_customer_id) VALUES (90, '')"},
	"rightful_billing_customer_not_empty":             {"UPDATE billing SET customer = '' WHERE company_id = 11", "INSERT INTO billing VALUES (11, '')"},
	"rightful_billing_company_id_not_null":            {"UPDATE billing SET company_id = NULL", "INSERT INTO billing (customer) VALUES ('cus_9')"},
	"rightful_billing_customer_not_null":              {"UPDATE billing SET customer = NULL", "INSERT INTO billing VALUES (4, NULL)"},
	"rightful_subs_company_id_not_null":               {"UPDATE subs SET company_id = NULL", "INSERT INTO subs (id, sub) VALUES (9, 'sub_9')"},
	"rightful_members_user_id_not_null":               {"UPDATE members SET user_id = NULL", "INSERT INTO members VALUES (NULL, 4, NULL)"},
	"rightful_members_company_id_not_null":            {"UPDATE members SET company_id = NULL", "INSERT INTO members VALUES (1, NULL, NULL)"},
	"rightful_companies_stripe_customer_id_key":       {"UPDATE companies SET stripe_customer_id = 'cus_4' WHERE id = 12", "INSERT INTO companies (id, stripe_customer_id) VALUES (91, 'cus_4')"},
	"rightful_billing_customer_key":                   {"UPDATE billing SET customer = 'cus_4' WHERE company_id = 11", "INSERT INTO billing VALUES (11, 'cus_4')"},
	"rightful_subs_sub_key":                           {"UPDATE subs SET sub = 'sub_1' WHERE id = 2", "INSERT INTO subs VALUES (9, 4, 'sub_1')"},
	"rightful_members_user_id_company_id_key":         {"UPDATE members SET user_id = 1, company_id = 4 WHERE user_id = 2", "INSERT INTO members VALUES (1, 4, NULL)"},
	"rightful_companies_owner_id_fkey":                {"UPDATE companies SET owner_id = 99 WHERE id = 12", "INSERT INTO companies (id, owner_id) VALUES (92, 99)", "DELETE FROM users WHERE id = 2"},
	"rightful_companies_merged_into_fkey":             {"UPDATE companies SET merged_into = 99 WHERE id = 12", "INSERT INTO companies (id, merged_into) VALUES (93, 99)"},
	"rightful_companies_parent_id_fkey":               {"UPDATE companies SET parent_id = 99 WHERE id = 12", "INSERT INTO companies (id, parent_id) VALUES (94, 99)"},
	"rightful_users_company_id_fkey":                  {"UPDATE users SET company_id = 99 WHERE id = 3", "INSERT INTO users VALUES (9, 'd@example.com', 99)", "DELETE FROM companies WHERE id = 11"},
	"rightful_members_user_id_fkey":                   {"UPDATE members SET user_id = 99 WHERE user_id = 2", "INSERT INTO members VALUES (99, 4, NULL)"},
	"rightful_members_company_id_fkey":                {"UPDATE members SET company_id = 99 WHERE user_id = 2", "INSERT INTO members VALUES (2, 99, NULL)"},
	"rightful_subs_company_id_fkey":                   {"UPDATE subs SET company_id = 99 WHERE id = 2", "INSERT INTO subs VALUES (9, 99, 'sub_9')"},
	"rightful_billing_company_id_fkey":                {"UPDATE billing SET company_id = 99 WHERE company_id = 11", "INSERT INTO billing VALUES (99, 'cus_9')"},
}

// notDone are the rules that an engine cannot be given without a long lock or a
// rebuild, as they end.
var notDone = map[string][]string{"sqlite": {"_fkey"}, "mariadb": {"_not_empty", "members_user_id_company_id_key"}}

func (e engine) done(rule string) bool {
	return !slices.ContainsFunc(notDone[e.name], func(end string) bool { return strings.HasSuffix(rule, end) })
}

// TestConstraintsOnceAddedCannotBeBroken adds every rule on every engine, and then
// tries to break each.
func TestConstraintsOnceAddedCannotBeBroken(t *testing.T) {
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
		before := constraintsOf(t, d)
		for _, name := range appRules {
			want := rightful.ConstraintMissing
			if !e.done(name) {
				want = rightful.ConstraintUnable
			}
			if c := before[name]; c.State != want || c.Rows != 0 {
				t.Errorf("before: %s is %q with %d rows (%s), want %s", name, c.State, c.Rows, c.Why, want)
			}
		}
		if len(before) != len(appRules) {
			t.Errorf("%d rules, want %d", len(before), len(appRules))
		}
		// Each rule can be broken as long as it is not there.
		for _, name := range appRules {
			for _, statement := range violations[name] {
				if err := within(t, db, statement); err != nil {
					t.Errorf("before: %s: %s: %v", name, statement, err)
				}
			}
		}
		added := addAll(t, d, dsn)
		for name, c := range constraintsOf(t, d) {
			if e.done(name) && (c.State != rightful.ConstraintHolds || c.By == "" || len(c.Statements) > 0) {
				t.Errorf("after: %s is %q by %q: %s", name, c.State, c.By, c.Why)
			}
		}
		for _, name := range added {
			for _, statement := range violations[name] {
				if err := within(t, db, statement); err == nil {
					t.Errorf("after: %s still lets through: %s", name, statement)
				}
			}
		}
		if again := addAll(t, d, dsn); len(again) > 0 {
			t.Errorf("a second run adds %v", again)
		}
		// What is right goes on.
		for _, statement := range []string{
			"INSERT INTO companies (id, stripe_customer_id) VALUES (20, NULL)", "INSERT INTO companies (id, stripe_customer_id) VALUES (21, NULL)",
			"INSERT INTO companies (id, stripe_customer_id) VALUES (22, 'cus_22')", "INSERT INTO billing VALUES (4, 'cus_4c')",
			"INSERT INTO users VALUES (30, 'e@example.com', 4)", "INSERT INTO members VALUES (3, 4, NULL)",
		} {
			if err := within(t, db, statement); err != nil {
				t.Errorf("%s: %v", statement, err)
			}
		}
	})
}

// within runs a statement and rolls it back.
func within(t *testing.T, db *sql.DB, statement string) error {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(t.Context(), statement)
	return err
}

// TestConstraintsBroken counts and shows the rows that break each rule, and adds
// none of those.
func TestConstraintsBroken(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t, append(e.app(),
			"UPDATE companies SET stripe_customer_id = 'cus_4' WHERE id = 11",
			"INSERT INTO companies (id, stripe_customer_id) VALUES (13, ''), (14, 'pending'), (15, 'pending')",
			"INSERT INTO billing VALUES (99, 'cus_9'), (NULL, NULL)",
			"INSERT INTO subs VALUES (5, 99, 'sub_1')",
			"INSERT INTO members VALUES (1, 4, NULL), (77, 4, NULL)",
			"UPDATE users SET company_id = 99 WHERE id = 3",
		)...)
		d := open(t, dsn, appMapping)
		all := constraintsOf(t, d)
		for _, want := range []struct {
			rule    string
			rows    int
			code    rightful.Code
			example string
		}{
			{"rightful_companies_stripe_customer_id_not_empty", 1, "", `company 13 -> ""`},
			{"rightful_companies_stripe_customer_id_key", 4, "RF204", `company 4 -> "cus_4"`},
			{"rightful_billing_company_id_not_null", 1, "", "link"},
			{"rightful_billing_company_id_fkey", 1, "", "link company 99"},
			{"rightful_subs_sub_key", 2, "RF402", `subscription row 5 -> "sub_1"`},
			{"rightful_subs_company_id_fkey", 1, "RF402", `subscription row 5 -> "99"`},
			{"rightful_members_user_id_company_id_key", 2, "", "membership user 1, company 4"},
			{"rightful_members_user_id_fkey", 1, "", "membership user 77, company 4"},
			{"rightful_users_company_id_fkey", 1, "RF703", `user 3 -> "99"`},
		} {
			c := all[want.rule]
			if c.State != rightful.ConstraintBroken || c.Rows != want.rows || c.Code != want.code || c.Todo == "" ||
				!slices.ContainsFunc(c.Examples, func(x string) bool { return strings.HasPrefix(x, want.example) }) {
				t.Errorf("%s is %q, %d rows, %q, %q, todo %q; want %d, %q, %q", want.rule, c.State, c.Rows, c.Code, c.Examples, c.Todo, want.rows, want.code, want.example)
			}
		}
		if notes := strings.Join(all["rightful_companies_stripe_customer_id_key"].Notes, " "); !strings.Contains(notes, "1 of these values are placeholders") {
			t.Errorf("placeholders are not told: %q", notes)
		}
		added := addAll(t, d, dsn)
		if slices.Contains(added, "rightful_companies_stripe_customer_id_key") || !slices.Contains(added, "rightful_subs_company_id_not_null") {
			t.Errorf("added %v", added)
		}
		err := constraintWriter(t, d, dsn, 0).AddConstraint(t.Context(), all["rightful_subs_sub_key"], func(rightful.ConstraintStatement) { t.Error("it ran something") })
		if rightful.KindOf(err) != rightful.KindRefused {
			t.Errorf("a broken rule: %v", err)
		}
	})
}
