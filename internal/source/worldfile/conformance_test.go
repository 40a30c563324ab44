package worldfile_test

import (
	"strconv"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/source/sourcetest"
)

func TestStripeWriter(t *testing.T) {
	t.Parallel()
	sourcetest.TestStripeWriter(t, func(t *testing.T, world []byte) (rightful.StripeReader, rightful.StripeWriter) {
		w := parse(t, world)
		return w.Stripe(sourcetest.StripeKeys()), w.Writer()
	})
}

func TestCheckoutReader(t *testing.T) {
	t.Parallel()
	sourcetest.TestCheckoutReader(t, func(t *testing.T, world []byte) rightful.CheckoutReader {
		return parse(t, world).Stripe(sourcetest.StripeKeys()).(rightful.CheckoutReader)
	})
}

func TestCacheWriter(t *testing.T) {
	t.Parallel()
	sourcetest.TestCacheWriter(t, func(t *testing.T, holds sourcetest.CacheContents) (rightful.CacheReader, rightful.CacheWriter) {
		cache := map[string]any{}
		for k, v := range holds.Values {
			cache[k] = v
		}
		for k, v := range holds.Hashes {
			cache[k] = v
		}
		w := parse(t, marshal(t, map[string]any{"cache": cache}))
		return w.Cache(), w.Writer()
	})
}

// TestDirectoryWriter runs the port's suite on ids written as strings and, where
// they are numbers, as JSON numbers.
func TestDirectoryWriter(t *testing.T) {
	t.Parallel()
	for name, id := range map[string]func(string) any{
		"strings": func(id string) any { return id },
		"numbers": func(id string) any {
			if n, err := strconv.ParseInt(id, 10, 64); err == nil && rightful.IsNumericID(id) {
				return n
			}
			return id
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sourcetest.TestDirectoryWriter(t, func(t *testing.T, rows sourcetest.DirectoryRows) (rightful.DirectoryReader, rightful.DirectoryWriter) {
				w := parse(t, worldOf(t, rows, id))
				return w.Directory(rightful.ResolverNone), w.Writer()
			})
		})
	}
}

// TestUncachedField: a hash keeps its other fields, as they were written, and goes
// with its last one.
func TestUncachedField(t *testing.T) {
	t.Parallel()
	const world = `{"cache": {"k": {"a": "4",  "b": 1.0}, "l": {"a": "4"}}}`
	w := parse(t, []byte(world))
	for _, key := range []string{"k", "l"} {
		if err := w.Writer().Delete(t.Context(), rightful.CacheEntry{Key: key, Decode: "hash:a", Value: "4"}); err != nil {
			t.Fatal(err)
		}
	}
	if got := string(w.Bytes()); got != strings.NewReplacer(`"a": "4",  `, "", `, "l": {"a": "4"}`, "").Replace(world) {
		t.Errorf("saved: %s", got)
	}
}

func TestCacheScanner(t *testing.T) {
	t.Parallel()
	sourcetest.TestCacheScanner(t, func(t *testing.T, holds sourcetest.CacheContents) rightful.CacheScanner {
		cache := map[string]any{"none:7": nil} // what is null is not there
		for k, v := range holds.Values {
			cache[k] = v
		}
		for k, v := range holds.Hashes {
			cache[k] = v
		}
		return parse(t, marshal(t, map[string]any{"cache": cache})).Cache().(rightful.CacheScanner)
	})
}
