package sqldirectory_test

import (
	"bytes"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/source/sqldirectory"
)

// TestManyInABlock: MariaDB gets all of it in one flight too, and in a second one what
// the resolver needs the users' rows for.
func TestManyInABlock(t *testing.T) {
	t.Parallel()
	dsn, f := counted(t, engines[2].seats(t))
	d := open(t, dsn, manyMapping())
	unresolved := manyQuestion()
	unresolved.Resolve = nil
	ways := func(q rightful.DirectoryQuestion) int {
		t.Helper()
		return f.during(func() {
			if _, err := d.ReadMany(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		})
	}
	for n := range 3 {
		if got := ways(unresolved); got != 1 {
			t.Errorf("question %d took %d ways, want 1", n, got)
		}
		if got := ways(manyQuestion()); got != 2 {
			t.Errorf("question %d, with a resolver, took %d ways, want 2", n, got)
		}
	}
	alone := f.during(func() {
		if _, err := rightful.ReadMany(t.Context(), struct{ rightful.DirectoryReader }{d}, manyQuestion()); err != nil {
			t.Fatal(err)
		}
	})
	if t.Logf("one by one it takes %d ways", alone); alone < 30 {
		t.Error("they are not counted well")
	}

	// After one that failed, the connection is as good as before.
	db := connect(t, "mysql", dsn)
	for _, change := range []string{"ALTER TABLE subs RENAME TO gone", "ALTER TABLE gone RENAME TO subs"} {
		if _, err := db.ExecContext(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		_, _ = d.ReadMany(t.Context(), unresolved)
	}
	if got := ways(unresolved); got != 1 {
		t.Errorf("after a failure it took %d ways, want 1", got)
	}
}

// TestManyWithoutBlocks: where something on the way does not let blocks through, the
// same is answered, and before long none is sent.
func TestManyWithoutBlocks(t *testing.T) {
	t.Parallel()
	dsn, f := counted(t, engines[2].seats(t))
	d := open(t, dsn, manyMapping())
	q := manyQuestion()
	want, err := d.ReadMany(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	f.alter = func(sent []byte) {
		if at := bytes.Index(sent, []byte("BEGIN NOT ATOMIC")); at >= 0 {
			blocks++
			copy(sent[at:], "BEGIN NOT HERE..")
		}
	}
	for range 5 {
		got, err := d.ReadMany(t.Context(), q)
		if diff := gocmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("%v\n%s", err, diff)
		}
	}
	if blocks == 0 || blocks > 4 {
		t.Errorf("%d blocks were sent in vain", blocks)
	}
}

// TestABlockReadsAsSingleReads do, whatever a column holds and whatever is asked for.
func TestABlockReadsAsSingleReads(t *testing.T) {
	t.Parallel()
	const id, raw = "0b7cbeef-4abc-4def-8abc-0123456789ab", "0b7cbeef4abc4def8abc0123456789ab"
	dsn := engines[2].with(t,
		`CREATE TABLE companies (id binary(16), name varchar(40) CHARACTER SET latin1, owner_user_id bigint unsigned, stripe_customer_id varchar(40) CHARACTER SET utf8mb3,
			deleted_at timestamp(6) NULL, merged_into decimal(30,4), billing_parent_id double, stamp_value char(9) CHARACTER SET ascii)`,
		`INSERT INTO companies VALUES (X'`+raw+`', 'Café', 18446744073709551615, 'cus_1', '2024-02-03 04:05:06.5', 12345678901234567890.0000, 12, 'four'), (X'`+raw[:30]+`00', NULL, 7, 'it''s', NULL, NULL, NULL, 'x\\''"')`,
		"CREATE TABLE users (id varchar(40), email varchar(40), email_verified bit(1), is_active tinyint(1), company_id binary(16))",
		"INSERT INTO users VALUES ('"+id+"', 'Ann@example.com', b'1', 1, X'"+raw+"'), ('it''s; DROP TABLE users', NULL, b'0', NULL, NULL), ('Ann', NULL, NULL, NULL, NULL)",
		"CREATE TABLE memberships (user_id varchar(40), company_id binary(16), role enum('active', 'gone'), joined_at datetime, left_at date)",
		"INSERT INTO memberships VALUES ('"+id+"', X'"+raw+"', 'active', '2024-02-03 04:05:06', '2024-12-11'), ('"+id+"', X'"+raw+"', NULL, NULL, NULL), ('ann', X'"+raw+"', NULL, NULL, NULL)",
		"CREATE TABLE subscriptions (id int, company_id binary(16), stripe_customer_id text, stripe_subscription_id mediumtext, status set('gone', 'active'))",
		"INSERT INTO subscriptions VALUES (17, X'"+raw+"', 'cus_1', 'sub_1', 'gone')")
	d := open(t, dsn, sqldirectory.Mapping{
		Companies: "SELECT * FROM companies", Users: "SELECT * FROM users", Memberships: `SELECT * FROM memberships WHERE "role" IS NULL OR role <> 'x;y' -- all`,
		Subscriptions: "SELECT * FROM subscriptions", Resolve: "SELECT company_id FROM memberships WHERE user_id = :user_id",
	})
	by := func(column rightful.Column, values ...string) rightful.Select {
		return rightful.Select{By: column, Values: values}
	}
	odd := []string{"it's; DROP TABLE users", "\\' OR 1=1 -- ", "\x00", "\U0001f600", "'", `"`, "%", "?", "1e1"}
	q := rightful.DirectoryQuestion{
		Companies: []rightful.Select{by(rightful.ByID, id), by(rightful.ByOwner, "18446744073709551615", "7"), by(rightful.ByStripeCustomer, append(odd, "cus_1", "it's")...),
			by(rightful.ByMergedInto, "12345678901234567890"), by(rightful.ByBillingParent, "12"), by(rightful.ByStampValue, append(odd, "four", `x\'"`)...)},
		Users:            []rightful.Select{by(rightful.ByID, append(odd, id)...), by(rightful.ByEmail, "ann@EXAMPLE.com", "\U0001f600@example.com")},
		Memberships:      []rightful.Select{by(rightful.ByUser, append(odd, id)...), by(rightful.ByCompany, id)},
		SubscriptionRows: []rightful.Select{by(rightful.ByID, "17"), by(rightful.ByStripeSubscription, "sub_1")},
		Resolve:          append(odd, id, "Ann"), // whose row elsewhere is spelt otherwise
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
	if len(got.Companies[0]) != 1 || len(got.Companies[1]) != 2 || len(got.Companies[2]) != 2 || len(got.Companies[3]) != 1 || len(got.Companies[5]) != 2 || got.Companies[0][0].DeletedAt != 1706933106 {
		t.Errorf("companies: %+v", got.Companies)
	}
	if len(got.Users[0]) != 2 || len(got.Memberships[0]) != 2 || got.Resolutions[len(odd)+1].CompanyID != id || len(got.SubscriptionRows[0]) != 1 || got.Resolutions[len(odd)].CompanyID != id {
		t.Errorf("got %+v", got)
	}
	if d.Fruitless() != 0 {
		t.Error("it was not asked in a block")
	}
}
