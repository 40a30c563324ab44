package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"rightful"
	"rightful/gateway"
	"rightful/internal/source/sqldirectory"
	"rightful/stripesim"
)

// catalogue is what is sold.
const catalogue = `"prices": [
	{"id": "price_month", "product": "prod_1", "active": true, "type": "recurring", "unit_amount": 900, "currency": "eur", "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}},
	{"id": "price_once", "product": "prod_1", "active": true, "type": "one_time", "unit_amount": 900, "currency": "eur"}]`

// buying is a request that works.
func buying() gateway.CheckoutRequest {
	return gateway.CheckoutRequest{
		UserID: "7", Mode: "subscription", Price: "price_month", Quantity: 1,
		SuccessURL: "https://app.example.com/return?session={CHECKOUT_SESSION_ID}", CancelURL: "https://app.example.com/plans",
	}
}

func shop(t *testing.T, how setup, rows ...string) *premises {
	t.Helper()
	return rent(t, how, append([]string{company11, company12, user7}, rows...), catalogue)
}

// TestEveryPartIsStamped: the session, what it will create, and the reference all say
// the resolver's company.
func TestEveryPartIsStamped(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		mode, price string
		params      string
		below       string // what the session creates
		more        string // of its metadata
	}{
		{mode: "subscription", price: "price_month", below: "subscriptions"},
		{mode: "subscription", price: "price_month", params: `{"subscription_data": {"trial_period_days": 7, "metadata": {"plan": "gold"}}, "metadata": {"campaign": "autumn"}}`, below: "subscriptions", more: " plan=gold"},
		{mode: "payment", price: "price_once", below: "payment_intents"},
		{mode: "payment", price: "price_once", params: `{"payment_intent_data": {"metadata": {"plan": "gold"}}, "metadata": {"campaign": "autumn"}}`, below: "payment_intents", more: " plan=gold"},
		{mode: "setup", params: `{"currency": "eur", "setup_intent_data": {"metadata": {"plan": "gold"}}, "metadata": {"campaign": "autumn"}}`, below: "setup_intents", more: " plan=gold"},
	} {
		t.Run(tt.mode+tt.params, func(t *testing.T) {
			t.Parallel()
			p := shop(t, setup{})
			r := buying()
			r.Mode, r.Price, r.Metadata = tt.mode, tt.price, map[string]string{"invite": "yes"}
			if tt.price == "" {
				r.Quantity = 0
			}
			campaign := ""
			if tt.params != "" {
				campaign = " campaign=autumn"
				if err := json.Unmarshal([]byte(tt.params), &r.StripeParams); err != nil {
					t.Fatal(err)
				}
			}
			s, err := p.gateway().CreateCheckoutSession(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			o := p.call(http.MethodGet, "/v1/checkout/sessions/"+s.ID, nil)
			want := "app=ledgerly" + campaign + " company_id=11 invite=yes user_id=7"
			if flat(o["metadata"]) != want || o["client_reference_id"] != "11" || o["customer"] != s.StripeCustomerID || o["url"] != s.URL || s.CompanyID != "11" || p.link(11) != s.StripeCustomerID {
				t.Errorf("session %v; want metadata %s; answered %+v", o, want, s)
			}
			if o["mode"] != r.Mode || tt.params == "" && o["success_url"] != r.SuccessURL {
				t.Errorf("session %v", o)
			}
			if err := p.sim.CompleteCheckout("", s.ID, stripesim.CompleteOptions{Email: "sam@example.com"}); err != nil {
				t.Fatal(err)
			}
			o = p.call(http.MethodGet, "/v1/checkout/sessions/"+s.ID, nil)
			created := o[strings.TrimSuffix(tt.below, "s")].(string)
			want = "app=ledgerly company_id=11" + tt.more + " user_id=7"
			if got := p.metadata("/v1/" + tt.below + "/" + created); got != want {
				t.Errorf("%s is stamped %s, want %s", created, got, want)
			}
			decided := p.told(gateway.DecidedCheckout)
			if len(decided) != 1 || decided[0].UserID != "7" || decided[0].CompanyID != "11" || decided[0].SessionID != s.ID || decided[0].StripeCustomerID != s.StripeCustomerID || !decided[0].Created {
				t.Errorf("told %+v", decided)
			}
		})
	}
	t.Run("the invoice of a payment", func(t *testing.T) {
		t.Parallel()
		p := shop(t, setup{})
		seen := &recorder{Stripe: p.opt.Stripe}
		p.opt.Stripe = seen
		r := buying()
		r.Mode, r.Price = "payment", "price_once"
		r.StripeParams = map[string]any{"invoice_creation": map[string]any{"enabled": true, "invoice_data": map[string]any{"metadata": map[string]string{"plan": "gold"}}}}
		if _, err := p.gateway().CreateCheckoutSession(t.Context(), r); err != nil {
			t.Log(err) // the simulator may not know of it; what was sent counts
		}
		data := seen.params["invoice_creation"].(map[string]any)["invoice_data"].(map[string]any)
		if got := flat(data["metadata"]); got != "app=ledgerly company_id=11 plan=gold user_id=7" {
			t.Errorf("the invoice is stamped %s", got)
		}
	})
}

// TestIdentityIsNotTheCallers: nothing that says whose a session is gets through, in
// whatever spelling.
func TestIdentityIsNotTheCallers(t *testing.T) {
	t.Parallel()
	p := shop(t, setup{})
	g := p.gateway()
	long := strings.Repeat("x", 501)
	for _, tt := range []struct{ params, metadata, place string }{
		{params: `{"customer": "cus_evil"}`, place: "stripe_params.customer"},
		{params: `{"customer_email": "eve@example.com"}`, place: "stripe_params.customer_email"},
		{params: `{"customer_account": "acct_1"}`, place: "stripe_params.customer_account"},
		{params: `{"customer_creation": "always"}`, place: "stripe_params.customer_creation"},
		{params: `{"client_reference_id": "12"}`, place: "stripe_params.client_reference_id"},
		{params: `{"payment_intent_data": {"customer": "cus_evil"}}`, place: "stripe_params.payment_intent_data.customer"},
		{params: `{"line_items": [{"customer": "cus_evil"}]}`, place: "stripe_params.line_items[0].customer"},
		{params: `{"metadata": {"company_id": "12"}}`, place: "stripe_params.metadata.company_id"},
		{params: `{"metadata": "company_id"}`, place: "stripe_params.metadata"},
		{params: `{"metadata": [{"company_id": "12"}]}`, place: "stripe_params.metadata"},
		{params: `{"metadata": {"plan": {"company_id": "12"}}}`, place: "stripe_params.metadata.plan"},
		{params: `{"metadata[company_id]": "12"}`, place: "stripe_params"},
		{params: `{"subscription_data[metadata][company_id]": "12"}`, place: "stripe_params"},
		{params: `{"subscription_data": {"metadata[company_id]": "12"}}`, place: "stripe_params.subscription_data"},
		{params: `{"subscription_data.metadata": {"company_id": "12"}}`, place: "stripe_params"},
		{params: `{"subscription_data": {"metadata": {"org_id": "12"}}}`, place: "stripe_params.subscription_data.metadata.org_id"},
		{params: `{"subscription_data": "metadata"}`, place: "stripe_params.subscription_data"},
		{params: `{"subscription_data": [{"metadata": {"company_id": "12"}}]}`, place: "stripe_params.subscription_data"},
		{params: `{"payment_intent_data": {"metadata": {"user_id": "8"}}}`, place: "stripe_params.payment_intent_data.metadata.user_id"},
		{params: `{"setup_intent_data": {"metadata": {"app": "shop"}}}`, place: "stripe_params.setup_intent_data.metadata.app"},
		{params: `{"invoice_creation": {"invoice_data": {"metadata": {"companyId": "12"}}}}`, place: "stripe_params.invoice_creation.invoice_data.metadata.companyId"},
		{params: `{"line_items": [{"price_data": {"product_data": {"metadata": {"a": "b", "company_id": "12"}}}}]}`, place: "stripe_params.line_items[0].price_data.product_data.metadata.company_id"},
		{params: `{"Customer": "cus_evil"}`, place: "stripe_params"},
		{params: `{"customer ": "cus_evil"}`, place: "stripe_params"},
		{params: `{"": "x"}`, place: "stripe_params"},
		{params: `{"mode": "payment"}`, place: "stripe_params.mode"},
		{params: `{"success_url": "https://evil.example.com"}`, place: "stripe_params.success_url"},
		{params: `{"expand": ["customer"]}`, place: "stripe_params.expand"},
		{params: `{"line_items": [{"price": "price_once"}]}`, place: "stripe_params.line_items"},
		{params: `{"return_url": "javascript:alert(1)"}`, place: "stripe_params.return_url"},
		{params: `{"locale": null}`, place: "stripe_params.locale"},
		{params: `{"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}}}}`, place: "stripe_params.a.a.a.a.a.a.a"},
		{params: fmt.Sprintf(`{"locale": %q}`, strings.Repeat("x", 70_000)), place: "stripe_params"},
		{metadata: `{"company_id": "12"}`, place: "metadata.company_id"},
		{metadata: `{"org_id": "12"}`, place: "metadata.org_id"},
		{metadata: `{"user_id": "8"}`, place: "metadata.user_id"},
		{metadata: `{"app": "shop"}`, place: "metadata.app"},
		{metadata: `{"organizationId": "12"}`, place: "metadata.organizationId"},
		{metadata: `{"Company-ID": "12"}`, place: "metadata.Company-ID"},
		{metadata: `{"userId": "8"}`, place: "metadata.userId"},
		{metadata: `{"a[b]": "8"}`, place: "metadata"},
		{metadata: `{"": "8"}`, place: "metadata"},
		{metadata: fmt.Sprintf(`{%q: "8"}`, long[:41]), place: "metadata"},
		{metadata: fmt.Sprintf(`{"plan": %q}`, long), place: "metadata.plan"},
		{metadata: `{"plan": "gold"}`, params: `{"metadata": {"plan": "silver"}}`, place: "metadata.plan"},
	} {
		r := buying()
		for _, part := range []struct {
			text string
			into any
		}{{tt.params, &r.StripeParams}, {tt.metadata, &r.Metadata}} {
			if part.text == "" {
				continue
			}
			if err := json.Unmarshal([]byte(part.text), part.into); err != nil {
				t.Fatal(part.text, err)
			}
		}
		_, err := g.CreateCheckoutSession(t.Context(), r)
		wrong, ok := errors.AsType[*rightful.Error](err)
		if !ok || wrong.Kind != rightful.KindInvalid || wrong.Place != tt.place {
			t.Errorf("%.80s %.80s: %v, want an invalid %s", tt.params, tt.metadata, err, tt.place)
		}
	}
	many := buying()
	many.Metadata = map[string]string{}
	for i := range 47 {
		many.Metadata[fmt.Sprintf("key%d", i)] = "x"
	}
	if _, err := g.CreateCheckoutSession(t.Context(), many); err != nil {
		t.Error("47 keys and three stamps:", err)
	}
	many.Metadata["one_more"] = "x"
	_, err := g.CreateCheckoutSession(t.Context(), many)
	wantKind(t, err, rightful.KindInvalid, "48 keys")
	if got := len(p.all("/v1/checkout/sessions")); got != 1 {
		t.Errorf("%d sessions were made", got)
	}
}

// TestWrongRequests names what is wrong with it.
func TestWrongRequests(t *testing.T) {
	t.Parallel()
	p := shop(t, setup{})
	g := p.gateway()
	for _, tt := range []struct {
		place  string
		change func(r *gateway.CheckoutRequest)
	}{
		{"mode", func(r *gateway.CheckoutRequest) { r.Mode = "" }},
		{"user_id", func(r *gateway.CheckoutRequest) { r.UserID = "" }},
		{"user_id", func(r *gateway.CheckoutRequest) { r.UserID = "7\x00" }},
		{"company_id", func(r *gateway.CheckoutRequest) { r.CompanyID = strings.Repeat("1", 300) }},
		{"price", func(r *gateway.CheckoutRequest) { r.Price, r.Quantity = "", 0 }},
		{"quantity", func(r *gateway.CheckoutRequest) { r.Price = "" }},
		{"quantity", func(r *gateway.CheckoutRequest) { r.Quantity = -1 }},
		{"price", func(r *gateway.CheckoutRequest) { r.Mode = "setup" }},
		{"success_url", func(r *gateway.CheckoutRequest) { r.SuccessURL = "" }},
		{"success_url", func(r *gateway.CheckoutRequest) { r.SuccessURL = "javascript:alert(1)" }},
		{"success_url", func(r *gateway.CheckoutRequest) { r.SuccessURL = "//app.example.com" }},
		{"success_url", func(r *gateway.CheckoutRequest) { r.SuccessURL = "https://app.example.com@evil.example.com" }},
		{"cancel_url", func(r *gateway.CheckoutRequest) { r.CancelURL = "ftp://app.example.com" }},
		{"success_url", func(r *gateway.CheckoutRequest) { r.StripeParams = map[string]any{"ui_mode": "embedded"} }},
		{"stripe_params.return_url", func(r *gateway.CheckoutRequest) {
			r.SuccessURL, r.CancelURL, r.StripeParams = "", "", map[string]any{"ui_mode": "embedded"}
		}},
		{"stripe_params", func(r *gateway.CheckoutRequest) { r.StripeParams = map[string]any{"locale": func() {}} }},
		{"stripe_params.no_such", func(r *gateway.CheckoutRequest) { r.StripeParams = map[string]any{"no_such": "x"} }},
		{"stripe_params.subscription_data.no_such", func(r *gateway.CheckoutRequest) {
			r.StripeParams = map[string]any{"subscription_data": map[string]any{"no_such": "x"}}
		}},
		{"price", func(r *gateway.CheckoutRequest) { r.Price = "price_none" }},
	} {
		r := buying()
		tt.change(&r)
		_, err := g.CreateCheckoutSession(t.Context(), r)
		wrong, ok := errors.AsType[*rightful.Error](err)
		if !ok || wrong.Kind != rightful.KindInvalid || wrong.Place != tt.place {
			t.Errorf("%+v: %v, want an invalid %s", r, err, tt.place)
		}
		if strings.Contains(wrong.Hint, "[") || strings.Contains(wrong.Hint, "look at") && !strings.Contains(wrong.Hint, tt.place) {
			t.Errorf("of an invalid %s the hint is %q, which nobody wrote", tt.place, wrong.Hint)
		}
	}
	if got := p.all("/v1/checkout/sessions"); len(got) != 0 {
		t.Errorf("made %v", got)
	}
	_, err := g.EnsureCustomer(t.Context(), "12", gateway.CustomerDetails{Email: "nobody"})
	if wrong, ok := errors.AsType[*rightful.Error](err); !ok || wrong.Kind != rightful.KindInvalid || wrong.Place != "email" {
		t.Errorf("a customer with an address that Stripe refuses: %v, want an invalid email", err)
	}
	// What was refused can be bought as soon as it is there.
	r := buying()
	r.Price = "price_none"
	if err := p.sim.LoadWorld(strings.NewReader(`{"stripe": {"account": {"id": "` + simAccount + `", "livemode": true}, ` + strings.NewReplacer("price_month", "price_none", "price_once", "price_two").Replace(catalogue) + `}}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := g.CreateCheckoutSession(t.Context(), r); err != nil {
		t.Error(err)
	}
}

// TestWhoseCheckout: only the resolver says it.
func TestWhoseCheckout(t *testing.T) {
	t.Parallel()
	resolve := func(how string) setup {
		return setup{mapping: func(m *sqldirectory.Mapping, _ *sqldirectory.WriteMapping) { m.Resolve = how }}
	}
	for _, tt := range []struct {
		name    string
		how     setup
		rows    []string
		user    string
		expect  string
		company string             // of the session
		status  gateway.Status     // of the refusal
		kind    rightful.ErrorKind // of another error
	}{
		{name: "direct", company: "11"},
		{name: "as expected", expect: "11", company: "11"},
		{name: "expected otherwise", expect: "12", status: gateway.OtherCompany},
		{name: "switched", rows: []string{"UPDATE users SET company_id = 12"}, company: "12"},
		{name: "by ownership", how: resolve("owner"), rows: []string{"UPDATE users SET company_id = 12"}, company: "11"},
		{name: "by membership", how: resolve("membership"), rows: []string{"INSERT INTO memberships VALUES (7, 12, 1, NULL)"}, company: "12"},
		{name: "a membership that ended", how: resolve("membership"), rows: []string{"INSERT INTO memberships VALUES (7, 12, 1, 2)"}, status: gateway.NoCompany},
		{name: "several memberships", how: resolve("membership"), rows: []string{"INSERT INTO memberships VALUES (7, 12, 1, NULL), (7, 11, 1, NULL)"}, status: gateway.NoCompany},
		{name: "by a query", how: resolve("SELECT company_id + 1 FROM users WHERE id = :user_id"), company: "12"},
		{name: "a query without an answer", how: resolve("SELECT company_id FROM users WHERE id = :user_id AND id < 0"), status: gateway.NoCompany},
		{name: "no company", rows: []string{"UPDATE users SET company_id = NULL"}, status: gateway.NoCompany},
		{name: "a company that does not exist", rows: []string{"UPDATE users SET company_id = 4"}, status: gateway.CompanyGone},
		{name: "deleted", rows: []string{"UPDATE companies SET deleted_at = 1 WHERE id = 11"}, status: gateway.CompanyGone},
		{name: "merged away", rows: []string{"UPDATE companies SET merged_into = 12 WHERE id = 11"}, status: gateway.CompanyGone},
		{name: "merged into one of the user's", rows: []string{"UPDATE companies SET merged_into = 12 WHERE id = 11", "INSERT INTO memberships VALUES (7, 12, 1, NULL)"}, company: "12"},
		{name: "merged in a circle", rows: []string{"UPDATE companies SET merged_into = 23 - id"}, status: gateway.CompanyGone},
		{name: "locked out", how: lockedOut, status: gateway.NeedsSignIn},
		{name: "nobody", user: "99", kind: rightful.KindNotFound},
		{name: "an id that is none", user: "7 OR 1=1", kind: rightful.KindNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := shop(t, tt.how, tt.rows...)
			r := buying()
			r.CompanyID = tt.expect
			if tt.user != "" {
				r.UserID = tt.user
			}
			g := p.gateway()
			s, err := g.CreateCheckoutSession(t.Context(), r)
			answer, lone := g.Company(t.Context(), r.UserID)
			if tt.company != "" {
				if err != nil || s.CompanyID != tt.company || answer.CompanyID != tt.company || lone != nil {
					t.Fatalf("%+v %v; %+v %v, want company %s", s, err, answer, lone, tt.company)
				}
				if got := p.metadata("/v1/checkout/sessions/" + s.ID); got != "app=ledgerly company_id="+tt.company+" user_id=7" {
					t.Errorf("stamped %s", got)
				}
				return
			}
			if tt.kind != "" {
				wantKind(t, err, tt.kind, "")
				return
			}
			refused, ok := errors.AsType[*gateway.Refusal](err)
			if !ok || refused.Status != tt.status || refused.BuyerMessage == "" || strings.ContainsAny(refused.BuyerMessage, "0123456789") {
				t.Fatalf("%+v %v, want the refusal %s", s, err, tt.status)
			}
			if tt.status != gateway.OtherCompany && tt.status != gateway.NeedsSignIn && (lone == nil || answer.CompanyID != "" || answer.Ways.Owner == nil || answer.Ways.Membership == nil) {
				t.Errorf("%+v %v", answer, lone)
			}
			if len(p.all("/v1/checkout/sessions"))+len(p.all("/v1/customers")) != 0 {
				t.Error("something was made")
			}
			if told := p.told(gateway.DecidedCheckout); len(told) != 1 || told[0].Status != tt.status || told[0].Decision != gateway.Refuse || told[0].Error != "conflict" {
				t.Errorf("told %+v", told)
			}
		})
	}
}

// recorder keeps the parameters of the last session that was asked for.
type recorder struct {
	gateway.Stripe
	params map[string]any
}

func (r *recorder) CreateCheckout(ctx context.Context, c rightful.NewCheckout) (rightful.Checkout, error) {
	r.params = c.Params
	return r.Stripe.CreateCheckout(ctx, c)
}
