package gateway_test

import (
	"context"
	"errors"
	"regexp"
	"testing"

	"rightful"
	"rightful/gateway"
	"rightful/stripesim"
)

var pending = []*regexp.Regexp{regexp.MustCompile("^pending_")}

func errorsAs(err error) (*rightful.Error, bool) { return errors.AsType[*rightful.Error](err) }

func refusedWith(err error) gateway.Status {
	if r, ok := errors.AsType[*gateway.Refusal](err); ok {
		return r.Status
	}
	return ""
}

// TestOptions: what is wrong is named.
func TestOptions(t *testing.T) {
	t.Parallel()
	p := shop(t, setup{})
	for _, tt := range []struct {
		field  string
		change func(*gateway.Options)
	}{
		{"Directory", func(o *gateway.Options) { o.Directory = nil }},
		{"Stripe", func(o *gateway.Options) { o.Stripe = nil }},
		{"Intents", func(o *gateway.Options) { o.Intents = nil }},
		{"Keys.Company", func(o *gateway.Options) { o.Keys.Company = "" }},
		{"Keys.User", func(o *gateway.Options) { o.Keys.User = "" }},
		{"Keys.User", func(o *gateway.Options) { o.Keys.User = "company_id" }},
		{"Keys.AlsoRead", func(o *gateway.Options) { o.Keys.AlsoRead = []string{"user_id"} }},
		{"Keys.Company", func(o *gateway.Options) { o.Keys.Company = "a[b]" }},
		{"OwnershipValue", func(o *gateway.Options) { o.OwnershipValue = "" }},
		{"OwnershipValue", func(o *gateway.Options) { o.Keys.Ownership = "" }},
		{"Account", func(o *gateway.Options) { o.Account = "mine" }},
		{"Mode", func(o *gateway.Options) { o.Mode = "strict" }},
		{"Rules", func(o *gateway.Options) { o.Rules = map[gateway.Status]gateway.Mode{gateway.NotPaid: gateway.Enforce} }},
		{"Rules", func(o *gateway.Options) { o.Rules = map[gateway.Status]gateway.Mode{gateway.OtherCompany: "maybe"} }},
	} {
		o := p.opt
		tt.change(&o)
		_, err := gateway.New(o)
		wrong, ok := errorsAs(err)
		if !ok || wrong.Kind != rightful.KindInvalid || wrong.Place != "gateway.Options."+tt.field {
			t.Errorf("%v, want an invalid %s", err, tt.field)
		}
	}
	if _, err := gateway.New(p.opt); err != nil {
		t.Error(err)
	}
}

// TestTheWrongAccount is refused before anything is made; an account that could not be
// read is asked for again.
func TestTheWrongAccount(t *testing.T) {
	t.Parallel()
	live := true
	for _, tt := range []struct {
		change func(*gateway.Options)
		fits   bool
	}{
		{func(o *gateway.Options) { o.Account = "acct_1Other" }, false},
		{func(o *gateway.Options) { test := false; o.Livemode = &test }, false},
		{func(o *gateway.Options) { o.Account, o.Livemode = simAccount, &live }, true},
	} {
		p := shop(t, setup{options: tt.change})
		g := p.gateway()
		p.fault(stripesim.FaultRule{Operation: "account.retrieve", Status: 500, Times: 5})
		_, err := g.EnsureCustomer(t.Context(), "11", gateway.CustomerDetails{})
		wantKind(t, err, rightful.KindUnavailable, "")
		for range 2 {
			_, err = g.CreateCheckoutSession(t.Context(), buying())
			if tt.fits && err != nil || !tt.fits && (codeOf(err) != "RF901" || rightful.KindOf(err) != rightful.KindRefused) {
				t.Error(err)
			}
		}
		if got := len(p.all("/v1/customers")); got > 0 != tt.fits {
			t.Errorf("%d customers", got)
		}
		if n := p.sim.Counts().Operations["account.retrieve"]; n != 6 {
			t.Errorf("the account was asked for %d times, of which 5 failed", n)
		}
	}
}

// TestMemoryKeepsIntents as a store does.
func TestMemoryKeepsIntents(t *testing.T) {
	t.Parallel()
	ctx, m := t.Context(), gateway.NewMemory()
	first := rightful.Intent{Kind: rightful.IntentCustomer, Account: "acct_1", CompanyID: "11", Generation: 1, Name: "A"}
	second := first
	second.Name, second.ObjectID = "B", "cus_B"
	sent := func(at, last int64) rightful.Intent {
		in := first
		in.At, in.SentAt = at, last
		return in
	}
	if got, err := m.Keep(ctx, second); err == nil {
		t.Error("kept without a promise:", got)
	}
	for _, step := range []struct {
		do   func(context.Context, rightful.Intent) (rightful.Intent, error)
		in   rightful.Intent
		want rightful.Intent
	}{
		{m.Promise, first, first},
		{m.Promise, second, first},
		{m.Send, rightful.Intent{Kind: rightful.IntentCustomer, Account: "acct_1", CompanyID: "11", Generation: 1, SentAt: 40}, sent(40, 40)},
		{m.Send, rightful.Intent{Kind: rightful.IntentCustomer, Account: "acct_1", CompanyID: "11", Generation: 1, SentAt: 50}, sent(40, 50)},
		{m.Send, rightful.Intent{Kind: rightful.IntentCustomer, Account: "acct_1", CompanyID: "11", Generation: 1, SentAt: 45}, sent(40, 50)},
		{m.Send, rightful.Intent{Kind: rightful.IntentCustomer, Account: "acct_1", CompanyID: "11", Generation: 2, SentAt: 60}, sent(40, 50)},
		{m.Keep, second, rightful.Intent{Kind: rightful.IntentCustomer, Account: "acct_1", CompanyID: "11", Generation: 1, Name: "A", At: 40, SentAt: 50, ObjectID: "cus_B"}},
		{m.Keep, rightful.Intent{Kind: rightful.IntentCustomer, Account: "acct_1", CompanyID: "11", Generation: 1, ObjectID: "cus_C"}, rightful.Intent{Kind: rightful.IntentCustomer, Account: "acct_1", CompanyID: "11", Generation: 1, Name: "A", At: 40, SentAt: 50, ObjectID: "cus_B"}},
		{m.Renew, rightful.Intent{Kind: rightful.IntentCustomer, Account: "acct_1", CompanyID: "11", Generation: 2}, rightful.Intent{Kind: rightful.IntentCustomer, Account: "acct_1", CompanyID: "11", Generation: 2}},
		{m.Renew, rightful.Intent{Kind: rightful.IntentCustomer, Account: "acct_1", CompanyID: "11", Generation: 2, Name: "C"}, rightful.Intent{Kind: rightful.IntentCustomer, Account: "acct_1", CompanyID: "11", Generation: 2}},
	} {
		if got, err := step.do(ctx, step.in); err != nil || got != step.want {
			t.Errorf("%+v: %+v %v, want %+v", step.in, got, err, step.want)
		}
	}
	p := shop(t, setup{options: func(o *gateway.Options) { o.Intents, o.Writer = m, nil }})
	a, err := p.gateway().CreateCheckoutSession(ctx, buying())
	if err != nil {
		t.Fatal(err)
	}
	if b, err := p.gateway().CreateCheckoutSession(ctx, buying()); err != nil || b.ID != a.ID || !b.Reused {
		t.Errorf("%+v, then %+v %v", a, b, err)
	}
}
