package config

import "testing"

func TestUsesGateway(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		c              Config
		uses, observes bool
	}{
		"nothing":              {Config{}, false, true},
		"a mode":               {Config{Gateway: Gateway{Mode: "enforce"}}, true, false},
		"one rule observed":    {Config{Gateway: Gateway{Mode: "enforce", Rules: map[string]string{"no_company": "observe"}}}, true, true},
		"one rule enforced":    {Config{Gateway: Gateway{Rules: map[string]string{"no_company": "enforce"}}}, true, true},
		"what it does not say": {Config{Gateway: Gateway{Mode: "enforce", Rules: map[string]string{"already_subscribed": "observe"}}}, true, false},
		"every rule enforced":  {Config{Gateway: Gateway{Rules: map[string]string{"other_company": "enforce", "company_gone": "enforce", "no_company": "enforce", "needs_sign_in": "enforce"}}}, true, false},
		"tokens":               {Config{Serve: Serve{Tokens: []Token{{}}}}, true, true},
		"webhooks":             {Config{Stripe: Accounts{{WebhookSecrets: []string{"x"}}}}, true, true},
		"a link to fill":       {Config{Directory: Directory{Write: Write{CompanyCustomer: "UPDATE"}}}, true, true},
	} {
		if tt.c.UsesGateway() != tt.uses || tt.c.Gateway.Observes() != tt.observes {
			t.Errorf("%s: uses %v, observes %v", name, tt.c.UsesGateway(), tt.c.Gateway.Observes())
		}
	}
}
