package engine

import (
	"context"
	"fmt"
	"strings"

	"rightful"
	"rightful/internal/journal"
)

// Overwritten is a value that somebody else wrote between our last look and our
// write. Stripe has no compare-and-swap, so it cannot be kept from happening; its
// events tell what each write replaced.
type Overwritten struct {
	Step     string       `json:"step"`
	Object   rightful.Ref `json:"object"`
	Field    string       `json:"field"`
	Expected *string      `json:"expected"` // what stood there when we looked; nil: nothing
	Replaced *string      `json:"replaced"` // what our write replaced; nil: nothing
	Wrote    *string      `json:"wrote"`    // what we wrote; nil: removed
	Event    string       `json:"event"`    // that tells it
	At       int64        `json:"at"`       // Unix seconds
}

// tellingEvents are the events that Stripe makes of a changed stamp. Checkout
// sessions and payment intents have none (docs.stripe.com/api/events/types).
var tellingEvents = map[rightful.ObjectType]string{
	rightful.TypeCustomer: "customer.updated", rightful.TypeSubscription: "customer.subscription.updated",
}

// clockSlack is how far, in seconds, Stripe's clock may be behind the journal's.
const clockSlack = 300

// overwritten looks up what the stamps of a run replaced. An event is known by
// the idempotency key of the request that caused it. untold says of which stamps
// nothing is known.
func (e *Engine) overwritten(ctx context.Context, steps []journal.StepState, since int64) (found []Overwritten, untold []string) {
	found, untold = []Overwritten{}, []string{}
	byKey := map[string]journal.StepState{}
	silent := 0
	for _, s := range steps {
		switch {
		case s.Step.Place != rightful.PlaceStripe || s.Key == "":
		case tellingEvents[rightful.ObjectType(s.Step.Object.Type)] == "":
			silent++
		default:
			byKey[s.Key] = s
		}
	}
	if silent > 0 {
		untold = append(untold, fmt.Sprintf("Stripe makes no event when a checkout session or payment intent is stamped: what %d of them replaced is not told", silent))
	}
	if len(byKey) == 0 {
		return found, untold
	}
	query := rightful.EventQuery{Types: []string{"customer.updated", "customer.subscription.updated"}, CreatedFrom: since - clockSlack}
	for event, err := range e.Sources.Stripe.Events(ctx, query) {
		if err != nil {
			return found, append(untold, fmt.Sprintf("what %d stamps replaced could not be read in Stripe's events: %s", len(byKey), plain(err)))
		}
		s, ours := byKey[event.IdempotencyKey]
		if !ours || event.ObjectID != s.Step.Object.ID {
			continue
		}
		delete(byKey, event.IdempotencyKey)
		key := strings.TrimPrefix(s.Step.Field, rightful.FieldStampPrefix)
		if replaced := event.Previous[key]; replaced != deref(s.Step.From) {
			o := Overwritten{Step: s.Step.ID, Object: s.Step.Object, Field: s.Step.Field, Expected: s.Step.From, Wrote: s.Step.To, Event: event.ID, At: event.Created}
			if replaced != "" {
				o.Replaced = &replaced
			}
			found = append(found, o)
		}
	}
	if len(byKey) > 0 {
		untold = append(untold, fmt.Sprintf("no event tells yet what %d stamps replaced", len(byKey)))
	}
	return found, untold
}
