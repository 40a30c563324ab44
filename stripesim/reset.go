package stripesim

import (
	"maps"
	"time"
)

// Advance moves the server's clock, which goes on from there. A negative
// duration moves it back.
func (s *Server) Advance(d time.Duration) {
	s.offset.Add(int64(d))
	s.hooks.nudge()
}

// Now is the server's clock: Options.Now and what Advance added.
func (s *Server) Now() time.Time { return s.now() }

// Reset forgets every object, idempotency key, counter, fault, webhook delivery
// and webhook rule, gives the rate limits a fresh start, and takes back what
// Advance did. Accounts and keys stay, and ids are given out from the first one
// again. Worlds have to be loaded anew.
func (s *Server) Reset() {
	s.mu.Lock()
	for _, a := range s.accounts {
		a.mu.Lock()
		fresh := s.newAccount(a.id)
		for i, st := range a.modes {
			st.restore(fresh.modes[i])
			st.idem.reset()
		}
		a.seq, a.declared, a.profile, a.kept, a.missingIDs = 0, nil, nil, fresh.kept, nil
		a.clock, a.timers = 0, nil
		s.shareEndpoints(a)
		a.due.Store(fresh.due.Load())
		a.mu.Unlock()
	}
	s.mu.Unlock()
	s.restart()
}

// restart forgets what was counted and scripted, and keeps the objects.
func (s *Server) restart() {
	s.offset.Store(0)
	s.requests.Store(0)
	s.counters.reset()
	s.limiter.reset()
	s.ClearFaults()
	s.ClearWebhookRules()
}

// snapshot copies what an operation can change in a store: entries, their
// order, and the ids given out. The JSON of objects is never changed in place.
func (st *store) snapshot() *store {
	out := &store{tables: map[string]*table{}, issued: maps.Clone(st.issued), outbox: st.outbox.snapshot()}
	for name, t := range st.tables {
		fresh := newTable(t.res)
		for _, e := range t.byID {
			same := *e
			fresh.byID[same.id] = &same
			for _, tag := range same.tags {
				fresh.order(tag).insert(&same, true)
			}
		}
		fresh.settle()
		out.tables[name] = fresh
	}
	return out
}

func (st *store) restore(from *store) {
	st.tables, st.issued, st.outbox = from.tables, from.issued, from.outbox
}
