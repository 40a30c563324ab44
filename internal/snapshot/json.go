package snapshot

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// member is one member of a JSON object; those with nothing in them are left out.
type member struct {
	name  string
	value any
}

// fields are the members of a JSON object, in order.
type fields []member

// add adds a member that says something: a text that is not empty, a number that
// is not zero, a truth, a map or list with something in it, or another value that
// is not nil.
func (f *fields) add(name string, value any) {
	switch v := value.(type) {
	case nil:
		return
	case string:
		if v == "" {
			return
		}
	case int64:
		if v == 0 {
			return
		}
	case bool:
		if !v {
			return
		}
	case map[string]string:
		if len(v) == 0 {
			return
		}
	case fields:
		if len(v) == 0 {
			return
		}
	case []any:
		if len(v) == 0 {
			return
		}
	}
	*f = append(*f, member{name, value})
}

// always adds a member, null for an empty text.
func (f *fields) always(name, value string) {
	if value == "" {
		*f = append(*f, member{name, nil})
		return
	}
	*f = append(*f, member{name, value})
}

// rows is a list of which each element stands on a line of its own.
type rows []fields

// write writes a value: sections and lists over several lines, what is in a list on
// one.
func write(out *bytes.Buffer, value any, indent string) {
	inner := indent + "  "
	switch v := value.(type) {
	case fields:
		if len(v) == 0 {
			out.WriteString("{}")
			return
		}
		for i, m := range v {
			out.WriteString(map[bool]string{true: "{\n", false: ",\n"}[i == 0] + inner)
			out.Write(text(m.name))
			out.WriteString(": ")
			write(out, m.value, inner)
		}
		out.WriteString("\n" + indent + "}")
	case rows:
		if len(v) == 0 {
			out.WriteString("[]")
			return
		}
		for i, row := range v {
			out.WriteString(map[bool]string{true: "[\n", false: ",\n"}[i == 0] + inner)
			oneLine(out, row)
		}
		out.WriteString("\n" + indent + "]")
	default:
		oneLine(out, value)
	}
}

// oneLine writes a value on one line.
func oneLine(out *bytes.Buffer, value any) {
	switch v := value.(type) {
	case fields:
		out.WriteByte('{')
		for i, m := range v {
			if i > 0 {
				out.WriteString(", ")
			}
			out.Write(text(m.name))
			out.WriteString(": ")
			oneLine(out, m.value)
		}
		out.WriteByte('}')
	case []any:
		out.WriteByte('[')
		for i, element := range v {
			if i > 0 {
				out.WriteString(", ")
			}
			oneLine(out, element)
		}
		out.WriteByte(']')
	default:
		out.Write(text(value))
	}
}

// text writes a plain value. What is no UTF-8 loses the bytes that are not.
func text(value any) []byte {
	raw, err := json.Marshal(value, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic("snapshot: a value that is no JSON: " + err.Error()) // texts, numbers, truths and lists and maps of them
	}
	return raw
}
