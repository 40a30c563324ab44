package stripesim

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// eventHorizon is how far back events can be listed and retrieved, in seconds
// (Stripe docs: api/events).
const eventHorizon = 30 * 24 * 60 * 60

// maxEventTypes is how many types[] a list may name.
const maxEventTypes = 20

// cause is the request behind a change. It is empty for what no request of
// this account did: a buyer's payment, or the passing of time.
type cause struct{ requestID, idempotencyKey string }

func eventResource() *resource {
	return &resource{
		object: "event", section: "events", noun: "event", url: "/v1/events", idParam: "id", slug: "rak_event", sparse: true,
		filters: shape{textParam("type"), arrayParam("types", textParam("")), boolParam("delivery_success")},
		tags: func(tags []string, o *object) []string {
			if kind := o.str("type"); kind != "" {
				tags = append(tags, "type="+kind)
			}
			return tags
		},
		choose: func(c *call) ([]string, *apiError) {
			if kind := c.params.str("type"); kind != "" && !strings.Contains(kind, "*") {
				return []string{"type=" + kind}, nil
			}
			return nil, nil
		},
		match: matchEvents,
	}
}

// matchEvents are the rules of the list that no tag can say: the 30 days, the
// wildcard and the choice of several types.
func matchEvents(c *call) (func(*entry) bool, *apiError) {
	types, _ := c.params.of["types"].([]any)
	switch {
	case len(types) > 0 && c.params.has("type"):
		return nil, invalid("", "types", "You may only specify one of these parameters: type, types.")
	case len(types) > maxEventTypes:
		return nil, invalid("", "types", "You may list at most %d types; these are %d.", maxEventTypes, len(types))
	}
	pattern := c.params.str("type")
	return func(e *entry) bool {
		if e.created < c.now-eventHorizon {
			return false
		}
		if c.params.has("delivery_success") && c.params.bool("delivery_success") != (e.object().int("pending_webhooks") == 0) {
			return false
		}
		if strings.Contains(pattern, "*") {
			return wildcard(pattern, e.object().str("type"))
		}
		return len(types) == 0 || slices.ContainsFunc(types, func(kind any) bool {
			name, _ := kind.(string)
			return e.has([]string{"type=" + name})
		})
	}, nil
}

// wildcard compares a name with a pattern in which * stands for any text.
func wildcard(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	name, ok := strings.CutPrefix(name, parts[0])
	if !ok || len(parts) == 1 {
		return ok && name == ""
	}
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(name, part)
		if at < 0 {
			return false
		}
		name = name[at+len(part):]
	}
	return strings.HasSuffix(name, parts[len(parts)-1])
}

func eventOperations(res *resource) []*operation {
	retrieve := retrieveOperation(res, "events.retrieve")
	retrieve.run = func(c *call) (json.RawMessage, *apiError) {
		e, err := c.find(res.object, c.id, http.StatusNotFound, res.idParam)
		if err == nil && e.created < c.now-eventHorizon {
			err = missing(http.StatusNotFound, res.noun, c.id, res.idParam, "")
		}
		if err != nil {
			return nil, err
		}
		return c.render(res, e), nil
	}
	return []*operation{retrieve, listOperation(res, "events.list")}
}

// announce records the events of one change; before is nil for a new object,
// after for a deleted one. A write that changes nothing is no event.
func (t *tx) announce(kind string, before, after *object) {
	if kind == "webhook_endpoint" || kind == "v2.core.event_destination" {
		t.server.shareEndpoints(t.account)
	}
	name := t.table(kind).res.events
	if name == nil {
		return
	}
	for _, event := range name(before, after) {
		shown := after
		if shown == nil {
			shown = before
		}
		var previous *object
		if strings.HasSuffix(event, ".updated") {
			if previous = previousOf(before, after); previous == nil {
				continue
			}
		}
		t.emit(event, shown, previous)
	}
}

// emit adds one event. Its object is a snapshot: Stripe never renders an event
// again.
func (t *tx) emit(kind string, shown, previous *object) {
	data := newObject("object", shown)
	if previous != nil {
		data.set("previous_attributes", previous)
	}
	id := t.freshID("event", "evt_1", 23)
	t.insert("event", newObject(
		"id", id, "object", "event", "api_version", DefaultVersion, "created", t.now, "data", data, "livemode", t.livemode,
		"pending_webhooks", t.post(id, kind),
		"request", newObject("id", nullable(t.cause.requestID), "idempotency_key", nullable(t.cause.idempotencyKey)),
		"type", kind), nil)
}

// previousOf are the former values of what an update changed, nil when it
// changed nothing. Of a hash only the changed keys are shown, null for those
// that are new; lists and arrays are shown whole.
func previousOf(before, after *object) *object {
	previous := newObject()
	for _, f := range after.fields {
		was := before.get(f.name)
		if bytes.Equal(was, f.value) {
			continue
		}
		old, now := parseObject(was), parseObject(f.value)
		if old == nil || now == nil || !old.null("object") || !now.null("object") {
			previous.set(f.name, was)
		} else if inner := previousOf(old, now); inner != nil {
			previous.set(f.name, inner)
		}
	}
	for _, f := range before.fields {
		if after.get(f.name) == nil {
			previous.set(f.name, f.value)
		}
	}
	if len(previous.fields) == 0 {
		return nil
	}
	return previous
}
