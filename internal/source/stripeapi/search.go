package stripeapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"rightful"
	"rightful/internal/stripeobject"
)

// Search implements rightful.StripeReader with Stripe's search for customers,
// subscriptions, payment intents, invoices and charges. The others have none.
//
// Stripe compares without regard to case and from an index that lags, while the
// objects come fresh (docs.stripe.com/search). An object whose metadata no
// longer holds the value is left out, where the key is one that is kept.
func (r *Reader) Search(ctx context.Context, t rightful.ObjectType, key, value string) ([]rightful.Object, error) {
	e, err := endpointOf(t)
	if err != nil {
		return nil, err
	}
	switch t {
	case rightful.TypeSession, rightful.TypeSchedule, rightful.TypePaymentMethod:
		return nil, &rightful.Error{Kind: rightful.KindUnsupported, Place: "stripe", Message: fmt.Sprintf("Stripe cannot search objects of type %s", t)}
	}
	e.search = true
	query := url.Values{"limit": {pageSize}, "query": {searchQuery(key, value)}}
	var found []rightful.Object
	pages := map[string]bool{}
	for {
		var page []rightful.Object
		var next string
		err := r.request(ctx, e, "", query, func(body []byte) error {
			var err error
			page, next, err = stripeobject.DecodeSearch(body, t, r.keys, r.known())
			return err
		})
		if err != nil {
			return nil, noSearch(err)
		}
		for _, o := range page {
			if !r.keys.Keeps(key) || o.Metadata[key] == value {
				found = append(found, o)
			}
		}
		if next == "" {
			return found, nil
		}
		if pages[next] {
			return nil, &rightful.Error{Kind: rightful.KindUnavailable, Place: "stripe", Message: e.String() + ": the same page comes again"}
		}
		pages[next] = true
		query.Set("page", next)
	}
}

// searchQuery asks for a metadata key with a value, in Stripe's query language.
func searchQuery(key, value string) string {
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace
	return "metadata['" + quote(key) + "']:'" + quote(value) + "'"
}

// noSearch gives the refusal of an account without search its reason: search is
// not offered to merchants in India, nor by most simulators.
func noSearch(err error) error {
	var f *failure
	if !errors.As(err, &f) || f.status != http.StatusNotFound && f.status != http.StatusBadRequest {
		return err
	}
	return &rightful.Error{Kind: rightful.KindUnsupported, Place: "stripe",
		Message: "this account cannot be searched: " + details(f),
		Hint:    "give an id or an email instead", Err: f}
}
