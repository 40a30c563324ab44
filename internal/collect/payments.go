package collect

import (
	"context"
	"strings"

	"rightful"
)

// stripe runs one reading of Stripe. A failure makes the situation incomplete;
// one that the next request would meet too ends the asking. A search that an
// account does not offer is no failure, it was a hint.
func (a *around) stripe(ctx context.Context, what string, read func() error) error {
	if a.dead || a.src.Stripe == nil {
		return nil
	}
	err := read()
	switch {
	case err == nil || rightful.KindOf(err) == rightful.KindUnsupported:
		return nil
	case rightful.KindOf(err) == rightful.KindForbidden:
		a.sit.StripePartly = true
		return a.incomplete(ctx, "Stripe", err) // the other lists may be allowed
	case rightful.KindOf(err) == rightful.KindUnavailable:
		a.sit.StripePartly = true
		return a.incomplete(ctx, what, err)
	}
	a.sit.StripePartly = true
	a.dead = true
	a.sit.StripeUnread = short(err)
	return a.incomplete(ctx, what, err)
}

// customer reads a customer with everything that hangs on it.
func (a *around) customer(ctx context.Context, id string) error {
	if !a.once("customer", id) {
		return nil
	}
	a.core.Customers = append(a.core.Customers, id)
	a.opt.progress("customers", len(a.core.Customers))
	err := a.stripe(ctx, "customer "+id, func() error {
		_, err := a.lookup(ctx, rightful.TypeCustomer, id)
		return err
	})
	if err != nil || a.customers[id] == rightful.ExistsMissing {
		return err
	}
	for _, t := range rightful.ListedTypes()[1:] {
		err := a.stripe(ctx, "the list of "+string(t)+" of "+id, func() error {
			return each(a.src.Stripe.List(ctx, rightful.ListQuery{Type: t, StripeCustomerID: id}), a.addObject)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// payerOf returns the customer of a subscription, "" when it cannot be told.
func (a *around) payerOf(ctx context.Context, subscription string) (payer string, err error) {
	err = a.stripe(ctx, "subscription "+subscription, func() error {
		o, exists, err := a.src.Stripe.Get(ctx, rightful.TypeSubscription, subscription)
		if exists == rightful.ExistsPresent {
			payer = o.StripeCustomerID
		}
		return err
	})
	return payer, err
}

// byEmail reads the customers with an email, and the sessions at which somebody
// typed it. Stripe compares emails by case, so both forms are asked for.
func (a *around) byEmail(ctx context.Context, email string) error {
	for _, e := range distinct([]string{email, strings.ToLower(email)}) {
		if !a.once("email", e) {
			continue
		}
		var customers []string
		err := a.stripe(ctx, "customers by email", func() error {
			return each(a.src.Stripe.List(ctx, rightful.ListQuery{Type: rightful.TypeCustomer, Email: e}), func(o rightful.Object) {
				a.addObject(o)
				customers = append(customers, o.ID)
			})
		})
		if err != nil {
			return err
		}
		err = a.stripe(ctx, "sessions by email", func() error {
			return each(a.src.Stripe.List(ctx, rightful.ListQuery{Type: rightful.TypeSession, Email: e}), func(o rightful.Object) {
				a.addObject(o)
				customers = append(customers, o.StripeCustomerID)
			})
		})
		if err != nil {
			return err
		}
		for _, id := range distinct(customers) {
			if err := a.customer(ctx, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// byStamp asks Stripe's search where a metadata value stands. Its index lags,
// so a hit leads somewhere and a miss means nothing.
func (a *around) byStamp(ctx context.Context, key, value string) error {
	// Search compares by case, and UUIDs are the same in either.
	for _, same := range distinct([]string{value, strings.ToLower(value), strings.ToUpper(value)}) {
		if !rightful.SameID(same, value) {
			continue
		}
		if err := a.byValue(ctx, key, same); err != nil {
			return err
		}
	}
	return nil
}

func (a *around) byValue(ctx context.Context, key, value string) error {
	if key == "" || !a.once("stamp "+key, value) {
		return nil
	}
	var customers []string
	for _, t := range []rightful.ObjectType{rightful.TypeCustomer, rightful.TypeSubscription, rightful.TypePaymentIntent} {
		err := a.stripe(ctx, "searching "+string(t), func() error {
			found, err := a.src.Stripe.Search(ctx, t, key, value)
			for _, o := range found {
				if t == rightful.TypeCustomer {
					customers = append(customers, o.ID)
				}
				if t == rightful.TypePaymentIntent && o.StripeCustomerID == "" {
					a.addObject(o) // a guest's, whom nothing else leads to
				}
				customers = append(customers, o.StripeCustomerID)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, id := range distinct(customers) {
		if err := a.customer(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// guests completes payments without a customer: a session gets what it made, a
// payment intent the session that made it.
func (a *around) guests(ctx context.Context) error {
	for _, o := range a.objects.all() {
		if o.StripeCustomerID != "" || o.Type == rightful.TypeCustomer || o.Type == rightful.TypeSchedule || !a.once("guest", o.ID) {
			continue
		}
		err := a.stripe(ctx, "the payment of guest "+o.ID, func() error {
			if o.Type == rightful.TypePaymentIntent {
				q := rightful.ListQuery{Type: rightful.TypeSession, PaymentIntentID: o.ID}
				return each(a.src.Stripe.List(ctx, q), a.addObject)
			}
			for t, id := range map[rightful.ObjectType]string{
				rightful.TypeSubscription:  o.SubscriptionID,
				rightful.TypePaymentIntent: o.PaymentIntentID,
			} {
				if id == "" {
					continue
				}
				if _, err := a.lookup(ctx, t, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
