package stripeapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/source/stripeapi"
	"rightful/stripesim"
)

// readPermissions are those that an audit needs, hearPermissions those without
// which only single checks are silent.
var (
	readPermissions = []string{"rak_customer_read", "rak_checkout_session_read", "rak_subscription_read", "rak_payment_intent_read",
		"rak_invoice_read", "rak_charge_read", "rak_payment_method_read"}
	hearPermissions = []string{"rak_event_read", "rak_webhook_read"}
)

// line returns the first diagnosis that says the words.
func line(d []rightful.Diagnosis, words string) (rightful.Diagnosis, bool) {
	for _, l := range d {
		if strings.Contains(l.Says, words) {
			return l, true
		}
	}
	return rightful.Diagnosis{}, false
}

func diagnose(t *testing.T, base, key string, keys rightful.KeySet, now func() time.Time) []rightful.Diagnosis {
	t.Helper()
	r, err := stripeapi.New(stripeapi.Options{Key: key, APIBase: base, Keys: keys, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	d := r.Diagnose(t.Context())
	for _, l := range d {
		if l.Level != rightful.LevelOK && l.Level != rightful.LevelWarning && l.Level != rightful.LevelError {
			t.Errorf("level %q of %q", l.Level, l.Says)
		}
		if strings.Contains(l.Says+l.Todo, key) {
			t.Errorf("the key stands in %q", l.Says)
		}
	}
	return d
}

// TestDiagnoseNamesEachMissingPermission takes the permissions away one by one.
func TestDiagnoseNamesEachMissingPermission(t *testing.T) {
	t.Parallel()
	all := slices.Concat(readPermissions, hearPermissions)
	for _, gone := range append([]string{""}, all...) {
		t.Run("without "+gone, func(t *testing.T) {
			t.Parallel()
			sim := stripesim.New(stripesim.Options{})
			key := stripesim.Key{Secret: "rk_live_doctor0000"}
			for _, p := range all {
				if p != gone {
					key.Permissions = append(key.Permissions, p)
				}
			}
			if err := sim.AddKey(key); err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(sim)
			t.Cleanup(server.Close)
			d := diagnose(t, server.URL, key.Secret, rightful.KeySet{}, nil)
			for _, p := range readPermissions {
				l, found := line(d, "permission "+p)
				if found != (p == gone) {
					t.Errorf("%s: found %v: %+v", p, found, l)
				}
				if found && (l.Level != rightful.LevelError || !strings.Contains(l.Todo, "dashboard.stripe.com/apikeys/create?") || !strings.Contains(l.Todo, "&permissions[]=rak_webhook_read")) {
					t.Errorf("%s: %+v", p, l)
				}
			}
			for _, p := range hearPermissions {
				at := slices.IndexFunc(d, func(l rightful.Diagnosis) bool { return strings.Contains(l.Todo, "permission "+p) })
				if found := at >= 0; found != (p == gone) {
					t.Errorf("%s: found %v", p, found)
				} else if found && d[at].Level != rightful.LevelWarning {
					t.Errorf("%s: %+v", p, d[at])
				}
			}
			if l, ok := line(d, "restricted key that opens acct_"); !ok || l.Level != rightful.LevelOK {
				t.Errorf("the account: %+v", d)
			}
		})
	}
}

func TestDiagnoseDeadStripe(t *testing.T) {
	t.Parallel()
	sim := stripesim.New(stripesim.Options{})
	sim.RevokeKey("sk_live_gone000000")
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	d := diagnose(t, server.URL, "sk_live_gone000000", rightful.KeySet{}, nil)
	if len(d) != 1 || d[0].Level != rightful.LevelError || d[0].Place != "stripe.key" || !strings.Contains(d[0].Says, "401") {
		t.Errorf("%+v", d)
	}
}

// TestDiagnoseOwnership counts the tags of the newest customers.
func TestDiagnoseOwnership(t *testing.T) {
	t.Parallel()
	for tagged, level := range map[int]rightful.Level{2: rightful.LevelWarning, 3: rightful.LevelOK} {
		sim := stripesim.New(stripesim.Options{})
		var customers []string
		for i := range 3 {
			metadata := `{}`
			if i < tagged {
				metadata = `{"app": "ledgerly"}`
			}
			customers = append(customers, fmt.Sprintf(`{"id": "cus_%d", "created": %d, "metadata": %s}`, i, 1000+i, metadata))
		}
		world := `{"stripe": {"account": {"id": "acct_1", "livemode": true}, "customers": [` + strings.Join(customers, ",") + `]}}`
		if err := sim.LoadWorld(strings.NewReader(world)); err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(sim)
		t.Cleanup(server.Close)
		d := diagnose(t, server.URL, "sk_live_owner00000", rightful.KeySet{Company: "company_id", Ownership: "app"}, nil)
		l, ok := line(d, fmt.Sprintf("%d of the newest 3 customers carry metadata.app", tagged))
		if !ok || l.Level != level {
			t.Errorf("%d tagged: %+v", tagged, d)
		}
	}
}

// TestDiagnoseWebhooksAndClock runs against a Stripe with a live, a deaf and a
// dead endpoint, and with its clock off.
func TestDiagnoseWebhooksAndClock(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", now.Add(-90*time.Second).Format(http.TimeFormat))
		switch {
		case r.URL.Path == "/v1/account":
			fmt.Fprint(w, `{"id": "acct_1", "object": "account"}`)
		case r.URL.Path == "/v1/webhook_endpoints":
			fmt.Fprint(w, `{"object": "list", "url": "/v1/webhook_endpoints", "has_more": false, "data": [
				{"id": "we_1", "url": "https://app.example.com/hook?secret=1", "status": "enabled", "enabled_events": ["*"]},
				{"id": "we_2", "url": "https://deaf.example.com/", "status": "enabled", "enabled_events": ["payout.paid"]},
				{"id": "we_3", "url": "https://dead.example.com/", "status": "disabled", "enabled_events": ["*"]}]}`)
		case strings.HasSuffix(r.URL.Path, "rightful_doctor"):
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"error": {"type": "invalid_request_error", "code": "resource_missing", "param": "id", "message": "No such object"}}`)
		default:
			fmt.Fprint(w, `{"object": "list", "url": "`+r.URL.Path+`", "has_more": false, "data": []}`)
		}
	}))
	t.Cleanup(server.Close)
	d := diagnose(t, server.URL, "rk_test_hooks00000", rightful.KeySet{}, func() time.Time { return now })
	for words, level := range map[string]rightful.Level{
		"at app.example.com is enabled":             rightful.LevelOK,
		"at deaf.example.com gets none of":          rightful.LevelWarning,
		"at dead.example.com is disabled":           rightful.LevelError,
		"clock is 1m30s off Stripe's":               rightful.LevelWarning,
		"restricted key that opens acct_1 in test ": rightful.LevelOK,
		"may read events":                           rightful.LevelOK,
	} {
		if l, ok := line(d, words); !ok || l.Level != level {
			t.Errorf("no %s line says %q: %+v", level, words, d)
		}
	}
	for _, l := range d {
		if strings.Contains(l.Says+l.Todo, "secret=1") {
			t.Errorf("an address is printed whole: %q", l.Says)
		}
	}
}

// TestDiagnoseNoFullStripe runs against a simulator that has only the types of
// which everything is listed.
func TestDiagnoseNoFullStripe(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/v1/account":
			fmt.Fprint(w, `{"id": "acct_1", "object": "account"}`)
		case strings.HasPrefix(r.URL.Path, "/v1/events"), strings.HasPrefix(r.URL.Path, "/v1/webhook_endpoints"):
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"error": {"type": "invalid_request_error", "message": "Unrecognized request URL"}}`)
		case strings.HasSuffix(r.URL.Path, "rightful_doctor"):
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"error": {"type": "invalid_request_error", "code": "resource_missing", "param": "id", "message": "No such object"}}`)
		default:
			fmt.Fprint(w, `{"object": "list", "url": "`+r.URL.Path+`", "has_more": false, "data": []}`)
		}
	}))
	t.Cleanup(server.Close)
	d := diagnose(t, server.URL, "rk_test_simulator0", rightful.KeySet{}, nil)
	for _, words := range []string{"has no webhook endpoints to list", "has no events to read"} {
		if l, ok := line(d, words); !ok || l.Level != rightful.LevelWarning {
			t.Errorf("no warning says %q: %+v", words, d)
		}
	}
}

// TestDiagnoseAKeyThatWrites: who makes customers and sessions is not advised to take a
// key that may only read.
func TestDiagnoseAKeyThatWrites(t *testing.T) {
	t.Parallel()
	sim := stripesim.New(stripesim.Options{})
	if err := sim.AddKey(stripesim.Key{Secret: "rk_live_poor000000", Permissions: []string{"rak_customer_read"}}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	for _, key := range []string{"sk_live_writer0000", "rk_live_poor000000"} {
		r, err := stripeapi.New(stripeapi.Options{Key: key, APIBase: server.URL, Writes: true})
		if err != nil {
			t.Fatal(err)
		}
		d := r.Diagnose(t.Context())
		if l, ok := line(d, "rak_checkout_session_write"); !ok || !strings.Contains(l.Says, "rak_customer_write") {
			t.Errorf("%s: what it has to write is not told: %+v", key, d)
		}
		advised := false
		for _, l := range d {
			advised = advised || strings.Contains(l.Todo, "permissions[]=rak_customer_write") && strings.Contains(l.Todo, "permissions[]=rak_checkout_session_write")
			if strings.Contains(l.Todo, "permissions[]=rak_customer_read") {
				t.Errorf("%s: advised to read only: %+v", key, l)
			}
		}
		if !advised {
			t.Errorf("%s: no key is advised: %+v", key, d)
		}
	}
}
