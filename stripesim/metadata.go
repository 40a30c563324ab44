package stripesim

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// The limits of metadata (Stripe docs: api/metadata). Lengths are counted in
// characters, not bytes.
const (
	maxMetadataKeys  = 50
	maxMetadataKey   = 40
	maxMetadataValue = 500
)

// metadataChange is what a request asks of an object's metadata.
type metadataChange struct {
	given bool
	clear bool // metadata="" drops every key
	names []string
	to    map[string]string // "" drops the key
}

func checkMetadata(n *node, full string) (any, *apiError) {
	change := metadataChange{given: true, to: map[string]string{}}
	if n.kind == textNode {
		if n.text != "" {
			return nil, invalid("", full, "Invalid object: %s is a hash of keys and values, or an empty string to drop them all.", full)
		}
		change.clear = true
		return change, nil
	}
	if n.kind != hashNode {
		return nil, invalid("", full, "Invalid object")
	}
	for _, key := range n.names {
		value := n.under[key]
		where := under(full, key)
		switch {
		case value.kind != textNode:
			return nil, invalid("", where, "Metadata values are strings: %s is a hash or an array.", shorten(where))
		case !utf8.ValidString(key) || !utf8.ValidString(value.text):
			return nil, invalid("", full, "Metadata must be valid UTF-8: %s is not.", shorten(where))
		case strings.ContainsAny(key, "[]"):
			return nil, invalid("", where, "Metadata keys cannot contain square brackets.")
		case utf8.RuneCountInString(key) > maxMetadataKey:
			return nil, invalid("", full, "Metadata keys must be at most %d characters long. The key %s is too long.", maxMetadataKey, shorten(key))
		case utf8.RuneCountInString(value.text) > maxMetadataValue:
			return nil, invalid("", full, "Metadata values must be at most %d characters long. The value of %s is too long.", maxMetadataValue, shorten(key))
		}
		change.names = append(change.names, key)
		change.to[key] = value.text
	}
	return change, nil
}

// applyTo merges the change into metadata as it stands and returns the new
// metadata. Keys that the change does not name stay as they are.
func (m metadataChange) applyTo(current json.RawMessage) *object {
	o := parseObject(current)
	if o == nil || m.clear {
		o = newObject()
	}
	for _, key := range m.names {
		if m.to[key] == "" {
			o.remove(key)
		} else {
			o.set(key, m.to[key])
		}
	}
	return o
}

// mergeInto applies the change to the field "metadata" of an object.
func (m metadataChange) mergeInto(o *object) *apiError {
	if !m.given {
		return nil
	}
	merged := m.applyTo(o.get("metadata"))
	if len(merged.fields) > maxMetadataKeys {
		return invalid("", "metadata", "Metadata can have at most %d keys; this request would make it %d.", maxMetadataKeys, len(merged.fields))
	}
	o.set("metadata", merged)
	return nil
}

// fresh is the metadata of an object that is being created.
func (m metadataChange) fresh() (*object, *apiError) {
	o := newObject("metadata", newObject())
	if err := m.mergeInto(o); err != nil {
		return nil, err
	}
	return o.child("metadata"), nil
}
