package engine

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"rightful"
	"rightful/internal/accept"
	"rightful/internal/judge"
)

// Scope is what a report is about. All empty, it is everything.
type Scope struct {
	Company string   `json:"company"`
	Since   int64    `json:"since"` // Unix seconds, 0 for no bound
	Only    []string `json:"only"`
}

// Whole reports whether nothing was left out.
func (s Scope) Whole() bool { return s.Company == "" && s.Since == 0 && len(s.Only) == 0 }

// Known is what a report found and does not count, so that nothing is silent
// without being seen.
type Known struct {
	Accepted []accept.Accepted     `json:"accepted"`
	Stale    []accept.Entry        `json:"stale_acceptances"` // accepted, and no longer found by an audit of everything
	Off      map[rightful.Code]int `json:"off"`               // findings of codes that the config turned off
}

// noneKnown is Known with nothing in it.
func noneKnown() Known {
	return Known{Accepted: []accept.Accepted{}, Stale: []accept.Entry{}, Off: map[rightful.Code]int{}}
}

// apply takes what is accepted out of the findings, counts all, and returns what
// is left to report.
func (k *Known) apply(list accept.List, now int64, findings, muted []rightful.Finding, c *Counts) []rightful.Finding {
	open, accepted := list.Apply(findings, now)
	k.Accepted = append(k.Accepted, accepted...)
	for _, f := range muted {
		k.Off[f.Code]++
	}
	for _, f := range open {
		c.count(f)
	}
	c.Accepted, c.Off = len(k.Accepted), len(muted)
	c.AtStake = AtStake(open)
	return append([]rightful.Finding{}, open...)
}

// stale finds the entries that an audit of everything no longer needs.
func (r *AuditReport) stale(list accept.List, v judge.Verdict) {
	if !r.Complete || !r.Scope.Whole() {
		return // what was not looked at is not gone
	}
	present := map[string]bool{}
	for _, f := range slices.Concat(v.Findings, v.Muted) {
		present[f.ID] = true
	}
	r.Stale = append(r.Stale, list.Stale(r.Account, r.Livemode, present)...)
	r.Counts.Stale = len(r.Stale)
}

// AtStake adds up, for each currency, what the errors and warnings among the
// findings put at stake each month. The same money is counted once, however
// many findings are about it: a subscription, its session and its customer are
// one payment.
func AtStake(findings []rightful.Finding) []rightful.Amount {
	var paid []rightful.Finding
	for _, f := range findings {
		if f.Amount != nil && f.Severity != rightful.SeverityInfo {
			paid = append(paid, f)
		}
	}
	totals := map[string]int64{}
	for _, together := range bySharedObject(paid) {
		for currency, amount := range stakeOf(together) {
			totals[currency] = plus(totals[currency], amount)
		}
	}
	out := []rightful.Amount{}
	for _, currency := range slices.Sorted(maps.Keys(totals)) {
		out = append(out, rightful.Amount{MonthlyMinor: totals[currency], Currency: currency})
	}
	slices.SortStableFunc(out, func(a, b rightful.Amount) int { return cmp.Compare(b.MonthlyMinor, a.MonthlyMinor) })
	return out
}

// stakeOf returns the money of findings that share objects: that of its
// subscriptions, or of its customers, or of the whole that one of them names,
// whichever is most.
func stakeOf(together []rightful.Finding) map[string]int64 {
	type key struct{ currency, id string }
	subscriptions, customers, most := map[key]int64{}, map[key]int64{}, map[string]int64{}
	for _, f := range together {
		k := key{f.Amount.Currency, f.Object.ID}
		switch f.Object.Type {
		case string(rightful.TypeSubscription):
			subscriptions[k] = max(subscriptions[k], f.Amount.MonthlyMinor)
		case string(rightful.TypeCustomer):
			customers[k] = max(customers[k], f.Amount.MonthlyMinor)
		case rightful.RefSubscriptionRow:
			for _, id := range f.Also {
				if strings.HasPrefix(id, "sub_") {
					k.id = id
				}
			}
			subscriptions[k] = max(subscriptions[k], f.Amount.MonthlyMinor)
		}
		most[k.currency] = max(most[k.currency], f.Amount.MonthlyMinor)
	}
	for _, sums := range []map[key]int64{subscriptions, customers} {
		total := map[string]int64{}
		for k, amount := range sums {
			total[k.currency] = plus(total[k.currency], amount)
		}
		for currency, amount := range total {
			most[currency] = max(most[currency], amount)
		}
	}
	return most
}

// bySharedObject groups findings that are about the same Stripe objects.
func bySharedObject(findings []rightful.Finding) [][]rightful.Finding {
	parent := make([]int, len(findings))
	for i := range parent {
		parent[i] = i
	}
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	first := map[string]int{}
	for i, f := range findings {
		for _, id := range append([]string{f.Object.ID}, f.Also...) {
			if !strings.HasPrefix(id, "cus_") && !strings.HasPrefix(id, "sub_") && !strings.HasPrefix(id, "cs_") {
				continue // ids of the app name no payment
			}
			if j, known := first[id]; known {
				parent[root(i)] = root(j)
			} else {
				first[id] = i
			}
		}
	}
	at := map[int]int{}
	var out [][]rightful.Finding
	for i, f := range findings {
		r := root(i)
		if _, known := at[r]; !known {
			at[r] = len(out)
			out = append(out, nil)
		}
		out[at[r]] = append(out[at[r]], f)
	}
	return out
}

// plus adds amounts, and stays at the largest where they would overflow.
func plus(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
