package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// InvestigateAccounts investigates WHO in that account of several which has it. The id of a
// Stripe object is looked up in each; a user or a company is looked at in each, and the one
// with something in Stripe is shown. Where several have, the error is of kind ambiguous.
func InvestigateAccounts(ctx context.Context, engines []*Engine, who string) (*Investigation, error) {
	if t := typeOfID(who); t != "" {
		at, err := whereIs(ctx, engines, t, who)
		if err != nil {
			return nil, err
		}
		return engines[at].Investigate(ctx, who)
	}
	looks, failed := make([]*Investigation, len(engines)), make([]error, len(engines))
	_ = eachAccount(engines, func(i int, e *Engine) error {
		looks[i], failed[i] = e.Investigate(ctx, who)
		return nil // each keeps its own error: who is nobody in one may be somebody in another
	})
	if ctx.Err() == nil && slices.ContainsFunc(failed, func(err error) bool { return err != nil && rightful.KindOf(err) != rightful.KindNotFound }) {
		return nil, failed[slices.IndexFunc(failed, func(err error) bool { return err != nil && rightful.KindOf(err) != rightful.KindNotFound })]
	}
	return chosen(engines, looks, failed, who)
}

// chosen returns the look at the account that has something of who.
func chosen(engines []*Engine, looks []*Investigation, failed []error, who string) (*Investigation, error) {
	at, with := -1, []string{}
	for i, look := range looks {
		switch {
		case look == nil:
		case look.found():
			with = append(with, engines[i].Expect.Account)
			at = i
		case at < 0 || looks[at] == nil:
			at = i
		}
	}
	switch {
	case at < 0:
		return nil, failed[0]
	case len(with) > 1:
		return nil, &rightful.Error{
			Kind: rightful.KindAmbiguous, Place: "WHO", Message: fmt.Sprintf("%s has something in %d Stripe accounts: %s", quoted(who), len(with), strings.Join(with, ", ")),
			Hint: fmt.Sprintf("look at one of them: rightful investigate %s --account %s", who, with[0]),
		}
	}
	if len(with) == 1 {
		at = slices.IndexFunc(engines, func(e *Engine) bool { return e.Expect.Account == with[0] })
	}
	inv := looks[at]
	inv.Counts.StripeGETs = 0
	for i, look := range looks {
		inv.Counts.StripeGETs += engines[i].gets()
		other := engines[i].Expect.Account
		switch {
		case i == at:
		case look == nil || look.Complete:
			inv.Notes = append(inv.Notes, "account "+other+" has nothing of it")
		default: // it may have
			inv.Complete = false
			for _, why := range look.IncompleteBecause {
				inv.IncompleteBecause = append(inv.IncompleteBecause, other+": "+why)
			}
		}
	}
	return inv, nil
}

// found reports whether Stripe has anything of what was looked for.
func (inv *Investigation) found() bool {
	return slices.ContainsFunc(inv.Families, func(f FamilyView) bool { return len(f.Objects) > 0 || f.Exists == "deleted" })
}

// whereIs returns which account has an object; where none has, the first, which says so.
func whereIs(ctx context.Context, engines []*Engine, t rightful.ObjectType, id string) (int, error) {
	has, failed := make([]bool, len(engines)), make([]error, len(engines))
	_ = eachAccount(engines, func(i int, e *Engine) error {
		get := e.Sources.Stripe.Get
		if own, ok := e.Sources.Stripe.(interface {
			GetHere(context.Context, rightful.ObjectType, string) (rightful.Object, rightful.Existence, error)
		}); ok {
			get = own.GetHere
		}
		var exists rightful.Existence
		_, exists, failed[i] = get(ctx, t, id)
		has[i] = exists == rightful.ExistsPresent || exists == rightful.ExistsDeleted
		return nil // one that has it is enough
	})
	if at := slices.Index(has, true); at >= 0 {
		return at, nil
	}
	for i, err := range failed {
		if err != nil && ctx.Err() == nil {
			return 0, &rightful.Error{
				Kind: rightful.KindOf(err), Place: "stripe", Message: fmt.Sprintf("account %s could not be asked for %s, and no other has it: %s", engines[i].Expect.Account, quoted(id), plain(err)),
				Hint: "run it again, or name the account that has it: --account", Err: err,
			}
		}
	}
	return 0, nil
}
