package gateway_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"rightful"
	"rightful/gateway"
	"rightful/internal/source/sqldirectory"
	"rightful/stripesim"
)

// visiting is a request that works.
func visiting() gateway.PortalRequest {
	return gateway.PortalRequest{UserID: "7", ReturnURL: "https://app.example.com/billing"}
}

// lockedOut is an app that has deactivated user 7.
var lockedOut = setup{mapping: func(m *sqldirectory.Mapping, _ *sqldirectory.WriteMapping) {
	m.Users = "SELECT id, email, company_id, CASE WHEN id = 7 THEN 0 ELSE 1 END AS is_active FROM users"
}}

// TestThePortalOfTheUsersCompany: the customer is the one that the company would be
// charged through, and none is made.
func TestThePortalOfTheUsersCompany(t *testing.T) {
	t.Parallel()
	two := "cus_A company_id=11"
	const paysForUs = "UPDATE companies SET billing_parent_id = 12 WHERE id = 11"
	for _, tt := range []struct {
		name     string
		how      setup
		rows     []string
		lists    string
		before   func(p *premises)
		change   func(r *gateway.PortalRequest)
		customer string
		status   gateway.Status
		code     string
		kind     rightful.ErrorKind
	}{
		{name: "linked", rows: []string{linking(11, "cus_A")}, lists: customers(two), customer: "cus_A"},
		{name: "as expected", rows: []string{linking(11, "cus_A")}, lists: customers(two), change: func(r *gateway.PortalRequest) { r.CompanyID = "11" }, customer: "cus_A"},
		{name: "expected otherwise", rows: []string{linking(11, "cus_A")}, lists: customers(two), change: func(r *gateway.PortalRequest) { r.CompanyID = "12" }, status: gateway.OtherCompany},
		{name: "none yet", status: gateway.NoCustomer},
		{name: "a placeholder", rows: []string{linking(11, "pending_11")}, how: setup{options: func(o *gateway.Options) { o.Placeholders = pending }}, status: gateway.NoCustomer},
		{name: "promised, and not made", before: func(p *premises) { p.promise(60, "") }, status: gateway.NoCustomer},
		{name: "made, and not linked", lists: customers(two), before: func(p *premises) { p.promise(60, "cus_A") }, customer: "cus_A"},
		{name: "made, and deleted since", lists: customers("cus_A deleted"), before: func(p *premises) { p.promise(60, "cus_A") }, status: gateway.NoCustomer},
		{name: "named by a row", rows: []string{"INSERT INTO subscriptions VALUES (1, 11, 'cus_A', 'sub_1', 'active')"}, lists: customers("cus_A company_id=11 user_id=7 app=ledgerly") + "," + active("sub_1", "cus_A", "company_id=11 user_id=7"), customer: "cus_A"},
		{name: "without a stamp", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A"), customer: "cus_A"},
		{name: "stamped with another company", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A company_id=12"), status: gateway.CustomerRefused, code: "RF104"},
		{name: "linked by another company too", rows: []string{linking(11, "cus_A"), linking(12, "cus_A")}, lists: customers(two), status: gateway.CustomerRefused, code: "RF204"},
		{name: "another application's", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A company_id=11 app=shop"), status: gateway.CustomerRefused, code: "RF903"},
		{name: "deleted", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A deleted"), status: gateway.CustomerRefused, code: "RF301"},
		{name: "deleted, and followed by one that is not linked", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A deleted", "cus_B company_id=11"), before: func(p *premises) { p.promise(60, "cus_B") }, customer: "cus_B"},
		{name: "unknown", rows: []string{linking(11, "cus_A")}, status: gateway.CustomerRefused, code: "RF302"},
		{name: "several", rows: []string{linking(11, "cus_A"), "INSERT INTO billing_links VALUES (11, 'cus_B')"}, how: setup{mapping: func(m *sqldirectory.Mapping, _ *sqldirectory.WriteMapping) {
			m.Links = "SELECT company_id, stripe_customer_id FROM billing_links"
		}}, lists: customers(two, "cus_B company_id=11"), status: gateway.CustomerRefused, code: "RF110"},
		{name: "paid for by another company", rows: []string{paysForUs, linking(12, "cus_B")}, lists: customers("cus_B company_id=12"), status: gateway.NoCustomer},
		{name: "paid for by another company of the user's", rows: []string{paysForUs, linking(12, "cus_B"), "INSERT INTO memberships VALUES (7, 12, 1, NULL)"}, lists: customers("cus_B company_id=12"), customer: "cus_B"},
		{name: "no company", rows: []string{"UPDATE users SET company_id = NULL"}, status: gateway.NoCompany},
		{name: "a company that is gone", rows: []string{"UPDATE companies SET deleted_at = 1 WHERE id = 11"}, status: gateway.CompanyGone},
		{name: "locked out", how: lockedOut, rows: []string{linking(11, "cus_A")}, lists: customers(two), status: gateway.NeedsSignIn},
		{name: "nobody", change: func(r *gateway.PortalRequest) { r.UserID = "99" }, kind: rightful.KindNotFound},
		{name: "nobody is signed in", change: func(r *gateway.PortalRequest) { r.UserID = "" }, kind: rightful.KindInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := rent(t, tt.how, append([]string{company11, company12, user7}, tt.rows...), tt.lists)
			if tt.before != nil {
				tt.before(p)
			}
			r := visiting()
			if tt.change != nil {
				tt.change(&r)
			}
			links := p.link(11)
			made := len(p.all("/v1/customers"))
			portal, err := p.gateway().CreatePortalSession(t.Context(), r)
			sessions := p.sim.Counts().Operations["billing_portal_sessions.create"]
			told := p.told(gateway.DecidedPortal)
			if tt.customer != "" {
				if err != nil || portal.CompanyID != "11" || portal.StripeCustomerID != tt.customer || !strings.HasPrefix(portal.URL, p.url+"/p/session/") || sessions != 1 {
					t.Fatalf("%+v %v, want one for %s", portal, err, tt.customer)
				}
				if len(told) != 1 || told[0].UserID != "7" || told[0].CompanyID != "11" || told[0].StripeCustomerID != tt.customer || told[0].Object.ID != portal.ID || !told[0].Created || strings.Contains(told[0].Object.ID, "http") {
					t.Errorf("told %+v", told)
				}
			} else {
				refused, _ := errors.AsType[*gateway.Refusal](err)
				switch {
				case tt.kind != "":
					wantKind(t, err, tt.kind, "")
				case refused == nil || refused.Status != tt.status || string(refused.Code) != tt.code || refused.BuyerMessage == "" || strings.ContainsAny(refused.BuyerMessage, "0123456789"):
					t.Errorf("%+v %v, want the refusal %s %s", portal, err, tt.status, tt.code)
				case refused.Status == gateway.CustomerRefused && (strings.Contains(refused.BuyerMessage, "pay") || strings.Contains(refused.BuyerMessage, "charged")):
					t.Errorf("who wants to see invoices is told %q", refused.BuyerMessage)
				}
				if portal != (gateway.Portal{}) || sessions != 0 || len(told) != 1 || told[0].Error == "" {
					t.Errorf("%+v, %d sessions, told %+v", portal, sessions, told)
				}
			}
			if after := len(p.all("/v1/customers")); after != made || p.link(11) != links {
				t.Errorf("%d customers, then %d; linked %s, then %s", made, after, links, p.link(11))
			}
		})
	}
}

// TestWhatAPortalIsGiven: an address to go back to, and a configuration that is there.
func TestWhatAPortalIsGiven(t *testing.T) {
	t.Parallel()
	p := rent(t, setup{}, []string{company11, company12, user7, linking(11, "cus_A")}, customers("cus_A company_id=11"))
	g := p.gateway()
	for _, tt := range []struct {
		place  string
		change func(r *gateway.PortalRequest)
	}{
		{"return_url", func(r *gateway.PortalRequest) { r.ReturnURL = "" }},
		{"return_url", func(r *gateway.PortalRequest) { r.ReturnURL = "javascript:alert(1)" }},
		{"return_url", func(r *gateway.PortalRequest) { r.ReturnURL = "/billing" }},
		{"return_url", func(r *gateway.PortalRequest) { r.ReturnURL = "https://app.example.com@evil.example.com" }},
		{"configuration", func(r *gateway.PortalRequest) { r.Configuration = "bpc_\n" }},
		{"configuration", func(r *gateway.PortalRequest) { r.Configuration = strings.Repeat("b", 201) }},
		{"company_id", func(r *gateway.PortalRequest) { r.CompanyID = "\x00" }},
		{"user_id", func(r *gateway.PortalRequest) { r.UserID = "" }},
	} {
		r := visiting()
		tt.change(&r)
		_, err := g.CreatePortalSession(t.Context(), r)
		if wrong, ok := errors.AsType[*rightful.Error](err); !ok || wrong.Kind != rightful.KindInvalid || wrong.Place != tt.place {
			t.Errorf("%+v: %v, want an invalid %s", r, err, tt.place)
		}
	}
	r := visiting()
	r.Configuration = "bpc_own"
	portal, err := g.CreatePortalSession(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	another, err := g.CreatePortalSession(t.Context(), r)
	if err != nil || another.ID == portal.ID {
		t.Errorf("%+v, then %+v %v", portal, another, err)
	}
	p.fault(stripesim.FaultRule{Operation: "billing_portal_sessions.create", Then: stripesim.FaultDrop, Times: -1})
	_, err = g.CreatePortalSession(t.Context(), visiting())
	wantKind(t, err, rightful.KindUncertain, "")
	p.sim.ClearFaults()
	p.opt.Stripe = &meddling{Stripe: p.opt.Stripe, before: map[string]func(){"portal": func() { p.call(http.MethodDelete, "/v1/customers/cus_A", nil) }}}
	_, err = p.gateway().CreatePortalSession(t.Context(), visiting())
	wantKind(t, err, rightful.KindUnavailable, "cus_A")
}
