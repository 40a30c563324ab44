package gateway_test

import (
	"slices"
	"strings"
	"testing"

	"rightful"
	"rightful/gateway"
	"rightful/internal/source/sqldirectory"
	"rightful/stripesim"
)

// withoutHistory maps no memberships: only the column of the user says where they belong.
func withoutHistory(m *sqldirectory.Mapping, _ *sqldirectory.WriteMapping) { m.Memberships = "" }

// premisesOfTwo are two companies with a user each, who bought nothing yet.
func premisesOfTwo() []string {
	return []string{
		"INSERT INTO companies (id, name, owner_id) VALUES (11, 'S3bela', 70), (12, 'Norte', 9)",
		"INSERT INTO users VALUES (7, 'bela@example.com', 11), (8, 'caro@example.com', 11), (9, 'dora@example.com', 12)",
		"INSERT INTO memberships VALUES (7, 11, 1, NULL), (8, 11, 1, NULL), (9, 12, 1, NULL)",
	}
}

// buys makes a session through the gateway, as user 7, and returns its id.
func (p *premises) buys(g *gateway.Gateway, mode string) string {
	p.t.Helper()
	price := map[string]any{"currency": "eur", "unit_amount": 900, "product_data": map[string]any{"name": "Team"}}
	if mode == "subscription" {
		price["recurring"] = map[string]any{"interval": "month"}
	}
	s, err := g.CreateCheckoutSession(p.t.Context(), gateway.CheckoutRequest{
		UserID: "7", Mode: mode, SuccessURL: "https://shop.example.com/return?session_id={CHECKOUT_SESSION_ID}",
		StripeParams: map[string]any{"line_items": []any{map[string]any{"quantity": 1, "price_data": price}}},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return s.ID
}

// TestBetweenCheckoutAndReturn changes whose everything is while the buyer is away, and
// asks on their return.
func TestBetweenCheckoutAndReturn(t *testing.T) {
	t.Parallel()
	type asked struct {
		user    string
		status  gateway.Status
		company string
		codes   string // of the findings shown to the user that are more than information
	}
	for _, tt := range []struct {
		name    string
		mapping func(*sqldirectory.Mapping, *sqldirectory.WriteMapping)
		between []string // statements, before anything is paid
		unpaid  bool
		delayed bool     // the money takes days
		after   []string // statements, after it was paid
		do      func(p *premises, session string)
		asked   []asked
	}{
		{name: "nothing", asked: []asked{{"7", gateway.Valid, "11", ""}, {"8", gateway.Valid, "11", ""}, {"9", gateway.OtherCompany, "", ""}, {"", gateway.NeedsSignIn, "", ""}, {"404", gateway.NeedsSignIn, "", ""}, {"x'; --", gateway.NeedsSignIn, "", ""}}},
		{name: "not paid", unpaid: true, asked: []asked{{"7", gateway.NotPaid, "11", ""}, {"8", gateway.NotPaid, "11", ""}, {"9", gateway.OtherCompany, "", ""}, {"", gateway.NeedsSignIn, "", ""}}},
		{name: "expired", unpaid: true, do: func(p *premises, s string) { p.call("POST", "/v1/checkout/sessions/"+s+"/expire", nil) },
			asked: []asked{{"7", gateway.Expired, "11", ""}, {"9", gateway.OtherCompany, "", ""}}},
		{name: "paid by a delayed method", delayed: true, asked: []asked{{"7", gateway.Processing, "11", ""}, {"9", gateway.OtherCompany, "", ""}}},
		{name: "switched, with history", between: []string{"UPDATE users SET company_id = 12 WHERE id = 7", "UPDATE memberships SET left_at = 1790000100 WHERE user_id = 7", "INSERT INTO memberships VALUES (7, 12, 1790000100, NULL)"},
			asked: []asked{{"7", gateway.Valid, "11", ""}, {"8", gateway.Valid, "11", ""}, {"9", gateway.OtherCompany, "", ""}}},
		{name: "switched, without history", mapping: withoutHistory, between: []string{"UPDATE users SET company_id = 12 WHERE id = 7"},
			asked: []asked{{"7", gateway.Valid, "11", ""}, {"8", gateway.Valid, "11", ""}, {"9", gateway.OtherCompany, "", ""}}},
		{name: "switched after it was paid, without history", mapping: withoutHistory, after: []string{"UPDATE users SET company_id = 12 WHERE id = 7"},
			asked: []asked{{"7", gateway.Valid, "11", ""}, {"9", gateway.OtherCompany, "", ""}}},
		{name: "a member of both, and switched", between: []string{"INSERT INTO memberships VALUES (7, 12, 1, NULL)", "UPDATE users SET company_id = 12 WHERE id = 7"},
			asked: []asked{{"7", gateway.Valid, "11", ""}, {"9", gateway.OtherCompany, "", ""}}},
		{name: "left", after: []string{"UPDATE memberships SET left_at = 1790000100 WHERE user_id = 7", "UPDATE users SET company_id = NULL WHERE id = 7"},
			asked: []asked{{"7", gateway.Valid, "11", ""}, {"8", gateway.Valid, "11", ""}}},
		{name: "a colleague left, who did not buy", after: []string{"UPDATE memberships SET left_at = 1790000100 WHERE user_id = 8", "UPDATE users SET company_id = NULL WHERE id = 8"},
			asked: []asked{{"8", gateway.OtherCompany, "", ""}}},
		{name: "the user was removed", after: []string{"DELETE FROM memberships WHERE user_id = 7", "DELETE FROM users WHERE id = 7"},
			asked: []asked{{"7", gateway.NeedsSignIn, "", ""}, {"8", gateway.Valid, "11", ""}, {"9", gateway.OtherCompany, "", ""}}},
		{name: "a user was invited", after: []string{"INSERT INTO users VALUES (10, 'eva@example.com', 11)", "INSERT INTO memberships VALUES (10, 11, 1790000200, NULL)"},
			asked: []asked{{"10", gateway.Valid, "11", ""}, {"7", gateway.Valid, "11", ""}}},
		{name: "merged, and the members moved", between: []string{"UPDATE companies SET merged_into = 12 WHERE id = 11", "UPDATE users SET company_id = 12", "UPDATE memberships SET left_at = 1790000100 WHERE company_id = 11", "INSERT INTO memberships VALUES (7, 12, 1790000100, NULL)"},
			asked: []asked{{"7", gateway.Valid, "12", "RF102"}, {"9", gateway.Valid, "12", "RF102"}}},
		{name: "merged, and the members were forgotten", after: []string{"UPDATE companies SET merged_into = 12 WHERE id = 11"},
			asked: []asked{{"7", gateway.Valid, "12", "RF102"}, {"8", gateway.Valid, "12", "RF102"}, {"9", gateway.Valid, "12", "RF102"}}},
		{name: "deleted", after: []string{"UPDATE companies SET deleted_at = 1790000100 WHERE id = 11"},
			asked: []asked{{"7", gateway.CompanyGone, "", ""}, {"8", gateway.CompanyGone, "", ""}, {"9", gateway.OtherCompany, "", ""}}},
		{name: "deleted before it was paid, and the buyer moved", between: []string{"UPDATE companies SET deleted_at = 1790000100 WHERE id = 11", "UPDATE users SET company_id = 12 WHERE id = 7", "UPDATE memberships SET left_at = 1790000100 WHERE user_id = 7", "INSERT INTO memberships VALUES (7, 12, 1790000100, NULL)"},
			asked: []asked{{"7", gateway.CompanyGone, "", ""}, {"9", gateway.OtherCompany, "", ""}}},
		{name: "deleted without a trace", after: []string{"DELETE FROM companies WHERE id = 11", "DELETE FROM memberships WHERE company_id = 11", "UPDATE users SET company_id = NULL WHERE company_id = 11"},
			asked: []asked{{"7", gateway.CompanyGone, "", ""}, {"8", gateway.OtherCompany, "", ""}, {"9", gateway.OtherCompany, "", ""}}},
		{name: "no company any more, and somebody else's payment", after: []string{"UPDATE users SET company_id = NULL WHERE id = 9", "DELETE FROM memberships WHERE user_id = 9", "UPDATE companies SET owner_id = NULL"},
			asked: []asked{{"9", gateway.OtherCompany, "", ""}}},
		{name: "the link was cleared", after: []string{"UPDATE companies SET stripe_customer_id = NULL"}, asked: []asked{{"7", gateway.Valid, "11", ""}, {"9", gateway.OtherCompany, "", ""}}},
		{name: "the stamps were overwritten with nobody", do: restamp("4"), asked: []asked{{"7", gateway.Valid, "11", "RF101"}, {"8", gateway.Valid, "11", "RF101"}, {"9", gateway.OtherCompany, "", ""}}},
		{name: "the stamps were removed", do: restamp(""), asked: []asked{{"7", gateway.Valid, "11", "RF105 RF109"}, {"9", gateway.OtherCompany, "", ""}}},
	} {
		for _, engine := range []string{"sqlite", "postgres"} {
			t.Run(tt.name+", "+engine, func(t *testing.T) {
				t.Parallel()
				p := rent(t, setup{engine: engine, mapping: tt.mapping}, premisesOfTwo(), "")
				g := p.gateway()
				mode := "subscription"
				if tt.delayed {
					mode = "payment"
				}
				session := p.buys(g, mode)
				for _, s := range tt.between {
					p.exec(s)
				}
				p.later(120)
				if !tt.unpaid {
					pays := stripesim.CompleteOptions{Email: "bela@example.com", Delayed: tt.delayed}
					if err := p.sim.CompleteCheckout(simAccount, session, pays); err != nil {
						t.Fatal(err)
					}
				}
				for _, s := range tt.after {
					p.exec(s)
				}
				if tt.do != nil {
					tt.do(p, session)
				}
				p.later(120)
				p.told("")
				for _, a := range tt.asked {
					v, err := p.gateway().ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: session, UserID: a.user})
					if err != nil {
						t.Fatal(err)
					}
					company := ""
					if v.CompanyID != nil {
						company = *v.CompanyID
					}
					if v.Status != a.status || company != a.company || codes(v.Findings) != a.codes {
						t.Errorf("user %q: %s for company %q, with %q, want %s, %q, %q\n%s", a.user, v.Status, company, codes(v.Findings), a.status, a.company, a.codes, text(v))
					}
					if v.Findings == nil || v.BuyerMessage == "" || v.OperatorMessage == "" {
						t.Errorf("user %q: something is left out: %s", a.user, text(v))
					}
					if told := p.told(gateway.DecidedPayment); len(told) != 1 || told[0].Status != v.Status || told[0].SessionID != session || told[0].Decision != v.Decision || told[0].Enforced != v.Enforced {
						t.Errorf("user %q: told %+v", a.user, told)
					}
				}
			})
		}
	}
}

// codes are those of findings that are more than information.
func codes(all []rightful.Finding) string {
	var out []string
	for _, f := range all {
		if f.Severity != rightful.SeverityInfo && !slices.Contains(out, string(f.Code)) {
			out = append(out, string(f.Code))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// restamp overwrites every stamp in Stripe, as a stray script does.
func restamp(company string) func(*premises, string) {
	return func(p *premises, session string) {
		form := map[string][]string{"metadata[company_id]": {company}}
		p.call("POST", "/v1/checkout/sessions/"+session, form)
		for _, list := range []string{"/v1/customers", "/v1/subscriptions"} {
			for _, id := range p.all(list) {
				p.call("POST", list+"/"+id, form)
			}
		}
	}
}
