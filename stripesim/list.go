package stripesim

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
)

// listOperation is GET url: newest first, with the paging parameters that all
// lists share (Stripe docs: api/pagination) and the filters of the resource.
func listOperation(res *resource, name string) *operation {
	params := res.filters.with(limitParam(), textParam("starting_after"), textParam("ending_before"))
	if !res.undated {
		params = params.with(rangeParam("created"))
	}
	return &operation{name: name, method: http.MethodGet, path: res.url, permission: res.slug + "_read", params: params,
		returns: res, lists: true,
		run: func(c *call) (json.RawMessage, *apiError) { return c.list(res) }}
}

func limitParam() param { return intParam("limit").between(1, 100) }

// pageLimit is the limit of a request; Stripe's default is 10.
func (c *call) pageLimit() int {
	if c.params.has("limit") {
		return int(c.params.int("limit"))
	}
	return 10
}

// span is a range of creation times, both ends included, in Unix seconds.
type span struct{ from, to int64 }

// checkRange reads created=N or created[gt|gte|lt|lte]=N.
func checkRange(n *node, full string) (any, *apiError) {
	s := span{math.MinInt64, math.MaxInt64}
	if n.kind == textNode {
		at, err := checkInt(n.text, full, 0, 1<<53)
		if err != nil {
			return nil, err
		}
		return span{at.(int64), at.(int64)}, nil
	}
	bounds, err := shape{timeParam("gt"), timeParam("gte"), timeParam("lt"), timeParam("lte")}.check(n, full)
	if err != nil {
		return nil, err
	}
	for _, name := range bounds.names {
		at := bounds.int(name)
		switch name {
		case "gt":
			s.from = max(s.from, at+1)
		case "gte":
			s.from = max(s.from, at)
		case "lt":
			s.to = min(s.to, at-1)
		case "lte":
			s.to = min(s.to, at)
		}
	}
	return s, nil
}

func (c *call) oneCursor() *apiError {
	if c.params.has("starting_after") && c.params.has("ending_before") {
		return invalid("", "starting_after", "You can pass starting_after or ending_before, not both: a page begins behind one object or ends in front of one.")
	}
	return nil
}

func (c *call) list(res *resource) (json.RawMessage, *apiError) {
	if err := c.oneCursor(); err != nil {
		return nil, err
	}
	tags := []string{}
	if res.choose != nil {
		chosen, err := res.choose(c)
		if err != nil {
			return nil, err
		}
		tags = append(tags, chosen...)
	}
	return c.listTagged(res, res.url, tags)
}

// listTagged is the list of the objects that have these tags, at any URL.
func (c *call) listTagged(res *resource, url string, tags []string) (json.RawMessage, *apiError) {
	if len(tags) == 0 {
		tags = append(tags, tagAll)
	}
	var keep func(*entry) bool
	if res.match != nil {
		var err *apiError
		if keep, err = res.match(c); err != nil {
			return nil, err
		}
	}
	page, more, err := c.pageOf(c.table(res.object).smallest(tags), tags, keep, func(param string) (*entry, *apiError) { return c.cursor(res, param) })
	if err != nil {
		return nil, err
	}
	return c.renderList(res, url, page, more), nil
}

// pageOf is the page that the paging parameters and created ask for; cursor
// finds the object that one of them names.
func (c *call) pageOf(within *ordered, tags []string, keep func(*entry) bool, cursor func(param string) (*entry, *apiError)) (page []*entry, more bool, _ *apiError) {
	from, to := 0, len(within.entries)
	if s, ok := c.params.of["created"].(span); ok {
		from = within.since(s.from)
		if s.to < math.MaxInt64 {
			to = max(from, within.since(s.to+1))
		}
	}
	walk := pageWalk{entries: within.entries, from: from, to: to, tags: tags, keep: keep, limit: c.pageLimit()}
	switch {
	case c.params.has("starting_after"):
		mark, err := cursor("starting_after")
		if err != nil {
			return nil, false, err
		}
		walk.to = min(walk.to, within.at(mark))
	case c.params.has("ending_before"):
		mark, err := cursor("ending_before")
		if err != nil {
			return nil, false, err
		}
		i := within.at(mark)
		if i < len(within.entries) && within.entries[i] == mark {
			i++
		}
		walk.from = max(walk.from, i)
		walk.upwards = true
	}
	page, more = walk.page()
	return page, more, nil
}

// cursor looks the cursor object up. An unknown or deleted one is refused: a
// pager that silently began again at the first page would never end.
func (c *call) cursor(res *resource, param string) (*entry, *apiError) {
	return c.findLive(res.object, c.params.str(param), http.StatusBadRequest, param)
}

// pageWalk collects one page from entries[from:to], oldest first.
type pageWalk struct {
	entries  []*entry
	from, to int
	tags     []string
	keep     func(*entry) bool // nil keeps all
	limit    int
	upwards  bool // towards newer objects, for ending_before
}

// page returns the entries, newest first, and whether more follow in the
// direction of the walk.
func (w pageWalk) page() (page []*entry, more bool) {
	for i := 0; i < w.to-w.from; i++ {
		e := w.entries[w.to-1-i]
		if w.upwards {
			e = w.entries[w.from+i]
		}
		if !e.has(w.tags) || w.keep != nil && !w.keep(e) {
			continue
		}
		if len(page) == w.limit {
			more = true
			break
		}
		page = append(page, e)
	}
	if w.upwards {
		for i, j := 0, len(page)-1; i < j; i, j = i+1, j-1 {
			page[i], page[j] = page[j], page[i]
		}
	}
	return page, more
}

func (c *call) renderList(res *resource, url string, page []*entry, more bool) json.RawMessage {
	var b bytes.Buffer
	size := 128
	for _, e := range page {
		size += len(e.raw) + 1
	}
	b.Grow(size)
	b.WriteString(`{"object":"list","data":`)
	c.writeData(&b, res, page)
	b.WriteString(`,"has_more":`)
	b.Write(encode(more))
	b.WriteString(`,"url":`)
	b.Write(encode(url))
	b.WriteByte('}')
	return b.Bytes()
}

func (c *call) writeData(b *bytes.Buffer, res *resource, page []*entry) {
	below := c.expand.below("data")
	b.WriteByte('[')
	for i, e := range page {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(c.expanded(res.expands, below, e.raw))
	}
	b.WriteByte(']')
}
