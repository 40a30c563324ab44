package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// checkReturned reports customers whose user is gone while another account has
// the same email now: RF501. Whoever finds customers by email opens the old one's
// history to somebody else.
func (j *judge) checkReturned() {
	for _, f := range j.families {
		if f.owner != ours || f.Customer.ID == "" || f.Customer.Email == "" {
			continue
		}
		gone := j.userValue(f.Customer)
		if gone == "" {
			for _, s := range f.liveSubscriptions() {
				gone = cmp.Or(gone, j.userValue(s))
			}
		}
		if u := j.users[rightful.CanonicalID(gone)]; gone == "" || u != nil && !u.Inactive {
			continue
		}
		var heirs []*rightful.User
		for _, u := range j.byEmail[strings.ToLower(f.Customer.Email)] {
			same := f.CompanyID != "" && j.belongsNow(u.ID, f.CompanyID)
			if !u.Inactive && !rightful.SameID(u.ID, gone) && !same {
				heirs = append(heirs, u)
			}
		}
		if len(heirs) == 0 {
			continue
		}
		finding := j.on(rightful.CodeUserReturned, f.Customer.Ref(), j.company(f.CompanyID))
		state := "does not exist any more"
		if j.users[rightful.CanonicalID(gone)] != nil {
			state = "is deactivated"
		}
		finding.Message = fmt.Sprintf("%s was made for user %s, who %s; user %s has the same email.", f.StripeCustomerID, gone, state, smallestID(heirs))
		finding.WrongValue = ptr(gone)
		for _, u := range heirs {
			finding.Also = append(finding.Also, u.ID)
		}
		finding.Amount = j.amountOf(f, f.Customer)
		finding.Evidence = append([]rightful.Signal{{
			Place: "stripe:customer/" + f.StripeCustomerID + ".metadata." + j.rules.Keys.User, Says: gone,
			Voice: "user:" + rightful.CanonicalID(gone), Strength: rightful.Suspicion, AsOf: f.Customer.Created,
		}}, f.evidenceOf()...)
		finding.Why = "the same address need not be the same person: a person decides, for privacy's sake"
		j.report(finding)
	}
}

// checkAdopted reports linked customers that carry a user who never belonged to
// the company: RF502. It is how a customer looks that was found by its email, or
// bound to whoever opened the billing page first.
func (j *judge) checkAdopted() {
	for _, f := range j.families {
		linker := j.linker(f)
		id := j.userValue(f.Customer)
		u := j.users[rightful.CanonicalID(id)]
		if f.owner != ours || linker == "" || u == nil || f.CompanyID != "" && f.CompanyID != linker {
			continue // where the voices name another company, RF104 reports the link
		}
		c := j.stamped(j.stampValue(f.Customer))
		if c != nil && c.Live() && rightful.CanonicalID(c.ID) != linker || f.CompanyID == linker && j.stampedFor(f.StripeCustomerID, linker) {
			continue // RF104 compares a stamp with the link; where more than one voice names the company, somebody meant it
		}
		set, known := j.userSetNow(u.ID)
		if !known || len(set) == 0 || j.belongsNow(u.ID, linker) || j.belongedAt(u.ID, linker, f.Customer.Created) || j.everBelonged(u.ID, linker) {
			continue
		}
		finding := j.on(rightful.CodeLinkAdopted, f.Customer.Ref(), j.company(linker))
		finding.RightfulCompanyID = nil
		finding.Security = true
		finding.Message = fmt.Sprintf("company %s links %s, which was made for user %s, who never belonged to it and belongs to %s.",
			j.name(linker), f.StripeCustomerID, u.ID, strings.Join(set, ", "))
		finding.WrongValue = j.rawID(linker)
		finding.Also = append(slices.Clone(set), u.ID)
		finding.Amount = j.amountOf(f, f.Customer)
		finding.Evidence = append(j.waySignals(u.ID, j.waysNow(u.ID)), f.everything()...)
		finding.Why = wrongLinkWhy
		j.report(finding)
	}
}

// everBelonged reports whether any membership row or record, of whatever time, ties the
// user to the company or to one that was merged into it.
func (j *judge) everBelonged(user, company string) bool {
	user = rightful.CanonicalID(user)
	return slices.ContainsFunc(slices.Concat(j.memberships[user], j.acted[user]), func(m rightful.Membership) bool {
		return rightful.SameID(m.CompanyID, company) || slices.Contains(j.became(m.CompanyID), rightful.CanonicalID(company))
	})
}

// checkTyped reports purchases through payment links whose typed reference names
// a company that links another customer: RF504. Taken at its word, it would hand
// the company's billing to the buyer.
func (j *judge) checkTyped() {
	for _, f := range j.families {
		if f.owner == foreign || f.owner == unreached && j.rules.Keys.Ownership != "" || f.Guest() {
			continue
		}
		for _, s := range f.Sessions {
			c := j.typedFor(f, s)
			if c == nil {
				continue
			}
			finding := j.on(rightful.CodeTypedReference, s.Ref(), c)
			finding.RightfulCompanyID = j.rawID(f.CompanyID)
			finding.Security = true
			finding.Message = fmt.Sprintf("%s was paid by %s through a payment link, with a typed reference to company %s, which links %s.",
				s.ID, f.StripeCustomerID, j.name(c.ID), strings.Join(j.links[rightful.CanonicalID(c.ID)], ", "))
			finding.WrongValue = ptr(s.ClientReferenceID)
			finding.Also = append(slices.Clone(j.links[rightful.CanonicalID(c.ID)]), f.StripeCustomerID)
			finding.Amount = j.amountOf(f, s)
			finding.Evidence = append([]rightful.Signal{{
				Place: "stripe:checkout.session/" + s.ID + ".client_reference_id", Says: s.ClientReferenceID,
				Voice: "buyer:" + s.ID, Strength: rightful.Suspicion, AsOf: s.Created, Forgeable: true,
			}}, f.evidenceOf()...)
			finding.Why = "anybody can type a reference: a link is never overwritten for one"
			j.report(finding)
		}
	}
}

// typedFor returns the live company that a paid payment-link session claims by its
// reference although it links another customer, or nil.
func (j *judge) typedFor(f *family, s rightful.Object) *rightful.Company {
	if s.PaymentLink == "" || s.ClientReferenceID == "" || !s.SettledSession() {
		return nil
	}
	c := j.stamped(s.ClientReferenceID)
	if c == nil || !c.Live() {
		return nil
	}
	id := rightful.CanonicalID(c.ID)
	other := slices.ContainsFunc(j.links[id], func(customer string) bool { return customer != f.StripeCustomerID && j.present(customer) })
	if f.CompanyID == id || !other || slices.Contains(j.links[id], f.StripeCustomerID) {
		return nil
	}
	return c
}
