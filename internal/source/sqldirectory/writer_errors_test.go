package sqldirectory_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"rightful"
	"rightful/internal/source/sourcetest"
	"rightful/internal/source/sqldirectory"
)

// books is a small database to write: company 4 links cus_4, 11 nothing.
var books = []string{
	"CREATE TABLE companies (id integer PRIMARY KEY, other varchar(40), stripe_customer_id varchar(40) UNIQUE, note varchar(40))",
	"INSERT INTO companies VALUES (4, 'x', 'cus_4', NULL), (11, 'y', NULL, NULL)",
}

var booksMapping = sqldirectory.Mapping{Companies: "SELECT id, stripe_customer_id FROM companies"}

// writes returns how a statement is opened, and a writer when it is.
func (e engine) tryWriter(t *testing.T, dsn string, m sqldirectory.WriteMapping) (*sqldirectory.Writer, error) {
	t.Helper()
	w, err := sqldirectory.OpenWriter(t.Context(), open(t, dsn, booksMapping, sqldirectory.WithStatementTimeout(2*time.Second)), dsn, m)
	if err == nil {
		t.Cleanup(func() { w.Close() })
	}
	return w, err
}

func linkChange(id, from, to string) []rightful.FieldChange {
	c := rightful.FieldChange{Object: rightful.Ref{Type: rightful.RefCompany, ID: id}, Field: rightful.FieldLink}
	if from != "" {
		c.From = &from
	}
	if to != "" {
		c.To = &to
	}
	return []rightful.FieldChange{c}
}

func wantError(t *testing.T, err error, kind rightful.ErrorKind, place string, says ...string) {
	t.Helper()
	if rightful.KindOf(err) != kind || !strings.Contains(err.Error(), place) {
		t.Errorf("got %v of kind %q; want kind %q at %s", err, rightful.KindOf(err), kind, place)
		return
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%v does not say %q", err, text)
		}
	}
}

// TestWriteMappingIsChecked against the database when it is opened.
func TestWriteMappingIsChecked(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t, books...)
		is := nullSafe[e.name]
		for statement, says := range map[string]string{
			"UPDATE companies SET stripe_customer_id = :new WHERE id = :id":                                                              "does not mention :old",
			"UPDATE companies SET stripe_customer_id = :new WHERE id = :id -- :old":                                                      "does not mention :old",
			"UPDATE companies SET stripe_customer_id = ':new' WHERE id = :id AND stripe_customer_id " + is + " :old":                     "does not mention :new",
			"UPDATE companies SET stripe_customer_id = :new WHERE stripe_customer_id " + is + " :old":                                    "does not mention :id",
			"UPDATE companies SET stripe_customer_id = :new WHERE id = :company AND id = :id AND stripe_customer_id " + is + " :old":     "no parameter :company",
			"UPDATE companies SET stripe_customer_id = :new WHERE id = :id AND stripe_customer_id " + is + " :old; DROP TABLE companies": "more than one statement",
			"DELETE FROM companies WHERE id = :id AND :old = :new":                                                                       "begins with \"delete\"",
			"UPDATE compnies SET stripe_customer_id = :new WHERE id = :id AND stripe_customer_id " + is + " :old":                        "compnies",
			"UPDATE companies SET customer = :new WHERE id = :id AND stripe_customer_id " + is + " :old":                                 "customer",
			"UPDATE companies SET stripe_customer_id = :new WHERE WHERE id = :id AND stripe_customer_id " + is + " :old":                 "",
		} {
			_, err := e.tryWriter(t, dsn, sqldirectory.WriteMapping{CompanyCustomer: statement})
			wantError(t, err, rightful.KindInvalid, "directory.write.company_customer", says, "next:")
		}
		_, err := e.tryWriter(t, dsn, sqldirectory.WriteMapping{SubscriptionCompany: e.writes().SubscriptionCompany})
		wantError(t, err, rightful.KindInvalid, "directory.write.subscription_company", "directory.subscriptions does not read")
		if _, err := e.tryWriter(t, dsn, sqldirectory.WriteMapping{CompanyCustomer: e.writes().CompanyCustomer + " ; -- done"}); err != nil {
			t.Error(err)
		}
	})
}

// TestStatementThatDoesSomethingElse is rolled back, whatever it is.
func TestStatementThatDoesSomethingElse(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		is := nullSafe[e.name]
		for statement, tt := range map[string]struct {
			kind rightful.ErrorKind
			says string
		}{
			"UPDATE companies SET other = :new WHERE id = :id AND stripe_customer_id " + is + " :old":                                       {rightful.KindInvalid, "then reads empty instead of \"cus_A\""},
			"UPDATE companies SET stripe_customer_id = :new WHERE id = :id AND stripe_customer_id = :old":                                   {rightful.KindInvalid, "compare with " + is + " :old"},
			"UPDATE companies SET note = 'x', stripe_customer_id = CASE id WHEN :id THEN :new END WHERE :id = :id OR :old = :old":           {rightful.KindConflict, "2 rows"},
			"UPDATE companies SET stripe_customer_id = :new WHERE id = :id + 1 AND stripe_customer_id " + is + " :old":                      {rightful.KindInvalid, "changes no row"},
			"UPDATE companies SET id = id + 1, stripe_customer_id = :new WHERE id = :id AND stripe_customer_id " + is + " :old":             {rightful.KindInvalid, "0 such rows"},
			"UPDATE companies SET stripe_customer_id = 'cus_4' WHERE id = :id AND stripe_customer_id " + is + " :old AND :new = 'cus_A'":    {rightful.KindInvalid, ""}, // a unique rule of the database
			"UPDATE companies SET note = NULL, stripe_customer_id = 'B' WHERE id = :id AND stripe_customer_id " + is + " :old AND :new<>''": {rightful.KindInvalid, `then reads "B"`},
		} {
			if e.name == "postgres" {
				statement = strings.NewReplacer(":id = :id", "CAST(:id AS int) = :id", ":old = :old", "CAST(:old AS text) = :old", ":new = 'cus_A'", "CAST(:new AS text) = 'cus_A'").Replace(statement)
			}
			dsn := e.with(t, books...)
			w, err := e.tryWriter(t, dsn, sqldirectory.WriteMapping{CompanyCustomer: statement})
			if err != nil {
				t.Errorf("%s: %v", statement, err)
				continue
			}
			for _, commit := range []bool{false, true} {
				wantError(t, w.CompareAndSet(t.Context(), linkChange("11", "", "cus_A"), commit), tt.kind, "directory", tt.says)
			}
			db := connect(t, e.driver, strings.TrimPrefix(dsn, "sqlite:"))
			var rows string
			ask := "SELECT count(*) FROM companies WHERE (id = 4 AND stripe_customer_id = 'cus_4' OR id = 11 AND stripe_customer_id IS NULL) AND note IS NULL"
			if err := db.QueryRowContext(t.Context(), ask).Scan(&rows); err != nil || rows != "2" {
				t.Errorf("%s: %s rows are as before, %v", statement, rows, err)
			}
		}
	})
}

// TestOnlyOneWriterWins: of many that fill the same link at once one does, and the
// others are told what stands there.
func TestOnlyOneWriterWins(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t, books...)
		var wait sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			w, err := e.tryWriter(t, dsn, sqldirectory.WriteMapping{CompanyCustomer: e.writes().CompanyCustomer})
			if err != nil {
				t.Fatal(err)
			}
			wait.Go(func() {
				errs[i] = w.CompareAndSet(context.Background(), linkChange("11", "", fmt.Sprint("cus_", i)), true)
			})
		}
		wait.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			wantError(t, err, rightful.KindConflict, "", `is "cus_`)
		}
		if won != 1 {
			t.Errorf("%d of %d won: %v", won, len(errs), errs)
		}
	})
}

// TestSomebodyHoldsTheRow: the deadline ends the wait, and nothing is written,
// also not later.
func TestSomebodyHoldsTheRow(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, e engine) {
		dsn := e.with(t, books...)
		w, err := e.tryWriter(t, dsn, sqldirectory.WriteMapping{CompanyCustomer: e.writes().CompanyCustomer})
		if err != nil {
			t.Fatal(err)
		}
		db := connect(t, e.driver, dsn)
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), "UPDATE companies SET note = 'held' WHERE id = 11"); err != nil {
			t.Fatal(err)
		}
		err = w.CompareAndSet(t.Context(), linkChange("11", "", "cus_A"), true)
		if kind := rightful.KindOf(err); kind != rightful.KindUnreachable && kind != rightful.KindUnavailable {
			t.Errorf("got %v", err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := w.CompareAndSet(t.Context(), linkChange("11", "", "cus_B"), true); err != nil {
			t.Error("after it:", err)
		}
	})
}

// TestWriterWithoutRights says what it lacks when it is opened.
func TestWriterWithoutRights(t *testing.T) {
	t.Parallel()
	e := engines[1]
	dsn := e.with(t, books...)
	role := "reader_" + strings.ReplaceAll(dsn[strings.LastIndexByte(dsn, '/')+1:strings.LastIndexByte(dsn, '/')+20], "?", "")
	db := connect(t, e.driver, dsn)
	for _, s := range []string{"CREATE ROLE " + role + " LOGIN PASSWORD 'p'", "GRANT SELECT ON companies TO " + role} {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	t.Cleanup(func() {
		_, _ = db.ExecContext(context.Background(), "DROP OWNED BY "+role)
		_, _ = db.ExecContext(context.Background(), "DROP ROLE "+role)
	})
	at := strings.LastIndexByte(dsn, '@')
	reader := "postgres://" + role + ":p" + dsn[at:]
	w, err := e.tryWriter(t, reader, sqldirectory.WriteMapping{CompanyCustomer: e.writes().CompanyCustomer})
	if err == nil {
		err = w.CompareAndSet(t.Context(), linkChange("11", "", "cus_A"), false)
	}
	wantError(t, err, rightful.KindForbidden, "directory.write.company_customer", "GRANT the user")
}

// TestTableThatCannotRollBack is refused before anything is asked of it.
func TestTableThatCannotRollBack(t *testing.T) {
	t.Parallel()
	e := engines[2]
	dsn := e.with(t, append(books[:1:1], "ALTER TABLE companies ENGINE = MyISAM", "INSERT INTO companies VALUES (11, 'y', NULL, NULL)")...)
	for _, table := range []string{"companies", "`companies`", "LOW_PRIORITY companies"} {
		_, err := e.tryWriter(t, dsn, sqldirectory.WriteMapping{CompanyCustomer: strings.Replace(e.writes().CompanyCustomer, "companies", table, 1)})
		wantError(t, err, rightful.KindInvalid, "directory.write.company_customer", "MyISAM, which cannot roll back")
	}
}

// TestWrittenFileMustBeWritable.
func TestWrittenFileMustBeWritable(t *testing.T) {
	t.Parallel()
	e := engines[0]
	dsn := e.with(t, books...)
	d := open(t, dsn, booksMapping)
	_, err := sqldirectory.OpenWriter(t.Context(), d, dsn+"?immutable=1", sqldirectory.WriteMapping{CompanyCustomer: e.writes().CompanyCustomer})
	wantError(t, err, rightful.KindInvalid, "directory.dsn", "immutable")
}

// TestBytesThatTheStatementConverts: an id of 16 bytes is bound as such, or as the
// text that the statement converts itself.
func TestBytesThatTheStatementConverts(t *testing.T) {
	t.Parallel()
	e := engines[2]
	const id = "0c6c1b0e-1b7c-4a53-9f0e-3b2f1c9d7a11"
	const other = "1c6c1b0e-1b7c-4a53-9f0e-3b2f1c9d7a12"
	raw := func(id string) string { return "UNHEX('" + strings.ReplaceAll(id, "-", "") + "')" }
	dsn := e.with(t, "CREATE TABLE subs (id integer, company_id binary(16))", "INSERT INTO subs VALUES (1, "+raw(id)+")",
		"CREATE TABLE companies (id binary(16))", "INSERT INTO companies VALUES ("+raw(id)+"), ("+raw(other)+")")
	m := sqldirectory.Mapping{Companies: "SELECT id FROM companies", Subscriptions: "SELECT id, company_id, NULL AS stripe_subscription_id FROM subs"}
	for _, f := range []string{":new|:old", "UNHEX(REPLACE(:new, '-', ''))|UNHEX(REPLACE(:old, '-', ''))",
		"UNHEX(REPLACE(:new, '-', ''))|IF(LENGTH(:old) = 16, :old, UNHEX(REPLACE(:old, '-', '')))"} { // finds the row with both, and writes with one
		set, compare, _ := strings.Cut(f, "|")
		d := open(t, dsn, m)
		w := openWriter(t, d, dsn, sqldirectory.WriteMapping{SubscriptionCompany: "UPDATE subs SET company_id = " + set + " WHERE id = :id AND company_id <=> " + compare})
		for _, move := range [][2]string{{id, other}, {other, id}} {
			c := rightful.FieldChange{Object: rightful.Ref{Type: rightful.RefSubscriptionRow, ID: "1"}, Field: rightful.FieldRowCompany, From: &move[0], To: &move[1]}
			if err := w.CompareAndSet(t.Context(), []rightful.FieldChange{c}, true); err != nil {
				t.Errorf("%s: %v", f, err)
			}
		}
	}
}

// TestEmptyTextIsNothing: an app that writes ” for no customer can be filled and
// cleared again.
func TestEmptyTextIsNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t, "CREATE TABLE companies (id integer, stripe_customer_id varchar(40) NOT NULL)", "INSERT INTO companies VALUES (11, '')")
		statement := "UPDATE companies SET stripe_customer_id = COALESCE(:new, '') WHERE id = :id AND stripe_customer_id " + nullSafe[e.name] + " :old"
		w, err := e.tryWriter(t, dsn, sqldirectory.WriteMapping{CompanyCustomer: statement})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range [][]rightful.FieldChange{linkChange("11", "", "cus_A"), linkChange("11", "cus_A", ""), linkChange("11", "", "cus_B")} {
			if err := w.CompareAndSet(t.Context(), c, true); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestUnmappedFieldIsNotWritten.
func TestUnmappedFieldIsNotWritten(t *testing.T) {
	t.Parallel()
	e := engines[0]
	rows := sourcetest.DirectoryRows{IDs: sourcetest.IDsNumbers, LinkColumn: true, Companies: []rightful.Company{{ID: "4"}}, Links: []rightful.Link{{CompanyID: "4", StripeCustomerID: "cus_4"}}}
	dsn, m := e.seed(t, rows, "integer")
	w := openWriter(t, open(t, dsn, m), dsn, sqldirectory.WriteMapping{LinkCustomer: e.writes().LinkCustomer})
	wantError(t, w.CompareAndSet(t.Context(), linkChange("4", "", "cus_A"), true), rightful.KindUnsupported, "", "directory.write.company_customer is not set")
	entry := linkChange("4", "", "cus_A")
	entry[0].Object.Type = rightful.RefLink
	wantError(t, w.CompareAndSet(t.Context(), entry, true), rightful.KindUnsupported, "", "directory.write.link_insert is not set")
}

// TestDiagnoseWrites: every statement is tried and rolled back, and its mistakes
// are told.
func TestDiagnoseWrites(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		rows := sourcetest.DirectoryRows{
			IDs: sourcetest.IDsNumbers, LinkColumn: true,
			Companies:     []rightful.Company{{ID: "4", StripeCustomerID: "cus_4"}, {ID: "11"}},
			Subscriptions: []rightful.SubscriptionRow{{ID: "1", CompanyID: "4", StripeCustomerID: "cus_4", StripeSubscriptionID: "sub_1", Status: "active"}},
			Links:         []rightful.Link{{CompanyID: "4", StripeCustomerID: "cus_4"}},
		}
		dsn, m := e.seed(t, rows, "integer")
		examine := func(writes sqldirectory.WriteMapping) []rightful.Diagnosis {
			t.Helper()
			w, err := sqldirectory.ExamineWriter(t.Context(), open(t, dsn, m), dsn, writes)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { w.Close() })
			return w.Diagnose(t.Context())
		}
		good := examine(e.writes())
		if len(atLevel(good, rightful.LevelOK)) != 9 || len(good) != 9 {
			t.Errorf("want 9 good lines, got:\n%s", diagnoses(good))
		}
		wantDiagnosis(t, good, rightful.LevelOK, "directory.write.company_customer", "tried on 2 rows, and rolled back")
		wantDiagnosis(t, good, rightful.LevelOK, "directory.write.link_insert", "the database takes it, with :id, :new")

		blind := "CAST(:old AS char(40)) IS NULL OR CAST(:old AS char(40)) IS NOT NULL"
		bad := examine(sqldirectory.WriteMapping{
			CompanyCustomer:      "UPDATE companies SET stripe_customer_id = :new WHERE id = :id AND (" + blind + ")",
			LinkCustomer:         "UPDATE links SET stripe_customer_id = :new WHERE company_id = :id AND stripe_customer_id <> :old",
			SubscriptionCustomer: "UPDATE subscriptions SET stripe_customer_id = :new WHERE id = :id",
		})
		wantDiagnosis(t, bad, rightful.LevelError, "directory.write.company_customer", "also where :old is not what stands there", nullSafe[e.name]+" :old")
		wantDiagnosis(t, bad, rightful.LevelError, "directory.write.link_customer", "changes no row")
		wantDiagnosis(t, bad, rightful.LevelError, "directory.write.subscription_customer", "does not mention :old")
		wantDiagnosis(t, bad, rightful.LevelOK, "directory.write.subscription_company", "not set")

		var links, companies int
		db := connect(t, e.driver, strings.TrimPrefix(dsn, "sqlite:"))
		if err := db.QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM links WHERE stripe_customer_id = 'cus_4'), (SELECT count(*) FROM companies WHERE stripe_customer_id = 'cus_4')").Scan(&links, &companies); err != nil || links != 1 || companies != 1 {
			t.Errorf("the examination wrote: %d links, %d companies, %v", links, companies, err)
		}
	})
}
