package judge

import (
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// checkEmptyLinks reports companies without a link whose families have money:
// RF106.
func (j *judge) checkEmptyLinks() {
	if !j.sit.Mapping.Link {
		return
	}
	for i := range j.sit.Companies {
		c := &j.sit.Companies[i]
		if rich, others := j.unlinkedMoney(c); len(rich) > 0 {
			j.reportEmptyLink(c, rich, others)
		}
	}
}

// unlinkedMoney returns the customers with money of a live company that links none, and
// how many others it has: those of other links, and those nobody could look up.
func (j *judge) unlinkedMoney(c *rightful.Company) (rich []*family, others int) {
	id := rightful.CanonicalID(c.ID)
	// A child is billed through its parent: its empty link is right.
	if !c.Live() || len(j.links[id]) > 0 || c.BillingParentID != "" {
		return nil, 0
	}
	for _, f := range j.attributed[id] {
		switch {
		case f.rich && !f.Guest() && !slices.ContainsFunc(j.linkedBy[f.StripeCustomerID], j.live):
			rich = append(rich, f)
		case f.money && !f.Guest():
			others++
		}
	}
	for _, f := range j.claimed[id] {
		if f.money && !f.Guest() && f.CompanyID == "" {
			others++
		}
	}
	return rich, others
}

// notFilled says why a company's empty link is not filled with its one customer with
// money without asking, "" if it is.
func (j *judge) notFilled(c *rightful.Company, only *family) string {
	_, why := j.fillable(only)
	if why == "" {
		why = j.paysElsewhere(c)
	}
	if c.StripeCustomerID != "" && why == "" {
		why = fmt.Sprintf("the link holds the placeholder %q, which the app may still fill itself", c.StripeCustomerID)
	}
	return why
}

// paysElsewhere says why a company may pay in another of the app's accounts, "" if it does
// not: what is its only customer here need not be its only one.
func (j *judge) paysElsewhere(c *rightful.Company) string {
	switch {
	case c.StripeAccount != "" && j.sit.Account.ID != "" && c.StripeAccount != j.sit.Account.ID:
		return fmt.Sprintf("the company's row says that it pays in account %s: a person decides", c.StripeAccount)
	case c.StripeAccount == "" && len(j.sit.Accounts) > 0:
		return "the app has other Stripe accounts, and the company may pay in one of those: a person decides, or the column stripe_account tells"
	}
	return ""
}

// willLink returns the customer that an empty link is filled with without asking, "" if
// there is none. What was turned off is not repaired.
func (j *judge) willLink(company string) string {
	c := j.company(company)
	if c == nil || !j.sit.Mapping.Link || j.rules.Off[rightful.CodeLinkEmpty] {
		return ""
	}
	rich, others := j.unlinkedMoney(c)
	if len(rich) != 1 || others > 0 || !rich[0].carried || j.notFilled(c, rich[0]) != "" {
		return ""
	}
	return rich[0].StripeCustomerID
}

func (j *judge) reportEmptyLink(c *rightful.Company, rich []*family, others int) {
	finding := rightful.Finding{
		Code:              rightful.CodeLinkEmpty,
		Object:            rightful.Ref{Type: rightful.RefLink, ID: c.ID},
		CompanyID:         ptr(c.ID),
		RightfulCompanyID: ptr(c.ID),
	}
	var live []rightful.Object
	for _, f := range rich {
		finding.Also = append(finding.Also, f.StripeCustomerID)
		finding.Evidence = append(finding.Evidence, f.deciding(f.CompanyID)...)
		live = append(live, f.liveSubscriptions()...)
	}
	finding.Amount = monthly(live...)
	only := rich[0]
	switch {
	case len(rich) > 1:
		finding.Message = fmt.Sprintf("company %s links no customer, and %d of its customers have money.", j.name(c.ID), len(rich))
		finding.Why = "several customers of the company have money: a person chooses which one to link"
	case others > 0:
		finding.Message = fmt.Sprintf("company %s links no customer, and %s is not its only payer.", j.name(c.ID), only.StripeCustomerID)
		finding.Why = "the company has, or may have, money elsewhere too: a person chooses which customer to link"
	case !only.carried:
		finding.Message = fmt.Sprintf("company %s links no customer, but %s has money and names it.", j.name(c.ID), only.StripeCustomerID)
		finding.Why = "only one voice names the company and nothing corroborates it"
	default:
		finding.Message = fmt.Sprintf("company %s links no customer, but %s is its only customer with money.", j.name(c.ID), only.StripeCustomerID)
		finding.Proposal = &rightful.Proposal{
			Place:  "db",
			Object: rightful.Ref{Type: rightful.RefCompany, ID: c.ID},
			Field:  "stripe_customer_id",
			From:   ptr(c.StripeCustomerID),
			To:     &only.StripeCustomerID,
		}
		if j.sit.Mapping.LinkTable && !j.sit.Mapping.LinkColumn {
			finding.Proposal.Object = finding.Object // a row of the table of links
		}
		if finding.Why = j.notFilled(c, only); finding.Why == "" {
			finding.Automatic = true
			finding.Why = "the link is empty and exactly one customer of the company has money"
		}
	}
	for _, f := range rich {
		if f.young(j.sit.Now) {
			finding.Severity = rightful.SeverityInfo
		}
	}
	j.report(finding)
	if finding.Automatic && j.stampValue(only.Customer) == "" && !j.demanded(only.Customer) {
		j.reportUnstamped(only, only.Customer) // as soon as it is linked, a stamp is demanded
	}
}

// fillable reports whether a family's company may be linked to its customer
// without asking, or why not.
func (j *judge) fillable(f *family) (ok bool, why string) {
	if f.excluded(f.CompanyID) {
		return false, fmt.Sprintf("the buyer does not belong to company %s", f.CompanyID)
	}
	if other := f.emailElsewhere(); other != "" {
		return false, fmt.Sprintf("the customer's email is that of somebody who belongs to company %s only", other)
	}
	if linkers := j.linkedBy[f.StripeCustomerID]; len(linkers) > 0 {
		return false, fmt.Sprintf("company %s, which is not live, still links the customer", slices.Min(linkers))
	}
	if dead := j.boundToTheDead(f); dead != "" {
		return false, "a row names company " + dead + ", which is gone: a person decides what is still paid for it"
	}
	if f.dissent(f.CompanyID, "", nil) {
		return false, "another voice names another live company: a person decides"
	}
	for _, o := range f.speaking() {
		if why = j.againstHistory(f, o); why != "" {
			return false, why
		}
		if key, value := j.nearStamp(o); key != "" && j.stamped(value).Live() && !rightful.SameID(j.stamped(value).ID, f.CompanyID) {
			return false, "metadata." + key + " of " + o.ID + " names another live company: a person decides"
		}
		if key := j.otherKey(f, o); key != "" {
			return false, "metadata." + key + " of " + o.ID + " names another live company: a person decides"
		}
		if c := j.stamped(j.stampValue(o)); c == nil && j.remembered(j.stampValue(o)) || c != nil && !c.Live() && j.survivor(c) == nil && !j.neverTheirs(f, o, c) {
			return false, "a stamp names a company that did exist: a person decides what is still paid for it"
		}
	}
	why = j.barred(f)
	return why == "", why
}

// wrongLinkers returns the live companies that link the family's customer
// although its voices name another one.
func (j *judge) wrongLinkers(f *family) []string {
	var wrong []string
	for _, id := range j.linkers(f) {
		if f.CompanyID != "" && id != f.CompanyID && j.live(id) && !slices.Contains(wrong, id) {
			wrong = append(wrong, id)
		}
	}
	slices.Sort(wrong)
	return wrong
}

// checkLinkers reports customers that a company links although their payments
// name another, where no stamp of the customer says so itself.
func (j *judge) checkLinkers() {
	for _, f := range j.families {
		wrong := j.wrongLinkers(f)
		stamp, _ := j.stampOf(f.Customer)
		c := j.stamped(stamp)
		told := c != nil && c.Live() && j.linker(f) != "" // RF104 on the stamp says it
		if f.owner != ours || f.Customer.ID == "" || f.Customer.Deleted {
			continue
		}
		if several := j.linkers(f); len(several) > 1 {
			j.reportShared(f, several)
			continue
		}
		if len(wrong) == 0 || told {
			continue
		}
		j.report(rightful.Finding{
			Code:              rightful.CodeLinkStampSplit,
			Security:          true,
			Message:           fmt.Sprintf("company %s links %s, whose voices name another. %s", j.name(wrong[0]), f.StripeCustomerID, j.verdictText(f, f.Customer, f.CompanyID)),
			Object:            f.Customer.Ref(),
			Also:              append(wrong, f.CompanyID),
			CompanyID:         j.rawID(wrong[0]),
			RightfulCompanyID: j.rawID(f.CompanyID),
			WrongValue:        j.rawID(wrong[0]),
			Amount:            j.amountOf(f, f.Customer),
			Evidence:          f.everything(),
			Why:               wrongLinkWhy,
		})
	}
}

// linkers returns the live companies that link the family's customer, those left
// out that are billed through another one of them.
func (j *judge) linkers(f *family) []string {
	var all []string
	for _, id := range j.linkedBy[f.StripeCustomerID] {
		if j.live(id) && !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Clone(all), func(id string) bool {
		parent := j.company(id).BillingParentID
		return parent != "" && slices.Contains(all, rightful.CanonicalID(parent))
	})
}

// reportShared reports a customer that several live companies link: RF204. Each of
// them opens the invoices of the others.
func (j *judge) reportShared(f *family, linkers []string) {
	finding := j.on(rightful.CodeSharedCustomer, f.Customer.Ref(), j.company(f.CompanyID))
	wrong := slices.DeleteFunc(slices.Clone(linkers), func(id string) bool { return id == f.CompanyID })
	finding.CompanyID = j.rawID(wrong[0])
	if f.CompanyID != "" {
		finding.WrongValue = j.rawID(wrong[0])
	}
	finding.Security = true
	finding.Message = fmt.Sprintf("companies %s all link %s. %s", strings.Join(linkers, ", "), f.StripeCustomerID, j.verdictText(f, f.Customer, f.CompanyID))
	finding.Also = linkers
	finding.Amount = j.amountOf(f, f.Customer)
	finding.Evidence = f.everything()
	finding.Why = wrongLinkWhy
	j.report(finding)
}
