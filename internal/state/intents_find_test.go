package state_test

import "testing"

// TestCheckoutOf: a session leads to whom it was made for, in its own account and mode,
// until its intent is renewed.
func TestCheckoutOf(t *testing.T) {
	onBoth(t, func(b *bench) {
		ctx, s := b.Context(), b.open()
		in := checkout("11", "7", "wish")
		if _, err := s.PromiseCheckout(ctx, in); err != nil {
			b.Fatal(err)
		}
		in.SessionID = "cs_live_1"
		same(b, in)(s.KeepCheckout(ctx, in))
		for _, tt := range []struct {
			account  string
			livemode bool
			session  string
			known    bool
		}{
			{"acct_1", true, "cs_live_1", true},
			{"acct_2", true, "cs_live_1", false},
			{"acct_1", false, "cs_live_1", false},
			{"acct_1", true, "cs_live_2", false},
			{"acct_1", true, "", false},
			{"acct_1", true, "cs_\x00", false},
		} {
			got, known, err := s.CheckoutOf(ctx, tt.account, tt.livemode, tt.session)
			if err != nil || known != tt.known || known && got != in {
				b.Errorf("%+v: %+v, %v, %v", tt, got, known, err)
			}
		}
		next := in
		next.Generation, next.SessionID = 1, ""
		same(b, next)(s.RenewCheckout(ctx, next))
		if _, known, err := s.CheckoutOf(ctx, "acct_1", true, "cs_live_1"); known || err != nil {
			b.Errorf("a renewed intent still leads there: %v, %v", known, err)
		}
	})
}
