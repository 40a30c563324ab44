package stripesim

import (
	"encoding/json"
	"time"
)

// indexed is what an object was like a while ago, for search: the match is
// made with the past, the hit shows the present (Stripe docs: search, data
// freshness; stripe-node issue 1533). Only kept with Options.SearchLag.
type indexed struct {
	past []version // oldest first
}

// version is the JSON of an object until a moment; nil before it was made.
type version struct {
	raw   json.RawMessage
	until time.Time
}

// indexLater remembers what an object was before a change; raw is nil when the
// change is its creation. Versions that no search can see any more are dropped.
func (t *tx) indexLater(e *entry, raw json.RawMessage) {
	lag := t.server.searchLag
	if lag <= 0 {
		return
	}
	now := t.server.now()
	fresh := &indexed{}
	if e.indexed != nil {
		for _, v := range e.indexed.past {
			if v.until.After(now.Add(-lag)) {
				fresh.past = append(fresh.past, v)
			}
		}
	}
	fresh.past = append(fresh.past, version{raw: raw, until: now})
	e.indexed = fresh
}

// asIndexed is the object as search knows it, nil when it does not yet.
func (t *tx) asIndexed(e *entry) json.RawMessage {
	if e.indexed == nil {
		return e.raw
	}
	seen := t.server.now().Add(-t.server.searchLag)
	for _, v := range e.indexed.past {
		if v.until.After(seen) {
			return v.raw
		}
	}
	return e.raw
}
