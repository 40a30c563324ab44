package gateway

import (
	"errors"
	"regexp"
	"strings"

	"rightful"
)

// refusedBy puts the field of the request in the place of an error by which Stripe
// refused a parameter, and into its hint, as with those that are refused here; without
// either when no field of the caller's is to blame. The same request would be refused again, so that
// it must not look like a place that cannot be read now.
func refusedBy(err error, field func(param string) string) error {
	said, ok := errors.AsType[*rightful.Error](err)
	if !ok || said.Kind != rightful.KindInvalid || said.Place != "stripe" {
		return err
	}
	told := *said
	told.Place, told.Err = "", err
	var p interface{ Param() string } // of whichever client of Stripe it is
	if errors.As(err, &p) && p.Param() != "" {
		told.Place, told.Hint = field(p.Param()), ""
		if told.Place != "" {
			told.Hint = "look at " + told.Place
		}
	}
	return &told
}

// inBrackets is one step into a parameter of Stripe's: [metadata] or [0].
var inBrackets = regexp.MustCompile(`\[([a-z_][^\[\]]*)\]`)

// fieldOf returns the field of the request that a parameter of Stripe's comes from;
// empty: it is none of the caller's.
func (r CheckoutRequest) fieldOf(param string) string {
	top, below, _ := strings.Cut(param, "[")
	switch {
	case param == "", top == "customer", top == "client_reference_id", top == "expand":
		return ""
	case top == "mode", top == "success_url", top == "cancel_url":
		return top
	case top == "line_items" && r.Price != "" && strings.HasSuffix(below, "quantity]"):
		return "quantity"
	case top == "line_items" && r.Price != "":
		return "price"
	case top == "metadata" && r.StripeParams["metadata"] == nil:
		return top
	}
	return "stripe_params." + inBrackets.ReplaceAllString(param, ".$1")
}

// fieldOf returns the field that a parameter of Stripe's comes from; empty: it is none
// of the caller's.
func (CustomerDetails) fieldOf(param string) string {
	if param == "name" || param == "email" {
		return param
	}
	return ""
}
