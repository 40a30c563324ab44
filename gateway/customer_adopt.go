package gateway

import (
	"context"
	"slices"
	"strings"

	"rightful"
)

// adoption is a customer that a company already has, although nothing links it.
type adoption struct {
	customer string
	fill     bool // the judge finds that the link may be filled with it
}

// adopt looks, before a customer is made, whether the company's own subscription rows
// name one. It is adopted if it lives and the judge says that it is rightfully the
// company's. What no row names is not looked for: that would be a search.
func (ch *choice) adopt(ctx context.Context) (*adoption, error) {
	theirs, err := ch.rowed(ctx)
	switch {
	case err != nil || len(theirs) == 0:
		return nil, err
	case len(theirs) > 1:
		var ids []string
		for _, a := range theirs {
			ids = append(ids, a.customer)
		}
		return nil, ch.refuse(rightful.CodeLinkEmpty, false, "company %s links no customer, and its subscription rows name several that are its own: %s", ch.company.ID, listed(ids))
	}
	return &theirs[0], nil
}

// fillable reports whether the link may be filled with a customer that was promised
// earlier: what rows name as well may have been adopted, and is the judge's to say.
func (ch *choice) fillable(ctx context.Context, customer string) (bool, error) {
	theirs, err := ch.rowed(ctx)
	if err != nil || len(theirs) == 0 {
		return err == nil, err
	}
	return len(theirs) == 1 && theirs[0] == adoption{customer, true}, nil
}

// rowed returns the living customers that the company's subscription rows name and
// that are rightfully its own.
func (ch *choice) rowed(ctx context.Context) ([]adoption, error) {
	var customers []string
	keep := func(id string) {
		if id != "" && !ch.g.placeholder(id) && !slices.Contains(customers, id) {
			customers = append(customers, id)
		}
	}
	var rows []rightful.SubscriptionRow
	if err := gather(ch.g.opt.Directory.SubscriptionRows(ctx, rightful.Select{By: rightful.ByCompany, Values: []string{ch.company.ID}}), &rows); err != nil {
		return nil, err
	}
	for _, r := range rows {
		keep(r.StripeCustomerID)
		if r.StripeCustomerID != "" || r.StripeSubscriptionID == "" {
			continue
		}
		o, _, err := ch.g.opt.Stripe.Get(ctx, rightful.TypeSubscription, r.StripeSubscriptionID)
		if err != nil {
			return nil, err
		}
		keep(o.StripeCustomerID)
	}
	if len(customers) == 0 {
		return nil, nil
	}
	s, err := ch.g.around(ctx, customers...)
	if err != nil {
		return nil, err
	}
	found := s.finding(rightful.Ref{Type: rightful.RefLink, ID: ch.company.ID}, rightful.CodeLinkEmpty)
	var theirs []adoption
	for _, id := range customers {
		f, whose := s.family(id)
		if f == nil || f.Exists != rightful.ExistsPresent || whose.Contested || !rightful.SameID(whose.CompanyID, ch.company.ID) || s.security(id) != nil {
			continue
		}
		others, err := ch.otherLinkers(ctx, id)
		if err != nil {
			return nil, err
		}
		if len(others) == 0 {
			fill := found != nil && found.Automatic && found.Proposal != nil && found.Proposal.To != nil && *found.Proposal.To == id
			theirs = append(theirs, adoption{id, fill})
		}
	}
	return theirs, nil
}

// listed shows some ids.
func listed(ids []string) string {
	const most = 5
	if len(ids) > most {
		return strings.Join(ids[:most], ", ") + ", ..."
	}
	return strings.Join(ids, ", ")
}
