package stripesim

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// param says what one parameter of an operation may be. Operations list their
// parameters as a shape; whatever is not in the shape is refused as unknown.
type param struct {
	name      string
	kind      paramKind
	required  bool
	clearable bool // "" unsets the field
	max       int  // characters of a text, 0 for Stripe's general 5000
	lo, hi    int64
	oneOf     []string
	fields    shape
	elem      *param
}

type paramKind uint8

const (
	kindText paramKind = iota
	kindInt
	kindTime // Unix seconds, or "now"
	kindBool
	kindMetadata
	kindHash
	kindArray
	kindRange      // a number, or a hash of gt, gte, lt, lte
	kindIgnored    // a parameter of Stripe that has no effect here
	kindUnmodelled // a parameter of Stripe that would change the answer: refused
)

type shape []param

// momentNow is the value of a kindTime parameter given as "now".
const momentNow = int64(-1)

func textParam(name string) param          { return param{name: name, kind: kindText} }
func intParam(name string) param           { return param{name: name, kind: kindInt, lo: -1 << 53, hi: 1 << 53} }
func timeParam(name string) param          { return param{name: name, kind: kindTime} }
func boolParam(name string) param          { return param{name: name, kind: kindBool} }
func metadataParam() param                 { return param{name: "metadata", kind: kindMetadata} }
func hashParam(name string, f shape) param { return param{name: name, kind: kindHash, fields: f} }
func rangeParam(name string) param         { return param{name: name, kind: kindRange} }

func oneOfParam(name string, values ...string) param {
	return param{name: name, kind: kindText, oneOf: values}
}

func arrayParam(name string, elem param) param {
	elem.name = name
	return param{name: name, kind: kindArray, elem: &elem}
}

func (p param) must() param                { p.required = true; return p }
func (p param) orEmpty() param             { p.clearable = true; return p }
func (p param) upTo(chars int) param       { p.max = chars; return p }
func (p param) between(lo, hi int64) param { p.lo, p.hi = lo, hi; return p }
func (s shape) with(more ...param) shape   { return append(s[:len(s):len(s)], more...) }
func ignoredParams(names ...string) shape  { return namedShape(kindIgnored, names) }
func unmodelledParams(n ...string) shape   { return namedShape(kindUnmodelled, n) }
func clearableTexts(names ...string) shape {
	return eachParam(namedShape(kindText, names), param.orEmpty)
}

// without is the shape but for these parameters.
func (s shape) without(names ...string) shape {
	return slices.DeleteFunc(slices.Clone(s), func(p param) bool { return slices.Contains(names, p.name) })
}

func eachParam(s shape, f func(param) param) shape {
	for i := range s {
		s[i] = f(s[i])
	}
	return s
}

func namedShape(kind paramKind, names []string) shape {
	s := make(shape, len(names))
	for i, name := range names {
		s[i] = param{name: name, kind: kind}
	}
	return s
}

func (s shape) find(name string) *param {
	for i := range s {
		if s[i].name == name {
			return &s[i]
		}
	}
	return nil
}

// check turns the parameters of a request into typed values. prefix is the
// name that errors put in front: "" or "subscription_data".
func (s shape) check(n *node, prefix string) (*values, *apiError) {
	v := &values{of: map[string]any{}}
	var unknown []string
	for _, name := range n.names {
		p := s.find(name)
		full := under(prefix, name)
		if p == nil {
			unknown = append(unknown, shorten(full))
			continue
		}
		if p.kind == kindIgnored {
			continue
		}
		value, err := p.check(n.under[name], full)
		if err != nil {
			return nil, err
		}
		v.names = append(v.names, name)
		v.of[name] = value
	}
	if len(unknown) > 0 {
		word := "parameter"
		if len(unknown) > 1 {
			word = "parameters"
		}
		return nil, invalid("parameter_unknown", unknown[0], "Received unknown %s: %s", word, strings.Join(unknown, ", "))
	}
	for i := range s {
		if s[i].required && !v.has(s[i].name) {
			full := under(prefix, s[i].name)
			return nil, invalid("parameter_missing", full, "Missing required param: %s.", full)
		}
	}
	return v, nil
}

func under(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "[" + name + "]"
}

// cleared is the value of a parameter that was given as "".
type cleared struct{}

func (p *param) check(n *node, full string) (any, *apiError) {
	if p.kind == kindUnmodelled {
		return nil, invalid("", full, "stripesim does not model the parameter %s, and leaving it out would change the answer.", full)
	}
	if n.kind == textNode && n.text == "" && p.kind != kindMetadata {
		if p.clearable {
			return cleared{}, nil
		}
		return nil, invalid("parameter_invalid_empty", full, "You passed an empty string for '%s'. An empty value asks to unset a field, but '%s' cannot be unset. Leave it out of the request or supply a value.", full, full)
	}
	switch p.kind {
	case kindMetadata:
		return checkMetadata(n, full)
	case kindHash:
		if n.kind != hashNode {
			return nil, invalid("", full, "Invalid object")
		}
		return p.fields.check(n, full)
	case kindArray:
		return p.checkArray(n, full)
	case kindRange:
		return checkRange(n, full)
	}
	if n.kind != textNode {
		return nil, invalid("", full, "Invalid value for %s: a single value is expected, not a hash or an array.", full)
	}
	return p.checkText(n.text, full)
}

func (p *param) checkText(s, full string) (any, *apiError) {
	switch p.kind {
	case kindInt:
		return checkInt(s, full, p.lo, p.hi)
	case kindTime:
		if s == "now" {
			return momentNow, nil
		}
		return checkInt(s, full, 0, 1<<53)
	case kindBool:
		if s != "true" && s != "false" {
			return nil, invalid("", full, "Invalid boolean: %s", shorten(s))
		}
		return s == "true", nil
	}
	if !utf8.ValidString(s) {
		return nil, invalid("", full, "Invalid string for %s: not valid UTF-8.", full)
	}
	limit := p.max
	if limit == 0 {
		limit = 5000
	}
	if utf8.RuneCountInString(s) > limit {
		return nil, invalid("", full, "Invalid string: %s; must be at most %d characters", shorten(s), limit)
	}
	if p.oneOf != nil {
		for _, allowed := range p.oneOf {
			if s == allowed {
				return s, nil
			}
		}
		return nil, invalid("", full, "Invalid %s: must be one of %s", full, strings.Join(p.oneOf, ", "))
	}
	return s, nil
}

func checkInt(s, full string, lo, hi int64) (any, *apiError) {
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil:
		return nil, invalid("parameter_invalid_integer", full, "Invalid integer: %s", shorten(s))
	case n < lo:
		return nil, invalid("parameter_invalid_integer", full, "This value must be greater than or equal to %d.", lo)
	case n > hi:
		return nil, invalid("parameter_invalid_integer", full, "This value must be less than or equal to %d.", hi)
	}
	return n, nil
}

func (p *param) checkArray(n *node, full string) (any, *apiError) {
	items, ok := n.elements()
	if !ok {
		return nil, invalid("", full, "Invalid array")
	}
	out := make([]any, 0, len(items))
	for i, item := range items {
		value, err := p.elem.check(item, under(full, strconv.Itoa(i)))
		if err != nil {
			return nil, err
		}
		out = append(out, value)
	}
	return out, nil
}
