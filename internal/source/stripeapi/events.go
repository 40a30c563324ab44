package stripeapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rightful"
	"rightful/internal/stripeobject"
)

var (
	eventList    = endpoint{collection: "/v1/events"}
	endpointList = endpoint{collection: "/v1/webhook_endpoints"}
)

// maxEventTypes is how many types Stripe lets one query name.
const maxEventTypes = 20

// Events implements rightful.StripeReader. Stripe keeps events for 30 days.
// Those that an endpoint has not been sent yet count as undelivered too.
func (r *Reader) Events(ctx context.Context, q rightful.EventQuery) iter.Seq2[rightful.Event, error] {
	return func(yield func(rightful.Event, error) bool) {
		if len(q.Types) > maxEventTypes {
			yield(rightful.Event{}, &rightful.Error{Kind: rightful.KindInvalid, Place: "stripe",
				Message: fmt.Sprintf("events of %d types cannot be asked for at once: at most %d", len(q.Types), maxEventTypes)})
			return
		}
		query := url.Values{"limit": {pageSize}}
		if len(q.Types) > 0 {
			query["types[]"] = q.Types
		}
		if q.Undelivered {
			query.Set("delivery_success", "false")
		}
		if q.CreatedFrom != 0 {
			query.Set("created[gte]", bound(q.CreatedFrom))
		}
		if q.CreatedTo != 0 {
			query.Set("created[lt]", bound(q.CreatedTo))
		}
		w := listWalk[rightful.Event]{
			reader: r, endpoint: eventList, query: query,
			decode: func(body []byte) ([]rightful.Event, bool, error) {
				events, more, err := stripeobject.DecodeEvents(body, r.keys)
				if err == nil && q.Whole {
					withBodies(events, body)
				}
				return events, more, err
			},
			id: func(e rightful.Event) string { return e.ID },
		}
		for e, err := range w.all(ctx) {
			if !yield(e, notOffered(err)) {
				return
			}
		}
	}
}

// withBodies gives each event of a page its own JSON. A page that says something else
// the second time it is read gives none.
func withBodies(events []rightful.Event, page []byte) {
	var list struct {
		Data []jsontext.Value `json:"data"`
	}
	if json.Unmarshal(page, &list) != nil || len(list.Data) != len(events) {
		return
	}
	for i := range events {
		events[i].Body = list.Data[i]
	}
}

// Endpoints implements rightful.StripeReader.
func (r *Reader) Endpoints(ctx context.Context) ([]rightful.WebhookEndpoint, error) {
	w := listWalk[rightful.WebhookEndpoint]{
		reader: r, endpoint: endpointList, query: url.Values{"limit": {pageSize}}, decode: stripeobject.DecodeEndpoints,
		id: func(e rightful.WebhookEndpoint) string { return e.ID },
	}
	var all []rightful.WebhookEndpoint
	for e, err := range w.all(ctx) {
		if err != nil {
			return nil, notOffered(err)
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b rightful.WebhookEndpoint) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// notOffered gives the answer of a server that has no such list, or that does
// not know what was delivered, its kind. Stripe itself has both: only a
// simulator has not.
func notOffered(err error) error {
	var f *failure
	if !errors.As(err, &f) || f.status != http.StatusNotFound && f.param != "delivery_success" {
		return err
	}
	return &rightful.Error{Kind: rightful.KindUnsupported, Place: "stripe", Message: "this is no full Stripe: " + details(f), Err: f}
}
