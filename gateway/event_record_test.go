package gateway_test

import (
	"cmp"
	"strings"
	"testing"

	"rightful"
	"rightful/gateway"
	"rightful/stripesim"
)

// TestEventsOfWhoActedForACompany: events of a purchase by somebody who acted for a
// company without being of it are that company's, by our own record of what the resolver
// said, whatever company they act for when the events come; and where the stamps do not
// say the same any more, or nothing remembers it, nobody's.
func TestEventsOfWhoActedForACompany(t *testing.T) {
	t.Parallel()
	moved := "UPDATE users SET company_id = 12 WHERE id = 7"
	for _, tt := range []struct {
		name           string
		between, after []string
		forget         bool                              // no record is kept
		first, do      func(p *premises, session string) // before it was paid, and after its events came
		want           string                            // the company that the app is told of; "": none
		ofPayment      string                            // where it is another one of a payment
	}{
		{name: "acts for it still", want: "11"},
		{name: "acts for another one", between: []string{moved}, want: "11"},
		{name: "acts for another one, after it was paid", after: []string{moved}, want: "11"},
		{name: "acts for nobody", between: []string{"UPDATE users SET company_id = NULL WHERE id = 7"}, want: "11"},
		{name: "acts for their own", between: []string{"UPDATE users SET company_id = 20 WHERE id = 7"}, want: "11"},
		{name: "acts for another one, and the link was cleared", between: []string{moved, "UPDATE companies SET stripe_customer_id = NULL"}, want: "11"},
		{name: "acts for another one, and it was merged", between: []string{moved, "UPDATE companies SET merged_into = 12 WHERE id = 11"}, want: "12"},
		{name: "acts for another one, and it was deleted", between: []string{moved, "UPDATE companies SET deleted_at = 1790000100 WHERE id = 11"}},
		{name: "nothing remembers it", forget: true, between: []string{moved}},
		{name: "the buyer's stamp was overwritten", between: []string{moved}, first: stampedWith("metadata[user_id]", "9")},
		{name: "the company's stamp was overwritten", between: []string{moved}, first: stampedWith("metadata[company_id]", "12"),
			ofPayment: "11"}, // by everything else
		{name: "the buyer's stamp was overwritten after the event", between: []string{moved}, do: stampedWith("metadata[user_id]", "9"), want: "11"},
		{name: "the company's stamp was overwritten after the event", between: []string{moved}, do: stampedWith("metadata[company_id]", "12"), want: "11",
			ofPayment: "11"},
	} {
		for kind, types := range map[string][]string{
			"subscription": {"checkout.session.completed", "customer.subscription.created", "payment_intent.succeeded"},
			"payment":      {"checkout.session.completed", "payment_intent.succeeded"},
		} {
			t.Run(tt.name+", "+kind, func(t *testing.T) {
				t.Parallel()
				o := openOffice(t, setup{mapping: activeCompany}, premisesOfSupport(), "")
				session := o.buys(o.gateway(), kind)
				for _, s := range tt.between {
					o.exec(s)
				}
				o.later(120)
				if tt.first != nil {
					tt.first(o.premises, session)
				}
				if err := o.sim.CompleteCheckout(simAccount, session, stripesim.CompleteOptions{Email: "bela@example.com"}); err != nil {
					t.Fatal(err)
				}
				for _, s := range tt.after {
					o.exec(s)
				}
				if tt.do != nil {
					tt.do(o.premises, session)
				}
				if tt.forget {
					o.forgetsWhoBought()
				}
				o.settle()
				o.later(61) // what nobody could be named of is looked at again
				o.judge()
				o.judge()
				want := tt.want
				if kind == "payment" {
					want = cmp.Or(tt.ofPayment, want)
				}
				said := map[string][]string{}
				for _, line := range o.toldNotices() {
					f := strings.Fields(line)
					said[f[1]] = append(said[f[1]], f[0])
				}
				for _, eventType := range types {
					if got := strings.Join(said[eventType], " "); got != want {
						t.Errorf("%s: told of %q, want %q", eventType, got, want)
					}
				}
				r, err := o.gateway().Replay(t.Context(), gateway.ReplayRequest{})
				if tt.do != nil && (kind != "payment" || tt.ofPayment == "") {
					want = "" // a replay judges what stands there today
				}
				if err != nil || r.Events == nil || (r.Events.Unknown == 0) != (want != "") {
					t.Errorf("replayed: %+v, %v", r.Events, err)
				}
			})
		}
	}
}

// forgetsWhoBought has events judged without a record of how sessions were made.
func (o *office) forgetsWhoBought() {
	o.t.Helper()
	o.opt.Intents = struct{ rightful.IntentStore }{o.opt.Intents}
	var err error
	if o.Webhooks, err = o.gateway().Webhooks(gateway.WebhookOptions{Inbox: o.store, Secrets: []string{officeSecret}, OnNotice: o.notice}); err != nil {
		o.t.Fatal(err)
	}
}
