package stripeapi

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"rightful"
	"rightful/internal/stripeobject"
)

// endpoints are the lists of the types that are read.
var endpoints = map[rightful.ObjectType]endpoint{
	rightful.TypeCustomer:      {collection: "/v1/customers"},
	rightful.TypeSession:       {collection: "/v1/checkout/sessions"},
	rightful.TypeSubscription:  {collection: "/v1/subscriptions"},
	rightful.TypePaymentIntent: {collection: "/v1/payment_intents"},
	rightful.TypeSchedule:      {collection: "/v1/subscription_schedules"},
	rightful.TypeInvoice:       {collection: "/v1/invoices"},
	rightful.TypeCharge:        {collection: "/v1/charges"},
	rightful.TypePaymentMethod: {collection: "/v1/payment_methods"},
}

func endpointOf(t rightful.ObjectType) (endpoint, error) {
	e, ok := endpoints[t]
	if !ok {
		return endpoint{}, &rightful.Error{Kind: rightful.KindInvalid, Place: "stripe", Message: fmt.Sprintf("objects of type %q are not read", t)}
	}
	return e, nil
}

// longestID is Stripe's limit on ids, in characters (docs.stripe.com/upgrades).
const longestID = 255

// impossible reports ids that no Stripe object can have. Asking for them would
// ask something else: "search" is another endpoint, dots another path.
func impossible(id string) bool {
	switch {
	case id == "" || id == "." || id == ".." || id == "search":
		return true
	case !utf8.ValidString(id) || utf8.RuneCountInString(id) > longestID:
		return true
	}
	return strings.ContainsFunc(id, unicode.IsControl)
}

// Get implements rightful.StripeReader. An id that no Stripe object can have is
// missing without a request. An account that is used as a customer (acct_...)
// and not found as one is unknown: it may exist where we cannot look.
//
// A deleted stub comes with its id, type, account and mode.
func (r *Reader) Get(ctx context.Context, t rightful.ObjectType, id string) (rightful.Object, rightful.Existence, error) {
	e, err := endpointOf(t)
	if err != nil {
		return rightful.Object{}, rightful.ExistsUnknown, err
	}
	if impossible(id) {
		return rightful.Object{}, rightful.ExistsMissing, ctx.Err()
	}
	e.byID = true
	var o rightful.Object
	err = r.request(ctx, e, id, nil, func(body []byte) error {
		var err error
		if o, err = stripeobject.Decode(body, t, r.keys, r.known()); err != nil {
			return err
		}
		if o.ID != id {
			return errors.New("it is about another object than the one asked for")
		}
		return nil
	})
	var f *failure
	switch {
	case err == nil && o.Deleted:
		return o, rightful.ExistsDeleted, nil
	case err == nil:
		return o, rightful.ExistsPresent, nil
	case errors.As(err, &f) && f.missing() && t == rightful.TypeCustomer && strings.HasPrefix(id, "acct_"):
		return rightful.Object{}, rightful.ExistsUnknown, nil
	case errors.As(err, &f) && f.missing():
		return rightful.Object{}, rightful.ExistsMissing, nil
	}
	return rightful.Object{}, rightful.ExistsUnknown, err
}
