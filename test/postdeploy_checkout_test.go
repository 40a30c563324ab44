package test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"rightful/internal/engine"
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
	if status := r.session(t, got.Checkout.SessionID)["status"]; status != "expired" {
		t.Errorf("the session is %v", status)
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
