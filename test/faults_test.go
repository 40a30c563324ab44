package test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/engine"
	"rightful/stripesim"
)

const founding = "../internal/demo/founding-incident.json"

// foundingNow is a moment after everything in the founding incident.
const foundingNow = 1755100000

// foundingRig is the founding incident on SQLite, stripesim, a cache and an app.
func foundingRig(t *testing.T) *rig {
	t.Helper()
	dsn := engines[0].dsn(t)
	fillFrom(t, founding, engines[0].open(t, dsn))
	r := assemble(t, founding, dsn, foundingNow)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"company": "11"}`))
	}))
	t.Cleanup(app.Close)
	r.app = app
	r.config["resolver_probe"] = map[string]any{"url": app.URL + "/users/{user_id}", "json": "company"}
	return r
}

func ruling(t *testing.T, inv *engine.Investigation, name rightful.ExplanationName) rightful.Explanation {
	t.Helper()
	for _, x := range inv.Explanations {
		if x.Name == name {
			return x
		}
	}
	t.Fatalf("no ruling on %s", name)
	return rightful.Explanation{}
}

// TestDeadPlaceIsCannotTell takes one place away and expects its explanation,
// and no other, to be untold, and the investigation to say that it is
// incomplete.
func TestDeadPlaceIsCannotTell(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		kill func(*rig)
		of   rightful.ExplanationName
	}{
		{"Redis down", func(r *rig) { r.redis.Close() }, rightful.StaleCache},
		{"Redis wants a password", func(r *rig) { r.redis.RequireAuth("other") }, rightful.StaleCache},
		{"app down", func(r *rig) { r.app.Close() }, rightful.DeployNotApplied},
		{"Stripe key revoked", func(r *rig) { r.sim.RevokeKey("sk_live_same") }, rightful.StaleMetadata},
		{"Stripe down", func(r *rig) { r.stripe.Close() }, rightful.StaleMetadata},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := foundingRig(t)
			e := r.open(t)
			c.kill(r)
			inv, err := e.Investigate(t.Context(), "bela@example.com")
			if err != nil {
				t.Fatal(err)
			}
			if inv.Complete || len(inv.IncompleteBecause) == 0 {
				t.Errorf("the investigation calls itself complete")
			}
			for _, x := range inv.Explanations {
				if untold := x.Ruling == rightful.CannotTell; untold != (x.Name == c.of) {
					t.Errorf("%s: %s because %s", x.Name, x.Ruling, x.Because)
				}
				if x.Ruling == rightful.CannotTell && x.Todo == "" {
					t.Errorf("%s: does not say what to do", x.Name)
				}
			}
		})
	}
}

// TestAppThatAnswersWithAnError: it has not been read any more than one that is
// down, so the run says so by name, and what it could not tell. What the docs call
// "no company" is an answer.
func TestAppThatAnswersWithAnError(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
		untold string
	}{
		"status 500":     {http.StatusInternalServerError, "", "status 500"},
		"a page":         {http.StatusOK, "<html>sign in</html>", "not JSON"},
		"another object": {http.StatusOK, `{"error": "busy"}`, "nothing at the path"},
		"null":           {http.StatusOK, `{"company": null}`, ""},
		"nothing":        {http.StatusOK, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := foundingRig(t)
			app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			}))
			t.Cleanup(app.Close)
			r.config["resolver_probe"] = map[string]any{"url": app.URL + "/users/{user_id}", "json": "company"}
			inv, err := r.open(t).Investigate(t.Context(), "bela@example.com")
			if err != nil {
				t.Fatal(err)
			}
			because := strings.Join(inv.IncompleteBecause, "\n")
			if inv.Complete != (tt.untold == "") || tt.untold != "" && (!strings.Contains(because, "the running app: no answer for ") || !strings.Contains(because, tt.untold)) {
				t.Errorf("complete %v because %q, want %q", inv.Complete, because, tt.untold)
			}
			if x := ruling(t, inv, rightful.DeployNotApplied); (x.Ruling == rightful.CannotTell) != (tt.untold != "") {
				t.Errorf("%s because %s", x.Ruling, x.Because)
			}
		})
	}
}

// auditPermissions are those without which an audit is incomplete.
var auditPermissions = []string{"rak_customer_read", "rak_checkout_session_read", "rak_subscription_read", "rak_payment_intent_read",
	"rak_invoice_read", "rak_charge_read", "rak_payment_method_read"}

// TestMissingPermission takes each permission away and expects the audit to go
// on, to be incomplete, and to name the permission.
func TestMissingPermission(t *testing.T) {
	t.Parallel()
	all := append(slices.Clone(auditPermissions), "rak_webhook_read", "rak_event_read")
	for _, gone := range auditPermissions {
		t.Run(gone, func(t *testing.T) {
			t.Parallel()
			r := foundingRig(t)
			key := stripesim.Key{Secret: "rk_live_restricted"}
			for _, p := range all {
				if p != gone {
					key.Permissions = append(key.Permissions, p)
				}
			}
			if err := r.sim.AddKey(key); err != nil {
				t.Fatal(err)
			}
			r.env["KEY"] = key.Secret
			report := audit(t, r.open(t), engine.AuditInput{})
			if report.Complete {
				t.Error("the audit calls itself complete")
			}
			because := strings.Join(report.IncompleteBecause, "\n")
			for _, p := range all {
				if strings.Contains(because, p) != (p == gone) {
					t.Errorf("incomplete because %q without %s: %s", because, gone, p)
				}
			}
		})
	}
}

// TestMissingPermissionOfOneCheck: without webhook endpoints or events one check
// is silent, and says so; the audit is complete.
func TestMissingPermissionOfOneCheck(t *testing.T) {
	t.Parallel()
	for _, gone := range []string{"rak_webhook_read", "rak_event_read"} {
		t.Run(gone, func(t *testing.T) {
			t.Parallel()
			r := foundingRig(t)
			key := stripesim.Key{Secret: "rk_live_restricted", Permissions: slices.Clone(auditPermissions)}
			for _, p := range []string{"rak_webhook_read", "rak_event_read"} {
				if p != gone {
					key.Permissions = append(key.Permissions, p)
				}
			}
			if err := r.sim.AddKey(key); err != nil {
				t.Fatal(err)
			}
			r.env["KEY"] = key.Secret
			report := audit(t, r.open(t), engine.AuditInput{})
			if !report.Complete {
				t.Errorf("incomplete because %v", report.IncompleteBecause)
			}
			if unheard := strings.Join(report.Unheard, "\n"); !strings.Contains(unheard, gone) {
				t.Errorf("unheard %q, which does not name %s", unheard, gone)
			}
		})
	}
}

// TestFailingListIsNeverSilent lets one list fail in an investigation: it says
// so, and nothing that rests on the absence of money is automatic.
func TestFailingListIsNeverSilent(t *testing.T) {
	t.Parallel()
	for _, list := range []string{"/v1/checkout/sessions", "/v1/subscriptions", "/v1/payment_intents", "/v1/subscription_schedules"} {
		t.Run(list, func(t *testing.T) {
			t.Parallel()
			r := foundingRig(t)
			target, err := url.Parse(r.stripe.URL)
			if err != nil {
				t.Fatal(err)
			}
			proxy := httputil.NewSingleHostReverseProxy(target)
			broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				if q.URL.Path == list && q.URL.Query().Get("customer") != "" {
					w.Header().Set("Stripe-Should-Retry", "false")
					http.Error(w, `{"error": {"type": "api_error", "message": "broken"}}`, http.StatusInternalServerError)
					return
				}
				proxy.ServeHTTP(w, q)
			}))
			t.Cleanup(broken.Close)
			r.config["stripe"].(map[string]any)["api_base"] = broken.URL
			inv, err := r.open(t).Investigate(t.Context(), "bela@example.com")
			if err != nil {
				t.Fatal(err)
			}
			if inv.Complete || !strings.Contains(strings.Join(inv.IncompleteBecause, " "), "status 500") {
				t.Errorf("complete %v because %v", inv.Complete, inv.IncompleteBecause)
			}
			for _, f := range inv.Findings {
				if f.Automatic && f.Object.Type != rightful.RefCacheKey {
					t.Errorf("%s on %s is automatic: %s", f.Code, f.Object.ID, f.Why)
				}
			}
		})
	}
}

// TestAuditWithoutStripeIsAnError: a key that opens nothing leaves nothing to
// judge.
func TestAuditWithoutStripeIsAnError(t *testing.T) {
	t.Parallel()
	r := foundingRig(t)
	e := r.open(t)
	r.sim.RevokeKey("sk_live_same")
	_, err := e.Audit(t.Context(), engine.AuditInput{})
	if rightful.KindOf(err) != rightful.KindUnauthorized {
		t.Fatalf("got %v", err)
	}
	if strings.Contains(err.Error(), "sk_live_same") {
		t.Errorf("the error holds the key: %v", err)
	}
}

// TestInterrupted cuts an audit off in the middle of Stripe's lists and expects
// an incomplete report instead of conclusions.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	r := foundingRig(t)
	ctx, interrupt := context.WithCancelCause(t.Context())
	target, err := url.Parse(r.stripe.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if strings.HasSuffix(q.URL.Path, "/subscriptions") {
			interrupt(errors.New("Ctrl-C"))
		}
		proxy.ServeHTTP(w, q)
	}))
	t.Cleanup(cut.Close)
	account := r.config["stripe"].(map[string]any)
	account["api_base"] = cut.URL
	e := r.open(t)
	report, err := e.Audit(ctx, engine.AuditInput{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Complete || len(report.Findings) > 0 {
		t.Errorf("complete %v, %d findings", report.Complete, len(report.Findings))
	}
	if because := strings.Join(report.IncompleteBecause, "\n"); !strings.Contains(because, "interrupted") {
		t.Errorf("incomplete because %q", because)
	}
}

// TestAnotherAccountIsRefused: the account and the mode are compared before
// anything is read.
func TestAnotherAccountIsRefused(t *testing.T) {
	t.Parallel()
	for name, expect := range map[string]map[string]any{
		"account": {"account": "acct_other"},
		"mode":    {"livemode": false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := foundingRig(t)
			for k, v := range expect {
				r.config["stripe"].(map[string]any)[k] = v
			}
			e := r.open(t)
			report := audit(t, e, engine.AuditInput{})
			if refusedCode(report.Refused) != rightful.CodeWrongAccount || report.Complete || len(report.Findings) > 0 {
				t.Errorf("audit: %+v", report)
			}
			inv, err := e.Investigate(t.Context(), "bela@example.com")
			if err != nil || refusedCode(inv.Refused) != rightful.CodeWrongAccount || len(inv.Families) > 0 {
				t.Errorf("investigation: %+v, %v", inv, err)
			}
		})
	}
}

// TestRestOfTheTruthStays: the killed place must not change what the others say.
func TestRestOfTheTruthStays(t *testing.T) {
	t.Parallel()
	r := foundingRig(t)
	e := r.open(t)
	r.redis.Close()
	inv, err := e.Investigate(t.Context(), "bela@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if x := ruling(t, inv, rightful.StaleMetadata); x.Ruling != rightful.RuledIn {
		t.Errorf("%s: %s", x.Name, x.Ruling)
	}
	if x := ruling(t, inv, rightful.DeployNotApplied); x.Ruling != rightful.RuledOut {
		t.Errorf("%s: %s", x.Name, x.Ruling)
	}
}
