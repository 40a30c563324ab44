package test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/wire"
)

// uglyWorld is large and odd where Stripe's data can be: one customer with
// thousands of sessions, hundreds of them in one second; pages of megabytes;
// fields and values of years to come; references expanded or not; null wherever
// Stripe may send it. Among it, one stamp in wrongEvery is wrong.
func uglyWorld(t *testing.T, sessions, wrongEvery int) string {
	t.Helper()
	const now = 1_750_000_000
	fat := map[string]string{"company_id": "1"}
	for i := range 49 {
		fat[fmt.Sprintf("key_%d", i)] = strings.Repeat("é", 500)
	}
	type object = map[string]any
	hub := object{"id": "cus_🦆hub", "object": "customer", "created": now - 90*86400, "livemode": true, "email": nil,
		"metadata": fat, "field_of_2031": object{"deep": []any{1, nil, "x"}}, "balance": nil, "invoice_settings": nil, "test_clock": nil}
	var all []object
	for i := range sessions {
		s := object{"id": fmt.Sprintf("cs_live_%06d", i), "object": "checkout.session", "mode": "payment", "livemode": true,
			"status": "complete", "payment_status": "paid", "customer": "cus_🦆hub", "created": now - 86400 + i/300,
			"metadata": map[string]string{"company_id": "1"}, "subscription": nil, "payment_intent": nil, "payment_link": nil,
			"client_reference_id": nil, "customer_details": nil, "status_of_2031": "levitating"}
		switch {
		case i%wrongEvery == 7%wrongEvery:
			s["metadata"] = map[string]string{"company_id": "99"}
		case i%10 == 3 && i < 1000:
			s["metadata"] = fat
		case i%10 == 4:
			s["customer"] = object{"id": "cus_🦆hub", "object": "customer", "deleted": false}
		}
		all = append(all, s)
	}
	world := object{
		"now": now,
		"db": object{
			"companies":     []object{{"id": 1, "owner_user_id": 7, "stripe_customer_id": "cus_🦆hub"}},
			"users":         []object{{"id": 7, "email": "owner@example.com", "company_id": 1}},
			"memberships":   []object{{"user_id": 7, "company_id": 1, "joined_at": nil, "left_at": nil}},
			"subscriptions": []object{},
		},
		"stripe": object{
			"account":           object{"id": "acct_1", "livemode": true},
			"customers":         []object{hub},
			"checkout_sessions": all,
			"subscriptions": []object{{"id": "sub_odd", "object": "subscription", "customer": object{"id": "cus_🦆hub", "object": "customer"},
				"status": "hibernating", "created": now - 86400, "livemode": true, "metadata": nil, "items": nil, "schedule": nil, "pending_update": nil}},
			"payment_intents": []object{},
		},
	}
	raw, err := json.Marshal(world)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ugly.json")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestUglyWorld audits it from the file and over HTTP, and finds exactly the
// wrong stamps both times.
func TestUglyWorld(t *testing.T) {
	t.Parallel()
	file := uglyWorld(t, 3000, 1000)
	e, _, err := wire.World(file)
	if err != nil {
		t.Fatal(err)
	}
	want := audit(t, e, engine.AuditInput{})
	var wrong []string
	for _, f := range want.Findings {
		if f.Code != rightful.CodeStampMissing || f.RightfulCompanyID == nil || *f.RightfulCompanyID != "1" {
			t.Errorf("%s on %s: %s", f.Code, f.Object.ID, f.Message)
		}
		wrong = append(wrong, f.Object.ID)
	}
	if diff := cmp.Diff([]string{"cs_live_000007", "cs_live_001007", "cs_live_002007"}, wrong); diff != "" {
		t.Error(diff)
	}

	dsn := engines[0].dsn(t)
	fillFrom(t, file, engines[0].open(t, dsn))
	r := assemble(t, file, dsn, want.Now)
	r.config["stripe"].(map[string]any)["rate"] = map[string]any{"account": 10_000, "endpoint": 10_000}
	got := audit(t, r.open(t), engine.AuditInput{})
	if got.Counts.StripeGETs < 30 {
		t.Errorf("%d GETs cannot have read 3000 sessions", got.Counts.StripeGETs)
	}
	ignoreRequests(want, got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the file and the real parts differ (-file +real):\n%s", diff)
	}
}

// TestHubIsJudgedInOneWalk judges a hundred thousand sessions of one customer,
// a quarter of them wrong. A walk of each through all others would take hours.
func TestHubIsJudgedInOneWalk(t *testing.T) {
	t.Parallel()
	const n, wrongEvery = 100_000, 4
	file := uglyWorld(t, n, wrongEvery)
	e, _, err := wire.World(file)
	if err != nil {
		t.Fatal(err)
	}
	r := audit(t, e, engine.AuditInput{})
	if len(r.Findings) != n/wrongEvery || r.Counts.Families != 1 {
		t.Errorf("%d findings in %d families", len(r.Findings), r.Counts.Families)
	}
	for _, f := range r.Findings {
		if len(f.Evidence) > 60 {
			t.Fatalf("%s carries %d statements", f.ID, len(f.Evidence))
		}
	}
}
