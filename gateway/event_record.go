package gateway

import (
	"cmp"
	"context"
	"slices"

	"rightful"
	"rightful/internal/judge"
)

// recalledMost is of how many sessions of one family our own record is asked: the last.
const recalledMost = 100

// recall asks our own record for whom the sessions of a family were made, where nobody
// can be named by what else is known, and judges the family again with that. What
// disagrees without it is told all the same: an audit finds it too.
func (b *batch) recall(ctx context.Context, sit *rightful.Situation, family string, v *verdict) error {
	if v.company != "" || v.foreign {
		return nil
	}
	made, err := b.w.g.recorded(ctx, b.account, b.w.g.recallable(sit, family))
	if err != nil {
		return err
	}
	if sit, more := judge.WithRecords(sit, b.w.g.rules, made); more {
		v.company = b.verdicts(sit, []string{family})[family].company
	}
	return nil
}

// recallable are the sessions of a family that went through and that a record may be
// believed about, the last ones.
func (g *Gateway) recallable(sit *rightful.Situation, family string) []rightful.Object {
	var sessions []rightful.Object
	for _, f := range sit.Families {
		if f.Key != family && !slices.ContainsFunc(f.Objects(), func(o rightful.Object) bool { return o.ID == family }) {
			continue
		}
		for _, s := range f.Sessions {
			if s.Status == "complete" && s.Metadata[g.opt.Keys.User] != "" {
				sessions = append(sessions, s)
			}
		}
	}
	slices.SortStableFunc(sessions, func(a, b rightful.Object) int { return cmp.Compare(b.Created, a.Created) })
	return sessions[:min(len(sessions), recalledMost)]
}
