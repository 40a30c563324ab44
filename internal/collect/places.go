package collect

import (
	"context"
	"fmt"
	"strings"

	"rightful"
)

// CacheKey is one configured pattern of cache keys.
type CacheKey struct {
	Pattern string // with one of {user_id}, {company_id}, {stripe_customer_id}
	Holds   rightful.Holds
	Decode  string // text, json:path, hash:field, php or pickle; empty means text
}

// DefaultCacheKeys are the patterns that a world has when it configures none.
func DefaultCacheKeys() []CacheKey {
	return []CacheKey{
		{Pattern: "stripe:customer:{stripe_customer_id}:company", Holds: rightful.HoldsCompany},
		{Pattern: "user:{user_id}:company", Holds: rightful.HoldsCompany},
		{Pattern: "company:{company_id}:stripe_customer", Holds: rightful.HoldsCustomer},
	}
}

// cacheBatch is how many keys are asked for at once.
const cacheBatch = 500

// readCache reads the keys that the patterns make of known ids. Nothing is ever
// scanned for. A cache that cannot be heard makes the situation incomplete.
func (g *gatherer) readCache(ctx context.Context, about rightful.Subject) error {
	return g.readCacheOf(ctx, Entries(g.opt.CacheKeys, about))
}

// readCacheOf reads entries.
func (g *gatherer) readCacheOf(ctx context.Context, entries []rightful.CacheEntry) error {
	if len(g.opt.CacheKeys) == 0 || g.src.Cache == nil {
		return nil
	}
	g.sit.CacheConfigured = true
	for start := 0; start < len(entries); start += cacheBatch {
		batch := entries[start:min(start+cacheBatch, len(entries))]
		if err := g.src.Cache.Read(ctx, batch); err != nil {
			g.sit.CacheUnread = short(err)
			g.sit.Cache = nil
			return g.incomplete(ctx, "the cache", err)
		}
		for _, e := range batch {
			if e.Found {
				g.sit.Cache = append(g.sit.Cache, e)
			}
		}
		g.opt.progress("cache keys", start+len(batch))
	}
	return nil
}

// Entries builds every key that could exist for the ids.
func Entries(patterns []CacheKey, about rightful.Subject) []rightful.CacheEntry {
	var out []rightful.CacheEntry
	for _, p := range patterns {
		fill := func(placeholder string, ids []string, owner func(*rightful.CacheEntry, string)) {
			if !strings.Contains(p.Pattern, placeholder) {
				return
			}
			for _, id := range ids {
				e := rightful.CacheEntry{
					Key:     strings.ReplaceAll(p.Pattern, placeholder, id),
					Pattern: p.Pattern,
					Holds:   p.Holds,
					Decode:  p.Decode,
				}
				owner(&e, id)
				out = append(out, e)
			}
		}
		fill("{user_id}", about.Users, func(e *rightful.CacheEntry, id string) { e.UserID = id })
		fill("{company_id}", about.Companies, func(e *rightful.CacheEntry, id string) { e.CompanyID = id })
		fill("{stripe_customer_id}", about.Customers, func(e *rightful.CacheEntry, id string) { e.StripeCustomerID = id })
	}
	return out
}

// readProbe asks the running app for its revision and for the given users.
func (g *gatherer) readProbe(ctx context.Context, users []string) error {
	if g.src.Probe == nil {
		return nil
	}
	report := &rightful.ProbeReport{Users: map[string]rightful.ProbeAnswer{}, ExpectedRevision: g.opt.ExpectedRevision}
	unread := func(err error) error {
		g.sit.ProbeUnread = short(err)
		return g.incomplete(ctx, "the running app", err)
	}
	revision, err := g.src.Probe.Revision(ctx)
	if err != nil {
		return unread(err)
	}
	report.Revision = revision
	answers := make([]rightful.ProbeAnswer, len(users))
	_, err = together(len(users), func(i int) (err error) {
		answers[i], err = g.src.Probe.Company(ctx, users[i])
		return err
	}, func(done int) { g.opt.progress("users probed", done) })
	if err != nil {
		return unread(err)
	}
	unanswered, why := 0, ""
	for i, id := range users {
		report.Users[rightful.CanonicalID(id)] = answers[i]
		if answers[i].Failed != "" && !answers[i].Unasked {
			if unanswered++; unanswered == 1 {
				why = "user " + id + ": " + answers[i].Failed
			}
		}
	}
	g.sit.Probe = report
	// An app that answers with an error has not been read any more than one that
	// is down.
	if unanswered > 0 {
		return g.incomplete(ctx, "the running app", fmt.Errorf("no answer for %d of %d users (%s)", unanswered, len(users), why))
	}
	return nil
}
