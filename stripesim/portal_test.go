package stripesim_test

import (
	"net/url"
	"strings"
	"testing"

	"rightful/stripesim"
)

// A customer sees what is theirs, and cancels it as the API would.
func TestPortal(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer, price := b.shop()
	other, _ := b.shop()
	sub := str(b.send("POST", "/v1/subscriptions", "customer="+customer+"&items[0][price]="+price+"&items[0][quantity]=2").at("id"))
	foreign := str(b.send("POST", "/v1/subscriptions", "customer="+other+"&items[0][price]="+price).at("id"))
	var address string
	equal(t, "made", b.caused(func() {
		a := b.send("POST", "/v1/billing_portal/sessions", "customer="+customer+"&return_url=http://app.example.com/?a=1%26b=2")
		equal(t, "status", a.status, 200)
		address = str(a.at("url"))
	}), "billing_portal.session.created")
	page := b.browse(address, nil)
	page.want(t, 200, "Pro", "2 × USD 9.00 every month", "active, renews on", "USD 18.00", `href="http://app.example.com/?a=1&amp;b=2"`)
	if got := page.body; len(got) == 0 || strings.Contains(got, foreign) {
		t.Error("the portal shows the subscription of another customer")
	}
	press := func(subscription, do string) string {
		t.Helper()
		return b.caused(func() {
			if got := b.browse(address, url.Values{"subscription": {subscription}, "do": {do}}); got.status != 303 {
				got.want(t, 400)
			}
		})
	}
	equal(t, "end", press(sub, "end"), "customer.subscription.updated")
	a := b.send("GET", "/v1/subscriptions/"+sub, "")
	equal(t, "to end", a.at("cancel_at_period_end"), any(true))
	equal(t, "at the end", a.at("cancel_at"), a.at("items", "data", 0, "current_period_end"))
	b.browse(address, nil).want(t, 200, "ends on", "Do not cancel")
	equal(t, "keep", press(sub, "keep"), "customer.subscription.updated")
	equal(t, "kept", b.send("GET", "/v1/subscriptions/"+sub, "").at("cancel_at"), nil)
	equal(t, "another's", press(foreign, "cancel"), "")
	equal(t, "nonsense", press(sub, "upgrade"), "")
	equal(t, "cancel", press(sub, "cancel"), "customer.subscription.deleted")
	equal(t, "again", press(sub, "cancel"), "")
	equal(t, "of the other", str(b.send("GET", "/v1/subscriptions/"+foreign, "").at("status")), "active")
	b.browse(address, nil).want(t, 200, "None.", "paid")
	b.browse(b.url+"/p/session/test_guessed", nil).want(t, 404, "not known")
	b.browse(address, url.Values{"do": {"cancel"}}, "Sec-Fetch-Site", "cross-site").want(t, 403)

	b.send("POST", "/v1/billing_portal/sessions", "").wantError(t, 400, "parameter_missing", "customer", "customer")
	b.send("POST", "/v1/billing_portal/sessions", "customer=cus_x").wantError(t, 400, "resource_missing", "customer", "cus_x")
	b.send("POST", "/v1/billing_portal/sessions", "customer="+customer+"&return_url=javascript:x").wantError(t, 400, "url_invalid", "return_url", "")
	b.send("GET", "/v1/billing_portal/sessions", "").wantError(t, 404, "", "", "Unrecognized")
}
