package main

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"rightful/gateway"
)

// buy sends the buyer to Stripe's page. Whose the purchase will be is not the shop's to
// say: the gateway resolves it from who is signed in. The company that the page showed
// goes along, so that nobody buys for one after switching to another in a second tab.
func (s *shop) buy(w http.ResponseWriter, r *http.Request, u user) {
	session, err := s.gateway.CreateCheckoutSession(r.Context(), gateway.CheckoutRequest{
		UserID: u.text(), CompanyID: r.PostFormValue("company_id"), Mode: "subscription", Price: s.price,
		SuccessURL: s.url + "/return?session_id={CHECKOUT_SESSION_ID}", CancelURL: s.url + "/",
	})
	if refusal, ok := errors.AsType[*gateway.Refusal](err); ok {
		s.log.Warn("checkout refused", "status", refusal.Status, "code", refusal.Code, "because", refusal.Message)
		s.show(w, http.StatusConflict, "message", refusal.BuyerMessage)
		return
	}
	if err != nil {
		s.later(w, r, err)
		return
	}
	if len(session.AlreadySubscribed) > 0 && r.PostFormValue("again") == "" {
		// Most often a colleague has bought it. Nothing is lost by asking: the session waits.
		s.show(w, http.StatusOK, "already", session.CompanyID)
		return
	}
	http.Redirect(w, r, session.URL, http.StatusSeeOther)
}

// comeBack is the page that Stripe sends the buyer to. It gives nothing: access comes
// with the subscription's row, which a notice writes. So whatever somebody puts in the
// address bar, all that happens here is a sentence.
func (s *shop) comeBack(w http.ResponseWriter, r *http.Request) {
	who := ""
	if id := s.signedIn(r); id != 0 {
		who = strconv.FormatInt(id, 10)
	}
	v, err := s.gateway.ValidatePayment(r.Context(), gateway.ValidationRequest{SessionID: r.FormValue("session_id"), UserID: who})
	if err != nil {
		s.later(w, r, err)
		return
	}
	if v.Status != gateway.Valid {
		s.log.Warn("payment not in order", "status", v.Status, "because", v.OperatorMessage)
	}
	s.show(w, http.StatusOK, "returned", v)
}

// portal sends a member to Stripe's portal, for the company that they work in. Whose
// customer that is, is the gateway's to say: no form names one.
func (s *shop) portal(w http.ResponseWriter, r *http.Request, u user) {
	portal, err := s.gateway.CreatePortalSession(r.Context(), gateway.PortalRequest{UserID: u.text(), ReturnURL: s.url + "/"})
	if refusal, ok := errors.AsType[*gateway.Refusal](err); ok {
		s.log.Warn("portal refused", "status", refusal.Status, "code", refusal.Code, "because", refusal.Message)
		s.show(w, http.StatusConflict, "message", refusal.BuyerMessage)
		return
	}
	if err != nil {
		s.later(w, r, err)
		return
	}
	http.Redirect(w, r, portal.URL, http.StatusSeeOther)
}

// takeNotice writes what the shop knows of a subscription. rightful has judged whose it
// is, and tells at least once and in order: the same notice again changes nothing.
func (s *store) takeNotice(ctx context.Context, n gateway.Notice) error {
	if n.Object.Type != "subscription" || n.Superseded {
		return nil
	}
	company, err := strconv.ParseInt(n.CompanyID, 10, 64)
	if err != nil {
		return err
	}
	return s.keepSubscription(ctx, n.Object.ID, n.Object.StripeCustomerID, company, n.Object.Status)
}
