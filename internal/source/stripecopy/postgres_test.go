package stripecopy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"rightful"
	"rightful/internal/pull"
	"rightful/internal/source/stripecopy"
	"rightful/internal/stripeobject"
	"rightful/internal/testserver"
	"rightful/stripesim"
)

var keys = rightful.KeySet{Company: "company_id", User: "user_id"}

// world is a made-up account's objects, as Stripe's API writes them.
func world(t *testing.T) map[rightful.ObjectType][]json.RawMessage {
	t.Helper()
	var raw bytes.Buffer
	if err := stripesim.Generate(&raw, stripesim.GenerateOptions{Companies: 40, Livemode: true}); err != nil {
		t.Fatal(err)
	}
	var w struct {
		Stripe map[string]json.RawMessage `json:"stripe"`
	}
	if err := json.Unmarshal(raw.Bytes(), &w); err != nil {
		t.Fatal(err)
	}
	all := map[rightful.ObjectType][]json.RawMessage{}
	for name, typ := range tables {
		var objects []json.RawMessage
		if w.Stripe[name] == nil {
			continue
		}
		if err := json.Unmarshal(w.Stripe[name], &objects); err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			var fields map[string]any
			if err := json.Unmarshal(o, &fields); err != nil {
				t.Fatal(err)
			}
			fields["object"], fields["livemode"] = typ, true
			whole, err := json.Marshal(fields)
			if err != nil {
				t.Fatal(err)
			}
			all[typ] = append(all[typ], whole)
		}
	}
	if len(all[rightful.TypeCustomer]) == 0 || len(all[rightful.TypeSubscription]) == 0 || len(all[rightful.TypeSession]) == 0 {
		t.Fatalf("the world has %d lists only", len(all))
	}
	return all
}

var tables = map[string]rightful.ObjectType{
	"customers": rightful.TypeCustomer, "checkout_sessions": rightful.TypeSession, "subscriptions": rightful.TypeSubscription,
	"payment_intents": rightful.TypePaymentIntent, "subscription_schedules": rightful.TypeSchedule,
}

// want is what a world's objects are to be read as.
func want(t *testing.T, objects []json.RawMessage) map[string]rightful.Object {
	t.Helper()
	out := map[string]rightful.Object{}
	for _, raw := range objects {
		o, err := stripeobject.Decode(raw, "", keys, stripeobject.Defaults{Account: "acct_1", Livemode: true})
		if err != nil {
			t.Fatal(err)
		}
		out[o.ID] = o
	}
	return out
}

// filled is a PostgreSQL database as a program leaves it that copies Stripe's objects.
type filled struct {
	*testing.T
	address string
	db      *pgx.Conn
}

func newFilled(t *testing.T) *filled {
	f := &filled{T: t, address: testserver.Postgres(t)}
	var err error
	if f.db, err = pgx.Connect(t.Context(), f.address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.db.Close(context.Background()) })
	return f
}

func (f *filled) exec(statement string, args ...any) {
	f.Helper()
	if _, err := f.db.Exec(f.Context(), statement, args...); err != nil {
		f.Fatalf("%s: %v", statement, err)
	}
}

// raw makes a table of whole objects.
func (f *filled) raw(schema, table string, objects []json.RawMessage, synced string) {
	f.Helper()
	f.exec(`CREATE SCHEMA IF NOT EXISTS ` + schema)
	f.exec(`CREATE TABLE ` + schema + `.` + table + ` (_raw_data jsonb NOT NULL, _last_synced_at timestamptz, _updated_at timestamptz NOT NULL DEFAULT now(), _account_id text NOT NULL,
		id text GENERATED ALWAYS AS ((_raw_data->>'id')::text) STORED PRIMARY KEY, email text GENERATED ALWAYS AS ((_raw_data->>'email')::text) STORED)`)
	for _, o := range objects {
		f.exec(`INSERT INTO `+schema+`.`+table+` (_raw_data, _last_synced_at, _account_id) VALUES ($1, $2::timestamptz, 'acct_1')`, string(o), synced)
	}
}

// opened reads a database to its end.
func (f *filled) read(address string, o stripecopy.Options) (map[rightful.ObjectType]map[string]rightful.MirrorObject, *stripecopy.Copy) {
	f.Helper()
	o.Account, o.Keys = "acct_1", keys
	c, err := stripecopy.Open(f.Context(), []string{address}, o)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = c.Close() })
	got := map[rightful.ObjectType]map[string]rightful.MirrorObject{}
	for m, err := range c.Objects(f.Context()) {
		if err != nil {
			f.Fatal(err)
		}
		if got[m.Type] == nil {
			got[m.Type] = map[string]rightful.MirrorObject{}
		}
		got[m.Type][m.ID] = m
	}
	return got, c
}

// same compares what was read with what Stripe has.
func (f *filled) same(got map[rightful.ObjectType]map[string]rightful.MirrorObject, objects map[rightful.ObjectType][]json.RawMessage) {
	f.Helper()
	for _, typ := range rightful.ListedTypes() {
		want := want(f.T, objects[typ])
		if a, b := slices.Sorted(maps.Keys(got[typ])), slices.Sorted(maps.Keys(want)); !slices.Equal(a, b) {
			f.Fatalf("%s: %d objects, want %d", typ, len(a), len(b))
		}
		for id, w := range want {
			if !reflect.DeepEqual(got[typ][id].Object, w) {
				f.Fatalf("%s %s:\ngot  %+v\nwant %+v", typ, id, got[typ][id].Object, w)
			}
		}
	}
}

const (
	synced = "2026-01-31T14:00:00Z"
	at     = 1_769_868_000
)

// TestSyncEngine reads what the sync engine writes since 2025: whole objects, with the time
// at which each was taken from Stripe, and books about its runs.
func TestSyncEngine(t *testing.T) {
	t.Parallel()
	f, objects := newFilled(t), world(t)
	for name, typ := range tables {
		f.raw("stripe", name, objects[typ], synced)
	}
	f.exec(`INSERT INTO stripe.customers (_raw_data, _last_synced_at, _account_id) VALUES ('{"id": "cus_other", "object": "customer", "livemode": true, "created": 5}', now(), 'acct_2')`)
	f.exec(`INSERT INTO stripe.customers (_raw_data, _last_synced_at, _account_id) VALUES ('{"id": "cus_test", "object": "customer", "livemode": false, "created": 5}', now(), 'acct_1')`)
	f.exec(`CREATE TABLE stripe._sync_obj_runs (_account_id text, run_started_at timestamptz, object text, status text, started_at timestamptz, created_gte integer NOT NULL DEFAULT 0, created_lte integer NOT NULL DEFAULT 0)`)

	got, c := f.read(f.address, stripecopy.Options{Livemode: true})
	f.same(got, objects)
	if left := c.LeftOut(); left.OtherAccount != 1 || left.OtherMode != 1 || left.Bad != 0 {
		t.Errorf("%+v", left)
	}
	for _, m := range got[rightful.TypeCustomer] {
		if m.AsOf != at-60 {
			t.Errorf("as of %d, want %d", m.AsOf, at-60)
		}
	}
	if claims := c.Claims(); claims != nil {
		t.Errorf("no run came to its end, and it claims %+v", claims)
	}

	// A run over some of the list, one that failed, one of another account, and whole ones.
	for _, run := range []string{
		`'acct_1', '2026-01-31T14:30:00Z', 'customer', 'complete', now()`, `'acct_1', '2026-01-31T13:00:00Z', 'subscriptions', 'complete', now()`,
		`'acct_1', '2026-01-31T13:00:00Z', 'payment_intent', 'complete', now(), 5, 0`, `'acct_1', '2026-01-31T13:00:00Z', 'checkout_sessions', 'error', now()`,
		`'acct_2', '2026-01-31T13:00:00Z', 'subscription_schedules', 'complete', now()`,
	} {
		f.exec(`INSERT INTO stripe._sync_obj_runs VALUES (` + run + `)`)
	}
	_, c = f.read(f.address, stripecopy.Options{Livemode: true})
	wantClaims := []pull.Claim{{Type: rightful.TypeCustomer, AsOf: at - 60, EvenNone: true}, {Type: rightful.TypeSubscription, AsOf: at - 3600 - 60, EvenNone: true}}
	if claims := c.Claims(); !reflect.DeepEqual(claims, wantClaims) {
		t.Errorf("claims %+v\nwant   %+v", claims, wantClaims)
	}

	// Of one object nobody knows since when it is so.
	f.exec(`UPDATE stripe.customers SET _last_synced_at = NULL WHERE id = 'cus_test'`)
	_, c = f.read(f.address, stripecopy.Options{Livemode: true})
	if claims := c.Claims(); !reflect.DeepEqual(claims, wantClaims[1:]) {
		t.Errorf("claims %+v\nwant   %+v", claims, wantClaims[1:])
	}

	// The word of a person is for all lists, and what stood so later did.
	got, c = f.read(f.address, stripecopy.Options{Livemode: true, AsOf: at - 7200})
	if claims := c.Claims(); len(claims) != 5 || claims[0] != (pull.Claim{Type: rightful.TypeCustomer, AsOf: at - 7200}) {
		t.Errorf("claims %+v", claims)
	}
	for _, m := range got[rightful.TypeSubscription] {
		if m.AsOf != at-60 {
			t.Errorf("as of %d, want %d", m.AsOf, at-60)
		}
	}
}

// TestRealTimeSync reads what Stripe's own sync writes: whole objects, in a schema of any
// name, without the time at which they stood so.
func TestRealTimeSync(t *testing.T) {
	t.Parallel()
	f, objects := newFilled(t), world(t)
	f.exec(`CREATE TABLE public.customers (id bigint PRIMARY KEY, email text)`) // the app's own
	for name, typ := range tables {
		f.raw("billing", name, objects[typ], synced)
		f.exec(`ALTER TABLE billing.` + name + ` DROP COLUMN _last_synced_at`)
		f.exec(`UPDATE billing.` + name + ` SET _updated_at = '` + synced + `'`)
	}
	got, c := f.read(f.address, stripecopy.Options{Livemode: true})
	f.same(got, objects)
	if claims := c.Claims(); claims != nil {
		t.Errorf("claims %+v", claims)
	}
	for _, m := range got[rightful.TypeCustomer] {
		if want := max(int64(at-3*24*3600-60), m.Created); m.AsOf != want {
			t.Errorf("as of %d, want %d", m.AsOf, want)
		}
	}

	// Two of them: one must be named.
	f.raw("test_mode", "customers", nil, synced)
	_, err := stripecopy.Open(t.Context(), []string{f.address}, stripecopy.Options{Account: "acct_1", Livemode: true, Keys: keys})
	if err == nil || !strings.Contains(err.Error(), `several schemas hold Stripe's objects: "billing", "test_mode"`) {
		t.Error(err)
	}
	got, _ = f.read(f.address+parameter(f.address)+"schema=billing", stripecopy.Options{Livemode: true})
	f.same(got, objects)
}

func parameter(address string) string {
	if strings.Contains(address, "?") {
		return "&"
	}
	return "?"
}

// TestSyncEngineOfOld reads what the sync engine wrote before: a column for each field.
func TestSyncEngineOfOld(t *testing.T) {
	t.Parallel()
	f, objects := newFilled(t), world(t)
	f.exec(`CREATE SCHEMA stripe`)
	f.exec(`CREATE TYPE stripe.subscription_status AS ENUM ('trialing', 'active', 'canceled', 'incomplete', 'incomplete_expired', 'past_due', 'unpaid')`)
	for name, columns := range map[string]string{
		"customers":         `id text PRIMARY KEY, object text, address jsonb, email text, metadata jsonb, name text, balance integer, created integer, default_source text, invoice_settings jsonb, livemode boolean, deleted boolean NOT NULL DEFAULT false`,
		"subscriptions":     `id text PRIMARY KEY, object text, cancel_at_period_end boolean, items jsonb, metadata jsonb, pending_update jsonb, status stripe.subscription_status, cancel_at integer, created integer, ended_at integer, livemode boolean, schedule text, customer text, plan text`,
		"checkout_sessions": `id text PRIMARY KEY, object text, client_reference_id text, created integer, customer text, customer_details jsonb, customer_email text, expires_at integer, livemode boolean, metadata jsonb, mode text, payment_intent text, payment_link text, payment_status text, return_url text, status text, subscription text, success_url text`,
		"payment_intents":   `id text PRIMARY KEY, object text, created integer, customer text, livemode boolean, metadata jsonb, receipt_email text, status text`,
	} {
		f.exec(`CREATE TABLE stripe.` + name + ` (` + columns + `, updated_at timestamptz NOT NULL DEFAULT now(), last_synced_at timestamptz)`)
		for _, o := range objects[tables[name]] {
			var fields map[string]any
			if err := json.Unmarshal(o, &fields); err != nil {
				t.Fatal(err)
			}
			fields["last_synced_at"], fields["updated_at"], fields["deleted"] = synced, synced, false
			if name == "subscriptions" {
				fields["plan"] = `{"id": "plan_1", "object": "plan"}`
			}
			row, err := json.Marshal(fields)
			if err != nil {
				t.Fatal(err)
			}
			f.exec(`INSERT INTO stripe.`+name+` SELECT * FROM json_populate_record(NULL::stripe.`+name+`, $1)`, string(row))
		}
	}
	f.exec(`INSERT INTO stripe.customers (id, object, deleted) VALUES ('cus_gone', 'customer', true)`)
	f.exec(`INSERT INTO stripe.subscriptions (id, object, livemode, customer, status, created, metadata, plan) VALUES ('sub_bare', 'subscription', true, 'cus_gone', 'canceled', 5, '{}', '{"id": "plan_1"}')`)
	got, c := f.read(f.address, stripecopy.Options{Livemode: true})
	if left := c.LeftOut(); left.Bad != 0 {
		t.Fatalf("%+v", left)
	}
	if bare := got[rightful.TypeSubscription]["sub_bare"]; bare.Status != "canceled" || len(bare.Items) != 0 {
		t.Errorf("%+v", bare)
	}
	delete(got[rightful.TypeSubscription], "sub_bare")
	if gone := got[rightful.TypeCustomer]["cus_gone"]; gone.Exists != rightful.ExistsDeleted || gone.AsOf == 0 {
		t.Errorf("%+v", gone)
	}
	delete(got[rightful.TypeCustomer], "cus_gone")
	delete(objects, rightful.TypeSchedule)
	f.same(got, objects)
	if claims := c.Claims(); claims != nil {
		t.Errorf("there are no books, and it claims %+v", claims)
	}
}

// TestOtherDatabases are refused in words that help.
func TestOtherDatabases(t *testing.T) {
	t.Parallel()
	f := newFilled(t)
	try := func(address, want string) {
		t.Helper()
		_, err := stripecopy.Open(t.Context(), []string{address}, stripecopy.Options{Account: "acct_1", Livemode: true, Keys: keys})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("tells a password: %v", err)
		}
	}
	try(f.address, "no schema has tables of Stripe's objects")
	f.exec(`CREATE TABLE customers (id bigint PRIMARY KEY, email text, created timestamptz)`)
	f.exec(`CREATE SCHEMA stripe`)
	f.exec(`CREATE TABLE stripe.customers (id text PRIMARY KEY, company bigint)`)
	try(f.address, "no schema has tables of Stripe's objects")
	try(f.address+parameter(f.address)+"schema=nowhere", `the schema "nowhere" has no tables of Stripe's objects`)
	try("postgres://me:hunter2@127.0.0.1:1/db", "postgres://127.0.0.1:1/db: the database does not answer")
	try("postgres://me:hunter2@127.0.0.1:notaport/db", "this is no address of a database")

	// What is there of somebody else only is counted, so that the run can be refused.
	f.raw("ours", "customers", []json.RawMessage{json.RawMessage(`{"id": "cus_1", "object": "customer", "livemode": true, "created": 5}`)}, synced)
	f.exec(`UPDATE ours.customers SET _account_id = 'acct_9'`)
	got, c := f.read(f.address, stripecopy.Options{Livemode: true})
	if left := c.LeftOut(); len(got) != 0 || left.OtherAccount != 1 {
		t.Errorf("%v %+v", got, left)
	}
	// An object that is too big, and one that is none.
	f.exec(`UPDATE ours.customers SET _account_id = 'acct_1', _raw_data = _raw_data || jsonb_build_object('big', (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 100000) i))`)
	f.exec(`INSERT INTO ours.customers (_raw_data, _account_id) VALUES ('{"id": "cus_2", "object": "customer", "livemode": true, "email": 7}', 'acct_1')`)
	got, c = f.read(f.address, stripecopy.Options{Livemode: true})
	left := c.LeftOut()
	if len(got) != 0 || left.Bad != 2 || !strings.Contains(fmt.Sprint(left.BadAt), `"ours"."customers": cus_1: an object of more than 1048576 bytes`) || !strings.Contains(fmt.Sprint(left.BadAt), "cus_2: field email: want a string") {
		t.Errorf("%v %+v", got, left)
	}
}
