package judge

import (
	"cmp"
	"slices"

	"rightful"
)

// Wanted is what a second, narrow read should look at, because a verdict may
// depend on it. Invoices, charges and payment methods are the longest lists of an
// account and matter only where a company has several customers; events matter
// only where a stamp is missing.
type Wanted struct {
	Customers []string // whose invoices, charges and payment methods
	Unread    []string // customers that matter as well and are too many to be read
	Removals  bool     // whether stamps were removed lately
}

// wantedOfOne bounds how many customers of one company are looked at closely. Apps
// that make a customer for each user may have thousands.
const wantedOfOne = 20

func (j *judge) wanted() Wanted {
	var w Wanted
	for i := range j.sit.Companies {
		id := rightful.CanonicalID(j.sit.Companies[i].ID)
		if !j.sit.Companies[i].Live() {
			continue
		}
		var customers []*family
		candidates := slices.Concat(j.attributed[id], j.claimed[id])
		for _, customer := range j.links[id] {
			candidates = append(candidates, j.byCustomer[customer])
		}
		for _, f := range candidates {
			if f != nil && f.owner == ours && !f.Guest() && f.Exists == rightful.ExistsPresent && !slices.Contains(customers, f) {
				customers = append(customers, f)
			}
		}
		if len(customers) < 2 {
			continue
		}
		slices.SortFunc(customers, func(a, b *family) int {
			linked := func(f *family) bool { return slices.Contains(j.linkedBy[f.StripeCustomerID], id) }
			if linked(a) != linked(b) {
				if linked(a) {
					return -1
				}
				return 1
			}
			return cmp.Compare(a.StripeCustomerID, b.StripeCustomerID)
		})
		for i, f := range customers {
			switch {
			case f.MoneyRead || f.MoneyUnread:
			case i < wantedOfOne:
				w.Customers = append(w.Customers, f.StripeCustomerID)
			default:
				w.Unread = append(w.Unread, f.StripeCustomerID)
			}
		}
	}
	slices.Sort(w.Customers)
	w.Customers = slices.Compact(w.Customers)
	w.Removals = slices.ContainsFunc(j.findings, func(f rightful.Finding) bool {
		return f.Code == rightful.CodeUnstamped || f.Code == rightful.CodeStampOtherKey
	})
	return w
}
