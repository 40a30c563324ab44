package gateway_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"rightful"
	"rightful/gateway"
	"rightful/stripesim"
)

// TestTheFoundingIncidentIsAnswered: the session that answered 500 is valid, for the
// user's own company, and the stale stamps are told.
func TestTheFoundingIncidentIsAnswered(t *testing.T) {
	t.Parallel()
	e := world(t, "../internal/demo/founding-incident.json")
	g := over(t, e)
	v, err := g.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: "cs_live_a1belaPaid00001", UserID: "7"})
	if err != nil {
		t.Fatal(err)
	}
	if v.Status != gateway.Valid || v.Decision != gateway.Allow || v.CompanyID == nil || *v.CompanyID != "11" {
		t.Errorf("%s", text(v))
	}
	if !slices.ContainsFunc(v.Findings, func(f rightful.Finding) bool {
		return f.Code == rightful.CodeStampMissing && f.Object.ID == "cs_live_a1belaPaid00001"
	}) {
		t.Errorf("the stale stamp is not told: %s", text(v))
	}
	if !strings.Contains(v.OperatorMessage, "RF101") || strings.Contains(text(v), `"4"`) {
		t.Errorf("%s", text(v))
	}
	v, err = g.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: "cs_live_a1belaPaid00001", UserID: "7", Operator: true})
	if err != nil || !strings.Contains(text(v), `"wrong_value": "4"`) {
		t.Errorf("an operator is told %v\n%s", err, text(v))
	}
}

// TestWhatIsNoSessionOfOurs: nothing that a return page may be sent is an error.
func TestWhatIsNoSessionOfOurs(t *testing.T) {
	t.Parallel()
	theirs := `"checkout_sessions": [
		{"id": "cs_live_theirs", "created": 1789999000, "status": "complete", "payment_status": "paid", "mode": "payment", "customer": "cus_T", "metadata": {"company_id": "11", "user_id": "7", "app": "shop"}},
		{"id": "cs_live_reached", "created": 1789999000, "status": "complete", "payment_status": "paid", "mode": "payment", "customer": "cus_U", "metadata": {"company_id": "11", "user_id": "7"}},
		{"id": "cs_live_guest", "created": 1789999000, "status": "complete", "payment_status": "paid", "mode": "payment", "metadata": {"company_id": "11", "user_id": "7", "app": "ledgerly"}},
		{"id": "cs_live_bare", "created": 1789999000, "status": "complete", "payment_status": "paid", "mode": "payment", "customer": "cus_O", "metadata": {"app": "ledgerly"}}]`
	p := rent(t, setup{}, premisesOfTwo(), customers("cus_T app=shop", "cus_U", "cus_O app=ledgerly")+","+theirs)
	g := p.gateway()
	for _, tt := range []struct {
		id   string
		user string
		want gateway.Status
		free bool // no request is made to Stripe
	}{
		{"", "7", gateway.UnknownSession, true},
		{"{CHECKOUT_SESSION_ID}", "7", gateway.UnknownSession, true},
		{"cs_", "7", gateway.UnknownSession, true},
		{"cs_live_" + strings.Repeat("a", 250), "7", gateway.UnknownSession, true},
		{"cs_live_../../customers", "7", gateway.UnknownSession, true},
		{"cs_live_a?expand[]=customer", "7", gateway.UnknownSession, true},
		{"cs_live_a\x00", "7", gateway.UnknownSession, true},
		{"pi_1", "7", gateway.UnknownSession, true},
		{"bela@example.com", "7", gateway.UnknownSession, true},
		{"cs_test_a1", "7", gateway.WrongMode, true},
		{"cs_live_nothing", "7", gateway.UnknownSession, false},
		{"cs_live_nothing", "", gateway.UnknownSession, false},
		{"cs_live_theirs", "7", gateway.UnknownSession, false},
		{"cs_live_theirs", "", gateway.UnknownSession, false},
		{"cs_live_reached", "7", gateway.UnknownSession, false},
		{"cs_live_guest", "7", gateway.Valid, false},
		{"cs_live_guest", "9", gateway.OtherCompany, false},
		{"cs_live_guest", "", gateway.NeedsSignIn, false},
		{"cs_live_bare", "7", gateway.NoCompany, false},
	} {
		if _, err := g.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: "cs_live_nothing"}); err != nil { // the account is known
			t.Fatal(err)
		}
		before := p.requests()
		v, err := g.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: tt.id, UserID: tt.user})
		if err != nil || v.Status != tt.want {
			t.Errorf("%.40q for %q: %v, want %s\n%s", tt.id, tt.user, err, tt.want, text(v))
		}
		if n := p.requests() - before; tt.free != (n == 0) {
			t.Errorf("%.40q for %q: %d requests", tt.id, tt.user, n)
		}
		if len(v.OperatorMessage) > 1000 {
			t.Errorf("%.40q: a message of %d bytes", tt.id, len(v.OperatorMessage))
		}
		if v.Decision != gateway.Refuse && !slices.Contains([]gateway.Status{gateway.Valid, gateway.OtherCompany, gateway.NoCompany, gateway.NeedsSignIn}, v.Status) {
			t.Errorf("%.40q: %s is let pass", tt.id, v.Status)
		}
	}
}

// TestWhatBecomesOfARefusal is every status in every mode.
func TestWhatBecomesOfARefusal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		mode  gateway.Mode
		rules map[gateway.Status]gateway.Mode
		pass  []gateway.Status // refusals that are let pass
	}{
		{"as it comes", "", nil, []gateway.Status{gateway.OtherCompany, gateway.CompanyGone, gateway.NoCompany, gateway.NeedsSignIn}},
		{"observing", gateway.Observe, nil, []gateway.Status{gateway.OtherCompany, gateway.CompanyGone, gateway.NoCompany, gateway.NeedsSignIn}},
		{"enforcing", gateway.Enforce, nil, nil},
		{"one rule enforced", gateway.Observe, map[gateway.Status]gateway.Mode{gateway.OtherCompany: gateway.Enforce}, []gateway.Status{gateway.CompanyGone, gateway.NoCompany, gateway.NeedsSignIn}},
		{"one rule observed", gateway.Enforce, map[gateway.Status]gateway.Mode{gateway.NoCompany: gateway.Observe}, []gateway.Status{gateway.NoCompany}},
	} {
		g := over(t, world(t, "../internal/demo/founding-incident.json"), func(o *gateway.Options) { o.Mode, o.Rules = tt.mode, tt.rules })
		for _, status := range []gateway.Status{
			gateway.Valid, gateway.Processing, gateway.NotPaid, gateway.Expired, gateway.OtherCompany, gateway.CompanyGone, gateway.NoCompany,
			gateway.UnknownSession, gateway.UnknownObject, gateway.WrongMode, gateway.NeedsSignIn,
		} {
			want, enforced := gateway.Refuse, gateway.Refuse
			if status == gateway.Valid {
				want, enforced = gateway.Allow, gateway.Allow
			}
			if slices.Contains(tt.pass, status) {
				want = gateway.Allow
			}
			if d, e := g.Ruling(status); d != want || e != enforced {
				t.Errorf("%s: %s is %s, enforced %s", tt.name, status, d, e)
			}
		}
	}
}

// TestOthersLookTheSame: what somebody is told who is not of the company does not depend
// on whether there is such a company, or what became of it or of the money.
func TestOthersLookTheSame(t *testing.T) {
	t.Parallel()
	p := rent(t, setup{}, premisesOfTwo(), "")
	g := p.gateway()
	session := p.buys(g, "subscription")
	tell := func() (gateway.Validation, string) {
		v, err := g.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: session, UserID: "9"})
		if err != nil {
			t.Fatal(err)
		}
		return v, text(v)
	}
	first, want := tell()
	if first.Status != gateway.OtherCompany || first.CompanyID != nil || len(first.Findings) != 0 {
		t.Errorf("%s", want)
	}
	if err := p.sim.CompleteCheckout(simAccount, session, stripesim.CompleteOptions{Email: "bela@example.com"}); err != nil {
		t.Fatal(err)
	}
	for _, change := range []string{
		"UPDATE users SET email = 'x@example.com' WHERE id = 7",
		"UPDATE companies SET stripe_customer_id = NULL WHERE id = 11",
		"UPDATE companies SET deleted_at = 1790000001 WHERE id = 11",
		"DELETE FROM companies WHERE id = 11",
	} {
		p.exec(change)
		if _, got := tell(); got != want {
			t.Errorf("after %s: %s\nbefore: %s", change, got, want)
		}
	}
}

// TestASessionIsReused: two users of a company, and one of another, ask about the same
// session, and it is asked about again and again.
func TestASessionIsReused(t *testing.T) {
	t.Parallel()
	p := rent(t, setup{}, premisesOfTwo(), "")
	session := p.buys(p.gateway(), "subscription")
	if again := p.buys(p.gateway(), "subscription"); again != session {
		t.Errorf("the open session was not reused: %s and %s", session, again)
	}
	if err := p.sim.CompleteCheckout(simAccount, session, stripesim.CompleteOptions{Email: "bela@example.com"}); err != nil {
		t.Fatal(err)
	}
	next := p.buys(p.gateway(), "subscription")
	if next == session {
		t.Fatal("a session that was paid is sold again")
	}
	for range 2 {
		for id, want := range map[string]gateway.Status{session: gateway.Valid, next: gateway.NotPaid} {
			v, err := p.gateway().ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: id, UserID: "7"})
			if err != nil || v.Status != want || v.CompanyID == nil || *v.CompanyID != "11" {
				t.Errorf("%s: %v, want %s\n%s", id, err, want, text(v))
			}
		}
	}
}

// TestDocumentedStatuses: the page on validation has every status that there is.
func TestDocumentedStatuses(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/validation.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []gateway.Status{
		gateway.Valid, gateway.Processing, gateway.NotPaid, gateway.Expired, gateway.OtherCompany, gateway.CompanyGone, gateway.NoCompany,
		gateway.UnknownSession, gateway.UnknownObject, gateway.WrongMode, gateway.NeedsSignIn,
	} {
		if !strings.Contains(string(page), "| `"+string(status)+"` |") {
			t.Errorf("docs/validation.md has no row for %s", status)
		}
	}
}
