package examples_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestShop: people of two companies invite, switch, buy, come back, and look at their
// invoices, and at what is others'.
func TestShop(t *testing.T) {
	both(t, func(t *testing.T, e *example) {
		ana := member(t, e, "ana@example.com", "Ana Lda")
		ben := member(t, e, "ben@example.com", "Ben Ltd")
		ana.submit("/invite", nil)
		_, invitation, _ := strings.Cut(ana.text, `id="invitation" href="`)
		invitation, _, _ = strings.Cut(invitation, `"`)
		ben.open(invitation)
		ben.submit(strings.TrimPrefix(invitation, e.url), nil)
		ben.wants(http.StatusOK, "Ana Lda")
		ben.open(invitation)
		ben.submit(strings.TrimPrefix(invitation, e.url), nil)
		ben.wants(http.StatusConflict, "not good any more")

		// Ben buys for Ana's company, and switches before he comes back.
		first := ben.goesToPay()
		back := ben.paysAndStays()
		ben.open("/")
		ben.submit("/switch", nil)
		ben.wants(http.StatusOK, "Ben Ltd")
		ben.returns(back, "valid")
		ben.returns(back, "valid") // reloaded
		ana.returns(back, "valid") // a colleague
		ana.waitsForPlan("active")
		if plan := ben.plan(); plan != "none" {
			t.Errorf("Ben's own company has the plan %q", plan)
		}
		paid := e.object(t, "/v1/checkout/sessions/"+first)
		anas := e.stamped(t, paid, "1", "2")

		// A colleague would buy the same again: they are asked before they pay.
		ana.open("/")
		ana.submit("/buy", nil)
		ana.wants(http.StatusOK, "has this plan already")
		if !strings.HasPrefix(ana.address, e.url) {
			t.Errorf("sent to %s without a question", ana.address)
		}
		ana.submit("/buy", nil)
		if !strings.HasPrefix(ana.address, e.sim+"/c/pay/") {
			t.Errorf("who wants a second one is sent to %s", ana.address)
		}

		// A second company, which has nothing in common with the first.
		second := ben.goesToPay()
		if again := ben.goesToPay(); again != second {
			t.Errorf("the same wish made %s and %s", second, again)
		}
		ben.returns("/return?session_id="+second, "not_paid")
		ana.returns("/return?session_id="+second, "other_company")
		ben.open(e.object(t, "/v1/checkout/sessions/"+second)["url"].(string))
		ben.pays()
		ben.returns(ben.address, "valid")
		ben.waitsForPlan("active")
		bens := e.stamped(t, e.object(t, "/v1/checkout/sessions/"+second), "2", "2")
		if anas.customer == bens.customer {
			t.Errorf("both companies pay as %s", anas.customer)
		}

		// What is others' shows nothing, on whatever page.
		stranger := member(t, e, "eve@example.com", "Eve SA")
		nobody := person(t, e)
		for _, session := range []string{first, second} {
			stranger.returns("/return?session_id="+session, "other_company")
			hides(stranger, "Ana", "Ben", "ben@", anas.customer, bens.customer, anas.subscription, bens.subscription)
			nobody.returns("/return?session_id="+session, "needs_sign_in")
			hides(nobody, "Ana", "Ben", "ben@", anas.customer, bens.customer, anas.subscription, bens.subscription)
		}
		for _, nonsense := range []string{"", "cs_test_nothing", "cs_live_a1", "4' OR 1=1", "../../x", strings.Repeat("a", 5000)} {
			stranger.open("/return?session_id=" + url.QueryEscape(nonsense))
			stranger.wants(http.StatusOK, "")
		}
		for _, customer := range []string{anas.customer, bens.customer, "cus_nothing", "", "../x"} {
			stranger.post("/portal", url.Values{"customer": {customer}}) // which nobody asks for
			stranger.wants(http.StatusConflict, "not bought anything yet")
			hides(stranger, "Ana", "Ben")
		}
		nobody.post("/portal", nil)
		nobody.wants(http.StatusUnauthorized, "sign in")
		nobody.post("/buy", nil)
		nobody.wants(http.StatusUnauthorized, "sign in")
		stranger.post("/switch", url.Values{"company_id": {"1"}})
		stranger.wants(http.StatusConflict, "no such company")
		ana.post("/buy", url.Values{"company_id": {"2"}}) // as a page of another company would
		ana.wants(http.StatusConflict, "another company")

		// The portal is the company's own.
		ana.open("/")
		ana.submit("/portal", nil)
		ana.wants(http.StatusOK, "Cancel now")
		if !strings.HasPrefix(ana.address, e.sim+"/p/") {
			t.Errorf("the portal is at %s", ana.address)
		}
		if found := e.audit(t); len(found) > 0 {
			t.Errorf("after two purchases: %v", found)
		}
		ana.submit("", url.Values{"subscription": {anas.subscription}, "do": {"cancel"}})
		ana.waitsForPlan("canceled")
		if plan := ben.plan(); plan != "active" {
			t.Errorf("Ana has canceled, and Ben's plan is %q", plan)
		}
		if found := e.audit(t); len(found) > 0 {
			t.Errorf("at the end: %v", found)
		}
	})
}

// bought is what a session has made.
type bought struct{ customer, subscription string }

// stamped holds a paid session, and everything that it made, to the company and the
// user.
func (e *example) stamped(t *testing.T, session map[string]any, company, user string) bought {
	t.Helper()
	made := bought{session["customer"].(string), session["subscription"].(string)}
	if session["client_reference_id"] != company {
		t.Errorf("client_reference_id is %v, want %s", session["client_reference_id"], company)
	}
	want := map[string]any{"company_id": company, "user_id": user}
	subscription := e.object(t, "/v1/subscriptions/"+made.subscription)
	for _, o := range []map[string]any{session, subscription} {
		if diff := cmp.Diff(want, o["metadata"]); diff != "" {
			t.Errorf("%v (-want +got):\n%s", o["id"], diff)
		}
	}
	customer := e.object(t, "/v1/customers/"+made.customer)
	if m := customer["metadata"].(map[string]any); m["company_id"] != company {
		t.Errorf("%s is stamped %v, want %s", made.customer, m, company)
	}
	return made
}

// hides holds a page to saying nothing of others.
func hides(b *buyer, of ...string) {
	b.Helper()
	for _, secret := range of {
		if strings.Contains(b.text, secret) {
			b.Errorf("%s says %q: %s", b.address, secret, b.text)
		}
	}
}

// TestCompanyClosedBetween: the company is gone when its buyer comes back. Nothing is
// given, nothing breaks, and what is left for a person to decide is named.
func TestCompanyClosedBetween(t *testing.T) {
	both(t, func(t *testing.T, e *example) {
		cy := member(t, e, "cy@example.com", "Cy KG")
		stranger := member(t, e, "eve@example.com", "Eve SA")
		session := cy.goesToPay()
		back := cy.paysAndStays()
		cy.open("/")
		cy.submit("/close", nil)
		cy.wants(http.StatusOK, "You have no company")
		cy.returns(back, "company_gone")
		cy.wants(http.StatusOK, "contact support")
		stranger.returns(back, "other_company")
		cy.post("/buy", nil)
		cy.wants(http.StatusConflict, "does not belong to a company")
		subscription, _ := e.object(t, "/v1/checkout/sessions/"+session)["subscription"].(string)
		if found := e.audit(t); !slices.Contains(found, "RF601 "+subscription) || len(found) != 1 {
			t.Errorf("found %v, want only that %s is still charged", found, subscription)
		}

		// Life goes on.
		cy.open("/")
		cy.submit("/companies", url.Values{"company": {"Cy neu"}})
		cy.goesToPay()
		cy.pays()
		cy.returns(cy.address, "valid")
		cy.waitsForPlan("active")
	})
}

// TestForgedNews: what others send in the name of Stripe or of rightful is refused.
func TestForgedNews(t *testing.T) {
	both(t, func(t *testing.T, e *example) {
		eve := member(t, e, "eve@example.com", "Eve SA")
		event := `{"id":"evt_1","object":"event","type":"customer.subscription.created","created":1790000000,"data":{"object":{"id":"sub_1","object":"subscription","status":"active","customer":"cus_1","metadata":{"company_id":"1"}}}}`
		notice := `{"id":"evt_1","type":"customer.subscription.created","company_id":"1","object":{"type":"subscription","id":"sub_1","status":"active","stripe_customer_id":"cus_1"},"superseded":false}`
		stripes, ours := e.url+"/webhooks/stripe", ""
		if e.rf != "" {
			stripes, ours = e.rf+"/v1/webhooks/stripe", e.url+"/internal/notices"
		}
		for _, header := range []string{"", "t=1790000000,v1=00", "v1,AAAA"} {
			for address, body := range map[string]string{stripes: event, ours: notice} {
				if address == "" {
					continue
				}
				q := must(http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body)))(t)
				q.Header.Set("Stripe-Signature", header)
				q.Header.Set("webhook-id", "evt_1")
				q.Header.Set("webhook-timestamp", "1790000000")
				q.Header.Set("webhook-signature", header)
				answer := must(http.DefaultClient.Do(q))(t)
				_ = answer.Body.Close()
				if answer.StatusCode != http.StatusBadRequest {
					t.Errorf("%s answers %s to %q", address, answer.Status, header)
				}
			}
		}
		if plan := eve.plan(); plan != "none" {
			t.Errorf("forged news gave the plan %q", plan)
		}
		q := must(http.NewRequestWithContext(t.Context(), http.MethodPost, e.url+"/close", nil))(t)
		q.Header.Set("Origin", "https://evil.example.com")
		if eve.send(q); eve.status != http.StatusForbidden {
			t.Errorf("a form of another site: %d", eve.status)
		}
	})
}

// TestStripeDown: while Stripe does not answer, pages say so, and nothing is a 500.
func TestStripeDown(t *testing.T) {
	both(t, func(t *testing.T, e *example) {
		dan := member(t, e, "dan@example.com", "Dan AB")
		session := dan.goesToPay()
		e.stopSim()
		for _, page := range []func(){
			func() { dan.open("/return?session_id=" + session) },
			func() { dan.post("/buy", nil) },
			func() { dan.post("/portal", nil) },
		} {
			page()
			dan.wants(http.StatusServiceUnavailable, "nothing is lost")
		}
		dan.open("/")
		dan.wants(http.StatusOK, "Dan AB")
	})
}
