package stripesim

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
)

// object is one JSON object whose fields keep their order and their exact
// bytes. Objects of a world therefore come back as they were written, unknown
// fields and large numbers included, and an update touches only its fields.
type object struct {
	fields []field
}

type field struct {
	name  string
	value json.RawMessage
}

// newObject builds an object from alternating names and values.
func newObject(pairs ...any) *object {
	o := &object{fields: make([]field, 0, len(pairs)/2)}
	for i := 0; i+1 < len(pairs); i += 2 {
		o.set(pairs[i].(string), pairs[i+1])
	}
	return o
}

// parseObject splits a JSON object that is known to be valid and compact.
// It returns nil when raw is not an object.
func parseObject(raw json.RawMessage) *object {
	if len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	o := &object{fields: make([]field, 0, 12)}
	for i := 1; i < len(raw) && raw[i] != '}'; {
		nameEnd := valueEnd(raw, i)
		valueStart := nameEnd + 1 // the colon
		end := valueEnd(raw, valueStart)
		o.fields = append(o.fields, field{name: text(raw[i:nameEnd]), value: raw[valueStart:end:end]})
		i = end
		if i < len(raw) && raw[i] == ',' {
			i++
		}
	}
	return o
}

// elements splits a JSON array that is known to be valid and compact.
func elements(raw json.RawMessage) []json.RawMessage {
	if len(raw) == 0 || raw[0] != '[' {
		return nil
	}
	var out []json.RawMessage
	for i := 1; i < len(raw) && raw[i] != ']'; {
		end := valueEnd(raw, i)
		out = append(out, raw[i:end:end])
		i = end
		if i < len(raw) && raw[i] == ',' {
			i++
		}
	}
	return out
}

// valueEnd returns the index just behind the JSON value that starts at i.
func valueEnd(raw []byte, i int) int {
	depth := 0
	for i < len(raw) {
		switch raw[i] {
		case '"':
			for i++; i < len(raw) && raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
			i++
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ':':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return i
}

func (o *object) index(name string) int {
	for i := range o.fields {
		if o.fields[i].name == name {
			return i
		}
	}
	return -1
}

// get returns the raw value of a field, nil when the field is left out.
func (o *object) get(name string) json.RawMessage {
	if o == nil {
		return nil
	}
	if i := o.index(name); i >= 0 {
		return o.fields[i].value
	}
	return nil
}

// set replaces a field or appends it.
func (o *object) set(name string, value any) {
	raw := encode(value)
	if i := o.index(name); i >= 0 {
		o.fields[i].value = raw
		return
	}
	o.fields = append(o.fields, field{name: name, value: raw})
}

// remove drops a field and reports whether it was there.
func (o *object) remove(name string) bool {
	i := o.index(name)
	if i < 0 {
		return false
	}
	o.fields = append(o.fields[:i:i], o.fields[i+1:]...)
	return true
}

func (o *object) str(name string) string        { return text(o.get(name)) }
func (o *object) int(name string) int64         { return integer(o.get(name)) }
func (o *object) bool(name string) bool         { return string(o.get(name)) == "true" }
func (o *object) null(name string) bool         { return isNull(o.get(name)) }
func (o *object) child(name string) *object     { return parseObject(o.get(name)) }
func (o *object) list(n string) json.RawMessage { return o.child(n).get("data") }
func (o *object) MarshalJSON() ([]byte, error)  { return o.raw(), nil }
func (o *object) ref(name string) string        { return refID(o.get(name)) }

// repeated returns a field name that appears twice, "" when none does. JSON
// allows it, and readers disagree about which one counts.
func (o *object) repeated() string {
	for i := range o.fields {
		if o.index(o.fields[i].name) < i {
			return o.fields[i].name
		}
	}
	return ""
}

// raw writes the object as compact JSON.
func (o *object) raw() json.RawMessage {
	var b bytes.Buffer
	size := 2
	for _, f := range o.fields {
		size += len(f.name) + len(f.value) + 4
	}
	b.Grow(size)
	b.WriteByte('{')
	for i, f := range o.fields {
		if i > 0 {
			b.WriteByte(',')
		}
		if plain(f.name) {
			b.WriteByte('"')
			b.WriteString(f.name)
			b.WriteByte('"')
		} else {
			b.Write(encode(f.name))
		}
		b.WriteByte(':')
		b.Write(f.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// refID returns the id that a reference field names, whether the field holds
// the id or the expanded object; "" for null and for anything else.
func refID(raw json.RawMessage) string {
	if o := parseObject(raw); o != nil {
		return o.str("id")
	}
	return text(raw)
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// text decodes a JSON string; anything else is "".
func text(raw json.RawMessage) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// integer decodes a whole JSON number; anything else is 0.
func integer(raw json.RawMessage) int64 {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// encode writes a value as compact JSON without escaping <, > and &: Stripe
// sends URLs as they are.
func encode(value any) json.RawMessage {
	switch v := value.(type) {
	case nil:
		return json.RawMessage("null")
	case json.RawMessage:
		if len(v) == 0 {
			return json.RawMessage("null")
		}
		return v
	case []byte:
		return encode(json.RawMessage(v))
	case *object:
		if v == nil {
			return json.RawMessage("null")
		}
		return v.raw()
	case bool:
		return json.RawMessage(strconv.FormatBool(v))
	case int:
		return json.RawMessage(strconv.Itoa(v))
	case int64:
		return json.RawMessage(strconv.FormatInt(v, 10))
	case string:
		if plain(v) {
			return slices.Concat(quote, []byte(v), quote)
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		// Only values of this package come here, and they all encode.
		panic("stripesim: cannot encode a value: " + err.Error())
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

var quote = []byte{'"'}

// plain reports that a text needs no escapes in JSON. Most texts here are ids
// and field names, and the encoder costs more than all else about them.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\' {
			return false
		}
	}
	return true
}

// array joins raw values to a JSON array.
func array(items []json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, item := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(item)
	}
	b.WriteByte(']')
	return b.Bytes()
}

// nullable is value, or null when it is empty.
func nullable(value string) any {
	if value == "" {
		return nil
	}
	return value
}
