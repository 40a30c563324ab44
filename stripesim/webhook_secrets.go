package stripesim

import (
	"fmt"
	"slices"
	"time"
)

// maxRoll is how long an old secret may stay valid (Stripe docs: webhooks, roll
// endpoint signing secrets).
const maxRoll = 24 * time.Hour

// WebhookSecret is the signing secret of an endpoint, which Stripe shows only
// when the endpoint is made. One that came from a world has one too, the same
// in every run with the same seed, unless the world gives its own as
// "_stripesim": {"secret": "whsec_..."}. The account "" is the default account.
// It returns an error when there is no such endpoint.
func (s *Server) WebhookSecret(accountID, endpoint string) (string, error) {
	secret := ""
	err := s.withEndpoint(accountID, endpoint, func(a *account, e *entry) {
		secret = s.secretsOf(a, e, s.now().Unix())[0]
	})
	return secret, err
}

// RollWebhookSecret gives an endpoint a new signing secret and returns it. The
// old one stays valid for keep, at most 24 hours: so long deliveries carry one
// signature of each. Zero ends it at once. It returns an error when there is no
// such endpoint, or keep is out of range.
func (s *Server) RollWebhookSecret(accountID, endpoint string, keep time.Duration) (string, error) {
	if keep < 0 || keep > maxRoll {
		return "", fmt.Errorf("stripesim: roll webhook secret: an old secret can stay valid from 0s to 24h, not %s", keep)
	}
	now, fresh := s.now().Unix(), ""
	err := s.withEndpoint(accountID, endpoint, func(a *account, e *entry) {
		valid := s.secretsOf(a, e, now)
		hidden := parseObject(e.hidden)
		if hidden == nil {
			hidden = newObject()
		}
		until := now + int64(keep/time.Second)
		var old []any
		for i, secret := range valid {
			end := until
			if i > 0 { // rolled before: its own time goes on
				end = min(until, oldUntil(hidden, secret))
			}
			if end > now {
				old = append(old, newObject("secret", secret, "until", end))
			}
		}
		rolls := hidden.int("rolls") + 1
		fresh = "whsec_" + token(s.seed, a.id+"/"+e.id, uint64(rolls), 32)
		hidden.set("secret", fresh)
		hidden.set("rolls", rolls)
		hidden.set("old_secrets", old)
		e.hidden = hidden.raw()
	})
	return fresh, err
}

// withEndpoint calls f with an endpoint of either mode, under the lock of its
// account.
func (s *Server) withEndpoint(accountID, endpoint string, f func(a *account, e *entry)) error {
	a := s.account(accountID)
	if a == nil {
		return nothingNamed("stripesim: webhook secret: there is no account %s", accountID)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, st := range a.modes {
		if e := st.endpoint(endpoint); e != nil {
			f(a, e)
			return nil
		}
	}
	return nothingNamed("stripesim: webhook secret: account %s has no endpoint %s", a.id, endpoint)
}

// endpoint is what webhooks go to by this id, nil when there is none.
func (st *store) endpoint(id string) *entry {
	if e := st.tables["webhook_endpoint"].byID[id]; e != nil {
		return e
	}
	return st.tables["v2.core.event_destination"].byID[id]
}

// secretsOf are the secrets that sign for an endpoint at this moment, the
// newest first. There is always one.
func (s *Server) secretsOf(a *account, endpoint *entry, now int64) []string {
	hidden := parseObject(endpoint.hidden)
	secrets := []string{orElse(hidden.str("secret"), s.newSecret(a, endpoint.id))}
	for _, raw := range elements(hidden.get("old_secrets")) {
		if old := parseObject(raw); old.int("until") > now && !slices.Contains(secrets, old.str("secret")) {
			secrets = append(secrets, old.str("secret"))
		}
	}
	return secrets
}

// oldUntil is how long an old secret is valid, 0 for none.
func oldUntil(hidden *object, secret string) int64 {
	for _, raw := range elements(hidden.get("old_secrets")) {
		if old := parseObject(raw); old.str("secret") == secret {
			return old.int("until")
		}
	}
	return 0
}

func (s *Server) newSecret(a *account, endpoint string) string {
	return "whsec_" + token(s.seed, a.id+"/"+endpoint, 0, 32)
}
