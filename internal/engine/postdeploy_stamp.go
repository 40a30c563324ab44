package engine

import (
	"context"

	"rightful"
	"rightful/internal/judge"
)

// customerProblem says what is wrong with the stamp of the customer that a company's
// checkout has; "" when it is right. It is the gateway's own rule: a company that is
// billed through another one has that one's customer, which is stamped with either;
// and an id is as good as the stamp value that the company was given later, unless it
// names somebody else.
func (e *Engine) customerProblem(ctx context.Context, customer rightful.Object, company rightful.Company) (problem string, err error) {
	payer := company
	if company.BillingParentID != "" {
		parents, err := e.companiesBy(ctx, rightful.ByID, company.BillingParentID)
		if err != nil {
			return "", err
		}
		if len(parents) == 0 {
			return "it is billed through company " + company.BillingParentID + ", which is not there", nil
		}
		payer = parents[0]
	}
	stamp := judge.Stamp(customer, e.Rules.Keys)
	if stamp == "" {
		return stampProblem(e.Rules.Keys.Company, customer.ID, stamp, payer), nil
	}
	if rightful.SameID(stamp, stampOf(payer)) {
		return "", nil
	}
	named, err := e.companyStamped(ctx, stamp)
	switch {
	case err != nil:
		return "", err
	case named == nil && rightful.SameID(stamp, payer.ID):
		return "", nil // from before the company had a stamp value
	case named != nil && named.Live() && rightful.SameID(named.BillingParentID, payer.ID):
		return "", nil // one of those that it pays for
	}
	return stampProblem(e.Rules.Keys.Company, customer.ID, stamp, payer), nil
}

func stampProblem(key, customer, have string, payer rightful.Company) string {
	return shouldBe("metadata."+key+" of customer "+customer, have, stampOf(payer))
}

// companyStamped returns the company that a stamp names, or nil. One that has a stamp
// value is named by that, and not by its id.
func (e *Engine) companyStamped(ctx context.Context, stamp string) (*rightful.Company, error) {
	named, err := e.companiesBy(ctx, rightful.ByStampValue, stamp)
	if err != nil {
		return nil, err
	}
	if len(named) == 0 {
		if named, err = e.companiesBy(ctx, rightful.ByID, stamp); err != nil {
			return nil, err
		}
		if len(named) > 0 && named[0].StampValue != "" {
			return nil, nil
		}
	}
	if len(named) == 0 {
		return nil, nil
	}
	return &named[0], nil
}

func (e *Engine) companiesBy(ctx context.Context, by rightful.Column, value string) (all []rightful.Company, err error) {
	err = every(e.Sources.Directory.Companies(ctx, rightful.Select{By: by, Values: []string{value}}), func(c rightful.Company) { all = append(all, c) })
	return all, err
}
