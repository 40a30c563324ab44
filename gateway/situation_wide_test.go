package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"rightful/gateway"
	"rightful/stripesim"
)

// theirs opens premises with a session of company 11 that a narrow look cannot refuse: its
// stamps were removed. It returns the session and its customer.
func theirs(t *testing.T) (p *premises, g *gateway.Gateway, session, customer string) {
	t.Helper()
	p = rent(t, setup{}, premisesOfTwo(), "")
	g = p.gateway()
	session = p.buys(g, "subscription")
	if err := p.sim.CompleteCheckout(simAccount, session, stripesim.CompleteOptions{Email: "bela@example.com"}); err != nil {
		t.Fatal(err)
	}
	restamp("")(p, session)
	return p, g, session, p.all("/v1/customers")[0]
}

// TestARefusalIsRemembered: what was refused after a wide look costs one request for a
// minute, to the same user, as long as nothing changes that a narrow look sees.
func TestARefusalIsRemembered(t *testing.T) {
	t.Parallel()
	p, g, session, customer := theirs(t)
	const wide, narrow = true, false
	asked := func(what string, want gateway.Status, widely bool, ask func() (gateway.Status, string, error)) string {
		t.Helper()
		before := p.requests()
		status, text, err := ask()
		if n := p.requests() - before; err != nil || status != want || (n > 1) != widely {
			t.Errorf("%s: %s, %v after %d requests, want %s", what, status, err, n, want)
		}
		return text
	}
	validate := func(user string, operator bool) func() (gateway.Status, string, error) {
		return func() (gateway.Status, string, error) {
			v, err := g.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: session, UserID: user, Operator: operator})
			return v.Status, text(v), err
		}
	}
	first := asked("first", gateway.OtherCompany, wide, validate("9", false))
	if again := asked("again", gateway.OtherCompany, narrow, validate("9", false)); again != first {
		t.Errorf("first\n%s\nand then\n%s", first, again)
	}
	asked("an operator", gateway.OtherCompany, wide, validate("9", true))
	guards := map[string]func(context.Context, gateway.GuardRequest) (gateway.Guarded, error){"customer": g.GuardCustomer, "portal": g.GuardPortal}
	for name, guard := range guards {
		ask := func() (gateway.Status, string, error) {
			got, err := guard(t.Context(), gateway.GuardRequest{UserID: "9", ID: customer})
			return got.Status, "", err
		}
		asked("the guard of a "+name, gateway.OtherCompany, wide, ask)
		asked("the guard of a "+name+" again", gateway.OtherCompany, narrow, ask)
	}
	asked("the guard of a session", gateway.OtherCompany, narrow, func() (gateway.Status, string, error) {
		got, err := g.GuardSession(t.Context(), gateway.GuardRequest{UserID: "9", ID: session})
		return got.Status, "", err
	})
	asked("the buyer's colleague", gateway.Valid, wide, validate("8", false))
	asked("the buyer's colleague again", gateway.Valid, narrow, validate("8", false))
	asked("the guard of the buyer's colleague", gateway.Valid, narrow, func() (gateway.Status, string, error) {
		got, err := g.GuardSession(t.Context(), gateway.GuardRequest{UserID: "8", ID: session})
		return got.Status, "", err
	})
	asked("an operator for the colleague", gateway.Valid, wide, validate("8", true))
	p.later(10)
	asked("the buyer's colleague ten seconds later", gateway.Valid, wide, validate("8", false))

	p.later(49)
	asked("almost a minute later", gateway.OtherCompany, narrow, validate("9", false))
	p.exec("INSERT INTO memberships VALUES (9, 11, 1, NULL)")
	asked("as a member", gateway.Valid, wide, validate("9", false))
	asked("as a member again", gateway.Valid, narrow, validate("9", false))
	p.exec("DELETE FROM memberships WHERE user_id = 9 AND company_id = 11")
	asked("as before", gateway.OtherCompany, narrow, validate("9", false))
	p.call(http.MethodPost, "/v1/checkout/sessions/"+session, url.Values{"metadata[user_id]": {"8"}})
	asked("after the session changed", gateway.OtherCompany, wide, validate("9", false))
	asked("and again", gateway.OtherCompany, narrow, validate("9", false))
	p.later(60)
	asked("a minute later", gateway.OtherCompany, wide, validate("9", false))
}

// TestEqualQuestionsShareOneLook: twenty at once are answered by one wide look, be the
// payment refused, or valid and with something wrong about it; and operators, for whom
// nothing old is good enough, by few that began after they asked.
func TestEqualQuestionsShareOneLook(t *testing.T) {
	t.Parallel()
	for _, who := range []struct {
		name, user string
		operator   bool
		want       gateway.Status
		looks      int
	}{
		{"a stranger", "9", false, gateway.OtherCompany, 1},
		{"a colleague", "8", false, gateway.Valid, 1},
		{"the buyer", "7", false, gateway.Valid, 1},
		{"an operator", "7", true, gateway.Valid, 8},
	} {
		t.Run(who.name, func(t *testing.T) {
			t.Parallel()
			p, g, session, customer := theirs(t)
			if who.user == "7" { // narrowly valid, but for what is wrong with its customer
				restamp("11")(p, session)
				p.call(http.MethodPost, "/v1/customers/"+customer, url.Values{"metadata[company_id]": {"4"}})
			}
			ask := func(g *gateway.Gateway) {
				v, err := g.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: session, UserID: who.user, Operator: who.operator})
				if err != nil || v.Status != who.want {
					t.Errorf("%s, %v", v.Status, err)
				}
			}
			one := p.requests()
			ask(g)
			if one = p.requests() - one; one < 5 {
				t.Fatalf("the test is wrong: one takes %d requests, which is a narrow look", one)
			}
			other := p.gateway()
			if _, err := other.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: "cs_live_nothing", UserID: "9"}); err != nil { // the account is known then
				t.Fatal(err)
			}
			before := p.requests()
			const many = 20
			var all sync.WaitGroup
			for range many {
				all.Go(func() { ask(other) })
			}
			all.Wait()
			if n := p.requests() - before; n > many+who.looks*one {
				t.Errorf("%d at once took %d requests, and one takes %d", many, n, one)
			}
		})
	}
}

// TestFewWideLooksAtATime: however many ask, four are looked at widely at a time, and one
// for each user; who gives up makes room.
func TestFewWideLooksAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w gateway.Wide
		var under, most, looks atomic.Int64
		release := make(chan struct{})
		look := func() (gateway.Status, error) {
			looks.Add(1)
			if n := under.Add(1); n > most.Load() {
				most.Store(n)
			}
			<-release
			under.Add(-1)
			return gateway.OtherCompany, nil
		}
		for i := range 20 {
			go w.Ask(t.Context(), fmt.Sprintf("cs_greedy_%d", i), "9", noon, look)
		}
		synctest.Wait()
		if n := under.Load(); n != 1 {
			t.Errorf("one user has %d looks at a time", n)
		}
		ctx, giveUp := context.WithCancel(t.Context())
		for i := range 20 {
			go w.Ask(ctx, "cs_1", fmt.Sprintf("user_%d", i), noon, look)
		}
		synctest.Wait()
		if n := under.Load(); n != 4 {
			t.Errorf("%d looks at a time", n)
		}
		w.Own = true // who has paid does not wait for them
		go w.Ask(ctx, "cs_2", "user_own", noon, look)
		synctest.Wait()
		if n := under.Load(); n != 5 {
			t.Errorf("%d looks at a time, with one of a payment that seems to be the user's", n)
		}
		w.Own = false
		giveUp()
		synctest.Wait()
		close(release)
		synctest.Wait()
		if n := looks.Load(); most.Load() != 5 || n != 24 {
			t.Errorf("%d looks, %d at a time", n, most.Load())
		}
		if _, err := w.Ask(ctx, "cs_1", "user_new", noon, look); !errors.Is(err, context.Canceled) && err != nil {
			t.Error(err)
		}
	})
}

// TestWhatIsRemembered: refusals that rest on whose something is, for a minute, and ten
// thousand of them.
func TestWhatIsRemembered(t *testing.T) {
	t.Parallel()
	var w gateway.Wide
	looks := 0
	ask := func(id string, at int64, status gateway.Status, err error) gateway.Status {
		got, _ := w.Ask(t.Context(), id, "9", at, func() (gateway.Status, error) {
			looks++
			return status, err
		})
		return got
	}
	for _, status := range []gateway.Status{gateway.Valid, gateway.NotPaid, gateway.Processing, gateway.Expired, gateway.NeedsSignIn} {
		ask("cs_1", noon, status, nil)
	}
	ask("cs_1", noon, gateway.OtherCompany, errors.New("broken"))
	if w.Kept() != 0 || looks != 6 {
		t.Errorf("%d are remembered after %d looks", w.Kept(), looks)
	}
	for i, at := range []int64{noon, noon + 59, noon + 60, noon + 100, noon + 59, noon + 118, noon + 119} {
		ask("cs_1", at, gateway.OtherCompany, nil)
		if want := []int{7, 7, 8, 8, 9, 9, 10}[i]; looks != want {
			t.Errorf("at noon+%d: %d looks, want %d", at-noon, looks, want)
		}
	}
	for i := range 10_500 {
		ask(fmt.Sprintf("cs_many_%d", i), noon+119, gateway.NoCompany, nil)
	}
	if w.Kept() != 10_000 {
		t.Errorf("%d are remembered", w.Kept())
	}
	if before := looks; ask("cs_many_10499", noon+120, gateway.Valid, nil) != gateway.NoCompany || looks != before {
		t.Error("the last is forgotten")
	}
	ask("cs_new", noon+300, gateway.NoCompany, nil)
	if w.Kept() != 1 {
		t.Errorf("%d are remembered when all but one are old", w.Kept())
	}
}
