package engine

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/judge"
)

// CacheScanInput says what to look for besides what is configured.
type CacheScanInput struct {
	// Match is a pattern as Redis takes it. Keys that it matches and that are of no
	// configured pattern are named, and neither read nor judged.
	Match string
}

// CacheScan is what stands in the cache, key by key.
type CacheScan struct {
	Complete          bool        `json:"complete"`
	IncompleteBecause []string    `json:"incomplete_because"`
	Unheard           []string    `json:"unheard"`
	Refused           *Refusal    `json:"refused"`
	Account           string      `json:"account"`
	Livemode          bool        `json:"livemode"`
	Now               int64       `json:"now"`
	Counts            CacheCounts `json:"counts"`
	Keys              []CachedKey `json:"keys"`           // of a configured pattern, the wrong ones first
	NotConfigured     []string    `json:"not_configured"` // that only Match matches, sorted
}

// CacheCounts counts the keys of configured patterns by what is known of them.
type CacheCounts struct {
	Right      int `json:"right"`
	Wrong      int `json:"wrong"` // without those that are accepted or of a code that is off
	CannotTell int `json:"cannot_tell"`
	Nobodys    int `json:"nobodys"`
	Accepted   int `json:"accepted"` // wrong, and accepted or of a code that is off
	StripeGETs int `json:"stripe_gets"`
}

// CachedKey is one key of a configured pattern, and what is known of its value.
type CachedKey struct {
	Key         string           `json:"key"`
	Pattern     string           `json:"pattern"`
	Holds       rightful.Holds   `json:"holds"`
	Decode      string           `json:"decode"`
	UserID      string           `json:"user_id"` // one of these three says whose it is
	CompanyID   string           `json:"company_id"`
	CustomerID  string           `json:"stripe_customer_id"`
	Value       string           `json:"value"`       // decoded; of a nobody's key only what looks like an id
	Undecodable string           `json:"undecodable"` // why there is no value
	State       judge.CacheState `json:"state"`
	Allowed     []string         `json:"allowed"` // what the places allow there, as far as they say
	Because     string           `json:"because"`
	Finding     string           `json:"finding"` // of a wrong one; empty when it is not reported
	Known       string           `json:"known"`   // why a wrong one is not counted: accepted, or off
}

// ScanCache looks for the keys that are there, reads those of a configured
// pattern, and says of each what an audit of everything says. It writes nothing.
// A run that would be unsafe comes back refused, and one that could not look at
// everything incomplete; a cache that cannot be heard is an error.
func (e *Engine) ScanCache(ctx context.Context, in CacheScanInput) (*CacheScan, error) {
	scanner, err := e.cacheScanner(in.Match)
	if err != nil {
		return nil, err
	}
	r := &CacheScan{IncompleteBecause: []string{}, Unheard: []string{}, Keys: []CachedKey{}, NotConfigured: []string{}, Now: e.Options.Now}
	account, refusal, err := e.admit(ctx)
	r.Account, r.Livemode = account.ID, account.Livemode
	switch {
	case err != nil:
		return r.cut(e, ctx, err)
	case refusal != nil:
		r.Refused = refusal
		r.IncompleteBecause = append(r.IncompleteBecause, "the run was refused")
		return r, nil
	}
	found, err := e.findKeys(ctx, scanner, in.Match, r)
	if err != nil {
		return r.cut(e, ctx, err)
	}
	if len(found) > 0 {
		if err := e.ruleKeys(ctx, account, found, r); err != nil {
			return r.cut(e, ctx, err)
		}
	}
	r.Complete = len(r.IncompleteBecause) == 0
	r.Counts.StripeGETs = e.gets()
	return r, nil
}

// cacheScanner returns the cache as something that can be looked through.
func (e *Engine) cacheScanner(match string) (rightful.CacheScanner, error) {
	scanner, can := e.Sources.Cache.(rightful.CacheScanner)
	switch {
	case e.Sources.Cache == nil:
		return nil, &rightful.Error{
			Kind: rightful.KindInvalid, Place: "cache", Message: "there is no cache to look through",
			Hint: "set cache.url and cache.keys, or give a world with a cache section",
		}
	case !can:
		return nil, &rightful.Error{Kind: rightful.KindUnsupported, Place: "cache", Message: "this cache cannot be looked through"}
	case len(e.Options.CacheKeys) == 0 && match == "":
		return nil, &rightful.Error{
			Kind: rightful.KindInvalid, Place: "cache.keys", Message: "no pattern is configured, so no key is known to hold a company or a customer",
			Hint: "say which keys do; --match PATTERN lists keys without them",
		}
	}
	return scanner, nil
}

// cut turns an interruption into an incomplete report; other errors stay.
func (r *CacheScan) cut(e *Engine, ctx context.Context, err error) (*CacheScan, error) {
	if ctx.Err() == nil || !errors.Is(err, context.Cause(ctx)) && !errors.Is(err, ctx.Err()) {
		return nil, err
	}
	r.IncompleteBecause = append(r.IncompleteBecause, "the run was interrupted; nothing was concluded")
	r.Keys, r.Counts = []CachedKey{}, CacheCounts{StripeGETs: e.gets()}
	return r, nil
}

// findKeys looks for keys, and returns those of a configured pattern, sorted. A
// cache that could not be looked through to the end makes the report incomplete,
// unless nothing was found at all.
func (e *Engine) findKeys(ctx context.Context, scanner rightful.CacheScanner, match string, r *CacheScan) ([]string, error) {
	globs := []string{}
	for _, k := range e.Options.CacheKeys {
		if glob := keyGlob(k.Pattern); !slices.Contains(globs, glob) {
			globs = append(globs, glob)
		}
	}
	if match != "" {
		globs = append(globs, match)
	}
	configured, others := map[string]bool{}, map[string]bool{}
scan:
	for _, glob := range globs {
		for key, err := range scanner.Scan(ctx, glob) {
			switch {
			case err != nil && (ctx.Err() != nil || len(configured)+len(others) == 0):
				return nil, err
			case err != nil:
				r.IncompleteBecause = append(r.IncompleteBecause, "the keys of the cache: "+plain(err))
				break scan
			case len(e.entriesOf(key)) > 0:
				configured[key] = true
			default:
				others[key] = others[key] || glob == match
			}
			if e.Options.Progress != nil {
				e.Options.Progress("cache keys found", len(configured)+len(others))
			}
		}
	}
	for key, wanted := range others {
		if wanted { // the others only look like a configured pattern
			r.NotConfigured = append(r.NotConfigured, key)
		}
	}
	slices.Sort(r.NotConfigured)
	return slices.Sorted(maps.Keys(configured)), nil
}

// ruleKeys reads the database and Stripe to the end, then the values of the keys,
// and rules on each.
func (e *Engine) ruleKeys(ctx context.Context, account rightful.Account, keys []string, r *CacheScan) error {
	reading := *e // the keys are known, and the running app has no say in them
	reading.Sources.Cache, reading.Sources.Probe = nil, nil
	sit, _, err := reading.read(ctx, AuditInput{})
	if err != nil {
		return err
	}
	sit.Account = account
	audited := map[string]bool{} // an audit reads the keys that it makes of known ids
	for _, c := range collect.Entries(e.Options.CacheKeys, collect.SubjectOf(sit)) {
		audited[c.Key+"\x00"+c.Pattern] = true
	}
	for _, key := range keys {
		sit.Cache = append(sit.Cache, e.choose(key, audited)...)
	}
	for start := 0; start < len(sit.Cache); start += cacheBatch {
		batch := sit.Cache[start:min(start+cacheBatch, len(sit.Cache))]
		if err := e.Sources.Cache.Read(ctx, batch); err != nil {
			return err
		}
		if e.Options.Progress != nil {
			e.Options.Progress("cache keys read", start+len(batch))
		}
	}
	sit.Cache = slices.DeleteFunc(sit.Cache, func(c rightful.CacheEntry) bool { return !c.Found }) // gone meanwhile
	sit.CacheConfigured = true
	verdict, err := reading.judged(ctx, reading.Sources, sit)
	if err != nil {
		return err
	}
	r.IncompleteBecause = append(r.IncompleteBecause, sit.Incomplete...)
	r.Unheard = append(r.Unheard, sit.Unheard...)
	r.fill(e, sit, verdict, audited)
	return nil
}

// cacheBatch is how many values are asked for at once.
const cacheBatch = 500

// fill puts the rulings into the report.
func (r *CacheScan) fill(e *Engine, sit *rightful.Situation, verdict judge.Verdict, audited map[string]bool) {
	finding, known := map[string]string{}, map[string]string{}
	reported, counts := noneKnown(), Counts{}
	for _, f := range reported.apply(e.Accepted, r.Now, verdict.Findings, nil, &counts) {
		if f.Object.Type == rightful.RefCacheKey {
			finding[f.Object.ID] = f.ID
		}
	}
	for _, a := range reported.Accepted {
		if a.Finding.Object.Type == rightful.RefCacheKey {
			finding[a.Finding.Object.ID], known[a.Finding.Object.ID] = a.Finding.ID, "accepted"
		}
	}
	for _, f := range verdict.Muted {
		if f.Object.Type == rightful.RefCacheKey {
			known[f.Object.ID] = "off"
		}
	}
	for i, ruling := range judge.RuleCache(sit, e.Rules) {
		c := sit.Cache[i]
		k := CachedKey{
			Key: c.Key, Pattern: c.Pattern, Holds: c.Holds, Decode: c.Decode, UserID: c.UserID, CompanyID: c.CompanyID, CustomerID: c.StripeCustomerID,
			Value: c.Value, Undecodable: c.Undecodable, State: ruling.State, Allowed: ruling.Allowed, Because: ruling.Because,
		}
		if k.State == judge.CacheWrong && !audited[c.Key+"\x00"+c.Pattern] {
			k.State, k.Because = judge.CacheCannotTell, k.Because+", which writes the id of this key in another way"
		}
		if k.State == judge.CacheWrong {
			k.Finding, k.Known = finding[c.Key], known[c.Key]
		}
		if k.State == judge.CacheNobodys && !namesSomething(sit, k.Value) {
			k.Value = "" // a pattern that is too wide matches what is no business of ours
		}
		r.count(k)
		r.Keys = append(r.Keys, k)
	}
	order := []judge.CacheState{judge.CacheWrong, judge.CacheCannotTell, judge.CacheNobodys, judge.CacheRight}
	slices.SortStableFunc(r.Keys, func(a, b CachedKey) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.State), slices.Index(order, b.State)), cmp.Compare(a.Key, b.Key))
	})
}

// namesSomething reports whether a value looks like an id of the app or of Stripe.
func namesSomething(sit *rightful.Situation, value string) bool {
	return rightful.IsNumericID(value) || strings.HasPrefix(value, "cus_") ||
		slices.ContainsFunc(sit.Companies, func(c rightful.Company) bool { return rightful.SameID(c.ID, value) })
}

func (r *CacheScan) count(k CachedKey) {
	switch {
	case k.State == judge.CacheRight:
		r.Counts.Right++
	case k.State == judge.CacheNobodys:
		r.Counts.Nobodys++
	case k.State == judge.CacheCannotTell:
		r.Counts.CannotTell++
	case k.Known != "":
		r.Counts.Accepted++
	default:
		r.Counts.Wrong++
	}
}

// placeholders are what a pattern of cache keys has one of.
var placeholders = []string{"{user_id}", "{company_id}", "{stripe_customer_id}"}

// keyGlob turns a configured pattern into one that matches every key of it.
func keyGlob(pattern string) string {
	escape := strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`)
	for _, p := range placeholders {
		if strings.Contains(pattern, p) {
			parts := strings.Split(pattern, p)
			for i := range parts {
				parts[i] = escape.Replace(parts[i])
			}
			return strings.Join(parts, "*")
		}
	}
	return escape.Replace(pattern)
}

// keyID returns the id for which a pattern makes the key.
func keyID(pattern, placeholder, key string) (id string, ok bool) {
	times := strings.Count(pattern, placeholder)
	if times == 0 {
		return "", false
	}
	length := (len(key) - len(pattern) + times*len(placeholder)) / times
	start := strings.Index(pattern, placeholder)
	if length < 1 || start+length > len(key) {
		return "", false
	}
	id = key[start : start+length]
	return id, strings.ReplaceAll(pattern, placeholder, id) == key
}

// entriesOf returns the key as an entry of each configured pattern that makes it
// of some id.
func (e *Engine) entriesOf(key string) (entries []rightful.CacheEntry) {
	for _, k := range e.Options.CacheKeys {
		for _, p := range placeholders {
			id, ok := keyID(k.Pattern, p, key)
			if !ok {
				continue
			}
			entry := rightful.CacheEntry{Key: key, Pattern: k.Pattern, Holds: k.Holds, Decode: k.Decode}
			switch p {
			case "{user_id}":
				entry.UserID = id
			case "{company_id}":
				entry.CompanyID = id
			default:
				entry.StripeCustomerID = id
			}
			entries = append(entries, entry)
		}
	}
	return entries
}

// choose returns what is to be read of a key. It may be of several patterns,
// user:{user_id} and user:{user_id}:name. Those that an audit makes it of count;
// where it makes it of none, the pattern that says most.
func (e *Engine) choose(key string, audited map[string]bool) []rightful.CacheEntry {
	all := e.entriesOf(key)
	known := slices.DeleteFunc(slices.Clone(all), func(c rightful.CacheEntry) bool { return !audited[c.Key+"\x00"+c.Pattern] })
	if len(known) > 0 {
		return known
	}
	return []rightful.CacheEntry{slices.MaxFunc(all, func(a, b rightful.CacheEntry) int { return cmp.Compare(len(a.Pattern), len(b.Pattern)) })}
}
