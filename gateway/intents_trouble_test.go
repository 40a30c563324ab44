package gateway_test

import (
	"context"
	"net/http"
	"testing"

	"rightful"
	"rightful/gateway"
)

// forgetful is a store that fails in one call for one kind of intent.
type forgetful struct {
	rightful.IntentStore
	fails string
}

var errStore = &rightful.Error{Kind: rightful.KindUnreachable, Place: "state", Message: "the store does not answer"}

func (f forgetful) call(name string, in rightful.Intent, do func() (rightful.Intent, error)) (rightful.Intent, error) {
	if f.fails == name+" "+string(in.Kind) {
		return rightful.Intent{}, errStore
	}
	return do()
}

func (f forgetful) Promise(ctx context.Context, in rightful.Intent) (rightful.Intent, error) {
	return f.call("promise", in, func() (rightful.Intent, error) { return f.IntentStore.Promise(ctx, in) })
}

func (f forgetful) Send(ctx context.Context, in rightful.Intent) (rightful.Intent, error) {
	return f.call("send", in, func() (rightful.Intent, error) { return f.IntentStore.Send(ctx, in) })
}

func (f forgetful) Keep(ctx context.Context, in rightful.Intent) (rightful.Intent, error) {
	return f.call("keep", in, func() (rightful.Intent, error) { return f.IntentStore.Keep(ctx, in) })
}

func (f forgetful) Renew(ctx context.Context, in rightful.Intent) (rightful.Intent, error) {
	return f.call("renew", in, func() (rightful.Intent, error) { return f.IntentStore.Renew(ctx, in) })
}

// wishes tells what is wished for, and promises no session.
type wishes struct {
	rightful.IntentStore
	last string
}

func (w *wishes) Promise(ctx context.Context, in rightful.Intent) (rightful.Intent, error) {
	if in.Kind == rightful.IntentCheckout {
		w.last = in.Wish
		return rightful.Intent{}, errStore
	}
	return w.IntentStore.Promise(ctx, in)
}

// TestWhatIsNotKeptIsNotDone: without the store nothing is made, and what was made is
// answered once it is kept.
func TestWhatIsNotKeptIsNotDone(t *testing.T) {
	t.Parallel()
	for _, fails := range []string{"promise customer", "send customer", "keep customer", "renew customer", "promise checkout", "keep checkout", "renew checkout"} {
		t.Run(fails, func(t *testing.T) {
			t.Parallel()
			p := shop(t, setup{})
			store := p.opt.Intents
			g := p.gateway()
			switch fails {
			case "renew customer":
				p.promise(60, "cus_wiped")
			case "renew checkout":
				s, err := g.CreateCheckoutSession(t.Context(), buying())
				if err != nil {
					t.Fatal(err)
				}
				p.call(http.MethodPost, "/v1/checkout/sessions/"+s.ID+"/expire", nil)
			}
			p.opt.Intents = forgetful{store, fails}
			if c, err := p.ensure(); err != nil && c != (gateway.Customer{}) {
				t.Errorf("%+v %v", c, err)
			}
			s, err := p.gateway().CreateCheckoutSession(t.Context(), buying())
			if rightful.KindOf(err) != rightful.KindUnreachable || s != (gateway.Session{}) {
				t.Errorf("%+v %v", s, err)
			}
			p.opt.Intents = store
			s, err = p.gateway().CreateCheckoutSession(t.Context(), buying())
			sessions := 1
			if fails == "renew checkout" {
				sessions = 2
			}
			if c, all := p.all("/v1/customers"), p.all("/v1/checkout/sessions"); err != nil || len(c) != 1 || len(all) != sessions || all[0] != s.ID {
				t.Errorf("%+v %v: customers %v, sessions %v", s, err, c, all)
			}
		})
	}
}
