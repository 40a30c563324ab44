package view

import (
	"slices"
	"strings"

	"rightful/internal/engine"
	"rightful/internal/judge"
	"rightful/internal/plan"
)

// maxRight is how many keys that are right, and how many that are not configured,
// are shown one by one; JSON has them all.
const maxRight = 20

// CacheScan prints what stands in the cache.
func (p *Printer) CacheScan(r *engine.CacheScan) {
	p.line("%s", p.paint(strong, "cache of "+account(r.Account, r.Livemode)))
	if p.refused(r.Refused) {
		return
	}
	for _, part := range []struct {
		state judge.CacheState
		title string
		most  int
	}{
		{judge.CacheWrong, "wrong", len(r.Keys)},
		{judge.CacheCannotTell, "cannot tell", len(r.Keys)},
		{judge.CacheNobodys, "nobody's: never deleted", len(r.Keys)},
		{judge.CacheRight, "right", maxRight},
	} {
		keys := slices.DeleteFunc(slices.Clone(r.Keys), func(k engine.CachedKey) bool { return k.State != part.state })
		if len(keys) == 0 {
			continue
		}
		p.heading(part.title)
		p.cachedKeys(keys[:min(len(keys), part.most)])
		p.more(len(keys), part.most)
	}
	if len(r.NotConfigured) > 0 {
		p.heading("not configured: neither read nor judged")
		for _, key := range r.NotConfigured[:min(len(r.NotConfigured), maxRight)] {
			p.line("  %s", clean(key))
		}
		p.more(len(r.NotConfigured), maxRight)
	}
	p.line("")
	c := r.Counts
	p.line("%s: %d wrong, %d right, %d cannot tell, %d nobody's", count(len(r.Keys), "value", "values"), c.Wrong, c.Right, c.CannotTell, c.Nobodys)
	if c.Accepted > 0 {
		p.line("%s wrong and accepted, or of a code that is off", count(c.Accepted, "is", "are"))
	}
	p.gets(c.StripeGETs)
	p.incomplete(r.Complete, r.IncompleteBecause)
	p.unheard(r.Unheard)
	if c.Wrong > 0 && r.Complete {
	}
}

// more says how many are not shown.
func (p *Printer) more(have, shown int) {
	if have > shown {
		p.line("  %s", p.paint(faint, "and "+count(have-shown, "more", "more")+" (--format json has them all)"))
	}
}

func (p *Printer) cachedKeys(keys []engine.CachedKey) {
	var rows [][]string
	for _, k := range keys {
		value := or(k.Value)
		if k.Undecodable != "" {
			value = "-"
		}
		because := clean(k.Because)
		if k.Known != "" {
			because += " (" + k.Known + ")"
		}
		rows = append(rows, []string{clean(k.Key), value, list(k.Allowed), because})
	}
	p.table([]string{"KEY", "HOLDS", "ALLOWED", "BECAUSE"}, rows)
}

// CacheClear prints what would be deleted, or what was.
func (p *Printer) CacheClear(r *engine.ClearCacheReport) {
	p.line("%s", p.paint(strong, "wrong cache keys of "+account(r.Plan.Account, r.Plan.Livemode)))
	for _, u := range r.Plan.Units {
		for _, s := range u.Steps {
			p.line("  %s", clean(s.Object.ID))
			for _, l := range p.difference(s) {
				p.line("      %s", l)
			}
			p.line("      %s (%s)", clean(s.Message), strings.Join(s.Because, ", "))
		}
	}
	for _, q := range r.Plan.Questions {
		p.line("  %s", clean(q.Object.ID))
		p.line("      %s (%s)", clean(q.Message), q.Finding)
		p.line("      %s: %s", p.paint(yellow, "not now"), clean(q.Why))
	}
	if r.Plan.Steps() == 0 {
		p.line("  nothing to delete")
	}
	if len(r.Unsettled) > 0 {
		p.line("")
		p.line("%s not put right yet, and may fill keys with the wrong value again: %s", count(len(r.Unsettled), "other finding is", "other findings are"), p.few(r.Unsettled))
		p.line("rightful fix puts the places right first, and then deletes the keys")
	}
	if r.Applied != nil {
		p.Applied(r.Plan, r.Applied)
	}
}

// few joins the first few values.
func (p *Printer) few(values []string) string {
	const most = 5
	out := list(values[:min(len(values), most)])
	if len(values) > most {
		out += " and others"
	}
	return out
}

// CacheWould says that nothing was written yet.
func (p *Printer) CacheWould(pl *plan.Plan) {
	if pl.Steps() > 0 {
		p.line("")
		p.line("nothing was deleted: add --yes to delete %s", count(pl.Steps(), "key", "keys"))
	}
}
