package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

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

// portal sends a member to Stripe's portal for the customer that the form names. A form
// can name anybody's: the guard says whether it is theirs.
func (s *shop) portal(w http.ResponseWriter, r *http.Request, u user) {
	customer := r.PostFormValue("customer")
	held, err := s.gateway.GuardPortal(r.Context(), gateway.GuardRequest{UserID: u.text(), ID: customer})
	if err != nil {
		s.later(w, r, err)
		return
	}
	if held.Decision != gateway.Allow {
		s.show(w, http.StatusNotFound, "message", "There is no such billing account.")
		return
	}
	address, err := s.portalSession(r.Context(), customer)
	if err != nil {
		s.later(w, r, err)
		return
	}
	http.Redirect(w, r, address, http.StatusSeeOther)
}

// portalSession asks Stripe for a page of the portal; rightful only guards it.
func (s *shop) portalSession(ctx context.Context, customer string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	form := url.Values{"customer": {customer}, "return_url": {s.url + "/"}}
	base := s.stripeBase
	if base == "" {
		base = "https://api.stripe.com"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1/billing_portal/sessions", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.SetBasicAuth(s.stripeKey, "")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	var made struct {
		URL string `json:"url"`
	}
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("a portal session: Stripe answers %s", answer.Status)
	}
	err = json.NewDecoder(answer.Body).Decode(&made)
	return made.URL, err
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
