package test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/plan"
	"rightful/internal/wire"
)

// soldWorld is a world in which user 7 of company 11 bought sub_1 in cs_1, and the
// database does not know. Company 13 is deleted, 14 will be, 15 is merged.
const soldWorld = `{
  "now": 1755086600,
  "config": {"company": {"metadata_key": "company_id", "user_key": "user_id"}},
  "db": {
    "companies": [
      {"id": "11", "name": "Bela", "owner_user_id": "7", "stripe_customer_id": null, "deleted_at": null, "merged_into": null},
      {"id": "12", "name": "Norte", "owner_user_id": "9", "stripe_customer_id": null, "deleted_at": null, "merged_into": null},
      {"id": "13", "name": "Gone", "owner_user_id": null, "stripe_customer_id": null, "deleted_at": 1750000000, "merged_into": null},
      {"id": "14", "name": "Going", "owner_user_id": null, "stripe_customer_id": null, "deleted_at": 1900000000, "merged_into": null},
      {"id": "15", "name": "Merged", "owner_user_id": null, "stripe_customer_id": null, "deleted_at": null, "merged_into": "12"}
    ],
    "users": [
      {"id": "7", "email": "bela@example.com", "company_id": "11"},
      {"id": "9", "email": "dora@example.com", "company_id": "12"},
      {"id": "8", "email": "homeless@example.com", "company_id": null}
    ],
    "subscriptions": []
  },
  "stripe": {
    "account": {"id": "acct_1", "livemode": true},
    "customers": [{"id": "cus_A", "object": "customer", "email": "bela@example.com", "created": 1754000000, "livemode": true, "metadata": {"company_id": "11", "user_id": "7"}}],
    "checkout_sessions": [{"id": "cs_1", "object": "checkout.session", "mode": "subscription", "status": "complete", "payment_status": "paid", "customer": "cus_A",
      "metadata": {"company_id": "11"}, "subscription": "sub_1", "payment_intent": null, "payment_link": null, "created": 1755000000, "livemode": true}],
    "subscriptions": [{"id": "sub_1", "object": "subscription", "customer": "cus_A", "status": "active", "created": 1755000000, "livemode": true, "metadata": {"company_id": "11"},
      "items": {"data": [{"price": {"id": "price_1", "unit_amount": 9900, "currency": "brl", "recurring": {"interval": "month"}}, "quantity": 1}]}}],
    "payment_intents": [],
    "subscription_schedules": []
  }
}`

// part returns a part of a world by its path; a number is an index.
func part(t *testing.T, world map[string]any, path string) map[string]any {
	t.Helper()
	var at any = world
	for _, step := range strings.Split(path, ".") {
		switch v := at.(type) {
		case map[string]any:
			at = v[step]
		case []any:
			at = v[step[0]-'0']
		}
	}
	return at.(map[string]any)
}

// sold opens the world after changes: a path, and what to set there.
func sold(t *testing.T, change func(set func(path, field string, value any))) (*engine.Engine, string) {
	t.Helper()
	var world map[string]any
	if err := json.Unmarshal([]byte(soldWorld), &world); err != nil {
		t.Fatal(err)
	}
	change(func(path, field string, value any) {
		if value == "gone" {
			delete(part(t, world, path), field)
			return
		}
		part(t, world, path)[field] = value
	})
	file := filepath.Join(t.TempDir(), "world.json")
	if err := os.WriteFile(file, must(json.MarshalIndent(world, "", " "))(t), 0o600); err != nil {
		t.Fatal(err)
	}
	e, _, err := wire.World(file)
	if err != nil {
		t.Fatal(err)
	}
	return e, file
}

func yes(*plan.Plan) (bool, error) { return true, nil }

type setter = func(path, field string, value any)

// row is a subscription row of a world.
func row(id, company, subscription, status string) map[string]any {
	return map[string]any{"id": id, "company_id": company, "stripe_customer_id": "cus_A", "stripe_subscription_id": subscription, "status": status}
}

// contest makes customer and checkout name different companies, with no link, row or
// user to tell which is right.
func contest(set setter) {
	set("stripe.customers.0", "metadata", map[string]any{"company_id": "12"})
	set("stripe.customers.0", "email", "somebody@example.com")
	set("stripe.customers.0", "created", 1700000000)
}

// TestFixSession: what becomes of the database, or why nothing does.
func TestFixSession(t *testing.T) {
	t.Parallel()
	const (
		cs, sub, cus = "stripe.checkout_sessions.0", "stripe.subscriptions.0", "stripe.customers.0"
		refused      = rightful.KindRefused
	)
	stamped := func(user string) map[string]any { return map[string]any{"company_id": "11", "user_id": user} }
	for name, tt := range map[string]struct {
		user   string
		change func(setter)
		row    string // id company status of the row after
		kind   rightful.ErrorKind
		says   string // in the error, or in a note
	}{
		"paid, and no row":               {"", func(setter) {}, "1 11 active", "", ""},
		"a trial":                        {"", func(s setter) { s(sub, "status", "trialing"); s(cs, "payment_status", "no_payment_required") }, "1 11 trialing", "", ""},
		"a row that says ended":          {"", func(s setter) { s("db", "subscriptions", []any{row("31", "11", "sub_1", "canceled")}) }, "31 11 active", "", ""},
		"known already":                  {"", func(s setter) { s("db", "subscriptions", []any{row("31", "11", "sub_1", "active")}) }, "31 11 active", "", ""},
		"other rows":                     {"", func(s setter) { s("db", "subscriptions", []any{row("31", "12", "sub_9", "active")}) }, "32 11 active", "", ""},
		"a company that will be deleted": {"", func(s setter) { s("db.companies.0", "deleted_at", 1900000000) }, "1 11 active", "", ""},
		"younger than an hour": {"", func(s setter) {
			s(cs, "created", 1755086000)
			s(sub, "created", 1755086000)
			s(cus, "created", 1755086000)
		}, "1 11 active", "", ""},

		"expired":                       {"", func(s setter) { s(cs, "status", "expired"); s(cs, "payment_status", "unpaid") }, "", refused, "it expired, and nothing was paid"},
		"open":                          {"", func(s setter) { s(cs, "status", "open"); s(cs, "payment_status", "unpaid") }, "", refused, "still open"},
		"not paid yet":                  {"", func(s setter) { s(cs, "payment_status", "unpaid") }, "", refused, "its payment status is unpaid"},
		"over in Stripe":                {"", func(s setter) { s(sub, "status", "canceled") }, "", refused, "is canceled in Stripe"},
		"first payment open":            {"", func(s setter) { s(sub, "status", "incomplete") }, "", refused, "is incomplete in Stripe"},
		"no such":                       {"", func(s setter) { s("stripe", "checkout_sessions", []any{}); s("stripe", "missing_ids", []any{"cs_1"}) }, "", rightful.KindNotFound, "no such checkout.session"},
		"the subscription is not there": {"", func(s setter) { s("stripe", "subscriptions", []any{}) }, "", refused, "was not found in Stripe"},
		"a one-off payment":             {"", func(s setter) { s(cs, "mode", "payment"); s(cs, "subscription", nil) }, "", "", "no subscription row tells of it"},
		"no rows are mapped":            {"", func(s setter) { s("db", "subscriptions", "gone") }, "", "", "directory.subscriptions is not mapped"},
		"a row of another company":      {"", func(s setter) { s("db", "subscriptions", []any{row("31", "12", "sub_1", "active")}) }, "31 12 active", refused, "gives sub_1 to company 12"},
		"two rows": {"", func(s setter) {
			s("db", "subscriptions", []any{row("31", "11", "sub_1", "canceled"), row("32", "11", "sub_1", "ended")})
		}, "31 11 canceled", refused, "2 rows name sub_1"},
		"a company that is deleted": {"", func(s setter) {
			s("db.companies.0", "deleted_at", 1755080000)
			s("db.users.0", "company_id", nil)
		}, "", refused, "deleted: there is nobody to give it to"},
		"another application's": {"", func(s setter) {
			s("config", "ownership", map[string]any{"key": "app", "value": "ledgerly"})
			s(cus, "metadata", map[string]any{"company_id": "11", "app": "shop"})
		}, "", refused, "tagged as another application's"},
		"contested": {"", contest, "", refused, "contested between companies 11, 12"},
		"nobody knows": {"", func(s setter) {
			s(cs, "metadata", nil)
			s(sub, "metadata", nil)
			s(cus, "metadata", map[string]any{"user_id": "8"})
			s(cus, "email", "homeless@example.com")
		}, "", refused, "nothing says for which company"},

		"the user is stamped":               {"7", func(s setter) { contest(s); s(sub, "metadata", stamped("7")) }, "1 11 active", "", ""},
		"the user has the email":            {"bela@example.com", func(s setter) { contest(s); s(cus, "email", "Bela@Example.com") }, "1 11 active", "", ""},
		"the user agrees with the voices":   {"7", func(setter) {}, "1 11 active", "", ""},
		"the user decides whose the row is": {"7", func(s setter) { s("db", "subscriptions", []any{row("31", "12", "sub_1", "active")}) }, "31 11 active", "", ""},
		"nobody asks whose the row is": {"7", func(s setter) {
			contest(s)
			s(cs, "metadata", stamped("7"))
			s("db", "subscriptions", []any{row("31", "12", "sub_1", "active")})
		}, "31 12 active", refused, "rightful move sub_1 --to 11"},
		"a row, and contested":    {"", func(s setter) { contest(s); s("db", "subscriptions", []any{row("31", "11", "sub_1", "active")}) }, "31 11 active", "", ""},
		"another user is stamped": {"7", func(s setter) { contest(s); s(sub, "metadata", stamped("9")) }, "", refused, "is stamped with user 9"},
		"another email":           {"7", contest, "", refused, "nothing of cs_1 says that this user bought it"},
		"the voices say otherwise": {"9", func(s setter) {
			s(cus, "email", "dora@example.com")
			s(cus, "metadata", map[string]any{"company_id": "11"})
		}, "", refused, "the voices say that it is company 11's"},
		"the voices name others": {"7", func(s setter) {
			contest(s)
			s(cus, "email", "bela@example.com")
			s("db.users.0", "company_id", "14")
			s("db.companies.0", "owner_user_id", nil)
		}, "", refused, "the voices name 11, 12"},
		"the resolver names nobody":      {"8", func(s setter) { contest(s); s(sub, "metadata", stamped("8")) }, "", refused, "the resolver names no company"},
		"the resolver names one gone":    {"7", func(s setter) { contest(s); s(sub, "metadata", stamped("7")); s("db.users.0", "company_id", "13") }, "", refused, "which is deleted"},
		"the resolver names one unknown": {"7", func(s setter) { contest(s); s(sub, "metadata", stamped("7")); s("db.users.0", "company_id", "404") }, "", refused, "there is no such company"},
		"no such user":                   {"404", func(setter) {}, "", rightful.KindNotFound, "the database has no user"},
		"joined later": {"7", func(s setter) {
			contest(s)
			s(sub, "metadata", stamped("7"))
			s("db", "memberships", []any{map[string]any{"user_id": "7", "company_id": "11", "joined_at": 1755080000 + 86400*3, "left_at": nil}})
			s("db.companies.0", "owner_user_id", nil)
		}, "", refused, "joined company 11 (Bela) only after the purchase"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, file := sold(t, tt.change)
			r, err := e.FixSession(t.Context(), engine.SessionFixInput{Session: "cs_1", User: tt.user, Confirm: yes})
			if rightful.KindOf(err) != tt.kind || err != nil && !strings.Contains(err.Error(), tt.says) || err != nil && tt.kind == "" {
				t.Fatalf("got %v, want it of kind %q with %q", err, tt.kind, tt.says)
			}
			if err == nil && !strings.Contains(strings.Join(r.Notes, "\n"), tt.says) {
				t.Errorf("notes: %q", r.Notes)
			}
			if err == nil && r.Applied != nil && (!r.Applied.Whole() || r.After == nil || r.After.Mismatched || tt.row != "" && r.After.Reflected != engine.ReflectedYes) {
				t.Errorf("applied %+v, after %+v", r.Applied, r.After)
			}
			if got := rowOf(t, e, file); got != tt.row {
				t.Errorf("the row is %q, want %q", got, tt.row)
			}
			if err != nil {
				return
			}
			// What is known now may carry more, once.
			for n := range 2 {
				again, err := e.FixSession(t.Context(), engine.SessionFixInput{Session: "cs_1", User: tt.user, Confirm: yes})
				if err != nil || n == 1 && again.Plan.Steps() > 0 {
					t.Errorf("once more: %v, %+v", err, again)
				}
			}
			if got := rowOf(t, e, file); got != tt.row {
				t.Errorf("after once more the row is %q, want %q", got, tt.row)
			}
		})
	}
}

// rowOf returns the first row of sub_1 in the saved world.
func rowOf(t *testing.T, e *engine.Engine, file string) string {
	t.Helper()
	saved := file + ".after"
	if err := e.Save(saved); err != nil {
		t.Fatal(err)
	}
	var after struct {
		DB struct {
			Subscriptions []map[string]any `json:"subscriptions"`
		} `json:"db"`
	}
	if err := json.Unmarshal(must(os.ReadFile(saved))(t), &after); err != nil {
		t.Fatal(err)
	}
	for _, r := range after.DB.Subscriptions {
		if r["stripe_subscription_id"] == "sub_1" {
			return r["id"].(string) + " " + r["company_id"].(string) + " " + r["status"].(string)
		}
	}
	return ""
}

func plainJSON(v any) ([]byte, error) { return json.Marshal(v) }

// TestWebhookInBetween: what the app itself writes while a person reads the plan is
// left alone, and one that gives it to somebody else stops the repair.
func TestWebhookInBetween(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		company string
		kind    rightful.ErrorKind
	}{"for the same company": {"11", ""}, "for another": {"12", rightful.KindRefused}} {
		e, file := sold(t, func(setter) {})
		values := rightful.RowValues{CompanyID: tt.company, StripeCustomerID: "cus_A", Status: "active"}.Text()
		r, err := e.FixSession(t.Context(), engine.SessionFixInput{Session: "cs_1", Confirm: func(*plan.Plan) (bool, error) {
			return true, e.Writers.Directory.CompareAndSet(t.Context(), []rightful.FieldChange{
				{Object: rightful.Ref{Type: rightful.RefSubscriptionRow, ID: "sub_1"}, Field: rightful.FieldRow, To: &values},
			}, true)
		}})
		if rightful.KindOf(err) != tt.kind {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && (!r.Applied.Whole() || r.Applied.Result.Count("already") != 1) {
			t.Errorf("%s: %+v", name, r.Applied.Result.Outcomes)
		}
		if got := rowOf(t, e, file); got != "1 "+tt.company+" active" {
			t.Errorf("%s: the row is %q", name, got)
		}
	}
}

// TestFixSessionDemandsAReason where it decides a security matter: company 12 links the
// customer who pays for the row of 11.
func TestFixSessionDemandsAReason(t *testing.T) {
	t.Parallel()
	secured := func(s setter) {
		contest(s)
		s("stripe.customers.0", "metadata", map[string]any{"company_id": "12", "user_id": "9"})
		s("stripe.customers.0", "email", "dora@example.com")
		s("db.companies.1", "stripe_customer_id", "cus_A")
		s("db", "subscriptions", []any{row("31", "11", "sub_1", "active")})
	}
	for reason, kind := range map[string]rightful.ErrorKind{"": rightful.KindRefused, "ticket 77": ""} {
		e, file := sold(t, secured)
		in := engine.SessionFixInput{Session: "cs_1", User: "dora@example.com", Confirm: yes, Author: engine.Author{Reason: reason}}
		r, err := e.FixSession(t.Context(), in)
		if rightful.KindOf(err) != kind || err != nil && !strings.Contains(err.Error(), "no reason is given") {
			t.Fatalf("%q: %v", reason, err)
		}
		want := "31 11 active"
		if kind == "" {
			if want = "31 12 active"; r.Plan.Reason != reason || !r.Applied.Result.Whole() {
				t.Errorf("reason %q, %+v", r.Plan.Reason, r.Applied.Result.Outcomes)
			}
		}
		if got := rowOf(t, e, file); got != want {
			t.Errorf("%q: the row is %q, want %q", reason, got, want)
		}
	}
}

// unsearchable is a Stripe whose search finds nothing yet.
type unsearchable struct{ rightful.StripeReader }

// Search finds nothing.
func (unsearchable) Search(context.Context, rightful.ObjectType, string, string) ([]rightful.Object, error) {
	return nil, nil
}

// TestSessionsOfACompany are found by their own stamps, with and without the company's
// row, and also when nothing else leads to them.
func TestSessionsOfACompany(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		company string
		change  func(setter)
		found   int
	}{
		"stamped with it":              {"12", func(s setter) { s("stripe.checkout_sessions.0", "metadata", map[string]any{"company_id": "12"}) }, 1},
		"rightfully its own":           {"11", func(s setter) { s("stripe.checkout_sessions.0", "metadata", map[string]any{"company_id": "12"}) }, 1},
		"stamped with one that is not": {"404", func(s setter) { s("stripe.checkout_sessions.0", "metadata", map[string]any{"company_id": "404"}) }, 1},
		"of a payer who is deleted": {"11", func(s setter) {
			s("stripe", "customers", []any{map[string]any{"id": "cus_A", "object": "customer", "deleted": true}})
		}, 1},
		"of a payer who is not there": {"11", func(s setter) { s("stripe", "customers", []any{}); s("stripe", "missing_ids", []any{"cus_A"}) }, 1},
		"another's":                   {"14", func(setter) {}, 0},
		"before the window":           {"11", func(s setter) { s("stripe.checkout_sessions.0", "created", 1753000000) }, 0},
	} {
		e, _ := sold(t, tt.change)
		e.Sources.Stripe = unsearchable{e.Sources.Stripe}
		r, err := e.Sessions(t.Context(), engine.SessionsInput{Since: 1754000000, Company: tt.company})
		if err != nil || len(r.Sessions) != tt.found {
			t.Errorf("%s: %v, %+v", name, err, r)
		}
	}
}

// calledOff is a writer after whose first write the run is called off.
type calledOff struct {
	rightful.StripeWriter
	cancel context.CancelFunc
}

// SetMetadata writes, and calls the run off.
func (c calledOff) SetMetadata(ctx context.Context, w rightful.MetadataWrite) error {
	defer c.cancel()
	return c.StripeWriter.SetMetadata(ctx, w)
}

// TestSessionFixIsContinued: a run that was called off between a stamp and the new row
// is gone on with by its id, and its wish is worked out on what stood there before.
func TestSessionFixIsContinued(t *testing.T) {
	t.Parallel()
	e, file := sold(t, func(s setter) {
		s("stripe.subscriptions.0", "metadata", map[string]any{"company_id": "404", "user_id": "7"})
	})
	if err := wire.Record(t.Context(), e, nil, "sqlite:"+t.TempDir()+"/state.db", wire.StateMade, "dora", time.Now); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	stripe := e.Writers.Stripe
	e.Writers.Stripe = calledOff{stripe, cancel}
	in := engine.SessionFixInput{Session: "cs_1", Confirm: yes, Author: engine.Author{Actor: "dora"}}
	r, err := e.FixSession(ctx, in)
	if err != nil || r.Applied.Whole() || rowOf(t, e, file) != "" {
		t.Fatalf("%v, %+v", err, r)
	}
	e.Writers.Stripe = stripe
	again, err := e.Apply(t.Context(), engine.ApplyInput{Continue: r.Applied.Run.ID, Author: in.Author})
	if err != nil || !again.Whole() {
		t.Fatalf("continued: %v, %+v", err, again)
	}
	if got := rowOf(t, e, file); got != "1 11 active" {
		t.Errorf("the row is %q", got)
	}
}
