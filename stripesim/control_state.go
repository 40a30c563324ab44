package stripesim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// Stripe's read allocation: 500 GETs for each transaction, over 30 days, and at
// least 10,000 a month (Stripe docs: rate-limits).
const (
	allocationFloor    = 10_000
	getsPerTransaction = 500
)

func controlCounters(s *Server, _ *http.Request, _ string) (any, error) {
	c := s.Counts()
	statuses := map[string]int64{}
	limited := int64(0)
	for status, n := range c.Statuses {
		statuses[fmt.Sprint(status)] = n
	}
	reasons := map[string]int64{}
	for reason, n := range c.Limited {
		if limited += n; reason == "" {
			reason = codeLockTimeout
		}
		reasons[reason] = n
	}
	return map[string]any{
		"requests": c.Total, "gets": c.GETs, "methods": c.Methods, "operations": c.Operations, "statuses": statuses,
		"limited": limited, "limited_by_reason": reasons,
		"read_allocation": map[string]any{
			"gets": c.GETs, "monthly_floor": allocationFloor,
			"share_of_floor": float64(c.GETs) / allocationFloor,
			// Beyond the floor, as many transactions in 30 days pay for these GETs.
			"transactions_needed": transactionsFor(c.GETs),
		},
	}, nil
}

func transactionsFor(gets int64) int64 {
	if gets <= allocationFloor {
		return 0
	}
	return (gets + getsPerTransaction - 1) / getsPerTransaction
}

func controlReset(s *Server, r *http.Request, _ string) (any, error) {
	const hint = `send nothing, or {"keep_objects": true}`
	in := struct {
		KeepObjects bool `json:"keep_objects"`
	}{}
	if err := readControl(r, &in, hint); err != nil {
		return nil, err
	}
	if in.KeepObjects {
		s.restart()
	} else {
		s.Reset()
	}
	return map[string]any{"objects_kept": in.KeepObjects}, nil
}

// controlWorld dumps ?account=, or the default account.
func controlWorld(s *Server, r *http.Request, _ string) (any, error) {
	dump, err := s.Dump(r.URL.Query().Get("account"))
	if err != nil {
		return nil, &controlError{status: http.StatusNotFound, message: err.Error(), hint: "leave ?account= out for the default account"}
	}
	return newObject("stripe", dump), nil
}

func controlLoadWorld(s *Server, r *http.Request, _ string) (any, error) {
	if err := s.LoadWorld(r.Body); err != nil {
		return nil, badControl("POST /_sim/reset empties the simulator first; docs/stripesim.md, Worlds, describes the file", "%v", err)
	}
	return map[string]any{"loaded": true}, nil
}

func controlAddKey(s *Server, r *http.Request, _ string) (any, error) {
	const hint = `send {"permissions": {"customers": "read", "subscriptions": "write", "*": "none"}}, and "secret": "rk_...", "livemode": true or "account": "acct_..." if it matters`
	in := struct {
		Secret      string            `json:"secret"`
		Account     string            `json:"account"`
		Livemode    bool              `json:"livemode"`
		Permissions map[string]Access `json:"permissions"`
	}{}
	if err := readControl(r, &in, hint); err != nil {
		return nil, err
	}
	key, err := s.AddRestrictedKey(RestrictedKey{Secret: in.Secret, Account: in.Account, Livemode: in.Livemode, Access: in.Permissions})
	if err != nil {
		return nil, badControl(hint, "%v", err)
	}
	slugs := []any{}
	for _, slug := range key.Permissions {
		slugs = append(slugs, slug)
	}
	return newObject("secret", key.Secret, "account", s.account(key.Account).id, "slugs", slugs), nil
}

func controlRevokeKey(s *Server, _ *http.Request, secret string) (any, error) {
	s.RevokeKey(secret)
	return map[string]any{"revoked": true}, nil
}

// controlFailure is 404 for what is not there and 409 for what does not fit the
// state of what is.
func controlFailure(err error, hint string) error {
	var gone *notFound
	if errors.As(err, &gone) {
		return &controlError{status: http.StatusNotFound, message: err.Error(), hint: hint}
	}
	return &controlError{status: http.StatusConflict, message: err.Error(), hint: hint}
}

func controlComplete(s *Server, r *http.Request, id string) (any, error) {
	const hint = `send {"email": "buyer@example.com", "name": "...", "payment_method": "pm_card_visa", "delayed": false, "fail_authentication": false, "account": "acct_..."}, each optional`
	in := struct {
		Email              string `json:"email"`
		Name               string `json:"name"`
		PaymentMethod      string `json:"payment_method"`
		Delayed            bool   `json:"delayed"`
		FailAuthentication bool   `json:"fail_authentication"`
		Account            string `json:"account"`
	}{}
	if err := readControl(r, &in, hint); err != nil {
		return nil, err
	}
	if err := s.CompleteCheckout(in.Account, id, CompleteOptions{Email: in.Email, Name: in.Name, PaymentMethod: in.PaymentMethod, Delayed: in.Delayed, FailAuthentication: in.FailAuthentication}); err != nil {
		return nil, controlFailure(err, hint)
	}
	return s.anyMode(in.Account, "checkout.session", id), nil
}

func controlSettlePayment(s *Server, r *http.Request, id string) (any, error) {
	return controlSettle(s, r, "payment_intent", id, s.SettlePayment)
}

func controlSettleSetup(s *Server, r *http.Request, id string) (any, error) {
	return controlSettle(s, r, "setup_intent", id, s.SettleSetup)
}

func controlSettle(s *Server, r *http.Request, kind, id string, settle func(account, id string, succeeded bool) error) (any, error) {
	const hint = `send {"succeeded": true} or false, and "account": "acct_..." for another than the default one`
	in := struct {
		Succeeded *bool  `json:"succeeded"`
		Account   string `json:"account"`
	}{}
	if err := readControl(r, &in, hint); err != nil {
		return nil, err
	}
	if in.Succeeded == nil {
		return nil, badControl(hint, "it is not said whether it succeeded")
	}
	if err := settle(in.Account, id, *in.Succeeded); err != nil {
		return nil, controlFailure(err, hint)
	}
	return s.anyMode(in.Account, kind, id), nil
}

// anyMode is the object with the id in whichever mode it lives.
func (s *Server) anyMode(accountID, kind, id string) json.RawMessage {
	a := s.account(accountID)
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, st := range a.modes {
		if e := st.tables[kind].byID[id]; e != nil {
			return e.raw
		}
	}
	return nil
}
