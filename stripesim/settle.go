package stripesim

import "fmt"

// SettlePayment ends the wait of a payment intent in status processing, as the
// bank behind a delayed payment method does: it succeeds with a charge, or it
// fails and asks for another method. A checkout session that was completed
// with it becomes paid (checkout.session.async_payment_succeeded) or stays
// unpaid (async_payment_failed). The account "" is the default account.
//
// It returns an error when there is no such account or intent, or the intent
// is not processing; nothing is changed then.
func (s *Server) SettlePayment(account, paymentIntent string, succeeded bool) error {
	acct := s.account(account)
	if acct == nil {
		return fmt.Errorf("stripesim: settle payment: there is no account %s", account)
	}
	now := s.now().Unix()
	acct.mu.Lock()
	defer acct.mu.Unlock()
	s.catchUp(acct, now)
	for _, livemode := range []bool{false, true} {
		t := &tx{server: s, account: acct, livemode: livemode, now: now}
		e := t.table("payment_intent").byID[paymentIntent]
		if e == nil {
			continue
		}
		if status := e.object().str("status"); status != "processing" {
			return fmt.Errorf("stripesim: settle payment %s: it is %s; only a processing payment can be settled", paymentIntent, status)
		}
		t.settlePayment(e, succeeded)
		return nil
	}
	return fmt.Errorf("stripesim: settle payment: account %s has no payment intent %s", acct.id, paymentIntent)
}

func (t *tx) settlePayment(e *entry, succeeded bool) {
	if succeeded {
		t.settleIntent(e)
	} else {
		_ = t.failIntent(e) // the error is for whoever confirmed the intent
	}
	sessions := t.table("checkout.session").smallest([]string{"payment_intent=" + e.id})
	for _, session := range append([]*entry(nil), sessions.entries...) {
		o := session.object()
		switch {
		case o.str("status") != "complete" || o.str("payment_status") != "unpaid":
		case succeeded:
			o.set("payment_status", "paid")
			t.update("checkout.session", session, o)
		default:
			t.emit("checkout.session.async_payment_failed", o, nil)
		}
	}
	invoices := t.table("invoice").smallest([]string{"status=open"})
	for _, invoice := range append([]*entry(nil), invoices.entries...) {
		if succeeded && parseObject(invoice.hidden).str("payment_intent") == e.id {
			t.markPaid(invoice, e.id)
		}
	}
}
