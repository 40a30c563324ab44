package truth

import (
	"fmt"

	"rightful"
)

// Apply writes what a finding proposes, and nothing else.
func (w *World) Apply(p rightful.Proposal) error {
	switch {
	case p.Place == "stripe" && p.Field == "metadata."+companyKey && p.To != nil && w.Object(p.Object.ID) != nil:
		// Stripe merges metadata key by key: the others stay.
		w.Object(p.Object.ID).Metadata[companyKey] = *p.To
	case p.Place == "db" && p.Object.Type == rightful.RefCompany && p.Field == "stripe_customer_id" && p.To != nil:
		w.link(w.Company(p.Object.ID), *p.To)
	case p.Place == "cache" && p.To == nil:
		delete(w.Cache, p.Object.ID)
	default:
		return fmt.Errorf("nobody knows how to write %s %s.%s", p.Place, p.Object.Type, p.Field)
	}
	return nil
}
