package judge

import (
	"slices"

	"rightful"
)

// Held is one customer under the judge's eyes: who may say that it is theirs, today.
type Held struct {
	Ours    bool // as in Bought
	Foreign bool // tagged as another application's
	// Companies are the live companies (canonical ids) that it may be: the one that the
	// voices name, or that alone links it without a doubt; else all that are named or
	// link it.
	Companies []string
	// Gone is the company that is gone and that it was; only where Companies is empty.
	Gone string
	// Firm tells that link, stamp and the user who stands on it agree.
	Firm bool
	// Stamped tells that it is stamped at all.
	Stamped bool

	j *judge
	f *family
}

// HeldOf looks at one customer of a situation; false when no family is its.
func HeldOf(sit *rightful.Situation, rules Rules, v Verdict, customer string) (Held, bool) {
	j := begin(sit, rules)
	f := j.byCustomer[customer]
	if f == nil {
		return Held{}, false
	}
	h := Held{Foreign: f.owner == foreign, Ours: f.owner == ours || f.owner == unreached && rules.Keys.Ownership == "", j: j, f: f}
	linkers := j.linkers(f)
	switch linker := j.linker(f); {
	case f.CompanyID != "":
		h.Companies = []string{f.CompanyID}
	case linker != "" && !doubted(v, f):
		h.Companies = []string{linker}
	default:
		h.Companies = distinctIDs(append(linkers, f.Named...)...)
	}
	if len(h.Companies) == 0 {
		h.Gone = j.boughtForTheGone(f, f.Customer)
	}
	h.Stamped = j.stampValue(f.Customer) != ""
	h.Firm = f.owner == ours && len(linkers) == 1 && len(h.Companies) == 1 && linkers[0] == h.Companies[0] && h.agreed(linkers[0])
	return h, true
}

// doubted reports whether a finding says that a customer may show one company what is
// another's.
func doubted(v Verdict, f *family) bool {
	return slices.ContainsFunc(slices.Concat(v.Findings, v.Muted), func(x rightful.Finding) bool {
		return x.Security && x.Object == f.Customer.Ref()
	})
}

// agreed reports whether nothing that stands on the customer, or links it, says
// another company than this.
func (h *Held) agreed(company string) bool {
	if value := h.j.stampValue(h.f.Customer); value != "" {
		if c := h.j.stamped(value); c == nil || rightful.CanonicalID(c.ID) != company {
			return false
		}
	}
	user := h.j.userValue(h.f.Customer)
	if user != "" && !h.Belongs(user, company) && !h.j.belongedThen(user, company, h.f.Customer.Created) {
		return false
	}
	return !slices.ContainsFunc(h.f.Links, func(l rightful.Link) bool { return h.j.company(l.CompanyID) == nil })
}

// Belongs reports whether a user belongs to a company now, or to one that was merged
// into it.
func (h *Held) Belongs(user, company string) bool {
	return h.j.belongsToday(user, rightful.CanonicalID(company))
}

// Had reports whether a user belonged to the company that is gone.
func (h *Held) Had(user string) bool {
	return h.j.belongsNow(user, h.Gone) || h.j.everBelonged(user, h.Gone)
}

// Bills reports whether the customer is the one that a company is billed through: its
// link, or, while it links none, the only one that is rightfully its own.
func (h *Held) Bills(company string) bool {
	company = rightful.CanonicalID(company)
	if links := h.j.links[company]; len(links) > 0 {
		return slices.Contains(links, h.f.StripeCustomerID)
	}
	own := 0
	for _, f := range h.j.attributed[company] {
		if !f.Guest() && f.Exists == rightful.ExistsPresent {
			own++
		}
	}
	return own == 1 && h.f.CompanyID == company
}
