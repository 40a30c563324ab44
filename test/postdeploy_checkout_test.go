package test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/wire"
)

// price makes a price in a rig's Stripe and returns its id.
func (r *rig) price(t *testing.T) string {
	t.Helper()
	form := url.Values{"currency": {"brl"}, "unit_amount": {"4900"}, "recurring[interval]": {"month"}, "product_data[name]": {"Seat"}}
	req := must(http.NewRequestWithContext(t.Context(), http.MethodPost, r.stripe.URL+"/v1/prices", strings.NewReader(form.Encode())))(t)
	req.Header.Set("Authorization", "Bearer sk_live_same")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp := must(http.DefaultClient.Do(req))(t)
	defer func() { _ = resp.Body.Close() }()
	var made struct{ ID string }
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil || made.ID == "" {
		t.Fatalf("no price: %d %v", resp.StatusCode, err)
	}
	return made.ID
}

// session returns a session as the rig's Stripe has it.
func (r *rig) session(t *testing.T, id string) (session map[string]any) {
	t.Helper()
	req := must(http.NewRequestWithContext(t.Context(), http.MethodGet, r.stripe.URL+"/v1/checkout/sessions/"+id, nil))(t)
	req.Header.Set("Authorization", "Bearer sk_live_same")
	resp := must(http.DefaultClient.Do(req))(t)
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(&session); err != nil {
		t.Fatal(err)
	}
	return session
}

// TestPostdeployBuys makes one session through the gateway, finds its stamps right,
// and leaves none open; what the gateway refuses is told.
func TestPostdeployBuys(t *testing.T) {
	t.Parallel()
	r, _ := foundingOn(t, 0)
	a := deploy("new")
	t.Cleanup(a.close)
	a.behind(r)
	price := r.price(t)
	try := func(user, price string) (int, engine.Postdeploy, string) {
		t.Helper()
		code, out, errs := r.rightful(t, "postdeploy", "--format", "json", "--checkout-user", user, "--price", price)
		return code, postdeployed(t, out), out + errs
	}
	code, got, said := try("9", price)
	if c := got.Checkout; code != 0 || !got.Agrees || c == nil || !c.Expired || c.CompanyID != "12" || c.SessionID == "" || len(c.Problems) != 0 {
		t.Fatalf("exit %d: %s", code, said)
	}
	made := r.session(t, got.Checkout.SessionID)
	if status := made["status"]; status != "expired" {
		t.Errorf("the session is %v", status)
	}
	if lasts, _ := made["expires_at"].(float64); int64(lasts)-r.now > 40*60 {
		t.Errorf("left alone, it would be open for %v s", int64(lasts)-r.now)
	}
	_, second, _ := try("9", price)
	if second.Checkout.SessionID == got.Checkout.SessionID {
		t.Error("a session was taken that somebody else may have open")
	}
	if code, got, said = try("9", "price_none"); code != 2 || got.Agrees || got.Checkout.SessionID != "" || len(got.Checkout.Problems) != 1 {
		t.Errorf("a price that is not there: exit %d: %s", code, said)
	}
	if code, got, said = try("888", price); code != 2 || len(got.Checkout.Problems) != 1 {
		t.Errorf("a user who is not there: exit %d: %s", code, said)
	}
}

// buying is a gateway that does what a test says.
type buying struct {
	made    rightful.Checkout
	company string // that the resolver named; empty: 11
	err     error
	closing error
	closed  []string
	after   func() // runs while the session is made
}

func (b *buying) Buy(ctx context.Context, _, _ string) (rightful.Checkout, string, error) {
	if b.after != nil {
		b.after()
	}
	if err := ctx.Err(); err != nil {
		return rightful.Checkout{}, "", err // it may have been made: nobody knows
	}
	return b.made, cmp.Or(b.company, "11"), b.err
}

func (b *buying) Expire(ctx context.Context, id string) error {
	b.closed = append(b.closed, id)
	return errors.Join(b.closing, ctx.Err())
}

// TestPostdeployLooksAtWhatWasBought: each wrong stamp is told, what was made is
// closed whatever happened, and what could not be closed is told too.
func TestPostdeployLooksAtWhatWasBought(t *testing.T) {
	t.Parallel()
	e, _, err := wire.World(founding)
	if err != nil {
		t.Fatal(err)
	}
	good := func() rightful.Checkout {
		return rightful.Checkout{
			Session:  rightful.Object{ID: "cs_1", ClientReferenceID: "11", Metadata: map[string]string{"company_id": "11", "user_id": "7"}},
			Customer: rightful.Object{ID: "cus_1", Metadata: map[string]string{"company_id": "11"}},
		}
	}
	for name, tt := range map[string]struct {
		change func(*buying)
		says   string // a problem; empty: none
		failed bool
		closed bool
	}{
		"right":             {func(*buying) {}, "", false, true},
		"stamp":             {func(b *buying) { b.made.Session.Metadata["company_id"] = "4" }, `metadata.company_id of the session is "4", and should be "11"`, false, true},
		"user":              {func(b *buying) { delete(b.made.Session.Metadata, "user_id") }, `metadata.user_id of the session is ""`, false, true},
		"reference":         {func(b *buying) { b.made.Session.ClientReferenceID = "7" }, `client_reference_id is "7"`, false, true},
		"customer":          {func(b *buying) { b.made.Customer.Metadata["company_id"] = "4" }, "customer cus_1", false, true},
		"guest":             {func(b *buying) { b.made.Customer = rightful.Object{} }, "it has no customer", false, true},
		"stays open":        {func(b *buying) { b.closing = errors.New("no") }, "cs_1: it could not be closed", false, true},
		"refused":           {func(b *buying) { b.made, b.err = rightful.Checkout{}, errors.New("no") }, "it could not be made: no", false, false},
		"read back in vain": {func(b *buying) { b.err = errors.New("gone") }, "it could not be made: gone", false, true},
		"interrupted":       {func(*buying) {}, "", true, true},
		"Stripe is not there": {func(b *buying) {
			b.made, b.err = rightful.Checkout{}, &rightful.Error{Kind: rightful.KindUnreachable, Message: "down"}
		}, "", true, false},
	} {
		b := &buying{made: good()}
		tt.change(b)
		ctx, cancel := context.WithCancel(t.Context())
		if name == "interrupted" {
			b.after = cancel
		}
		got, err := e.Postdeploy(ctx, engine.PostdeployInput{Users: []string{"9"}, Checkout: &engine.CheckoutInput{Buying: b, UserID: "7", PriceID: "price_1"}})
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		c := got.Checkout
		if said := strings.Join(c.Problems, "; "); (tt.says == "") != (said == "") || !strings.Contains(c.SessionID+": "+said, tt.says) || (c.Failed != "") != tt.failed || c.Expired != (tt.closed && name != "stays open") || (len(b.closed) == 1) != tt.closed {
			t.Errorf("%s: %+v, closed %v", name, c, b.closed)
		}
	}
}

// TestPostdeployKnowsThePayersCustomer: a company that is billed through another one has
// that one's customer, and a customer that was stamped before its company had a stamp
// value still has the id. The gateway takes both; neither is a disagreement.
func TestPostdeployKnowsThePayersCustomer(t *testing.T) {
	t.Parallel()
	const world = `{"config": {"company": {"metadata_key": "company_id", "also_read": ["org_id"], "user_key": "user_id"}},
		"db": {"companies": [
			{"id": 11, "stripe_customer_id": "cus_1"}, {"id": 12, "billing_parent_id": 11, "owner_user_id": 7},
			{"id": 13, "stripe_customer_id": "cus_2", "stamp_value": "acme", "owner_user_id": 8},
			{"id": 14, "stripe_customer_id": "cus_3", "stamp_value": "beta", "owner_user_id": 9},
			{"id": 15, "stripe_customer_id": "cus_4", "stamp_value": "14"}, {"id": 16, "billing_parent_id": 99}],
		"users": [{"id": 7, "email": "ana@example.com", "company_id": 12}]},
		"stripe": {"account": {"id": "acct_1", "livemode": true}},
		"probe": {"users": {"7": "12"}}}`
	file := filepath.Join(t.TempDir(), "world.json")
	if err := os.WriteFile(file, []byte(world), 0o600); err != nil {
		t.Fatal(err)
	}
	e, _, err := wire.World(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ company, stamp, key, says, session string }{
		"the payer's":                   {company: "12", stamp: "11"},
		"one that it is charged for":    {company: "12", stamp: "12"},
		"under a key that is also read": {company: "12", stamp: "11", key: "org_id"},
		"somebody else's":               {company: "12", stamp: "acme", says: `metadata.company_id of customer cus_1 is "acme", and should be "11"`},
		"nobody's":                      {company: "12", stamp: "404", says: `is "404", and should be "11"`},
		"none":                          {company: "12", says: `is "", and should be "11"`},
		"the stamp value":               {company: "13", stamp: "acme", session: "acme"},
		"the id from before":            {company: "13", stamp: "13", session: "acme"},
		"an id that names another one":  {company: "14", stamp: "14", session: "beta", says: `is "14", and should be "beta"`},
		"no payer":                      {company: "16", stamp: "16", says: "billed through company 99, which is not there"},
		"no company":                    {company: "17", stamp: "17", says: "there is no such company"},
	} {
		in := cmp.Or(tt.session, tt.company)
		b := &buying{company: tt.company, made: rightful.Checkout{
			Session:  rightful.Object{ID: "cs_1", ClientReferenceID: in, Metadata: map[string]string{"company_id": in, "user_id": "7"}},
			Customer: rightful.Object{ID: "cus_1", Metadata: map[string]string{cmp.Or(tt.key, "company_id"): tt.stamp}},
		}}
		got, err := e.Postdeploy(t.Context(), engine.PostdeployInput{Users: []string{"7"}, Checkout: &engine.CheckoutInput{Buying: b, UserID: "7", PriceID: "price_1"}})
		if err != nil {
			t.Fatal(err)
		}
		said := strings.Join(got.Checkout.Problems, "; ")
		if (tt.says == "") != (said == "") || !strings.Contains(said, tt.says) || got.Checkout.Failed != "" {
			t.Errorf("%s: %q %s", name, said, got.Checkout.Failed)
		}
	}
}
