package judge

import (
	"fmt"
	"slices"

	"rightful"
)

// checkBuyer reports a purchase of the right company by somebody who is known not
// to have belonged to it then: perhaps on behalf, perhaps the wrong company was
// chosen. Its session speaks for it.
func (j *judge) checkBuyer(f *family, o rightful.Object, c *rightful.Company) {
	p := f.purchaseOf(o.ID)
	stamped := rightful.CanonicalID(c.ID)
	if p == nil || o.ID != p.objects[0].ID || f.CompanyID == "" || !j.boughtByOutsider(*p, stamped) {
		return
	}
	finding := j.on(rightful.CodeStampOther, o.Ref(), c)
	finding.RightfulCompanyID = nil
	finding.Severity = rightful.SeverityWarning
	finding.Message = fmt.Sprintf("%s is company %s's, and its buyer did not belong to it then.", o.ID, j.name(c.ID))
	for _, part := range p.objects {
		user := j.userValue(part)
		if user != "" && j.belongsToday(user, stamped) {
			finding.Severity = rightful.SeverityInfo // and joined since
		}
		if user != "" && j.belongedThen(user, stamped, o.Created) {
			return
		}
	}
	finding.Also = []string{f.StripeCustomerID}
	finding.Evidence = append([]rightful.Signal{j.stampSignal(o, j.voiceOf(f, o), rightful.Strong)}, f.everything()...)
	finding.Amount = j.amountOf(f, o)
	finding.Why = "whether it was bought on behalf is known to people only"
	j.report(finding)
}

// boughtByOutsider reports whether a user whose id the purchase carries is known
// not to have belonged to the company when it was made.
func (j *judge) boughtByOutsider(p purchase, company string) bool {
	return slices.ContainsFunc(p.objects, func(o rightful.Object) bool {
		user := o.Metadata[j.rules.Keys.User]
		if user == "" || j.users[rightful.CanonicalID(user)] == nil {
			return false
		}
		_, known := j.userSet(user, o.Created)
		return known && !j.belongedThen(user, company, o.Created)
	})
}

// boughtFor reports whether the buyer belonged to the company when the object
// was made: then the stamp was right at birth, whatever happened since. Of a
// buyer without membership history it is not known, and what is not known does
// not contest a stamp.
func (j *judge) boughtFor(f *family, o rightful.Object, company string) bool {
	for _, carrier := range j.buyersOf(f, o) {
		buyer := carrier.Metadata[j.rules.Keys.User]
		if buyer == "" {
			continue
		}
		_, known := j.userSet(buyer, o.Created)
		if j.belongedThen(buyer, company, o.Created) || !known && f.Contested {
			return true
		}
	}
	return false
}

// buyersOf returns the objects that carry who bought: those of the purchase itself,
// and only where these are silent the customer, which many may use.
func (j *judge) buyersOf(f *family, o rightful.Object) []rightful.Object {
	if p := f.purchaseOf(o.ID); p != nil && slices.ContainsFunc(p.objects, func(o rightful.Object) bool { return j.userValue(o) != "" }) {
		return p.objects
	}
	return []rightful.Object{f.Customer}
}

// belongedThen reports whether the user belonged to the company at a time, or to
// one that was merged into it since.
func (j *judge) belongedThen(user, company string, at int64) bool {
	return j.named(j.waysOf(user, at), company)
}

// belongsToday reports whether the user belongs to the company now, or to one that was
// merged into it.
func (j *judge) belongsToday(user, company string) bool { return j.named(j.waysNow(user), company) }

func (j *judge) named(w Ways, company string) bool {
	return slices.ContainsFunc(w.All(), func(id string) bool {
		s := j.survivor(j.company(id))
		return id == company || s != nil && rightful.SameID(s.ID, company)
	})
}

// buyerBelongs reports whether a user stamped on the object's purchase or
// customer belonged to the company when it was made, or belongs to it now.
func (j *judge) buyerBelongs(f *family, o rightful.Object, company string) bool {
	carriers := []rightful.Object{f.Customer, o}
	if p := f.purchaseOf(o.ID); p != nil {
		carriers = append(carriers, p.objects...)
	}
	if o.Type == rightful.TypeCustomer { // whoever buys with it may have meant it
		for _, id := range f.users {
			carriers = append(carriers, f.stampedBy[id][0])
		}
	}
	for _, c := range carriers {
		user := c.Metadata[j.rules.Keys.User]
		if user != "" && (j.belongedAt(user, company, o.Created) || j.belongsNow(user, company)) {
			return true
		}
	}
	return false
}

// buyerElsewhere returns a user stamped on the object's purchase or customer who
// today belongs to other live companies than the family's, and not to that.
func (j *judge) buyerElsewhere(f *family, o rightful.Object) string {
	carriers := []rightful.Object{f.Customer, o}
	if p := f.purchaseOf(o.ID); p != nil {
		carriers = append(carriers, p.objects...)
	}
	if o.Type == rightful.TypeCustomer {
		for _, id := range f.users {
			carriers = append(carriers, f.stampedBy[id][0])
		}
	}
	for _, c := range carriers {
		user := c.Metadata[j.rules.Keys.User]
		if user == "" {
			continue
		}
		set, _ := j.userSetNow(user)
		if len(set) > 0 && !slices.Contains(set, f.CompanyID) && !j.belongedAt(user, f.CompanyID, o.Created) {
			return user
		}
	}
	return ""
}

// boughtByInsider reports whether a user stamped on the purchase itself votes for
// the family's company.
func (j *judge) boughtByInsider(f *family, p purchase) bool {
	return slices.ContainsFunc(p.objects, func(o rightful.Object) bool {
		v := f.byID["user:"+rightful.CanonicalID(j.userValue(o))]
		return v != nil && v.names() == f.CompanyID
	})
}
