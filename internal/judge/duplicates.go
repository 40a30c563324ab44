package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// checkCustomers compares the customers of each company that has several: RF201
// for idle ones, RF202 and RF404 for those that are charged beside the linked one,
// RF203 for a saved card that the app will not find, RF205 for lost history.
func (j *judge) checkCustomers() {
	for i := range j.sit.Companies {
		c := &j.sit.Companies[i]
		id := rightful.CanonicalID(c.ID)
		var customers []*family
		for _, f := range j.attributed[id] {
			if !f.Guest() && f.Exists == rightful.ExistsPresent {
				customers = append(customers, f)
			}
		}
		if c.Live() {
			j.checkDeadLink(c, customers)
		}
		if !c.Live() || len(customers) < 2 {
			continue
		}
		keep := j.inUse(id, customers)
		for _, f := range customers {
			if f != keep && !slices.ContainsFunc(j.linkedBy[f.StripeCustomerID], j.live) {
				j.checkBeside(c, f, keep)
			}
		}
	}
}

// checkBeside judges a customer that no company links, beside the one that its
// company uses.
func (j *judge) checkBeside(c *rightful.Company, f, keep *family) {
	linked := slices.Contains(j.linkedBy[keep.StripeCustomerID], rightful.CanonicalID(c.ID))
	switch live := j.chargedFor(f, c); {
	case len(live) > 0 && linked:
		j.reportCharged(c, f, keep, live)
	case !f.money:
		j.reportDuplicate(c, f, keep)
	case len(live) > 0 || !linked || j.stampValue(f.Customer) == "":
		// Checkouts without a customer make a new one each time; nobody lost it.
	case hasCard(f.Family) && keep.MoneyRead && !hasCard(keep.Family) && !pays(keep):
		j.reportCard(c, f, keep)
	case f.rich:
		j.reportLost(c, f, keep)
	}
}

// checkDeadLink judges the customers of a company whose every link is to a customer
// that is deleted or that Stripe does not have.
func (j *judge) checkDeadLink(c *rightful.Company, customers []*family) {
	links := j.links[rightful.CanonicalID(c.ID)]
	for _, customer := range links {
		f := j.byCustomer[customer]
		if f == nil || f.Exists != rightful.ExistsDeleted && f.Exists != rightful.ExistsMissing {
			return
		}
	}
	if len(links) == 0 {
		return
	}
	for _, f := range customers {
		if live := j.chargedFor(f, c); len(live) > 0 && !slices.ContainsFunc(j.linkedBy[f.StripeCustomerID], j.live) {
			j.reportCharged(c, f, j.byCustomer[links[0]], live)
		}
	}
}

// chargedFor returns the live subscriptions of a family that are the company's.
func (j *judge) chargedFor(f *family, c *rightful.Company) []rightful.Object {
	return slices.DeleteFunc(f.liveSubscriptions(), func(s rightful.Object) bool {
		return !rightful.SameID(j.companyFor(f, s), c.ID)
	})
}

// inUse returns the customer that a company uses: the linked one, else one with
// money, else the oldest.
func (j *judge) inUse(company string, customers []*family) *family {
	return slices.MinFunc(customers, func(a, b *family) int {
		linked := func(f *family) int {
			if slices.Contains(j.linkedBy[f.StripeCustomerID], company) {
				return 0
			}
			return 1
		}
		money := func(f *family) int {
			switch {
			case len(f.liveSubscriptions()) > 0:
				return 0
			case f.money:
				return 1
			}
			return 2
		}
		return cmp.Or(
			cmp.Compare(linked(a), linked(b)),
			cmp.Compare(money(a), money(b)),
			cmp.Compare(a.Customer.Created, b.Customer.Created),
			cmp.Compare(a.StripeCustomerID, b.StripeCustomerID),
		)
	})
}

const keepWhy = "which of a company's customers to keep is a person's decision, and rightful never deletes a customer"

func (j *judge) reportDuplicate(c *rightful.Company, f, keep *family) {
	finding := j.on(rightful.CodeIdleDuplicate, f.Customer.Ref(), c)
	if !keep.money && len(j.links[rightful.CanonicalID(c.ID)]) == 0 || j.colleagues(f, keep) {
		finding.Severity = rightful.SeverityInfo // abandoned checkouts leave such customers, and so do colleagues
	}
	finding.Message = fmt.Sprintf("company %s has customer %s; %s is another one, with no money on it.", j.name(c.ID), keep.StripeCustomerID, f.StripeCustomerID)
	if apart := f.Customer.Created - keep.Customer.Created; max(apart, -apart) <= 60 {
		finding.Message += " They were made within a minute, as happens when two requests race or a search lags."
	}
	finding.Also = []string{keep.StripeCustomerID}
	finding.Evidence = f.deciding(f.CompanyID)
	finding.Why = keepWhy
	j.report(finding)
}

// colleagues reports whether two customers were made for different users, in an app
// that links none to companies: some apps give each user one.
func (j *judge) colleagues(f, keep *family) bool {
	if j.sit.Mapping.Link {
		return false // the app means one customer for each company
	}
	for _, of := range []func(rightful.Object) string{j.userValue, func(o rightful.Object) string { return strings.ToLower(o.Email) }} {
		if a, b := of(f.Customer), of(keep.Customer); a != "" && b != "" {
			return !rightful.SameID(a, b)
		}
	}
	return false
}

// reportCharged reports live subscriptions on a customer that is not linked. Where
// the database knows each of them, the link is what is left to follow (RF404).
func (j *judge) reportCharged(c *rightful.Company, f, keep *family, live []rightful.Object) {
	unknown := slices.DeleteFunc(slices.Clone(live), func(s rightful.Object) bool { return j.rowFor(s.ID, c.ID) })
	if len(unknown) == 0 {
		for _, s := range live {
			finding := j.on(rightful.CodePayerUnlinked, s.Ref(), c)
			finding.Message = fmt.Sprintf("company %s has a row for %s, which is charged to %s; the company links %s.", j.name(c.ID), s.ID, f.StripeCustomerID, keep.StripeCustomerID)
			finding.Also = []string{f.StripeCustomerID, keep.StripeCustomerID}
			finding.Amount = monthly(s)
			finding.Evidence = append([]rightful.Signal{payerSays(s)}, f.deciding(f.CompanyID)...)
			finding.Why = "Stripe cannot move a subscription to another customer, and relinking is a person's decision"
			j.quiet(&finding, f)
			j.report(finding)
		}
		return
	}
	finding := j.on(rightful.CodeAlsoCharged, f.Customer.Ref(), c)
	finding.Message = fmt.Sprintf("company %s links %s, and is charged through %s too.", j.name(c.ID), keep.StripeCustomerID, f.StripeCustomerID)
	if len(keep.liveSubscriptions()) > 0 {
		finding.Message += " Both have a live subscription."
	}
	finding.Also = []string{keep.StripeCustomerID}
	for _, s := range live {
		finding.Also = append(finding.Also, s.ID)
		finding.Evidence = append(finding.Evidence, payerSays(s))
	}
	finding.Amount = monthly(live...)
	finding.Evidence = append(finding.Evidence, f.deciding(f.CompanyID)...)
	finding.Why = "both customers have money: a person decides"
	j.quiet(&finding, f)
	j.report(finding)
}

// rowFor reports whether a row gives the subscription to the company.
func (j *judge) rowFor(subscription, company string) bool {
	return slices.ContainsFunc(j.rowsBySub[subscription], func(r rightful.SubscriptionRow) bool { return rightful.SameID(r.CompanyID, company) })
}

// pays reports whether a subscription of the customer is paid without trouble: it
// may have a payment method of its own.
func pays(f *family) bool {
	return slices.ContainsFunc(f.Subscriptions, func(s rightful.Object) bool { return s.Status == "active" || s.Status == "trialing" })
}

func (j *judge) reportCard(c *rightful.Company, f, keep *family) {
	finding := j.on(rightful.CodeCardElsewhere, f.Customer.Ref(), c)
	finding.Message = fmt.Sprintf("company %s links %s, which has no payment method; one is saved on %s.", j.name(c.ID), keep.StripeCustomerID, f.StripeCustomerID)
	if live := keep.liveSubscriptions(); len(live) > 0 {
		finding.Severity = rightful.SeverityError // charges fail already
		finding.Amount = monthly(live...)
	}
	finding.Also = []string{keep.StripeCustomerID}
	finding.Evidence = f.deciding(f.CompanyID)
	finding.Why = "Stripe cannot move a payment method to another customer: a person chooses which customer to keep"
	j.report(finding)
}

func (j *judge) reportLost(c *rightful.Company, f, keep *family) {
	finding := j.on(rightful.CodeLostCustomer, f.Customer.Ref(), c)
	finding.Message = fmt.Sprintf("company %s links %s; %s is its customer too, with money or history and without a link.", j.name(c.ID), keep.StripeCustomerID, f.StripeCustomerID)
	if f.Customer.Created < keep.Customer.Created {
		finding.Message += " It is the older one: perhaps its link was overwritten."
	}
	finding.Also = []string{keep.StripeCustomerID}
	finding.Evidence = f.deciding(f.CompanyID)
	finding.Why = keepWhy
	j.report(finding)
}

// checkPaysTwice reports live subscriptions of the same product that one company
// has more than once, over all its customers: RF206 on each but the oldest.
func (j *judge) checkPaysTwice() {
	type sold struct {
		f *family
		s rightful.Object
	}
	bought := map[string][]sold{} // by company and product
	for _, f := range j.families {
		if f.owner != ours {
			continue
		}
		for _, s := range f.liveSubscriptions() {
			company := j.companyFor(f, s)
			if company == "" {
				continue
			}
			for _, product := range productsOf(s) {
				bought[company+"\x00"+product] = append(bought[company+"\x00"+product], sold{f, s})
			}
		}
	}
	reported := map[string]bool{}
	for _, key := range sortedKeys(bought) {
		all := bought[key]
		slices.SortFunc(all, func(a, b sold) int {
			return cmp.Or(cmp.Compare(a.s.Created, b.s.Created), cmp.Compare(a.s.ID, b.s.ID))
		})
		for _, again := range all[1:] {
			if reported[again.s.ID] {
				continue
			}
			reported[again.s.ID] = true
			finding := j.on(rightful.CodePaysTwice, again.s.Ref(), j.company(j.companyFor(again.f, again.s)))
			finding.Message = fmt.Sprintf("company %s already has %s for the same product.", j.name(deref(finding.CompanyID)), all[0].s.ID)
			for _, other := range all {
				finding.Also = append(finding.Also, other.s.ID, other.f.StripeCustomerID)
			}
			finding.Amount = monthly(again.s)
			if again.s.Ending || all[0].s.Ending {
				finding.Severity = rightful.SeverityInfo // one of them will not renew
				finding.Message += " One of them will not renew."
			}
			finding.Evidence = []rightful.Signal{payerSays(all[0].s), payerSays(again.s)}
			finding.Why = "which subscription to end, and what to give back, is a person's decision: rightful never cancels"
			j.quiet(&finding, again.f)
			j.report(finding)
		}
	}
}

// productsOf returns what tells a subscription's products apart: the product of
// each price, or the price where the product is not known.
func productsOf(s rightful.Object) []string {
	var out []string
	for _, it := range s.Items {
		if id := cmp.Or(it.ProductID, it.PriceID); id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}
