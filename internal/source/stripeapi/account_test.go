package stripeapi_test

import (
	"net/http"
	"testing"

	"rightful"
	"rightful/internal/source/stripeapi"
)

func TestAccount(t *testing.T) {
	t.Parallel()
	const (
		account  = `{"id":"acct_1","object":"account"}`
		liveOne  = `{"object":"list","has_more":true,"data":[{"id":"cus_1","object":"customer","livemode":true}]}`
		nobody   = `{"object":"list","has_more":false,"data":[]}`
		named    = "The provided key 'rk_live_***' does not have the required permissions for this endpoint on account 'acct_9'."
		nameless = "The provided key does not have the required permissions."
	)
	refuse := func(message string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { say(w, 403, "", message) }
	}
	answer := func(body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { send(w, body) }
	}
	tests := map[string]struct {
		key, expected      string
		account, customers func(http.ResponseWriter)
		want               rightful.Account
		kind               rightful.ErrorKind
	}{
		"an object tells the mode":          {secretKey, "", answer(account), answer(liveOne), rightful.Account{ID: "acct_1", Livemode: true, LivemodeKnown: true}, ""},
		"the key tells the mode":            {"sk_live_51Abc", "", answer(account), answer(nobody), rightful.Account{ID: "acct_1", Livemode: true, LivemodeKnown: true}, ""},
		"restricted test key":               {"rk_test_51Abc", "", answer(account), answer(nobody), rightful.Account{ID: "acct_1", LivemodeKnown: true}, ""},
		"nothing tells the mode":            {"sk_org_live_1", "", answer(account), answer(nobody), rightful.Account{ID: "acct_1"}, ""},
		"customers forbidden":               {"rk_live_51Abc", "", answer(account), refuse("x"), rightful.Account{ID: "acct_1", Livemode: true, LivemodeKnown: true}, ""},
		"the refusal names the account":     {secretKey, "acct_1", refuse(named), answer(liveOne), rightful.Account{ID: "acct_9", Livemode: true, LivemodeKnown: true}, ""},
		"the account is not told":           {secretKey, "", refuse(nameless), answer(liveOne), rightful.Account{Livemode: true, LivemodeKnown: true}, ""},
		"a check that cannot be made":       {secretKey, "acct_1", refuse(nameless), answer(liveOne), rightful.Account{}, rightful.KindForbidden},
		"another account is for the caller": {secretKey, "acct_5", answer(account), answer(liveOne), rightful.Account{ID: "acct_1", Livemode: true, LivemodeKnown: true}, ""},
		"not an account":                    {secretKey, "", answer(`{"id":"cus_1","object":"customer"}`), answer(liveOne), rightful.Account{}, rightful.KindUnavailable},
		"not JSON":                          {secretKey, "", answer(`<html>`), answer(liveOne), rightful.Account{}, rightful.KindUnavailable},
		"wrong key":                         {secretKey, "", func(w http.ResponseWriter) { say(w, 401, "", "Invalid API Key provided: sk_test_****6789") }, answer(liveOne), rightful.Account{}, rightful.KindUnauthorized},
		"customers fail":                    {secretKey, "", answer(account), func(w http.ResponseWriter) { say(w, 400, "", "x") }, rightful.Account{}, rightful.KindUnavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, func(_ int, w http.ResponseWriter, r *http.Request) {
				switch r.URL.RequestURI() {
				case "/v1/account":
					tt.account(w)
				case "/v1/customers?limit=1":
					tt.customers(w)
				default:
					t.Errorf("asked for %s", r.URL)
				}
			}, func(o *stripeapi.Options) { o.Key, o.Account = tt.key, tt.expected })
			got, err := f.Account(t.Context())
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			wantKind(t, err, tt.kind)
		})
	}
}

// What Account learned is what later objects carry.
func TestObjectsCarryTheAccount(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/account":
			send(w, `{"id":"acct_1","object":"account"}`)
		case "/v1/customers":
			send(w, `{"object":"list","has_more":false,"data":[{"id":"cus_1","object":"customer","livemode":true}]}`)
		default:
			send(w, `{"id":"cus_1","object":"customer","deleted":true}`)
		}
	}, func(o *stripeapi.Options) { o.Account = "acct_0" })
	for _, want := range []struct {
		account string
		live    bool
	}{{"acct_0", false}, {"acct_1", true}} {
		o, _, err := f.Get(t.Context(), rightful.TypeCustomer, "cus_1")
		if err != nil || o.Account != want.account || o.Livemode != want.live {
			t.Errorf("got %+v, %v; want %+v", o, err, want)
		}
		if _, err := f.Account(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
