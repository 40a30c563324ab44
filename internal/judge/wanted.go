package judge

import (
	"cmp"
	"slices"

	"rightful"
)

// Wanted is what a second, narrow read should look at, because a verdict may
// depend on it. Invoices, charges and payment methods are the longest lists of an
// account and matter only where a company has several customers; events matter
// only where a stamp is missing; our own record only where a buyer is known to have been
// outside the company that is stamped, or where no row explains a stamp.
type Wanted struct {
	Customers []string // whose invoices, charges and payment methods
	Unread    []string // customers that matter as well and are too many to be read
	Removals  bool     // whether stamps were removed lately
	Made      []string // sessions of which a record of their making would tell something
	Companies []string // canonical ids that are stamped, and that no row explains
}

// wantedOfOne bounds how many customers of one company are looked at closely. Apps
// that make a customer for each user may have thousands.
const wantedOfOne = 20

// wantedInAll is up to how many customers an account is looked at closely
// throughout, whether or not they have others beside them.
const wantedInAll = 100

func (j *judge) wanted() Wanted {
	var w Wanted
	w.Removals = slices.ContainsFunc(slices.Concat(j.findings, j.muted), func(f rightful.Finding) bool {
		return f.Code == rightful.CodeUnstamped || f.Code == rightful.CodeStampOtherKey
	})
	w.Made, w.Companies = j.unrecorded(), j.unexplained()
	var all []*family
	for _, f := range j.families {
		if f.owner == ours && !f.Guest() && f.Exists == rightful.ExistsPresent {
			all = append(all, f)
		}
	}
	if len(all)+j.sit.Beside <= wantedInAll {
		w.add(all, wantedInAll)
		return w
	}
	for i := range j.sit.Companies {
		if id := rightful.CanonicalID(j.sit.Companies[i].ID); j.sit.Companies[i].Live() {
			if customers := j.candidates(id); len(customers) > 1 {
				w.add(customers, wantedOfOne)
			}
		}
	}
	slices.Sort(w.Customers)
	w.Customers = slices.Compact(w.Customers)
	return w
}

// add wants the first most customers, and tells the others from those.
func (w *Wanted) add(customers []*family, most int) {
	for i, f := range customers {
		switch {
		case f.MoneyRead || f.MoneyUnread:
		case i < most:
			w.Customers = append(w.Customers, f.StripeCustomerID)
		default:
			w.Unread = append(w.Unread, f.StripeCustomerID)
		}
	}
}

// candidates returns the customers that may be a company's: attributed, claimed by
// a voice, or linked; the linked ones first.
func (j *judge) candidates(id string) []*family {
	families := slices.Concat(j.attributed[id], j.claimed[id])
	for _, customer := range j.links[id] {
		families = append(families, j.byCustomer[customer])
	}
	var customers []*family
	seen := map[*family]bool{}
	for _, f := range families {
		if f != nil && f.owner == ours && !f.Guest() && f.Exists == rightful.ExistsPresent && !seen[f] {
			seen[f] = true
			customers = append(customers, f)
		}
	}
	linked := func(f *family) int {
		if slices.Contains(j.linkedBy[f.StripeCustomerID], id) {
			return 0
		}
		return 1
	}
	slices.SortFunc(customers, func(a, b *family) int {
		return cmp.Or(cmp.Compare(linked(a), linked(b)), cmp.Compare(a.StripeCustomerID, b.StripeCustomerID))
	})
	return customers
}
