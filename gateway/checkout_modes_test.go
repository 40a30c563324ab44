package gateway_test

import (
	"testing"

	"rightful"
)

// TestUIModes: Stripe's words for where the buyer pays go through, and those of earlier
// versions of its API are refused by the name of the parameter.
func TestUIModes(t *testing.T) {
	t.Parallel()
	for mode, embedded := range map[string]bool{"hosted_page": false, "embedded_page": true, "elements": true, "form": true} {
		p := shop(t, setup{})
		r := buying()
		r.StripeParams = map[string]any{"ui_mode": mode}
		if embedded {
			r.SuccessURL, r.CancelURL = "", ""
			r.StripeParams["return_url"] = "https://app.example.com/return"
		}
		if s, err := p.gateway().CreateCheckoutSession(t.Context(), r); err != nil || (s.ClientSecret != "") != embedded || (s.URL == "") != embedded {
			t.Errorf("%s: %+v, %v", mode, s, err)
		}
	}
	for _, mode := range []string{"embedded", "custom", "page"} {
		p := shop(t, setup{})
		r := buying()
		r.SuccessURL, r.CancelURL = "", ""
		r.StripeParams = map[string]any{"ui_mode": mode, "return_url": "https://app.example.com/return"}
		_, err := p.gateway().CreateCheckoutSession(t.Context(), r)
		wantKind(t, err, rightful.KindInvalid, "stripe_params.ui_mode")
	}
}
