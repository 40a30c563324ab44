package stripesim

import (
	"encoding/json"
	"fmt"
	"time"
)

// WebhookEffect is what a rule does to the delivery of an event.
type WebhookEffect string

// The effects of webhook rules.
const (
	// WebhookHold keeps a delivery back until ReleaseWebhooks.
	WebhookHold WebhookEffect = "hold"
	// WebhookLose never sends it. The event stays pending, as one does at Stripe
	// that no receiver acknowledged.
	WebhookLose WebhookEffect = "lose"
	// WebhookDelay sends it Delay later.
	WebhookDelay WebhookEffect = "delay"
	// WebhookDuplicate sends it twice; the second copy comes Delay later.
	WebhookDuplicate WebhookEffect = "duplicate"
	// WebhookShuffle sends it at a moment drawn by the seed, up to Delay later,
	// so that events of that window arrive in another order.
	WebhookShuffle WebhookEffect = "shuffle"
)

// WebhookRule is disorder by script: which deliveries it meets, and what
// happens to them. It meets those of events that happen after it was given.
type WebhookRule struct {
	// Endpoint is the id of a webhook endpoint; empty means every one.
	Endpoint string `json:"endpoint,omitempty"`
	// Type is the type of the event, with * for any text: customer.*. Empty
	// means every type.
	Type string `json:"type,omitempty"`
	// Nth is the first matching delivery that is met, counted from 1. Zero
	// means 1.
	Nth int `json:"nth,omitempty"`
	// Times is how many matching deliveries are met from there on. Zero means
	// one, a negative number all.
	Times int `json:"times,omitempty"`
	// Then is what happens.
	Then WebhookEffect `json:"then"`
	// Delay is a duration of the server's clock, for delay, duplicate and
	// shuffle. In JSON it is written as "90s".
	Delay time.Duration `json:"-"`
}

// WebhookRuleState is a rule and what became of it.
type WebhookRuleState struct {
	// Rule is the rule as it was given.
	Rule WebhookRule `json:"rule"`
	// Matched counts the deliveries that it is for, Met those that it happened to.
	Matched int `json:"matched"`
	Met     int `json:"met"`
}

// MarshalJSON writes Delay as text.
func (r WebhookRule) MarshalJSON() ([]byte, error) {
	type plain WebhookRule
	out := struct {
		plain
		Delay string `json:"delay,omitempty"`
	}{plain(r), delayText(r.Delay)}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *WebhookRule) UnmarshalJSON(raw []byte) error {
	type plain WebhookRule
	in := struct {
		plain
		Delay string `json:"delay"`
	}{}
	if err := decodeStrict(raw, &in); err != nil {
		return err
	}
	*r = WebhookRule(in.plain)
	return readDelay(in.Delay, "90s or 2h", &r.Delay)
}

// DisturbWebhooks adds a rule. Of several rules that meet the same delivery the
// first one happens, and the others count it as matched. It returns an error
// for a rule that does nothing.
func (s *Server) DisturbWebhooks(rule WebhookRule) error {
	if err := rule.settle(); err != nil {
		return fmt.Errorf("stripesim: webhook rule: %w", err)
	}
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	s.hooks.rules = append(s.hooks.rules, &WebhookRuleState{Rule: rule})
	return nil
}

// WebhookRules returns the rules in the order they were given.
func (s *Server) WebhookRules() []WebhookRuleState {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	out := make([]WebhookRuleState, len(s.hooks.rules))
	for i, r := range s.hooks.rules {
		out[i] = *r
	}
	return out
}

// ClearWebhookRules removes every rule. Deliveries that a rule has met stay as
// they are.
func (s *Server) ClearWebhookRules() {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	s.hooks.rules = nil
}

// settle checks a rule and fills in what it leaves open.
func (r *WebhookRule) settle() error {
	r.Nth = max(r.Nth, 1)
	if r.Times == 0 {
		r.Times = 1
	}
	if r.Delay < 0 {
		return fmt.Errorf("delay cannot be negative")
	}
	switch r.Then {
	case WebhookHold, WebhookLose:
		if r.Delay != 0 {
			return fmt.Errorf("delay has no meaning with the effect %q", r.Then)
		}
	case WebhookDelay, WebhookShuffle:
		if r.Delay == 0 {
			return fmt.Errorf("%s needs a delay, for example 90s", r.Then)
		}
	case WebhookDuplicate:
	default:
		return fmt.Errorf("there is no effect %q: use hold, lose, delay, duplicate or shuffle", r.Then)
	}
	return nil
}

// rule finds the rule for a delivery; nil in most cases. It counts, and needs
// the lock.
func (h *hooks) rule(d *delivery) *WebhookRule {
	var found *WebhookRule
	for _, state := range h.rules {
		r := &state.Rule
		if r.Endpoint != "" && r.Endpoint != d.Endpoint || r.Type != "" && !wildcard(r.Type, d.Type) {
			continue
		}
		state.Matched++
		if found == nil && state.Matched >= r.Nth && (r.Times < 0 || state.Met < r.Times) {
			state.Met++
			found = r
		}
	}
	return found
}
