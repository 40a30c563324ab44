package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rightful"
	"rightful/internal/accept"
	"rightful/internal/engine"
)

// stale finds the entries that a saved audit of everything did not find.
// Whether a code that is off has a finding for them, it does not tell.
func stale(r *engine.AuditReport, known accept.List) []accept.Entry {
	present := map[string]bool{}
	for _, f := range findingsOf(r) {
		present[f.ID] = true
	}
	for _, e := range known {
		present[e.Finding] = present[e.Finding] || r.Off[e.Code] > 0
	}
	if len(r.Accounts) == 0 {
		return known.Stale(r.Account, r.Livemode, present)
	}
	var gone []accept.Entry
	for _, a := range r.Accounts {
		gone = append(gone, known.Stale(a.Account, a.Livemode, present)...)
	}
	return gone
}

func findingsOf(r *engine.AuditReport) []rightful.Finding {
	all := slices.Clone(r.Findings)
	for _, a := range r.Accepted {
		all = append(all, a.Finding)
	}
	return all
}

// usable refuses audits from which too much would be concluded.
func (o *acceptOptions) usable(r *engine.AuditReport) error {
	refuse := func(message, hint string) error {
		return &rightful.Error{Kind: rightful.KindRefused, Message: message, Hint: hint}
	}
	switch {
	case r.Refused != nil:
		return &rightful.Error{Kind: rightful.KindRefused, Code: r.Refused.Code, Place: string(r.Refused.Code), Message: "the audit was refused: " + r.Refused.Message, Hint: r.Refused.Hint}
	case o.prune && !r.Complete:
		return refuse("the audit did not read everything, so no finding is known to be gone: "+strings.Join(r.IncompleteBecause, "; "), "run again when everything can be read")
	case o.prune && !r.Scope.Whole():
		return refuse("the saved audit was narrowed, so no finding is known to be gone", "save one without --company, --since and --only")
	case o.baseline != "" && !r.Complete:
		return refuse("the saved audit did not read everything, so it is no baseline: "+strings.Join(r.IncompleteBecause, "; "), "save one that is complete")
	}
	return nil
}

// named returns the findings with the ids that were given.
func (o *acceptOptions) named(r *engine.AuditReport) ([]rightful.Finding, error) {
	all := findingsOf(r)
	var out []rightful.Finding
	for _, id := range o.ids {
		i := slices.IndexFunc(all, func(f rightful.Finding) bool { return f.ID == id })
		if i < 0 {
			where, hint := "the audit", "rightful audit --all shows each id at the end of its line"
			if o.from != "" {
				where, hint = o.from, "save a new audit, or leave --from out"
			}
			message := fmt.Sprintf("%s has no finding %q", where, id)
			if !r.Complete {
				message += ", and it did not read everything: " + strings.Join(r.IncompleteBecause, "; ")
			}
			if code, _, _ := strings.Cut(id, "-"); r.Off[rightful.Code(code)] > 0 {
				message += "; its code is off"
			}
			return nil, &rightful.Error{Kind: rightful.KindNotFound, Message: message, Hint: hint}
		}
		if !slices.ContainsFunc(out, func(f rightful.Finding) bool { return f.ID == id }) {
			out = append(out, all[i])
		}
	}
	return out, nil
}

// lastDay reads --until: a day, a number of days from now, or never.
func (o *acceptOptions) lastDay(now int64) (string, error) {
	if o.until == accept.Never {
		return accept.Never, nil
	}
	if number, ok := strings.CutSuffix(o.until, "d"); ok {
		var days int64
		if _, err := fmt.Sscanf(number, "%d", &days); err == nil && fmt.Sprint(days) == number && days > 0 && days <= 100*366 {
			return accept.Day(now + days*24*60*60), nil
		}
	}
	if t, err := time.Parse(time.DateOnly, o.until); err == nil {
		if day := t.Format(time.DateOnly); day >= accept.Day(now) {
			return day, nil
		}
		return "", usage(fmt.Sprintf("--until %s is over", o.until), "give a day that is still to come")
	}
	return "", usage(fmt.Sprintf("--until %q is no day", o.until), "write 2027-01-31, 90d or never")
}
