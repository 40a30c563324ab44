package judge

import (
	"slices"

	"rightful"
)

// Attributed returns the companies that the families of a situation belong to by its
// verdict, or that a buyer claims.
func Attributed(sit *rightful.Situation, rules Rules, v Verdict) []string {
	var ids []string
	for _, a := range v.Attributions {
		if a.CompanyID != "" && !slices.Contains(ids, a.CompanyID) {
			ids = append(ids, a.CompanyID)
		}
	}
	// What the buyer typed is compared with the customers that the company links.
	ix := newIndex(sit, rules)
	for _, f := range sit.Families {
		for _, s := range f.Sessions {
			if c := ix.stamped(s.ClientReferenceID); s.PaymentLink != "" && c != nil && !slices.Contains(ids, rightful.CanonicalID(c.ID)) {
				ids = append(ids, rightful.CanonicalID(c.ID))
			}
		}
	}
	return ids
}

// Concerning narrows a situation and its verdict to a subject. Situations that
// were read around a subject hold more than what is asked: users and companies
// that are only mentioned, and families that others are judged beside. Too
// little was read to report on those.
func Concerning(sit *rightful.Situation, v Verdict, about rightful.Subject) (*rightful.Situation, Verdict) {
	has := func(ids []string, id string) bool {
		return slices.ContainsFunc(ids, func(have string) bool { return rightful.SameID(have, id) })
	}
	narrow := *sit
	narrow.Families = nil
	out := Verdict{Ownership: v.Ownership}
	inFocus := map[rightful.Ref]bool{}
	for i, f := range sit.Families {
		if !f.Guest() && !slices.Contains(about.Customers, f.StripeCustomerID) {
			continue
		}
		narrow.Families = append(narrow.Families, f)
		out.Attributions = append(out.Attributions, v.Attributions[i])
		for _, o := range slices.Concat(f.Objects(), f.Schedules, f.Methods) {
			inFocus[o.Ref()] = true
		}
		for _, r := range f.Rows {
			inFocus[rightful.Ref{Type: rightful.RefSubscriptionRow, ID: r.ID}] = true
		}
	}
	for _, r := range sit.SubscriptionRows {
		if has(about.Companies, r.CompanyID) {
			inFocus[rightful.Ref{Type: rightful.RefSubscriptionRow, ID: r.ID}] = true
		}
	}
	beside := func(f rightful.Finding) bool {
		switch f.Object.Type {
		case rightful.RefUser:
			return !has(about.Users, f.Object.ID)
		case rightful.RefLink, rightful.RefCompany:
			return !has(about.Companies, f.Object.ID) && !(f.Code == rightful.CodeHolderGone && has(about.Companies, deref(f.RightfulCompanyID)))
		case rightful.RefCacheKey, rightful.RefRevision:
			return false // only those of the subject were read
		}
		return !inFocus[f.Object]
	}
	out.Findings = slices.DeleteFunc(slices.Clone(v.Findings), beside)
	out.Muted = slices.DeleteFunc(slices.Clone(v.Muted), beside)
	return &narrow, out
}
