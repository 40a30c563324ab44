package stripesim

import (
	"errors"
	"net/http"
	"strings"
)

// payView is what the page of a checkout session shows.
type payView struct {
	Title, Merchant, Heading, Button string
	Total, Later                     string
	Lines                            []lineView
	Email, Name, Method              string
	EmailFixed                       bool
	Methods                          []methodView // none when nothing is collected
	Form, Failure, Back              string
}

type lineView struct {
	Name, Each, Amount string
	Quantity           int64
}

type methodView struct {
	ID, Label string
	Chosen    bool
}

// payMethods are the outcomes that the page offers; the API knows more.
var payMethods = []methodView{
	{ID: "pm_card_visa", Label: "Visa 4242: succeeds"},
	{ID: "pm_card_mastercard", Label: "Mastercard 4444: succeeds"},
	{ID: "pm_card_authenticationRequired", Label: "Visa 3184: asks to authenticate"},
	{ID: "pm_card_chargeDeclined", Label: "Visa 0002: declined"},
	{ID: "pm_card_chargeDeclinedInsufficientFunds", Label: "Visa 9995: declined, insufficient funds"},
	{ID: "pm_card_chargeDeclinedExpiredCard", Label: "Visa 0069: declined, expired"},
	{ID: "pm_card_chargeDeclinedIncorrectCvc", Label: "Visa 0127: declined, wrong security code"},
	{ID: "pm_card_chargeDeclinedProcessingError", Label: "Visa 0119: processing error"},
	{ID: "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", Label: "Visa 3178: asks to authenticate, then declined"},
	{ID: "pm_usBankAccount_success", Label: "US bank account 6789: processing, takes days"},
}

// servePay is the page of one checkout session.
func (s *Server) servePay(w http.ResponseWriter, r *http.Request, id string) {
	for _, a := range s.inOrder() {
		merchant := s.merchant(a)
		var answer func()
		err := s.inSession(a, id, func(t *tx, e *entry) error {
			answer = t.payAnswer(w, r, e, merchant)
			return nil
		})
		if err == nil {
			answer() // the lock is free again
			return
		}
	}
	s.showNotice(w, http.StatusNotFound, notice{Title: "No such session", Text: "There is no checkout session " + shorten(id) + " in this simulator. Start again in the shop."})
}

// payAnswer does what the browser asks for, and returns how to show it: what
// is shown needs the account's lock, and showing it must not hold it.
func (t *tx) payAnswer(w http.ResponseWriter, r *http.Request, e *entry, merchant string) func() {
	s, o := t.server, e.object()
	say := func(status int, n notice) func() { return func() { s.showNotice(w, status, n) } }
	if mode := o.str("ui_mode"); mode != "" && mode != "hosted" && mode != "hosted_page" {
		return say(http.StatusNotFound, notice{Title: "No hosted page", Text: "This session is shown inside the shop's own page (ui_mode " + shorten(mode) + "), so it has no page here."})
	}
	if r.Method == http.MethodPost && o.str("status") == "complete" && sentBefore(e, typed(r, "form")) {
		return t.paid(w, r, o)
	}
	if answer := closedSession(o, t.now); answer != nil {
		return say(http.StatusOK, *answer)
	}
	view := t.payView(e, merchant)
	if r.Method != http.MethodPost {
		return func() { s.show(w, http.StatusOK, payPage, view) }
	}
	view.take(r)
	p := purchase{CompleteOptions: CompleteOptions{Email: view.Email, Name: view.Name, PaymentMethod: view.Method, FailAuthentication: typed(r, "answer") == "fail"},
		ask: true, answered: typed(r, "answer") != ""}
	err := t.complete(e, p)
	var refused *refusedPayment
	switch {
	case err == nil:
		hidden := parseObject(e.hidden)
		if hidden == nil {
			hidden = newObject()
		}
		hidden.set("form", typed(r, "form"))
		e.hidden = hidden.raw()
		return t.paid(w, r, e.object())
	case errors.Is(err, errAsks):
		view.Title = "Authenticate"
		return func() { s.show(w, http.StatusOK, challengePage, view) }
	case errors.As(err, &refused):
		view.Failure = refused.message
		return func() { s.show(w, http.StatusPaymentRequired, payPage, view) }
	}
	view.Failure = "This cannot be paid: " + err.Error()
	if !looksLikeEmail(view.Email) {
		view.Failure = "Your email is incomplete."
	}
	return func() { s.show(w, http.StatusBadRequest, payPage, view) }
}

// sentBefore reports that a session was paid by this very form: a button that
// was pressed twice.
func sentBefore(e *entry, form string) bool {
	return form != "" && parseObject(e.hidden).str("form") == form
}

// paid sends the browser back to the shop.
func (t *tx) paid(w http.ResponseWriter, r *http.Request, o *object) func() {
	if target := returnTarget(o, "success_url"); target != "" {
		return func() { goTo(w, r, target) }
	}
	return func() {
		t.server.showNotice(w, http.StatusOK, notice{Title: "Paid", Text: "Thank you. The shop named no page to return to."})
	}
}

// returnTarget is a url of a session with its id filled in, "" when there is
// none that a browser may follow.
func returnTarget(o *object, name string) string {
	return webAddress(strings.ReplaceAll(o.str(name), "{CHECKOUT_SESSION_ID}", o.str("id")))
}

// closedSession is what is said about a session that cannot be paid any more,
// nil when it can.
func closedSession(o *object, now int64) *notice {
	expires := o.int("expires_at")
	switch status := o.str("status"); {
	case status == "complete":
		return &notice{Title: "Already paid", Text: "This checkout is complete. It was not charged again.",
			Link: returnTarget(o, "success_url"), LinkID: "continue", LinkText: "Continue"}
	case status == "expired" || expires > 0 && expires <= now:
		return &notice{Title: "Expired", Text: "This checkout has expired. Nothing was charged; start again in the shop.",
			Link: returnTarget(o, "cancel_url"), LinkID: "back", LinkText: "Back"}
	case status != "open":
		return &notice{Title: "Not open", Text: "This checkout is not open, so that it cannot be paid here."}
	}
	return nil
}

// payView is what there is to show of an open session.
func (t *tx) payView(e *entry, merchant string) *payView {
	o, hidden := e.object(), parseObject(e.hidden)
	v := &payView{Title: "Pay " + merchant, Merchant: merchant, Heading: "Pay", Button: "Pay", Email: o.str("customer_email"),
		Back: returnTarget(o, "cancel_url"), Form: newForm()}
	if customer := t.table("customer").byID[o.ref("customer")]; customer != nil {
		v.Email, v.Name = customer.object().str("email"), customer.object().str("name")
		v.EmailFixed = v.Email != ""
	}
	for _, line := range t.lines(o, hidden) {
		v.Lines = append(v.Lines, t.lineView(line))
	}
	currency := orElse(o.str("currency"), assumedCurrency)
	switch o.str("mode") {
	case "payment":
		v.Total = money(o.int("amount_total"), currency)
	case "subscription":
		due, trialEnd := t.dueToday(o, hidden)
		v.Heading, v.Button, v.Total = "Subscribe. Due today:", "Subscribe", money(due, currency)
		if trialEnd > 0 {
			v.Button = "Start trial"
			v.Later = "The trial ends on " + unixUTC(trialEnd).Format("2 January 2006") + "."
		}
	default:
		v.Heading, v.Button = "Save a payment method", "Save"
	}
	if t.collects(o, hidden) {
		for _, m := range payMethods {
			if !testMethods[m.ID].delayed || o.str("mode") != "setup" {
				v.Methods = append(v.Methods, m)
			}
		}
	}
	return v
}

// lineView is one line item; its name is that of its product where it is known.
func (t *tx) lineView(line *object) lineView {
	price := line.child("price")
	name := line.str("description")
	if product := t.table("product").byID[price.ref("product")]; name == "" && product != nil {
		name = product.object().str("name")
	}
	for _, other := range []string{price.str("nickname"), price.str("id"), "Item"} {
		name = orElse(name, other)
	}
	currency := orElse(price.str("currency"), line.str("currency"))
	return lineView{Name: name, Quantity: line.int("quantity"), Each: money(price.int("unit_amount"), currency) + perPeriod(price),
		Amount: money(line.int("amount_total"), currency)}
}

// take fills in what the buyer sent.
func (v *payView) take(r *http.Request) {
	if !v.EmailFixed {
		v.Email = typed(r, "email")
	}
	v.Name, v.Method = typed(r, "name"), typed(r, "method")
	if form := typed(r, "form"); form != "" {
		v.Form = form
	}
	for i := range v.Methods {
		v.Methods[i].Chosen = v.Methods[i].ID == v.Method
	}
}
