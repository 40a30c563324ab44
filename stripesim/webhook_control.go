package stripesim

import (
	"net/http"
)

// controlDeliver sends what is due at the clock.
func controlDeliver(s *Server, r *http.Request, _ string) (any, error) {
	if err := readControl(r, &struct{}{}, "send nothing; POST /_sim/clock moves the clock to later deliveries"); err != nil {
		return nil, err
	}
	return s.Deliver(r.Context())
}

func controlDeliveries(s *Server, _ *http.Request, _ string) (any, error) {
	return map[string]any{"deliveries": s.WebhookDeliveries()}, nil
}

func controlRelease(s *Server, r *http.Request, _ string) (any, error) {
	if err := readControl(r, &struct{}{}, "send nothing; all that is held is released"); err != nil {
		return nil, err
	}
	return map[string]any{"released": s.ReleaseWebhooks()}, nil
}

func controlWebhookRules(s *Server, _ *http.Request, _ string) (any, error) {
	return map[string]any{"rules": s.WebhookRules()}, nil
}

func controlAddWebhookRule(s *Server, r *http.Request, _ string) (any, error) {
	const hint = `send one rule, for example {"type": "customer.*", "then": "shuffle", "delay": "60s", "times": -1}`
	var rule WebhookRule
	if err := readControl(r, &rule, hint); err != nil {
		return nil, err
	}
	if err := s.DisturbWebhooks(rule); err != nil {
		return nil, badControl(hint, "%v", err)
	}
	return controlWebhookRules(s, r, "")
}

func controlClearWebhookRules(s *Server, r *http.Request, _ string) (any, error) {
	s.ClearWebhookRules()
	return controlWebhookRules(s, r, "")
}

// controlWebhookSecret is for endpoints of worlds, whose secret nobody saw.
func controlWebhookSecret(s *Server, r *http.Request, id string) (any, error) {
	secret, err := s.WebhookSecret(r.URL.Query().Get("account"), id)
	if err != nil {
		return nil, controlFailure(err, "GET /v1/webhook_endpoints lists the endpoints; name another account with ?account=")
	}
	return newObject("secret", secret), nil
}
