package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// checkPayers compares each row's copy of the payer with Stripe: RF403.
func (j *judge) checkPayers() {
	for _, r := range j.sit.SubscriptionRows {
		s, known := j.subs[r.StripeSubscriptionID]
		if !known || r.StripeCustomerID == "" || s.StripeCustomerID == "" || s.StripeCustomerID == r.StripeCustomerID ||
			s.f.owner != ours || isPlaceholder(j.rules, r.StripeCustomerID) {
			continue
		}
		finding := j.on(rightful.CodeRowPayer, rightful.Ref{Type: rightful.RefSubscriptionRow, ID: r.ID}, j.company(j.companyFor(s.f, s.Object)))
		if finding.CompanyID == nil {
			finding.CompanyID = ptr(r.CompanyID)
		}
		finding.Message = fmt.Sprintf("row %s names %s for %s, and Stripe charges %s.", r.ID, r.StripeCustomerID, s.ID, s.StripeCustomerID)
		finding.WrongValue = ptr(r.StripeCustomerID)
		finding.Also = []string{s.ID, r.StripeCustomerID, s.StripeCustomerID}
		finding.Amount = monthly(s.Object)
		finding.Evidence = append([]rightful.Signal{payerSays(s.Object), j.rowSays(r, "stripe_customer_id", r.StripeCustomerID)}, s.f.evidenceOf()...)
		switch other := j.attributionOf(r.StripeCustomerID); {
		case !s.LiveSubscription():
			finding.Severity = rightful.SeverityInfo // it gives nobody anything today
		case other != "" && other != s.f.CompanyID:
			finding.Severity = rightful.SeverityError // the row opens another company's customer
			finding.Message += fmt.Sprintf(" %s is company %s's.", r.StripeCustomerID, j.name(other))
		}
		payer := s.StripeCustomerID
		finding.Proposal = &rightful.Proposal{Place: "db", Object: finding.Object, Field: "stripe_customer_id", From: ptr(r.StripeCustomerID), To: &payer}
		finding.Automatic, finding.Why = j.copyable(s, r)
		j.report(finding)
	}
}

// copyable decides whether a row's copy of the payer may be corrected without
// asking: link and stamps must name the row's company with it.
func (j *judge) copyable(s homed, r rightful.SubscriptionRow) (automatic bool, why string) {
	company := rightful.CanonicalID(r.CompanyID)
	stamp := j.stamped(j.stampValue(s.Object))
	if j.stampValue(s.Object) == "" {
		stamp = j.stamped(j.stampValue(s.f.Customer))
	}
	switch {
	case s.f.CompanyID == "" || s.f.CompanyID != company || j.companyFor(s.f, s.Object) != company:
		return false, "the row's company is not the one that the payer belongs to: a person decides"
	case !slices.Contains(j.linkedBy[s.StripeCustomerID], company):
		return false, fmt.Sprintf("company %s does not link %s: a person decides which customer is right", r.CompanyID, s.StripeCustomerID)
	case j.linker(s.f) != company:
		return false, "several companies link the payer: a person decides"
	case stamp == nil || rightful.CanonicalID(stamp.ID) != company:
		return false, "no stamp agrees with the link: a person decides"
	case s.f.dissent(company, "", nil) || s.f.excluded(company):
		return false, "another voice names another live company: a person decides"
	case slices.Contains(j.links[company], r.StripeCustomerID):
		return false, fmt.Sprintf("company %s links %s too: a person decides which customer is right", r.CompanyID, r.StripeCustomerID)
	}
	if bar := j.barred(s.f); bar != "" {
		return false, bar
	}
	return true, "it is a copy of what Stripe says, and link and stamp agree with Stripe"
}

// checkEnded reports rows that say paid while Stripe says that it is over: RF405,
// or RF406 where another subscription of the company is live; and rows that stayed
// active when the link was taken away: RF602.
func (j *judge) checkEnded() {
	for _, r := range j.sit.SubscriptionRows {
		if !liveWord(r.Status) || r.CompanyID == "" {
			continue
		}
		s, known := j.subs[r.StripeSubscriptionID]
		switch {
		case known && (s.f.owner == foreign || s.Status == "" || s.LiveSubscription()):
		case known:
			j.reportEnded(r, s)
		case r.StripeSubscriptionID != "" && j.sit.Unlisted[r.StripeSubscriptionID] == rightful.ExistsMissing:
			j.reportEnded(r, s)
		default:
			j.checkUnlinked(r)
		}
	}
}

// liveWord reports whether a row's status plainly says that the company is being
// paid for. Apps have words of their own; one that is not known says nothing.
func liveWord(status string) bool {
	switch s := strings.ToLower(status); s {
	case "paid", "trial", "live", "enabled", "subscribed":
		return true
	default:
		return rightful.LiveStatus(s)
	}
}

func (j *judge) reportEnded(r rightful.SubscriptionRow, s homed) {
	company := rightful.CanonicalID(r.CompanyID)
	finding := j.on(rightful.CodeReflectedUnpaid, rightful.Ref{Type: rightful.RefSubscriptionRow, ID: r.ID}, nil)
	finding.CompanyID = ptr(r.CompanyID)
	if s.ID != "" {
		finding.RightfulCompanyID = j.rawID(j.companyFor(s.f, s.Object))
	}
	state := "does not exist"
	if s.ID != "" {
		state = "is " + s.Status
		finding.Evidence = []rightful.Signal{stripeSays(s.Object, "status", s.Status)}
	}
	finding.Message = fmt.Sprintf("row %s says %q for %s, which %s in Stripe.", r.ID, r.Status, r.StripeSubscriptionID, state)
	finding.WrongValue = ptr(r.Status)
	finding.Also = []string{r.StripeSubscriptionID, r.StripeCustomerID, s.StripeCustomerID}
	finding.Evidence = append(finding.Evidence, j.rowSays(r, "status", r.Status))
	finding.Why = "a change of status takes or gives access: a person decides"
	switch strings.ToLower(r.Status) {
	case "past_due", "unpaid", "paused":
		finding.Severity = rightful.SeverityWarning // the app does not take it for paid
	}
	if other, reflected := j.otherLive(company, r); other.ID != "" {
		finding.Code = rightful.CodeSuperseded
		finding.Message += fmt.Sprintf(" Company %s has %s, which is live.", j.name(r.CompanyID), other.ID)
		finding.Also = append(finding.Also, other.ID, other.StripeCustomerID)
		finding.Evidence = append(finding.Evidence, stripeSays(other.Object, "status", other.Status))
		if reflected {
			finding.Severity = rightful.SeverityInfo // another row gives the access that is paid for
		}
	}
	if s.EndedAt != 0 && j.sit.Now-s.EndedAt < GracePeriod {
		finding.Severity = rightful.SeverityInfo
		finding.Why = "it ended less than an hour ago: its webhook may still arrive"
	}
	j.report(finding)
}

// otherLive returns a live subscription of the company, on any of its customers,
// preferably one that a row of the company names, and whether it is such a one.
func (j *judge) otherLive(company string, r rightful.SubscriptionRow) (found homed, reflected bool) {
	families := slices.Concat(j.attributed[company], []*family{j.subs[r.StripeSubscriptionID].f, j.byCustomer[r.StripeCustomerID]})
	for _, customer := range j.links[company] {
		families = append(families, j.byCustomer[customer])
	}
	families = slices.DeleteFunc(families, func(f *family) bool { return f == nil || f.owner != ours })
	slices.SortFunc(families, func(a, b *family) int { return cmp.Compare(a.Key, b.Key) })
	for _, f := range slices.Compact(families) {
		for _, s := range f.liveSubscriptions() {
			if own := j.companyFor(f, s); own != "" && own != company {
				continue
			}
			if j.rowFor(s.ID, company) {
				return homed{s, f}, true
			}
			if found.ID == "" {
				found = homed{s, f}
			}
		}
	}
	return found, false
}

// checkUnlinked reports an active row of a company without a link, where Stripe
// was once asked and now nothing leads back to it: RF602. A row without any id of
// Stripe's was never paid through Stripe.
func (j *judge) checkUnlinked(r rightful.SubscriptionRow) {
	c := j.company(r.CompanyID)
	once := r.StripeSubscriptionID != "" || r.StripeCustomerID != "" && !isPlaceholder(j.rules, r.StripeCustomerID)
	if c == nil || !c.Live() || !j.sit.Mapping.Link || !once || c.BillingParentID != "" ||
		len(j.links[rightful.CanonicalID(c.ID)]) > 0 || c.StripeCustomerID != "" {
		return
	}
	if f := j.byCustomer[r.StripeCustomerID]; f != nil && len(f.liveSubscriptions()) > 0 {
		return // it is paid for; the missing link and row have findings of their own
	}
	finding := j.on(rightful.CodeUnlinkedActive, rightful.Ref{Type: rightful.RefSubscriptionRow, ID: r.ID}, c)
	finding.Message = fmt.Sprintf("row %s says %q, and company %s links no customer: no event of Stripe will ever end it.", r.ID, r.Status, j.name(c.ID))
	finding.WrongValue = ptr(r.Status)
	finding.Also = []string{r.StripeSubscriptionID, r.StripeCustomerID}
	finding.Evidence = []rightful.Signal{j.rowSays(r, "status", r.Status)}
	finding.Why = "a change of status takes access: a person decides"
	j.report(finding)
}
