package worldfile

import (
	"context"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rightful"
	"rightful/internal/cachevalue"
)

// Cache returns the world's cache. A value may be a string, a number, or, for
// hash:field, an object. It returns nil when the world has no cache section.
func (w *World) Cache() rightful.CacheReader {
	if w.cache == nil {
		return nil
	}
	return cache{values: w.cache}
}

// cache implements rightful.CacheReader.
type cache struct{ values map[string]jsontext.Value }

// Read fills the entries from the file.
func (c cache) Read(ctx context.Context, entries []rightful.CacheEntry) error {
	for i := range entries {
		e := &entries[i]
		e.Found, e.Value, e.Undecodable = false, "", ""
		v, ok := c.values[e.Key]
		if !ok || v.Kind() == 'n' {
			continue
		}
		decode, err := cachevalue.ParseDecode(e.Decode)
		if err != nil {
			e.Found, e.Undecodable = true, err.Error()
			continue
		}
		if field := decode.HashField(); field != "" {
			var hash map[string]jsontext.Value
			if err := json.Unmarshal(v, &hash); err != nil {
				e.Found, e.Undecodable = true, "the value is not a hash"
				continue
			}
			if v, ok = hash[field]; !ok {
				continue
			}
		}
		e.Found = true
		stored, scalar := scalarText(v)
		if !scalar {
			stored = string(v) // a JSON document, as a cache would hold it
		}
		e.Value, e.Undecodable = decode.Value(stored)
	}
	return ctx.Err()
}

// Probe returns the running app's recorded answers. It returns nil when the
// world has no probe section.
func (w *World) Probe() rightful.ProbeReader {
	if w.probe == nil {
		return nil
	}
	return probe{section: w.probe}
}

// probe implements rightful.ProbeReader.
type probe struct{ section *probeSection }

// Company returns the recorded answer. A user without one was not asked.
func (p probe) Company(ctx context.Context, userID string) (rightful.ProbeAnswer, error) {
	v, ok := p.section.Users[userID]
	if !ok {
		return rightful.ProbeAnswer{Failed: "the world records no answer for this user", Unasked: true}, ctx.Err()
	}
	company, scalar := scalarText(v)
	if !scalar {
		return rightful.ProbeAnswer{Failed: "the recorded answer is not an id"}, ctx.Err()
	}
	return rightful.ProbeAnswer{CompanyID: company}, ctx.Err()
}

// Revision returns the recorded revision.
func (p probe) Revision(ctx context.Context) (string, error) {
	return p.section.Revision, ctx.Err()
}
