package skim

import (
	"context"
	"iter"
	"slices"

	"rightful"
)

// Mirror is a mirror as an audit reads it.
type Mirror interface {
	rightful.MirrorStore
	rightful.FamilyReader
}

// reader reads the listed types from a mirror, and asks Stripe for the rest.
type reader struct {
	rightful.MirrorStore
	live rightful.StripeReader // nil: Stripe is not asked
}

// Reader returns a reader of Stripe that takes from the mirror what is there: the lists
// of which an audit reads every object, and objects by their ids. What a mirror does not
// keep (invoices, charges, payment methods, events, webhook endpoints) and ids that it
// never saw are asked of live. Where that is nil they are errors of kind unavailable.
func Reader(mirror rightful.MirrorStore, live rightful.StripeReader) rightful.StripeReader {
	return reader{mirror, live}
}

// ErrNotAsked is why what only Stripe knows is not known.
var ErrNotAsked error = &rightful.Error{
	Kind: rightful.KindUnavailable, Place: "stripe", Message: "Stripe was not asked, and the mirror does not keep it", Hint: "leave --offline out",
}

// List implements rightful.StripeReader.
func (r reader) List(ctx context.Context, q rightful.ListQuery) iter.Seq2[rightful.Object, error] {
	switch {
	case slices.Contains(rightful.ListedTypes(), q.Type):
		return r.MirrorStore.List(ctx, q)
	case r.live != nil:
		return r.live.List(ctx, q)
	}
	return func(yield func(rightful.Object, error) bool) { yield(rightful.Object{}, ErrNotAsked) }
}

// Get implements rightful.StripeReader.
func (r reader) Get(ctx context.Context, t rightful.ObjectType, id string) (rightful.Object, rightful.Existence, error) {
	o, exists, err := r.MirrorStore.Get(ctx, t, id)
	switch {
	case err != nil || exists != rightful.ExistsUnknown:
		return o, exists, err
	case r.live != nil:
		return r.live.Get(ctx, t, id)
	}
	return o, exists, ErrNotAsked
}

// Events implements rightful.StripeReader. Of updates that nobody wants whole, only those
// need be told that replaced identity metadata. The mirror knows them of the time that it
// followed, and Stripe is asked for those before and after.
func (r reader) Events(ctx context.Context, q rightful.EventQuery) iter.Seq2[rightful.Event, error] {
	if updates(q) {
		return func(yield func(rightful.Event, error) bool) { r.replaced(ctx, q, yield) }
	}
	return r.asked(ctx, q)
}

func (r reader) asked(ctx context.Context, q rightful.EventQuery) iter.Seq2[rightful.Event, error] {
	if r.live != nil {
		return r.live.Events(ctx, q)
	}
	return func(yield func(rightful.Event, error) bool) { yield(rightful.Event{}, ErrNotAsked) }
}

// updates reports whether a query is about updates, and nothing else than what they
// replaced can be wanted of them.
func updates(q rightful.EventQuery) bool {
	other := func(t string) bool { return t != "customer.updated" && t != "customer.subscription.updated" }
	return len(q.Types) > 0 && !slices.ContainsFunc(q.Types, other) && !q.Whole && !q.Undelivered && q.CreatedTo == 0
}

// replaced yields, newest first, what Stripe has told since the mirror followed, what the
// mirror knows, and what was before. An event that Stripe's list showed late may be
// lacking until the next sync, as what it did to its object is lacking in the mirror.
func (r reader) replaced(ctx context.Context, q rightful.EventQuery, yield func(rightful.Event, error) bool) {
	known, err := r.Replaced(ctx)
	if err != nil {
		yield(rightful.Event{}, err)
		return
	}
	told := map[string]bool{}
	ask := func(from, to int64) bool {
		q := q
		q.CreatedFrom, q.CreatedTo = from, to
		for e, err := range r.asked(ctx, q) {
			told[e.ID] = true
			if !yield(e, err) || err != nil {
				return false
			}
		}
		return true
	}
	from := max(q.CreatedFrom, 1)
	if known.Until <= from {
		ask(from, 0)
		return
	}
	if r.live != nil && !ask(known.Until, 0) {
		return
	}
	for _, e := range known.Events {
		if e.Created >= from && slices.Contains(q.Types, e.Type) && !told[e.ID] && !yield(e, nil) {
			return
		}
	}
	if known.Since > from {
		ask(from, known.Since)
	}
}

// Endpoints implements rightful.StripeReader.
func (r reader) Endpoints(ctx context.Context) ([]rightful.WebhookEndpoint, error) {
	if r.live != nil {
		return r.live.Endpoints(ctx)
	}
	return nil, ErrNotAsked
}
