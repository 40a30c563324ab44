package judge

import (
	"math/big"
	"slices"

	"rightful"
)

// mayHaveMoney reports whether a family may have money. What is unknown counts:
// a customer that could not be looked up, a list that could not be read. Only
// what is known to be idle is idle. A deleted customer has nothing left, and a
// placeholder is no customer.
func (j *judge) mayHaveMoney(f *rightful.Family) bool {
	switch {
	case isPlaceholder(j.rules, f.StripeCustomerID), f.Exists == rightful.ExistsDeleted, f.Exists == rightful.ExistsMissing:
		return false
	case j.sit.StripePartly, !f.Guest() && f.Exists == rightful.ExistsUnknown, f.MoneyUnread:
		return true
	}
	for _, s := range f.Subscriptions {
		if s.Status == "" {
			return true
		}
	}
	return hasMoney(f)
}

// hasMoney reports whether money is seen on a family: a live subscription, a
// settled session or payment intent, a paid invoice or charge, a balance, a saved
// payment method.
func hasMoney(f *rightful.Family) bool {
	if f.Exists == rightful.ExistsDeleted {
		return false
	}
	if f.Customer.Balance != 0 || hasCard(f) || hasPaid(f) {
		return true
	}
	for _, o := range f.Objects() {
		if o.LiveSubscription() || o.SettledSession() || o.SettledIntent() {
			return true
		}
	}
	return false
}

// hasCard reports whether a payment method is saved on the customer.
func hasCard(f *rightful.Family) bool { return f.Customer.HasSavedMethod || len(f.Methods) > 0 }

// hasPaid reports whether an invoice or a charge of the customer was paid.
func hasPaid(f *rightful.Family) bool {
	return slices.ContainsFunc(slices.Concat(f.Invoices, f.Charges), func(o rightful.Object) bool { return o.AmountPaid > 0 })
}

// monthly returns what live subscriptions bring in each month, or nil when
// there are none, when a price is not known, or when currencies differ.
func monthly(subs ...rightful.Object) *rightful.Amount {
	total := new(big.Rat)
	currency := ""
	for _, s := range subs {
		if !s.LiveSubscription() {
			continue
		}
		for _, it := range s.Items {
			if it.Currency == "" || currency != "" && it.Currency != currency {
				return nil
			}
			currency = it.Currency
			months := monthsPer(it.Interval)
			if months == nil {
				return nil
			}
			each := new(big.Rat).SetInt64(it.UnitAmount)
			each.Mul(each, new(big.Rat).SetInt64(max(it.Quantity, 0)))
			every := new(big.Rat).SetInt64(max(it.IntervalCount, 1))
			total.Add(total, each.Quo(each, months.Mul(months, every)))
		}
	}
	if currency == "" {
		return nil
	}
	// Round half up: floor(x + 1/2).
	total.Add(total, big.NewRat(1, 2))
	floor := new(big.Int).Div(total.Num(), total.Denom())
	return &rightful.Amount{MonthlyMinor: floor.Int64(), Currency: currency}
}

// monthsPer returns how many months one interval lasts.
func monthsPer(interval string) *big.Rat {
	switch interval {
	case "month":
		return big.NewRat(1, 1)
	case "year":
		return big.NewRat(12, 1)
	case "week":
		return big.NewRat(12, 52)
	case "day":
		return big.NewRat(12, 365)
	}
	return nil
}
