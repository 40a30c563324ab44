package gateway

import (
	"context"
	"fmt"

	"rightful"
)

// trouble is why a customer cannot be used as it is.
type trouble struct {
	refusal error // it cannot be put right here; nil: the judge may allow it
	stamp   string
}

// look looks a customer up that the company links, or that was made for it. Without
// trouble it is the company's, and nobody else's.
func (ch *choice) look(ctx context.Context, id string) (o rightful.Object, exists rightful.Existence, t *trouble, err error) {
	var others []rightful.Company
	err = beside(ctx,
		func(ctx context.Context) (err error) {
			o, exists, err = ch.g.opt.Stripe.Get(ctx, rightful.TypeCustomer, id)
			return err
		},
		func(ctx context.Context) (err error) {
			others, err = ch.otherLinkers(ctx, id)
			return err
		})
	if err != nil || exists != rightful.ExistsPresent {
		return o, exists, nil, err
	}
	if tag := o.Metadata[ch.g.opt.Keys.Ownership]; ch.g.opt.Keys.Ownership != "" && tag != "" && tag != ch.g.opt.OwnershipValue {
		return o, exists, &trouble{refusal: ch.refuse(rightful.CodeForeignObject, false, "company %s links %s, which is tagged as another application's", ch.company.ID, id)}, nil
	}
	if len(others) > 0 {
		return o, exists, &trouble{refusal: ch.refuse(rightful.CodeSharedCustomer, true, "companies %s and %s both link %s: each opens the invoices of the other", ch.company.ID, others[0].ID, id)}, nil
	}
	t, err = ch.lookStamp(ctx, o)
	return o, exists, t, err
}

// lookStamp compares a customer's stamp with the company.
func (ch *choice) lookStamp(ctx context.Context, o rightful.Object) (*trouble, error) {
	stamp := ch.g.stampOf(o)
	if rightful.SameID(stamp, stampFor(ch.company)) {
		return nil, nil
	}
	named, err := ch.g.stamped(ctx, stamp)
	if err != nil {
		return nil, err
	}
	switch {
	case named == nil && rightful.SameID(stamp, ch.company.ID):
		return nil, nil // from before the app had stamp values: it names nobody else
	case named == nil || !named.Live():
		return &trouble{stamp: stamp}, nil
	case rightful.SameID(named.BillingParentID, ch.company.ID):
		return nil, nil // stamped with one of those that it is charged for
	}
	return &trouble{stamp: stamp, refusal: ch.refuse(rightful.CodeLinkStampSplit, true,
		"company %s links %s, and its stamp names company %s: it may show one of them the invoices of the other", ch.company.ID, o.ID, named.ID)}, nil
}

// stamped returns the company that a stamp names, or nil. A company that has a stamp
// value is named by that, and not by its id.
func (g *Gateway) stamped(ctx context.Context, value string) (*rightful.Company, error) {
	if checkID("", value) != nil {
		return nil, nil
	}
	var byStamp, byID []rightful.Company
	err := beside(ctx,
		func(ctx context.Context) error {
			return gather(g.opt.Directory.Companies(ctx, rightful.Select{By: rightful.ByStampValue, Values: []string{value}}), &byStamp)
		},
		func(ctx context.Context) error {
			return gather(g.opt.Directory.Companies(ctx, rightful.Select{By: rightful.ByID, Values: []string{value}}), &byID)
		})
	switch {
	case err != nil:
		return nil, err
	case len(byStamp) > 0:
		return &byStamp[0], nil
	case len(byID) > 0 && byID[0].StampValue == "":
		return &byID[0], nil
	}
	return nil, nil
}

// otherLinkers returns the live companies beside this one that link a customer. Those
// that are billed through this one may.
func (ch *choice) otherLinkers(ctx context.Context, customer string) ([]rightful.Company, error) {
	by := rightful.Select{By: rightful.ByStripeCustomer, Values: []string{customer}}
	var linking []rightful.Company
	var rows []rightful.Link
	d := ch.g.opt.Directory
	err := beside(ctx,
		func(ctx context.Context) error { return gather(d.Companies(ctx, by), &linking) },
		func(ctx context.Context) error { return gather(d.Links(ctx, by), &rows) })
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, l := range rows {
		if l.CompanyID != "" && !rightful.SameID(l.CompanyID, ch.company.ID) && find(linking, l.CompanyID) == nil {
			ids = append(ids, l.CompanyID)
		}
	}
	if len(ids) > 0 {
		if err := gather(d.Companies(ctx, rightful.Select{By: rightful.ByID, Values: ids}), &linking); err != nil {
			return nil, err
		}
	}
	var others []rightful.Company
	for _, c := range linking {
		if c.Live() && !rightful.SameID(c.ID, ch.company.ID) && !rightful.SameID(c.BillingParentID, ch.company.ID) {
			others = append(others, c)
		}
	}
	return others, nil
}

// linked decides about the one customer that the company links. It asks for another
// look when somebody changed the link meanwhile.
func (ch *choice) linked(ctx context.Context, at standing) (c Customer, again bool, err error) {
	id := at.customers[0]
	o, exists, t, err := ch.look(ctx, id)
	if err != nil {
		return Customer{}, false, err
	}
	switch exists {
	case rightful.ExistsPresent:
		if t != nil {
			err = ch.settle(ctx, o, t)
		}
		return Customer{StripeCustomerID: id}, false, err
	case rightful.ExistsDeleted:
		return ch.replace(ctx, id)
	case rightful.ExistsMissing:
		return Customer{}, false, ch.linksUnknown(id)
	}
	if own, err := ch.g.having(ctx, rightful.TypeCustomer, id); err == nil && own != nil && own != ch.g {
		return Customer{}, false, ch.linksElsewhere(id, own.opt.Account)
	}
	return Customer{}, false, unclear(fmt.Sprintf("Stripe does not tell whether %s exists", id))
}

// unclear is the error when what was read carries no decision.
func unclear(message string) error {
	return &rightful.Error{Kind: rightful.KindUnavailable, Place: "stripe", Message: message, Hint: "ask again"}
}
