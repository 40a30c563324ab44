package gateway

import (
	"context"
	"fmt"
	"sync/atomic"

	"rightful"
)

// opened remembers which account the key opens.
type opened struct {
	reading turns // one asks, and the others wait for its answer
	known   atomic.Pointer[rightful.Account]
}

// opens returns the account that the Stripe key opens, and refuses any but the
// expected one with code RF901. It is read once; an error is not remembered.
func (g *Gateway) opens(ctx context.Context) (rightful.Account, error) {
	if known := g.account.known.Load(); known != nil {
		return *known, g.expected(*known)
	}
	leave, err := g.account.reading.take(ctx, "")
	if err != nil {
		return rightful.Account{}, err
	}
	defer leave()
	known := g.account.known.Load()
	if known == nil {
		account, err := g.opt.Stripe.Account(ctx)
		if err != nil {
			return rightful.Account{}, err
		}
		known = &account
		g.account.known.Store(known)
	}
	return *known, g.expected(*known)
}

// expected compares an account with what the options expect.
func (g *Gateway) expected(a rightful.Account) error {
	refused := func(message, hint string) error {
		return &rightful.Error{Kind: rightful.KindRefused, Code: rightful.CodeWrongAccount, Place: "stripe", Message: message, Hint: hint}
	}
	mode := map[bool]string{true: "live mode", false: "test mode"}
	switch o := g.opt; {
	case o.Account != "" && a.ID == "":
		return refused(fmt.Sprintf("account %s is expected, and the key may not read which account it opens", o.Account),
			"give the restricted key read access to the account, or expect none")
	case o.Account != "" && a.ID != o.Account:
		return refused(fmt.Sprintf("the Stripe key opens account %s, and %s is expected", a.ID, o.Account),
			"use the key of the account that the database belongs to")
	case o.Livemode != nil && !a.LivemodeKnown:
		return refused(fmt.Sprintf("%s is expected, and the key does not tell which mode it opens", mode[*o.Livemode]),
			"use a key that begins with sk_live_, rk_live_, sk_test_ or rk_test_")
	case o.Livemode != nil && a.Livemode != *o.Livemode:
		return refused(fmt.Sprintf("the Stripe key opens %s, and %s is expected", mode[a.Livemode], mode[*o.Livemode]),
			"use the key of the mode that the database belongs to")
	}
	return nil
}
