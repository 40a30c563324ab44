package gateway

import (
	"context"
	"fmt"
	"slices"

	"rightful"
)

// Join tells gateways of each other that are those of one app's several Stripe accounts:
// over one database and one store of intents. Afterwards each answers for all of them. What
// is made for a company is made in its account: the one that its row names (column
// stripe_account), else the one that has the customer it links, else the first. What is
// asked about an object is answered by the account that has it.
//
// It is called once, before any of them is used. Every gateway has to have
// Options.Account; an error is of kind invalid.
func Join(gateways ...*Gateway) error {
	seen := map[string]bool{}
	for _, g := range gateways {
		switch account := g.opt.Account; {
		case account == "":
			return wrongOption("Account", "it is required of each of several gateways")
		case seen[account]:
			return wrongOption("Account", account+" has a gateway already")
		}
		seen[g.opt.Account] = true
	}
	if len(gateways) < 2 {
		return nil
	}
	for _, g := range gateways {
		g.joined = slices.Clone(gateways)
	}
	return nil
}

// all are the gateways of the app's accounts, in their order.
func (g *Gateway) all() []*Gateway {
	if len(g.joined) == 0 {
		return []*Gateway{g}
	}
	return g.joined
}

// named returns the gateway of an account, nil when the app has none.
func (g *Gateway) named(account string) *Gateway {
	for _, other := range g.all() {
		if other.opt.Account == account {
			return other
		}
	}
	return nil
}

// others are the gateways beside this one.
func (g *Gateway) others() []*Gateway {
	return slices.DeleteFunc(slices.Clone(g.joined), func(other *Gateway) bool { return other == g })
}

// of returns the gateway of the account that a live company pays in. A row that names an
// account that the app does not have is an error of kind refused.
func (g *Gateway) of(ctx context.Context, c rightful.Company) (*Gateway, error) {
	if len(g.joined) == 0 && c.StripeAccount == "" {
		return g, nil
	}
	payer, err := g.payerOf(ctx, c)
	if err != nil {
		return g, err
	}
	if account := payer.StripeAccount; account != "" {
		own := g.named(account)
		if own == nil && len(g.joined) == 0 && g.opt.Account == "" {
			return g, nil // which one the key opens is not said
		}
		if own == nil {
			return nil, &rightful.Error{
				Kind: rightful.KindRefused, Code: rightful.CodeWrongAccount, Place: "stripe", Message: fmt.Sprintf("the row of company %s says that it pays in account %s, which is not configured", payer.ID, account),
				Hint: "add the account to stripe in the config, or correct the row",
			}
		}
		return own, nil
	}
	links := (&choice{g: g, company: payer})
	at, err := links.linkedIDs(ctx, payer)
	if err != nil {
		return nil, err
	}
	for _, id := range at {
		if own, err := g.having(ctx, rightful.TypeCustomer, id); err != nil || own != nil {
			return own, err
		}
	}
	return g.joined[0], nil
}

// having returns the gateway of the account that has an object, nil when none has. An
// account that does not answer is an error, unless another has the object.
func (g *Gateway) having(ctx context.Context, t rightful.ObjectType, id string) (*Gateway, error) {
	var failed error
	for _, other := range g.all() {
		_, exists, err := other.getHere(ctx, t, id)
		switch {
		case err != nil:
			failed = err
		case exists == rightful.ExistsPresent || exists == rightful.ExistsDeleted:
			return other, nil
		}
	}
	return nil, failed
}

// getHere looks an object up in the gateway's own account alone.
func (g *Gateway) getHere(ctx context.Context, t rightful.ObjectType, id string) (rightful.Object, rightful.Existence, error) {
	if own, several := g.opt.Stripe.(interface {
		GetHere(context.Context, rightful.ObjectType, string) (rightful.Object, rightful.Existence, error)
	}); several {
		return own.GetHere(ctx, t, id)
	}
	return g.opt.Stripe.Get(ctx, t, id)
}

// linkedIDs returns the customers that a company links, placeholders left out.
func (ch *choice) linkedIDs(ctx context.Context, c rightful.Company) ([]string, error) {
	at, err := ch.standing(ctx, c)
	return at.customers, err
}

// here reports whether a row of the table of links is about this account. Where the row
// does not say so, its customer is looked for.
func (ch *choice) here(ctx context.Context, l rightful.Link) (bool, error) {
	g := ch.g
	switch {
	case l.StripeAccount != "" && g.opt.Account != "":
		return l.StripeAccount == g.opt.Account, nil
	case len(g.joined) == 0 || ch.account.ID == "":
		return true, nil
	}
	own, err := g.having(ctx, rightful.TypeCustomer, l.StripeCustomerID)
	return own == nil || own == g, err
}
