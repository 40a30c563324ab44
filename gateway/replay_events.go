package gateway

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"rightful"
	"rightful/internal/collect"
)

// Bounds of replaying events.
const (
	// eventsKept is how long Stripe keeps events, in seconds (docs.stripe.com/api/events).
	eventsKept = 30 * 24 * 60 * 60
	// listedFrom is how many objects of a type make reading the list of the window
	// cheaper than reading them one by one.
	listedFrom = 3
	// replayWidely is how many families of which nobody can be named at first are looked
	// at with everything that surrounds them.
	replayWidely = 50
)

// ReplayedEvents says whose Stripe's events of the window are, judged as those that
// arrive by webhook.
type ReplayedEvents struct {
	Since   int64          `json:"since"` // Unix seconds: Stripe keeps events for 30 days
	Events  int            `json:"events"`
	Mine    int            `json:"mine"`
	Foreign int            `json:"foreign"`
	Unknown int            `json:"unknown"`
	Ignored int            `json:"ignored"`
	Types   []ReplayedType `json:"types"` // the most frequent first
}

// ReplayedType counts the events of one type.
type ReplayedType struct {
	Type    string `json:"type"`
	Mine    int    `json:"mine"`
	Foreign int    `json:"foreign"`
	Unknown int    `json:"unknown"`
	Ignored int    `json:"ignored"`
	// Example is an object of which nobody can be named; empty when there is none.
	Example string `json:"example"`
}

// events judges Stripe's events of the window.
func (r *replay) events(ctx context.Context) error {
	since := max(r.req.Since, r.g.now()-eventsKept, 1)
	if r.req.Since < since-1 {
		r.out.Unheard = append(r.out.Unheard, "events of more than 30 days ago: Stripe keeps none")
	}
	events, err := r.listEvents(ctx, since)
	if err != nil || events == nil {
		return err
	}
	b := (&Webhooks{g: r.g}).batch(ctx, nil)
	b.account = r.account
	if err := r.objectsOf(ctx, b, events); err != nil {
		return err
	}
	verdicts, err := r.verdictsOf(ctx, b)
	if err != nil {
		return err
	}
	r.out.Events = r.countEvents(b, since, events, verdicts)
	return nil
}

// listEvents reads Stripe's list of events; nil when it keeps none.
func (r *replay) listEvents(ctx context.Context, since int64) ([]rightful.Event, error) {
	events := []rightful.Event{}
	for e, err := range r.g.opt.Stripe.Events(ctx, rightful.EventQuery{CreatedFrom: since}) {
		switch kind := rightful.KindOf(err); {
		case err == nil:
			events = append(events, e)
			r.progress("events listed", len(events))
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case len(events) == 0 && (kind == rightful.KindUnsupported || kind == rightful.KindForbidden):
			r.out.Unheard = append(r.out.Unheard, "Stripe's events: "+shortly(err))
			return nil, nil
		default:
			r.incomplete("Stripe's list of events broke off: " + shortly(err))
			return events, nil
		}
	}
	return events, nil
}

// about returns the object that an event is about, and what is known without reading it.
func (r *replay) about(e rightful.Event) (objectKey, rightful.InboxStatus) {
	switch k := (objectKey{e.ObjectType, e.ObjectID}); {
	case e.Account != "" && e.Account != r.account.ID:
		return k, rightful.InboxForeign
	case !isStripeID(e.ObjectID) || !slices.Contains(rightful.StripeTypes(), e.ObjectType):
		return k, rightful.InboxIgnored
	default:
		return k, rightful.InboxPending
	}
}

// objectsOf reads the objects of the events: those of the window by the lists of their
// types, the others one by one.
func (r *replay) objectsOf(ctx context.Context, b *batch, events []rightful.Event) error {
	wanted := map[objectKey]bool{}
	missing := map[rightful.ObjectType]int{}
	for _, e := range events {
		if k, status := r.about(e); status == rightful.InboxPending && !wanted[k] {
			wanted[k] = true
			missing[k.t]++
		}
	}
	keep := func(o rightful.Object) {
		if k := (objectKey{o.Type, o.ID}); wanted[k] && b.newest[k] == nil {
			o = harmless(o)
			b.newest[k] = &newest{InboxObject: rightful.InboxObject{Type: o.Type, ID: o.ID, Family: familyOf(o)}, object: o}
			missing[o.Type]--
		}
	}
	for _, o := range r.listed {
		keep(o)
	}
	for _, t := range rightful.StripeTypes() {
		if missing[t] < listedFrom || t == rightful.TypePaymentMethod || t == rightful.TypeSession {
			continue
		}
		for o, err := range r.g.opt.Stripe.List(ctx, rightful.ListQuery{Type: t, CreatedFrom: r.req.Since}) {
			if err != nil {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				break // they are read one by one
			}
			keep(o)
		}
	}
	var rest []objectKey
	for k := range wanted {
		if b.newest[k] == nil {
			rest = append(rest, k)
		}
	}
	slices.SortFunc(rest, func(x, y objectKey) int { return cmp.Or(cmp.Compare(x.t, y.t), cmp.Compare(x.id, y.id)) })
	for some := range slices.Chunk(rest, judgeTogether) {
		for _, a := range b.readObjects(ctx, some) {
			switch {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case a.err != nil:
				r.incomplete(fmt.Sprintf("%s, which events are about: %s", a.id, shortly(a.err)))
			case a.exists == rightful.ExistsPresent || a.exists == rightful.ExistsDeleted && a.object.ID != "":
				keep(a.object)
			}
		}
		r.progress("objects of events read", len(b.newest))
	}
	slices.Sort(r.out.IncompleteBecause)
	return nil
}

// verdictsOf says whose the families of the objects are, as events that arrive are
// judged: narrowly first, and widely where nobody could be named.
func (r *replay) verdictsOf(ctx context.Context, b *batch) (map[string]*verdict, error) {
	members := map[string][]rightful.Object{}
	var families []string
	for _, n := range b.newest {
		if members[n.Family] == nil {
			families = append(families, n.Family)
		}
		members[n.Family] = append(members[n.Family], n.object)
	}
	slices.Sort(families)
	verdicts := map[string]*verdict{}
	for some := range slices.Chunk(families, judgeTogether) {
		var objects []rightful.Object
		exists := map[string]rightful.Existence{}
		for _, family := range some {
			objects = append(objects, members[family]...)
			for _, o := range members[family] {
				if id := o.StripeCustomerID; id != "" {
					exists[id] = cmp.Or(exists[id], rightful.ExistsUnknown)
				}
			}
		}
		slices.SortFunc(objects, func(x, y rightful.Object) int {
			return cmp.Or(cmp.Compare(x.Type, y.Type), cmp.Compare(x.ID, y.ID))
		})
		sit, err := collect.Narrow(ctx, b.sources(), r.g.options(), objects, exists)
		if err != nil {
			return nil, err
		}
		judged, err := b.verdicts(ctx, sit, some)
		if err != nil {
			return nil, err
		}
		maps.Copy(verdicts, judged)
		r.progress("families of events judged", len(verdicts))
	}
	return verdicts, r.lookWidely(ctx, b, families, verdicts)
}

func (r *replay) lookWidely(ctx context.Context, b *batch, families []string, verdicts map[string]*verdict) error {
	looked, left := 0, 0
	for _, family := range families {
		v := verdicts[family]
		switch known := r.wide[family]; {
		case v.company != "" || v.foreign:
			continue
		case known != nil:
			*v = *known
			continue
		case looked == replayWidely:
			left++
			continue
		}
		looked++
		if err := b.lookAround(ctx, family, v); err != nil {
			return err
		}
		r.progress("families looked at closer", looked)
	}
	if left > 0 {
		r.out.Unheard = append(r.out.Unheard, fmt.Sprintf("what surrounds %d more customers of unknown events: only the first %d were looked at closer", left, replayWidely))
	}
	return nil
}

// countEvents counts the events by type.
func (r *replay) countEvents(b *batch, since int64, events []rightful.Event, verdicts map[string]*verdict) *ReplayedEvents {
	out := &ReplayedEvents{Since: since, Events: len(events), Types: []ReplayedType{}}
	types := map[string]*ReplayedType{}
	for _, e := range events {
		t := types[e.Type]
		if t == nil {
			t = &ReplayedType{Type: e.Type}
			types[e.Type] = t
		}
		k, status := r.about(e)
		if status == rightful.InboxPending {
			status = dispositionOf(b.newest[k], verdicts)
		}
		switch status {
		case rightful.InboxMine:
			t.Mine, out.Mine = t.Mine+1, out.Mine+1
		case rightful.InboxForeign:
			t.Foreign, out.Foreign = t.Foreign+1, out.Foreign+1
		case rightful.InboxIgnored:
			t.Ignored, out.Ignored = t.Ignored+1, out.Ignored+1
		default:
			t.Unknown, out.Unknown = t.Unknown+1, out.Unknown+1
			t.Example = cmp.Or(t.Example, e.ObjectID)
		}
	}
	for _, t := range types {
		out.Types = append(out.Types, *t)
	}
	slices.SortFunc(out.Types, func(x, y ReplayedType) int {
		n := func(t ReplayedType) int { return t.Mine + t.Foreign + t.Unknown + t.Ignored }
		return cmp.Or(cmp.Compare(n(y), n(x)), cmp.Compare(x.Type, y.Type))
	})
	return out
}

// dispositionOf says whose an event about an object is.
func dispositionOf(n *newest, verdicts map[string]*verdict) rightful.InboxStatus {
	if n == nil {
		return rightful.InboxUnknown // it is not there any more
	}
	switch v := verdicts[n.Family]; {
	case n.Type == rightful.TypePaymentMethod && n.object.StripeCustomerID == "":
		return rightful.InboxIgnored // a method of nobody's, as where events arrive
	case v.foreign:
		return rightful.InboxForeign
	case v.company != "":
		return rightful.InboxMine
	}
	return rightful.InboxUnknown
}
