package gateway_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"rightful/gateway"
	"rightful/stripesim"
)

// wares are sessions of every kind, as their buyers left them.
func (p *premises) wares(g *gateway.Gateway) map[string]string {
	p.t.Helper()
	priced := func(amount int, recurring bool) []any {
		price := map[string]any{"currency": "eur", "unit_amount": amount, "product_data": map[string]any{"name": "Team"}}
		if recurring {
			price["recurring"] = map[string]any{"interval": "month"}
		}
		return []any{map[string]any{"quantity": 1, "price_data": price}}
	}
	sells := func(mode string, params map[string]any) string {
		s, err := g.CreateCheckoutSession(p.t.Context(), gateway.CheckoutRequest{UserID: "7", Mode: mode, SuccessURL: "https://shop.example.com/return", StripeParams: params})
		if err != nil {
			p.t.Fatal(err)
		}
		return s.ID
	}
	pays := func(id string, o stripesim.CompleteOptions) string {
		o.Email = "bela@example.com"
		if err := p.sim.CompleteCheckout(simAccount, id, o); err != nil {
			p.t.Fatal(err)
		}
		return id
	}
	own := func(more ...string) string { // made past the gateway, by older code of the app
		form := url.Values{"mode": {"payment"}, "success_url": {"https://shop.example.com/return"}, "metadata[company_id]": {"11"}, "metadata[user_id]": {"7"}, "metadata[app]": {"ledgerly"},
			"line_items[0][price_data][currency]": {"eur"}, "line_items[0][price_data][unit_amount]": {"900"}, "line_items[0][price_data][product_data][name]": {"Team"}, "line_items[0][quantity]": {"1"}}
		for i := 0; i < len(more); i += 2 {
			form.Set(more[i], more[i+1])
		}
		return p.call("POST", "/v1/checkout/sessions", form)["id"].(string)
	}
	plain := stripesim.CompleteOptions{}
	out := map[string]string{
		"a subscription":        pays(sells("subscription", map[string]any{"line_items": priced(900, true)}), plain),
		"a trial":               pays(sells("subscription", map[string]any{"line_items": priced(901, true), "subscription_data": map[string]any{"trial_period_days": 7}}), plain),
		"a payment":             pays(sells("payment", map[string]any{"line_items": priced(902, false)}), plain),
		"nothing to pay":        pays(sells("payment", map[string]any{"line_items": priced(0, false)}), plain),
		"a setup":               pays(sells("setup", map[string]any{"currency": "eur"}), plain),
		"on its way":            pays(sells("payment", map[string]any{"line_items": priced(903, false)}), stripesim.CompleteOptions{Delayed: true}),
		"open":                  sells("payment", map[string]any{"line_items": priced(904, false)}),
		"expired":               sells("payment", map[string]any{"line_items": priced(905, false)}),
		"a guest's":             pays(own(), plain),
		"a guest's, of nobody":  pays(own("metadata[user_id]", "", "metadata[company_id]", ""), plain),
		"a bare reference":      pays(own("metadata[user_id]", "", "metadata[company_id]", "", "client_reference_id", "11"), plain),
		"a company that is not": pays(own("metadata[company_id]", "11' OR 1=1 --", "metadata[user_id]", "9"), plain),
		"a payment link's":      "cs_live_link",
		"of another account":    "cs_live_elsewhere",
		"of another mode":       "cs_test_elsewhere",
		"of nobody":             "cs_live_nothing",
	}
	p.call("POST", "/v1/checkout/sessions/"+out["expired"]+"/expire", nil)
	for account, session := range map[string]string{
		simAccount: `{"id": "cs_live_link", "created": 1789999000, "status": "complete", "payment_status": "paid", "mode": "payment", "payment_link": "plink_1", "client_reference_id": "11",
			"customer_details": {"email": "bela@example.com"}, "metadata": {"app": "ledgerly"}}`,
		"acct_1Elsewhere": `{"id": "cs_live_elsewhere", "created": 1789999000, "status": "complete", "payment_status": "paid", "mode": "payment", "metadata": {"company_id": "11", "user_id": "7", "app": "ledgerly"}}`,
	} {
		if err := p.sim.LoadWorld(strings.NewReader(`{"stripe": {"account": {"id": "` + account + `", "livemode": true}, "checkout_sessions": [` + session + `]}}`)); err != nil {
			p.t.Fatal(err)
		}
	}
	return out
}

// TestWhateverIsAskedIsAnswered asks about every kind of session, for everybody, before
// and after everything changed under it: there is always an answer of a known status, the
// guard gives the same, and nobody is told of another tenant.
func TestWhateverIsAskedIsAnswered(t *testing.T) {
	t.Parallel()
	const valid, other, none, unknown, gone = gateway.Valid, gateway.OtherCompany, gateway.NoCompany, gateway.UnknownSession, gateway.CompanyGone
	usual := map[string][2]gateway.Status{ // to the buyer and colleagues, and to others
		"a subscription": {valid, other}, "a trial": {valid, other}, "a payment": {valid, other}, "nothing to pay": {valid, other}, "a setup": {valid, other},
		"on its way": {gateway.Processing, other}, "open": {gateway.NotPaid, other}, "expired": {gateway.Expired, other}, "a guest's": {valid, other},
		"a guest's, of nobody": {none, none}, "a bare reference": {valid, other}, "a company that is not": {other, valid}, "a payment link's": {none, none},
		"of another account": {unknown, unknown}, "of another mode": {gateway.WrongMode, gateway.WrongMode}, "of nobody": {unknown, unknown},
	}
	deleted, merged := all2(gone, other), all2(valid, valid)
	for _, kind := range []string{"on its way", "open", "expired"} {
		deleted[kind] = [2]gateway.Status{gone, other}
	}
	merged["on its way"] = [2]gateway.Status{gateway.Processing, gateway.Processing}
	merged["open"] = [2]gateway.Status{gateway.NotPaid, gateway.NotPaid}
	merged["expired"] = [2]gateway.Status{gateway.Expired, gateway.Expired}
	merged["a company that is not"] = [2]gateway.Status{valid, valid}
	// A reference alone, to a company that is not there, says nothing.
	deleted["a bare reference"], merged["a bare reference"] = [2]gateway.Status{none, none}, [2]gateway.Status{none, none}
	for name, change := range map[string]struct {
		do   func(p *premises)
		want map[string][2]gateway.Status // where it is not as usual
	}{
		"nothing": {do: func(*premises) {}},
		"the customer was deleted": {do: func(p *premises) {
			for _, id := range p.all("/v1/customers") {
				p.call("DELETE", "/v1/customers/"+id, nil)
			}
		}},
		"the buyer moved": {do: func(p *premises) {
			p.exec("UPDATE users SET company_id = 12 WHERE id = 7")
			p.exec("UPDATE memberships SET left_at = 1790000100 WHERE user_id = 7")
			p.exec("INSERT INTO memberships VALUES (7, 12, 1790000100, NULL)")
		}},
		"the company was merged":  {do: func(p *premises) { p.exec("UPDATE companies SET merged_into = 12 WHERE id = 11") }, want: merged},
		"the company was deleted": {do: func(p *premises) { p.exec("UPDATE companies SET deleted_at = 1790000100 WHERE id = 11") }, want: deleted},
		"everything is gone": {do: func(p *premises) {
			p.exec("DELETE FROM companies WHERE id = 11")
			p.exec("DELETE FROM memberships WHERE company_id = 11")
			p.exec("UPDATE users SET company_id = NULL WHERE company_id = 11")
			for _, id := range p.all("/v1/customers") {
				p.call("DELETE", "/v1/customers/"+id, nil)
			}
		}, want: deleted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := rent(t, setup{}, premisesOfTwo(), "")
			wares := p.wares(p.gateway())
			p.later(120)
			change.do(p)
			p.later(120)
			g, tenants := p.gateway(), tenantsOf(t, p.opt.Directory)
			for _, kind := range slices.Sorted(maps.Keys(wares)) {
				want, moved := usual[kind], name == "the buyer moved"
				if special, ok := change.want[kind]; ok {
					want = special
				}
				for _, user := range []string{"7", "8", "9", "", "404", "x' OR 'x'='x", "07", strings.Repeat("9", 300)} {
					if odd := !slices.Contains([]string{"7", "8", "9"}, user); odd && kind != "a payment" && kind != "of nobody" {
						continue
					}
					if user == "7" && moved && (kind == "a company that is not" || kind == "a bare reference") {
						continue // nothing says that they bought it
					}
					req := gateway.ValidationRequest{SessionID: wares[kind], UserID: user}
					v, err := g.ValidatePayment(t.Context(), req)
					if err != nil {
						t.Errorf("%s, for %.20q: %v", kind, user, err)
						continue
					}
					for _, leak := range tenants.leaks(user, wares[kind], v) {
						t.Errorf("%s, for %.20q: %s", kind, user, leak)
					}
					held, err := g.GuardSession(t.Context(), gateway.GuardRequest{UserID: user, ID: wares[kind]})
					if paid := slices.Contains([]gateway.Status{gateway.Processing, gateway.NotPaid, gateway.Expired}, v.Status); err != nil || held.Status != v.Status && !(paid && held.Status == valid) && user != "" {
						t.Errorf("%s, for %.20q: %s, and its guard says %s, %v", kind, user, v.Status, held.Status, err)
					}
					expected := want[0]
					switch user {
					case "7", "8":
					case "9":
						expected = want[1]
					default:
						if expected = gateway.NeedsSignIn; want[0] == unknown || want[0] == gateway.WrongMode {
							expected = want[0]
						}
					}
					if v.Status != expected && (user != "8" || expected != gone) {
						t.Errorf("%s, for %.20q: %s, want %s\n%s", kind, user, v.Status, expected, fmt.Sprint(v.OperatorMessage, codes(v.Findings)))
					}
				}
			}
		})
	}
}

// all2 are the two statuses of everything that company 11 bought and that is paid.
func all2(own, others gateway.Status) map[string][2]gateway.Status {
	out := map[string][2]gateway.Status{}
	for _, kind := range []string{"a subscription", "a trial", "a payment", "nothing to pay", "a setup", "a guest's"} {
		out[kind] = [2]gateway.Status{own, others}
	}
	return out
}
