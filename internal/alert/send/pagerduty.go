package send

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"rightful"
)

// pagerDuty sends events to PagerDuty's Events API v2: one incident for what was told
// first in one message, which ends when no alert of it is open any more.
type pagerDuty struct {
	base   string
	key    string
	client *http.Client

	mu      sync.Mutex
	message string // the one that was not sent completely
	sent    int    // events of it that were
}

// PagerDutyBase is where events are sent; accounts in Europe have another address.
const PagerDutyBase = "https://events.pagerduty.com"

// NewPagerDuty returns a sender of events under a routing key. base is the address
// of the API, and empty for PagerDutyBase.
func NewPagerDuty(base, routingKey string) Sender {
	if base == "" {
		base = PagerDutyBase
	}
	return &pagerDuty{base: strings.TrimSuffix(base, "/"), key: routingKey, client: client()}
}

// pagerSummary is how many characters a summary may have.
const pagerSummary = 1024

type pagerEvent struct {
	RoutingKey string        `json:"routing_key"`
	Action     string        `json:"event_action"` // trigger or resolve
	DedupKey   string        `json:"dedup_key"`
	Client     string        `json:"client,omitempty"`
	Payload    *pagerPayload `json:"payload,omitempty"`
}

type pagerPayload struct {
	Summary   string         `json:"summary"`
	Source    string         `json:"source"`
	Severity  string         `json:"severity"` // critical, error, warning or info
	Timestamp string         `json:"timestamp"`
	Details   map[string]any `json:"custom_details"`
}

// Send implements Sender. Each event may be sent again: PagerDuty knows it by its key.
// A message that ends more incidents than there is time for is tried again, and goes on
// where it was: else it, and everything after it, would never be sent.
func (p *pagerDuty) Send(ctx context.Context, m rightful.AlertMessage) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	events := p.events(m)
	if p.message != m.ID || p.sent > len(events) {
		p.message, p.sent = m.ID, 0
	}
	answer := "nothing to send"
	for p.sent < len(events) {
		body, err := json.Marshal(events[p.sent])
		if err != nil {
			return "", &Error{Message: "the message cannot be written", Permanent: true}
		}
		if answer, err = post(ctx, p.client, p.base+"/v2/enqueue", body, nil, time.Now(), p.key); err != nil {
			return "", err
		}
		p.sent++
	}
	p.message, p.sent = "", 0
	return answer, nil
}

// events are those of a message, in the order in which they are sent.
func (p *pagerDuty) events(m rightful.AlertMessage) []pagerEvent {
	var events []pagerEvent
	for _, incident := range m.Incidents {
		events = append(events, p.trigger(m, incident))
		if m.Test {
			events = append(events, p.resolve(incident.ID))
		}
	}
	for _, id := range m.Ended {
		events = append(events, p.resolve(id))
	}
	return events
}

func dedupKey(incident string) string { return "rightful-" + incident }

func (p *pagerDuty) resolve(incident string) pagerEvent {
	return pagerEvent{RoutingKey: p.key, Action: "resolve", DedupKey: dedupKey(incident)}
}

func (p *pagerDuty) trigger(m rightful.AlertMessage, incident rightful.AlertIncident) pagerEvent {
	summary := "rightful: " + Clean(incident.Title)
	switch {
	case m.Test:
		summary = words(m).subject
	case incident.Count > 1:
		summary += fmt.Sprintf(" (and %s)", plural(incident.Count-1, "other alert", "other alerts"))
	}
	details := map[string]any{}
	for _, part := range words(m).parts {
		details[part.heading] = part.lines
	}
	return pagerEvent{
		RoutingKey: p.key, Action: "trigger", DedupKey: dedupKey(incident.ID), Client: "rightful",
		Payload: &pagerPayload{
			Summary: short(summary, pagerSummary), Source: "rightful", Severity: string(incident.Severity),
			Timestamp: time.Unix(m.At, 0).UTC().Format(time.RFC3339), Details: details,
		},
	}
}
