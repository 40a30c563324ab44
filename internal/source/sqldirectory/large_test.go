package sqldirectory_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/source/sqldirectory"
)

// TestLargeTables pages through tables with and without an index on what they
// are paged by. The bound is loose, for busy machines and the race detector: a
// read that goes over the table for each row takes hours.
func TestLargeTables(t *testing.T) {
	t.Parallel()
	const count, within = 20_000, 3 * time.Minute
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t,
			"CREATE TABLE companies (id varchar(400) PRIMARY KEY)", "CREATE TABLE users (id integer PRIMARY KEY, email varchar(100))",
			"CREATE TABLE seats (person integer, org varchar(400), since integer)",
			"INSERT INTO users "+numbers(count)+" SELECT i, 'U' || i || '@Example.com' FROM n",
			"INSERT INTO companies SELECT 'org/' || id || '/"+strings.Repeat("é😀", 100)+"' FROM users",
			"INSERT INTO seats SELECT id % 700, 'org/' || id, NULL FROM users")
		d := open(t, dsn, sqldirectory.Mapping{
			Companies: companies, Users: "SELECT id, email FROM users", Memberships: "SELECT person AS user_id, org AS company_id, since AS joined_at FROM seats",
		})
		began := time.Now()
		seen := map[string]bool{}
		for c, err := range d.Companies(t.Context(), rightful.Select{}) {
			if err != nil {
				t.Fatal(err)
			}
			seen[c.ID] = true
		}
		for m, err := range d.Memberships(t.Context(), rightful.Select{}) {
			if err != nil {
				t.Fatal(err)
			}
			seen[m.UserID+" "+m.CompanyID] = true
		}
		var emails []string
		for u, err := range d.Users(t.Context(), rightful.Select{}) {
			if err != nil {
				t.Fatal(err)
			}
			emails = append(emails, strings.ToUpper(u.Email))
		}
		if len(seen) != 2*count || len(emails) != count {
			t.Errorf("got %d companies and memberships and %d users, want twice and once %d", len(seen), len(emails), count)
		}
		if found := len(all(t, d.Users(t.Context(), by(rightful.ByEmail, emails...)))); found != count {
			t.Errorf("by email: got %d users, want %d", found, count)
		}
		if took := time.Since(began); took > within {
			t.Errorf("it took %s", took)
		}
	})
}

// TestNothingButNULL has rows that say nothing.
func TestNothingButNULL(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.with(t, "CREATE TABLE t (a integer, b varchar(80), c timestamp NULL)", "INSERT INTO t VALUES (NULL, NULL, NULL), (NULL, NULL, NULL), (7, NULL, NULL)")
		d := open(t, dsn, sqldirectory.Mapping{
			Companies:     "SELECT a AS id, b AS name, a AS owner_user_id, b AS stripe_customer_id, c AS deleted_at, NULL AS merged_into, b AS billing_parent_id, b AS stamp_value FROM t",
			Users:         "SELECT b AS id, b AS email, c AS email_verified, c AS is_active, a AS company_id FROM t",
			Memberships:   "SELECT a AS user_id, b AS company_id, b AS role, c AS joined_at, c AS left_at FROM t",
			Subscriptions: "SELECT a AS id, a AS company_id, b AS stripe_customer_id, b AS stripe_subscription_id, b AS status FROM t",
			Links:         "SELECT a AS company_id, b AS stripe_customer_id FROM t",
		})
		wantRows(t, d.Companies(t.Context(), rightful.Select{}), rightful.Company{ID: "7", OwnerUserID: "7"})
		wantRows(t, d.Users(t.Context(), rightful.Select{}))
		wantRows(t, d.Users(t.Context(), by(rightful.ByCompany, "7")))
		wantRows(t, d.Memberships(t.Context(), by(rightful.ByUser, "7")))
		wantRows(t, d.SubscriptionRows(t.Context(), rightful.Select{}), rightful.SubscriptionRow{ID: "7", CompanyID: "7"})
		wantRows(t, d.Links(t.Context(), rightful.Select{}))
	})
}

// TestEmojiInOldCharacterSets asks columns for what they cannot hold.
func TestEmojiInOldCharacterSets(t *testing.T) {
	t.Parallel()
	for _, charset := range []string{"utf8mb3", "latin1", "ascii", "utf8mb4"} {
		dsn := mariadb.with(t, "CREATE TABLE companies (id varchar(300) CHARACTER SET "+charset+" PRIMARY KEY)",
			"INSERT INTO companies VALUES ('a'), ('?'), ('??'), ('it''s \\\\ \"b\"')", "CREATE TABLE users (id integer, email varchar(80) CHARACTER SET "+charset+" COLLATE "+charset+"_bin)",
			"INSERT INTO users VALUES (1, 'Ann@example.com'), (2, '?@example.com')")
		d := open(t, dsn, sqldirectory.Mapping{Companies: companies, Users: "SELECT id, email FROM users"}, sqldirectory.WithPageSize(1))
		for _, odd := range []string{"😀", "日本", "ü", "a😀", strings.Repeat("👩‍💻", 300), `it's \\ "b"`} {
			if got := companyIDs(t, d, by(rightful.ByID, odd)); len(got) > 0 {
				t.Errorf("%s: %q found %q", charset, odd, got)
			}
		}
		want := `it's \ "b"`
		if got := companyIDs(t, d, by(rightful.ByID, want, "😀")); fmt.Sprint(got) != fmt.Sprint([]string{want}) {
			t.Errorf("%s: got %q, want %q", charset, got, want)
		}
		if got := companyIDs(t, d, rightful.Select{}); len(got) != 4 {
			t.Errorf("%s: all pages: got %q", charset, got)
		}
		wantRows(t, d.Users(t.Context(), by(rightful.ByEmail, "ANN@EXAMPLE.COM", "😀@example.com")), rightful.User{ID: "1", Email: "Ann@example.com"})
	}
}
