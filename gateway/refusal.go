package gateway

import (
	"errors"

	"rightful"
)

// CustomerRefused is the status of a refusal to use the customer that a company
// links: it is deleted, unknown, somebody else's, or shared.
const CustomerRefused Status = "customer_refused"

// NoCustomer is the status of a refusal to open the customer portal of a company that
// has no Stripe customer of its own: it has bought nothing yet, or another one pays for
// it.
const NoCustomer Status = "no_customer"

// Refusal is the error of a call that would have to make up, or to mix up, whose
// something is. Nothing is broken: the data disagree, and somebody has to look. Its
// kind is conflict.
type Refusal struct {
	Status Status
	Code   rightful.Code // of the finding that an audit reports for it; empty when there is none
	// Message is for operators. It may name other companies.
	Message string
	// BuyerMessage may be shown to anybody.
	BuyerMessage string
	// Security marks what may show one company something of another.
	Security bool
}

// Error returns the message for operators.
func (r *Refusal) Error() string { return r.Message }

// Unwrap returns the refusal as an error of the root, of kind conflict.
func (r *Refusal) Unwrap() error {
	return &rightful.Error{Kind: rightful.KindConflict, Code: r.Code, Message: r.Message, Hint: r.hint()}
}

// hint says where an operator goes on.
func (r *Refusal) hint() string {
	if r.Code != "" {
		return "rightful explain " + string(r.Code)
	}
	return ""
}

// refusalOf returns the Refusal in an error's chain, or nil.
func refusalOf(err error) *Refusal {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r
	}
	return nil
}

// What buyers are told. None of it says anything about anybody else.
const (
	buyerNoCompany = "Your account does not belong to a company that can pay. Please ask your administrator, or contact support."
	buyerGone      = "The company that your account belongs to is no longer active. Please contact support."
	buyerCustomer  = "Your company's billing has to be looked at before you can pay. Nothing was charged. Please contact support."
	buyerPortal    = "Your company's billing has to be looked at before it can be shown. Please contact support."
	buyerAlready   = "Your company has this subscription already. Nothing was charged."
	buyerNothing   = "Your company has not bought anything yet, so there is nothing to show."
	buyerInactive  = "Your account is not active. Please sign in again, or contact support."
	buyerPayer     = "Another company pays for yours. Please ask its administrator."
	buyerOther     = "You are signed in to another company now. Please go back, and start again."
)
