package collect

import (
	"context"
	"fmt"

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
	events       []rightful.Event
	eventsErr    error
}

func readDelivery(ctx context.Context, stripe rightful.StripeReader) (d delivery) {
	d.endpoints, d.endpointsErr = stripe.Endpoints(ctx)
	for e, err := range stripe.Events(ctx, rightful.EventQuery{Undelivered: true}) {
		if err != nil {
			d.eventsErr = err
			break
		}
		if d.events = append(d.events, e); len(d.events) == maxUndelivered {
			break
		}
	}
	return d
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
	addEvents(g.sit, d.events)
	switch {
	case d.eventsErr != nil && rightful.KindOf(d.eventsErr) != rightful.KindUnsupported:
		unheard(g.sit, "Stripe's undelivered events", d.eventsErr)
	case len(d.events) == maxUndelivered:
		g.sit.Unheard = append(g.sit.Unheard, fmt.Sprintf("only the newest %d undelivered events of Stripe were read", maxUndelivered))
	}
	return nil
}
