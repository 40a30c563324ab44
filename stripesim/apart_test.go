package stripesim_test

import (
	"encoding/json"
	"strings"
	"testing"

	"rightful/stripesim"
)

// everything is one object of each kind that the world below holds, by list.
var everything = map[string]string{
	"customers": "cus_1", "checkout/sessions": "cs_1", "subscriptions": "sub_1", "payment_intents": "pi_1", "products": "prod_1", "prices": "price_1",
	"invoices": "in_1", "charges": "ch_1", "subscription_schedules": "sub_sched_1", "setup_intents": "seti_1", "payment_methods": "pm_1",
	"webhook_endpoints": "we_1", "events": "evt_1",
}

const everythingWorld = `{"stripe":{"account":{"id":"acct_one","livemode":true},"customers":[{"id":"cus_1","created":1760000000}],
	"checkout_sessions":[{"id":"cs_1"}],"subscriptions":[{"id":"sub_1"}],"payment_intents":[{"id":"pi_1"}],"products":[{"id":"prod_1"}],
	"prices":[{"id":"price_1"}],"invoices":[{"id":"in_1"}],"charges":[{"id":"ch_1"}],"subscription_schedules":[{"id":"sub_sched_1"}],
	"setup_intents":[{"id":"seti_1"}],"payment_methods":[{"id":"pm_1"}],"webhook_endpoints":[{"id":"we_1"}],"events":[{"id":"evt_1","created":1760000000}]}}`

// Accounts and modes share no object of any kind.
func TestAccountsAndModesAreApart(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{StrictKeys: true})
	loadWorld(t, b.sim, everythingWorld)
	if err := b.sim.AddAccount("acct_two"); err != nil {
		t.Fatal(err)
	}
	live := []string{"Authorization", "Bearer sk_live_1"}
	two := append([]string{"Stripe-Account", "acct_two"}, live...)
	for list, id := range everything {
		equal(t, list, b.send("GET", "/v1/"+list+"/"+id, "", live...).status, 200)
		equal(t, list+" of one", strings.Join(b.send("GET", "/v1/"+list, "", live...).ids(), " "), id)
		for name, headers := range map[string][]string{"test mode": nil, "another account": two} {
			a := b.send("GET", "/v1/"+list+"/"+id, "", headers...)
			equal(t, list+" in "+name, a.status, 404)
			if wrongMode := strings.Contains(a.raw, "a similar object exists in live mode"); wrongMode != (headers == nil) {
				t.Errorf("%s in %s: %s", list, name, a.raw)
			}
			equal(t, list+" listed in "+name, len(b.send("GET", "/v1/"+list, "", headers...).ids()), 0)
		}
	}
	// What another account does leaves its events there.
	b.send("POST", "/v1/customers", "", two...)
	equal(t, "events of two", len(b.send("GET", "/v1/events", "", two...).ids()), 1)
	equal(t, "events of one", len(b.send("GET", "/v1/events", "", live...).ids()), 1)
}

func TestWorldsOfEveryKindComeBack(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	loadWorld(t, b.sim, everythingWorld)
	dump := must[json.RawMessage](t)(b.sim.Dump(""))
	var lists map[string]json.RawMessage
	if err := json.Unmarshal(dump, &lists); err != nil {
		t.Fatal(err)
	}
	equal(t, "sections", len(lists), len(everything)+1)
	c := start(t, stripesim.Options{})
	loadWorld(t, c.sim, `{"stripe":`+string(dump)+`}`)
	equal(t, "again", string(must[json.RawMessage](t)(c.sim.Dump(""))), string(dump))
}

// Every list is guarded by the permission of its kind, reads and writes apart.
func TestPermissionsOfEveryKind(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	loadWorld(t, b.sim, everythingWorld)
	slugs := map[string]string{"prices": "rak_plan", "products": "rak_product", "invoices": "rak_invoice", "charges": "rak_charge", "setup_intents": "rak_setup_intent",
		"payment_methods": "rak_payment_method", "webhook_endpoints": "rak_webhook", "events": "rak_event", "subscription_schedules": "rak_subscription"}
	const key = "rk_live_narrow"
	auth := []string{"Authorization", "Bearer " + key}
	for list, slug := range slugs {
		for _, c := range []struct {
			permissions []string
			read, write int
		}{{nil, 403, 403}, {[]string{slug + "_read"}, 200, 403}, {[]string{slug + "_write"}, 200, 200}} {
			if err := b.sim.AddKey(stripesim.Key{Secret: key, Permissions: c.permissions}); err != nil {
				t.Fatal(err)
			}
			path := "/v1/" + list
			equal(t, "list "+list, b.send("GET", path, "", auth...).status, c.read)
			equal(t, "retrieve "+list, b.send("GET", path+"/"+everything[list], "", auth...).status, c.read)
			if list == "events" || list == "subscription_schedules" {
				continue // no update, or not of this one
			}
			a := b.send("POST", path+"/"+everything[list], "metadata[a]=b", auth...)
			equal(t, "write "+list, a.status, c.write)
			if a.status == 403 && !strings.Contains(a.raw, "'"+slug+"_write'") {
				t.Errorf("%s: %s", list, a.raw)
			}
		}
	}
	if err := b.sim.AddKey(stripesim.Key{Secret: key, Permissions: []string{"rak_subscription_read"}}); err != nil {
		t.Fatal(err)
	}
	equal(t, "expanding needs the read permission of what it shows", b.send("GET", "/v1/subscriptions?expand[]=data.latest_invoice", "", auth...).status, 403)
}
