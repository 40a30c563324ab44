package gateway_test

import (
	"fmt"
	"slices"
	"testing"

	"rightful"
	"rightful/gateway"
)

// reconfigure is the same inbox after the config was changed and the process restarted.
func (o *office) reconfigure(account string) {
	o.t.Helper()
	o.opt.Account = account
	hooks, err := o.gateway().Webhooks(gateway.WebhookOptions{Inbox: o.store, Secrets: []string{officeSecret}, OnNotice: o.notice})
	if err != nil {
		o.t.Fatal(err)
	}
	o.Webhooks = hooks
}

// customerEvent is an event about a customer, as Stripe's endpoint of the account gets
// it; extra names what else is in it.
func customerEvent(o *office, event, customer, metadata, extra string) string {
	return fmt.Sprintf(`{"id":"%s","object":"event","type":"customer.updated","created":%d,"livemode":true,%s
		"data":{"object":{"id":"%s","object":"customer","created":1,"metadata":{%s},"livemode":true}}}`, event, o.clock().Unix(), extra, customer, metadata)
}

// TestTheAccountIsNamedLater, or not any more: what was accepted before has the same
// fate as without the change, and nothing happens twice.
func TestTheAccountIsNamedLater(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		for name, account := range map[string][2]string{"named": {"", simAccount}, "no longer": {simAccount, ""}, "never": {"", ""}, "always": {simAccount, simAccount}} {
			t.Run(engine+" "+name, func(t *testing.T) {
				t.Parallel()
				o := openOffice(t, setup{engine: engine, options: func(o *gateway.Options) { o.Account = account[0] }}, officeRows, "")
				if n, err := o.CatchUp(t.Context()); n != 0 || err != nil {
					t.Fatal(n, err)
				}
				const stamp = `"company_id":"11","app":"ledgerly"`
				known := customerEvent(o, "evt_known", "cus_Known", stamp, "")
				own := customerEvent(o, "evt_own", "cus_Own", stamp, "")
				named := customerEvent(o, "evt_named", "cus_Named", stamp, `"account":"`+simAccount+`",`)
				foreign := customerEvent(o, "evt_foreign", "cus_Foreign", stamp, `"account":"acct_2Connected",`)
				o.accept(known)
				o.judge()
				all := []string{own, named, foreign}
				for _, body := range all {
					o.accept(body)
				}
				lost := o.mine("11") // was never delivered
				o.later(6 * 60)

				o.reconfigure(account[1])
				for _, body := range append(all, known) { // Stripe sends them again
					o.accept(body)
				}
				// What is known of the family was told before: its customer.
				o.accept(fmt.Sprintf(`{"id":"evt_sub","object":"event","type":"customer.subscription.updated","created":%d,"livemode":true,
					"data":{"object":{"id":"sub_1","object":"subscription","customer":"cus_Known","status":"active","metadata":{},"livemode":true}}}`, o.clock().Unix()))
				o.judge()
				if n, err := o.CatchUp(t.Context()); n != 1 || err != nil {
					t.Errorf("%d were missed, %v", n, err)
				}
				o.judge()
				o.judge()
				o.settle() // it is delivered after all

				told := o.toldNotices()
				slices.Sort(told)
				want := []string{"11 customer.created " + lost, "11 customer.subscription.updated sub_1", "11 customer.updated cus_Known", "11 customer.updated cus_Named", "11 customer.updated cus_Own"}
				slices.Sort(want)
				same(t, "told", told, want...)
				if got := fmt.Sprint(o.statuses()); got != "map[foreign:1 mine:5 missed:1]" {
					t.Errorf("got %s", got)
				}
				entries, err := o.store.InboxEntriesAfter(t.Context(), 0, 100)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range entries {
					if want := map[bool]string{true: "acct_2Connected", false: simAccount}[e.Status == rightful.InboxForeign]; e.Account != want {
						t.Errorf("%s is of %q", e.ID, e.Account)
					}
				}
			})
		}
	}
}
