package gateway

import (
	"context"
	"fmt"
	"sync"

	"rightful"
)

// opened remembers which account the key opens.
type opened struct {
	mu    sync.Mutex
	read  bool
	known rightful.Account
}

// opens returns the account that the Stripe key opens, and refuses any but the
// expected one with code RF901. It is read once; an error is not remembered.
func (g *Gateway) opens(ctx context.Context) (rightful.Account, error) {
	g.account.mu.Lock()
	defer g.account.mu.Unlock()
	if !g.account.read {
		account, err := g.opt.Stripe.Account(ctx)
		if err != nil {
			return rightful.Account{}, err
		}
		g.account.read, g.account.known = true, account
	}
	return g.account.known, g.expected(g.account.known)
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
