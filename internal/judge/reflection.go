package judge

import (
	"fmt"
	"strings"

	"rightful"
)

// checkReflection reports live subscriptions that the database does not know:
// RF401. Reflection is judged by subscription id, not by stamp.
func (j *judge) checkReflection() {
	if !j.sit.Mapping.SubscriptionRows {
		return
	}
	for _, f := range j.families {
		if f.owner != ours {
			continue
		}
		for _, s := range f.liveSubscriptions() {
			rows := j.rowsBySub[s.ID]
			if j.goneOf(f, s) != "" {
				continue // RF601 reports it: there is nobody to give it to
			}
			if len(rows) == 0 {
				j.reportUnreflected(f, s, nil)
				continue
			}
			alive := false
			for _, r := range rows {
				alive = alive || !endedStatus(r.Status)
			}
			if !alive {
				j.reportUnreflected(f, s, rows)
			}
		}
	}
}

// endedStatus reports whether a row's status plainly says that the subscription
// is over. Apps have words of their own; one that is not known says nothing.
func endedStatus(status string) bool {
	switch strings.ToLower(status) {
	case "canceled", "cancelled", "incomplete", "incomplete_expired", "expired", "ended", "inactive":
		return true
	}
	return false
}

func (j *judge) reportUnreflected(f *family, s rightful.Object, rows []rightful.SubscriptionRow) {
	company := j.companyFor(f, s)
	finding := rightful.Finding{
		Code:              rightful.CodePaidUnreflected,
		Message:           fmt.Sprintf("%s is %s in Stripe, and no subscription row names it. %s", s.ID, s.Status, j.verdictText(f, s, company)),
		Object:            s.Ref(),
		Also:              []string{f.StripeCustomerID},
		CompanyID:         j.rawID(company),
		RightfulCompanyID: j.rawID(company),
		Amount:            monthly(s),
		Why:               "a new row gives access: a person decides",
	}
	finding.Evidence = append(finding.Evidence, rightful.Signal{
		Place: "stripe:subscription/" + s.ID + ".status", Says: s.Status,
		Voice: "stripe", Strength: rightful.Strong, AsOf: s.Created,
	})
	for _, r := range rows {
		finding.Message = fmt.Sprintf("%s is %s in Stripe, but its row %s says %q. %s", s.ID, s.Status, r.ID, r.Status, j.verdictText(f, s, company))
		finding.Why = "a change of status gives access: a person decides"
		finding.Also = append(finding.Also, r.ID)
		finding.Evidence = append(finding.Evidence, rightful.Signal{
			Place: "db:subscriptions/" + r.ID + ".status", Says: r.Status,
			Voice: "database:" + rightful.CanonicalID(r.CompanyID), Strength: rightful.Strong, AsOf: j.sit.Now,
		})
	}
	if p := f.purchaseOf(s.ID); p != nil {
		if p.session.ID != "" {
			finding.Also = append(finding.Also, p.session.ID)
		}
		if j.sit.Now-p.latest() < GracePeriod {
			finding.Severity = rightful.SeverityInfo
			finding.Why = "the payment is younger than an hour: its webhook may still arrive"
		}
	}
	if f.CompanyID != "" {
		finding.Evidence = append(finding.Evidence, f.deciding(f.CompanyID)...)
	} else {
		finding.Evidence = append(finding.Evidence, f.everything()...)
	}
	j.report(finding)
}

// checkRows reports subscription rows of a company that the family does not
// belong to: RF402.
func (j *judge) checkRows() {
	for _, f := range j.families {
		if f.owner != ours || f.CompanyID == "" {
			if f.owner == ours {
				j.checkRowsAgainstLink(f)
			}
			continue
		}
		for _, r := range f.Rows {
			p := f.purchaseOf(r.StripeSubscriptionID)
			own := p != nil && (rightful.SameID(r.CompanyID, p.child) || rightful.SameID(r.CompanyID, j.ownCompany(f, *p)))
			rightfully := f.CompanyID
			if p != nil {
				rightfully = j.companyFor(f, p.objects[0])
			}
			if r.CompanyID == "" || rightful.SameID(r.CompanyID, rightfully) || own || rightfully == "" {
				continue
			}
			finding := rightful.Finding{
				Code:              rightful.CodeRowOther,
				Message:           fmt.Sprintf("row %s gives %s to company %s. %s", r.ID, r.StripeSubscriptionID, j.name(r.CompanyID), j.whose(rightfully)),
				Object:            rightful.Ref{Type: rightful.RefSubscriptionRow, ID: r.ID},
				Also:              []string{r.StripeSubscriptionID, f.StripeCustomerID},
				CompanyID:         ptr(r.CompanyID),
				RightfulCompanyID: j.rawID(rightfully),
				WrongValue:        ptr(r.CompanyID),
				Evidence:          f.deciding(rightfully),
				Why:               "moving a row moves access: a person decides",
			}
			for _, s := range f.Subscriptions {
				if s.ID != r.StripeSubscriptionID {
					continue
				}
				finding.Amount = monthly(s)
				if !s.LiveSubscription() {
					finding.Severity = rightful.SeverityInfo // it gives nobody anything today
				}
			}
			j.report(finding)
		}
	}
}

// checkRowsAgainstLink reports, where nobody prevails, rows that give a live
// subscription to one company while another links the customer who pays for it:
// that one opens the other's invoices.
func (j *judge) checkRowsAgainstLink(f *family) {
	linker := j.linker(f)
	for _, r := range f.Rows {
		s, known := j.subs[r.StripeSubscriptionID]
		c := j.company(r.CompanyID)
		if linker == "" || !known || !s.LiveSubscription() || c == nil || !c.Live() || rightful.SameID(c.ID, linker) || rightful.SameID(c.BillingParentID, linker) {
			continue
		}
		p := f.purchaseOf(s.ID)
		if p != nil && rightful.SameID(j.ownCompany(f, *p), c.ID) {
			continue // the purchase speaks for itself, and the payer has findings of its own
		}
		finding := j.on(rightful.CodeRowOther, rightful.Ref{Type: rightful.RefSubscriptionRow, ID: r.ID}, nil)
		finding.CompanyID = ptr(r.CompanyID)
		finding.Security = true
		finding.Message = fmt.Sprintf("row %s gives %s to company %s, and company %s links %s, who pays for it.", r.ID, s.ID, j.name(c.ID), j.name(linker), f.StripeCustomerID)
		finding.WrongValue = ptr(r.CompanyID)
		finding.Also = []string{s.ID, f.StripeCustomerID, linker}
		finding.Amount = monthly(s.Object)
		finding.Evidence = f.everything()
		finding.Why = wrongLinkWhy
		j.report(finding)
	}
}
