package stripesim

import (
	"net/http"
	"slices"
)

// portalView is what the customer portal shows.
type portalView struct {
	Title, Merchant, Customer, Failure, Return string
	Subscriptions                              []portalSubscription
	Invoices                                   []portalInvoice
}

type portalSubscription struct {
	ID, Status, Ends, Renews string
	Items                    []lineView
	Ending                   bool
}

type portalInvoice struct{ Number, Date, Status, Total string }

// portalInvoices is how many invoices are shown.
const portalInvoices = 24

// servePortal is the page of one portal session: who has its address is its
// customer.
func (s *Server) servePortal(w http.ResponseWriter, r *http.Request, secret string) {
	for _, a := range s.inOrder() {
		merchant := s.merchant(a)
		if answer := s.portalOf(a, secret, w, r, merchant); answer != nil {
			answer() // the lock is free again
			return
		}
	}
	s.showNotice(w, http.StatusNotFound, notice{Title: "No such page", Text: "This link to a customer portal is not known. Open the portal again from the application."})
}

func (s *Server) portalOf(a *account, secret string, w http.ResponseWriter, r *http.Request, merchant string) func() {
	now := s.now().Unix()
	a.mu.Lock()
	defer a.mu.Unlock()
	s.catchUp(a, now)
	for _, livemode := range []bool{false, true} {
		t := &tx{server: s, account: a, livemode: livemode, now: now}
		for _, e := range t.table("billing_portal.session").smallest([]string{"page=" + portalPrefix + secret}).entries {
			return t.portalAnswer(w, r, e.object(), merchant)
		}
	}
	return nil
}

func (t *tx) portalAnswer(w http.ResponseWriter, r *http.Request, portal *object, merchant string) func() {
	s, status, failure := t.server, http.StatusOK, ""
	if r.Method == http.MethodPost {
		if failure = t.changeByCustomer(portal.str("customer"), typed(r, "subscription"), typed(r, "do")); failure == "" {
			return func() { goTo(w, r, r.URL.Path) } // so that reloading sends nothing again
		}
		status = http.StatusBadRequest
	}
	view := t.portalView(portal, merchant)
	view.Failure = failure
	return func() { s.show(w, status, portalPage, view) }
}

// changeByCustomer does what a button of the portal says, as the API does it.
// It returns why not.
func (t *tx) changeByCustomer(customer, id, do string) string {
	e := t.table("subscription").byID[id]
	if e == nil || e.object().ref("customer") != customer {
		return "There is no such subscription."
	}
	if e.has([]string{tagEnded}) {
		return "This subscription has ended already."
	}
	update := subscriptionParams(true)
	c := &call{tx: *t, id: id, op: &operation{params: update}, params: &values{of: map[string]any{}}}
	var err *apiError
	switch do {
	case "end", "keep":
		c.params.names, c.params.of["cancel_at_period_end"] = []string{"cancel_at_period_end"}, do == "end"
		_, err = c.updateSubscription(update)
	case "cancel":
		_, err = c.cancel()
	default:
		return "The portal has no such button."
	}
	if err != nil {
		return err.message
	}
	return ""
}

func (t *tx) portalView(portal *object, merchant string) *portalView {
	customer := portal.str("customer")
	v := &portalView{Title: "Your subscriptions at " + merchant, Merchant: merchant, Return: webAddress(portal.str("return_url"))}
	if e := t.table("customer").byID[customer]; e != nil {
		v.Customer = orElse(e.object().str("email"), orElse(e.object().str("name"), customer))
	}
	mine := []string{"customer=" + customer}
	for _, e := range slices.Backward(t.table("subscription").smallest(mine).entries) {
		if o := e.object(); !e.has([]string{tagEnded}) {
			v.Subscriptions = append(v.Subscriptions, t.portalSubscription(e.id, o))
		}
	}
	for _, e := range slices.Backward(t.table("invoice").smallest(mine).entries) {
		o := e.object()
		if o.str("status") == "draft" || len(v.Invoices) == portalInvoices {
			continue
		}
		v.Invoices = append(v.Invoices, portalInvoice{Number: orElse(o.str("number"), e.id), Date: day(o.int("created")),
			Status: o.str("status"), Total: money(o.int("total"), o.str("currency"))})
	}
	return v
}

func (t *tx) portalSubscription(id string, o *object) portalSubscription {
	v := portalSubscription{ID: id, Status: o.str("status"), Ending: !o.null("cancel_at") || o.bool("cancel_at_period_end")}
	for _, raw := range elements(o.list("items")) {
		item := parseObject(raw)
		price := item.child("price")
		v.Items = append(v.Items, t.lineView(newObject("price", price, "quantity", max(1, item.int("quantity")))))
		v.Renews = day(item.int("current_period_end"))
	}
	if v.Ending {
		v.Ends = orElse(day(o.int("cancel_at")), v.Renews)
	}
	return v
}

// day writes a date for people, "" for none.
func day(seconds int64) string {
	if seconds == 0 {
		return ""
	}
	return unixUTC(seconds).Format("2 January 2006")
}
