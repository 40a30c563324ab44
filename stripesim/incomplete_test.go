package stripesim_test

import (
	"strings"
	"testing"
	"time"

	"rightful/stripesim"
)

// incomplete makes a subscription whose first invoice waits, and returns its
// answer with the latest invoice expanded.
func (b *bench) incomplete(form string) (sub answer, intent string) {
	b.Helper()
	customer, price := b.shop()
	sub = b.send("POST", "/v1/subscriptions", "customer="+customer+"&items[0][price]="+price+"&expand[]=latest_invoice.confirmation_secret&expand[]=latest_invoice.payments"+form)
	equal(b.T, "status", str(sub.at("status")), "incomplete")
	equal(b.T, "invoice", str(sub.at("latest_invoice", "status")), "open")
	return sub, str(sub.at("latest_invoice", "payments", "data", 0, "payment", "payment_intent"))
}

func (b *bench) status(path string) string {
	b.Helper()
	return str(b.send("GET", path, "").at("status"))
}

func TestDefaultIncompleteWaitsForTheCustomer(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	sub, intent := b.incomplete("&payment_behavior=default_incomplete")
	path, invoice := "/v1/subscriptions/"+str(sub.at("id")), "/v1/invoices/"+str(sub.at("latest_invoice", "id"))
	asked := b.send("GET", "/v1/payment_intents/"+intent, "")
	equal(t, "intent", str(asked.at("status")), "requires_payment_method")
	equal(t, "secret", str(sub.at("latest_invoice", "confirmation_secret", "client_secret")), str(asked.at("client_secret")))
	equal(t, "in the list", len(b.send("GET", "/v1/subscriptions?status=incomplete", "").ids()), 1)
	b.send("POST", path, "description=x").wantError(t, 400, "", "description", "incomplete")
	equal(t, "stamp", str(b.send("POST", path, "metadata[company_id]=4").at("metadata", "company_id")), "4")

	b.send("POST", "/v1/payment_intents/"+intent+"/confirm", "payment_method=pm_card_chargeDeclined")
	equal(t, "declined", b.status(path), "incomplete")
	equal(t, "attempts", b.send("GET", invoice, "").at("attempt_count"), any(1.0))
	events := b.caused(func() { b.send("POST", "/v1/payment_intents/"+intent+"/confirm", "payment_method=pm_card_visa") })
	equal(t, "paid", b.status(path), "active")
	equal(t, "invoice", b.status(invoice), "paid")
	for _, want := range []string{"payment_intent.succeeded", "invoice.paid", "customer.subscription.updated"} {
		if !strings.Contains(events, want) {
			t.Errorf("no %s in %s", want, events)
		}
	}
	equal(t, "nothing is due later", b.later(path, 24*time.Hour), "active")
}

func (b *bench) later(path string, d time.Duration) string {
	b.Helper()
	b.sim.Advance(d)
	return b.status(path)
}

func TestAllowIncompleteIsTheDefault(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	b.send("POST", "/v1/payment_methods", "type=card") // from here on, unknown methods are refused
	for _, behavior := range []string{"", "&payment_behavior=allow_incomplete"} {
		customer, price := b.shop()
		saved := str(b.send("POST", "/v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer="+customer).at("id"))
		form := "customer=" + customer + "&items[0][price]=" + price + "&default_payment_method=" + saved + behavior
		sub := b.send("POST", "/v1/subscriptions", form)
		path := "/v1/subscriptions/" + str(sub.at("id"))
		equal(t, "declined", str(sub.at("status")), "incomplete")
		pay := "/v1/invoices/" + str(sub.at("latest_invoice")) + "/pay"
		b.send("POST", pay, "").wantError(t, 402, "card_declined", "", "")
		equal(t, "paid", str(b.send("POST", pay, "payment_method=pm_card_visa").at("status")), "paid")
		equal(t, "active", b.status(path), "active")
		equal(t, "one intent", len(b.send("GET", "/v1/payment_intents?customer="+customer, "").ids()), 1)
		equal(t, "trial", str(b.send("POST", "/v1/subscriptions", form+"&trial_period_days=3").at("status")), "trialing")
		equal(t, "sent", str(b.send("POST", "/v1/subscriptions", form+"&collection_method=send_invoice&days_until_due=3").at("status")), "active")
	}
}

func TestErrorIfIncompleteMakesNothing(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer, price := b.shop()
	for _, c := range []struct{ method, code string }{
		{"pm_card_chargeCustomerFail", "card_declined"},
		{"pm_card_authenticationRequiredOnSetup", "subscription_payment_intent_requires_action"},
	} {
		saved := str(b.send("POST", "/v1/payment_methods/"+c.method+"/attach", "customer="+customer).at("id"))
		form := "customer=" + customer + "&items[0][price]=" + price + "&default_payment_method=" + saved
		b.send("POST", "/v1/subscriptions", form+"&payment_behavior=error_if_incomplete").wantError(t, 402, c.code, "", "")
		b.send("POST", "/v1/subscriptions", form+"&payment_behavior=pending_if_incomplete").wantError(t, 400, "", "payment_behavior", "updates")
	}
	for _, list := range []string{"subscriptions?status=all", "invoices", "payment_intents"} {
		equal(t, list, len(b.send("GET", "/v1/"+list, "").ids()), 0)
	}
	b.send("POST", "/v1/subscriptions", "customer="+customer+"&items[0][price]="+price+"&payment_behavior=nonsense").wantError(t, 400, "", "payment_behavior", "")
}

func TestIncompleteSubscriptionsExpire(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	for name, end := range map[string]func(sub, invoice string){
		"after 23 hours": func(sub, _ string) {
			equal(t, "just before", b.later(sub, 23*time.Hour-time.Second), "incomplete")
			b.sim.Advance(time.Second)
		},
		"void":     func(_, invoice string) { b.send("POST", invoice+"/void", "") },
		"canceled": func(sub, _ string) { b.send("DELETE", sub, "") },
	} {
		sub, intent := b.incomplete("&payment_behavior=default_incomplete")
		path, invoice := "/v1/subscriptions/"+str(sub.at("id")), "/v1/invoices/"+str(sub.at("latest_invoice", "id"))
		end(path, invoice)
		equal(t, name, b.status(path), "incomplete_expired")
		equal(t, name, b.status(invoice), "void")
		equal(t, name, b.status("/v1/payment_intents/"+intent), "canceled")
		b.send("DELETE", path, "").wantError(t, 404, "resource_missing", "id", "")
	}
}

func TestSubscriptionsWaitForAuthentication(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer, price := b.shop()
	saved := str(b.send("POST", "/v1/payment_methods/pm_card_authenticationRequired/attach", "customer="+customer).at("id"))
	var sub answer
	events := b.caused(func() {
		sub = b.send("POST", "/v1/subscriptions", "customer="+customer+"&items[0][price]="+price+"&default_payment_method="+saved+"&expand[]=latest_invoice.payments")
	})
	if !strings.Contains(events, "invoice.payment_action_required") {
		t.Errorf("events: %s", events)
	}
	path, intent := "/v1/subscriptions/"+str(sub.at("id")), str(sub.at("latest_invoice", "payments", "data", 0, "payment", "payment_intent"))
	equal(t, "waits", str(sub.at("status")), "incomplete")
	b.send("POST", "/_sim/payment_intents/"+intent+"/settle", `{"succeeded":true}`)
	equal(t, "authenticated", b.status(path), "active")
}

// A slow payment counts until it fails.
func TestSlowPaymentsOfSubscriptions(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer, price := b.shop()
	bank := str(b.send("POST", "/v1/payment_methods/pm_usBankAccount_success/attach", "customer="+customer).at("id"))
	sub := b.send("POST", "/v1/subscriptions", "customer="+customer+"&items[0][price]="+price+"&default_payment_method="+bank+"&expand[]=latest_invoice.payments")
	path, intent := "/v1/subscriptions/"+str(sub.at("id")), str(sub.at("latest_invoice", "payments", "data", 0, "payment", "payment_intent"))
	equal(t, "meanwhile", str(sub.at("status")), "active")
	b.send("POST", "/_sim/payment_intents/"+intent+"/settle", `{"succeeded":false}`)
	equal(t, "failed", b.status(path), "past_due")
	b.send("POST", "/v1/payment_intents/"+intent+"/confirm", "payment_method=pm_card_visa")
	equal(t, "paid by card", b.status(path), "active")
}
