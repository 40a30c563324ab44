package stripesim

import "net/http"

// attempt is how a payment is tried.
type attempt struct {
	// offSession: the customer is not there to authenticate.
	offSession bool
	// authenticated: the customer has just done so.
	authenticated bool
	// returnURL is where the customer comes back to, "" when Stripe.js waits.
	returnURL string
}

// behaviourOf is how a payment method acts; one that is no test method, such as
// a world's, works.
func (t *tx) behaviourOf(id string) (m testMethod, setUp bool) {
	e := t.table("payment_method").byID[id]
	if e == nil {
		return testMethod{}, false
	}
	hidden := parseObject(e.hidden)
	return testMethods[hidden.str("test")], hidden.bool("set_up")
}

// asksFor reports that the owner of a method has to authenticate first.
func (t *tx) asksFor(method string, how attempt) bool {
	m, setUp := t.behaviourOf(method)
	switch {
	case how.authenticated:
		return false
	case m.asks == asksAlways:
		return true
	case m.asks == asksUntilSetUp:
		return !how.offSession || !setUp
	case m.asks == asksPresent:
		return !how.offSession
	}
	return false
}

// wouldDecline is why a payment would be refused, nil when it would not.
func (t *tx) wouldDecline(method string, how attempt) *decline {
	m, _ := t.behaviourOf(method)
	if t.asksFor(method, how) {
		if how.offSession {
			return declinedAbsent
		}
		return nil // it waits for the customer
	}
	return m.onCharge
}

// noteSetUp remembers that a method may be charged without its owner.
func (t *tx) noteSetUp(e *entry) {
	hidden := parseObject(e.hidden)
	if hidden == nil {
		hidden = newObject()
	}
	hidden.set("set_up", true)
	e.hidden = hidden.raw()
}

// error is the answer to a refused payment or setup; extra has further fields.
func (d *decline) error(extra *object) *apiError {
	if d.declineCode != "" {
		extra.set("decline_code", d.declineCode)
	}
	return &apiError{status: http.StatusPaymentRequired, kind: "card_error", code: d.code, message: d.message, param: d.param, extra: extra}
}

// problem is a decline as last_payment_error and last_setup_error show it.
func (t *tx) problem(d *decline, charge, method string) *object {
	o := newObject()
	if charge != "" {
		o.set("charge", charge)
	}
	o.set("code", d.code)
	if d.declineCode != "" {
		o.set("decline_code", d.declineCode)
	}
	o.set("doc_url", docURL(d.code))
	o.set("message", d.message)
	if d.param != "" {
		o.set("param", d.param)
	}
	if e := t.table("payment_method").byID[method]; e != nil {
		o.set("payment_method", e.raw)
	}
	o.set("type", "card_error")
	return o
}

// describe writes a decline into the outcome of its charge.
func (d *decline) describe(outcome *object) {
	if d.blocked {
		outcome.set("network_status", "not_sent_to_network")
		outcome.set("reason", "highest_risk_level")
		outcome.set("risk_level", "highest")
		outcome.set("seller_message", "Stripe blocked this payment as too risky.")
		outcome.set("type", "blocked")
		return
	}
	reason := orElse(d.declineCode, d.code)
	outcome.set("network_status", "declined_by_network")
	outcome.set("reason", reason)
	outcome.set("seller_message", "The bank returned the decline code `"+reason+"`.")
	if reason == "generic_decline" {
		outcome.set("seller_message", "The bank did not return any further details with this decline.")
	}
	outcome.set("type", "issuer_declined")
}

// nextAction is what the customer has to do: Stripe.js shows a challenge, or
// (with a return_url) a page of the bank does. Both lead nowhere here; a test
// answers for the customer by SettlePayment or SettleSetup.
func (t *tx) nextAction(id string, how attempt) *object {
	url := "https://hooks.stripe.com/redirect/authenticate/" + id
	if how.returnURL != "" {
		return newObject("redirect_to_url", newObject("return_url", how.returnURL, "url", url), "type", "redirect_to_url")
	}
	return newObject("type", "use_stripe_sdk", "use_stripe_sdk", newObject("stripe_js", url, "type", "three_d_secure_redirect"))
}

const authenticationMessage = "We are unable to authenticate your payment method. Please choose a different payment method and try again."

// authenticationFailed is the problem of a customer who did not authenticate
// (Stripe docs: error-codes).
func (t *tx) authenticationFailed(code, method string) *object {
	o := newObject("code", code, "doc_url", docURL(code),
		"message", authenticationMessage)
	if e := t.table("payment_method").byID[method]; e != nil {
		o.set("payment_method", e.raw)
	}
	o.set("type", invalidRequest)
	return o
}
