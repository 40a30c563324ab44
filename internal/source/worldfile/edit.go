package worldfile

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// What is written into a world changes its text only where it must: unknown
// fields, the order of fields, the way numbers are written and the layout stay.
// These functions edit one JSON value that was parsed before, so that reading it
// again cannot fail.

// member is one member of a JSON object, by offsets into its text.
type member struct {
	name                 string
	start, colon         int // of the name, and behind it
	valueStart, valueEnd int
}

// members returns the members of an object, and the offset of its closing brace.
func members(object []byte) (all []member, end int) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(object))
	if t, err := dec.ReadToken(); err != nil || t.Kind() != '{' {
		return nil, -1
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadValue()
		if err != nil {
			return nil, -1
		}
		m := member{colon: int(dec.InputOffset())}
		m.start = m.colon - len(name)
		unquoted, err := jsontext.AppendUnquote(nil, name)
		if err != nil {
			return nil, -1
		}
		m.name = string(unquoted)
		value, err := dec.ReadValue()
		if err != nil {
			return nil, -1
		}
		m.valueEnd = int(dec.InputOffset())
		m.valueStart = m.valueEnd - len(value)
		all = append(all, m)
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, -1
	}
	return all, int(dec.InputOffset()) - 1
}

// elements returns the offsets of the elements of an array, start and end, and
// the offset of its closing bracket.
func elements(array []byte) (all [][2]int, end int) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(array))
	if t, err := dec.ReadToken(); err != nil || t.Kind() != '[' {
		return nil, -1
	}
	for dec.PeekKind() != ']' {
		value, err := dec.ReadValue()
		if err != nil {
			return nil, -1
		}
		to := int(dec.InputOffset())
		all = append(all, [2]int{to - len(value), to})
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, -1
	}
	return all, int(dec.InputOffset()) - 1
}

// find returns the value of a member, nil when there is none.
func find(object []byte, name string) []byte {
	all, _ := members(object)
	for _, m := range all {
		if m.name == name {
			return object[m.valueStart:m.valueEnd]
		}
	}
	return nil
}

// setMember replaces the value of a member, or adds the member at the end, laid
// out as the ones before it.
func setMember(object []byte, name string, value []byte) []byte {
	all, end := members(object)
	for _, m := range all {
		if m.name == name {
			return splice(object, m.valueStart, m.valueEnd, value)
		}
	}
	quoted, _ := jsontext.AppendQuote(nil, name)
	if len(all) == 0 {
		return splice(object, end, end, slices.Concat(quoted, []byte(": "), value))
	}
	last := all[len(all)-1]
	colon := object[last.colon:last.valueStart]
	// The space in front of the new member is that in front of the last one. A
	// lone one on the line of its brace has none: then that behind its colon.
	between := object[bytes.IndexByte(object, '{')+1 : last.start]
	if len(all) > 1 {
		between = object[all[len(all)-2].valueEnd:last.start]
	}
	space := between[bytes.IndexByte(between, ',')+1:]
	if len(all) == 1 && len(space) == 0 {
		space = colon[bytes.IndexByte(colon, ':')+1:]
	}
	return splice(object, last.valueEnd, last.valueEnd, slices.Concat([]byte(","), space, quoted, colon, value))
}

// removeMembers removes members, with the commas that stood between them and
// their neighbours.
func removeMembers(object []byte, gone func(name string) bool) []byte {
	all, end := members(object)
	kept := slices.DeleteFunc(slices.Clone(all), func(m member) bool { return gone(m.name) })
	if len(kept) == len(all) {
		return object
	}
	open := bytes.IndexByte(object, '{') + 1
	if len(kept) == 0 {
		return splice(object, open, end, nil)
	}
	// Each kept member keeps what stood in front of it, the first one what stood
	// in front of the first one there was.
	out := slices.Clone(object[:all[0].start])
	for i, m := range kept {
		if i > 0 {
			at := slices.IndexFunc(all, func(o member) bool { return o.start == m.start })
			out = append(out, object[all[at-1].valueEnd:m.start]...)
		}
		out = append(out, object[m.start:m.valueEnd]...)
	}
	return append(out, object[all[len(all)-1].valueEnd:]...)
}

// appendElement adds an element to an array, laid out as the ones before it.
func appendElement(array, value []byte) []byte {
	all, end := elements(array)
	if len(all) == 0 {
		return splice(array, end, end, value)
	}
	last := all[len(all)-1]
	before := array[bytes.IndexByte(array, '[')+1 : all[0][0]]
	return splice(array, last[1], last[1], slices.Concat([]byte(","), before, value))
}

// removeElements removes elements of an array by index, with the commas that stood
// between them and their neighbours.
func removeElements(array []byte, gone map[int]bool) []byte {
	all, end := elements(array)
	open := bytes.IndexByte(array, '[') + 1
	var out []byte
	for i, e := range all {
		switch {
		case gone[i]:
		case out == nil: // the first one keeps what stood in front of the first there was
			out = slices.Concat(array[:all[0][0]], array[e[0]:e[1]])
		default:
			out = append(out, array[all[i-1][1]:e[1]]...)
		}
	}
	switch {
	case len(gone) == 0 || len(all) == 0:
		return array
	case out == nil:
		return splice(array, open, end, nil)
	}
	return append(out, array[all[len(all)-1][1]:]...)
}

// splice returns text with the bytes from start to end replaced. The text itself
// stays as it was.
func splice(text []byte, start, end int, by []byte) []byte {
	return slices.Concat(text[:start], by, text[end:])
}
