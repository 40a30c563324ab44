package stripesim_test

import (
	"fmt"
	"testing"

	"github.com/stripe/stripe-go/v86/webhook"

	"rightful/stripesim"
)

func TestWebhooksOfConnectedAccounts(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	if err := b.sim.AddAccount("acct_platform"); err != nil {
		t.Fatal(err)
	}
	if err := b.sim.AddAccount("acct_1Shop"); err != nil {
		t.Fatal(err)
	}
	own, connect, shop := listen(t), listen(t), listen(t)
	b.endpoint(own, "enabled_events[]=*")
	id, secret := b.endpoint(connect, "enabled_events[]=customer.created&connect=true")
	b.endpoint(shop, "enabled_events[]=*", "Stripe-Account", "acct_1Shop")
	b.named("platform")
	b.send("POST", "/v1/customers", "name=shop", "Stripe-Account", "acct_1Shop")
	pending := func() any {
		return b.send("GET", "/v1/events", "", "Stripe-Account", "acct_1Shop").at("data", 0, "pending_webhooks")
	}
	equal(t, "pending", pending(), any(2.0))
	b.deliver()
	equal(t, "pending", pending(), any(0.0))
	equal(t, "own", own.names(), "platform")
	equal(t, "connect", connect.names(), "shop")
	equal(t, "the shop's own", shop.names(), "shop")
	equal(t, "account", str(connect.all()[0].event["account"]), "acct_1Shop")
	equal(t, "no account", shop.all()[0].event["account"], nil)
	if _, err := webhook.ConstructEventWithOptions(connect.all()[0].body, connect.all()[0].header.Get("Stripe-Signature"), secret,
		webhook.ConstructEventOptions{IgnoreTolerance: true}); err != nil {
		t.Error(err)
	}
	b.send("POST", "/v1/webhook_endpoints/"+id, "disabled=true")
	b.send("POST", "/v1/customers", "", "Stripe-Account", "acct_1Shop")
	equal(t, "only its own", pending(), any(1.0))
}

// Endpoints of worlds, and those whose creation was lost, are known as such to
// the other accounts.
func TestConnectEndpointsOfWorlds(t *testing.T) {
	t.Parallel()
	b, r := start(t, stripesim.Options{}), listen(t)
	loadWorld(t, b.sim, fmt.Sprintf(`{"stripe":{"account":{"id":"acct_a"},"webhook_endpoints":[
		{"id":"we_1","url":%q,"status":"enabled","enabled_events":["*"],"_stripesim":{"connect":true}}]}}`, r.url))
	loadWorld(t, b.sim, `{"stripe":{"account":{"id":"acct_b"}}}`)
	b.named("a")
	b.send("POST", "/v1/customers", "name=b", "Stripe-Account", "acct_b")
	equal(t, "report", b.deliver(), stripesim.DeliveryReport{Attempts: 1, Delivered: 1})
	b.fault(stripesim.FaultRule{Operation: "webhook_endpoints.create", Then: stripesim.FaultLose})
	b.endpoint(r, "enabled_events[]=*&connect=true")
	b.send("POST", "/v1/customers", "name=b", "Stripe-Account", "acct_b")
	equal(t, "one endpoint is lost", b.deliver(), stripesim.DeliveryReport{Attempts: 1, Delivered: 1})
	equal(t, "account", str(r.all()[0].event["account"]), "acct_b")
	b.sim.Reset()
	b.send("POST", "/v1/customers", "name=c", "Stripe-Account", "acct_b")
	equal(t, "after a reset", b.send("GET", "/v1/events", "", "Stripe-Account", "acct_b").at("data", 0, "pending_webhooks"), any(0.0))
}
