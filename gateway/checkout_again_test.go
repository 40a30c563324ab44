package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"rightful"
	"rightful/gateway"
	"rightful/stripesim"
)

// TestTheSameWishIsOneSession as long as a buyer can be sent to it.
func TestTheSameWishIsOneSession(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(p *premises, id string, r *gateway.CheckoutRequest)
		reused bool
	}{
		{"nothing changed", func(*premises, string, *gateway.CheckoutRequest) {}, true},
		{"put otherwise", func(_ *premises, _ string, r *gateway.CheckoutRequest) {
			r.Metadata, r.StripeParams = map[string]string{}, map[string]any{"metadata": map[string]any{}}
		}, true},
		{"another price", func(_ *premises, _ string, r *gateway.CheckoutRequest) { r.Quantity = 2 }, false},
		{"another page", func(_ *premises, _ string, r *gateway.CheckoutRequest) { r.CancelURL += "/2" }, false},
		{"another key", func(_ *premises, _ string, r *gateway.CheckoutRequest) { r.Metadata = map[string]string{"a": "b"} }, false},
		{"paid", func(p *premises, id string, _ *gateway.CheckoutRequest) {
			if err := p.sim.CompleteCheckout("", id, stripesim.CompleteOptions{Email: "sam@example.com"}); err != nil {
				p.t.Fatal(err)
			}
		}, false},
		{"expired", func(p *premises, id string, _ *gateway.CheckoutRequest) {
			p.call(http.MethodPost, "/v1/checkout/sessions/"+id+"/expire", nil)
		}, false},
		{"soon over", func(p *premises, _ string, _ *gateway.CheckoutRequest) { p.later(24*60*60 - 4*60) }, false},
		{"some time left", func(p *premises, _ string, _ *gateway.CheckoutRequest) { p.later(24*60*60 - 6*60) }, true},
		{"stamped otherwise", func(p *premises, id string, _ *gateway.CheckoutRequest) {
			p.call(http.MethodPost, "/v1/checkout/sessions/"+id, map[string][]string{"metadata[company_id]": {"12"}})
		}, false},
		{"another company now", func(p *premises, _ string, _ *gateway.CheckoutRequest) { p.exec("UPDATE users SET company_id = 12") }, false},
		{"another user of it", func(p *premises, _ string, r *gateway.CheckoutRequest) {
			p.exec("INSERT INTO users VALUES (8, 'eve@example.com', 11)")
			r.UserID = "8"
		}, false},
		{"another customer", func(p *premises, _ string, _ *gateway.CheckoutRequest) {
			p.call(http.MethodDelete, "/v1/customers/"+p.link(11), nil)
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := shop(t, setup{})
			r := buying()
			first, err := p.gateway().CreateCheckoutSession(t.Context(), r)
			if err != nil || first.Reused {
				t.Fatal(first, err)
			}
			tt.change(p, first.ID, &r)
			second, err := p.gateway().CreateCheckoutSession(t.Context(), r)
			if err != nil || second.Reused != tt.reused || (second.ID == first.ID) != tt.reused {
				t.Fatalf("%+v, then %+v %v; reused %v is wanted", first, second, err, tt.reused)
			}
			third, err := p.gateway().CreateCheckoutSession(t.Context(), r)
			if err != nil || third.ID != second.ID || !third.Reused {
				t.Errorf("%+v, then %+v %v", second, third, err)
			}
		})
	}
}

// TestTheBuyersSession is made for a customer that is there, and says what was asked.
func TestTheBuyersSession(t *testing.T) {
	t.Parallel()
	t.Run("the customer is deleted in that moment", func(t *testing.T) {
		t.Parallel()
		p := shop(t, setup{})
		p.opt.Stripe = &meddling{Stripe: p.opt.Stripe, before: map[string]func(){"checkout": func() { p.call(http.MethodDelete, "/v1/customers/"+p.link(11), nil) }}}
		s, err := p.gateway().CreateCheckoutSession(t.Context(), buying())
		if err != nil || p.link(11) != s.StripeCustomerID || p.all("/v1/customers")[0] != s.StripeCustomerID {
			t.Errorf("%+v %v", s, err)
		}
	})
	t.Run("an error that is kept", func(t *testing.T) {
		t.Parallel()
		p := shop(t, setup{})
		p.fault(stripesim.FaultRule{Operation: "checkout_sessions.create", Status: 500, Kept: true})
		g := p.gateway()
		for _, later := range []int64{0, 50, 100} {
			p.later(later)
			_, err := g.CreateCheckoutSession(t.Context(), buying())
			wantKind(t, err, rightful.KindUncertain, "")
		}
		if sent := p.sim.Counts().Operations["checkout_sessions.create"]; sent != 2*5 {
			t.Errorf("sent %d times, want the five attempts of the first and of the second call", sent)
		}
		p.later(20)
		s, err := g.CreateCheckoutSession(t.Context(), buying())
		if all := p.all("/v1/checkout/sessions"); err != nil || len(all) != 1 || all[0] != s.ID {
			t.Errorf("%+v %v, sessions %v", s, err, all)
		}
	})
	t.Run("no answer, and the next day", func(t *testing.T) {
		t.Parallel()
		p := shop(t, setup{})
		p.fault(stripesim.FaultRule{Operation: "checkout_sessions.create", Then: stripesim.FaultDrop, AfterEffect: true, Times: -1})
		_, err := p.gateway().CreateCheckoutSession(t.Context(), buying())
		wantKind(t, err, rightful.KindUncertain, "")
		p.sim.ClearFaults()
		p.later(23*60*60 + 1)
		s, err := p.gateway().CreateCheckoutSession(t.Context(), buying())
		if all := p.all("/v1/checkout/sessions"); err != nil || len(all) != 2 || s.Reused {
			t.Errorf("%+v %v, sessions %v", s, err, all)
		}
	})
	t.Run("the user's address is none", func(t *testing.T) {
		t.Parallel()
		p := shop(t, setup{}, "UPDATE users SET email = 'sam at home'")
		if s, err := p.gateway().CreateCheckoutSession(t.Context(), buying()); err != nil || len(p.all("/v1/customers")) != 1 {
			t.Errorf("%+v %v", s, err)
		}
	})
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		p := shop(t, setup{})
		seen := &recorder{Stripe: p.opt.Stripe}
		p.opt.Stripe = seen
		r := buying()
		r.SuccessURL, r.CancelURL = "", ""
		r.StripeParams = map[string]any{"ui_mode": "embedded", "return_url": "https://app.example.com/return"}
		s, err := p.gateway().CreateCheckoutSession(t.Context(), r)
		wantKind(t, err, rightful.KindInvalid, "ui_mode") // of another version of Stripe's API
		if seen.params["return_url"] != "https://app.example.com/return" || seen.params["success_url"] != nil {
			t.Errorf("%+v %v, sent %v", s, err, seen.params)
		}
		for mode, params := range map[string]map[string]any{
			"embedded_page": {"return_url": "https://app.example.com/return"},
			"elements":      {},
		} {
			params["ui_mode"] = mode
			r.StripeParams = params
			first, err := p.gateway().CreateCheckoutSession(t.Context(), r)
			if err != nil || first.URL != "" || first.ClientSecret == "" || !strings.HasPrefix(first.ClientSecret, first.ID) {
				t.Fatalf("%s: %+v %v", mode, first, err)
			}
			again, err := p.gateway().CreateCheckoutSession(t.Context(), r)
			if again.ClientSecret != first.ClientSecret || !again.Reused || err != nil {
				t.Errorf("%s: %+v, then %+v %v", mode, first, again, err)
			}
			for _, d := range p.told(gateway.DecidedCheckout) {
				if strings.Contains(fmt.Sprintf("%+v", d), "_secret_") {
					t.Errorf("told %+v", d)
				}
			}
		}
	})
}
