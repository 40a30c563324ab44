package judge

import (
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// checkNobody reports what was paid and what nothing of the app reaches: RF503,
// and RF407 where it came through a payment link. An account that several
// applications share says with a tag what is whose; without one, all of it is the
// app's.
func (j *judge) checkNobody() {
	for _, f := range j.families {
		if f.owner != unreached || j.rules.Keys.Ownership != "" {
			continue
		}
		for _, p := range f.purchases {
			j.checkNobodys(f, p)
		}
	}
}

func (j *judge) checkNobodys(f *family, p purchase) {
	var paid rightful.Object
	for _, o := range p.objects { // the live subscription speaks for the purchase, else what was settled
		if o.LiveSubscription() || paid.ID == "" && history(o) {
			paid = o
		}
	}
	over := slices.ContainsFunc(p.objects, func(o rightful.Object) bool { return o.Type == rightful.TypeSubscription && !o.LiveSubscription() })
	if paid.ID == "" || over || p.session.ID != "" && !f.Guest() && j.typedFor(f, p.session) != nil {
		return
	}
	finding := j.on(rightful.CodePaidByNobody, paid.Ref(), nil)
	finding.Message = fmt.Sprintf("%s is paid for, and no link, row, stamp or user id says for which company.", paid.ID)
	if p.session.PaymentLink != "" {
		finding.Code = rightful.CodePaymentLink
		finding.Object = p.session.Ref()
		finding.Message = fmt.Sprintf("%s was paid through a payment link, and nothing but what the buyer typed says for whom.", p.session.ID)
	}
	finding.Also = []string{f.StripeCustomerID}
	for _, o := range p.objects {
		finding.Also = append(finding.Also, o.ID)
	}
	finding.Amount = monthly(p.objects...)
	finding.Evidence = f.everything()
	if known := j.byEmailAlone(f); len(known) > 0 {
		finding.Also = append(finding.Also, known...)
		finding.Message += fmt.Sprintf(" The email is that of user %s.", strings.Join(known, ", "))
		if paid.LiveSubscription() {
			finding.Severity = rightful.SeverityError // somebody whom the app knows pays, and is not given it
		}
	}
	finding.Why = "an email proves nothing: a person finds out whose it is"
	j.quiet(&finding, f)
	j.report(finding)
}

// byEmailAlone returns the active users whose email stands on the family.
func (j *judge) byEmailAlone(f *family) []string {
	var ids []string
	for _, o := range f.Objects() {
		for _, u := range j.byEmail[strings.ToLower(o.Email)] {
			if o.Email != "" && !u.Inactive && !slices.Contains(ids, u.ID) {
				ids = append(ids, u.ID)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// goneOf returns the company that is gone and that a family belonged to, where no
// live company is named at all: a stamp, a link or a row names it.
func (j *judge) goneOf(f *family, s rightful.Object) string {
	if f.CompanyID != "" || f.Contested {
		return ""
	}
	var names []string
	if c := j.stamped(j.stampValue(s)); c != nil {
		names = append(names, c.ID)
	}
	for _, r := range j.rowsBySub[s.ID] {
		names = append(names, r.CompanyID)
	}
	if c := j.stamped(j.stampValue(f.Customer)); c != nil {
		names = append(names, c.ID)
	}
	for _, l := range f.Links {
		names = append(names, l.CompanyID)
	}
	for _, id := range names {
		if c := j.company(id); id != "" && !j.live(id) && j.survivor(c) == nil {
			return id
		}
	}
	return ""
}

// checkDeletedPays reports live subscriptions of companies that are gone: RF601.
func (j *judge) checkDeletedPays() {
	for _, f := range j.families {
		if f.owner != ours {
			continue
		}
		for _, s := range f.liveSubscriptions() {
			gone := j.goneOf(f, s)
			if gone == "" {
				continue
			}
			finding := j.on(rightful.CodeDeletedPays, s.Ref(), nil)
			finding.CompanyID = ptr(gone)
			finding.Message = fmt.Sprintf("%s is %s, and company %s, which pays for it, %s.", s.ID, s.Status, j.name(gone), j.state(gone))
			finding.Also = []string{f.StripeCustomerID}
			finding.Amount = monthly(s)
			if s.Ending {
				finding.Severity = rightful.SeverityInfo // nothing more will be charged
				finding.Message += " It will not renew."
			}
			finding.Evidence = append([]rightful.Signal{stripeSays(s, "status", s.Status)}, f.everything()...)
			finding.Why = "ending a subscription and giving money back are a person's decisions"
			j.report(finding)
		}
	}
}

// checkHolders reports companies that are gone and still link a customer that a
// live company needs: RF603. A unique key on the link would refuse the repair.
func (j *judge) checkHolders() {
	for _, l := range j.sit.Links {
		f := j.byCustomer[l.StripeCustomerID]
		holder := j.company(l.CompanyID)
		if f == nil || f.owner != ours || f.CompanyID == "" || f.Exists != rightful.ExistsPresent ||
			holder != nil && holder.Live() {
			continue
		}
		c := j.company(f.CompanyID)
		finding := rightful.Finding{Code: rightful.CodeHolderGone, Object: rightful.Ref{Type: rightful.RefLink, ID: l.CompanyID}}
		finding.CompanyID, finding.RightfulCompanyID = ptr(c.ID), ptr(c.ID)
		finding.Message = fmt.Sprintf("company %s, which %s, still links %s. %s", l.CompanyID, j.state(l.CompanyID), l.StripeCustomerID, j.whose(f.CompanyID))
		finding.WrongValue = ptr(l.StripeCustomerID)
		finding.Also = []string{l.StripeCustomerID, c.ID}
		finding.Amount = monthly(f.Subscriptions...)
		finding.Evidence = append([]rightful.Signal{j.linkSays(l)}, f.deciding(f.CompanyID)...)
		finding.Why = "the link has to be released there before it can be taken here: relinking is a person's decision"
		if j.linker(f) == f.CompanyID {
			finding.Severity = rightful.SeverityInfo // the company has its link all the same
			finding.Why = "the link of the company that is gone can be cleared: a person decides"
		}
		if s := j.survivor(holder); !f.money && s != nil && rightful.SameID(s.ID, f.CompanyID) {
			finding.Severity = rightful.SeverityInfo // what a merge left behind, and nobody pays through it
		}
		j.report(finding)
	}
}
