package stripeapi

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"strings"

	"rightful"
	"rightful/internal/stripeobject"
)

// pageSize is the largest page that Stripe gives.
const pageSize = "100"

// List implements rightful.StripeReader. Pages are read one after the other;
// callers that want more speed split the list by created ranges.
//
// A filter by an object that does not exist yields nothing and no error. A
// server that does not move on (the same page again, an empty page with more to
// come) yields an error of kind unavailable.
func (r *Reader) List(ctx context.Context, q rightful.ListQuery) iter.Seq2[rightful.Object, error] {
	return func(yield func(rightful.Object, error) bool) {
		e, query, err := listQuery(q)
		if err != nil {
			yield(rightful.Object{}, err)
			return
		}
		if nothing(q) {
			return
		}
		if q.StripeCustomerID == "" && q.Email == "" && q.SubscriptionID == "" && q.PaymentIntentID == "" {
			ctx = inBulk(ctx) // the list of all of them
		}
		w := listWalk[rightful.Object]{
			reader: r, endpoint: e, query: query,
			decode: func(body []byte) ([]rightful.Object, bool, error) {
				return stripeobject.DecodePage(body, q.Type, r.keys, r.known())
			},
			id: func(o rightful.Object) string { return o.ID },
		}
		for o, err := range w.all(ctx) {
			if err == nil && o.Deleted {
				continue // Stripe lists none; the contract does not allow any
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

// listQuery turns a query into Stripe's parameters. A filter that the list of
// the type does not have is an error: Stripe would refuse it.
func listQuery(q rightful.ListQuery) (endpoint, url.Values, error) {
	e, err := endpointOf(q.Type)
	if err != nil {
		return endpoint{}, nil, err
	}
	query := url.Values{"limit": {pageSize}}
	var wrong string
	set := func(name, value string, allowed bool) {
		if value == "" {
			return
		}
		if !allowed {
			wrong = name
		}
		query.Set(name, value)
	}
	session, method := q.Type == rightful.TypeSession, q.Type == rightful.TypePaymentMethod
	if method && q.StripeCustomerID == "" {
		return endpoint{}, nil, &rightful.Error{Kind: rightful.KindInvalid, Place: "stripe",
			Message: "payment methods are listed of one customer only"}
	}
	payer := "customer"
	if strings.HasPrefix(q.StripeCustomerID, "acct_") {
		payer = "customer_account" // an account that is used as a customer
	}
	byPayer := q.Type != rightful.TypeCustomer && (q.Type != rightful.TypeCharge || payer == "customer")
	set(payer, q.StripeCustomerID, byPayer)
	email := "email"
	if session {
		email = "customer_details[email]"
	}
	set(email, q.Email, session || q.Type == rightful.TypeCustomer)
	set("subscription", q.SubscriptionID, session)
	set("payment_intent", q.PaymentIntentID, session)
	set("created[gte]", bound(q.CreatedFrom), !method)
	set("created[lt]", bound(q.CreatedTo), !method)
	if wrong != "" {
		return endpoint{}, nil, &rightful.Error{Kind: rightful.KindInvalid, Place: "stripe",
			Message: fmt.Sprintf("the list of %s has no filter %s", q.Type, wrong)}
	}
	if q.Type == rightful.TypeSubscription {
		query.Set("status", "all") // without it Stripe leaves canceled ones out
	}
	return e, query, nil
}

// bound writes one end of a window of creation times; 0 is no bound.
func bound(t int64) string {
	if t == 0 {
		return ""
	}
	return strconv.FormatInt(t, 10)
}

// nothing reports queries that no object can match, so that they need not be
// sent.
func nothing(q rightful.ListQuery) bool {
	for _, id := range []string{q.StripeCustomerID, q.SubscriptionID, q.PaymentIntentID} {
		if id != "" && impossible(id) {
			return true
		}
	}
	return q.CreatedFrom != 0 && q.CreatedTo != 0 && q.CreatedFrom >= q.CreatedTo
}
