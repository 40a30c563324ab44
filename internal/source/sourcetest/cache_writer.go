package sourcetest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"rightful"
)

// CacheContents is what a cache holds: strings, and hashes of strings.
type CacheContents struct {
	Values map[string]string
	Hashes map[string]map[string]string
}

// TestCacheWriter checks the contract of rightful.CacheWriter. open returns both
// halves of a cache with exactly these contents.
func TestCacheWriter(t *testing.T, open func(t *testing.T, holds CacheContents) (rightful.CacheReader, rightful.CacheWriter)) {
	holds := func() CacheContents {
		return CacheContents{
			Values: map[string]string{"user:7": "4", "user:8": "4", "json:7": `{"company":{"id":4},"name":"n"}`, "php:7": `s:1:"4";`, "pickle:7": "V4\np0\n.", "odd:7": `{"a":`},
			Hashes: map[string]map[string]string{"org:7": {"company": "4", "name": "n"}, "org:8": {"company": "4"}},
		}
	}
	entry := func(key, decode, value string) rightful.CacheEntry {
		return rightful.CacheEntry{Key: key, Decode: decode, Value: value, Found: true}
	}
	every := []rightful.CacheEntry{
		entry("user:7", "", "4"), entry("user:8", "text", "4"), entry("json:7", "json:company.id", "4"), entry("php:7", "php", "4"), entry("pickle:7", "pickle", "4"),
		entry("odd:7", "json:$", ""), entry("org:7", "hash:company", "4"), entry("org:7", "hash:name", "n"), entry("org:8", "hash:company", "4"),
	}
	// standing returns which of the entries are found, in the order of every.
	standing := func(t *testing.T, r rightful.CacheReader) []bool {
		t.Helper()
		entries := slices.Clone(every)
		if err := r.Read(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
		found := make([]bool, len(entries))
		for i, e := range entries {
			found[i] = e.Found
		}
		return found
	}
	whole := slices.Repeat([]bool{true}, len(every))

	for i, e := range every {
		t.Run("deletes "+e.Key+" "+e.Decode, func(t *testing.T) {
			r, w := open(t, holds())
			err, want := w.Delete(t.Context(), e), slices.Clone(whole)
			if e.Value == "" {
				if rightful.KindOf(err) != rightful.KindConflict {
					t.Errorf("what cannot be decoded: %v", err)
				}
			} else {
				want[i] = false
				if err != nil {
					t.Fatal(err)
				}
				if err := w.Delete(t.Context(), e); err != nil {
					t.Errorf("a second time: %v", err)
				}
			}
			if got := standing(t, r); !slices.Equal(got, want) {
				t.Errorf("standing %v, want %v", got, want)
			}
		})
	}

	r, w := open(t, holds())
	for name, tt := range map[string]struct {
		entry rightful.CacheEntry
		kind  rightful.ErrorKind // "" for no error
	}{
		"another value":          {entry("user:7", "", "5"), rightful.KindConflict},
		"a value that is longer": {entry("user:7", "", "44"), rightful.KindConflict},
		"nothing expected":       {entry("user:7", "", ""), rightful.KindConflict},
		"as it is written":       {entry("php:7", "php", `s:1:"4";`), rightful.KindConflict},
		"in another form":        {entry("json:7", "text", "4"), rightful.KindConflict},
		"a hash as text":         {entry("org:7", "text", "4"), rightful.KindConflict},
		"text as a hash":         {entry("user:7", "hash:company", "4"), rightful.KindConflict},
		"another field":          {entry("org:7", "hash:name", "4"), rightful.KindConflict},
		"a form that is none":    {entry("user:7", "xml", "4"), rightful.KindConflict},
		"no such key":            {entry("user:9", "", "4"), ""},
		"no such field":          {entry("org:7", "hash:nothing", "4"), ""},
		"no such hash":           {entry("org:9", "hash:company", "4"), ""},
	} {
		if err := w.Delete(t.Context(), tt.entry); rightful.KindOf(err) != tt.kind || tt.kind == "" && err != nil {
			t.Errorf("%s: got %v, want kind %q", name, err, tt.kind)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Delete(ctx, every[0]); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if got := standing(t, r); !slices.Equal(got, whole) {
		t.Errorf("something was deleted: %v of %v", got, slices.Collect(maps.Keys(holds().Values)))
	}
}
