package judge

import (
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// againstSharing returns why a stamp may not be written without asking where one
// customer may stand for several companies: a company that pays for others, and a
// buyer who had several while no company links the customer. Whose the payer is
// then says nothing about a purchase that says nothing itself.
func (j *judge) againstSharing(f *family, o rightful.Object) string {
	c := j.company(f.CompanyID)
	p := f.purchaseOf(o.ID)
	if other := f.emailElsewhere(); other != "" {
		return fmt.Sprintf("the customer's email is that of somebody who belongs to company %s only", other)
	}
	switch {
	case p == nil && c != nil && j.live(c.BillingParentID):
		return fmt.Sprintf("company %s is billed through company %s, so the customer may be that one's", c.ID, c.BillingParentID)
	case p == nil || j.saysItself(f, *p):
		return ""
	case j.paysForOthers(f.CompanyID):
		return fmt.Sprintf("company %s pays for others too, and nothing about this purchase says for whom it is", f.CompanyID)
	case j.linker(f) == f.CompanyID:
		return ""
	}
	for _, carrier := range j.buyersOf(f, o) {
		user := j.userValue(carrier)
		if user == "" {
			continue
		}
		companies := slices.Concat(j.waysOf(user, p.created).All(), j.waysNow(user).All())
		for i, id := range companies {
			if s := j.survivor(j.company(id)); s != nil {
				companies[i] = rightful.CanonicalID(s.ID)
			}
		}
		companies = slices.DeleteFunc(companies, func(id string) bool { return j.company(id) != nil && !j.live(id) && !j.stampsName(f, id) })
		slices.Sort(companies)
		if companies = slices.Compact(companies); len(companies) > 1 {
			return fmt.Sprintf("user %s, who bought it, has or had several companies, and nothing else about this purchase says for which it is", user)
		}
	}
	return ""
}

// emailElsewhere returns another company that the customer's email singles out, or
// "".
func (f *family) emailElsewhere() string {
	for _, s := range f.mails {
		if s.Voice == "email" && s.Says != f.CompanyID && f.backing[s.Says] {
			return s.Says
		}
	}
	return ""
}

// stampsName reports whether a stamp of the family names the company.
func (j *judge) stampsName(f *family, company string) bool {
	return slices.ContainsFunc(f.Objects(), func(o rightful.Object) bool {
		c := j.stamped(j.stampValue(o))
		return c != nil && rightful.CanonicalID(c.ID) == company
	})
}

// saysItself reports whether a part of the purchase, or a row for what it made,
// names the family's company.
func (j *judge) saysItself(f *family, p purchase) bool {
	return slices.ContainsFunc(p.objects, func(o rightful.Object) bool {
		c := j.stamped(j.stampValue(o))
		return c != nil && rightful.CanonicalID(c.ID) == f.CompanyID || j.rowFor(o.ID, f.CompanyID)
	})
}

// paysForOthers reports whether live companies are billed through this one.
func (j *judge) paysForOthers(company string) bool {
	if j.payers == nil {
		j.payers = map[string]bool{}
		for i := range j.sit.Companies {
			if c := &j.sit.Companies[i]; c.Live() && c.BillingParentID != "" {
				j.payers[rightful.CanonicalID(c.BillingParentID)] = true
			}
		}
	}
	return j.payers[company]
}

// defended returns what speaks for the live company that a stamp names now, though
// it has no vote; and for the stamp of a purchase, that nothing on the purchase
// itself speaks against it. A wrong payer and a wrong stamp look the same from the
// payer's side.
func (j *judge) defended(f *family, o rightful.Object, wrong *rightful.Company) string {
	id := rightful.CanonicalID(wrong.ID)
	p := f.purchaseOf(o.ID)
	if p != nil {
		rowed := slices.ContainsFunc(p.objects, func(o rightful.Object) bool { return j.rowFor(o.ID, f.CompanyID) })
		parts := 0 // that name the same wrong company
		for _, part := range p.objects {
			if c := j.stamped(j.stampValue(part)); c != nil && rightful.CanonicalID(c.ID) == id {
				parts++
			}
		}
		if !rowed && !j.boughtByOutsider(*p, id) && (parts > 1 || !j.boughtByInsider(f, *p)) {
			return fmt.Sprintf("nothing about this purchase itself speaks against company %s: perhaps the wrong customer was charged", wrong.ID)
		}
		return ""
	}
	for _, o := range f.Objects() {
		if c := j.stamped(j.stampValue(o)); c != nil && rightful.SameID(c.BillingParentID, id) {
			return fmt.Sprintf("%s was for company %s, which is billed through company %s", o.ID, c.ID, wrong.ID)
		}
	}
	for _, s := range f.mails {
		if s.Says == id {
			return fmt.Sprintf("%s speaks for company %s", s.Voice, wrong.ID)
		}
	}
	for _, p := range f.purchases {
		if c := j.stamped(j.stampValue(p.session)); !p.done() && c != nil && rightful.CanonicalID(c.ID) == id {
			return fmt.Sprintf("the checkout %s, which nobody went through with, was for company %s too", p.session.ID, wrong.ID)
		}
	}
	return ""
}

// backed reports whether an email corroborates the family's company about this
// object: its users belong to it now, and for what was bought, belonged to it then.
func (j *judge) backed(f *family, o rightful.Object) bool {
	if !f.backing[f.CompanyID] || f.purchaseOf(o.ID) == nil {
		return f.backing[f.CompanyID]
	}
	if f.senders == nil { // an email backs the company, so there is one at least
		for _, e := range emailsOf(f) {
			f.senders = append(f.senders, j.byEmail[strings.ToLower(e.Email)]...)
		}
	}
	return !slices.ContainsFunc(f.senders, func(u *rightful.User) bool {
		_, known := j.userSet(u.ID, o.Created)
		return known && !j.belongedThen(u.ID, f.CompanyID, o.Created)
	})
}
