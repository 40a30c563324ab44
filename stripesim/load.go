package stripesim

import (
	"bytes"
	"fmt"
)

// simField carries, in dumps only, what the simulator knows about an object
// and Stripe does not show, so that a dumped open session can still be paid
// after it was loaded again.
const simField = "_stripesim"

// load adds a world to the account, all of it or nothing.
func (a *account) load(w *world) error {
	declared := a.declared
	if w.livemode != nil {
		if declared != nil && *declared != *w.livemode {
			return fmt.Errorf("stripe.account.livemode: account %s is already loaded as %s mode", a.id, modeName(*declared))
		}
		declared = w.livemode
	}
	if declared == nil {
		declared = w.firstMode()
	}
	mode := declared != nil && *declared
	if err := a.checkIDs(w); err != nil {
		return err
	}
	a.declared = declared
	if w.profile != nil {
		a.profile = w.profile
	}
	a.missingIDs = append(a.missingIDs, w.missingIDs...)
	a.keep(w.kept)
	for _, object := range w.order {
		for _, item := range w.lists[object] {
			a.seq++
			t := a.store(item.mode(mode)).tables[object]
			t.add(item.entry(object, mode, a.seq), true)
		}
		for _, st := range a.modes {
			st.tables[object].settle()
		}
	}
	return nil
}

// firstMode is the mode of a world that does not declare one: that of the
// first object that says it.
func (w *world) firstMode() *bool {
	for _, object := range w.order {
		for _, item := range w.lists[object] {
			if item.livemode != nil {
				return item.livemode
			}
		}
	}
	return nil
}

// checkIDs refuses ids that are there already, or both there and missing.
func (a *account) checkIDs(w *world) error {
	here := map[string]string{}
	for object, list := range w.lists {
		for _, item := range list {
			id := item.fields.str("id")
			here[id] = item.path
			for _, st := range a.modes {
				if st.tables[object].byID[id] != nil {
					return fmt.Errorf("%s: duplicate id %s: account %s has it already", item.path, id, a.id)
				}
			}
		}
	}
	for i, raw := range w.missingIDs {
		if path, there := here[text(raw)]; there {
			return fmt.Errorf("stripe.missing_ids[%d]: %s is not missing, it is at %s", i, text(raw), path)
		}
	}
	return nil
}

// keep stores lists without endpoints; those of a second world are appended.
func (a *account) keep(kept *object) {
	for _, f := range kept.fields {
		before := a.kept.get(f.name)
		if len(before) > 0 && before[0] == '[' && f.value[0] == '[' {
			a.kept.set(f.name, array(append(elements(before), elements(f.value)...)))
		} else {
			a.kept.set(f.name, f.value)
		}
	}
}

// remindLoaded lets time pass for an object of a world from now on.
func (s *Server) remindLoaded(a *account, object, id string, now int64) {
	for i, st := range a.modes {
		if e := st.tables[object].byID[id]; e != nil {
			(&tx{server: s, account: a, livemode: i == 1, now: now}).remind(object, e)
		}
	}
}

func (i *worldObject) mode(otherwise bool) bool {
	if i.livemode != nil {
		return *i.livemode
	}
	return otherwise
}

func (i *worldObject) entry(object string, mode bool, seq uint64) *entry {
	o := i.fields
	e := &entry{id: o.str("id"), created: o.int("created"), seq: seq, deleted: o.bool("deleted")}
	if hidden := o.get(simField); hidden != nil {
		e.hidden = bytes.Clone(hidden)
		o.remove(simField)
	}
	if isNull(o.get("object")) {
		o.set("object", object)
	}
	if !e.deleted && isNull(o.get("livemode")) { // Stripe's deleted stubs have no livemode
		o.set("livemode", i.mode(mode))
	}
	e.raw = o.raw()
	return e
}
