package stripesim

import (
	"math"
	"slices"
)

// passTime lets an account catch up with the clock before anybody looks at it.
// Subscription schedules are what moves with time: their phases start and end,
// at the very second that they name, whenever that is noticed.
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
			if next.e.has([]string{tagLive}) { // one may have ended another's
				next.t.reachBoundary(next.e)
			}
		}
	}
	a.clock = max(a.clock, now)
}

type dueSchedule struct {
	t *tx
	e *entry
}

// nextDue are the schedules with the earliest boundary after the account's
// clock.
func (s *Server) nextDue(a *account) (due []dueSchedule, at int64) {
	at = math.MaxInt64
	for i, st := range a.modes {
		t := &tx{server: s, account: a, livemode: i == 1}
		for _, e := range st.tables["subscription_schedule"].smallest([]string{tagLive}).entries {
			next := nextBoundary(e.object(), a.clock)
			switch {
			case next == math.MaxInt64 || next > at:
				continue
			case next < at:
				due, at = nil, next
			}
			due = append(due, dueSchedule{t, e})
		}
	}
	slices.SortFunc(due, func(a, b dueSchedule) int { return int(a.e.seq) - int(b.e.seq) })
	return due, at
}

// watch makes sure that time passes for a schedule that was written. What lies
// behind the clock has been dealt with by the request.
func (t *tx) watch(e *entry) {
	t.account.clock = max(t.account.clock, t.now)
	if next := nextBoundary(e.object(), t.account.clock); next < t.account.due.Load() {
		t.account.due.Store(next)
	}
}
