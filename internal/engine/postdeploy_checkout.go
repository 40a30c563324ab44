package engine

import (
	"context"
	"fmt"
	"time"

	"rightful"
)

// Buying makes checkout sessions as the app does, through the gateway, and closes
// them again.
type Buying interface {
	// Buy makes a session for a user and a price, and returns it as Stripe then shows
	// it, and the company that the resolver named.
	Buy(ctx context.Context, userID, priceID string) (made rightful.Checkout, companyID string, err error)
	// Expire closes it.
	Expire(ctx context.Context, sessionID string) error
}

// CheckoutInput says for whom a synthetic checkout session is made.
type CheckoutInput struct {
	Buying  Buying
	UserID  string
	PriceID string
}

// CheckoutReport is what became of the synthetic session. It is never paid.
type CheckoutReport struct {
	UserID    string   `json:"user_id"`
	SessionID string   `json:"session_id"` // empty: none was made
	CompanyID string   `json:"company_id"` // that the resolver named
	Expired   bool     `json:"expired"`
	Failed    string   `json:"failed"`   // which place did not answer; then nothing is known
	Problems  []string `json:"problems"` // what is wrong with it
}

func (c *CheckoutReport) ok() bool { return c == nil || c.Failed == "" && len(c.Problems) == 0 }

// How long making the session and closing it may take, also after an interrupt:
// nobody is to find an open one that nobody wanted. A request that is broken off may
// have made one of which nobody knows the id.
const (
	buyWithin    = time.Minute
	expireWithin = 30 * time.Second
)

// tryCheckout makes a session, closes it, and looks at its stamps.
func (e *Engine) tryCheckout(ctx context.Context, in CheckoutInput) *CheckoutReport {
	r := &CheckoutReport{UserID: in.UserID, Problems: []string{}}
	buying, cancel := context.WithTimeout(context.WithoutCancel(ctx), buyWithin)
	defer cancel()
	made, company, err := in.Buying.Buy(buying, in.UserID, in.PriceID)
	r.CompanyID, r.SessionID = company, made.Session.ID
	if made.Session.ID != "" {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), expireWithin)
		defer cancel()
		if err := in.Buying.Expire(closing, made.Session.ID); err != nil {
			r.problem("it could not be closed, and is open: %s; expire it by hand", plain(err))
		} else {
			r.Expired = true
		}
	}
	switch rightful.KindOf(err) {
	case rightful.KindUnreachable, rightful.KindUnavailable, rightful.KindUncertain:
		r.Failed = plain(err)
		return r
	}
	if err != nil {
		r.problem("it could not be made: %s", plain(err))
		return r
	}
	companies, err := e.companiesBy(ctx, rightful.ByID, company)
	if err != nil {
		r.Failed = plain(err)
		return r
	}
	if len(companies) == 0 {
		r.problem("the resolver names company %s, and there is no such company", company)
		return r
	}
	stamp := stampOf(companies[0])
	keys := e.Rules.Keys
	says := func(place, have, want string) {
		if !rightful.SameID(have, want) {
			r.Problems = append(r.Problems, shouldBe(place, have, want))
		}
	}
	says("metadata."+keys.Company+" of the session", made.Session.Metadata[keys.Company], stamp)
	says("metadata."+keys.User+" of the session", made.Session.Metadata[keys.User], in.UserID)
	says("client_reference_id", made.Session.ClientReferenceID, stamp)
	if made.Customer.ID == "" {
		r.problem("it has no customer")
	} else {
		problem, err := e.customerProblem(ctx, made.Customer, companies[0])
		switch {
		case err != nil:
			r.Failed = plain(err)
			return r
		case problem != "":
			r.Problems = append(r.Problems, problem)
		}
	}
	if keys.Ownership != "" {
		says("metadata."+keys.Ownership+" of the session", made.Session.Metadata[keys.Ownership], e.Rules.OwnershipValue)
	}
	return r
}

// shouldBe says what a place holds, and what it should.
func shouldBe(place, have, want string) string {
	return fmt.Sprintf("%s is %q, and should be %q", place, have, want)
}

func (r *CheckoutReport) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}
