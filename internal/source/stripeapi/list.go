package stripeapi

import (
	"context"
	"errors"
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
		w := listWalk{reader: r, endpoint: e, query: query, t: q.Type}
		for more := true; more; {
			var page []rightful.Object
			if page, more, err = w.next(ctx); err != nil {
				yield(rightful.Object{}, err)
				return
			}
			for _, o := range page {
				if o.Deleted {
					continue // Stripe lists none; the contract does not allow any
				}
				if !yield(o, nil) {
					return
				}
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
	session := q.Type == rightful.TypeSession
	payer := "customer"
	if strings.HasPrefix(q.StripeCustomerID, "acct_") {
		payer = "customer_account" // an account that is used as a customer
	}
	set(payer, q.StripeCustomerID, q.Type != rightful.TypeCustomer)
	email := "email"
	if session {
		email = "customer_details[email]"
	}
	set(email, q.Email, session || q.Type == rightful.TypeCustomer)
	set("subscription", q.SubscriptionID, session)
	set("payment_intent", q.PaymentIntentID, session)
	if wrong != "" {
		return endpoint{}, nil, &rightful.Error{Kind: rightful.KindInvalid, Place: "stripe",
			Message: fmt.Sprintf("the list of %s has no filter %s", q.Type, wrong)}
	}
	if q.Type == rightful.TypeSubscription {
		query.Set("status", "all") // without it Stripe leaves canceled ones out
	}
	if q.CreatedFrom != 0 {
		query.Set("created[gte]", strconv.FormatInt(q.CreatedFrom, 10))
	}
	if q.CreatedTo != 0 {
		query.Set("created[lt]", strconv.FormatInt(q.CreatedTo, 10))
	}
	return e, query, nil
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

// listWalk goes through the pages of one list.
type listWalk struct {
	reader   *Reader
	endpoint endpoint
	query    url.Values
	t        rightful.ObjectType

	pages int
	last  []string        // ids of the page before, in order
	mark  map[string]bool // ids of one earlier page
	until int             // the page at which mark is renewed
}

// next returns the next page and whether more follow.
func (w *listWalk) next(ctx context.Context) (page []rightful.Object, more bool, err error) {
	for cursor := len(w.last) - 1; ; cursor-- {
		if cursor >= 0 {
			w.query.Set("starting_after", w.last[cursor])
		}
		err = w.reader.request(ctx, w.endpoint, "", w.query, func(body []byte) error {
			var err error
			page, more, err = stripeobject.DecodePage(body, w.t, w.reader.keys, w.reader.known())
			return err
		})
		var f *failure
		if err == nil || !errors.As(err, &f) || !f.missing() {
			break
		}
		if f.param != "starting_after" {
			// It is the filter that names nothing, so nothing matches it.
			return nil, false, w.unlessFilter(f, err)
		}
		if cursor <= 0 {
			break
		}
		// The object at the cursor was deleted meanwhile. The one before it
		// was read too, and stands at the same place.
	}
	if err != nil {
		return nil, false, err
	}
	return page, more, w.moved(page, more)
}

// unlessFilter forgives an object that is missing when it is one of the
// filters on the first page. Later it would cut the list.
func (w *listWalk) unlessFilter(f *failure, err error) error {
	if w.pages == 0 && f.param != "" && w.query.Has(f.param) {
		return nil
	}
	return err
}

// moved checks that the page is a new one. It remembers one earlier page only,
// first the first one, and renews it at longer and longer distances: that finds
// a circle of any length, the same page again and again included.
func (w *listWalk) moved(page []rightful.Object, more bool) error {
	stuck := func(how string) error {
		return &rightful.Error{Kind: rightful.KindUnavailable, Place: "stripe",
			Message: fmt.Sprintf("%s: page %d %s, so the list cannot be read to its end", w.endpoint, w.pages+1, how),
			Hint:    "check that " + w.reader.host + " is Stripe's API"}
	}
	if len(page) == 0 {
		if more {
			return stuck("is empty although more follows")
		}
		return nil
	}
	ids := make(map[string]bool, len(page))
	w.last = w.last[:0]
	for _, o := range page {
		if w.mark[o.ID] || ids[o.ID] {
			return stuck("holds an object that was read before")
		}
		ids[o.ID] = true
		w.last = append(w.last, o.ID)
	}
	if w.pages == w.until {
		w.mark, w.until = ids, 2*w.pages+1
	}
	w.pages++
	return nil
}
