package stripesim_test

import (
	"strings"
	"testing"

	"rightful/stripesim"
)

func TestControlMakesRestrictedKeys(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer := str(b.send("POST", "/v1/customers", "").at("id"))
	made := b.send("POST", "/_sim/keys", `{"permissions":{"customers":"read","checkout_sessions":"write","invoices":"none"}}`)
	secret := str(made.at("secret"))
	if made.status != 200 || !strings.HasPrefix(secret, "rk_test_") {
		t.Fatalf("%d %s", made.status, made.raw)
	}
	equal(t, "slugs", str(made.at("slugs", 0))+" "+str(made.at("slugs", 1)), "rak_checkout_session_write rak_customer_read")
	auth := []string{"Authorization", "Bearer " + secret}
	for _, c := range []struct{ method, path, lacks string }{
		{"GET", "/v1/customers/" + customer, ""},
		{"POST", "/v1/customers/" + customer, "rak_customer_write"},
		{"GET", "/v1/checkout/sessions", ""},
		{"GET", "/v1/invoices", "rak_invoice_read"},
		{"GET", "/v1/account", "rak_accounts_kyc_basic_read"},
	} {
		a := b.send(c.method, c.path, "", auth...)
		if c.lacks == "" {
			equal(t, c.path, a.status, 200)
			continue
		}
		a.wantError(t, 403, "", "", "Having the '"+c.lacks+"' permission would allow this request to continue.")
	}
	again := b.send("POST", "/_sim/keys", `{"secret":"`+secret+`","permissions":{"*":"read","customers":"none","accounts":"none"}}`)
	equal(t, "the same key", str(again.at("secret")), secret)
	equal(t, "the rest", b.send("GET", "/v1/invoices", "", auth...).status, 200)
	equal(t, "but not", b.send("GET", "/v1/customers", "", auth...).status, 403)
	equal(t, "revoked", b.send("DELETE", "/_sim/keys/"+secret, "").status, 200)
	b.send("GET", "/v1/invoices", "", auth...).wantError(t, 401, "api_key_expired", "", "Expired API Key")
}

func TestRestrictedKeyRefusals(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	for body, want := range map[string]string{
		`{"permissions":{"coupons":"read"}}`:                                        "checkout_sessions, customers",
		`{"permissions":{"customers":"full"}}`:                                      "none, read or write",
		`{"permissions":{"subscriptions":"read","subscription_schedules":"write"}}`: "rak_subscription",
		`{"secret":"sk_test_1234","permissions":{"customers":"read"}}`:              "begins with rk_",
		`{"secret":"hunter2hunter2"}`:                                               "must begin with",
		`{"account":"acct_none"}`:                                                   "does not exist",
		`{"permission":{}}`:                                                         "permission",
	} {
		a := b.send("POST", "/_sim/keys", body)
		if a.status != 400 || !strings.Contains(str(a.at("error", "message")), want) {
			t.Errorf("%s: %d %s, want %q", body, a.status, a.raw, want)
		}
	}
}

func TestAddRestrictedKey(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{StrictKeys: true})
	loadWorld(t, b.sim, liveWorld)
	key := must[stripesim.Key](t)(b.sim.AddRestrictedKey(stripesim.RestrictedKey{Livemode: true,
		Access: map[string]stripesim.Access{"subscriptions": stripesim.AccessWrite}}))
	auth := []string{"Authorization", "Bearer " + key.Secret}
	equal(t, "write", b.send("POST", "/v1/subscriptions/sub_live", "metadata[a]=b", auth...).status, 200)
	equal(t, "its schedules", b.send("GET", "/v1/subscription_schedules", "", auth...).status, 200)
	equal(t, "no more", b.send("GET", "/v1/customers", "", auth...).status, 403)
	other := must[stripesim.Key](t)(b.sim.AddRestrictedKey(stripesim.RestrictedKey{}))
	if other.Secret == key.Secret || len(other.Permissions) != 0 {
		t.Errorf("%+v", other)
	}
}
