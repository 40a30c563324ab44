package stripesim

import (
	"errors"
	"fmt"
	"net/http"
)

// CompleteOptions are what a buyer types on the hosted payment page.
type CompleteOptions struct {
	// Email is the buyer's address. It is needed when the session has neither
	// a customer with an email nor customer_email.
	Email string
	// Name is the buyer's name; optional.
	Name string
	// PaymentMethod is the test payment method that the buyer pays with, by
	// Stripe's name (docs/stripesim.md, Money): pm_card_chargeDeclined. Empty
	// means pm_card_visa, or pm_usBankAccount_success when Delayed is set.
	PaymentMethod string
	// Delayed makes the buyer pay by a method that takes days, such as a bank
	// debit: the session is complete and its payment_status "unpaid" until
	// SettlePayment. Not for setup mode.
	Delayed bool
	// FailAuthentication makes the buyer fail where the payment method asks to
	// authenticate. Otherwise the buyer passes.
	FailAuthentication bool
}

// CompleteCheckout plays the buyer: it pays an open checkout session, as if
// the hosted page had been filled in and sent. The account "" is the default
// account; the session is found in either mode.
//
// As at Stripe, a session without a customer gets a new one in subscription
// mode, and in payment and setup mode only with customer_creation=always;
// otherwise the buyer is a guest and customer stays null. Subscription mode
// creates the subscription with its first invoice, payment mode a
// payment intent with its charge, setup mode a setup
// intent. They get the metadata of subscription_data, payment_intent_data or
// setup_intent_data; the session's own
// metadata goes nowhere (Stripe docs: metadata). payment_status becomes
// "paid", "unpaid" while a delayed payment is under way, or
// "no_payment_required" when nothing is due.
//
// It returns an error when the account or session does not exist, the session
// is not open or is past its expires_at, its customer is gone, or no email is
// known; nothing is changed then. It also returns an error when the payment
// method is refused: the session stays open, and in payment and setup mode its
// intent shows the failure, with the events of it.
func (s *Server) CompleteCheckout(account, sessionID string, opts CompleteOptions) error {
	acct := s.account(account)
	if acct == nil {
		return nothingNamed("stripesim: complete checkout: there is no account %s", account)
	}
	err := s.inSession(acct, sessionID, func(t *tx, e *entry) error { return t.complete(e, purchase{CompleteOptions: opts}) })
	if err == errNoSession {
		return nothingNamed("stripesim: complete checkout: account %s has no session %s", acct.id, sessionID)
	}
	if err != nil {
		return fmt.Errorf("stripesim: complete checkout session %s: %w", sessionID, err)
	}
	return nil
}

var errNoSession = errors.New("there is no such session")

// inSession calls f with a checkout session of either mode, under the lock of
// its account, and returns errNoSession when there is none.
func (s *Server) inSession(acct *account, id string, f func(t *tx, e *entry) error) error {
	now := s.now().Unix()
	acct.mu.Lock()
	defer acct.mu.Unlock()
	s.catchUp(acct, now)
	for _, livemode := range []bool{false, true} {
		t := &tx{server: s, account: acct, livemode: livemode, now: now}
		if e := t.table("checkout.session").byID[id]; e != nil {
			return f(t, e)
		}
	}
	return errNoSession
}

// complete checks what a buyer sent and carries it out.
func (t *tx) complete(e *entry, p purchase) error {
	p.session, p.o, p.hidden = e, e.object(), parseObject(e.hidden)
	if err := t.payable(p.o); err != nil {
		return err
	}
	p.mode = p.o.str("mode")
	if p.mode != "payment" && p.mode != "setup" && p.mode != "subscription" {
		return fmt.Errorf("its mode is %q, so it is unknown what it sells; use payment, subscription or setup", p.mode)
	}
	if err := p.chooseMethod(); err != nil {
		return err
	}
	if err := t.findBuyer(&p); err != nil {
		return err
	}
	p.collects, p.due = t.collects(p.o, p.hidden), t.isDue(p.o, p.hidden)
	return t.buy(&p)
}

// payable is why a session cannot be paid any more, nil when it can.
func (t *tx) payable(o *object) error {
	if status := o.str("status"); status != "open" {
		return fmt.Errorf("its status is %q; only an open session can be paid", status)
	}
	if expires := o.int("expires_at"); expires > 0 && expires <= t.now {
		return fmt.Errorf("it could be paid until %d and the clock says %d; create a new session", expires, t.now)
	}
	return nil
}

// chooseMethod finds the test payment method of a buyer.
func (p *purchase) chooseMethod() error {
	p.method = p.PaymentMethod
	switch {
	case p.method == "" && p.Delayed:
		p.method = "pm_usBankAccount_success"
	case p.method == "":
		p.method = "pm_card_visa"
	}
	m, known := testMethods[p.method]
	switch {
	case !known:
		return fmt.Errorf("%q is no test payment method of the simulator; docs/stripesim.md lists them under Money", shorten(p.method))
	case p.Delayed && !m.delayed:
		return fmt.Errorf("%s does not take days; leave Delayed out, or PaymentMethod", p.method)
	case m.delayed && p.mode == "setup":
		return fmt.Errorf("its mode is setup; delayed methods are modelled for payment and subscription mode only")
	}
	p.behaves = m
	return nil
}

// findBuyer finds out who pays. A customer that has to be made is not made yet.
func (t *tx) findBuyer(p *purchase) error {
	p.email = p.Email
	if p.email == "" {
		p.email = p.o.str("customer_email")
	}
	if id := p.o.ref("customer"); id != "" {
		e, err := t.findLive("customer", id, http.StatusBadRequest, "customer")
		if err != nil {
			return fmt.Errorf("its customer cannot be charged: %s", err.message)
		}
		p.customer = e
		if p.email == "" {
			p.email = e.object().str("email")
		}
	}
	if !looksLikeEmail(p.email) {
		return fmt.Errorf("no email of the buyer is known (%q): set CompleteOptions.Email", p.email)
	}
	return nil
}

// isDue reports that money is due today.
func (t *tx) isDue(o, hidden *object) bool {
	switch o.str("mode") {
	case "payment":
		return o.int("amount_total") > 0
	case "subscription":
		today, _ := t.dueToday(o, hidden)
		return today > 0
	}
	return false
}

// collects reports that the buyer has to give a payment method: not for a
// purchase that is free, nor a subscription of which nothing is due today when
// the session says if_required.
func (t *tx) collects(o, hidden *object) bool {
	switch o.str("mode") {
	case "payment":
		return t.isDue(o, hidden)
	case "subscription":
		return t.isDue(o, hidden) || o.str("payment_method_collection") != "if_required"
	}
	return true
}
