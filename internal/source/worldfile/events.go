package worldfile

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"rightful"
	"rightful/internal/stripeobject"
)

// eventAge is how long Stripe keeps events, in seconds.
const eventAge = 30 * 24 * 60 * 60

// readEvents checks the lists of events and webhook endpoints.
func (w *World) readEvents(section map[string]jsontext.Value) (err error) {
	s := &w.stripe
	s.events, err = w.readList("events", section["events"], func(raw jsontext.Value) (string, int64, error) {
		e, err := stripeobject.DecodeEvent(raw, rightful.KeySet{})
		return e.ID, e.Created, err
	})
	if err != nil {
		return err
	}
	v := section["webhook_endpoints"]
	s.endpointsRead = len(v) > 0 && v.Kind() != 'n'
	s.endpoints, err = w.readList("webhook_endpoints", v, func(raw jsontext.Value) (string, int64, error) {
		e, err := stripeobject.DecodeEndpoint(raw)
		return e.ID, e.Created, err
	})
	return err
}

// hear decodes events and endpoints. As in Stripe, those of the other mode do
// not exist, and events are gone after 30 days.
func (r *stripeReader) hear(w *World, keys rightful.KeySet) {
	otherMode := func(raw jsontext.Value) bool {
		live, told := modeOf(raw)
		return told && live != w.stripe.account.Livemode
	}
	for _, raw := range w.stripe.events {
		e, err := stripeobject.DecodeEvent(raw, keys)
		if err == nil && !otherMode(raw) && e.Created >= w.Now-eventAge {
			r.events = append(r.events, e)
		}
	}
	slices.SortStableFunc(r.events, func(a, b rightful.Event) int { return cmp.Compare(b.Created, a.Created) })
	for _, raw := range w.stripe.endpoints {
		if e, err := stripeobject.DecodeEndpoint(raw); err == nil && !otherMode(raw) {
			r.endpoints = append(r.endpoints, e)
		}
	}
	slices.SortFunc(r.endpoints, func(a, b rightful.WebhookEndpoint) int { return cmp.Compare(a.ID, b.ID) })
}

// Events yields the events that the query picks, newest first.
func (r *stripeReader) Events(ctx context.Context, q rightful.EventQuery) iter.Seq2[rightful.Event, error] {
	return func(yield func(rightful.Event, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(rightful.Event{}, err)
			return
		}
		for _, e := range r.events {
			wanted := (len(q.Types) == 0 || slices.Contains(q.Types, e.Type)) &&
				(!q.Undelivered || e.PendingWebhooks > 0) &&
				e.Created >= q.CreatedFrom && (q.CreatedTo == 0 || e.Created < q.CreatedTo)
			if wanted && !yield(e, nil) {
				return
			}
		}
	}
}

// Endpoints returns the webhook endpoints that the world lists. A world without
// the section does not say that there are none.
func (r *stripeReader) Endpoints(ctx context.Context) ([]rightful.WebhookEndpoint, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !r.section.endpointsRead {
		return nil, &rightful.Error{Kind: rightful.KindUnsupported, Place: "stripe.webhook_endpoints", Message: "the world does not say which webhook endpoints there are"}
	}
	return slices.Clone(r.endpoints), nil
}
