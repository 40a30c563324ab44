package stripesim

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
)

// searchKind says how a field of the search language compares.
type searchKind uint8

const (
	searchText searchKind = iota
	searchNumber
)

// searchOperation is GET url/search (Stripe docs: search). Results are newest
// first. They lag behind writes as Options.SearchLag says.
func searchOperation(res *resource, name string) *operation {
	return &operation{name: name, method: http.MethodGet, path: res.url + "/search", permission: res.slug + "_read",
		params:  shape{textParam("query").must(), limitParam(), textParam("page")},
		returns: res, lists: true, searches: true,
		run: func(c *call) (json.RawMessage, *apiError) { return c.search(res) }}
}

func (c *call) search(res *resource) (json.RawMessage, *apiError) {
	q, err := parseQuery(c.params.str("query"), res.searchable)
	if err != nil {
		return nil, invalid("", "query", "We were unable to parse your search query: %v.", err)
	}
	within := c.table(res.object).smallest([]string{tagAll})
	top := len(within.entries)
	if c.params.has("page") {
		mark, ok := parsePage(c.params.str("page"))
		if !ok {
			return nil, invalid("", "page", "Invalid page: %s. Pass the next_page of a search result.", shorten(c.params.str("page")))
		}
		top = within.at(mark)
	}
	limit := c.pageLimit()
	counting := c.expand.has("total_count")
	var page []*entry
	more, total := false, 0
	for i := len(within.entries) - 1; i >= 0; i-- {
		if i >= top && !counting {
			continue
		}
		e := within.entries[i]
		known := c.asIndexed(e)
		if known == nil || !q.matches(parseObject(known)) {
			continue
		}
		total++
		switch {
		case i >= top: // on an earlier page
		case len(page) < limit:
			page = append(page, e)
		default:
			more = true
		}
		if more && !counting {
			break
		}
	}
	return c.renderSearch(res, page, more, total), nil
}

func (c *call) renderSearch(res *resource, page []*entry, more bool, total int) json.RawMessage {
	var b bytes.Buffer
	b.WriteString(`{"object":"search_result","data":`)
	c.writeData(&b, res, page)
	b.WriteString(`,"has_more":`)
	b.Write(encode(more))
	b.WriteString(`,"next_page":`)
	var next any
	if more {
		next = pageToken(page[len(page)-1])
	}
	b.Write(encode(next))
	if c.expand.has("total_count") {
		b.WriteString(`,"total_count":`)
		b.Write(encode(total))
	}
	b.WriteString(`,"url":`)
	b.Write(encode(res.url + "/search"))
	b.WriteByte('}')
	return b.Bytes()
}

// pageToken names the last object of a page by its place in the order, so that
// objects created meanwhile do not shift the next page.
func pageToken(e *entry) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", e.created, e.seq))
}

func parsePage(token string) (*entry, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return nil, false
	}
	mark := &entry{}
	n, err := fmt.Sscanf(string(raw), "%d.%d", &mark.created, &mark.seq)
	return mark, err == nil && n == 2
}
