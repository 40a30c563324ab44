package stripesim

import (
	"encoding/json"
	"strings"
)

// maxExpandDepth is how many properties one expand path may name; on lists
// "data" is one of them (Stripe docs: api/expanding_objects).
const maxExpandDepth = 4

// expansions are the properties of an object that expand[] may step through.
type expansions map[string]expansion

type expansion struct {
	to string // the object that the property's id refers to
	// include makes a property that is only there when it is asked for.
	include func(t *tx, owner *object) json.RawMessage
	// shows is the object that include lists, for the key's permissions.
	shows string
	// opaque properties refer to objects that are not modelled: Stripe would
	// expand them, here they stay ids.
	opaque bool
	// inside are the properties of a plain hash, or of each item of an array.
	inside expansions
}

// expandTree is the expand[] of a request, checked against the expansions.
type expandTree []expandBranch

type expandBranch struct {
	name  string
	below expandTree
}

func (t expandTree) below(name string) expandTree {
	for _, b := range t {
		if b.name == name {
			return b.below
		}
	}
	return nil
}

func (t expandTree) has(name string) bool {
	for _, b := range t {
		if b.name == name {
			return true
		}
	}
	return false
}

func (t *expandTree) add(path []string) {
	if len(path) == 0 {
		return
	}
	for i := range *t {
		if (*t)[i].name == path[0] {
			(*t)[i].below.add(path[1:])
			return
		}
	}
	*t = append(*t, expandBranch{name: path[0]})
	(*t)[len(*t)-1].below.add(path[1:])
}

// compileExpand checks the expand[] of a request before it runs: depth,
// property names, and the read permission for every resource it reaches.
func (s *Server) compileExpand(op *operation, key credential, accountID string, paths []any) (expandTree, *apiError) {
	var tree expandTree
	for _, raw := range paths {
		path, _ := raw.(string)
		segments := strings.Split(path, ".")
		if len(segments) > maxExpandDepth {
			return nil, invalid("", "expand", "You cannot expand more than %d levels of a property. The path is: %s", maxExpandDepth, shorten(path))
		}
		rest := segments
		if op.searches && path == "total_count" {
			tree.add(segments)
			continue
		}
		if op.lists {
			if rest[0] != "data" || len(rest) == 1 {
				return nil, notExpandable(path, op)
			}
			rest = rest[1:]
		}
		if op.returns == nil {
			return nil, notExpandable(path, op)
		}
		reached, ok := s.walk(op.returns.expands, rest)
		if !ok {
			return nil, notExpandable(path, op)
		}
		for _, object := range reached {
			if err := key.allows(s.resource(object).slug+"_read", accountID); err != nil {
				return nil, err
			}
		}
		tree.add(segments)
	}
	return tree, nil
}

func notExpandable(path string, op *operation) *apiError {
	hint := ""
	if op.lists && !strings.HasPrefix(path, "data.") {
		hint = " On a list, paths start with 'data.'."
	}
	return invalid("", "expand", "This property cannot be expanded (%s).%s", shorten(path), hint)
}

// walk follows a path and returns the objects it reaches; false when a
// property is not expandable.
func (s *Server) walk(defs expansions, path []string) (reached []string, ok bool) {
	for i, name := range path {
		def, known := defs[name]
		last := i == len(path)-1
		switch {
		case !known:
			return nil, false
		case def.opaque:
			return reached, true
		case last && def.to == "" && def.include == nil:
			return nil, false // a plain hash is always there
		}
		if kind := def.to + def.shows; kind != "" {
			reached = append(reached, kind)
		}
		defs = s.next(def)
	}
	return reached, true
}

// next are the properties below an expansion.
func (s *Server) next(def expansion) expansions {
	if def.inside != nil {
		return def.inside
	}
	if def.to != "" {
		return s.resource(def.to).expands
	}
	return nil
}

// render writes an entry with the expansions that the request asked for.
func (c *call) render(res *resource, e *entry) json.RawMessage {
	return c.expanded(res.expands, c.expand, e.raw)
}

// expanded returns raw with the branches of the tree filled in.
func (t *tx) expanded(defs expansions, tree expandTree, raw json.RawMessage) json.RawMessage {
	if len(tree) == 0 {
		return raw
	}
	if len(raw) > 0 && raw[0] == '[' {
		items := elements(raw)
		for i := range items {
			items[i] = t.expanded(defs, tree, items[i])
		}
		return array(items)
	}
	o := parseObject(raw)
	if o == nil {
		return raw
	}
	for _, branch := range tree {
		def, known := defs[branch.name]
		if !known || def.opaque {
			continue
		}
		value := o.get(branch.name)
		switch {
		case def.include != nil:
			if value == nil {
				value = def.include(t, o)
			}
		case def.to != "":
			// A reference that dangles, as a world may have it, stays an id.
			if e := t.table(def.to).byID[refID(value)]; e != nil {
				value = e.raw
			}
		}
		if !isNull(value) {
			o.set(branch.name, t.expanded(t.server.next(def), branch.below, value))
		}
	}
	return o.raw()
}

// expandParam is accepted by every operation.
func expandParam() param { return arrayParam("expand", textParam("")) }

// embeddedList is a list inside an object, which Stripe always renders as a
// first page.
func embeddedList(url string, items []json.RawMessage, more bool) json.RawMessage {
	return newObject("object", "list", "data", array(items), "has_more", more, "url", url).raw()
}
