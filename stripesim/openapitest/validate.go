package openapitest

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Violation is one place where an answer is not what the document says.
type Violation struct {
	Path   string // "data[0].items.data[0].price"
	Schema string // the named schema around it, "subscription_item"
	Field  string // the field of that schema
	Text   string
	// Extra marks fields that the document does not know. Stripe itself sends
	// a few of those; the simulator sends none.
	Extra bool
}

func (v Violation) String() string {
	return fmt.Sprintf("%s (%s.%s): %s", v.Path, v.Schema, v.Field, v.Text)
}

var (
	currencyForm = regexp.MustCompile(`^[a-z]{3}$`)
	decimalForm  = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
)

// Validate compares a decoded JSON value (numbers as json.Number) with a
// schema and returns every violation.
func (s *Spec) Validate(schema *Schema, value any) []Violation {
	v := &validation{spec: s}
	v.value(place{path: "$"}, schema, value)
	return v.found
}

type validation struct {
	spec  *Spec
	found []Violation
}

// place says where a value is, in the answer and in the document.
type place struct{ path, schema, field string }

func (v *validation) fail(at place, format string, args ...any) {
	v.found = append(v.found, Violation{Path: at.path, Schema: at.schema, Field: at.field, Text: fmt.Sprintf(format, args...)})
}

func (v *validation) value(at place, schema *Schema, value any) {
	nullable := schema != nil && schema.Nullable
	name, schema := v.spec.resolve(schema)
	if name != "" {
		at.schema, at.field = name, ""
	}
	switch {
	case schema == nil:
		v.fail(at, "the document has no schema for it")
		return
	case value == nil:
		if !nullable && !schema.Nullable {
			v.fail(at, "null, which the document does not allow")
		}
		return
	case len(schema.AnyOf) > 0:
		v.anyOf(at, schema.AnyOf, value)
		return
	}
	switch schema.Type {
	case "string":
		v.text(at, schema, value)
	case "integer":
		n, ok := value.(json.Number)
		if _, err := n.Int64(); !ok || err != nil {
			v.fail(at, "%v is not an integer", value)
		}
	case "number":
		if _, ok := value.(json.Number); !ok {
			v.fail(at, "%v is not a number", value)
		}
	case "boolean":
		if _, ok := value.(bool); !ok {
			v.fail(at, "%v is not a boolean", value)
		}
	case "array":
		v.array(at, schema, value)
	case "object":
		v.object(at, schema, value)
	default:
		v.fail(at, "the document gives it the unknown type %q", schema.Type)
	}
	v.enum(at, schema, value)
}

func (v *validation) text(at place, schema *Schema, value any) {
	text, ok := value.(string)
	switch {
	case !ok:
		v.fail(at, "%v is not a string", value)
	case schema.MaxLength > 0 && utf8.RuneCountInString(text) > schema.MaxLength:
		v.fail(at, "%d characters, at most %d are allowed", utf8.RuneCountInString(text), schema.MaxLength)
	case schema.Format == "currency" && !currencyForm.MatchString(text):
		v.fail(at, "%q is not a currency", text)
	case schema.Format == "decimal" && !decimalForm.MatchString(text):
		v.fail(at, "%q is not a decimal", text)
	}
}

func (v *validation) enum(at place, schema *Schema, value any) {
	if schema.Enum != nil && !slices.Contains(schema.Enum, value) {
		v.fail(at, "%v is not one of %v", value, schema.Enum)
	}
}

func (v *validation) array(at place, schema *Schema, value any) {
	items, ok := value.([]any)
	if !ok {
		v.fail(at, "%v is not an array", value)
		return
	}
	for i, item := range items {
		v.value(place{fmt.Sprintf("%s[%d]", at.path, i), at.schema, at.field}, schema.Items, item)
	}
}

func (v *validation) object(at place, schema *Schema, value any) {
	o, ok := value.(map[string]any)
	if !ok {
		v.fail(at, "%v is not an object", value)
		return
	}
	inner := func(name string) place {
		field := name
		if at.field != "" { // a nameless hash inside the schema
			field = at.field + "." + name
		}
		return place{at.path + "." + name, at.schema, field}
	}
	for _, name := range schema.Required {
		if _, there := o[name]; !there {
			v.fail(inner(name), "missing, but required")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		known := schema.Properties[name]
		switch {
		case known != nil:
			v.value(inner(name), known, o[name])
		case strings.HasPrefix(string(schema.Additional), "{"):
			var other Schema
			if err := json.Unmarshal(schema.Additional, &other); err != nil {
				v.fail(inner(name), "unreadable schema: %v", err)
				continue
			}
			v.value(inner(name), &other, o[name])
		case schema.Properties != nil || string(schema.Additional) == "false":
			at := inner(name)
			v.found = append(v.found, Violation{Path: at.path, Schema: at.schema, Field: at.field, Text: "the document does not know this field", Extra: true})
		}
	}
}

// anyOf accepts a value that fits one of the schemas; otherwise it reports what
// is wrong with the one that it comes closest to.
func (v *validation) anyOf(at place, schemas []*Schema, value any) {
	var closest []Violation
	closestMeant := false
	for i, schema := range schemas {
		try := &validation{spec: v.spec}
		try.value(at, schema, value)
		if len(try.found) == 0 {
			return
		}
		meant := v.spec.isMeant(schema, value)
		if i == 0 || meant && !closestMeant || meant == closestMeant && len(try.found) < len(closest) {
			closest, closestMeant = try.found, meant
		}
	}
	v.found = append(v.found, closest...)
}

// isMeant reports that a schema describes objects with the value's "object".
func (s *Spec) isMeant(schema *Schema, value any) bool {
	_, schema = s.resolve(schema)
	o, isObject := value.(map[string]any)
	if schema == nil || !isObject {
		return schema != nil && schema.Type == "string" && !isObject
	}
	kind := schema.Properties["object"]
	return kind != nil && slices.Contains(kind.Enum, o["object"])
}
