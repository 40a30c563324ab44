package stripesim_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

const liveWorld = `{"stripe":{"account":{"id":"acct_live","livemode":true},
"customers":[{"id":"cus_live","created":1},{"id":"cus_test","created":2,"livemode":false}],
"subscriptions":[{"id":"sub_live","customer":"cus_live","status":"active","created":1}]}}`

const liveKey = "Bearer sk_live_0123456789abcd"

func TestStrictKeysSeparateTheModes(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{StrictKeys: true})
	loadWorld(t, b.sim, liveWorld)
	wrong := "; a similar object exists in live mode, but a test mode key was used to make this request."
	b.send("GET", "/v1/customers/cus_live", "").wantError(t, 404, "resource_missing", "id", "No such customer: 'cus_live'"+wrong)
	b.send("POST", "/v1/customers/cus_live", "name=x").wantError(t, 404, "resource_missing", "id", wrong)
	b.send("POST", "/v1/payment_intents", "amount=5&currency=usd&customer=cus_live").wantError(t, 400, "resource_missing", "customer", wrong)
	b.send("GET", "/v1/subscriptions?customer=cus_live", "").wantError(t, 400, "resource_missing", "customer", wrong)
	b.send("GET", "/v1/customers/cus_test", "", "Authorization", liveKey).wantError(t, 404, "resource_missing", "id",
		"; a similar object exists in test mode, but a live mode key was used to make this request.")
	equal(t, "live list", strings.Join(b.send("GET", "/v1/customers", "", "Authorization", liveKey).ids(), " "), "cus_live")
	equal(t, "test list", strings.Join(b.send("GET", "/v1/customers", "").ids(), " "), "cus_test")
	equal(t, "live balance", b.send("GET", "/v1/balance", "", "Authorization", "Bearer rk_live_0123456789").at("livemode"), any(true))
	equal(t, "test balance", b.send("GET", "/v1/balance", "").at("livemode"), any(false))
	line := "mode=payment&success_url=https://x&line_items[0][price]=p&line_items[0][quantity]=1"
	id := str(b.send("POST", "/v1/checkout/sessions", line, "Authorization", liveKey).at("id"))
	if !strings.HasPrefix(id, "cs_live_") {
		t.Errorf("a live session is named %s", id)
	}
}

func TestAWorldAnswersAnyKeyByDefault(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	loadWorld(t, b.sim, liveWorld)
	for _, key := range []string{"sk_test_0123456789", "sk_live_0123456789", "rk_test_0123456789"} {
		a := b.send("GET", "/v1/customers/cus_live", "", "Authorization", "Bearer "+key)
		equal(t, key, a.at("livemode"), any(true))
	}
	b.send("GET", "/v1/customers/cus_test", "").wantError(t, 404, "resource_missing", "id", "exists in test mode")
}

func TestRestrictedKeys(t *testing.T) {
	t.Parallel()
	b, ctx := start(t, stripesim.Options{}), context.Background()
	loadWorld(t, b.sim, liveWorld)
	const secret = "rk_live_0123456789abcd"
	if err := b.sim.AddKey(stripesim.Key{Secret: secret, Permissions: []string{"rak_customer_read", "rak_subscription_write"}}); err != nil {
		t.Fatal(err)
	}
	auth := []string{"Authorization", "Bearer " + secret}
	for _, c := range []struct {
		method, path, form, lacks string
	}{
		{"GET", "/v1/customers", "", ""},
		{"GET", "/v1/customers/cus_live", "", ""},
		{"GET", "/v1/customers/search?query=email:null", "", ""},
		{"POST", "/v1/customers", "", "rak_customer_write"},
		{"POST", "/v1/customers/cus_none", "", "rak_customer_write"}, // before existence
		{"DELETE", "/v1/customers/cus_live", "", "rak_customer_write"},
		{"GET", "/v1/subscriptions", "", ""}, // write implies read
		{"POST", "/v1/subscriptions/sub_live", "metadata[a]=1", ""},
		{"GET", "/v1/subscriptions/sub_live?expand[]=customer", "", ""},
		{"GET", "/v1/checkout/sessions", "", "rak_checkout_session_read"},
		{"GET", "/v1/checkout/sessions?foo=1", "", "rak_checkout_session_read"}, // before parameters
		{"POST", "/v1/checkout/sessions/cs_1/expire", "", "rak_checkout_session_write"},
		{"GET", "/v1/payment_intents/pi_1", "", "rak_payment_intent_read"},
		{"GET", "/v1/balance", "", "rak_balance_read"},
	} {
		a := b.send(c.method, c.path, c.form, auth...)
		if c.lacks == "" {
			equal(t, c.method+" "+c.path, a.status, 200)
			continue
		}
		a.wantError(t, 403, "", "", "The provided key 'rk_live_**********abcd' does not have the required permissions for this endpoint on account 'acct_live'. Having the '"+c.lacks+"' permission would allow this request to continue.")
		if strings.Contains(a.raw, secret) {
			t.Error("the key is shown in full")
		}
	}

	const narrow = "rk_live_nothing0000"
	if err := b.sim.AddKey(stripesim.Key{Secret: narrow, Permissions: []string{"rak_subscription_read"}}); err != nil {
		t.Fatal(err)
	}
	get := &stripe.SubscriptionRetrieveParams{}
	get.AddExpand("customer")
	_, err := client(b.url, narrow).V1Subscriptions.Retrieve(ctx, "sub_live", get)
	if e := stripeError(t, err, 403, ""); !strings.Contains(e.Msg, "rak_customer_read") {
		t.Errorf("expand should need the permission of what it shows: %s", e.Msg)
	}
}

func TestRevokedKeys(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	equal(t, "before", b.send("GET", "/v1/customers", "").status, 200)
	b.sim.RevokeKey(testKey)
	b.send("GET", "/v1/customers", "").wantError(t, 401, "api_key_expired", "", "Expired API Key provided: sk_test_**********abcd")
	if err := b.sim.AddKey(stripesim.Key{Secret: testKey}); err != nil {
		t.Fatal(err)
	}
	equal(t, "registered again", b.send("GET", "/v1/customers", "").status, 200)
}

func TestAddKeyRefusals(t *testing.T) {
	t.Parallel()
	sim := stripesim.New(stripesim.Options{})
	for _, c := range []struct {
		key  stripesim.Key
		want string
	}{
		{stripesim.Key{Secret: "hunter2hunter2"}, "must begin with sk_live_"},
		{stripesim.Key{Secret: "sk_test_0123456789", Permissions: []string{"rak_customer_read"}}, "rk_"},
		{stripesim.Key{Secret: "rk_test_0123456789", Permissions: []string{"customers"}}, "not a permission"},
		{stripesim.Key{Secret: "rk_test_0123456789", Account: "acct_none"}, "does not exist"},
	} {
		err := sim.AddKey(c.key)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), c.key.Secret) {
			t.Errorf("got %v, want %q without the key", err, c.want)
		}
	}
}

func TestAccountsAreSeparate(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{Account: "acct_platform"})
	for _, id := range []string{"acct_a", "acct_b"} {
		if err := b.sim.AddAccount(id); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.sim.AddAccount("acct_a"); err == nil {
		t.Error("an account was added twice")
	}
	if err := b.sim.AddAccount(""); err == nil {
		t.Error("an account without id was added")
	}
	a := b.send("POST", "/v1/customers", "email=a@x", "Stripe-Account", "acct_a")
	equal(t, "echo", a.header.Get("Stripe-Account"), "acct_a")
	id := str(a.at("id"))
	b.send("GET", "/v1/customers/"+id, "").wantError(t, 404, "resource_missing", "id", "No such customer")
	b.send("GET", "/v1/customers/"+id, "", "Stripe-Account", "acct_b").wantError(t, 404, "resource_missing", "id", "No such customer")
	equal(t, "newer header", b.send("GET", "/v1/customers/"+id, "", "Stripe-Context", "acct_a").status, 200)
	b.send("GET", "/v1/customers", "", "Stripe-Account", "acct_none").wantError(t, 403, "account_invalid", "", "does not have access to account 'acct_none'")

	own := "sk_test_ownkeyofa0001"
	if err := b.sim.AddKey(stripesim.Key{Secret: own, Account: "acct_a"}); err != nil {
		t.Fatal(err)
	}
	auth := []string{"Authorization", "Bearer " + own}
	equal(t, "own account", b.send("GET", "/v1/customers/"+id, "", auth...).status, 200)
	equal(t, "account", b.send("GET", "/v1/account", "", auth...).at("id"), any("acct_a"))
	b.send("GET", "/v1/customers", "", append(auth, "Stripe-Account", "acct_b")...).wantError(t, 403, "account_invalid", "", "acct_b")
	p := &stripe.CustomerListParams{}
	p.SetStripeAccount("acct_a")
	found := 0
	for _, err := range b.V1Customers.List(context.Background(), p).All(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		found++
	}
	equal(t, "by stripe-go", found, 1)
}
