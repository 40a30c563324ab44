package gateway_test

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"testing"

	"rightful"
	"rightful/gateway"
	"rightful/internal/engine"
	"rightful/internal/judge"
	"rightful/stripesim"
)

// TestACompanyThatWasDeletedWithoutATrace: what was bought for a company is not the
// buyer's next company's because the row of the first is gone: somebody still names it,
// or our own record does.
func TestACompanyThatWasDeletedWithoutATrace(t *testing.T) {
	t.Parallel()
	all := []string{
		"UPDATE users SET company_id = 12 WHERE id IN (7, 8)", "DELETE FROM memberships WHERE company_id = 11",
		"INSERT INTO memberships VALUES (7, 12, 1790000050, NULL)", "DELETE FROM companies WHERE id = 11",
	}
	for _, tt := range []struct {
		name   string
		slug   string
		gone   []string
		forget bool // no record is kept
	}{
		{name: "only our record is left", gone: all},
		{name: "and no memberships are known of the buyer", gone: append(slices.Clone(all), "DELETE FROM memberships WHERE user_id = 7")},
		{name: "stamped by another name", slug: "name", gone: all},
		{name: "stamped by another name, and no memberships are known of the buyer", slug: "name", gone: append(slices.Clone(all), "DELETE FROM memberships WHERE user_id = 7")},
		{name: "a colleague still names it", gone: append(slices.Clone(all), "DELETE FROM memberships WHERE user_id = 7", "UPDATE users SET company_id = 11 WHERE id = 8"), forget: true},
		{name: "an old membership still names it", gone: append(slices.Clone(all), "DELETE FROM memberships WHERE user_id = 7", "INSERT INTO memberships VALUES (8, 11, 1, 2)"), forget: true},
	} {
		for _, kind := range []string{"subscription", "payment"} {
			t.Run(tt.name+", "+kind, func(t *testing.T) {
				t.Parallel()
				o := openOffice(t, setup{}, append(premisesOfTwo(), "UPDATE companies SET slug = "+cmp.Or(tt.slug, "NULL")), "")
				session := o.buys(o.gateway(), kind)
				o.later(30)
				if err := o.sim.CompleteCheckout(simAccount, session, stripesim.CompleteOptions{Email: "bela@example.com"}); err != nil {
					t.Fatal(err)
				}
				o.later(60)
				customer := o.call(http.MethodGet, "/v1/checkout/sessions/"+session, nil)["customer"].(string)
				for _, s := range tt.gone {
					o.exec(s)
				}
				if tt.forget {
					o.forgetsWhoBought()
				}
				o.later(2 * judge.GracePeriod)
				g := o.gateway()
				for user, want := range map[string]gateway.Status{"7": gateway.CompanyGone, "9": gateway.OtherCompany} {
					v, err := g.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: session, UserID: user})
					if err != nil || v.Status != want || v.CompanyID != nil {
						t.Errorf("user %s: %s of company %v, %v, want %s", user, v.Status, v.CompanyID, err, want)
					}
					for name, guard := range map[string]func() (gateway.Guarded, error){
						"customer": func() (gateway.Guarded, error) {
							return g.GuardCustomer(t.Context(), gateway.GuardRequest{UserID: user, ID: customer})
						},
						"portal": func() (gateway.Guarded, error) {
							return g.GuardPortal(t.Context(), gateway.GuardRequest{UserID: user, ID: customer})
						},
					} {
						if held, err := guard(); err != nil || held.Enforced != gateway.Refuse {
							t.Errorf("%s, user %s: %+v %v", name, user, held, err)
						}
					}
				}
				o.settle()
				o.later(61)
				o.judge()
				o.judge()
				if told := o.toldNotices(); len(told) > 0 {
					t.Errorf("the app is told of %v", told)
				}
				report, err := o.auditor(!tt.forget).Audit(t.Context(), engine.AuditInput{})
				if err != nil || !report.Complete {
					t.Fatalf("%+v %v", report, err)
				}
				for _, f := range report.Findings {
					if f.RightfulCompanyID != nil && *f.RightfulCompanyID == "12" || f.Automatic {
						t.Errorf("an audit gives it to %v: %s", f.RightfulCompanyID, f.Message)
					}
				}
			})
		}
	}
}

// TestEventsWithoutTheirSession: an endpoint that is not sent any sessions has the same
// judgement of what they made.
func TestEventsWithoutTheirSession(t *testing.T) {
	t.Parallel()
	for name, trace := range map[string]string{
		"only our record is left":    "UPDATE users SET company_id = 12 WHERE id IN (7, 8)",
		"a colleague still names it": "UPDATE users SET company_id = 12 WHERE id = 7",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := openOffice(t, setup{}, premisesOfTwo(), "")
			o.post("/v1/webhook_endpoints/we_1", "enabled_events[0]", "customer.subscription.created")
			session := o.buys(o.gateway(), "subscription")
			o.later(30)
			if err := o.sim.CompleteCheckout(simAccount, session, stripesim.CompleteOptions{Email: "bela@example.com"}); err != nil {
				t.Fatal(err)
			}
			for _, s := range []string{
				trace, "DELETE FROM memberships WHERE company_id = 11", "DELETE FROM companies WHERE id = 11",
			} {
				o.exec(s)
			}
			if name != "only our record is left" {
				o.forgetsWhoBought()
			}
			o.settle()
			o.later(61)
			o.judge()
			o.judge()
			if told := o.toldNotices(); len(told) > 0 {
				t.Errorf("the app is told of %v", told)
			}
			if got := o.statuses(); !maps.Equal(got, map[gateway.Status]int{gateway.Status(rightful.InboxUnknown): got[gateway.Status(rightful.InboxUnknown)]}) || len(got) == 0 {
				t.Errorf("judged as %v", got)
			}
		})
	}
}
