package stripesim

import (
	"encoding/json"
	"fmt"
	"sort"
)

// Dump returns the account's "stripe" section in the shape that LoadWorld
// reads: the account, every list (objects in the order they were added, of
// both modes), missing_ids, and the lists kept from worlds. The account "" is
// the default account. It returns an error when there is no such account.
//
// What Stripe keeps to itself, such as the subscription_data of an open
// session, is written as the field _stripesim of its object, so that loading
// the dump continues where the server stood. Idempotency keys are not part of
// a dump.
func (s *Server) Dump(account string) (json.RawMessage, error) {
	a := s.account(account)
	if a == nil {
		return nil, fmt.Errorf("stripesim: dump: there is no account %s", account)
	}
	s.passTime(a, s.now().Unix())
	a.mu.RLock()
	defer a.mu.RUnlock()
	profile := newObject("id", a.id)
	if a.declared != nil {
		profile.set("livemode", *a.declared)
	}
	if a.profile != nil {
		for _, f := range a.profile.fields {
			if f.name != "id" {
				profile.set(f.name, f.value)
			}
		}
	}
	out := newObject("account", profile)
	for _, res := range s.resources {
		if list := a.dumpList(res.object); len(list) > 0 || !res.sparse {
			out.set(res.section, array(list))
		}
	}
	for _, f := range a.kept.fields {
		out.set(f.name, f.value)
	}
	if len(a.missingIDs) > 0 {
		out.set("missing_ids", array(a.missingIDs))
	}
	return out.raw(), nil
}

// dumpList is every object of one kind, of both modes, in order of insertion.
func (a *account) dumpList(object string) []json.RawMessage {
	var all []*entry
	for _, st := range a.modes {
		for _, e := range st.tables[object].byID {
			all = append(all, e)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].seq < all[j].seq })
	out := make([]json.RawMessage, len(all))
	for i, e := range all {
		out[i] = e.raw
		if e.hidden != nil {
			o := e.object()
			o.set(simField, e.hidden)
			out[i] = o.raw()
		}
	}
	return out
}
