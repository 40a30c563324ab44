package server

import (
	"errors"
	"net/http"

	"rightful/gateway"
)

// companyAnswer is a user's company. That there is none is an answer too: only the
// ways tell why.
type companyAnswer struct {
	CompanyID *string      `json:"company_id"`
	Status    string       `json:"status"`
	Ways      gateway.Ways `json:"ways"`
}

// found is the status of a user who has one live company.
const found = "found"

// company answers GET /v1/users/{user_id}/company.
func (s *Server) company(_ http.ResponseWriter, r *http.Request, _ *caller) (any, error) {
	answer, err := s.o.Gateway.Company(r.Context(), r.PathValue("user_id"))
	if refused, ok := errors.AsType[*gateway.Refusal](err); ok && (refused.Status == gateway.NoCompany || refused.Status == gateway.CompanyGone) {
		return companyAnswer{Status: string(refused.Status), Ways: answer.Ways}, nil
	}
	if err != nil {
		return nil, err
	}
	return companyAnswer{CompanyID: &answer.CompanyID, Status: found, Ways: answer.Ways}, nil
}

// customer answers POST /v1/companies/{company_id}/customer. A body is not needed.
func (s *Server) customer(w http.ResponseWriter, r *http.Request, _ *caller) (any, error) {
	var body struct {
		Name  string `json:"name"`
		Email string `json:"email"`
	}
	if err := decode(w, r, &body, true); err != nil {
		return nil, err
	}
	return orError(s.o.Gateway.EnsureCustomer(r.Context(), r.PathValue("company_id"), gateway.CustomerDetails{Name: body.Name, Email: body.Email}))
}

// sessionAnswer is a session. What is not known of it is null, and no empty list.
type sessionAnswer struct {
	gateway.Session
	AlreadySubscribed *[]string `json:"already_subscribed"`
}

// checkout answers POST /v1/checkout/sessions.
func (s *Server) checkout(w http.ResponseWriter, r *http.Request, _ *caller) (any, error) {
	var body struct {
		UserID       appID             `json:"user_id"`
		CompanyID    appID             `json:"company_id"`
		Mode         string            `json:"mode"`
		Price        string            `json:"price"`
		Quantity     int64             `json:"quantity"`
		SuccessURL   string            `json:"success_url"`
		CancelURL    string            `json:"cancel_url"`
		Metadata     map[string]string `json:"metadata"`
		StripeParams params            `json:"stripe_params"`
	}
	if err := decode(w, r, &body, false); err != nil {
		return nil, err
	}
	session, err := s.o.Gateway.CreateCheckoutSession(r.Context(), gateway.CheckoutRequest{
		UserID: string(body.UserID), CompanyID: string(body.CompanyID), Mode: body.Mode, Price: body.Price, Quantity: body.Quantity,
		SuccessURL: body.SuccessURL, CancelURL: body.CancelURL, Metadata: body.Metadata, StripeParams: body.StripeParams,
	})
	if err != nil {
		return nil, err
	}
	answer := sessionAnswer{Session: session}
	if session.AlreadySubscribed != nil {
		answer.AlreadySubscribed = &session.AlreadySubscribed
	}
	return answer, nil
}

// portal answers POST /v1/portal/sessions.
func (s *Server) portal(w http.ResponseWriter, r *http.Request, _ *caller) (any, error) {
	var body struct {
		UserID        appID  `json:"user_id"`
		CompanyID     appID  `json:"company_id"`
		ReturnURL     string `json:"return_url"`
		Configuration string `json:"configuration"`
	}
	if err := decode(w, r, &body, false); err != nil {
		return nil, err
	}
	return orError(s.o.Gateway.CreatePortalSession(r.Context(), gateway.PortalRequest{
		UserID: string(body.UserID), CompanyID: string(body.CompanyID), ReturnURL: body.ReturnURL, Configuration: body.Configuration,
	}))
}

// validate answers POST /v1/payments/validate.
func (s *Server) validate(w http.ResponseWriter, r *http.Request, c *caller) (any, error) {
	var body struct {
		SessionID *string `json:"session_id"`
		UserID    appID   `json:"user_id"`
	}
	if err := decode(w, r, &body, false); err != nil {
		return nil, err
	}
	if body.SessionID == nil {
		return nil, missing("session_id")
	}
	return orError(s.o.Gateway.ValidatePayment(r.Context(), *body.SessionID, string(body.UserID), c.operator()))
}

// missing is the answer to an app that sends no id at all. One that is empty is what a
// browser sent, and an id like any other that nothing has.
func missing(field string) error { return badBody(field, "the field is missing") }

// guard answers POST /v1/guard/....
func (s *Server) guard(what Guarded) handler {
	return func(w http.ResponseWriter, r *http.Request, _ *caller) (any, error) {
		var body struct {
			UserID appID   `json:"user_id"`
			ID     *string `json:"id"`
		}
		if err := decode(w, r, &body, false); err != nil {
			return nil, err
		}
		if body.ID == nil {
			return nil, missing("id")
		}
		return orError(s.o.Gateway.Guard(r.Context(), what, string(body.UserID), *body.ID))
	}
}

// orError makes an answer of what a call returned.
func orError[T any](value T, err error) (any, error) { return value, err }
