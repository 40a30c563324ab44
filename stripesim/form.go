package stripesim

import (
	"net/url"
	"sort"
	"strconv"
	"strings"
)

// node is one parameter of a request as the form encoding spells it: a text, a
// hash (a[b]=v) or an array (a[]=v). Which of them a parameter should be is
// decided later, by the shape of the operation.
type node struct {
	kind  nodeKind
	text  string
	names []string // of a hash, in order of appearance
	under map[string]*node
	items []*node // of an array
}

type nodeKind uint8

const (
	textNode nodeKind = iota
	hashNode
	arrayNode
)

const (
	// maxFormDepth bounds nesting: no Stripe parameter is deeper than six.
	maxFormDepth = 16
	// maxFormPairs bounds the work that one request can ask for.
	maxFormPairs = 5000
)

func newHash() *node { return &node{kind: hashNode, under: map[string]*node{}} }

func (n *node) get(name string) *node { return n.under[name] }

func (n *node) add(name string, child *node) {
	if _, there := n.under[name]; !there {
		n.names = append(n.names, name)
	}
	n.under[name] = child
}

// parseForm reads application/x-www-form-urlencoded text with Stripe's nested
// names: a[b][c]=v, a[]=v, a[0][b]=v, a[][b]=v. A name given twice counts the
// last time. The error's text is fit for the caller of the API.
func parseForm(into *node, raw string) *apiError {
	pairs := 0
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		if pairs++; pairs > maxFormPairs {
			return invalid("", "", "The request has more than %d parameters.", maxFormPairs)
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return invalid("", "", "The parameters are not valid form encoding near %s.", shorten(pair))
		}
		path, ok := splitName(name)
		if !ok {
			return invalid("", name, "Invalid parameter name: %s. Names look like name, name[key] or name[].", shorten(name))
		}
		if !into.insert(path, value) {
			return invalid("", name, "Invalid parameter: %s is given both as a value and as a hash or array.", shorten(name))
		}
	}
	return nil
}

// splitName cuts a[b][] into "a", "b", "". It reports false for names that are
// empty, too deep or have brackets that do not pair up.
func splitName(name string) ([]string, bool) {
	base, rest, nested := strings.Cut(name, "[")
	if base == "" || strings.Contains(base, "]") {
		return nil, false
	}
	path := []string{base}
	for nested {
		segment, after, closed := strings.Cut(rest, "]")
		if !closed || strings.Contains(segment, "[") || len(path) >= maxFormDepth {
			return nil, false
		}
		path = append(path, segment)
		if after == "" {
			return path, true
		}
		if after[0] != '[' {
			return nil, false
		}
		rest = after[1:]
	}
	return path, true
}

// insert puts a value at a path below n. It reports false when the path runs
// against the kind of a node that is already there.
func (n *node) insert(path []string, value string) bool {
	for i := 0; ; i++ {
		last := i == len(path)-1
		segment := path[i]
		if segment == "" { // an array element
			if n.kind != arrayNode {
				return false
			}
			if last {
				n.items = append(n.items, &node{text: value})
				return true
			}
			n = n.element(path[i+1])
			continue
		}
		if n.kind != hashNode {
			return false
		}
		child := n.get(segment)
		if last {
			if child != nil && child.kind != textNode {
				return false
			}
			n.add(segment, &node{text: value})
			return true
		}
		want := hashNode
		if path[i+1] == "" {
			want = arrayNode
		}
		if child == nil {
			child = newHash()
			child.kind = want
			n.add(segment, child)
		}
		if child.kind != want {
			return false
		}
		n = child
	}
}

// element returns the array element that a[][next]= belongs to: the last one,
// or a new one when the last one already has that key. That is how Rack, and
// so Stripe, reads repeated a[][b].
func (n *node) element(next string) *node {
	if k := len(n.items); k > 0 && n.items[k-1].kind == hashNode && next != "" && n.items[k-1].get(next) == nil {
		return n.items[k-1]
	}
	child := newHash()
	if next == "" {
		child.kind = arrayNode
	}
	n.items = append(n.items, child)
	return child
}

// elements returns the items of an array, however it was spelled: a[]=, or
// a[0]= with whole numbers as keys, in the order of the numbers.
func (n *node) elements() ([]*node, bool) {
	if n.kind == arrayNode {
		return n.items, true
	}
	if n.kind != hashNode {
		return nil, false
	}
	type numbered struct {
		at   int
		node *node
	}
	var list []numbered
	for _, name := range n.names {
		at, err := strconv.Atoi(name)
		if err != nil || at < 0 {
			return nil, false
		}
		list = append(list, numbered{at, n.under[name]})
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].at < list[j].at })
	out := make([]*node, len(list))
	for i := range list {
		out[i] = list[i].node
	}
	return out, true
}

// fingerprint writes the parameters in a canonical order, so that the same
// request is recognised however the client sorted its form.
func (n *node) fingerprint(b *strings.Builder) {
	switch n.kind {
	case textNode:
		b.WriteString(strconv.Quote(n.text))
	case arrayNode:
		b.WriteByte('[')
		for _, item := range n.items {
			item.fingerprint(b)
			b.WriteByte(',')
		}
		b.WriteByte(']')
	case hashNode:
		names := append([]string(nil), n.names...)
		sort.Strings(names)
		b.WriteByte('{')
		for _, name := range names {
			b.WriteString(strconv.Quote(name))
			b.WriteByte(':')
			n.under[name].fingerprint(b)
			b.WriteByte(',')
		}
		b.WriteByte('}')
	}
}

// shorten keeps hostile input out of error messages.
func shorten(s string) string {
	const limit = 80
	runes := []rune(strings.ToValidUTF8(s, "?"))
	if len(runes) <= limit {
		return string(runes)
	}
	return string(runes[:limit]) + "..."
}
