package stripesim_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rightful/stripesim"
)

func TestFormEncodings(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer := str(b.send("POST", "/v1/customers", "").at("id"))
	for _, c := range []struct {
		name, path, form string
		at               []any
		want             any
	}{
		{"hash", "/v1/customers", "metadata[a]=1", []any{"metadata", "a"}, "1"},
		{"encoded brackets", "/v1/customers", "metadata%5Ba%5D=1%202+3", []any{"metadata", "a"}, "1 2 3"},
		{"array with []", "/v1/customers", "preferred_locales[]=de&preferred_locales[]=pt", []any{"preferred_locales", 1}, "pt"},
		{"array with numbers", "/v1/customers", "preferred_locales[1]=pt&preferred_locales[0]=de", []any{"preferred_locales", 0}, "de"},
		{"array of hashes with numbers", "/v1/subscriptions", "customer=" + customer + "&items[0][price]=a&items[1][price]=b&items[1][quantity]=4", []any{"items", "data", 1, "quantity"}, 4.0},
		{"array of hashes with []", "/v1/subscriptions", "customer=" + customer + "&items[][price]=a&items[][quantity]=3&items[][price]=b&items[][quantity]=4", []any{"items", "data", 1, "quantity"}, 4.0},
		{"two levels", "/v1/customers", "shipping[address][city]=Rio&shipping[name]=A", []any{"shipping", "address", "city"}, "Rio"},
		{"the last of two counts", "/v1/customers", "name=a&name=b", []any{"name"}, "b"},
		{"parameters in the URL", "/v1/customers?name=q", "", []any{"name"}, "q"},
		{"empty pairs", "/v1/customers", "&&name=b&", []any{"name"}, "b"},
		{"equal signs in values", "/v1/customers", "name=a=b", []any{"name"}, "a=b"},
		{"numeric metadata keys", "/v1/customers", "metadata[0]=x", []any{"metadata", "0"}, "x"},
	} {
		a := b.send("POST", c.path, c.form)
		if got := a.at(c.at...); got != c.want {
			t.Errorf("%s: got %v, want %v: %s", c.name, got, c.want, a.raw)
		}
	}
	for form, want := range map[string]string{
		"metadata[a=1":                     "Invalid parameter name",
		"[a]=1":                            "Invalid parameter name",
		"=1":                               "Invalid parameter name",
		"a]=1":                             "Invalid parameter name",
		"metadata[a]b=1":                   "Invalid parameter name",
		"name" + strings.Repeat("[a]", 20): "Invalid parameter name",
		"name=%zz":                         "not valid form encoding",
		"name=a&name[b]=c":                 "both as a value",
		"metadata[a]=b&metadata=c":         "both as a value",
		"preferred_locales[]=a&preferred_locales[0]=b": "both as a value",
		strings.Repeat("a=1&", 6000):                   "more than 5000",
		"name=" + strings.Repeat("x", 1<<20):           "larger than",
	} {
		a := b.send("POST", "/v1/customers", form)
		if a.status != 400 || !strings.Contains(str(a.at("error", "message")), want) {
			t.Errorf("%.40s: got %d %.200s, want 400 %q", form, a.status, a.raw, want)
		}
	}
	b.send("POST", "/v1/customers", `{"name":"x"}`, "Content-Type", "application/json").wantError(t, 400, "", "", "application/x-www-form-urlencoded")
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	basic := func(user string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(user)) }
	for _, c := range []struct {
		name, header  string
		status        int
		code, message string
	}{
		{"bearer", "Bearer " + testKey, 200, "", ""},
		{"basic, as curl -u sends it", basic(testKey + ":"), 200, "", ""},
		{"restricted key without registration", "Bearer rk_live_0123456789", 200, "", ""},
		{"none", "", 401, "", "You did not provide an API key"},
		{"empty", "Bearer ", 401, "", "You did not provide an API key"},
		{"broken basic", "Basic %%%", 401, "", "You did not provide an API key"},
		{"another scheme", "Digest abc", 401, "", "You did not provide an API key"},
		{"no prefix", "Bearer hunter2hunter2hunter2", 401, "", "Invalid API Key provided: *****************ter2"},
		{"an unknown mode", "Bearer sk_prod_0123456789", 401, "", "Invalid API Key"},
		{"publishable", "Bearer pk_test_0123456789", 401, "secret_key_required", "publishable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := b.send("GET", "/v1/customers", "", "Authorization", c.header)
			if c.status == 200 {
				equal(t, "status", a.status, 200)
				return
			}
			a.wantError(t, c.status, c.code, "", c.message)
			if a.header.Get("WWW-Authenticate") == "" || strings.Contains(a.raw, "0123456789") || strings.Contains(a.raw, "hunter2hunter2") {
				t.Errorf("the answer lacks WWW-Authenticate or shows the key: %s", a.raw)
			}
		})
	}
}

func TestErrorShape(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	a := b.send("GET", "/v1/customers/cus_none", "")
	equal(t, "type", a.at("error", "type"), any("invalid_request_error"))
	equal(t, "doc url", a.at("error", "doc_url"), any("https://stripe.com/docs/error-codes/resource-missing"))
	equal(t, "log url", a.at("error", "request_log_url"), any("https://dashboard.stripe.com/test/logs/"+a.header.Get("Request-Id")))
	equal(t, "content type", a.header.Get("Content-Type"), "application/json")
	for _, path := range []string{"/v1/foo", "/v1/customers/", "/v1/customers/cus_1/cards", "/", "/v2", "/v1/customers//", "/v1/coupons"} {
		b.send("GET", path, "").wantError(t, 404, "", "", "Unrecognized request URL (GET: "+path+")")
	}
	b.send("PUT", "/v1/customers", "").wantError(t, 404, "", "", "Unrecognized request URL (PUT: /v1/customers)")
	b.send("POST", "/v1/customers/search", "query=x").wantError(t, 404, "", "", "Unrecognized")
	b.send("GET", "/v1/foo", "", "Authorization", "").wantError(t, 404, "", "", "Unrecognized") // before the key
}

func TestIDsAreDecodedFromThePath(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	loadWorld(t, b.sim, `{"stripe":{"customers":[{"id":"a/b c","created":1}]}}`)
	equal(t, "id", b.send("GET", "/v1/customers/a%2Fb%20c", "").at("id"), any("a/b c"))
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	first, second := b.send("GET", "/v1/customers", ""), b.send("GET", "/v1/nothing", "")
	if id := first.header.Get("Request-Id"); !strings.HasPrefix(id, "req_") || id == second.header.Get("Request-Id") {
		t.Errorf("request ids: %q and %q", id, second.header.Get("Request-Id"))
	}
	equal(t, "default version", first.header.Get("Stripe-Version"), stripesim.DefaultVersion)
	equal(t, "version", b.send("GET", "/v1/customers", "", "Stripe-Version", "2025-03-31.basil").header.Get("Stripe-Version"), "2025-03-31.basil")
	b.send("GET", "/v1/customers", "", "Stripe-Version", "yesterday").wantError(t, 400, "", "", "Invalid Stripe API version: yesterday")

	other := start(t, stripesim.Options{})
	equal(t, "request ids repeat from run to run", other.send("GET", "/v1/customers", "").header.Get("Request-Id"), first.header.Get("Request-Id"))
}

func TestCounts(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	id := str(b.send("POST", "/v1/customers", "").at("id"))
	b.send("GET", "/v1/customers/"+id, "")
	b.send("GET", "/v1/customers/cus_none", "")
	b.send("GET", "/v1/customers", "", "Authorization", "")
	b.send("DELETE", "/v1/customers/"+id, "")
	b.send("GET", "/v1/nothing", "")
	counts := b.sim.Counts()
	equal(t, "total", counts.Total, 6)
	equal(t, "GETs", counts.GETs, 4)
	equal(t, "POSTs", counts.Methods["POST"], 1)
	for name, want := range map[string]int64{"customers.create": 1, "customers.retrieve": 2, "customers.list": 1, "customers.delete": 1, "unrecognized": 1} {
		equal(t, name, counts.Operations[name], want)
	}
	counts.Operations["customers.list"] = 99
	equal(t, "a copy", b.sim.Counts().Operations["customers.list"], 1)
}

func TestAccountAndBalance(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	loadWorld(t, b.sim, `{"stripe":{"account":{"id":"acct_1","livemode":true,"email":"team@x","custom":{"n":12345678901234567890}}}}`)
	for _, path := range []string{"/v1/account", "/v1/accounts/acct_1"} {
		a := b.send("GET", path, "")
		equal(t, "id", a.at("id"), any("acct_1"))
		equal(t, "object", a.at("object"), any("account"))
		equal(t, "email", a.at("email"), any("team@x"))
		equal(t, "charges_enabled", a.at("charges_enabled"), any(true))
		if !strings.Contains(a.raw, "12345678901234567890") || strings.Contains(a.raw, "livemode") {
			t.Errorf("account: %s", a.raw)
		}
	}
	equal(t, "balance livemode", b.send("GET", "/v1/balance", "").at("livemode"), any(true))
	b.send("GET", "/v1/accounts/acct_2", "").wantError(t, 403, "account_invalid", "", "acct_2")
}

func TestABodyWithoutContentTypeIsAForm(t *testing.T) {
	t.Parallel()
	sim := stripesim.New(stripesim.Options{})
	req := httptest.NewRequest(http.MethodPost, "/v1/customers", strings.NewReader("name=x"))
	req.Header.Set("Authorization", "Bearer "+testKey)
	w := httptest.NewRecorder()
	sim.ServeHTTP(w, req)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"name":"x"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
