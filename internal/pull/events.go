package pull

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rightful"
	"rightful/internal/stripeobject"
)

// eventTypes are the events that tell what became of a mirrored object, in groups of what
// one query may name (20, docs.stripe.com/api/events/list). All events of one type of object
// are in the same group.
var eventTypes = [][]string{
	{
		"customer.created", "customer.updated", customerDeleted,
		"customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted",
		"customer.subscription.paused", "customer.subscription.resumed",
		"customer.subscription.pending_update_applied", "customer.subscription.pending_update_expired",
		"subscription_schedule.created", "subscription_schedule.updated", "subscription_schedule.canceled",
		"subscription_schedule.completed", "subscription_schedule.released", "subscription_schedule.aborted",
	},
	{
		"checkout.session.completed", "checkout.session.expired",
		"checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed",
		"payment_intent.created", "payment_intent.succeeded", "payment_intent.canceled", "payment_intent.processing",
		"payment_intent.requires_action", "payment_intent.payment_failed",
		"payment_intent.amount_capturable_updated", "payment_intent.partially_funded",
	},
}

// customerDeleted carries the customer as it was before.
const customerDeleted = "customer.deleted"

// taken says what became of reading the events.
type taken int

const (
	changesTaken  taken = iota
	changesDenied       // there are none for this key: no use in trying again
	changesCut          // they could not be read to the end
)

// eventsAtOnce is how many objects of events are kept at a time.
const eventsAtOnce = 500

// changes takes in what events tell since a time. The error is one that ends the run.
func (r *run) changes(ctx context.Context, from int64) (taken, error) {
	errs := make([]error, len(eventTypes))
	var all sync.WaitGroup
	for i, types := range eventTypes {
		all.Go(func() { errs[i] = (&follower{run: r, known: map[objectKey]bool{}}).follow(ctx, types, from) })
	}
	all.Wait()
	for _, err := range errs {
		if err == nil {
			continue
		}
		var own *rightful.Error
		var kept *keepError
		if ctx.Err() != nil || errors.As(err, &kept) || !errors.As(err, &own) || own.Kind == rightful.KindUnauthorized {
			return changesCut, err
		}
		r.incomplete("what changed cannot be followed: " + own.Message)
		if own.Kind == rightful.KindForbidden || own.Kind == rightful.KindUnsupported {
			return changesDenied, nil
		}
		return changesCut, nil
	}
	return changesTaken, nil
}

// objectKey names an object.
type objectKey struct {
	t  rightful.ObjectType
	id string
}

// follower takes in one list of events, newest first.
type follower struct {
	*run
	known  map[objectKey]bool // of which something newer was taken in
	second []rightful.Event   // events of the second that is being read
	ready  []rightful.MirrorObject
	// replaced are events that are to be kept for what stood there before.
	replaced []rightful.Event
}

func (f *follower) follow(ctx context.Context, types []string, from int64) error {
	for e, err := range f.o.Stripe.Events(ctx, rightful.EventQuery{Types: types, CreatedFrom: max(from, 1), Whole: true}) {
		if err != nil {
			return err
		}
		if e.Account != "" && e.Account != f.o.Account {
			continue // of a connected account: another mirror's
		}
		if len(f.second) > 0 && f.second[0].Created != e.Created {
			if err := f.settle(ctx); err != nil {
				return err
			}
		}
		f.second = append(f.second, e)
		if len(e.Previous) > 0 {
			f.replaced = append(f.replaced, rightful.Event{ID: e.ID, Type: e.Type, Created: e.Created, ObjectType: e.ObjectType, ObjectID: e.ObjectID, Previous: e.Previous})
		}
	}
	if err := f.settle(ctx); err != nil {
		return err
	}
	return f.keep(ctx, 0)
}

// settle decides what the events of one second say of each object.
func (f *follower) settle(ctx context.Context) error {
	f.mu.Lock()
	f.report.Events += int64(len(f.second))
	f.mu.Unlock()
	for len(f.second) > 0 {
		key := objectKey{f.second[0].ObjectType, f.second[0].ObjectID}
		var own []rightful.Event
		f.second = slices.DeleteFunc(f.second, func(e rightful.Event) bool {
			is := objectKey{e.ObjectType, e.ObjectID} == key
			if is {
				own = append(own, e)
			}
			return is
		})
		if f.known[key] {
			continue
		}
		f.known[key] = true
		o, err := f.state(ctx, key, own)
		if err != nil {
			return err
		}
		f.ready = append(f.ready, o)
	}
	return f.keep(ctx, eventsAtOnce)
}

// state returns how an object stands after events of one second. Nobody can tell which of
// them came last, but that nothing comes before created and nothing after deleted; when they
// say different things, Stripe is asked what is so now.
func (f *follower) state(ctx context.Context, key objectKey, events []rightful.Event) (rightful.MirrorObject, error) {
	at := events[0].Created
	if slices.ContainsFunc(events, func(e rightful.Event) bool { return e.Type == customerDeleted }) {
		o := f.named(key.t, key.id)
		o.Deleted = true
		return rightful.MirrorObject{Object: o, AsOf: at, Exists: rightful.ExistsDeleted}, nil
	}
	if later := slices.DeleteFunc(slices.Clone(events), func(e rightful.Event) bool { return strings.HasSuffix(e.Type, ".created") }); len(later) > 0 {
		events = later
	}
	var first rightful.Object
	for i, e := range events {
		o, err := carried(e, f.o.Account, f.o.Livemode, f.o.Keys)
		if err != nil || i > 0 && !reflect.DeepEqual(o, first) {
			return f.ask(ctx, key, at)
		}
		first = o
	}
	return rightful.MirrorObject{Object: first, AsOf: at, Exists: rightful.ExistsPresent}, nil
}

// ask looks an object up of which events do not say how it stands.
func (f *follower) ask(ctx context.Context, key objectKey, at int64) (rightful.MirrorObject, error) {
	f.count(key.t, func(l *ListReport) { l.Lookups++ })
	o, err := f.lookUpOne(ctx, key.t, key.id, at)
	if err == nil && o.Exists == rightful.ExistsUnknown {
		f.incomplete(fmt.Sprintf("%s %s: how it stands cannot be told", key.t, key.id))
	}
	return o, err
}

// carried returns the object that an event carries, as it was when that happened.
func carried(e rightful.Event, account string, livemode bool, keys rightful.KeySet) (rightful.Object, error) {
	var body struct {
		Livemode *bool `json:"livemode"`
		Data     struct {
			Object jsontext.Value `json:"object"`
		} `json:"data"`
	}
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return rightful.Object{}, err
	}
	o, err := stripeobject.Decode(body.Data.Object, e.ObjectType, keys, stripeobject.Defaults{Account: account, Livemode: livemode})
	if err == nil && (o.ID != e.ObjectID || o.Livemode != livemode) {
		err = errors.New("the event is about another object")
	}
	return o, err
}

// keep hands over what is ready, when it is at least so much.
func (f *follower) keep(ctx context.Context, least int) error {
	if len(f.ready)+len(f.replaced) < max(least, 1) {
		return nil
	}
	var objects []rightful.MirrorObject
	for _, o := range f.ready {
		if o.Exists == rightful.ExistsUnknown {
			continue
		}
		objects = append(objects, o)
		f.count(o.Type, func(l *ListReport) {
			switch {
			case o.AsOf < l.since: // it was taken in before
			case o.Exists != rightful.ExistsPresent:
				l.Gone++
			default:
				l.Changed++
			}
		})
	}
	f.ready = f.ready[:0]
	if err := f.pages.room(ctx); err != nil {
		return err
	}
	f.pages.add(rightful.MirrorPage{Objects: objects, Replaced: f.replaced})
	f.replaced = nil
	return nil
}

// count changes the report of the list of a type.
func (r *run) count(t rightful.ObjectType, change func(*ListReport)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.report.Lists {
		if r.report.Lists[i].Type == t {
			change(&r.report.Lists[i])
		}
	}
}
