package snapshot

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"rightful"
	"rightful/internal/cachevalue"
)

// cachedJSON returns what a cache would have to hold under one key, so that each
// of its entries decodes to what it decoded to. What stood there itself was never
// read: of a value that cannot be decoded another such value is made.
func cachedJSON(entries []rightful.CacheEntry) any {
	hash := map[string]string{}
	var document any
	for _, e := range entries {
		decode, err := cachevalue.ParseDecode(e.Decode)
		if err != nil {
			continue
		}
		if field := decode.HashField(); field != "" {
			hash[field] = rawCached(e, decode)
			continue
		}
		path, isJSON := strings.CutPrefix(e.Decode, "json:")
		if !isJSON || e.Undecodable != "" {
			return rawCached(e, decode)
		}
		document = put(document, strings.Split(strings.TrimPrefix(strings.TrimPrefix(path, "$"), "."), "."), e.Value)
	}
	switch {
	case len(hash) > 0:
		return hash
	case document == nil:
		return nil
	}
	text, err := json.Marshal(document, json.Deterministic(true))
	if err != nil {
		return nil // a text of another encoding: the snapshot is compared before it is given away
	}
	return string(text)
}

// put puts a value where a path of names leads.
func put(document any, path []string, value string) any {
	if len(path) == 0 || path[0] == "" {
		return value
	}
	object, ok := document.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	object[path[0]] = put(object[path[0]], path[1:], value)
	return object
}

// rawCached returns a text that decodes to the entry's value, or that cannot be
// decoded, for the same reason where there is one.
func rawCached(e rightful.CacheEntry, decode cachevalue.Decode) string {
	if e.Undecodable == "" {
		for _, raw := range []string{e.Value, "s:" + strconv.Itoa(len(e.Value)) + `:"` + e.Value + `";`, "V" + e.Value + "\n.", pickled(e.Value)} {
			if value, undecodable := decode.Value(raw); undecodable == "" && value == e.Value {
				return raw
			}
		}
		return e.Value
	}
	leaves := []string{`""`, "null", "true", "1.5", `"{"`, `"a:1:{"`, `"N."`, `"\u0001"`, `"\ufeff1"`, strconv.Quote(strings.Repeat("x", 513)), "{}"}
	candidates := []string{"", "null", "true", `"x"`, "a:1:{}", "N.", "\x01", "\ufeff1", strings.Repeat("x", 513), strings.Repeat("x", 600), "not JSON", "{}"}
	if path, isJSON := strings.CutPrefix(e.Decode, "json:"); isJSON {
		before, after := "", ""
		for _, name := range strings.Split(strings.TrimPrefix(strings.TrimPrefix(path, "$"), "."), ".") {
			if name != "" {
				before, after = before+"{"+strconv.Quote(name)+":", after+"}"
			}
		}
		for _, leaf := range leaves {
			candidates = append(candidates, before+leaf+after)
		}
	}
	other := ""
	for _, raw := range candidates {
		_, undecodable := decode.Value(raw)
		switch {
		case undecodable == e.Undecodable:
			return raw
		case undecodable != "" && other == "":
			other = raw
		}
	}
	return other
}

// pickled returns a text as Python pickles it, with its length in four bytes.
func pickled(text string) string {
	n := len(text)
	if n > 127 {
		return "" // a length that is no text by itself cannot stand in a world
	}
	return "X" + string([]byte{byte(n), 0, 0, 0}) + text + "."
}
