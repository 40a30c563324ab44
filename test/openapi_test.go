package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"rightful/internal/server"
)

// apiDocument is the server's description, as a test holds answers against it.
type apiDocument struct {
	root any

	mu   sync.Mutex
	seen map[string]map[string]bool // statuses that were answered, by operation
}

func readAPI(t *testing.T) *apiDocument {
	t.Helper()
	d := &apiDocument{seen: map[string]map[string]bool{}}
	if err := json.Unmarshal(server.OpenAPI(), &d.root); err != nil {
		t.Fatal(err)
	}
	return d
}

// at follows a path into the document, and references on the way.
func (d *apiDocument) at(v any, path ...string) any {
	for i := 0; ; i++ {
		m, _ := v.(map[string]any)
		if ref, is := m["$ref"].(string); is {
			return d.at(d.at(d.root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...), path[i:]...)
		}
		if i == len(path) {
			return v
		}
		v = m[path[i]]
	}
}

// operation finds the operation that takes a path.
func (d *apiDocument) operation(method, path string) (operation any, name string) {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	for template, item := range d.at(d.root, "paths").(map[string]any) {
		wanted := strings.Split(template, "/")
		if len(wanted) != len(parts) {
			continue
		}
		fits := true
		for i, w := range wanted {
			fits = fits && (w == parts[i] || strings.HasPrefix(w, "{") && parts[i] != "")
		}
		if o := d.at(item, strings.ToLower(method)); fits && o != nil {
			return o, method + " " + template
		}
	}
	return nil, ""
}

// holdsRequest checks a body that is meant to be right.
func (d *apiDocument) holdsRequest(method, path string, body []byte) error {
	o, name := d.operation(method, path)
	schema := d.at(o, "requestBody", "content", "application/json", "schema")
	switch {
	case len(body) == 0 && d.at(o, "requestBody", "required") == true:
		return fmt.Errorf("%s: a body is required", name)
	case len(body) == 0:
		return nil
	case schema == nil:
		return fmt.Errorf("%s: no body is described", name)
	}
	return d.holds(schema, body, name)
}

// holdsAnswer checks what was answered: the status, what it is, and what it holds. An
// operation that is not described is answered with a problem.
func (d *apiDocument) holdsAnswer(method, path string, status int, kind string, body []byte) error {
	o, name := d.operation(method, path)
	if o == nil {
		if status != 404 && status != 405 {
			return fmt.Errorf("%s %s is answered with %d, and is not described", method, path, status)
		}
		return d.holds(d.at(d.root, "components", "schemas", "Problem"), body, "unmatched")
	}
	d.mu.Lock()
	if d.seen[name] == nil {
		d.seen[name] = map[string]bool{}
	}
	d.seen[name][fmt.Sprint(status)] = true
	d.mu.Unlock()
	answer := d.at(o, "responses", fmt.Sprint(status))
	if answer == nil {
		return fmt.Errorf("%s: status %d is not described: %s", name, status, body)
	}
	content, _ := d.at(answer, "content").(map[string]any)
	if len(content) == 0 {
		if len(body) > 0 {
			return fmt.Errorf("%s: a body is answered with %d, and none is described: %s", name, status, body)
		}
		return nil
	}
	media, _, _ := strings.Cut(kind, ";")
	described, is := content[media]
	if !is {
		return fmt.Errorf("%s: %d is %q", name, status, kind)
	}
	if media == "text/plain" {
		return nil
	}
	return d.holds(d.at(described, "schema"), body, fmt.Sprintf("%s %d", name, status))
}

func (d *apiDocument) holds(schema any, body []byte, where string) error {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return fmt.Errorf("%s: %w: %s", where, err, body)
	}
	return d.check(schema, v, where)
}

// check holds a value against a schema. A keyword that it does not know is an error:
// it would look as if it were kept. Fields that an answer has beside the described
// ones are errors too.
func (d *apiDocument) check(schema, v any, where string) error {
	s, is := d.at(schema).(map[string]any)
	if !is {
		return fmt.Errorf("%s: no schema", where)
	}
	for keyword := range s {
		if !slices.Contains([]string{"type", "description", "enum", "properties", "required", "additionalProperties", "items", "oneOf", "minimum", "maximum", "default"}, keyword) {
			return fmt.Errorf("%s: the test does not know the keyword %s", where, keyword)
		}
	}
	if of, is := s["oneOf"].([]any); is {
		fit := 0
		for _, one := range of {
			if d.check(one, v, where) == nil {
				fit++
			}
		}
		if fit != 1 {
			return fmt.Errorf("%s: %v is %d of the described ones", where, v, fit)
		}
		return nil
	}
	if allowed, is := s["enum"].([]any); is && !slices.Contains(allowed, v) {
		return fmt.Errorf("%s: %v is not described", where, v)
	}
	if !ofType(s["type"], v) {
		return fmt.Errorf("%s: %v is no %v", where, v, s["type"])
	}
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			if err := d.check(s["items"], item, fmt.Sprintf("%s[%d]", where, i)); err != nil {
				return err
			}
		}
	case map[string]any:
		return d.checkObject(s, v, where)
	}
	return nil
}

func (d *apiDocument) checkObject(s, v map[string]any, where string) error {
	properties, _ := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, has := v[name.(string)]; !has {
			return fmt.Errorf("%s: %s is missing", where, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		schema, described := properties[name]
		if !described {
			switch more := s["additionalProperties"].(type) {
			case map[string]any:
				schema = more
			case bool:
				if more {
					continue
				}
			}
			if schema == nil {
				return fmt.Errorf("%s: %s is not described", where, name)
			}
		}
		if err := d.check(schema, v[name], where+"."+name); err != nil {
			return err
		}
	}
	return nil
}

// ofType reports whether a value is of a type, or of one of several.
func ofType(want, v any) bool {
	if several, is := want.([]any); is {
		return slices.ContainsFunc(several, func(one any) bool { return ofType(one, v) })
	}
	switch v := v.(type) {
	case nil:
		return want == "null"
	case bool:
		return want == "boolean"
	case string:
		return want == "string"
	case float64:
		return want == "number" || want == "integer" && v == math.Trunc(v)
	case []any:
		return want == "array"
	}
	return want == "object"
}
