package stripesim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// controlDeliver sends what is due at the clock.
func controlDeliver(s *Server, r *http.Request, _ string) (any, error) {
	if err := readControl(r, &struct{}{}, "send nothing; POST /_sim/clock moves the clock to later deliveries"); err != nil {
		return nil, err
	}
	return s.Deliver(r.Context())
}

// controlDeliveries shows all deliveries, or those of ?state=waiting and the
// like, and of ?endpoint=.
func controlDeliveries(s *Server, r *http.Request, _ string) (any, error) {
	state, endpoint := r.URL.Query().Get("state"), r.URL.Query().Get("endpoint")
	states := []string{deliveryWaiting, deliveryHeld, deliveryLost, deliveryDone, deliveryAbandoned}
	if state != "" && !slices.Contains(states, state) {
		return nil, badControl("use "+strings.Join(states, ", "), "a delivery is never %q", shorten(state))
	}
	shown := slices.DeleteFunc(s.WebhookDeliveries(), func(d WebhookDelivery) bool {
		return state != "" && d.State != state || endpoint != "" && d.Endpoint != endpoint
	})
	return map[string]any{"deliveries": shown}, nil
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

// controlRollSecret gives an endpoint a new secret.
func controlRollSecret(s *Server, r *http.Request, id string) (any, error) {
	const hint = `send {"keep": "24h"} to let the old secret sign too for so long, or nothing to end it now`
	in := struct {
		Keep string `json:"keep"`
	}{}
	if err := readControl(r, &in, hint); err != nil {
		return nil, err
	}
	keep := time.Duration(0)
	if in.Keep != "" {
		var err error
		if keep, err = time.ParseDuration(in.Keep); err != nil || keep < 0 || keep > maxRoll {
			return nil, badControl(hint, "%q is no duration from 0s to 24h", in.Keep)
		}
	}
	secret, err := s.RollWebhookSecret(r.URL.Query().Get("account"), id, keep)
	if err != nil {
		return nil, controlFailure(err, "GET /v1/webhook_endpoints lists the endpoints; name another account with ?account=")
	}
	return newObject("secret", secret), nil
}
