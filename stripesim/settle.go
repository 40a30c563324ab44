package stripesim

import (
	"fmt"
	"slices"
)

// SettlePayment ends the wait of a payment intent, as the bank behind a delayed
// payment method does (status processing), or the customer who authenticates
// (requires_action): it succeeds with a charge, or it fails and asks for
// another method. A card that is declined after the authentication fails, too.
// A checkout session that was completed with it becomes paid
// (checkout.session.async_payment_succeeded) or stays unpaid
// (async_payment_failed), and an invoice, with its subscription, follows. The
// account "" is the default account.
//
// It returns an error when there is no such account or intent, or the intent
// does not wait; nothing is changed then.
func (s *Server) SettlePayment(account, paymentIntent string, succeeded bool) error {
	return s.settleWait("payment", account, "payment_intent", paymentIntent, func(t *tx, e *entry, status string) bool {
		if status != "processing" && status != "requires_action" {
			return false
		}
		t.settlePayment(e, status, succeeded)
		return true
	})
}

// SettleSetup answers for the customer whom a setup intent in status
// requires_action asks to authenticate. Its errors are those of SettlePayment.
func (s *Server) SettleSetup(account, setupIntent string, succeeded bool) error {
	return s.settleWait("setup", account, "setup_intent", setupIntent, func(t *tx, e *entry, status string) bool {
		if status != "requires_action" {
			return false
		}
		if succeeded {
			_ = t.finishSetup(e, attempt{authenticated: true}) // the error is for whoever confirmed the intent
			return true
		}
		t.refuseSetup(e)
		return true
	})
}

// settleWait finds an intent in either mode; end ends its wait, or returns
// false when the status does not wait.
func (s *Server) settleWait(what, account, kind, id string, end func(t *tx, e *entry, status string) bool) error {
	acct := s.account(account)
	if acct == nil {
		return nothingNamed("stripesim: settle %s: there is no account %s", what, account)
	}
	now := s.now().Unix()
	acct.mu.Lock()
	defer acct.mu.Unlock()
	s.catchUp(acct, now)
	for _, livemode := range []bool{false, true} {
		t := &tx{server: s, account: acct, livemode: livemode, now: now}
		e := t.table(kind).byID[id]
		if e == nil {
			continue
		}
		if status := e.object().str("status"); !end(t, e, status) {
			return fmt.Errorf("stripesim: settle %s %s: it is %s; only one that waits (processing, requires_action) can be settled", what, id, status)
		}
		return nil
	}
	return nothingNamed("stripesim: settle %s: account %s has no %s %s", what, acct.id, kind, id)
}

func (t *tx) settlePayment(e *entry, status string, succeeded bool) {
	switch {
	case status == "requires_action" && succeeded:
		_ = t.chargeIntent(e, attempt{authenticated: true}) // the error is for whoever confirmed the intent
	case status == "requires_action":
		t.refuseAuthentication(e)
	case succeeded:
		t.settleIntent(e)
	default:
		_ = t.failIntent(e, declinedGeneric)
		t.notPaidAfterAll(e)
	}
	paid := e.object().str("status") == "succeeded"
	for _, session := range t.sessionsPaidBy(e) {
		o := session.object()
		switch {
		case o.str("status") != "complete" || o.str("payment_status") != "unpaid":
		case paid:
			o.set("payment_status", "paid")
			t.update("checkout.session", session, o)
		default:
			t.emit("checkout.session.async_payment_failed", o, nil)
		}
	}
}

// sessionsPaidBy are the sessions that wait for a payment intent: in payment
// mode they name it, in subscription mode their first invoice does.
func (t *tx) sessionsPaidBy(intent *entry) []*entry {
	sessions := t.table("checkout.session")
	found := slices.Clone(sessions.smallest([]string{"payment_intent=" + intent.id}).entries)
	invoice := t.invoiceOf(intent)
	if invoice == nil {
		return found
	}
	for _, e := range sessions.smallest([]string{"subscription=" + invoiceSubscription(invoice.object())}).entries {
		if e.object().ref("invoice") == invoice.id {
			found = append(found, e)
		}
	}
	return found
}

// refuseAuthentication is a customer who fails the challenge of the bank. No
// charge is tried.
func (t *tx) refuseAuthentication(e *entry) {
	o := e.object()
	o.set("last_payment_error", t.authenticationFailed("payment_intent_authentication_failure", o.ref("payment_method")))
	o.set("next_action", nil)
	o.set("payment_method", nil)
	o.set("status", "requires_payment_method")
	t.update("payment_intent", e, o)
	t.invoiceUnpaid(e)
}

// notPaidAfterAll: a subscription that counted on a slow payment is past due.
func (t *tx) notPaidAfterAll(intent *entry) {
	invoice := t.invoiceOf(intent)
	if invoice == nil {
		return
	}
	e := t.table("subscription").byID[invoiceSubscription(invoice.object())]
	if e == nil {
		return
	}
	if o := e.object(); o.str("status") == "active" && o.ref("latest_invoice") == invoice.id {
		o.set("status", "past_due")
		t.update("subscription", e, o)
	}
}
