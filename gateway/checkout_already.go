package gateway

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"rightful"
)

// AlreadySubscribed is the status of a refusal to sell a company a subscription that it
// has, and the name of the rule that asks for it. No mode refuses it: apps sell seats
// and projects that way. Only a rule of its own does (Options.Rules).
const AlreadySubscribed Status = "already_subscribed"

// alreadyWithin bounds what is only told: nobody waits longer for it before they can pay.
const alreadyWithin = 5 * time.Second

// already returns the ids of the company's live subscriptions with a price that is about
// to be sold, sorted: nil when it is not known, and empty when there is none. It costs
// one request for each hundred subscriptions that the customer ever had, and none where
// the customer was just made. It is an error only where the rule refuses.
func (ck *checkout) already(ctx context.Context, w *wish, fresh bool) ([]string, error) {
	if fresh || w.params["mode"] != "subscription" || len(w.prices()) == 0 {
		return []string{}, nil
	}
	if ck.g.opt.Rules[AlreadySubscribed] == Enforce {
		found, err := ck.subscribed(ctx, w.prices())
		if err == nil && len(found) > 0 {
			err = &Refusal{
				Status: AlreadySubscribed, BuyerMessage: buyerAlready,
				Message: "company " + ck.who.company.ID + " has this subscription already: " + listed(found),
			}
		}
		return found, err
	}
	bounded, cancel := context.WithTimeout(ctx, alreadyWithin)
	defer cancel()
	found, err := ck.subscribed(bounded, w.prices())
	if err != nil {
		ck.g.opt.Logger.LogAttrs(ctx, slog.LevelWarn, "whether the company has this subscription already is not known",
			slog.String("company_id", ck.who.company.ID), slog.String("stripe_customer_id", ck.customer), slog.String("error", err.Error()))
		return nil, ctx.Err()
	}
	return found, nil
}

// subscribed reads the customer's subscriptions.
func (ck *checkout) subscribed(ctx context.Context, prices []string) ([]string, error) {
	found := []string{}
	q := rightful.ListQuery{Type: rightful.TypeSubscription, StripeCustomerID: ck.customer}
	for o, err := range ck.g.opt.Stripe.List(ctx, q) {
		if err != nil {
			return nil, err
		}
		sold := slices.ContainsFunc(o.Items, func(i rightful.Item) bool { return slices.Contains(prices, i.PriceID) })
		if !sold || !o.LiveSubscription() {
			continue
		}
		own, err := ck.owns(ctx, o)
		if err != nil {
			return nil, err
		}
		if own {
			found = append(found, o.ID)
		}
	}
	slices.Sort(found)
	return found, nil
}

// owns reports whether a subscription of the customer is the company's own, and not of
// another one that is charged through the same customer. A stamp that names nobody is
// no other company's.
func (ck *checkout) owns(ctx context.Context, o rightful.Object) (bool, error) {
	keys, company := ck.g.opt.Keys, ck.who.company
	if tag := o.Metadata[keys.Ownership]; keys.Ownership != "" && tag != "" && tag != ck.g.opt.OwnershipValue {
		return false, nil
	}
	stamp := ck.g.stampOf(o)
	if rightful.SameID(stamp, stampFor(company)) {
		return true, nil
	}
	named, err := ck.g.stamped(ctx, stamp)
	switch {
	case err != nil:
		return false, err
	case named != nil:
		return rightful.SameID(named.ID, company.ID) || rightful.SameID(named.MergedInto, company.ID), nil
	}
	return company.BillingParentID == "" || rightful.SameID(stamp, company.ID), nil
}

// prices are the ids of the prices that are sold.
func (w *wish) prices() []string {
	var out []string
	items, _ := w.params["line_items"].([]any)
	for _, item := range items {
		fields, _ := item.(map[string]any)
		if price, _ := fields["price"].(string); strings.TrimSpace(price) != "" {
			out = append(out, price)
		}
	}
	return out
}
