package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"rightful"
)

// TestCacheScanner checks the contract of rightful.CacheScanner. open returns a
// scanner of a cache with exactly these contents.
func TestCacheScanner(t *testing.T, open func(t *testing.T, holds CacheContents) rightful.CacheScanner) {
	const many = 2500 // more than one answer holds
	holds := CacheContents{Values: map[string]string{}, Hashes: map[string]map[string]string{"org:7": {"company": "4"}}}
	for _, key := range []string{
		"user:7:company", "user:8:company", "user:77:company", "user::company", "user:7", "User:7:company", "userx7:company",
		"a*b", "axb", "a?b", "a[x]b", `a\b`, "acb", "a^b", "é:7", "odd\x01\n:7",
	} {
		holds.Values[key] = "11"
	}
	for i := range many {
		holds.Values[fmt.Sprintf("many:%d", i)] = "x"
	}
	s := open(t, holds)
	scan := func(pattern string) []string {
		t.Helper()
		var keys []string
		for key, err := range s.Scan(t.Context(), pattern) {
			if err != nil {
				t.Fatalf("%s: %v", pattern, err)
			}
			keys = append(keys, key)
		}
		slices.Sort(keys)
		return slices.Compact(keys)
	}
	for pattern, want := range map[string][]string{
		"user:*:company": {"user:77:company", "user:7:company", "user:8:company", "user::company"},
		"user:?:company": {"user:7:company", "user:8:company"},
		"user:7":         {"user:7"},
		"*ser:7":         {"user:7"},
		"org:*":          {"org:7"},
		"none:*":         nil,
		"":               nil,
		`a\*b`:           {"a*b"},
		`a\?b`:           {"a?b"},
		`a\[x\]b`:        {"a[x]b"},
		`a\\b`:           {`a\b`},
		"a[x*]b":         {"a*b", "axb"},
		"a[b-d]b":        {"acb"},
		"a[^x]b":         {"a*b", "a?b", `a\b`, "a^b", "acb"},
		`a[\^]b`:         {"a^b"},
		"a*b":            {"a*b", "a?b", "a[x]b", `a\b`, "a^b", "acb", "axb"},
		"é:*":            {"é:7"},
		"odd*":           {"odd\x01\n:7"},
	} {
		slices.Sort(want)
		if got := scan(pattern); !slices.Equal(got, want) {
			t.Errorf("%q: got %d, %q, want %q", pattern, len(got), got[:min(len(got), 20)], want)
		}
	}
	if got := scan("many:*"); len(got) != many {
		t.Errorf("%d of %d keys", len(got), many)
	}

	for key, err := range s.Scan(t.Context(), "many:*") {
		if key == "" || err != nil {
			t.Errorf("got %q, %v", key, err)
		}
		break // whoever has enough gets no error
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	calls := 0
	for key, err := range s.Scan(ctx, "*") {
		if calls++; key != "" || !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: got %q, %v", key, err)
		}
	}
	if calls != 1 {
		t.Errorf("cancelled: %d keys and errors", calls)
	}
}
