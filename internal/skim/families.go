package skim

import (
	"context"

	"rightful"
	"rightful/internal/screen"
)

// guest marks the key of a family without a customer.
const guest = 1

// families shows every family of the mirror to the screen, shards side by side.
func (r *run) families(ctx context.Context) error {
	var all []func(context.Context) error
	for shard := range r.lanes {
		keys, err := r.spool()
		if err != nil {
			return err
		}
		r.keys = append(r.keys, keys)
		all = append(all, func(ctx context.Context) error {
			l := lane{run: r, keys: keys, family: r.screen.Family("", false, rightful.ExistsUnknown), open: map[string]rightful.ObjectType{}}
			err := l.read(ctx, shard)
			r.mu.Lock()
			defer r.mu.Unlock()
			r.objects += l.objects
			r.joined = append(r.joined, l.joined...)
			return err
		})
	}
	return sideBySide(ctx, all...)
}

// lane reads one shard.
type lane struct {
	*run
	keys    *spool
	family  *screen.Family
	open    map[string]rightful.ObjectType // what sessions of the family made, and was not met in it yet
	objects int
	joined  []string
}

func (l *lane) read(ctx context.Context, shard int) error {
	told, within := l.told("families"), false
	if shard > 0 {
		told = func() {} // one tells for all: they are about as big
	}
	for part, err := range l.mirror.Families(ctx, shard, l.lanes) {
		switch {
		case err != nil:
			return err
		case len(part.Objects) == 0 && !within:
			continue // something was there once
		case !within && loose(&part.Objects[0]):
			if err := l.guest(ctx, part.Objects[0]); err != nil {
				return err
			}
			continue
		}
		if !within {
			l.family.Begin(part.Key, false, part.Customer)
			l.keys.put(0, 0, 0, part.Key)
			clear(l.open)
		}
		l.family.Add(part.Objects...)
		l.count(part.Objects)
		made(part.Objects, l.open)
		if within = part.More; within {
			continue
		}
		for id, t := range l.open {
			if err := l.withSession(ctx, t, id); err != nil {
				return err
			}
		}
		l.family.End()
		told()
	}
	return nil
}

func (l *lane) count(objects []rightful.Object) {
	for i := range objects {
		if objects[i].Type != rightful.TypeSchedule {
			l.objects++
		}
	}
}

// loose reports whether an object has no customer. The mirror keeps it as a family of
// its own.
func loose(o *rightful.Object) bool {
	return o.Type != rightful.TypeCustomer && o.StripeCustomerID == ""
}

// made notes what sessions say that they made and is not among the objects. They come
// before what they made.
func made(objects []rightful.Object, open map[string]rightful.ObjectType) {
	for i := range objects {
		o := &objects[i]
		switch o.Type {
		case rightful.TypeSession:
			if o.SubscriptionID != "" {
				open[o.SubscriptionID] = rightful.TypeSubscription
			}
			if o.PaymentIntentID != "" {
				open[o.PaymentIntentID] = rightful.TypePaymentIntent
			}
		case rightful.TypeSubscription, rightful.TypePaymentIntent:
			delete(open, o.ID)
		}
	}
}

// withSession adds what a session of the family made and has no customer.
func (l *lane) withSession(ctx context.Context, t rightful.ObjectType, id string) error {
	o, exists, err := l.mirror.Get(ctx, t, id)
	if err == nil && exists == rightful.ExistsPresent && loose(&o) {
		l.objects++
		l.family.Add(o)
	}
	return err
}

// guest screens what has no customer: with the session that made it, or, for a session,
// with what it made.
func (l *lane) guest(ctx context.Context, o rightful.Object) error {
	home, others, err := homeOf(ctx, l.mirror, o)
	switch {
	case err != nil:
		return err
	case home == o.ID:
		all := append([]rightful.Object{o}, others...)
		l.family.Begin(o.ID, true, rightful.ExistsUnknown)
		l.keys.put(0, 0, guest, o.ID)
		l.family.Add(all...)
		l.count(all)
		l.family.End()
	case o.Type == rightful.TypeSession || o.Type == rightful.TypeSchedule:
		// It joins a family that another lane may have told already.
		l.screen.Suspect(home)
		l.joined = append(l.joined, o.ID)
		l.count([]rightful.Object{o})
	}
	return nil // else it is told with its session
}

// homeOf returns the key of the family of something that has no customer, as
// collect.Families sorts it: its own, or that of what it hangs on; and what else without a
// customer belongs to a session.
func homeOf(ctx context.Context, mirror Mirror, o rightful.Object) (key string, others []rightful.Object, err error) {
	get := func(t rightful.ObjectType, id string) error {
		if id == "" || err != nil {
			return err
		}
		other, exists, err := mirror.Get(ctx, t, id)
		switch {
		case err != nil || exists != rightful.ExistsPresent:
		case !loose(&other):
			if key == "" {
				key = other.StripeCustomerID
			}
		default:
			others = append(others, other)
		}
		return err
	}
	switch o.Type {
	case rightful.TypeSession:
		if err = get(rightful.TypeSubscription, o.SubscriptionID); err == nil {
			err = get(rightful.TypePaymentIntent, o.PaymentIntentID)
		}
	case rightful.TypeSchedule:
		if err = get(rightful.TypeSubscription, o.SubscriptionID); err == nil && len(others) > 0 {
			key, others, err = homeOf(ctx, mirror, others[0])
			others = nil
		}
	case rightful.TypeSubscription, rightful.TypePaymentIntent:
		q := rightful.ListQuery{Type: rightful.TypeSession, SubscriptionID: o.ID}
		if o.Type == rightful.TypePaymentIntent {
			q = rightful.ListQuery{Type: rightful.TypeSession, PaymentIntentID: o.ID}
		}
		for s, failed := range mirror.List(ctx, q) {
			if failed != nil {
				return "", nil, failed
			}
			key = s.StripeCustomerID
			if key == "" {
				key = s.ID
			}
			break
		}
	}
	if key == "" {
		key = o.ID
	}
	return key, others, err
}
