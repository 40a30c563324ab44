package gateway_test

import (
	"strings"
	"testing"

	"rightful"
	"rightful/gateway"
	"rightful/internal/wire"
)

// TestWhoseItIs is what some worlds answer, where more than one answer would do no harm
// anywhere else.
func TestWhoseItIs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		world, session, user string
		status               gateway.Status
		company              string
	}{
		{"RF101-healthy", "cs_x", "7", gateway.Expired, "1"},
		{"RF101-inactive", "cs_A", "7", gateway.NeedsSignIn, ""},
		{"RF101-existed", "cs_A", "7", gateway.CompanyGone, ""},
		{"RF101-existed", "cs_A", "8", gateway.OtherCompany, ""},
		{"RF102-still-paid", "cs_A", "7", gateway.CompanyGone, ""},
		{"RF103-exclusion", "cs_1", "7", gateway.NoCompany, ""},
		{"RF103-moved-by-operator", "cs_n", "773", gateway.Valid, "73"},
		{"RF103-moved-by-operator", "cs_n", "774", gateway.Valid, "74"},
		{"RF103-on-behalf", "cs_A", "7", gateway.NoCompany, ""},
		{"RF103-on-behalf", "cs_A", "9", gateway.OtherCompany, ""},
		{"RF105-healthy", "cs_x", "7", gateway.NoCompany, ""},
		{"RF107-charged-to-the-other", "cs_b", "771", gateway.Valid, ""},
		{"RF107-charged-to-the-other", "cs_b", "772", gateway.NoCompany, ""},
		{"RF408-shows", "cs_o", "301", gateway.NotPaid, "31"},
		{"RF504-shows", "cs_e", "301", gateway.NoCompany, ""},
		{"RF903-healthy", "cs_f0", "301", gateway.UnknownSession, ""},
	} {
		g := over(t, world(t, "../test/worlds/"+tt.world+".json"))
		v, err := g.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: tt.session, UserID: tt.user})
		company := ""
		if v.CompanyID != nil {
			company = *v.CompanyID
		}
		if err != nil || v.Status != tt.status || company != tt.company {
			t.Errorf("%s, %s for user %s: %v, %s of %q, want %s of %q\n%s", tt.world, tt.session, tt.user, err, v.Status, company, tt.status, tt.company, text(v))
		}
	}
}

// TestWhatANarrowLookCannotSee: another purchase with the same customer, a company that
// is gone, and a session that nobody has paid.
func TestWhatANarrowLookCannotSee(t *testing.T) {
	t.Parallel()
	const (
		companies = `{"id": "11", "owner_user_id": "7", "deleted_at": null}, {"id": "12", "owner_user_id": "9", "deleted_at": null}`
		people    = `{"id": "7", "email": "bela@example.com", "company_id": "11"}, {"id": "9", "email": "dora@example.com", "company_id": "12"}`
		paid      = `"status": "complete", "payment_status": "paid", "mode": "payment"`
	)
	for _, tt := range []struct {
		name, companies, stripe string
		status                  gateway.Status // for user 7
		others                  gateway.Status // for user 9
	}{
		{"one purchase", companies, `"customers": [{"id": "cus_A", "created": 1000000}],
			"checkout_sessions": [{"id": "cs_1", "created": 1999000, "customer": "cus_A", "metadata": {"company_id": "11"}, ` + paid + `}]`, gateway.Valid, gateway.OtherCompany},
		{"an older one for another company", companies, `"customers": [{"id": "cus_A", "created": 1000000}],
			"checkout_sessions": [{"id": "cs_1", "created": 1999000, "customer": "cus_A", "metadata": {"company_id": "11"}, ` + paid + `},
				{"id": "cs_0", "created": 1500000, "customer": "cus_A", "metadata": {"company_id": "12"}, ` + paid + `}]`, gateway.NoCompany, gateway.NoCompany},
		{"a company that was deleted since, and a customer that is still the buyer's",
			`{"id": "11", "deleted_at": null}, {"id": "13", "deleted_at": 1900000}, {"id": "12", "owner_user_id": "9", "deleted_at": null}`,
			`"customers": [{"id": "cus_A", "created": 1500000, "metadata": {"user_id": "7"}}],
			"checkout_sessions": [{"id": "cs_1", "created": 1500000, "customer": "cus_A", "metadata": {"company_id": "13"}, ` + paid + `}]`, gateway.CompanyGone, gateway.OtherCompany},
		{"a guest who has not paid", companies, `"checkout_sessions": [{"id": "cs_1", "created": 1999000, "status": "open", "payment_status": "unpaid", "mode": "payment", "metadata": {"company_id": "11", "user_id": "7"}}]`,
			gateway.NotPaid, gateway.OtherCompany},
		{"the same, and the stamp is stale", companies, `"checkout_sessions": [{"id": "cs_1", "created": 1999000, "status": "open", "payment_status": "unpaid", "mode": "payment", "metadata": {"company_id": "4", "user_id": "7"}}]`,
			gateway.NotPaid, gateway.OtherCompany},
	} {
		text := `{"now": 2000000, "db": {"companies": [` + tt.companies + `], "users": [` + people + `]}, "stripe": {"account": {"id": "acct_1", "livemode": true}, ` + tt.stripe + `}}`
		e, err := wire.Snapshot(tt.name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		for user, want := range map[string]gateway.Status{"7": tt.status, "9": tt.others} {
			v, err := over(t, e).ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: "cs_1", UserID: user, Operator: true})
			if err != nil || v.Status != want {
				t.Errorf("%s: user %s: %v, %s, want %s: %s", tt.name, user, err, v.Status, want, v.OperatorMessage)
			}
		}
	}
}

// TestPayment is what became of the money, by what Stripe says.
func TestPayment(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		session, sub, intent string // status and payment status, status, status
		mode                 string
		want                 gateway.Status
	}{
		{"complete paid", "active", "", "subscription", gateway.Valid},
		{"complete no_payment_required", "trialing", "", "subscription", gateway.Valid},
		{"complete unpaid", "trialing", "", "subscription", gateway.Valid},
		{"complete ", "", "", "setup", gateway.Valid},
		{"complete paid", "", "succeeded", "payment", gateway.Valid},
		{"complete unpaid", "", "processing", "payment", gateway.Processing},
		{"complete unpaid", "", "", "payment", gateway.Processing},
		{"complete unpaid", "incomplete", "", "subscription", gateway.Processing},
		{"complete unpaid", "", "requires_payment_method", "payment", gateway.NotPaid},
		{"complete unpaid", "", "canceled", "payment", gateway.NotPaid},
		{"complete unpaid", "incomplete_expired", "", "subscription", gateway.NotPaid},
		{"open unpaid", "", "", "payment", gateway.NotPaid},
		{"open no_payment_required", "", "", "setup", gateway.NotPaid},
		{"expired unpaid", "", "", "payment", gateway.Expired},
		{" ", "", "", "", gateway.NotPaid},
	} {
		status, paid, _ := strings.Cut(tt.session, " ")
		got := gateway.Payment(rightful.Checkout{
			Session:       rightful.Object{Type: rightful.TypeSession, Status: status, PaymentStatus: paid, Mode: tt.mode},
			Subscription:  rightful.Object{Type: rightful.TypeSubscription, Status: tt.sub},
			PaymentIntent: rightful.Object{Type: rightful.TypePaymentIntent, Status: tt.intent},
		})
		if got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}
