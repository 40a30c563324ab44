package judge

import (
	"slices"
	"strings"

	"rightful"
)

// Ways is every way of getting a user's company, side by side, as of one time.
// Ids are canonical.
type Ways struct {
	Direct     string   // the user's own company column
	Owner      []string // companies that name the user as owner
	Membership []string // companies with an active membership row
	Resolver   string   // what the one configured way answers
	Unresolved string   // why the resolver names none: not configured, several, none
	Acted      []string // companies that the user made a purchase for at that time, as our own record says
	Ambiguous  bool     // the resolver query names several, and not which

	// History tells that membership rows exist for the user, so that a company
	// outside all ways is known to be wrong and not merely unknown.
	History bool
}

// WaysOf returns the ways of getting a user's company now.
func WaysOf(sit *rightful.Situation, rules Rules, userID string) Ways {
	return newIndex(sit, rules).waysNow(userID)
}

// waysNow returns the ways of getting a user's company now. Our own record says nothing
// of now, be it that something was bought in this very second.
func (ix *index) waysNow(userID string) Ways { return ix.waysInDatabase(userID, ix.sit.Now) }

// waysOf returns the ways of getting a user's company at time at (Unix
// seconds), and what our own record says of that time.
func (ix *index) waysOf(userID string, at int64) Ways {
	w := ix.waysInDatabase(userID, at)
	for _, m := range ix.acted[rightful.CanonicalID(userID)] {
		if company := rightful.CanonicalID(m.CompanyID); m.ActiveAt(at) && !slices.Contains(w.Acted, company) {
			w.Acted = append(w.Acted, company)
		}
	}
	slices.Sort(w.Acted)
	return w
}

// waysInDatabase returns the ways that the database tells. Owner and direct column
// have no history: they speak for every time, but not for one before the first
// membership row of the same pair.
func (ix *index) waysInDatabase(userID string, at int64) Ways {
	id := rightful.CanonicalID(userID)
	var w Ways
	first := map[string]int64{} // company -> when its first row begins
	for _, m := range ix.memberships[id] {
		w.History = true
		company := rightful.CanonicalID(m.CompanyID)
		if since, known := first[company]; !known || m.JoinedAt < since {
			first[company] = m.JoinedAt
		}
		if m.ActiveAt(at) && company != "" && !slices.Contains(w.Membership, company) {
			w.Membership = append(w.Membership, company)
		}
	}
	slices.Sort(w.Membership)
	later := func(company string) bool {
		since, known := first[company]
		return known && at < ix.sit.Now && at < since-rightful.JoinTolerance
	}
	if u := ix.users[id]; u != nil && !later(rightful.CanonicalID(u.CompanyID)) {
		w.Direct = rightful.CanonicalID(u.CompanyID)
	}
	w.Owner = slices.DeleteFunc(slices.Clone(ix.owned[id]), later)
	slices.Sort(w.Owner)
	ix.resolve(id, &w)
	return w
}

// resolve fills what the configured resolver answers.
func (ix *index) resolve(userID string, w *Ways) {
	switch ix.sit.Mapping.Resolver {
	case rightful.ResolverDirect:
		w.Resolver = w.Direct
	case rightful.ResolverOwner:
		w.Resolver, w.Unresolved = ix.only(w.Owner)
	case rightful.ResolverMembership:
		w.Resolver, w.Unresolved = ix.only(w.Membership)
	case rightful.ResolverSQL:
		r, asked := ix.sit.Resolved[userID]
		switch {
		case !asked:
			w.Unresolved = "the resolver query was not asked for this user"
		case r.Ambiguous:
			w.Ambiguous = true
			w.Unresolved = "the resolver query returned more than one company"
		default:
			w.Resolver = rightful.CanonicalID(r.CompanyID)
		}
	default:
		w.Unresolved = "no resolver is configured"
	}
	if w.Resolver == "" && w.Unresolved == "" {
		w.Unresolved = "it names no company"
	}
}

// only returns the one live company of ids, or why there is not exactly one.
func (ix *index) only(ids []string) (company, why string) {
	var found []string
	for _, id := range ids {
		if ix.live(id) {
			found = append(found, id)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], ""
	case len(found) > 1:
		return "", "it names several companies"
	case len(ids) == 1:
		return ids[0], "" // missing or dead: that is the answer, and a finding
	}
	return "", "it names no company"
}

// All returns every company that some way names, sorted, resolver and record included.
func (w Ways) All() []string {
	all := slices.Concat(w.Owner, w.Membership, w.Acted)
	for _, id := range []string{w.Direct, w.Resolver} {
		if id != "" {
			all = append(all, id)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// userSet returns the live companies that a user belongs to at a time, and
// whether absence from it means "does not belong" rather than "unknown".
func (ix *index) userSet(userID string, at int64) (set []string, history bool) {
	return ix.liveOf(ix.waysOf(userID, at))
}

// userSetNow is userSet of now.
func (ix *index) userSetNow(userID string) (set []string, history bool) {
	return ix.liveOf(ix.waysNow(userID))
}

func (ix *index) liveOf(w Ways) (set []string, history bool) {
	for _, id := range w.All() {
		if ix.live(id) {
			set = append(set, id)
		}
	}
	return set, w.History
}

// belongedAt reports whether some way names the company for the user at a time.
func (ix *index) belongedAt(userID, companyID string, at int64) bool {
	return slices.Contains(ix.waysOf(userID, at).All(), rightful.CanonicalID(companyID))
}

// belongsNow reports whether some way names the company for the user now.
func (ix *index) belongsNow(userID, companyID string) bool {
	return slices.Contains(ix.waysNow(userID).All(), rightful.CanonicalID(companyID))
}

// text says the ways in a few words, for evidence.
func (w Ways) text() string {
	var parts []string
	if w.Direct != "" {
		parts = append(parts, "direct "+w.Direct)
	}
	if len(w.Owner) > 0 {
		parts = append(parts, "owner of "+strings.Join(w.Owner, ", "))
	}
	if len(w.Membership) > 0 {
		parts = append(parts, "member of "+strings.Join(w.Membership, ", "))
	}
	if len(w.Acted) > 0 {
		parts = append(parts, "bought for "+strings.Join(w.Acted, ", "))
	}
	if len(parts) == 0 {
		return "no company"
	}
	return strings.Join(parts, "; ")
}
