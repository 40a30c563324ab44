package judge

import (
	"cmp"
	"fmt"
	"slices"

	"rightful"
)

// checkIdleDuplicates reports customers of a company that has another one,
// which it uses, while nothing hangs on these: RF201.
func (j *judge) checkIdleDuplicates() {
	for i := range j.sit.Companies {
		c := &j.sit.Companies[i]
		id := rightful.CanonicalID(c.ID)
		var customers []*family
		for _, f := range j.attributed[id] {
			if !f.Guest() && f.Exists == rightful.ExistsPresent {
				customers = append(customers, f)
			}
		}
		if !c.Live() || len(customers) < 2 {
			continue
		}
		keep := j.inUse(id, customers)
		for _, f := range customers {
			if f != keep && !f.money && !slices.Contains(j.linkedBy[f.StripeCustomerID], id) {
				j.reportDuplicate(c, f, keep)
			}
		}
	}
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
			if f.money {
				return 0
			}
			return 1
		}
		return cmp.Or(
			cmp.Compare(linked(a), linked(b)),
			cmp.Compare(money(a), money(b)),
			cmp.Compare(a.Customer.Created, b.Customer.Created),
			cmp.Compare(a.StripeCustomerID, b.StripeCustomerID),
		)
	})
}

func (j *judge) reportDuplicate(c *rightful.Company, f, keep *family) {
	var severity rightful.Severity // the code's own
	if !keep.money && len(j.links[rightful.CanonicalID(c.ID)]) == 0 {
		severity = rightful.SeverityInfo // abandoned checkouts leave such customers behind
	}
	j.report(rightful.Finding{
		Code:              rightful.CodeIdleDuplicate,
		Message:           fmt.Sprintf("company %s has customer %s; %s is another one, with no money on it.", j.name(c.ID), keep.StripeCustomerID, f.StripeCustomerID),
		Object:            f.Customer.Ref(),
		Also:              []string{keep.StripeCustomerID},
		CompanyID:         ptr(c.ID),
		RightfulCompanyID: ptr(c.ID),
		Evidence:          f.deciding(f.CompanyID),
		Severity:          severity,
		Why:               "which of a company's customers to keep is a person's decision, and rightful never deletes a customer",
	})
}
