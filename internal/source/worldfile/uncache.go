package worldfile

import (
	"context"

	"rightful"
	"rightful/internal/cachevalue"
)

// Delete removes a cache key, or the field of a hash, that still decodes to the
// entry's value.
func (r *Writer) Delete(ctx context.Context, e rightful.CacheEntry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	decode, err := cachevalue.ParseDecode(e.Decode)
	if err != nil {
		return conflict("cache key %s: %v", e.Key, err)
	}
	now := []rightful.CacheEntry{{Key: e.Key, Decode: e.Decode}}
	if err := (cache{values: r.world.cache}).Read(ctx, now); err != nil {
		return err
	}
	switch {
	case !now[0].Found:
		return nil
	case now[0].Undecodable != "":
		return conflict("cache key %s cannot be decoded: %s", e.Key, now[0].Undecodable)
	case now[0].Value != e.Value:
		return conflict("cache key %s holds %q, not %q", e.Key, now[0].Value, e.Value)
	}
	r.world.uncache(e.Key, decode.HashField())
	return nil
}

// uncache removes a key, or a field of a hash and with its last one the key.
func (w *World) uncache(key, field string) {
	c := &w.changes
	if field != "" {
		left := removeMembers(w.cache[key], func(name string) bool { return name == field })
		if fields, _ := members(left); len(fields) > 0 {
			if c.recached == nil {
				c.recached = map[string][]byte{}
			}
			c.recached[key], w.cache[key] = left, left
			return
		}
	}
	if c.uncached == nil {
		c.uncached = map[string]bool{}
	}
	c.uncached[key] = true
	delete(c.recached, key)
	delete(w.cache, key)
}
