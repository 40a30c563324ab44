package stripeapi_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/source/stripeapi"
	"rightful/internal/testserver"
)

func TestErrorKinds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fail func(w http.ResponseWriter)
		kind rightful.ErrorKind
		says []string
	}{
		"revoked key": {
			func(w http.ResponseWriter) {
				say(w, 401, "api_key_expired", "Expired API Key provided: sk_test_51Abc*****6789")
			},
			rightful.KindUnauthorized, []string{"stripe.key: ", "(key)", "api_key_expired", "req_42", "rak_customer_read"},
		},
		"whole key repeated": {
			func(w http.ResponseWriter) { say(w, 400, "x", "odd: "+secretKey) },
			rightful.KindUnavailable, []string{"(key)"},
		},
		"missing permission": {
			func(w http.ResponseWriter) {
				say(w, 403, "", "The provided key 'rk_test_***' does not have the required permissions for this endpoint on account 'acct_1'. Having the 'rak_customer_read' permission would allow this request to continue.")
			},
			rightful.KindForbidden, []string{"stripe.key: ", "lacks the permission rak_customer_read", "GET /v1/customers/{id}"},
		},
		"other refusal": {
			func(w http.ResponseWriter) { say(w, 403, "", "This address is not allowed.") },
			rightful.KindForbidden, []string{"GET /v1/customers/{id}", "This address is not allowed."},
		},
		"bad request": {
			func(w http.ResponseWriter) { say(w, 400, "parameter_unknown", "Received unknown parameter") },
			rightful.KindUnavailable, []string{"status 400", "type invalid_request_error", "code parameter_unknown", "request req_42", "Received unknown parameter"},
		},
		"not found, but not by Stripe": {
			func(w http.ResponseWriter) { w.WriteHeader(404); send(w, "<html>s3cret page") },
			rightful.KindUnavailable, []string{"status 404", "not one of Stripe's"},
		},
		"no such URL": {
			func(w http.ResponseWriter) { say(w, 404, "", "Unrecognized request URL") },
			rightful.KindUnavailable, []string{"status 404", "Unrecognized"},
		},
		"another object": {
			func(w http.ResponseWriter) { send(w, customerJSON("cus_2")) },
			rightful.KindUnavailable, []string{"another object"},
		},
		"another type": {
			func(w http.ResponseWriter) { send(w, `{"object":"list","data":[]}`) },
			rightful.KindUnavailable, []string{"cannot be read"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, func(_ int, w http.ResponseWriter, _ *http.Request) { tt.fail(w) })
			_, exists, err := f.Get(t.Context(), rightful.TypeCustomer, "cus_1")
			wantKind(t, err, tt.kind, tt.says...)
			if exists != rightful.ExistsUnknown {
				t.Errorf("the error came with existence %v", exists)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error %q repeats a page", err)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	const base = "http://" + testserver.Nobody
	f := newFake(t, nil, func(o *stripeapi.Options) { o.APIBase = base })
	wantKind(t, f.getOne(t), rightful.KindUnreachable, strings.TrimPrefix(base, "http://"), "refused")
	for _, err := range f.List(t.Context(), rightful.ListQuery{Type: rightful.TypeCustomer, Email: "private@example.com"}) {
		wantKind(t, err, rightful.KindUnreachable)
		for cause := err; cause != nil; cause = errors.Unwrap(cause) {
			if strings.Contains(cause.Error(), "private") {
				t.Errorf("error %q repeats the URL", cause)
			}
		}
	}
}

func TestKeyOfAnyFormIsScrubbed(t *testing.T) {
	t.Parallel()
	const key = "opensesame-opensesame"
	f := newFake(t, func(_ int, w http.ResponseWriter, _ *http.Request) { say(w, 401, "", "no such key: "+key) },
		func(o *stripeapi.Options) { o.Key = key })
	err := f.getOne(t)
	wantKind(t, err, rightful.KindUnauthorized, "no such key: (key)")
	if strings.Contains(err.Error(), key) {
		t.Errorf("error %q holds the key", err)
	}
}

func TestRedirectsAreRefused(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer elsewhere.Close()
	f := newFake(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusFound)
	})
	wantKind(t, f.getOne(t), rightful.KindUnavailable, "status 302")
}

func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(_ int, w http.ResponseWriter, r *http.Request) { send(w, listJSON(false, "cus_1")) })
	if _, err := f.listAll(t); err != nil {
		t.Fatal(err)
	}
	r := f.requests()[0]
	if r.Method != http.MethodGet || r.Header.Get("Authorization") != "Bearer "+secretKey || r.Header.Get("Stripe-Version") == "" {
		t.Errorf("sent %s with %v", r.Method, r.Header)
	}
	for _, name := range []string{"X-Stripe-Client-Telemetry", "Stripe-Account", "Idempotency-Key"} {
		if r.Header.Get(name) != "" {
			t.Errorf("sent %s", name)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	const key = "sk_live_51Abc0123456789"
	for name, tt := range map[string]struct {
		o    stripeapi.Options
		says string
	}{
		"no key":                {stripeapi.Options{}, "stripe.key: "},
		"spaces":                {stripeapi.Options{Key: " \n"}, "stripe.key: "},
		"publishable":           {stripeapi.Options{Key: "pk_live_51Abc"}, "publishable"},
		"webhook secret":        {stripeapi.Options{Key: "whsec_51Abc"}, "signing secret"},
		"line in the key":       {stripeapi.Options{Key: "sk_live_51Abc\r\nX: y"}, "characters"},
		"clear text":            {stripeapi.Options{Key: key, APIBase: "http://stripe.example.com"}, "stripe.api_base: "},
		"clear text, next door": {stripeapi.Options{Key: key, APIBase: "http://10.0.0.1:12111"}, "clear text"},
		"clear text, lookalike": {stripeapi.Options{Key: key, APIBase: "http://127.0.0.1.example.com"}, "clear text"},
		"no scheme":             {stripeapi.Options{Key: key, APIBase: "127.0.0.1:12111"}, "not an http"},
		"other scheme":          {stripeapi.Options{Key: key, APIBase: "ftp://127.0.0.1"}, "not an http"},
		"no host":               {stripeapi.Options{Key: key, APIBase: "https://"}, "not an http"},
		"user":                  {stripeapi.Options{Key: key, APIBase: "https://u:51Abc@example.com"}, "neither a user"},
		"query":                 {stripeapi.Options{Key: key, APIBase: "https://example.com?x=1"}, "query"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := stripeapi.New(tt.o)
			wantKind(t, err, rightful.KindInvalid, tt.says)
		})
	}
	for _, base := range []string{"", "https://stripe.example.com/proxy/", "http://localhost:12111", "http://127.0.0.2:1", "http://[::1]:12111/"} {
		if _, err := stripeapi.New(stripeapi.Options{Key: key + "\n", APIBase: base}); err != nil {
			t.Errorf("%q: %v", base, err)
		}
	}
}
