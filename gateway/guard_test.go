package gateway_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/source/sqldirectory"
	"rightful/stripesim"
)

// TestGuards: which of the ids that a client may send a user may touch.
func TestGuards(t *testing.T) {
	t.Parallel()
	const (
		valid, other, gone, none, unknown, signIn = gateway.Valid, gateway.OtherCompany, gateway.CompanyGone, gateway.NoCompany, gateway.UnknownObject, gateway.NeedsSignIn
	)
	links := func(m *sqldirectory.Mapping, w *sqldirectory.WriteMapping) {
		*w = sqldirectory.WriteMapping{}
		m.Companies = "SELECT id, name, owner_id AS owner_user_id, deleted_at, merged_into, billing_parent_id FROM companies"
		m.Links = "SELECT company_id, stripe_customer_id FROM billing_links"
	}
	for _, tt := range []struct {
		name    string
		mapping func(*sqldirectory.Mapping, *sqldirectory.WriteMapping)
		rows    []string
		lists   string
		user    string // 7, of company 11, when empty; "-" for nobody
		id      string // cus_A when empty

		customer, portal gateway.Status
	}{
		{name: "linked", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A company_id=11 app=ledgerly"), customer: valid, portal: valid},
		{name: "linked, and says nothing", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A"), customer: valid, portal: valid},
		{name: "linked in the table", mapping: links, rows: []string{"INSERT INTO billing_links VALUES (11, 'cus_A')"}, lists: customers("cus_A company_id=11"), customer: valid, portal: valid},
		{name: "of another company", rows: []string{linking(12, "cus_A")}, lists: customers("cus_A company_id=12"), customer: other, portal: other},
		{name: "of another company that was deleted", rows: []string{linking(12, "cus_A"), "UPDATE companies SET deleted_at = 1 WHERE id = 12"}, lists: customers("cus_A company_id=12"), customer: other, portal: other},
		{name: "of another company without a row", lists: customers("cus_A company_id=99 app=ledgerly"), customer: other, portal: other},
		{name: "nobody is signed in", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A company_id=11"), user: "-", customer: signIn, portal: signIn},
		{name: "an unknown user", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A company_id=11"), user: "404", customer: signIn, portal: signIn},
		{name: "a user with an impossible id", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A company_id=11"), user: strings.Repeat("7", 300), customer: signIn, portal: signIn},
		{name: "unknown to Stripe", rows: []string{linking(11, "cus_A")}, customer: unknown, portal: unknown},
		{name: "deleted", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A deleted"), customer: unknown, portal: unknown},
		{name: "another application's", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A company_id=11 app=shop"), customer: unknown, portal: unknown},
		{name: "reached by nothing", lists: customers("cus_A company_id=11"), customer: unknown, portal: unknown},
		{name: "linked by nobody, and stamped", lists: customers("cus_A company_id=11 app=ledgerly"), customer: valid, portal: valid},
		{name: "an idle duplicate", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A company_id=11", "cus_B company_id=11 app=ledgerly"), id: "cus_B", customer: valid, portal: none},
		{name: "one of two that nobody links", lists: customers("cus_A company_id=11 app=ledgerly", "cus_B company_id=11 app=ledgerly"), customer: valid, portal: none},
		{name: "linked, and stamped with another", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A company_id=12"), customer: other, portal: other},
		{name: "stamped, and linked by another", rows: []string{linking(12, "cus_A")}, lists: customers("cus_A company_id=11"), customer: other, portal: other},
		{name: "linked, and made for a user of another", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A user_id=9"), customer: other, portal: other},
		{name: "linked, and its subscription is another's", rows: []string{linking(11, "cus_A"), "INSERT INTO subscriptions VALUES (1, 12, 'cus_A', 'sub_1', 'active')"},
			lists: customers("cus_A") + "," + active("sub_1", "cus_A", "company_id=12 user_id=9"), customer: other, portal: other},
		{name: "shared, and nothing says whose", rows: []string{linking(11, "cus_A"), linking(12, "cus_A")}, lists: customers("cus_A"), customer: other, portal: other},
		{name: "shared between companies of the user", rows: []string{linking(11, "cus_A"), linking(12, "cus_A"), "INSERT INTO memberships VALUES (7, 12, 1, NULL)"}, lists: customers("cus_A"), customer: valid, portal: valid},
		{name: "merged into the user's", rows: []string{linking(12, "cus_A"), "UPDATE companies SET merged_into = 11 WHERE id = 12"}, lists: customers("cus_A company_id=12"), customer: valid, portal: valid},
		{name: "the company was deleted", rows: []string{linking(11, "cus_A"), "UPDATE companies SET deleted_at = 1 WHERE id = 11"}, lists: customers("cus_A company_id=11"), customer: gone, portal: gone},
		{name: "the user has left", rows: []string{linking(11, "cus_A"), "UPDATE memberships SET left_at = 1789000000 WHERE user_id = 7", "UPDATE users SET company_id = 12 WHERE id = 7"}, lists: customers("cus_A company_id=11 user_id=7"), customer: other, portal: other},
		{name: "billed through another", rows: []string{linking(12, "cus_A"), "UPDATE companies SET billing_parent_id = 12 WHERE id = 11"}, lists: customers("cus_A company_id=12"), customer: other, portal: other},
		{name: "a placeholder", rows: []string{linking(11, "pending_11")}, id: "pending_11", customer: unknown, portal: unknown},
		{name: "no customer's id", id: "sub_1", customer: unknown, portal: unknown},
		{name: "an endless id", id: "cus_" + strings.Repeat("x", 4000), customer: unknown, portal: unknown},
		{name: "a path", id: "cus_A/../../v1/charges", customer: unknown, portal: unknown},
		{name: "nothing", id: "-", customer: unknown, portal: unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := rent(t, setup{mapping: tt.mapping, options: func(o *gateway.Options) { o.Placeholders = pending }}, append(premisesOfTwo(), tt.rows...), tt.lists)
			req := gateway.GuardRequest{UserID: tt.user, ID: tt.id}
			switch tt.user {
			case "":
				req.UserID = "7"
			case "-":
				req.UserID = ""
			}
			switch tt.id {
			case "":
				req.ID = "cus_A"
			case "-":
				req.ID = ""
			}
			for _, guard := range []struct {
				ask  func(*gateway.Gateway) (gateway.Guarded, error)
				want gateway.Status
			}{
				{func(g *gateway.Gateway) (gateway.Guarded, error) { return g.GuardCustomer(t.Context(), req) }, tt.customer},
				{func(g *gateway.Gateway) (gateway.Guarded, error) { return g.GuardPortal(t.Context(), req) }, tt.portal},
			} {
				got, err := guard.ask(p.gateway())
				if err != nil || got.Status != guard.want {
					t.Errorf("%+v, %v, want %s", got, err, guard.want)
				}
				refused := slices.Contains([]gateway.Status{unknown}, got.Status)
				if (got.Decision == gateway.Allow) == refused || (got.Enforced == gateway.Allow) != (got.Status == valid) {
					t.Errorf("decided %+v", got)
				}
				if told := p.told(gateway.DecidedGuard); len(told) != 1 || told[0].Status != got.Status || len(told[0].Object.ID) > 300 {
					t.Errorf("told %+v", told)
				}
			}
		})
	}
}

// requests counts what comes to Stripe.
func (p *premises) requests() int {
	return int(p.sim.Counts().Total)
}

// TestGuardsCostNothingForNobody: what cannot be an id, and who is not signed in, costs no
// request.
func TestGuardsCostNothingForNobody(t *testing.T) {
	t.Parallel()
	p := rent(t, setup{}, premisesOfTwo(), customers("cus_A company_id=11"))
	g := p.gateway()
	for _, req := range []gateway.GuardRequest{
		{UserID: "", ID: "cus_A"}, {UserID: "7", ID: ""}, {UserID: "7", ID: "search"}, {UserID: "7", ID: "cus_A\x00"}, {UserID: "7", ID: "cs_"}, {UserID: "7", ID: "cus_"}, {UserID: "7", ID: "cus_\u00e9"},
	} {
		for _, guard := range []func() (gateway.Guarded, error){
			func() (gateway.Guarded, error) { return g.GuardCustomer(t.Context(), req) },
			func() (gateway.Guarded, error) { return g.GuardPortal(t.Context(), req) },
			func() (gateway.Guarded, error) { return g.GuardSession(t.Context(), req) },
		} {
			if got, err := guard(); err != nil || got.Enforced != gateway.Refuse {
				t.Errorf("%+v: %+v, %v", req, got, err)
			}
		}
	}
	if n := p.requests(); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// TestGuardSession is the question whose a session is, whatever became of the money.
func TestGuardSession(t *testing.T) {
	t.Parallel()
	p := rent(t, setup{mapping: withoutHistory}, premisesOfTwo(), "")
	g := p.gateway()
	session := p.buys(g, "subscription")
	ask := func(user, id string, want gateway.Status) {
		t.Helper()
		got, err := g.GuardSession(t.Context(), gateway.GuardRequest{UserID: user, ID: id})
		if err != nil || got.Status != want {
			t.Errorf("user %s, %s: %+v, %v, want %s", user, id, got, err, want)
		}
	}
	ask("7", session, gateway.Valid)
	ask("8", session, gateway.Valid)
	ask("9", session, gateway.OtherCompany)
	ask("", session, gateway.NeedsSignIn)
	ask("404", session, gateway.NeedsSignIn)
	ask("7", "cs_live_nothing", gateway.UnknownSession)
	ask("7", "cs_test_nothing", gateway.WrongMode)
	ask("7", "cus_A", gateway.UnknownSession)
	p.exec("UPDATE users SET company_id = 12 WHERE id = 7")
	ask("7", session, gateway.Valid) // our own record says for whom it was made
	p.opt.Intents = noIntents{}
	g = p.gateway()
	ask("7", session, gateway.OtherCompany)
	v, err := g.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: session, UserID: "7"})
	if err != nil || v.Status != gateway.NotPaid || v.CompanyID != nil {
		t.Errorf("without a record: %v\n%s", err, text(v))
	}
}

// TestFaultsAreErrors: a place that cannot be read is an error of its kind, and never an
// answer; what was broken off is answered afterwards.
func TestFaultsAreErrors(t *testing.T) {
	t.Parallel()
	asks := map[string]func(p *premises, g *gateway.Gateway, session, user string) error{
		"validate": func(p *premises, g *gateway.Gateway, session, user string) error {
			_, err := g.ValidatePayment(p.t.Context(), gateway.ValidationRequest{SessionID: session, UserID: user})
			return err
		},
		"session": func(p *premises, g *gateway.Gateway, session, user string) error {
			_, err := g.GuardSession(p.t.Context(), gateway.GuardRequest{UserID: user, ID: session})
			return err
		},
		"customer": func(p *premises, g *gateway.Gateway, _, user string) error {
			_, err := g.GuardCustomer(p.t.Context(), gateway.GuardRequest{UserID: user, ID: "cus_A"})
			return err
		},
		"portal": func(p *premises, g *gateway.Gateway, _, user string) error {
			_, err := g.GuardPortal(p.t.Context(), gateway.GuardRequest{UserID: user, ID: "cus_A"})
			return err
		},
	}
	always := func(r stripesim.FaultRule) stripesim.FaultRule {
		r.Times = -1
		return r
	}
	for name, ask := range asks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := rent(t, setup{}, append(premisesOfTwo(), linking(11, "cus_A")), customers("cus_A company_id=11 app=ledgerly"))
			g := p.gateway()
			session := p.buys(g, "subscription")
			for what, tt := range map[string]struct {
				fault stripesim.FaultRule
				user  string
				kind  rightful.ErrorKind // empty: there is an answer
			}{
				"everything fails":                         {stripesim.FaultRule{Status: 500}, "7", "unavailable"},
				"the key was revoked":                      {stripesim.FaultRule{Status: 401}, "7", "unauthorized"},
				"the key may not":                          {stripesim.FaultRule{Status: 403}, "7", "forbidden"},
				"the connection breaks":                    {stripesim.FaultRule{Then: stripesim.FaultDrop}, "7", "unreachable"},
				"lists fail, and none is needed":           {stripesim.FaultRule{Operation: "subscriptions.list", Status: 500}, "7", ""},
				"lists fail, and somebody is refused":      {stripesim.FaultRule{Operation: "subscriptions.list", Status: 500}, "9", ""},
				"searching fails, and nothing rests on it": {stripesim.FaultRule{Operation: "customers.search", Status: 500}, "9", ""},
			} {
				p.fault(always(tt.fault))
				err := ask(p, g, session, tt.user)
				switch {
				case tt.kind == "" && err != nil:
					t.Errorf("%s: %v", what, err)
				case tt.kind != "":
					wantKind(t, err, tt.kind, "")
				}
				p.sim.ClearFaults()
				if err := ask(p, g, session, tt.user); err != nil {
					t.Errorf("after %s: %v", what, err)
				}
			}
			// Nothing carries whose it is by itself: what could not be read may.
			for _, path := range []string{"/v1/checkout/sessions/" + session, "/v1/customers/cus_A"} {
				p.call("POST", path, url.Values{"metadata[company_id]": {""}, "metadata[user_id]": {""}})
			}
			p.exec("UPDATE companies SET stripe_customer_id = NULL")
			p.fault(always(stripesim.FaultRule{Operation: "subscriptions.list", Status: 500}))
			wantKind(t, ask(p, g, session, "7"), "unavailable", "could not be read in full")
			p.sim.ClearFaults()
			if err := ask(p, g, session, "7"); err != nil {
				t.Error(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := g.ValidatePayment(ctx, gateway.ValidationRequest{SessionID: session, UserID: "7"}); !errors.Is(err, context.Canceled) {
				t.Errorf("called off: %v", err)
			}
			if told := p.told(gateway.DecidedPayment); len(told) == 0 || told[len(told)-1].Error != "called_off" {
				t.Errorf("told %+v", told)
			}
			late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
			defer cancel()
			if _, err := g.ValidatePayment(late, gateway.ValidationRequest{SessionID: session, UserID: "7"}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("too late: %v", err)
			}
			if told := p.told(gateway.DecidedPayment); len(told) == 0 || told[len(told)-1].Error != "timed_out" {
				t.Errorf("told %+v", told)
			}
			p.opt.Directory.(*sqldirectory.Directory).Close()
			if err := ask(p, g, session, "7"); rightful.KindOf(err) != rightful.KindUnreachable && rightful.KindOf(err) != rightful.KindUnavailable {
				t.Errorf("without a database: %v (kind %q)", err, rightful.KindOf(err))
			}
		})
	}
}
