package stripesim_test

import (
	"strings"
	"testing"

	"rightful/stripesim"
)

func TestTestPaymentMethodsDoWhatTheyAreNamedFor(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	for _, c := range []struct{ method, status, code, decline string }{
		{"pm_card_visa", "succeeded", "", ""},
		{"pm_card_mastercard", "succeeded", "", ""},
		{"pm_card_br", "succeeded", "", ""},
		{"pm_card_threeDSecureOptional", "succeeded", "", ""},
		{"pm_card_chargeDeclined", "", "card_declined", "generic_decline"},
		{"pm_card_visa_chargeDeclined", "", "card_declined", "generic_decline"},
		{"pm_card_chargeDeclinedInsufficientFunds", "", "card_declined", "insufficient_funds"},
		{"pm_card_visa_chargeDeclinedLostCard", "", "card_declined", "lost_card"},
		{"pm_card_visa_chargeDeclinedStolenCard", "", "card_declined", "stolen_card"},
		{"pm_card_visa_chargeDeclinedVelocityLimitExceeded", "", "card_declined", "card_velocity_exceeded"},
		{"pm_card_chargeDeclinedFraudulent", "", "card_declined", "fraudulent"},
		{"pm_card_radarBlock", "", "card_declined", "fraudulent"},
		{"pm_card_chargeDeclinedExpiredCard", "", "expired_card", ""},
		{"pm_card_chargeDeclinedIncorrectCvc", "", "incorrect_cvc", ""},
		{"pm_card_chargeDeclinedProcessingError", "", "processing_error", ""},
		{"pm_card_chargeCustomerFail", "", "card_declined", "generic_decline"},
		{"pm_card_authenticationRequired", "requires_action", "", ""},
		{"pm_card_authenticationRequiredOnSetup", "requires_action", "", ""},
		{"pm_card_authenticationRequired&off_session=true", "", "authentication_required", "authentication_required"},
		{"pm_card_authenticationRequired&error_on_requires_action=true", "", "authentication_required", "authentication_required"},
		{"pm_card_authenticationRequiredOnSetup&off_session=recurring", "", "authentication_required", "authentication_required"},
		{"pm_card_authenticationRequiredSetupForOffSession&off_session=true", "succeeded", "", ""},
		{"pm_usBankAccount_success", "processing", "", ""},
	} {
		a := b.send("POST", "/v1/payment_intents", "amount=900&currency=usd&confirm=true&payment_method="+c.method)
		if c.code == "" {
			equal(t, c.method, str(a.at("status")), c.status)
			continue
		}
		if a.status != 402 || str(a.at("error", "type")) != "card_error" || str(a.at("error", "code")) != c.code || str(a.at("error", "decline_code")) != c.decline {
			t.Errorf("%s: %d %s", c.method, a.status, a.raw)
		}
		intent := b.send("GET", "/v1/payment_intents/"+str(a.at("error", "payment_intent", "id"))+"?expand[]=latest_charge", "")
		equal(t, c.method, str(intent.at("last_payment_error", "code")), c.code)
		equal(t, c.method, str(intent.at("latest_charge", "failure_code")), c.code)
		equal(t, c.method, str(intent.at("status")), "requires_payment_method")
	}
}

func TestUnknownTestPaymentMethodsAreMissing(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer := str(b.send("POST", "/v1/customers", "").at("id"))
	for _, id := range []string{"pm_card_createDispute", "pm_card_vissa", "pm_usBankAccount_accountClosed"} {
		b.send("POST", "/v1/payment_intents", "amount=5&currency=usd&confirm=true&payment_method="+id).wantError(t, 400, "resource_missing", "payment_method", "No such PaymentMethod: '"+id+"'")
		b.send("POST", "/v1/payment_methods/"+id+"/attach", "customer="+customer).wantError(t, 404, "resource_missing", "payment_method", "No such PaymentMethod: '"+id+"'")
	}
	b.send("POST", "/v1/payment_methods", "type=card&card[token]=tok_nonsense").wantError(t, 400, "resource_missing", "card[token]", "No such token: 'tok_nonsense'")
	a := b.send("POST", "/v1/payment_methods", "type=card&card[token]=tok_mastercard_prepaid")
	equal(t, "brand", str(a.at("card", "brand")), "mastercard")
	equal(t, "funding", str(a.at("card", "funding")), "prepaid")
	a = b.send("POST", "/v1/payment_methods", "type=card&card[token]=tok_visa_chargeDeclinedLostCard")
	a = b.send("POST", "/v1/payment_methods/"+str(a.at("id"))+"/attach", "customer="+customer)
	equal(t, "attaching a lost card", str(a.at("error", "decline_code")), "lost_card")
}

// The card that can be saved, but not charged.
func TestChargeCustomerFail(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer := str(b.send("POST", "/v1/customers", "").at("id"))
	saved := b.send("POST", "/v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer="+customer)
	equal(t, "saved for", str(saved.at("customer")), customer)
	equal(t, "looks", str(saved.at("card", "last4")), "0341")
	b.send("POST", "/v1/payment_intents", "amount=5&currency=usd&confirm=true&customer="+customer+"&payment_method="+str(saved.at("id"))).
		wantError(t, 402, "card_declined", "", "Your card was declined.")
}

func TestCustomersAuthenticate(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	for _, c := range []struct {
		method, answer, status, code, events string
	}{
		{"pm_card_authenticationRequired", "true", "succeeded", "", "charge.succeeded payment_intent.succeeded"},
		{"pm_card_authenticationRequired", "false", "requires_payment_method", "payment_intent_authentication_failure", "payment_intent.payment_failed"},
		{"pm_card_threeDSecureRequiredChargeDeclined", "true", "requires_payment_method", "card_declined", "charge.failed payment_intent.payment_failed"},
	} {
		asked := b.send("POST", "/v1/payment_intents", "amount=5&currency=usd&confirm=true&return_url=https://x.example.com/back&payment_method="+c.method)
		equal(t, "back to", str(asked.at("next_action", "redirect_to_url", "return_url")), "https://x.example.com/back")
		id := str(asked.at("id"))
		equal(t, "events", b.caused(func() { b.send("POST", "/_sim/payment_intents/"+id+"/settle", `{"succeeded":`+c.answer+`}`) }), c.events)
		a := b.send("GET", "/v1/payment_intents/"+id, "")
		equal(t, c.method, str(a.at("status")), c.status)
		equal(t, c.method, str(a.at("last_payment_error", "code")), c.code)
		equal(t, "nothing more to do", a.at("next_action"), nil)
		equal(t, "once", b.send("POST", "/_sim/payment_intents/"+id+"/settle", `{"succeeded":true}`).status, 409)
	}
}

// A card that was set up with its owner can be charged without.
func TestSetUpOnceChargedOften(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer := str(b.send("POST", "/v1/customers", "").at("id"))
	setup := b.send("POST", "/v1/setup_intents", "confirm=true&customer="+customer+"&payment_method=pm_card_authenticationRequiredOnSetup")
	equal(t, "asks", str(setup.at("status")), "requires_action")
	equal(t, "how", str(setup.at("next_action", "type")), "use_stripe_sdk")
	id, method := str(setup.at("id")), str(setup.at("payment_method"))
	charge := "amount=5&currency=usd&confirm=true&off_session=true&customer=" + customer + "&payment_method=" + method
	b.send("POST", "/v1/payment_intents", charge).wantError(t, 402, "authentication_required", "", "requires authentication")
	equal(t, "answered", str(b.send("POST", "/_sim/setup_intents/"+id+"/settle", `{"succeeded":true}`).at("status")), "succeeded")
	equal(t, "charged", str(b.send("POST", "/v1/payment_intents", charge).at("status")), "succeeded")
	equal(t, "saved", strings.Join(b.send("GET", "/v1/customers/"+customer+"/payment_methods", "").ids(), " "), method)

	refused := str(b.send("POST", "/v1/setup_intents", "confirm=true&payment_method=pm_card_authenticationRequired").at("id"))
	a := b.send("POST", "/_sim/setup_intents/"+refused+"/settle", `{"succeeded":false}`)
	equal(t, "refused", str(a.at("last_setup_error", "code")), "setup_intent_authentication_failure")
	equal(t, "unknown", b.send("POST", "/_sim/setup_intents/seti_none/settle", `{"succeeded":true}`).status, 404)
}

// A default that the customer has not saved would be charged in vain.
func TestDefaultsAreSavedMethods(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	made := b.send("POST", "/v1/customers", "payment_method=pm_card_chargeCustomerFail&invoice_settings[default_payment_method]=pm_card_chargeCustomerFail&expand[]=invoice_settings.default_payment_method")
	customer, saved := str(made.at("id")), b.send("GET", "/v1/customers/"+str(made.at("id"))+"/payment_methods", "").ids()
	equal(t, "saved", len(saved), 1)
	equal(t, "default", str(made.at("invoice_settings", "default_payment_method", "id")), saved[0])
	sub := "customer=" + customer + "&items[0][price]=p"
	equal(t, "charged", str(b.send("POST", "/v1/subscriptions", sub).at("status")), "incomplete")
	b.send("POST", "/v1/customers", "payment_method=pm_card_chargeDeclinedExpiredCard").wantError(t, 402, "expired_card", "exp_month", "expired")
	equal(t, "one customer", len(b.send("GET", "/v1/customers", "").ids()), 1)
	const missing = "does not have a payment method with the ID pm_card_visa"
	b.send("POST", "/v1/subscriptions", sub+"&default_payment_method=pm_card_visa").wantError(t, 400, "resource_missing", "default_payment_method", missing)
	b.send("POST", "/v1/customers/"+customer, "invoice_settings[default_payment_method]=pm_card_visa").wantError(t, 400, "resource_missing", "invoice_settings[default_payment_method]", missing)
	b.send("POST", "/v1/customers", "payment_method="+saved[0]).wantError(t, 400, "", "payment_method", "already been attached")
	other := b.send("POST", "/v1/customers", "")
	b.send("POST", "/v1/subscriptions", "items[0][price]=p&customer="+str(other.at("id"))+"&default_payment_method="+saved[0]).wantError(t, 400, "resource_missing", "default_payment_method", saved[0])
}
