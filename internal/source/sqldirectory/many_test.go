package sqldirectory_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/source/sqldirectory"
)

const (
	oneUser        = "SELECT company FROM seats WHERE member = :user_id"
	manyStatements = `CREATE TABLE companies (id bigint PRIMARY KEY, owner_id bigint, customer varchar(40), slug varchar(40), deleted_at timestamp NULL);
		CREATE TABLE users (id bigint PRIMARY KEY, mail varchar(80), verified boolean);
		CREATE TABLE seats (member bigint, company bigint, joined timestamp NULL);
		CREATE TABLE subs (id bigint PRIMARY KEY, company bigint, customer varchar(40), sub varchar(40), status varchar(20));
		CREATE TABLE accounts (company bigint, customer varchar(40));
		INSERT INTO companies VALUES (4, 7, 'cus_4', 'four', '2024-01-02 03:04:05'), (11, 8, NULL, 'eleven', NULL);
		INSERT INTO users VALUES (7, 'ann@example.com', true), (8, 'bob@example.com', false), (9, NULL, NULL);
		INSERT INTO seats VALUES (7, 4, '2024-01-02 03:04:05'), (8, 4, NULL), (8, 11, NULL), (9, 11, NULL);
		INSERT INTO subs VALUES (1, 4, 'cus_4', 'sub_1', 'active');
		INSERT INTO accounts VALUES (11, 'cus_11')`
)

func manyMapping() sqldirectory.Mapping {
	return sqldirectory.Mapping{
		Companies:     "SELECT id, owner_id AS owner_user_id, customer AS stripe_customer_id, slug AS stamp_value, deleted_at FROM companies",
		Users:         "SELECT id, mail AS email, verified AS email_verified FROM users",
		Memberships:   "SELECT member AS user_id, company AS company_id, joined AS joined_at FROM seats",
		Subscriptions: "SELECT id, company AS company_id, customer AS stripe_customer_id, sub AS stripe_subscription_id, status FROM subs",
		Links:         "SELECT company AS company_id, customer AS stripe_customer_id FROM accounts",
		Resolve:       oneUser,
	}
}

// manyQuestion is what the validation of one payment asks first.
func manyQuestion() rightful.DirectoryQuestion {
	by := func(column rightful.Column, values ...string) rightful.Select {
		return rightful.Select{By: column, Values: values}
	}
	return rightful.DirectoryQuestion{
		Users:            []rightful.Select{by(rightful.ByID, "7")},
		Memberships:      []rightful.Select{by(rightful.ByUser, "7")},
		Companies:        []rightful.Select{by(rightful.ByOwner, "7"), by(rightful.ByID, "4", "11"), by(rightful.ByStampValue, "4"), by(rightful.ByStripeCustomer, "cus_4")},
		Links:            []rightful.Select{by(rightful.ByStripeCustomer, "cus_4", "cus_11")},
		SubscriptionRows: []rightful.Select{by(rightful.ByStripeSubscription, "sub_1"), by(rightful.ByStripeCustomer, "cus_4")},
		Resolve:          []string{"7", "8", "9", "10", "07", "x", ""},
	}
}

func (e engine) seats(t *testing.T) string {
	t.Helper()
	return e.with(t, strings.Split(manyStatements, ";")...)
}

// TestManyAtOnce on every engine: the answers of single reads.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		d := open(t, e.seats(t), manyMapping())
		q := manyQuestion()
		got, err := d.ReadMany(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		// Without its other face, the directory is read one by one.
		want, err := rightful.ReadMany(t.Context(), struct{ rightful.DirectoryReader }{d}, q)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("one by one, and at once:\n%s", diff)
		}
		if !got.Companies[1][0].Deleted || got.Companies[1][0].DeletedAt != 1704164645 || got.Memberships[0][0].JoinedAt != 1704164645 ||
			!got.Resolutions[1].Ambiguous || got.Resolutions[0].CompanyID != "4" || got.Resolutions[2].CompanyID != "11" {
			t.Errorf("got %+v", got)
		}
	})
}

// TestManyOnOneWay: PostgreSQL gets all of it in one flight on a warm connection,
// the first time too.
func TestManyOnOneWay(t *testing.T) {
	t.Parallel()
	dsn, f := counted(t, engines[1].seats(t))
	d := open(t, dsn, manyMapping())
	for n := range 3 {
		ways := f.during(func() {
			if _, err := d.ReadMany(t.Context(), manyQuestion()); err != nil {
				t.Fatal(err)
			}
		})
		if ways != 1 {
			t.Errorf("question %d took %d ways, want 1", n, ways)
		}
	}
	alone := f.during(func() {
		if _, err := rightful.ReadMany(t.Context(), struct{ rightful.DirectoryReader }{d}, manyQuestion()); err != nil {
			t.Fatal(err)
		}
	})
	if alone < 30 {
		t.Errorf("one by one it took %d ways: they are not counted well", alone)
	}
	t.Logf("one by one it takes %d ways", alone)

	// After one that failed, the connection is as good as before.
	if _, err := connect(t, "pgx", dsn).ExecContext(t.Context(), "ALTER TABLE subs RENAME TO gone"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.ReadMany(t.Context(), manyQuestion()); err == nil {
		t.Fatal("a table is gone, and nobody says so")
	}
	if ways := f.during(func() {
		q := manyQuestion()
		q.SubscriptionRows = nil
		if _, err := d.ReadMany(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}); ways != 1 {
		t.Errorf("after a failure it took %d ways, want 1", ways)
	}
}

// TestManyOnDeadConnections: what has rested is not tried first, because that would
// be a way of its own; when the server has restarted meanwhile, nobody notices.
func TestManyOnDeadConnections(t *testing.T) {
	t.Parallel()
	const connections = 8 // as many as there may be
	direct := engines[1].seats(t)
	dsn, f := counted(t, direct)
	d, db := open(t, dsn, manyMapping()), connect(t, "pgx", direct)
	asked := sqldirectory.PostgresAsksFirst
	if !asked(t.Context(), 2*time.Second) || asked(t.Context(), time.Second/2) {
		t.Error("single reads do not try a connection that has rested")
	}
	if asked(sqldirectory.WithoutAsking(t.Context()), time.Hour) || !asked(sqldirectory.WithAsking(t.Context()), 0) {
		t.Error("a connection is tried before many reads, or not when one was dead")
	}
	onAll := func() { // reads on all connections at once: who waits for a lock keeps one
		held, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer held.Rollback()
		if _, err := held.ExecContext(t.Context(), "LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE"); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range connections {
			wg.Go(func() {
				if _, err := d.ReadMany(t.Context(), manyQuestion()); err != nil {
					t.Error(err)
				}
			})
		}
		for waiting := 0; waiting < connections; {
			if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'accounts'::regclass").Scan(&waiting); err != nil {
				t.Fatal(err)
			}
		}
		if err := held.Rollback(); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
	}
	onAll()
	if ways := f.during(onAll); ways != connections {
		t.Errorf("%d questions took %d ways", connections, ways)
	}
	if _, err := db.ExecContext(t.Context(),
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"); err != nil {
		t.Fatal(err)
	}
	if a, err := d.ReadMany(t.Context(), manyQuestion()); err != nil || len(a.Users[0]) != 1 {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestManyOfEveryType: whatever a column holds, and whatever form the server is told
// to give it, is read as single reads read it.
func TestManyOfEveryType(t *testing.T) {
	t.Parallel()
	const id, upper = "0b7cbeef-4abc-4def-8abc-0123456789ab", "0B7CBEEF-4ABC-4DEF-8ABC-0123456789AB"
	dsn := engines[1].with(t,
		`DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET datestyle = ''SQL, DMY''', current_database());
			EXECUTE format('ALTER DATABASE %I SET bytea_output = ''escape''', current_database());
			EXECUTE format('ALTER DATABASE %I SET timezone = ''Asia/Tokyo''', current_database()); END$$`,
		"CREATE DOMAIN number AS integer CHECK (VALUE > 0)", "CREATE TYPE state AS ENUM ('active', 'gone')",
		`CREATE TABLE companies (id uuid, name json, owner_user_id number, stripe_customer_id bytea, deleted_at timestamptz, merged_into oid,
			billing_parent_id numeric(20,4), stamp_value char(9))`,
		`INSERT INTO companies VALUES ('`+id+`', '{"a": 1}', 7, 'cus_\134\001', '2024-02-03 04:05:06.5+00', 11, 12.0000, 'four')`,
		"CREATE TABLE users (id text, email varchar(40), email_verified boolean, is_active smallint, company_id uuid)",
		"INSERT INTO users VALUES ('"+upper+"', 'Ann@example.com', true, 1, '"+id+"')",
		"CREATE TABLE memberships (user_id text, company_id uuid, role state, joined_at timestamp, left_at date)",
		"INSERT INTO memberships VALUES ('"+upper+"', '"+id+"', 'active', '2024-02-03 04:05:06', '2024-12-11'), ('"+upper+"', '"+id+"', NULL, NULL, 'infinity')",
		"CREATE TABLE subscriptions (id real, company_id uuid, stripe_customer_id name, stripe_subscription_id text, status state)",
		"INSERT INTO subscriptions VALUES (17, '"+id+"', 'cus_1', 'sub_1', 'gone')")
	d := open(t, dsn, sqldirectory.Mapping{
		Companies: "SELECT * FROM companies", Users: "SELECT * FROM users", Memberships: "SELECT * FROM memberships", Subscriptions: "SELECT * FROM subscriptions",
		Resolve: "SELECT company_id FROM memberships WHERE user_id = :user_id",
	})
	by := func(column rightful.Column, value string) rightful.Select {
		return rightful.Select{By: column, Values: []string{value}}
	}
	q := rightful.DirectoryQuestion{
		Companies: []rightful.Select{by(rightful.ByID, upper), by(rightful.ByOwner, "7"), by(rightful.ByStripeCustomer, "cus_\\\x01"),
			by(rightful.ByMergedInto, "11"), by(rightful.ByBillingParent, "12"), by(rightful.ByStampValue, "four")},
		Users:            []rightful.Select{by(rightful.ByEmail, "ann@EXAMPLE.com")},
		Memberships:      []rightful.Select{by(rightful.ByUser, id)},
		SubscriptionRows: []rightful.Select{by(rightful.ByID, "17")},
		Resolve:          []string{id, upper},
	}
	got, err := d.ReadMany(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	want, err := rightful.ReadMany(t.Context(), struct{ rightful.DirectoryReader }{d}, q)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("one by one, and at once:\n%s", diff)
	}
	for i, found := range got.Companies {
		if len(found) != 1 || found[0].DeletedAt != 1706933106 || found[0].StripeCustomerID != "cus_\\\x01" {
			t.Errorf("companies, select %d: %+v", i, found)
		}
	}
	if len(got.Users[0]) != 1 || len(got.Memberships[0]) != 2 || len(got.SubscriptionRows[0]) != 1 ||
		got.Resolutions[0].CompanyID != id || got.Resolutions[1].CompanyID != id {
		t.Errorf("got %+v", got)
	}
}

// TestManyAfterAChange of a table: what was prepared before does not fit any more,
// and nobody notices. Where the address says that statements are not to be kept,
// none is.
func TestManyAfterAChange(t *testing.T) {
	t.Parallel()
	dsn := engines[1].seats(t)
	for name, tt := range map[string]struct {
		parameters string
		kept       bool
	}{"": {kept: true}, "pooler": {"&default_query_exec_mode=exec", false}} {
		d := open(t, dsn+tt.parameters, sqldirectory.Mapping{Companies: "SELECT * FROM companies"})
		q := rightful.DirectoryQuestion{Companies: []rightful.Select{{By: rightful.ByID, Values: []string{"4"}}}}
		db := connect(t, "pgx", dsn)
		for _, change := range []string{"SELECT 1", "ALTER TABLE companies ALTER COLUMN id TYPE integer", "ALTER TABLE companies ALTER COLUMN id TYPE bigint"} {
			if _, err := db.ExecContext(t.Context(), change); err != nil {
				t.Fatal(err)
			}
			a, err := d.ReadMany(t.Context(), q)
			if err != nil || len(a.Companies[0]) != 1 || a.Companies[0][0].ID != "4" {
				t.Errorf("%s, after %s: %+v, %v", name, change, a, err)
			}
		}
		var named int
		if err := d.OnConnection(t.Context(), "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'rightful%'", &named); err != nil {
			t.Fatal(err)
		}
		if named > 0 != tt.kept {
			t.Errorf("%s: %d statements are kept", name, named)
		}
	}
}

// TestManySaysWhatFailed, where, and leaves nothing behind.
func TestManySaysWhatFailed(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		dsn := e.seats(t)
		d := open(t, dsn, manyMapping())
		source := dsn
		if e.name == "sqlite" {
			source = strings.TrimPrefix(dsn, "sqlite:")
		}
		db := connect(t, e.driver, source)
		if _, err := db.ExecContext(t.Context(), "ALTER TABLE subs RENAME TO gone"); err != nil {
			t.Fatal(err)
		}
		q := manyQuestion()
		for range 20 { // more than there are connections
			_, err := d.ReadMany(t.Context(), q)
			says(t, asError(t, err), rightful.KindInvalid, "directory.subscriptions", "subs")
		}
		q.SubscriptionRows = nil
		if a, err := d.ReadMany(t.Context(), q); err != nil || len(a.Users[0]) != 1 {
			t.Errorf("after it: %+v, %v", a, err)
		}
	})
}

// TestManyEndsInTime: the deadline is that of one read, and the statement that was
// under way is named.
func TestManyEndsInTime(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, e engine) {
		m := manyMapping()
		m.Links = "SELECT 11 AS company_id, 'cus_11' AS stripe_customer_id FROM accounts WHERE pg_sleep(60) IS NULL"
		if e.name == "mariadb" {
			m.Links = "SELECT seq AS company_id, 'cus_11' AS stripe_customer_id FROM seq_1_to_9000000000000 WHERE seq % 2 > 1"
		}
		d := open(t, e.seats(t), m, sqldirectory.WithStatementTimeout(time.Second))
		_, err := d.ReadMany(t.Context(), manyQuestion())
		says(t, asError(t, err), rightful.KindUnreachable, "directory.links", "no answer within 1s")
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := d.ReadMany(ctx, manyQuestion()); !errors.Is(err, context.DeadlineExceeded) || rightful.KindOf(err) != "" {
			t.Errorf("the caller's own deadline: %v", err)
		}
		q := manyQuestion()
		q.Links = nil
		if a, err := d.ReadMany(t.Context(), q); err != nil || len(a.Users[0]) != 1 {
			t.Errorf("after it: %+v, %v", a, err)
		}
	})
}

// TestManyCannotWrite, as no read can.
func TestManyCannotWrite(t *testing.T) {
	t.Parallel()
	dsn := engines[1].with(t, append(strings.Split(manyStatements, ";"), `CREATE FUNCTION logged(n bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS
		$$BEGIN INSERT INTO accounts VALUES (n, 'x'); RETURN n; END$$`)...)
	m := manyMapping()
	m.Resolve = "SELECT logged(4) WHERE :user_id <> ''"
	d := open(t, dsn, m)
	_, err := d.ReadMany(t.Context(), manyQuestion())
	says(t, asError(t, err), rightful.KindInvalid, "directory.resolve", "read-only")
}

// TestManyEmails: a question among others is for few.
func TestManyEmails(t *testing.T) {
	t.Parallel()
	d := open(t, engines[0].seats(t), manyMapping())
	emails := slices.Repeat([]string{"ann@example.com"}, 2000)
	q := rightful.DirectoryQuestion{Users: []rightful.Select{{By: rightful.ByEmail, Values: emails}}}
	if a, err := d.ReadMany(t.Context(), q); err != nil || len(a.Users[0]) != 1 {
		t.Errorf("one email, often: %+v, %v", a, err)
	}
	for i := range emails {
		emails[i] += strings.Repeat("x", i)
	}
	_, err := d.ReadMany(t.Context(), q)
	says(t, asError(t, err), rightful.KindInvalid, "directory.users", "too many")
}

// asError returns err as one of ours.
func asError(t *testing.T, err error) *rightful.Error {
	t.Helper()
	var known *rightful.Error
	if !errors.As(err, &known) {
		t.Fatalf("error %v is no rightful.Error", err)
	}
	return known
}
