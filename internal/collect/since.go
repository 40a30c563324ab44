package collect

import (
	"context"

	"rightful"
)

// Since names the customers, and the guest payments, of everything that was
// created at or after a time (Unix seconds). It returns the first error: half a
// list would leave out families without anybody noticing.
func Since(ctx context.Context, src Sources, from int64) (rightful.Subject, error) {
	var about rightful.Subject
	for _, t := range rightful.ListedTypes() {
		err := each(src.Stripe.List(ctx, rightful.ListQuery{Type: t, CreatedFrom: from}), func(o rightful.Object) {
			switch {
			case t == rightful.TypeCustomer:
				about.Customers = append(about.Customers, o.ID)
			case o.StripeCustomerID != "":
				about.Customers = append(about.Customers, o.StripeCustomerID)
			default:
				about.Objects = append(about.Objects, o)
			}
		})
		if err != nil {
			return about, err
		}
	}
	about.Customers = distinct(about.Customers)
	return about, nil
}
