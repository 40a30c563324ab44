package stripesim

import (
	"encoding/json"
	"math"
	"sync"
	"sync/atomic"
)

// account is one Stripe account: two stores, one per mode, that share nothing
// but the lock and the order of insertion.
type account struct {
	id string
	// created is when it came into being, order how many came before it: a
	// platform lists its accounts by both.
	created int64
	order   uint64
	// mu guards everything below. Reads share it, so a page of 100 objects
	// never waits for another page.
	mu  sync.RWMutex
	seq uint64
	// clock is the moment up to which time has passed for its objects, timers
	// are the moments at which they have something to do.
	clock  int64
	timers timers
	modes  [2]*store // test, live
	// declared is the mode that a world gave the account; see Options.StrictKeys.
	declared *bool
	// profile is the "account" object of the world, unknown fields included.
	profile *object
	// kept are the lists of a world that have no endpoint yet, for Dump.
	kept       *object
	missingIDs []json.RawMessage
	// due is the earliest of the timers; read without mu.
	due atomic.Int64
}

// store is one mode of an account.
type store struct {
	tables map[string]*table // by object name, "checkout.session"
	issued map[string]uint64 // ids made so far, by prefix
	idem   idempotency
	outbox *outbox // events on their way to webhook endpoints
}

func (s *Server) newAccount(id string) *account {
	a := &account{id: id, kept: newObject(), created: s.now().Unix(), order: s.accountsMade.Add(1)}
	a.due.Store(math.MaxInt64)
	for i := range a.modes {
		st := &store{tables: map[string]*table{}, issued: map[string]uint64{}, outbox: newOutbox()}
		st.idem.init()
		for _, res := range s.resources {
			st.tables[res.object] = newTable(res)
		}
		a.modes[i] = st
	}
	return a
}

func (a *account) store(livemode bool) *store {
	if livemode {
		return a.modes[1]
	}
	return a.modes[0]
}

// tx is one unit of work on one mode of an account, done under its lock.
type tx struct {
	server   *Server
	account  *account
	livemode bool
	now      int64 // Unix seconds
	cause    cause
}

func (t *tx) store() *store { return t.account.store(t.livemode) }

func (t *tx) table(object string) *table { return t.store().tables[object] }

// insert stores a new object. o must carry "id" and "created".
func (t *tx) insert(kind string, o, hidden *object) *entry {
	t.account.seq++
	e := &entry{id: o.str("id"), created: o.int("created"), seq: t.account.seq, raw: o.raw()}
	if hidden != nil {
		e.hidden = hidden.raw()
	}
	t.indexLater(e, nil)
	t.table(kind).add(e, false)
	t.remind(kind, e)
	t.announce(kind, nil, o)
	return e
}

// update gives an entry the contents of o.
func (t *tx) update(kind string, e *entry, o *object) {
	before := e.raw
	t.indexLater(e, before)
	t.table(kind).replace(e, o.raw())
	t.remind(kind, e)
	if e.deleted {
		t.announce(kind, parseObject(before), nil)
	} else {
		t.announce(kind, parseObject(before), o)
	}
}

// remove drops an object of a kind that leaves no stub behind.
func (t *tx) remove(kind string, e *entry) {
	t.table(kind).remove(e)
	t.announce(kind, e.object(), nil)
}

// freshID makes ids until one is free: a world may have brought its own.
func (t *tx) freshID(kind, prefix string, length int) string {
	for {
		id := t.newID(prefix, length)
		if t.table(kind).byID[id] == nil {
			return id
		}
	}
}

// find looks an id up. The error is Stripe's: status 404 for an id in the
// path, 400 for one in a parameter, with a hint when the id exists in the
// other mode.
func (t *tx) find(kind, id string, status int, param string) (*entry, *apiError) {
	table := t.table(kind)
	if e := table.byID[id]; e != nil {
		return e, nil
	}
	elsewhere := ""
	if t.account.store(!t.livemode).tables[kind].byID[id] != nil {
		elsewhere = "; a similar object exists in " + modeName(!t.livemode) + " mode, but a " +
			modeName(t.livemode) + " mode key was used to make this request."
	}
	return nil, missing(status, table.res.noun, id, param, elsewhere)
}

// findLive is find for writes: a deleted object cannot be written to or
// referred to any more.
func (t *tx) findLive(kind, id string, status int, param string) (*entry, *apiError) {
	e, err := t.find(kind, id, status, param)
	if err == nil && e.deleted {
		return nil, missing(status, t.table(kind).res.noun, id, param, "")
	}
	return e, err
}

func modeName(livemode bool) string {
	if livemode {
		return "live"
	}
	return "test"
}
