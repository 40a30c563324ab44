package truth

import (
	"fmt"
	"slices"

	"rightful"
)

// Apply writes what a finding proposes, and nothing else.
func (w *World) Apply(p rightful.Proposal) error {
	switch {
	case p.Place == "stripe" && p.Field == "metadata."+companyKey && p.To != nil && w.Object(p.Object.ID) != nil:
		// Stripe merges metadata key by key: the others stay.
		w.Object(p.Object.ID).Metadata[companyKey] = *p.To
	case p.Place == "db" && p.Object.Type == rightful.RefCompany && p.Field == rightful.FieldLink && p.To == nil:
		w.Company(p.Object.ID).StripeCustomerID = ""
	case p.Place == "db" && p.Object.Type == rightful.RefCompany && p.Field == rightful.FieldLink:
		w.Company(p.Object.ID).StripeCustomerID = *p.To
	case p.Place == "db" && p.Object.Type == rightful.RefLink && p.Field == rightful.FieldLink && p.To != nil:
		w.link(w.Company(p.Object.ID), *p.To)
	case p.Place == "db" && p.Object.Type == rightful.RefLink && p.Field == rightful.FieldLink && p.From != nil:
		w.Links = slices.DeleteFunc(w.Links, func(l *rightful.Link) bool {
			return l.CompanyID == p.Object.ID && l.StripeCustomerID == *p.From
		})
	case p.Place == "db" && p.Object.Type == rightful.RefSubscriptionRow && p.Field == rightful.FieldRowCustomer && p.To != nil:
		w.row(p.Object.ID).StripeCustomerID = *p.To
	case p.Place == "cache" && p.To == nil:
		delete(w.Cache, p.Object.ID)
	default:
		return fmt.Errorf("nobody knows how to write %s %s.%s", p.Place, p.Object.Type, p.Field)
	}
	return nil
}

// Wrong says how a finding's proposal would move an object away from its true
// company, "" if it would not.
func (w *World) Wrong(f rightful.Finding) string {
	p := f.Proposal
	switch {
	case p == nil || p.Place == "cache": // what is deleted from a cache is read again
		return ""
	case p.To == nil:
		if o := w.Object(*p.From); o == nil || !o.Deleted {
			return fmt.Sprintf("clears the link to %s, which Stripe did not say is deleted", *p.From)
		}
	case p.Place == "stripe":
		if named := w.named(*p.To); named == nil || !w.truly(p.Object.ID, named.ID) {
			return fmt.Sprintf("stamps %s with %s, and it is %s's", p.Object.ID, *p.To, w.Owner(p.Object.ID))
		}
	case (p.Object.Type == rightful.RefCompany || p.Object.Type == rightful.RefLink) && p.Field == rightful.FieldLink:
		if own := w.Owner(*p.To); own != p.Object.ID {
			return fmt.Sprintf("links %s to company %s, and it is %s's", *p.To, p.Object.ID, own)
		}
	case p.Object.Type == rightful.RefSubscriptionRow && p.Field == rightful.FieldRowCustomer:
		// It is a copy of what Stripe charges, whichever company the row is of. It is
		// wrong where the charge itself is.
		r := w.row(p.Object.ID)
		s := w.Object(r.StripeSubscriptionID)
		if s == nil || s.StripeCustomerID != *p.To || w.Owner(s.ID) != w.Owner(*p.To) && w.Owner(*p.To) != Several && !w.App.Parents {
			return fmt.Sprintf("writes the payer %s, who is %s's, into row %s", *p.To, w.Owner(*p.To), p.Object.ID)
		}
	default:
		return "writes " + p.Object.Type + "." + p.Field + ", of which the truth is not known"
	}
	return ""
}

// Misnamed says how a finding names another company than the true one, "" if it
// names none or that.
func (w *World) Misnamed(f rightful.Finding) string {
	if _, known := w.owner[f.Object.ID]; known && f.RightfulCompanyID != nil && !w.truly(f.Object.ID, *f.RightfulCompanyID) {
		return fmt.Sprintf("names company %s for %s, and it is %s's", *f.RightfulCompanyID, f.Object.ID, w.Owner(f.Object.ID))
	}
	return ""
}

// truly reports whether the company may be named for the object: it is its own,
// or was when it was made.
func (w *World) truly(id, company string) bool {
	return company == w.owner[id] || slices.Contains(w.owners(id), company)
}

// row returns the subscription row with this id, or nil.
func (w *World) row(id string) *rightful.SubscriptionRow {
	i := slices.IndexFunc(w.Rows, func(r *rightful.SubscriptionRow) bool { return r.ID == id })
	if i < 0 {
		return nil
	}
	return w.Rows[i]
}
