package sourcetest

import (
	"context"
	"fmt"
	"testing"

	"rightful"
)

// TestCache checks the contract of rightful.CacheReader. open returns a reader
// of a cache in which exactly these keys hold these strings.
func TestCache(t *testing.T, open func(t *testing.T, values map[string]string) rightful.CacheReader) {
	entry := func(key, decode string) rightful.CacheEntry {
		return rightful.CacheEntry{Key: key, Pattern: "p:{user_id}", Holds: rightful.HoldsCompany, Decode: decode, UserID: "7"}
	}
	tests := []struct {
		name, value, decode string
		want                string
		undecodable         bool
	}{
		{"text", "11", "text", "11", false},
		{"text is the default", "11", "", "11", false},
		{"text keeps spaces", " 11 ", "text", " 11 ", false},
		{"text in quotes", `"11"`, "text", "", true},
		{"text that is empty", "", "text", "", true},
		{"text that is binary", "\x80\x04K\x0b.", "text", "", true},
		{"json string", `"11"`, "json:$", "11", false},
		{"json number, exact", `{"company":{"id":900719925474099312345}}`, "json:company.id", "900719925474099312345", false},
		{"json in an array", `{"items":[{"id":"a"}]}`, "json:items.0.id", "a", false},
		{"json null", `{"company":null}`, "json:company", "", true},
		{"json nothing there", `{}`, "json:company.id", "", true},
		{"json object", `{"company":{"id":1}}`, "json:company", "", true},
		{"php string", `s:2:"11";`, "php", "11", false},
		{"php array", "a:1:{i:0;i:11;}", "php", "", true},
		{"php as text", `s:2:"11";`, "text", "", true},
		{"pickled string", "V11\np0\n.", "pickle", "11", false},
		{"pickled integer", "I11\n.", "pickle", "11", false},
		{"pickled bytes", "\x80\x03C\x0211q\x00.", "pickle", "", true},
		{"integer beside pickles", "11", "pickle", "11", false},
		{"json broken", `{"company":`, "json:company", "", true},
	}
	t.Run("decode", func(t *testing.T) {
		values := map[string]string{}
		var entries []rightful.CacheEntry
		for _, tt := range tests {
			values[tt.name] = tt.value
			entries = append(entries, entry(tt.name, tt.decode))
		}
		if err := open(t, values).Read(context.Background(), entries); err != nil {
			t.Fatal(err)
		}
		for i, tt := range tests {
			got := entries[i]
			if !got.Found || got.Value != tt.want || (got.Undecodable != "") != tt.undecodable {
				t.Errorf("%s: got found %v, value %q, undecodable %q", tt.name, got.Found, got.Value, got.Undecodable)
			}
			got.Found, got.Value, got.Undecodable = false, "", ""
			if got != entry(tt.name, tt.decode) {
				t.Errorf("%s: other fields changed: %+v", tt.name, got)
			}
		}
	})
	t.Run("missing key", func(t *testing.T) {
		stale := entry("user:8", "text")
		stale.Found, stale.Value, stale.Undecodable = true, "x", "y"
		entries := []rightful.CacheEntry{stale, entry("user:7", "text"), entry("user:9", "json:$")}
		if err := open(t, map[string]string{"user:7": "11"}).Read(context.Background(), entries); err != nil {
			t.Fatal(err)
		}
		for _, i := range []int{0, 2} {
			if e := entries[i]; e.Found || e.Value != "" || e.Undecodable != "" {
				t.Errorf("%s: got %+v", e.Key, e)
			}
		}
		if !entries[1].Found || entries[1].Value != "11" {
			t.Errorf("the key beside the missing ones: got %+v", entries[1])
		}
	})
	t.Run("many and none", func(t *testing.T) {
		const n = 1201
		values := map[string]string{}
		entries := make([]rightful.CacheEntry, n)
		for i := range n {
			key := fmt.Sprintf("user:%d", i)
			values[key] = fmt.Sprint(i * 3)
			entries[i] = entry(key, "text")
		}
		reader := open(t, values)
		if err := reader.Read(context.Background(), entries); err != nil {
			t.Fatal(err)
		}
		for i, e := range entries {
			if e.Value != fmt.Sprint(i*3) {
				t.Fatalf("entry %d: got %q", i, e.Value)
			}
		}
		if err := reader.Read(context.Background(), nil); err != nil {
			t.Errorf("no entries: %v", err)
		}
	})
}
