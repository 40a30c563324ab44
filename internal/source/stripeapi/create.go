package stripeapi

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"rightful"
	"rightful/internal/stripeobject"
)

var _ rightful.StripeCreator = (*Writer)(nil)

// longestIdempotencyKey is Stripe's limit (docs.stripe.com/api/idempotent_requests).
const longestIdempotencyKey = 255

// CreateCustomer implements rightful.StripeCreator with one POST.
//
// As with every write here, the POST is repeated under the same idempotency key
// after what Stripe has not processed and after answers that were lost on the way;
// other than a stamp, also after an error of Stripe's own (5xx), because somebody
// waits for the answer.
func (w *Writer) CreateCustomer(ctx context.Context, c rightful.NewCustomer) (rightful.Object, error) {
	params := map[string]any{}
	if c.Name != "" {
		params["name"] = c.Name
	}
	if c.Email != "" {
		params["email"] = c.Email
	}
	if len(c.Metadata) > 0 {
		params["metadata"] = c.Metadata
	}
	var o rightful.Object
	err := w.post(ctx, rightful.TypeCustomer, params, c.IdempotencyKey, func(body []byte) (err error) {
		o, err = stripeobject.Decode(body, rightful.TypeCustomer, w.reader.keys, w.reader.known())
		return err
	})
	return o, err
}

// CreateCheckout implements rightful.StripeCreator with one POST. Of what it
// returns only the session and its URL are known.
func (w *Writer) CreateCheckout(ctx context.Context, c rightful.NewCheckout) (rightful.Checkout, error) {
	var out rightful.Checkout
	err := w.post(ctx, rightful.TypeSession, c.Params, c.IdempotencyKey, func(body []byte) (err error) {
		out, err = stripeobject.DecodeCheckout(body, w.reader.keys, w.reader.known())
		return err
	})
	return out, err
}

// CreatePortal implements rightful.StripeCreator with one POST, under a key of this
// call alone.
func (w *Writer) CreatePortal(ctx context.Context, p rightful.NewPortal) (rightful.Portal, error) {
	params := map[string]any{"customer": p.StripeCustomerID, "return_url": p.ReturnURL}
	if p.Configuration != "" {
		params["configuration"] = p.Configuration
	}
	form, err := encodeForm(params)
	if err != nil {
		return rightful.Portal{}, err
	}
	var out rightful.Portal
	err = w.reader.post(ctx, posting{
		endpoint: endpoint{collection: "/v1/billing_portal/sessions", write: true}, form: form,
		idempotencyKey: "rightful-portal-" + rand.Text(), stubborn: true,
		what: "a session of the customer portal was made",
		hint: "ask again: one that nobody opens expires",
		read: func(body []byte) error {
			var made struct {
				ID       string `json:"id"`
				Object   string `json:"object"`
				Customer string `json:"customer"`
				URL      string `json:"url"`
			}
			if err := json.Unmarshal(body, &made); err != nil {
				return fmt.Errorf("%w: %w", stripeobject.ErrNotJSON, err)
			}
			if made.Object != "billing_portal.session" || made.URL == "" || made.Customer != p.StripeCustomerID {
				return errors.New("it is no portal of the customer that was asked for")
			}
			out = rightful.Portal{ID: made.ID, URL: made.URL}
			return nil
		},
		refused: func(f *failure) error { return refusedParams("billing_portal.session", f) },
	})
	return out, err
}

// post posts to the list of a type.
func (w *Writer) post(ctx context.Context, t rightful.ObjectType, params map[string]any, key string, read func([]byte) error) error {
	form, err := encodeForm(params)
	if err := cmp.Or(err, checkIdempotencyKey(key)); err != nil {
		return err
	}
	e := endpoints[t]
	e.write = true
	return w.reader.post(ctx, posting{
		endpoint: e, form: form, idempotencyKey: key, stubborn: true,
		what:    "a " + string(t) + " was made",
		hint:    "ask again with the same idempotency key: it is never made twice",
		read:    read,
		refused: func(f *failure) error { return refusedParams(t, f) },
		settled: (*failure).otherParams,
	})
}

// ExpireCheckout implements rightful.StripeCreator with one POST. An attempt that
// is repeated is told the answer of the first, by a key of this call alone.
func (w *Writer) ExpireCheckout(ctx context.Context, sessionID string) error {
	gone := &rightful.Error{Kind: rightful.KindNotFound, Place: "stripe", Message: fmt.Sprintf("Stripe has no checkout session %.255q", sessionID)}
	if impossible(sessionID) {
		return cmp.Or(ctx.Err(), error(gone))
	}
	e := endpoints[rightful.TypeSession]
	e.write, e.byID, e.action = true, true, "expire"
	return w.reader.post(ctx, posting{
		endpoint: e, id: sessionID, idempotencyKey: "rightful-expire-" + rand.Text(), stubborn: true,
		what: fmt.Sprintf("session %s was closed", sessionID),
		hint: "read the session, and close it again if it is still open",
		read: func(body []byte) error {
			o, err := stripeobject.Decode(body, rightful.TypeSession, w.reader.keys, w.reader.known())
			if err == nil && o.ID != sessionID {
				err = errors.New("it is about another session than the one that was to be closed")
			}
			return err
		},
		refused: func(f *failure) error {
			switch {
			case f.missing():
				return gone
			case f.status == http.StatusBadRequest:
				return &rightful.Error{Kind: rightful.KindConflict, Place: "stripe", Err: f,
					Message: fmt.Sprintf("session %s cannot be closed: %s", sessionID, details(f)),
					Hint:    "read the session: it was paid, or is closed already"}
			}
			return nil
		},
	})
}

// checkIdempotencyKey refuses what cannot be sent as a header: without a key, a
// request that is sent again makes a second object.
func checkIdempotencyKey(key string) error {
	odd := func(c rune) bool { return c <= ' ' || c >= 0x7f }
	if key != "" && len(key) <= longestIdempotencyKey && !strings.ContainsFunc(key, odd) {
		return nil
	}
	return &rightful.Error{Kind: rightful.KindInvalid, Place: "stripe",
		Message: fmt.Sprintf("%.60q cannot be an idempotency key: 1 to %d printable ASCII characters without spaces are wanted", key, longestIdempotencyKey)}
}

// otherParams reports that the idempotency key was used before, with other
// parameters: Stripe has not executed this request.
func (f *failure) otherParams() bool {
	return f.status == http.StatusBadRequest && f.kind == "idempotency_error"
}

// refusedParams explains what Stripe says about the parameters of what was to be
// made.
func refusedParams(t rightful.ObjectType, f *failure) error {
	e := &rightful.Error{Kind: rightful.KindInvalid, Place: "stripe", Err: f, Message: fmt.Sprintf("Stripe makes no such %s: %s", t, details(f))}
	switch {
	case f.otherParams():
		e.Kind = rightful.KindConflict
		e.Hint = "the idempotency key stands for another request: use another key for these parameters"
	case f.missing() && f.param == "customer":
		e.Kind, e.Hint = rightful.KindNotFound, "the customer was deleted, or is another account's or mode's: choose another"
	case f.status != http.StatusBadRequest && f.status != http.StatusPaymentRequired && !f.missing():
		return nil
	case f.param != "":
		e.Hint = fmt.Sprintf("look at the parameter %.100s", f.param)
	default:
		e.Hint = "look at the parameters that were sent"
	}
	return e
}
