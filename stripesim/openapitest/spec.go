package openapitest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/stripe/stripe-mock/embedded"
)

// Spec is Stripe's OpenAPI document, as far as answers are concerned.
type Spec struct {
	Info struct {
		Version string `json:"version"`
	} `json:"info"`
	Components struct {
		Schemas map[string]*Schema `json:"schemas"`
	} `json:"components"`
	Paths map[string]map[string]endpoint `json:"paths"`
}

type endpoint struct {
	Parameters []struct {
		Name string `json:"name"`
		In   string `json:"in"`
	} `json:"parameters"`
	RequestBody struct {
		Content map[string]struct {
			Schema *Schema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Content map[string]struct {
			Schema *Schema `json:"schema"`
		} `json:"content"`
	} `json:"responses"`
}

// Schema is the part of the schema language that Stripe's document uses.
// Extensions (x-...) are not read: anyOf says already what may be expanded.
type Schema struct {
	Ref        string             `json:"$ref"`
	AnyOf      []*Schema          `json:"anyOf"`
	Type       string             `json:"type"`
	Format     string             `json:"format"`
	Nullable   bool               `json:"nullable"`
	Enum       []any              `json:"enum"`
	MaxLength  int                `json:"maxLength"`
	Required   []string           `json:"required"`
	Properties map[string]*Schema `json:"properties"`
	Items      *Schema            `json:"items"`
	// Additional is false, true or a schema; nil when the document is silent.
	Additional json.RawMessage `json:"additionalProperties"`
}

// Load reads the document once. It returns an error when the embedded file is
// not what it was.
var Load = sync.OnceValues(func() (*Spec, error) {
	var spec Spec
	if err := json.Unmarshal(embedded.OpenAPISpec, &spec); err != nil {
		return nil, fmt.Errorf("read Stripe's OpenAPI document: %w", err)
	}
	if len(spec.Components.Schemas) == 0 || len(spec.Paths) == 0 {
		return nil, fmt.Errorf("read Stripe's OpenAPI document: it has no schemas or no paths")
	}
	return &spec, nil
})

// Answer is the schema of an endpoint's answer: the one for success, or the
// one for errors. It returns nil when the document does not know the endpoint.
func (s *Spec) Answer(method, path string, success bool) *Schema {
	template, ok := s.template(method, path)
	if !ok {
		return nil
	}
	status := "default"
	if success {
		status = "200"
	}
	return s.Paths[template][strings.ToLower(method)].Responses[status].Content["application/json"].Schema
}

// Parameters are the names of what an endpoint takes in its query and its form,
// in alphabetical order.
func (s *Spec) Parameters(method, path string) []string {
	template, ok := s.template(method, path)
	if !ok {
		return nil
	}
	endpoint := s.Paths[template][strings.ToLower(method)]
	var names []string
	for _, p := range endpoint.Parameters {
		if p.In == "query" {
			names = append(names, p.Name)
		}
	}
	for _, content := range endpoint.RequestBody.Content {
		if content.Schema != nil {
			names = slices.AppendSeq(names, maps.Keys(content.Schema.Properties))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// template finds the path of the document that a concrete path belongs to. A
// literal segment wins over a parameter.
func (s *Spec) template(method, path string) (best string, ok bool) {
	literals := -1
	segments := strings.Split(path, "/")
	for template, methods := range s.Paths {
		if _, there := methods[strings.ToLower(method)]; !there {
			continue
		}
		parts := strings.Split(template, "/")
		if len(parts) != len(segments) {
			continue
		}
		n := 0
		for i, part := range parts {
			if part == segments[i] {
				n++
			} else if !strings.HasPrefix(part, "{") {
				n = -1
				break
			}
		}
		if n > literals {
			best, literals, ok = template, n, true
		}
	}
	return best, ok
}

// resolve follows references.
func (s *Spec) resolve(schema *Schema) (name string, target *Schema) {
	for schema != nil && schema.Ref != "" {
		name = strings.TrimPrefix(schema.Ref, "#/components/schemas/")
		schema = s.Components.Schemas[name]
	}
	return name, schema
}
