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

// sent is one stamp that was about to be sent.
type sent struct {
	step       journal.Step
	key        string  // its idempotency key
	expected   *string // what stood there when we looked
	wrote      *string
	tookEffect bool // as far as is known
}

// sentStamps returns the stamps among the intents of a run, those that put others
// back included.
func (p *past) sentStamps() []sent {
	written := map[string]bool{}
	for _, s := range p.steps {
		written[s.Step.ID] = !s.Open && (s.State == journal.StateDone || s.State == journal.StatePutBack)
	}
	var out []sent
	for _, in := range p.intents {
		if in.Step.Place != rightful.PlaceStripe || in.IdempotencyKey == "" {
			continue
		}
		w := sent{in.Step, in.IdempotencyKey, in.Step.From, in.Step.To, written[in.Step.ID]}
		if in.Back && in.Step.Reverse != nil {
			w.expected, w.wrote = in.Step.To, in.Step.Reverse.To
		}
		out = append(out, w)
	}
	return out
}

// overwritten looks up what the stamps of a run replaced. An event is known by
// the idempotency key of the request that caused it. untold says of which stamps
// nothing is known.
func (e *Engine) overwritten(ctx context.Context, run *past) (found []Overwritten, untold []string) {
	found, untold = []Overwritten{}, []string{}
	byKey := map[string]sent{}
	silent, waiting := map[string]bool{}, map[string]bool{} // steps that took effect
	for _, w := range run.sentStamps() {
		switch told := tellingEvents[rightful.ObjectType(w.step.Object.Type)] != ""; {
		case told:
			byKey[w.key] = w
			if w.tookEffect {
				waiting[w.step.ID] = true
			}
		case w.tookEffect:
			silent[w.step.ID] = true
		}
	}
	if len(silent) > 0 {
		untold = append(untold, fmt.Sprintf("Stripe makes no event when a checkout session or payment intent is stamped: what %d of them replaced is not told", len(silent)))
	}
	if len(byKey) == 0 {
		return found, untold
	}
	query := rightful.EventQuery{Types: []string{"customer.updated", "customer.subscription.updated"}, CreatedFrom: run.StartedAt - clockSlack}
	for event, err := range e.Sources.Stripe.Events(ctx, query) {
		if err != nil {
			return found, append(untold, fmt.Sprintf("what %d stamps replaced could not be read in Stripe's events: %s", len(waiting), plain(err)))
		}
		w, ours := byKey[event.IdempotencyKey]
		if !ours || event.ObjectID != w.step.Object.ID {
			continue
		}
		delete(byKey, event.IdempotencyKey)
		delete(waiting, w.step.ID)
		key := strings.TrimPrefix(w.step.Field, rightful.FieldStampPrefix)
		if replaced := event.Previous[key]; replaced != deref(w.expected) {
			o := Overwritten{Step: w.step.ID, Object: w.step.Object, Field: w.step.Field, Expected: w.expected, Wrote: w.wrote, Event: event.ID, At: event.Created}
			if replaced != "" {
				o.Replaced = &replaced
			}
			found = append(found, o)
		}
	}
	if len(waiting) > 0 {
		untold = append(untold, fmt.Sprintf("no event tells yet what %d stamps replaced", len(waiting)))
	}
	return found, untold
}
