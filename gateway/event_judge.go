package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"rightful"
)

const (
	// judgeTogether is how many events are judged over one read of the database.
	judgeTogether = 500
	// workSlice is how long one call works, and holdShard how long a shard is held
	// without a sign of life.
	workSlice = 15 * time.Second
	holdShard = 30 * time.Second
)

// againAfter is when an event of which nobody can be named is looked at again. Links
// and rows may be written after the event was sent. After the last one it is dead.
var againAfter = []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour}

// statusDead and the like are what Decision.Status says of webhooks beside the
// statuses of rightful.InboxEvent.
const (
	statusMissed = "missed" // found in Stripe's list, and never delivered
	statusUntold = "untold" // the app did not take the notice, and is not asked again
)

// JudgeShard looks at the events of a shard that are due: whose are they? It returns
// false when another worker is at it. It works for half a minute at most; whatever is
// left gets a job. An error leaves what was not settled for the next time.
func (w *Webhooks) JudgeShard(ctx context.Context, shard int) (bool, error) {
	j := judging{w: w}
	taken, err := w.work(ctx, rightful.LaneJudge, shard, j.some)
	if err == nil {
		err = j.failed
	}
	return taken, err
}

// work takes a shard and works on it until there is nothing more to do, or for a slice
// of time. some does a part and reports whether there was anything.
func (w *Webhooks) work(ctx context.Context, lane rightful.InboxLane, shard int, some func(ctx context.Context, shard int, worker string, end time.Time) (bool, error)) (taken bool, err error) {
	worker := rand.Text()
	end := time.Now().Add(workSlice)
	more := false
	taken, err = w.o.Inbox.TakeShard(ctx, lane, shard, worker, w.until())
	if err == nil && !taken {
		return false, nil
	}
	// Given back also when the work was called off, and when it is not known whether the
	// shard was taken: the next one need not wait.
	defer func() {
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if released := w.o.Inbox.ReleaseShard(release, lane, shard, worker, more && err == nil); err == nil {
			err = released
		}
	}()
	for more = err == nil; more && err == nil && time.Now().Before(end); {
		more, err = some(ctx, shard, worker, end)
	}
	return taken, err
}

// until is how long a shard is held from now, Unix seconds.
func (w *Webhooks) until() int64 { return w.g.opt.Now().Add(holdShard).Unix() }

// judge judges events together. One that makes the judge fail must not stop the
// others for ever, so that after a failure each family is judged by itself.
func (w *Webhooks) judge(ctx context.Context, events []rightful.InboxEvent) (*batch, error) {
	b, err := w.judgeSafely(ctx, events)
	if err == nil || !ofOneEvent(err) {
		return b, err
	}
	all := w.batch(ctx, nil)
	for family := range byFamily(events) {
		b, err := w.judgeSafely(ctx, family)
		switch {
		case err != nil && !ofOneEvent(err):
			return nil, err
		case err != nil:
			b = w.unjudged(ctx, family)
			w.g.opt.Logger.ErrorContext(ctx, "events cannot be judged", "family", family[0].Family, "kind", string(rightful.KindOf(err)), "error", err.Error())
		}
		all.join(b)
	}
	return all, nil
}

// ofOneEvent reports whether an error may come from what an event says, and not from a
// place that cannot be read just now.
func ofOneEvent(err error) bool {
	switch rightful.KindOf(err) {
	case rightful.KindUnreachable, rightful.KindUnavailable, rightful.KindUnauthorized, rightful.KindForbidden, rightful.KindRefused:
		return false
	}
	return !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

func (w *Webhooks) judgeSafely(ctx context.Context, events []rightful.InboxEvent) (b *batch, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("gateway: judging failed: %v", r)
		}
	}()
	b = w.batch(ctx, events)
	return b, b.judge()
}

// unjudged are events of a family that cannot be judged: they are tried again like
// those of which nobody can be named.
func (w *Webhooks) unjudged(ctx context.Context, events []rightful.InboxEvent) *batch {
	b := w.batch(ctx, events)
	for i := range b.events {
		b.unknown(i)
	}
	return b
}

// byFamily yields the events of each family; they are in the order of families.
func byFamily(events []rightful.InboxEvent) func(yield func([]rightful.InboxEvent) bool) {
	return func(yield func([]rightful.InboxEvent) bool) {
		for len(events) > 0 {
			n := 1
			for n < len(events) && events[n].Family == events[0].Family {
				n++
			}
			if !yield(events[:n]) {
				return
			}
			events = events[n:]
		}
	}
}

// judged tells of an event that was judged, and what was found about its family; nil:
// it was not looked at.
func (w *Webhooks) judged(ctx context.Context, e rightful.InboxEvent, v *verdict) {
	w.o.Tally.judged(e, w.g.now())
	w.decided(ctx, e, "", v)
}

// decided tells of what was decided about an event.
func (w *Webhooks) decided(ctx context.Context, e rightful.InboxEvent, kind rightful.ErrorKind, v *verdict) {
	d := Decision{
		Kind: DecidedWebhook, At: w.g.now(), EventID: e.ID, CompanyID: e.CompanyID, Object: rightful.Ref{Type: string(e.ObjectType), ID: e.ObjectID},
		Status: Status(e.Status), Codes: slices.Clone(e.Codes), Error: string(kind), Seconds: float64(max(w.g.now()-e.ReceivedAt, 0)),
	}
	if v != nil {
		d.Family, d.Findings = e.Family, v.findings
	}
	switch e.ObjectType {
	case rightful.TypeSession:
		d.SessionID = e.ObjectID
	case rightful.TypeCustomer:
		d.StripeCustomerID = e.ObjectID
	}
	w.g.decide(ctx, d)
}

// objectKey names an object in a batch.
type objectKey struct {
	t  rightful.ObjectType
	id string
}

// newest is the newest that is known of an object.
type newest struct {
	rightful.InboxObject
	object  rightful.Object
	changed bool // by an event of this batch
	tied    bool // two events of the same second say different things: Stripe is asked
}

// fate is what becomes of one event of a batch.
type fate int

const (
	fateOpen   fate = iota // it is to be judged
	fateJudged             // it is settled
	fateMoved              // it is of another family, and is judged with that
	fateEarly              // it stays as it is, and its time has not come
)

// batch is a number of events that are judged together.
type batch struct {
	w      *Webhooks
	ctx    context.Context
	now    int64
	events []rightful.InboxEvent // in order of family, creation and acceptance
	fates  []fate                // of the events

	account rightful.Account
	newest  map[objectKey]*newest
	putOff  map[string]bool // families whose turn comes later
	found   map[string]*verdict
}

func (w *Webhooks) batch(ctx context.Context, events []rightful.InboxEvent) *batch {
	return &batch{
		w: w, ctx: ctx, now: w.g.now(), events: slices.Clone(events), fates: make([]fate, len(events)),
		newest: map[objectKey]*newest{}, putOff: map[string]bool{}, found: map[string]*verdict{},
	}
}

func (b *batch) join(other *batch) {
	b.events, b.fates = append(b.events, other.events...), append(b.fates, other.fates...)
	maps.Copy(b.newest, other.newest)
	maps.Copy(b.found, other.found)
}

// judge says whose the events are.
func (b *batch) judge() error {
	var err error
	if b.account, err = b.w.g.opens(b.ctx); err != nil {
		return err
	}
	b.strangers()
	if err := b.readMissing(); err != nil {
		return err
	}
	if err := b.load(); err != nil {
		return err
	}
	if err := b.fold(); err != nil {
		return err
	}
	return b.attribute()
}

// left reports whether an event of the batch still has to meet its fate in it, and open
// whether it can be judged, too.
func (b *batch) left(i int) bool { return b.fates[i] == fateOpen && !b.putOff[b.events[i].Family] }
func (b *batch) open(i int) bool { return b.left(i) && b.events[i].Payload != "" }

// strangers lets go of events of the mode, and of accounts, that the key does not open.
// An event that names no account is of the endpoint's own, whether the config says
// which one that is or not: Stripe names connected ones only.
func (b *batch) strangers() {
	for i := range b.events {
		e := &b.events[i]
		switch {
		case b.account.LivemodeKnown && e.Livemode != b.account.Livemode:
			b.settle(i, rightful.InboxForeign)
		case e.Account == "":
			e.Account = b.account.ID
		case e.Account != b.account.ID:
			e.Codes = []string{string(rightful.CodeUnknownAccount)}
			b.settle(i, rightful.InboxForeign)
		}
	}
}

// settle ends the judging of an event.
func (b *batch) settle(i int, status rightful.InboxStatus) {
	e := &b.events[i]
	e.Status, e.JudgedAt, b.fates[i] = status, b.now, fateJudged
	e.Attempts++
	if status == rightful.InboxMine && b.w.o.OnNotice != nil {
		e.Notice = rightful.NoticeWaiting
		return
	}
	if status != rightful.InboxUnknown && status != rightful.InboxDead {
		e.Payload = "" // least data: nobody needs it any more
	}
}

// unknown lets an event be tried again later, or not any more. One that was looked at
// before its time, because another event of its family came, keeps its time, and one
// that is dead stays that.
func (b *batch) unknown(i int) {
	e := &b.events[i]
	if e.Status == rightful.InboxUnknown && e.NextAt > b.now || e.Status == rightful.InboxDead {
		b.fates[i] = fateEarly
		return
	}
	if e.Attempts >= len(againAfter) {
		b.settle(i, rightful.InboxDead)
		return
	}
	e.NextAt = b.now + int64(againAfter[e.Attempts]/time.Second)
	b.settle(i, rightful.InboxUnknown)
}
