package stripesim

import (
	"container/heap"
	"math"
)

// passTime lets an account catch up with the clock before anybody looks at it.
// Schedules, subscriptions and open checkout sessions move with time: at the
// very second that they name, whenever that is noticed.
func (s *Server) passTime(a *account, now int64) {
	if now < a.due.Load() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.catchUp(a, now)
}

// catchUp lets happen what is due, in the order of time; of one moment,
// schedules come first (they may end a subscription or change what it costs),
// and then the objects in the order in which they were made. It needs the
// account's lock.
func (s *Server) catchUp(a *account, now int64) {
	for len(a.timers) > 0 && a.timers[0].at <= now {
		next := heap.Pop(&a.timers).(timer)
		t := &tx{server: s, account: a, livemode: next.livemode, now: next.at}
		a.clock = max(a.clock, next.at)
		e := t.table(next.kind).byID[next.id]
		// An object that was changed meanwhile may have nothing to do now.
		if e == nil || e.deleted || t.nextMoment(next.kind, e.object(), next.at-1) != next.at {
			continue
		}
		e.timer = 0
		switch next.kind {
		case "subscription_schedule":
			t.reachBoundary(e)
		case "subscription":
			t.reachMoment(e)
		case "checkout.session":
			t.expireCheckout(e)
		}
		t.remind(next.kind, e)
	}
	a.clock = max(a.clock, now)
	a.due.Store(a.timers.next())
}

// timer is a moment at which an object has something to do.
type timer struct {
	at       int64 // Unix seconds
	rank     int
	seq      uint64 // of the object
	livemode bool
	kind, id string
}

// timers is a heap, the earliest first.
type timers []timer

func (q timers) Len() int      { return len(q) }
func (q timers) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *timers) Push(x any)   { *q = append(*q, x.(timer)) }
func (q *timers) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}

func (q timers) Less(i, j int) bool {
	a, b := q[i], q[j]
	switch {
	case a.at != b.at:
		return a.at < b.at
	case a.rank != b.rank:
		return a.rank < b.rank
	}
	return a.seq < b.seq
}

func (q timers) next() int64 {
	if len(q) == 0 {
		return math.MaxInt64
	}
	return q[0].at
}

// remind makes the account look at an object when it has something to do next.
// What lies behind the clock has been dealt with: by the request that made the
// object, or before the world was written that brought it.
func (t *tx) remind(kind string, e *entry) {
	rank := 1
	switch kind {
	case "subscription_schedule":
		rank = 0
	case "subscription", "checkout.session":
	default:
		return
	}
	at := int64(math.MaxInt64)
	if !e.deleted {
		at = t.nextMoment(kind, e.object(), t.now)
	}
	if at == math.MaxInt64 || at == e.timer {
		return
	}
	e.timer = at
	heap.Push(&t.account.timers, timer{at: at, rank: rank, seq: e.seq, livemode: t.livemode, kind: kind, id: e.id})
	if at < t.account.due.Load() {
		t.account.due.Store(at)
	}
}

// nextMoment is the first moment after this one at which an object does
// something by itself.
func (t *tx) nextMoment(kind string, o *object, after int64) int64 {
	status := o.str("status")
	switch {
	case kind == "subscription_schedule" && (status == "not_started" || status == "active"):
		return nextBoundary(o, after)
	case kind == "subscription":
		return subscriptionMoment(o, after)
	case kind == "checkout.session" && status == "open":
		if at := o.int("expires_at"); at > after {
			return at
		}
	}
	return math.MaxInt64
}
