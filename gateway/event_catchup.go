package gateway

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"rightful"
)

// Catching up. Stripe keeps events for 30 days
// (docs.stripe.com/api/events), and so do we for as long as one may come again.
const (
	catchUpOverlap = 10 * time.Minute    // what is looked at again: lists of a moment ago may lack the newest
	catchUpGrace   = 5 * time.Minute     // how long Stripe has to deliver before an event counts as missed
	keepFor        = 35 * 24 * time.Hour // how long events are kept after they came
	catchUpWindow  = 30 * time.Minute    // how much is listed before it is noted how far we are
	// keepObjectsFor is how long an object is known after it, or its customer's family,
	// was heard of last: one that is paid for once a year is heard of in time. It is far
	// more than keepFor: an event that is older than what is known must find it.
	keepObjectsFor = 400 * 24 * time.Hour
	seenEvery      = 24 * time.Hour // how often it is noted that a family was heard of
	pruneTogether  = 1000           // rows in one transaction
	pruneSlices    = 10             // transactions in one sweep
	listTogether   = 100
)

// CatchUp looks through Stripe's list of events for those that were never delivered
// here, and keeps them as if they had been. It returns how many there were. The first
// time it only notes where to begin. Events of types that no endpoint asks for are not
// missed. As long as everything was delivered it costs one request at Stripe: what our
// endpoint asks for is asked where something was not, and as it is then, and once to
// begin with, so that one that is not there is not found out by a loss.
//
// Of several accounts each is looked through that has an endpoint here.
func (w *Webhooks) CatchUp(ctx context.Context) (found int, err error) {
	if len(w.joined) == 0 {
		return w.catchUp(ctx)
	}
	for _, one := range w.joined {
		if len(one.o.Secrets) == 0 {
			continue
		}
		n, failed := one.catchUp(ctx)
		found, err = found+n, cmp.Or(err, failed)
	}
	return found, err
}

func (w *Webhooks) catchUp(ctx context.Context) (int, error) {
	account, err := w.g.opens(ctx)
	if err != nil {
		return 0, err
	}
	name := "catch_up " + account.ID + " " + strconv.FormatBool(account.Livemode)
	begun, err := w.o.Inbox.InboxMark(ctx, name)
	if err != nil {
		return 0, err
	}
	to := w.g.opt.Now().Add(-catchUpGrace).Unix()
	if begun == 0 {
		return 0, w.o.Inbox.KeepInboxMark(ctx, name, to)
	}
	asks := sync.OnceValues(func() (func(string) bool, error) { return w.asksFor(ctx) })
	if !w.looked.Load() {
		if _, err := asks(); err != nil {
			return 0, err
		}
		w.looked.Store(true)
	}
	var missed []rightful.Ref
	defer func() { w.o.Tally.caughtUp(ctx, missed) }() // also of what was found before it failed
	// How far we are is noted on the way: after a long outage there may be more than can
	// be listed while a job may run. Stripe lists the newest first.
	for from := max(begun-int64(catchUpOverlap/time.Second), to-int64(keepFor/time.Second), 1); from < to; {
		until := min(from+int64(catchUpWindow/time.Second), to)
		found, err := w.catchUpBetween(ctx, account, from, until, asks)
		missed = append(missed, found...)
		if err != nil {
			return len(missed), err
		}
		if err := w.o.Inbox.KeepInboxMark(ctx, name, until); err != nil {
			return len(missed), err
		}
		from = until
	}
	return len(missed), nil
}

// askedFor returns what tells whether our endpoint asks for events of a type.
type askedFor func() (func(t string) bool, error)

// catchUpBetween keeps what was missed from a time until before another.
func (w *Webhooks) catchUpBetween(ctx context.Context, account rightful.Account, from, until int64, asks askedFor) ([]rightful.Ref, error) {
	var missed []rightful.Ref
	var some []rightful.InboxEvent
	keep := func() error {
		kept, err := w.keepMissed(ctx, account.Livemode, some, asks)
		missed, some = append(missed, kept...), nil
		return err
	}
	for e, err := range w.g.opt.Stripe.Events(ctx, rightful.EventQuery{CreatedFrom: from, CreatedTo: until}) {
		if err != nil {
			return missed, err
		}
		if e.Account != "" && e.Account != account.ID {
			continue // of a connected account there are other endpoints, and another key
		}
		if e.Created >= until || !slices.Contains(rightful.StripeTypes(), e.ObjectType) || !isStripeID(e.ObjectID) || !isStripeID(e.ID) {
			continue
		}
		if some = append(some, w.missed(e, account)); len(some) == listTogether {
			if err := keep(); err != nil {
				return missed, err
			}
		}
	}
	err := keep()
	return missed, err
}

// missed is an event of Stripe's list as the inbox keeps it. Its object is read when it
// is looked at, and its family found out then.
func (w *Webhooks) missed(e rightful.Event, account rightful.Account) rightful.InboxEvent {
	now := w.g.now()
	return rightful.InboxEvent{
		Account: account.ID, Livemode: account.Livemode, ID: e.ID, Type: e.Type, Created: e.Created, Origin: rightful.OriginCaughtUp,
		ObjectType: e.ObjectType, ObjectID: e.ObjectID, Family: e.ObjectID, Shard: shardOf(e.ObjectID), ReceivedAt: now, NextAt: now, Status: rightful.InboxPending,
	}
}

// keepMissed keeps those of the events that our endpoint asks for and that are not kept
// yet, and returns them.
func (w *Webhooks) keepMissed(ctx context.Context, livemode bool, events []rightful.InboxEvent, asks askedFor) ([]rightful.Ref, error) {
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	missing, err := w.o.Inbox.MissingEvents(ctx, livemode, ids)
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	ours, err := asks()
	if err != nil {
		return nil, err
	}
	events = slices.DeleteFunc(events, func(e rightful.InboxEvent) bool { return !slices.Contains(missing, e.ID) || !ours(e.Type) })
	if len(events) == 0 {
		return nil, nil
	}
	fresh, err := w.o.Inbox.AcceptEvents(ctx, events)
	if err != nil {
		return nil, err
	}
	var kept []rightful.Ref
	for i, e := range events {
		if fresh[i] {
			kept = append(kept, rightful.Ref{Type: "event", ID: e.ID})
			e.Status, e.Codes = statusMissed, []string{string(rightful.CodeDeliveryDead)}
			w.decided(ctx, e, "", nil)
		}
	}
	return kept, nil
}

// Sweep makes jobs for events and notices that are due and have none, because their
// time has come or because a job was lost, and forgets what is long past. It is to be
// called every few seconds; and first, when a process starts: what one that was killed
// had begun is then begun again.
func (w *Webhooks) Sweep(ctx context.Context, first bool) error {
	if _, err := w.o.Inbox.WakeShards(ctx, first); err != nil {
		return err
	}
	if err := w.prune(ctx, keepFor, w.o.Inbox.PruneEvents); err != nil {
		return err
	}
	return w.prune(ctx, keepObjectsFor, w.o.Inbox.PruneObjects)
}

// prune forgets what is older than an age, in slices.
func (w *Webhooks) prune(ctx context.Context, age time.Duration, forget func(ctx context.Context, before int64, limit int) (int, error)) error {
	before := w.g.opt.Now().Add(-age).Unix()
	for range pruneSlices {
		if n, err := forget(ctx, before, pruneTogether); err != nil || n < pruneTogether {
			return err
		}
	}
	return nil
}
