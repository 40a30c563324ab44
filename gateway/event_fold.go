package gateway

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"rightful"
)

// Bounds of reading at Stripe for one batch.
const (
	readsAtOnce = 4
	laterAfter  = 30 * time.Second // what could not be read is tried again
	// readWithin is how long one batch reads: well within the time for which a shard is
	// held and a job may run, or what was read would be lost with them.
	readWithin = 8 * time.Second
)

// errNoTime is why an object was not read in this batch.
var errNoTime = errors.New("gateway: there was no time left to read it")

// read is the answer to one look-up.
type read struct {
	objectKey
	object rightful.Object
	exists rightful.Existence
	err    error
}

// readObjects looks objects up, each once. For those that come too late there is
// errNoTime; where Stripe has not answered anything in all the time, there is not.
func (b *batch) readObjects(keys []objectKey) map[objectKey]read {
	ctx, cancel := context.WithTimeout(b.ctx, cmp.Or(b.w.readFor, readWithin))
	defer cancel()
	answers := make([]read, len(keys))
	slots := make(chan struct{}, readsAtOnce)
	var all sync.WaitGroup
	for i, k := range keys {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if answers[i] = (read{objectKey: k, err: ctx.Err()}); ctx.Err() == nil {
				answers[i].object, answers[i].exists, answers[i].err = b.w.g.opt.Stripe.Get(ctx, k.t, k.id)
			}
		})
	}
	all.Wait()
	some := slices.ContainsFunc(answers, func(a read) bool { return a.err == nil })
	out := map[objectKey]read{}
	for _, a := range answers {
		if some && a.err != nil && ctx.Err() != nil {
			a.err = errNoTime
		}
		out[a.objectKey] = a
	}
	return out
}

// readMissing reads the objects of events that did not carry them: once for all events
// of the same object. What cannot be read holds its whole family up: the order of a
// family is kept.
func (b *batch) readMissing() error {
	var keys []objectKey
	for i, e := range b.events {
		if k := (objectKey{e.ObjectType, e.ObjectID}); b.fates[i] == fateOpen && e.Payload == "" && !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	reads := b.readObjects(keys)
	if err := b.ctx.Err(); err != nil {
		return context.Cause(b.ctx)
	}
	for i := range b.events {
		e := &b.events[i]
		r, asked := reads[objectKey{e.ObjectType, e.ObjectID}]
		if b.fates[i] != fateOpen || e.Payload != "" || !asked {
			continue
		}
		switch {
		case errors.Is(r.err, errNoTime):
			b.putOff[e.Family] = true // it is due all the same, and comes with the next batch
		case r.err != nil:
			b.putOffFamily(e.Family)
		case r.exists == rightful.ExistsPresent || r.exists == rightful.ExistsDeleted && r.object.ID != "":
			b.take(i, harmless(r.object))
		default:
			b.unknown(i)
		}
	}
	return nil
}

// take keeps the object that was read as if the event had carried it. An event that
// turns out to be of another family than it was taken for is judged with that.
func (b *batch) take(i int, o rightful.Object) {
	e, family := &b.events[i], familyOf(o)
	raw, err := json.Marshal(eventPayload{Object: fieldsOf(o)}, json.Deterministic(true))
	if err != nil || len(raw) > maxPayload || !isStripeID(family) {
		b.unknown(i)
		return
	}
	e.Payload = string(raw)
	if family != e.Family {
		e.Family, e.Shard, e.Status, e.NextAt = family, shardOf(family), rightful.InboxPending, b.now
		b.fates[i] = fateMoved
	}
}

// putOffFamily lets a family wait.
func (b *batch) putOffFamily(family string) {
	b.putOff[family] = true
	for i := range b.events {
		if e := &b.events[i]; e.Family == family && b.fates[i] != fateJudged {
			e.NextAt = b.now + int64(laterAfter/time.Second)
		}
	}
}

// load reads what is known of the families.
func (b *batch) load() error {
	families, ids := map[bool][]string{}, map[bool][]string{} // by mode
	for i, e := range b.events {
		if b.open(i) {
			families[e.Livemode] = append(families[e.Livemode], e.Family)
			ids[e.Livemode] = append(ids[e.Livemode], e.ObjectID, e.Family)
		}
	}
	for livemode := range families {
		known, err := b.w.o.Inbox.InboxObjects(b.ctx, livemode, unique(families[livemode]), unique(ids[livemode]))
		if err != nil {
			return err
		}
		for _, o := range known {
			var f objectFields
			if json.Unmarshal([]byte(o.Snapshot), &f) != nil {
				continue // of a later version: as if it were not known
			}
			b.newest[objectKey{o.Type, o.ID}] = &newest{InboxObject: o, object: f.object(b.account.ID, o.Livemode)}
		}
	}
	return nil
}

func unique(values []string) []string {
	slices.Sort(values)
	return slices.Compact(values)
}

// fold keeps of each object what its newest event says. An event that comes late
// changes nothing. Of two of the same second that say different things nobody can tell
// which is newer: Stripe is asked what is so now.
func (b *batch) fold() error {
	for i, e := range b.events {
		if !b.open(i) {
			continue
		}
		var p eventPayload
		if json.Unmarshal([]byte(e.Payload), &p) != nil || p.Object == nil {
			b.unknown(i)
			continue
		}
		b.foldOne(e, p.Object.object(e.Account, e.Livemode))
	}
	if err := b.untie(); err != nil {
		return err
	}
	for i := range b.events {
		if e := &b.events[i]; b.open(i) {
			e.Superseded = b.superseded(*e)
		}
	}
	return nil
}

func (b *batch) foldOne(e rightful.InboxEvent, o rightful.Object) {
	k := objectKey{e.ObjectType, e.ObjectID}
	snapshot := snapshotText(o)
	known := b.newest[k]
	switch {
	case known == nil || known.Created < e.Created:
		b.newest[k] = &newest{InboxObject: rightful.InboxObject{
			Livemode: e.Livemode, Type: e.ObjectType, ID: e.ObjectID, Family: e.Family, Created: e.Created, EventID: e.ID, Snapshot: snapshot,
		}, object: o, changed: true}
	case known.Created == e.Created && known.Snapshot != snapshot:
		known.tied = true
	}
}

// untie asks Stripe about objects of which two events of the same second say different
// things.
func (b *batch) untie() error {
	var keys []objectKey
	for k, n := range b.newest {
		if n.tied {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	slices.SortFunc(keys, func(x, y objectKey) int { return strings.Compare(x.id, y.id) })
	reads := b.readObjects(keys)
	if b.ctx.Err() != nil {
		return context.Cause(b.ctx)
	}
	for k, r := range reads {
		n := b.newest[k]
		if r.err != nil {
			b.putOffFamily(n.Family)
			delete(b.newest, k)
			continue
		}
		switch r.exists {
		case rightful.ExistsPresent:
			n.object = harmless(r.object)
			n.object.Email, n.object.Items, n.object.Balance, n.object.AmountPaid = "", nil, 0, 0
		case rightful.ExistsDeleted:
			n.object.Deleted = true // the stub does not tell whose it was
		}
		n.Snapshot, n.changed = snapshotText(n.object), true
	}
	return nil
}

// superseded reports whether something newer is known than an event says.
func (b *batch) superseded(e rightful.InboxEvent) bool {
	n := b.newest[objectKey{e.ObjectType, e.ObjectID}]
	if n == nil || n.Created > e.Created {
		return n != nil
	}
	var p eventPayload
	return json.Unmarshal([]byte(e.Payload), &p) == nil && p.Object != nil && snapshotText(p.Object.object(e.Account, e.Livemode)) != n.Snapshot
}

// learned are the objects that became newer, and the customers of families that were
// judged: an object that stands still is known for as long as its family is alive.
func (b *batch) learned() []rightful.InboxObject {
	var out []rightful.InboxObject
	for _, n := range b.newest {
		alive := n.ID == n.Family && b.found[n.Family] != nil && n.SeenAt <= b.now-int64(seenEvery/time.Second)
		if n.changed || alive {
			n.SeenAt = b.now
			out = append(out, n.InboxObject)
		}
	}
	slices.SortFunc(out, func(x, y rightful.InboxObject) int { return strings.Compare(x.ID, y.ID) })
	return out
}
