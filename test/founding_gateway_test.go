package test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"rightful"
	"rightful/gateway"
	"rightful/gateway/fromfile"
	"rightful/internal/cli"
	"rightful/internal/testserver"
	"rightful/stripesim"
)

// fronted is the app of the founding incident with the gateway in front of Stripe, as
// its config has it by default. The rest is as old as it was: it believes its cache.
type fronted struct {
	*stand
	*saas
	t       *testing.T
	gateway *fromfile.Gateway
	url     string
	price   string
	clock   atomic.Int64
	told    chan gateway.Notice
}

// front puts the gateway in front of the app in the world of the incident, on SQLite
// and a real Redis.
func front(t *testing.T, change func(stripe map[string]any)) *fronted {
	t.Helper()
	var app http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { app.ServeHTTP(w, q) }))
	t.Cleanup(server.Close)
	const secret = "whsec_of_the_old_app"
	world := changed(t, func(stripe map[string]any) {
		stripe["webhook_endpoints"] = []any{map[string]any{
			"id": "we_1", "livemode": true, "status": "enabled", "enabled_events": []string{"*"}, "url": server.URL + "/webhooks/stripe",
			"_stripesim": map[string]any{"secret": secret},
		}}
		change(stripe)
	})
	dsn := engines[0].dsn(t)
	fillFrom(t, world, engines[0].open(t, dsn))
	r := assemble(t, world, dsn, foundingNow)
	r.mapWrites(t, world, engines[0].name)
	f := &fronted{t: t, stand: stood(t, r, 0, dsn, ""), url: server.URL, price: "price_1RproMonthly", told: make(chan gateway.Notice, 100)}
	address := testserver.Redis(t)
	f.saas = &saas{
		db:    must(sql.Open("sqlite", strings.TrimPrefix(dsn, "sqlite:")+"?_pragma=busy_timeout(10000)"))(t),
		cache: redis.NewClient(must(redis.ParseURL(address))(t)),
	}
	t.Cleanup(func() { _, _ = f.db.Close(), f.cache.Close() })
	for key, value := range takeApart(t, world).Cache {
		if err := f.cache.Set(t.Context(), key, value, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	var events http.Handler
	mux := http.NewServeMux()
	mux.Handle("/", f.handler())
	mux.HandleFunc("POST /checkout", f.buy)
	mux.HandleFunc("GET /checkout/return", f.comeBack)
	mux.HandleFunc("POST /webhooks/stripe", func(w http.ResponseWriter, q *http.Request) { events.ServeHTTP(w, q) })
	app = mux
	f.config["cache"].(map[string]any)["url"] = address
	f.config["resolver_probe"] = map[string]any{"url": f.url + "/internal/users/{user_id}/company", "json": "company.id"}
	f.config["stripe"].(map[string]any)["webhook_secrets"] = []string{secret}

	f.clock.Store(f.now)
	var err error
	f.gateway, err = fromfile.Open(t.Context(), f.write(t), fromfile.Options{
		Env: f.lookup, OnNotice: f.keep, Now: func() time.Time { return time.Unix(f.clock.Load(), 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	events = must(f.gateway.Webhooks())(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.gateway.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, f.gateway.Close()); err != nil {
			t.Error(err)
		}
	})
	return f
}

// buy is the app's old page: it takes the company from the cache, which says 4, and
// puts it wherever it is let. What the form names is what it tells the gateway.
func (f *fronted) buy(w http.ResponseWriter, q *http.Request) {
	stale, err := f.cache.Get(q.Context(), ":1:user_company_"+q.FormValue("user")).Result()
	if err != nil {
		stale, err = f.userCompany(q.Context(), q.FormValue("user"))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	wish := gateway.CheckoutRequest{
		UserID: q.FormValue("user"), Mode: "subscription", Price: f.price,
		SuccessURL: f.url + "/checkout/return?session_id={CHECKOUT_SESSION_ID}&user=" + q.FormValue("user"),
	}
	switch q.FormValue("tells") {
	case "metadata":
		wish.Metadata = map[string]string{"company_id": stale}
	case "expectation":
		wish.CompanyID = stale
	case "parameters":
		wish.StripeParams = map[string]any{"subscription_data": map[string]any{"metadata": map[string]any{"company_id": stale}}}
	}
	session, err := f.gateway.CreateCheckoutSession(q.Context(), wish)
	if refusal, ok := errors.AsType[*gateway.Refusal](err); ok {
		http.Error(w, refusal.BuyerMessage, http.StatusConflict)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_ = json.NewEncoder(w).Encode(session)
}

func (f *fronted) comeBack(w http.ResponseWriter, q *http.Request) {
	v, err := f.gateway.ValidatePayment(q.Context(), gateway.ValidationRequest{SessionID: q.FormValue("session_id"), UserID: q.FormValue("user")})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	company := "nobody"
	if v.CompanyID != nil {
		company = *v.CompanyID
	}
	fmt.Fprintf(w, "%s %s", v.Status, company)
}

// keep writes the row of a subscription.
func (f *fronted) keep(ctx context.Context, n gateway.Notice) error {
	if n.Object.Type == "subscription" && !n.Superseded {
		_, err := f.db.ExecContext(ctx, `INSERT INTO subscriptions (id, company_id, stripe_customer_id, stripe_subscription_id, status)
			SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4 FROM subscriptions HAVING SUM(stripe_subscription_id = $3) = 0`,
			n.CompanyID, n.Object.StripeCustomerID, n.Object.ID, n.Object.Status)
		if err != nil {
			return err
		}
	}
	f.told <- n
	return nil
}

// buys sends user 7 to pay, and returns what the page answered.
func (f *fronted) buys(tells string) (status int, s gateway.Session) {
	f.t.Helper()
	answer, err := http.PostForm(f.url+"/checkout", url.Values{"user": {"7"}, "tells": {tells}})
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		f.t.Logf("the shop answers %s", must(io.ReadAll(answer.Body))(f.t))
	} else {
		if err := json.NewDecoder(answer.Body).Decode(&s); err != nil {
			f.t.Fatal(err)
		}
	}
	return answer.StatusCode, s
}

// pays is the buyer on Stripe's page, and Stripe, which tells the app. It returns the
// subscription once the app has been told of it.
func (f *fronted) pays(session string) string {
	f.t.Helper()
	if err := f.sim.CompleteCheckout("", session, stripesim.CompleteOptions{Email: "bela@example.com"}); err != nil {
		f.t.Fatal(err)
	}
	if report := must(f.sim.Deliver(f.t.Context()))(f.t); report.Failed > 0 || report.Delivered == 0 {
		f.t.Fatalf("webhooks: %+v", report)
	}
	late := time.After(time.Minute)
	for {
		select {
		case n := <-f.told:
			if n.Object.Type == "subscription" && !n.Superseded { // of those the row is written
				return n.Object.ID
			}
		case <-late:
			f.t.Fatal("the app is not told")
		}
	}
}

// later lets time pass, so that no payment is too young to be judged.
func (f *fronted) later() {
	f.now += 2 * 3600
	f.clock.Store(f.now)
	f.sim.Advance(2 * time.Hour)
}

// changed is the founding incident with other objects in Stripe, as a file.
func changed(t *testing.T, change func(stripe map[string]any)) string {
	t.Helper()
	var world map[string]any
	if err := json.Unmarshal(must(os.ReadFile(founding))(t), &world); err != nil {
		t.Fatal(err)
	}
	change(world["stripe"].(map[string]any))
	file := filepath.Join(t.TempDir(), "world.json")
	if err := os.WriteFile(file, must(json.Marshal(world))(t), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// asItWas is Stripe when user 7 was about to buy: without what that purchase made.
func asItWas(stripe map[string]any) {
	made := []string{"cus_S3belaPaying03", paidSession, "sub_1RbelaActive01"}
	for _, list := range []string{"customers", "checkout_sessions", "subscriptions"} {
		stripe[list] = slices.DeleteFunc(stripe[list].([]any), func(o any) bool { return slices.Contains(made, o.(map[string]any)["id"].(string)) })
	}
}

// asItIs is Stripe after the incident.
func asItIs(map[string]any) {}

// TestFoundingIncidentCannotBeProduced plays the founding incident with the gateway in
// front, in the default mode: the cache still says 4 and the app still believes it, and
// the five criteria of the team hold all the same, one by one.
func TestFoundingIncidentCannotBeProduced(t *testing.T) {
	t.Parallel()
	f := front(t, asItWas)
	found := f.audited(t)
	writes := f.writes()
	for tells, want := range map[string]int{"metadata": http.StatusBadRequest, "parameters": http.StatusBadRequest, "expectation": http.StatusConflict} {
		if status, _ := f.buys(tells); status != want {
			t.Errorf("the app names company 4 as %s: %d, want %d", tells, status, want)
		}
	}
	if n := f.writes() - writes; n > 0 {
		t.Errorf("%d objects were made for company 4", n)
	}
	status, session := f.buys("")
	if status != http.StatusOK || session.CompanyID != "11" {
		t.Fatalf("%d, %+v", status, session)
	}
	subscription := f.pays(session.ID)
	f.later()

	// Nothing is wrong with what was bought. That both idle customers are more than the
	// company needs is what an audit says once there is one that pays.
	if diff := cmp.Diff([]string{"RF201 cus_S1belaFirst001"}, news(found, f.audited(t))); diff != "" {
		t.Errorf("new findings (-want +got):\n%s", diff)
	}
	// 2. The payment flow is without a 500: for the buyer, for others, and for nonsense.
	for query, want := range map[string]string{
		"user=7&session_id=" + session.ID: "valid 11", "user=9&session_id=" + session.ID: "other_company nobody",
		"session_id=" + session.ID: "needs_sign_in nobody", "user=7&session_id=cs_live_nothing": "unknown_session nobody",
		"user=7&session_id=cs_live_b1belaAbandoned1": "expired 11",
	} {
		if status, body := page(t, f.url+"/checkout/return?"+query); status != http.StatusOK || body != want {
			t.Errorf("criterion 2, payment flow: %s answers %d, %q, want %q", query, status, body, want)
		}
	}
	// 3. What the session and everything that it made are stamped with is the user's company.
	f.stampedEleven(t, session, subscription)
	// 4. Validation succeeds.
	v := must(f.gateway.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: session.ID, UserID: "7"}))(t)
	if v.Status != gateway.Valid || v.Decision != gateway.Allow || v.Enforced != gateway.Allow || v.CompanyID == nil || *v.CompanyID != "11" || len(v.Findings) > 0 {
		t.Errorf("criterion 4, validation: %+v", v)
	}
	// 1. The associations are consistent, once what was wrong before is fixed.
	if code, out, errs := f.rightful(t, "fix", "--yes"); code != cli.ExitOK && code != cli.ExitFindings || errs != "" || !strings.Contains(out, "no new finding") {
		t.Fatalf("fix: exit code %d, %s%s", code, out, errs)
	}
	if got := link(t, 0, f.dsn); got != session.StripeCustomerID {
		t.Errorf("criterion 1, associations: company 11 links %q", got)
	}
	if status, body := page(t, f.url+"/billing?user=7"); status != http.StatusOK || body != "company 11 pays as "+session.StripeCustomerID {
		t.Errorf("criterion 1, associations: the billing page answers %d, %s", status, body)
	}
	// 5. No mismatch is left: the two idle customers of before are for a person to decide.
	if diff := cmp.Diff([]string{"RF201 cus_S1belaFirst001", "RF201 cus_S2belaSecond02"}, f.audited(t)); diff != "" {
		t.Errorf("criterion 5, no mismatch (-want +got):\n%s", diff)
	}
}

// TestGatewayBesideTheIncident: the gateway comes when the incident has happened, and
// nothing is repaired yet. The page that answered 500 does not any more.
func TestGatewayBesideTheIncident(t *testing.T) {
	t.Parallel()
	f := front(t, asItIs)
	if status, body := page(t, f.url+"/checkout/return?user=7&session_id="+paidSession); status != http.StatusOK || body != "valid 11" {
		t.Errorf("the return page of the incident answers %d, %q", status, body)
	}
	v := must(f.gateway.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: paidSession, UserID: "7"}))(t)
	if !slices.ContainsFunc(v.Findings, func(found rightful.Finding) bool { return found.Object.ID == paidSession }) {
		t.Errorf("what is wrong is not told: %+v", v.Findings)
	}
	if status, body := page(t, f.url+"/checkout/return?user=9&session_id="+paidSession); status != http.StatusOK || body != "other_company nobody" {
		t.Errorf("and to the other company %d, %q", status, body)
	}
	if code, out, errs := f.rightful(t, "fix", "--yes"); code != cli.ExitFindings || errs != "" {
		t.Fatalf("fix: exit code %d, %s%s", code, out, errs)
	}
	found := f.audited(t)
	f.price = "price_1RextraMonthly"
	_, session := f.buys("")
	if session.StripeCustomerID != "cus_S3belaPaying03" {
		t.Errorf("repaired, and company 11 buys as %s", session.StripeCustomerID)
	}
	f.stampedEleven(t, session, f.pays(session.ID))
	if fresh := news(found, f.audited(t)); len(fresh) > 0 {
		t.Errorf("new findings: %v", fresh)
	}
}

// TestGatewayBeforeTheFix: who buys the same again before anything is repaired has two
// subscriptions, and pays them with two customers: the gateway does not search for what
// no row names. All of it is company 11's, and the audit says what is too much.
func TestGatewayBeforeTheFix(t *testing.T) {
	t.Parallel()
	f := front(t, asItIs)
	found := f.audited(t)
	_, session := f.buys("")
	subscription := f.pays(session.ID)
	f.stampedEleven(t, session, subscription)
	if diff := cmp.Diff([]string{"RF202 cus_S3belaPaying03", "RF206 " + subscription}, news(found, f.audited(t))); diff != "" {
		t.Errorf("new findings (-want +got):\n%s", diff)
	}
}

// stampedEleven holds a purchase to company 11, and lets time pass.
func (f *fronted) stampedEleven(t *testing.T, s gateway.Session, subscription string) {
	t.Helper()
	f.later()
	company := must(f.userCompany(t.Context(), "7"))(t)
	for _, path := range []string{"/v1/checkout/sessions/" + s.ID, "/v1/subscriptions/" + subscription, "/v1/customers/" + s.StripeCustomerID} {
		if stamp := f.stamp(t, path); stamp != company || company != "11" {
			t.Errorf("%s is stamped %q, and the user's company is %q", path, stamp, company)
		}
	}
}

// news are the findings that were not there.
func news(before, after []string) []string {
	return slices.DeleteFunc(after, func(finding string) bool { return slices.Contains(before, finding) })
}
