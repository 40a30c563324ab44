package truth

import (
	"maps"
	"slices"
	"strings"

	"rightful"
)

var cacheMutations = []Mutation{
	{"a cache key kept an old value", rightful.CodeCacheStale, func(w *World) (out []Damage) {
		for _, key := range slices.Sorted(maps.Keys(w.Cache)) {
			for _, value := range w.cacheValues(key) {
				if !w.cacheTrue(key, value) {
					d := Damage{Where: key + " = " + value, do: func() { w.Cache[key] = value }}
					out = append(out, w.expectCache(d, key))
				}
			}
		}
		return out
	}},
	{"the running app answers another company", rightful.CodeDeployOther, func(w *World) (out []Damage) {
		for _, u := range w.Users {
			for _, c := range w.Companies {
				if w.App.Probed && !w.member(u.ID, c.ID) {
					d := Damage{Where: u.ID + " to " + c.ID, do: func() { w.Probe[u.ID] = c.ID }}
					out = append(out, d.finds(Want{rightful.CodeDeployOther, rightful.Ref{Type: rightful.RefUser, ID: u.ID}}))
				}
			}
		}
		return out
	}},
	{"an old revision runs", rightful.CodeDeployRevision, func(w *World) []Damage {
		if !w.App.Probed {
			return nil
		}
		d := Damage{Where: "rev0", do: func() { w.Revision = "rev0" }}
		return []Damage{d.finds(Want{rightful.CodeDeployRevision, rightful.Ref{Type: rightful.RefRevision, ID: "rev0"}})}
	}},
}

// cacheValues are what a key may hold when it is stale.
func (w *World) cacheValues(key string) []string {
	var out []string
	if strings.HasPrefix(key, "company:") {
		for _, o := range w.customers() {
			out = append(out, o.ID)
		}
		return append(out, "cus_old")
	}
	for _, c := range w.Companies {
		out = append(out, c.ID)
	}
	return append(out, w.nobody())
}

// cacheTrue reports whether it would be true if the key held the value.
func (w *World) cacheTrue(key, value string) bool {
	kind, whose, _ := strings.Cut(key, ":")
	switch kind {
	case "user":
		return w.member(strings.TrimSuffix(whose, ":company"), value)
	case "company":
		return w.Owner(value) == strings.TrimSuffix(whose, ":cus")
	}
	return slices.Contains(w.owners(whose), value)
}
