package collect

import (
	"context"
	"fmt"
	"slices"

	"rightful"
)

// maxUndelivered bounds how many undelivered events are read: a page of
// Stripe's. The newest say whether webhooks arrive today; an endpoint that is
// down for a month may have left behind any number.
const maxUndelivered = 100

// delivery is what Stripe says about its webhooks.
type delivery struct {
	endpoints    []rightful.WebhookEndpoint
	endpointsErr error
	undelivered  []rightful.Event
	newest       []rightful.Event // delivered or not: whether anything arrives today
	eventsErr    error
}

func readDelivery(ctx context.Context, stripe rightful.StripeReader) (d delivery) {
	d.endpoints, d.endpointsErr = stripe.Endpoints(ctx)
	d.undelivered, d.eventsErr = firstEvents(ctx, stripe, rightful.EventQuery{Undelivered: true})
	var err error
	d.newest, err = firstEvents(ctx, stripe, rightful.EventQuery{})
	if d.eventsErr == nil {
		d.eventsErr = err
	}
	return d
}

// firstEvents reads the newest events that the query picks.
func firstEvents(ctx context.Context, stripe rightful.StripeReader, q rightful.EventQuery) (events []rightful.Event, err error) {
	for e, err := range stripe.Events(ctx, q) {
		if err != nil {
			return events, err
		}
		if events = append(events, e); len(events) == maxUndelivered {
			break
		}
	}
	return events, nil
}

// telling keeps what the newest events tell of delivery: the last one of each type
// that arrived, and those of other accounts.
func telling(newest []rightful.Event) []rightful.Event {
	arrived := map[string]bool{}
	return slices.DeleteFunc(newest, func(e rightful.Event) bool {
		last := e.PendingWebhooks == 0 && !arrived[e.Type]
		arrived[e.Type] = arrived[e.Type] || last
		return !last && e.Account == ""
	})
}

// keepDelivery puts it into the situation. A place that does not offer this at
// all was not failed to be heard.
func (g *gatherer) keepDelivery(ctx context.Context, d delivery) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if d.endpointsErr == nil {
		g.sit.Endpoints, g.sit.EndpointsRead = d.endpoints, true
	} else if rightful.KindOf(d.endpointsErr) != rightful.KindUnsupported {
		unheard(g.sit, "Stripe's list of webhook endpoints", d.endpointsErr)
	}
	addEvents(g.sit, d.undelivered)
	addEvents(g.sit, telling(d.newest))
	switch {
	case d.eventsErr != nil && rightful.KindOf(d.eventsErr) != rightful.KindUnsupported:
		unheard(g.sit, "Stripe's undelivered events", d.eventsErr)
	case len(d.undelivered) == maxUndelivered:
		g.sit.Unheard = append(g.sit.Unheard, fmt.Sprintf("only the newest %d undelivered events of Stripe were read", maxUndelivered))
	}
	return nil
}
