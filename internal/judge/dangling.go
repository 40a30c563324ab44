package judge

import (
	"fmt"
	"slices"

	"rightful"
)

// checkDangling looks at what each live company links: RF301 where Stripe says it
// was deleted, RF302 where Stripe does not have it, RF303 for placeholders, RF903
// where it is another application's.
func (j *judge) checkDangling() {
	for _, l := range j.sit.Links {
		c := j.company(l.CompanyID)
		if c == nil || !c.Live() {
			continue
		}
		f := j.byCustomer[l.StripeCustomerID]
		switch {
		case isPlaceholder(j.rules, l.StripeCustomerID):
			finding := j.onLink(rightful.CodeLinkPlaceholder, c, l)
			finding.Message = fmt.Sprintf("company %s links %q, which means that no customer was made for it yet.", j.name(c.ID), l.StripeCustomerID)
			finding.Why = "nothing is wrong: the app fills it"
			j.report(finding)
		case f == nil:
		case f.owner == foreign:
			finding := j.onLink(rightful.CodeForeignObject, c, l)
			finding.RightfulCompanyID = nil
			finding.Message = fmt.Sprintf("company %s links %s, which is tagged as another application's.", j.name(c.ID), l.StripeCustomerID)
			finding.Why = "either the link or the tag is wrong: a person decides, and nothing of another application is ever written"
			j.report(finding)
		case f.Exists == rightful.ExistsDeleted:
			j.reportDeleted(c, l, f)
		case f.Exists == rightful.ExistsMissing:
			finding := j.onLink(rightful.CodeLinkUnknown, c, l)
			finding.Message = fmt.Sprintf("company %s links %s, and Stripe has no such customer in this account and mode.", j.name(c.ID), l.StripeCustomerID)
			finding.Why = "an id that Stripe does not know may be of another account or mode: it is never cleared without asking"
			j.report(finding)
		}
	}
}

// onLink begins a finding about a company's link.
func (j *judge) onLink(code rightful.Code, c *rightful.Company, l rightful.Link) rightful.Finding {
	finding := j.on(code, rightful.Ref{Type: rightful.RefLink, ID: c.ID}, c)
	finding.WrongValue = ptr(l.StripeCustomerID)
	finding.Also = []string{l.StripeCustomerID}
	finding.Evidence = []rightful.Signal{j.linkSays(l)}
	return finding
}

func (j *judge) reportDeleted(c *rightful.Company, l rightful.Link, f *family) {
	finding := j.onLink(rightful.CodeLinkDeleted, c, l)
	finding.Message = fmt.Sprintf("company %s links %s, which was deleted in Stripe.", j.name(c.ID), l.StripeCustomerID)
	finding.Evidence = append(finding.Evidence, stripeSays(rightful.Object{Type: rightful.TypeCustomer, ID: l.StripeCustomerID}, "deleted", "true"))
	finding.Proposal = &rightful.Proposal{
		Place: "db", Object: rightful.Ref{Type: rightful.RefLink, ID: c.ID},
		Field: "stripe_customer_id", From: ptr(l.StripeCustomerID),
	}
	if l.Column {
		finding.Proposal.Object.Type = rightful.RefCompany
	}
	finding.Automatic, finding.Why = j.clearable(c, l, f)
	j.report(finding)
}

// clearable decides whether a link to a deleted customer may be cleared without
// asking: nothing live may depend on it, and nothing else wait to be linked.
func (j *judge) clearable(c *rightful.Company, l rightful.Link, f *family) (automatic bool, why string) {
	id := rightful.CanonicalID(c.ID)
	for _, r := range slices.Concat(j.rowsOf[id], j.rowsPaidBy[l.StripeCustomerID]) {
		if j.mayLive(r, l.StripeCustomerID) {
			return false, fmt.Sprintf("row %s says %q: Stripe ended its subscriptions when the customer was deleted, and a person decides what the company has now", r.ID, r.Status)
		}
	}
	for _, other := range slices.Concat(j.attributed[id], j.claimed[id]) {
		if other != f && other.money && !other.Guest() {
			return false, fmt.Sprintf("%s may be the customer to link instead: a person decides", other.StripeCustomerID)
		}
	}
	switch {
	case l.Column && l.Table:
		return false, "the link stands in the table of links too: a person clears both"
	case f.Contested || f.CompanyID != "" && f.CompanyID != id:
		return false, "other voices give what the customer paid to another company: a person decides"
	case j.sit.StripePartly:
		return false, "Stripe could not be read completely"
	case len(f.liveSubscriptions()) > 0:
		return false, "a live subscription still names the customer"
	case slices.ContainsFunc(f.purchases, func(p purchase) bool { return p.child != "" }):
		// Stripe gives no metadata of a deleted customer: without the link its purchases
		// would be all that speaks, and these name those who were paid for.
		return false, "only this link still says that the customer paid for other companies, too, as their payer: a person decides"
	case f.young(j.sit.Now):
		return false, youngWhy
	}
	return true, "Stripe itself says that the customer is deleted, and nothing live depends on it"
}

// mayLive reports whether a row may stand for something live of a customer: unless
// Stripe shows that its subscription ended or is another customer's, or the row
// itself says that it is over.
func (j *judge) mayLive(r rightful.SubscriptionRow, customer string) bool {
	s, known := j.subs[r.StripeSubscriptionID]
	switch {
	case known && s.StripeCustomerID != customer, endedStatus(r.Status):
		return false
	case liveWord(r.Status):
		return true // the app gives access, whatever Stripe says
	case known:
		return s.LiveSubscription() || s.Status == ""
	}
	return r.StripeSubscriptionID != "" && j.sit.Unlisted[r.StripeSubscriptionID] != rightful.ExistsMissing
}

// checkLinkPlaces compares the link column with the table of links, where an app
// has both: RF110.
func (j *judge) checkLinkPlaces() {
	if !j.sit.Mapping.LinkColumn || !j.sit.Mapping.LinkTable {
		return
	}
	column, table := map[string][]rightful.Link{}, map[string][]rightful.Link{}
	holder := map[string]rightful.Link{} // customer -> its row in the table
	for _, l := range j.sit.Links {
		id := rightful.CanonicalID(l.CompanyID)
		switch {
		case isPlaceholder(j.rules, l.StripeCustomerID):
		default:
			if l.Column {
				column[id] = append(column[id], l)
			}
			if l.Table {
				table[id] = append(table[id], l)
				holder[l.StripeCustomerID] = l
			}
		}
	}
	for _, id := range sortedKeys(column) {
		l := column[id][0]
		c := j.company(id)
		if c == nil || !c.Live() || slices.ContainsFunc(table[id], func(t rightful.Link) bool { return t.StripeCustomerID == l.StripeCustomerID }) {
			continue
		}
		other, crossed := holder[l.StripeCustomerID]
		if !crossed && len(table[id]) == 0 {
			continue // the table does not have it yet, and contradicts nothing
		}
		finding := j.onLink(rightful.CodeLinksDisagree, c, l)
		if !crossed {
			other = table[id][0]
			finding.Message = fmt.Sprintf("the column of company %s links %s, and the table of links has %s for it.", j.name(c.ID), l.StripeCustomerID, other.StripeCustomerID)
		} else {
			finding.Message = fmt.Sprintf("the column of company %s links %s, and the table of links gives that customer to company %s.", j.name(c.ID), l.StripeCustomerID, j.name(other.CompanyID))
		}
		whose := j.attributionOf(l.StripeCustomerID)
		finding.RightfulCompanyID = j.rawID(whose)
		if !crossed && whose == id {
			finding.WrongValue = ptr(other.StripeCustomerID)
		}
		finding.Also = append(finding.Also, other.StripeCustomerID, other.CompanyID)
		finding.Evidence = append(finding.Evidence, j.linkSays(other))
		if f := j.byCustomer[l.StripeCustomerID]; f != nil {
			finding.Evidence = append(finding.Evidence, f.evidenceOf()...)
		}
		finding.Why = "one of the two places was not written: a person decides which one is right"
		j.report(finding)
	}
}
