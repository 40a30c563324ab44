package stripesim

import (
	"encoding/json"
	"slices"
	"sort"
)

// entry is one stored object. Lists are ordered by (created, seq): seq counts
// insertions into the account, so among objects of the same second the later
// inserted is the newer, for good. A page boundary inside one second therefore
// neither loses nor repeats anything.
type entry struct {
	id      string
	created int64 // Unix seconds; 0 when a world leaves it out
	seq     uint64
	raw     json.RawMessage // compact JSON as clients see it; replaced, never changed in place
	// hidden is what Stripe remembers but does not show: the subscription_data
	// of an open session, for example.
	hidden  json.RawMessage
	deleted bool
	tags    []string
	timer   int64    // when it has something to do next; 0: never, or not known
	indexed *indexed // what search knows of it; nil: everything
}

func (e *entry) object() *object { return parseObject(e.raw) }

func (e *entry) olderThan(o *entry) bool {
	if e.created != o.created {
		return e.created < o.created
	}
	return e.seq < o.seq
}

func (e *entry) has(tags []string) bool {
	for _, tag := range tags {
		if !slices.Contains(e.tags, tag) {
			return false
		}
	}
	return true
}

// table holds the objects of one resource in one account and mode, with an
// index for every tag. A tag is a property that a list can filter by, spelled
// "customer=cus_1" or "current".
type table struct {
	res   *resource
	byID  map[string]*entry
	index map[string]*ordered
}

// tagAll marks every object that still exists.
const tagAll = "all"

func newTable(res *resource) *table {
	return &table{res: res, byID: map[string]*entry{}, index: map[string]*ordered{}}
}

// add stores a new entry. With bulk the order is left to a later settle.
func (t *table) add(e *entry, bulk bool) {
	t.byID[e.id] = e
	e.tags = t.tagsOf(e)
	for _, tag := range e.tags {
		t.order(tag).insert(e, bulk)
	}
}

// settle restores the order after bulk adds.
func (t *table) settle() {
	for _, o := range t.index {
		o.settle()
	}
}

// replace gives an entry new contents and moves it between indexes.
func (t *table) replace(e *entry, raw json.RawMessage) {
	e.raw = raw
	before := e.tags
	e.tags = t.tagsOf(e)
	for _, tag := range before {
		if !slices.Contains(e.tags, tag) {
			o := t.index[tag]
			if o.remove(e); len(o.entries) == 0 {
				delete(t.index, tag)
			}
		}
	}
	for _, tag := range e.tags {
		if !slices.Contains(before, tag) {
			t.order(tag).insert(e, false)
		}
	}
}

// remove forgets an entry, its id included.
func (t *table) remove(e *entry) {
	e.deleted = true
	t.replace(e, e.raw)
	delete(t.byID, e.id)
}

func (t *table) tagsOf(e *entry) []string {
	if e.deleted {
		return nil
	}
	tags := append(make([]string, 0, 6), tagAll)
	if t.res.tags != nil {
		tags = t.res.tags(tags, e.object())
	}
	slices.Sort(tags)
	return slices.Clip(slices.Compact(tags))
}

func (t *table) order(tag string) *ordered {
	o := t.index[tag]
	if o == nil {
		o = &ordered{}
		t.index[tag] = o
	}
	return o
}

// smallest returns the shortest index among the tags: a list of one customer's
// sessions walks only those, however many others there are.
func (t *table) smallest(tags []string) *ordered {
	var best *ordered
	for _, tag := range tags {
		o := t.index[tag]
		if o == nil {
			return &ordered{}
		}
		if best == nil || len(o.entries) < len(best.entries) {
			best = o
		}
	}
	return best
}

// ordered is a slice of entries, oldest first.
type ordered struct {
	entries  []*entry
	unsorted bool
}

// at returns the index of the first entry that is not older than e.
func (o *ordered) at(e *entry) int {
	return sort.Search(len(o.entries), func(i int) bool { return !o.entries[i].olderThan(e) })
}

// since returns the index of the first entry created at or after the time.
func (o *ordered) since(created int64) int {
	return sort.Search(len(o.entries), func(i int) bool { return o.entries[i].created >= created })
}

func (o *ordered) insert(e *entry, bulk bool) {
	n := len(o.entries)
	if n == 0 || o.entries[n-1].olderThan(e) {
		o.entries = append(o.entries, e)
		return
	}
	if bulk {
		o.entries = append(o.entries, e)
		o.unsorted = true
		return
	}
	o.entries = slices.Insert(o.entries, o.at(e), e)
}

func (o *ordered) settle() {
	if o.unsorted {
		sort.Slice(o.entries, func(i, j int) bool { return o.entries[i].olderThan(o.entries[j]) })
		o.unsorted = false
	}
}

func (o *ordered) remove(e *entry) {
	i := o.at(e)
	switch {
	case i == len(o.entries) || o.entries[i] != e:
	case i == 0: // in one step: a deleted customer's subscriptions go in this order
		o.entries[0] = nil
		o.entries = o.entries[1:]
	default:
		o.entries = slices.Delete(o.entries, i, i+1)
	}
}
