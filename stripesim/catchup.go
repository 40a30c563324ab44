package stripesim

import (
	"math"
	"slices"
)

// passTime lets an account catch up with the clock before anybody looks at it.
// Subscription schedules move with time: their phases start and end, at the
// very second that they name, whenever that is noticed. And subscriptions that
// nobody paid for expire.
func (s *Server) passTime(a *account, now int64) {
	if now < a.due.Load() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.catchUp(a, now)
}

// catchUp goes through the boundaries of the account's schedules in the order
// of time, those of one moment in the order in which the schedules were made.
// It needs the account's lock.
func (s *Server) catchUp(a *account, now int64) {
	for {
		due, at := s.nextDue(a)
		if at > now || len(due) == 0 {
			a.due.Store(at)
			break
		}
		a.clock = at
		for _, next := range due {
			next.t.now = at
			switch { // one may have ended another
			case next.e.has([]string{tagLive}):
				next.t.reachBoundary(next.e)
			case next.e.has([]string{tagIncomplete}):
				next.t.expireSubscription(next.e)
			}
		}
	}
	a.clock = max(a.clock, now)
}

// tagIncomplete marks the subscriptions whose first invoice is not paid.
const tagIncomplete = "status=incomplete"

// dueObject is a schedule or an incomplete subscription.
type dueObject struct {
	t *tx
	e *entry
}

// nextDue are the objects with the earliest boundary after the account's clock.
func (s *Server) nextDue(a *account) (due []dueObject, at int64) {
	at = math.MaxInt64
	for i, st := range a.modes {
		t := &tx{server: s, account: a, livemode: i == 1}
		note := func(e *entry, next int64) {
			if next == math.MaxInt64 || next > at {
				return
			}
			if next < at {
				due, at = nil, next
			}
			due = append(due, dueObject{t, e})
		}
		for _, e := range st.tables["subscription_schedule"].smallest([]string{tagLive}).entries {
			note(e, nextBoundary(e.object(), a.clock))
		}
		for _, e := range st.tables["subscription"].smallest([]string{tagIncomplete}).entries {
			if at := expiryOf(e.object()); at > a.clock {
				note(e, at)
			}
		}
	}
	slices.SortFunc(due, func(a, b dueObject) int { return int(a.e.seq) - int(b.e.seq) })
	return due, at
}

// watch makes sure that time passes for a schedule that was written. What lies
// behind the clock has been dealt with by the request.
func (t *tx) watch(e *entry) {
	t.account.clock = max(t.account.clock, t.now)
	t.remind(nextBoundary(e.object(), t.account.clock))
}

// remind makes the account look at the clock again at this moment.
func (t *tx) remind(at int64) {
	if at < t.account.due.Load() {
		t.account.due.Store(at)
	}
}
