package judge

import (
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// checkUsers compares the ways of getting each active user's company: RF701,
// RF702, RF703.
func (j *judge) checkUsers() {
	m := j.sit.Mapping
	if !m.Direct && !m.Memberships && !m.Owner && m.Resolver == rightful.ResolverNone {
		return // nothing states a user's company at all
	}
	paying := j.payingUsers()
	for i := range j.sit.Users {
		u := &j.sit.Users[i]
		if u.Inactive {
			continue
		}
		w := j.waysNow(u.ID)
		finding := rightful.Finding{
			Object:   rightful.Ref{Type: rightful.RefUser, ID: u.ID},
			Evidence: j.waySignals(u.ID, w),
		}
		switch {
		case len(w.All()) == 0 && w.Ambiguous:
			continue // several companies, and which is not told
		case len(w.All()) == 0:
			finding.Code = rightful.CodeUserNoCompany
			finding.Message = fmt.Sprintf("user %s has no company in any way.", u.ID)
			if paying[rightful.CanonicalID(u.ID)] {
				finding.Severity = rightful.SeverityWarning
				finding.Message = fmt.Sprintf("user %s has no company in any way, but Stripe has money of theirs.", u.ID)
			}
			finding.Why = "who belongs where is a person's decision"
			j.report(finding)
		case j.gone(w) != "":
			finding.Code = rightful.CodeUserCompanyGone
			finding.WrongValue = ptr(j.gone(w))
			finding.CompanyID = ptr(j.gone(w))
			finding.Message = fmt.Sprintf("user %s is sent to company %s, which %s.", u.ID, j.gone(w), j.state(j.gone(w)))
			if j.gone(w) != w.Resolver {
				finding.Severity = rightful.SeverityWarning // nobody is sent there by the resolver
				finding.Message = fmt.Sprintf("the direct column of user %s names company %s, which %s.", u.ID, j.gone(w), j.state(j.gone(w)))
			}
			finding.Why = "who belongs where is a person's decision"
			j.report(finding)
		default:
			if way, wrong, others := j.outsider(u.ID, w); wrong != "" {
				finding.Code = rightful.CodeWaysDisagree
				if !w.History {
					finding.Severity = rightful.SeverityInfo // the user may belong to both
				}
				finding.WrongValue = j.rawID(wrong)
				finding.CompanyID = j.rawID(wrong)
				finding.Also = others
				finding.Message = fmt.Sprintf("for user %s, %s says company %s, and the other ways say %s.",
					u.ID, way, j.name(wrong), strings.Join(others, ", "))
				finding.Why = "which of the ways is right is a person's decision"
				j.report(finding)
			}
		}
	}
}

// gone returns the company that the resolver or the direct column names and
// that is missing or dead, or "".
func (j *judge) gone(w Ways) string {
	for _, id := range []string{w.Resolver, w.Direct} {
		if id != "" && !j.live(id) {
			return id
		}
	}
	return ""
}

// state says why a company is not live.
func (j *judge) state(id string) string {
	c := j.company(id)
	switch {
	case c == nil:
		return "does not exist"
	case c.MergedInto != "":
		return "was merged into " + c.MergedInto
	}
	return "was deleted"
}

// outsider returns the way whose company lies outside all others, and what the
// others say. A user may belong to several companies; only a company that no
// other way allows is a disagreement. A direct column may stand alone as long
// as nothing else speaks.
func (j *judge) outsider(userID string, w Ways) (way, company string, others []string) {
	direct := w.Direct
	for _, m := range j.memberships[rightful.CanonicalID(userID)] {
		if rightful.SameID(m.CompanyID, direct) && m.JoinedAt > j.sit.Now {
			return "", "", nil // about to join, and the column knows already
		}
	}
	var allowed []string
	for _, id := range slices.Concat(w.Owner, w.Membership) {
		if j.live(id) {
			allowed = append(allowed, id)
		}
	}
	slices.Sort(allowed)
	allowed = slices.Compact(allowed)
	if direct != "" && (len(allowed) > 0 || w.History) && !slices.Contains(allowed, direct) {
		return "the direct column", direct, orNone(allowed)
	}
	if direct != "" && !slices.Contains(allowed, direct) {
		allowed = append(allowed, direct)
	}
	if w.Resolver != "" && len(allowed) > 0 && !slices.Contains(allowed, w.Resolver) {
		return "the resolver", w.Resolver, allowed
	}
	return "", "", nil
}

func orNone(ids []string) []string {
	if len(ids) == 0 {
		return []string{"none"}
	}
	return ids
}

// waySignals states each way as evidence.
func (j *judge) waySignals(userID string, w Ways) []rightful.Signal {
	signal := func(place, says string) rightful.Signal {
		return rightful.Signal{Place: place, Says: says, Voice: "user:" + rightful.CanonicalID(userID), Strength: rightful.Strong, AsOf: j.sit.Now}
	}
	var out []rightful.Signal
	m := j.sit.Mapping
	if m.Direct {
		out = append(out, signal("db:users/"+userID+".company_id", w.Direct))
	}
	if m.Owner {
		out = append(out, signal("db:companies.owner_user_id = "+userID, strings.Join(w.Owner, ", ")))
	}
	if m.Memberships {
		out = append(out, signal("db:memberships of "+userID, strings.Join(w.Membership, ", ")))
	}
	if m.Resolver == rightful.ResolverSQL {
		out = append(out, signal("db:resolver for "+userID, w.Resolver))
	}
	return out
}

// payingUsers returns the users whose id is stamped on a family with money.
func (j *judge) payingUsers() map[string]bool {
	paying := map[string]bool{}
	for _, f := range j.families {
		if f.owner != ours || !f.money || f.CompanyID != "" || f.Guest() || j.tied(f) {
			continue // what belongs to a company, be it one that is gone, is not theirs; and no search finds a guest
		}
		for _, id := range f.users {
			paying[id] = true
		}
	}
	return paying
}

// tied reports whether a stamp, link or row ties the family to a company that
// exists or did exist.
func (j *judge) tied(f *family) bool {
	if len(f.Links) > 0 || slices.ContainsFunc(f.Rows, func(r rightful.SubscriptionRow) bool { return r.CompanyID != "" }) {
		return true
	}
	return slices.ContainsFunc(f.Objects(), func(o rightful.Object) bool {
		stamp := j.stampValue(o)
		return j.stamped(stamp) != nil || j.remembered(stamp)
	})
}
