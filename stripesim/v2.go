package stripesim

import (
	"encoding/json"
	"net/http"
	"sort"
	"strings"
)

// API v2 takes JSON where v1 takes forms, and words its errors differently.

func isV2(path string) bool { return strings.HasPrefix(path, "/v2/") }

// parseJSON reads a JSON object into the nodes of a form, so that one set of
// rules checks both. null is "", which unsets.
func parseJSON(into *node, raw []byte) *apiError {
	if len(raw) == 0 {
		return nil
	}
	var fields map[string]any
	if err := decodeNumbers(raw, &fields); err != nil {
		return invalid("", "", "The request body is not a JSON object: %v", err)
	}
	pairs := 0
	for name, value := range fields {
		child := jsonNode(value, 1, &pairs)
		if child == nil {
			return invalid("", shorten(name), "The request has more than %d values, or is nested too deep.", maxFormPairs)
		}
		into.add(name, child)
	}
	sort.Strings(into.names)
	return nil
}

// jsonNode is a value as a node, nil when there is too much of it.
func jsonNode(value any, depth int, pairs *int) *node {
	if *pairs++; *pairs > maxFormPairs || depth > maxFormDepth {
		return nil
	}
	switch value := value.(type) {
	case map[string]any:
		n := newHash()
		for name, inner := range value {
			child := jsonNode(inner, depth+1, pairs)
			if child == nil {
				return nil
			}
			n.add(name, child)
		}
		sort.Strings(n.names)
		return n
	case []any:
		n := &node{kind: arrayNode}
		for _, inner := range value {
			child := jsonNode(inner, depth+1, pairs)
			if child == nil {
				return nil
			}
			n.items = append(n.items, child)
		}
		return n
	case string:
		return &node{text: value}
	case json.Number:
		return &node{text: value.String()}
	case bool:
		if value {
			return &node{text: "true"}
		}
		return &node{text: "false"}
	}
	return &node{}
}

func decodeNumbers(raw []byte, into any) error {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	return d.Decode(into)
}

// bodyV2 writes the error as API v2 does.
func (e *apiError) bodyV2() []byte {
	code := e.code
	switch {
	case e.status == http.StatusNotFound:
		code = "not_found"
	case e.status == http.StatusForbidden:
		code = "forbidden"
	case code == "":
		code = "invalid_request"
	}
	o := newObject("code", code, "message", e.message)
	if e.status == http.StatusTooManyRequests {
		o.set("type", "rate_limit")
	}
	return newObject("error", o).raw()
}
