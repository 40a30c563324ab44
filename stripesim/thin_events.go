package stripesim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// A thin event is another view of an event of API v1, made when it is looked
// at: nothing about it is kept.

// thinID is the id of the thin view of an event.
func thinID(event string, livemode bool) string {
	return "evt_" + modeName(livemode) + "_" + strings.TrimPrefix(event, "evt_")
}

// snapshotID is the event behind a thin one, "" when the id is of another form.
func snapshotID(thin string, livemode bool) string {
	if rest, ok := strings.CutPrefix(thin, "evt_"+modeName(livemode)+"_"); ok {
		return "evt_" + rest
	}
	return ""
}

// notification is a thin event as it is delivered.
func (t *tx) notification(event *object) *object {
	shown := event.child("data").child("object")
	var related any
	if res := t.server.resource(shown.str("object")); res != nil && shown.str("id") != "" {
		related = newObject("id", shown.str("id"), "type", res.object, "url", res.url+"/"+shown.str("id"))
	}
	var reason any
	if request := event.child("request"); request != nil && !request.null("id") {
		reason = newObject("type", "request", "request", newObject("id", request.get("id"), "idempotency_key", request.str("idempotency_key")))
	}
	return newObject("id", thinID(event.str("id"), t.livemode), "object", "v2.core.event", "type", thinPrefix+event.str("type"),
		"created", moment(event.int("created")), "livemode", t.livemode, "context", nil, "reason", reason, "related_object", related)
}

// thinEvent is a thin event as it is retrieved: with what changed.
func (t *tx) thinEvent(e *entry) json.RawMessage {
	event := e.object()
	o := t.notification(event)
	data := event.child("data")
	if before := data.child("previous_attributes"); before != nil {
		o.set("changes", newObject("before", before, "after", sameKeys(before, data.child("object"))))
	}
	o.set("snapshot_event", event.str("id"))
	return o.raw()
}

// sameKeys are the values of now under the names of before.
func sameKeys(before, now *object) *object {
	after := newObject()
	for _, f := range before.fields {
		old, inner := parseObject(f.value), now.child(f.name)
		if old != nil && inner != nil && old.null("object") {
			after.set(f.name, sameKeys(old, inner))
		} else {
			after.set(f.name, now.get(f.name))
		}
	}
	return after
}

func thinOperations() []*operation {
	const path = "/v2/core/events"
	between := hashParam("created", shape{textParam("gt"), textParam("gte"), textParam("lt"), textParam("lte")})
	return []*operation{
		{name: "core_events.retrieve", method: http.MethodGet, path: path + "/{id}", permission: "rak_event_read", v2: true,
			run: func(c *call) (json.RawMessage, *apiError) {
				e := c.table("event").byID[snapshotID(c.id, c.livemode)]
				if e == nil || e.created < c.now-eventHorizon {
					return nil, missing(http.StatusNotFound, "event", c.id, "id", "")
				}
				return c.thinEvent(e), nil
			}},
		{name: "core_events.list", method: http.MethodGet, path: path, permission: "rak_event_read", v2: true,
			params: pageParams().with(textParam("object_id"), arrayParam("types", textParam("")), between), run: func(c *call) (json.RawMessage, *apiError) {
				return c.listThin(path)
			}},
	}
}

func (c *call) listThin(path string) (json.RawMessage, *apiError) {
	types, _ := c.params.of["types"].([]any)
	if len(types) > maxEventTypes {
		return nil, invalid("", "types", "You may list at most %d types; these are %d.", maxEventTypes, len(types))
	}
	from, to := c.now-eventHorizon, c.now
	created := c.params.hash("created")
	for _, bound := range []struct {
		name  string
		apply func(at int64)
	}{
		{"gt", func(at int64) { from = max(from, at+1) }}, {"gte", func(at int64) { from = max(from, at) }},
		{"lt", func(at int64) { to = min(to, at-1) }}, {"lte", func(at int64) { to = min(to, at) }},
	} {
		if !created.has(bound.name) {
			continue
		}
		at, ok := parseMoment(created.str(bound.name))
		if !ok {
			return nil, invalid("", "created["+bound.name+"]", "Invalid timestamp: %s; write it as 2026-01-31T12:00:00Z.", shorten(created.str(bound.name)))
		}
		bound.apply(at)
	}
	var found []*entry
	within := c.table("event").smallest([]string{tagAll})
	for _, e := range within.entries[within.since(from):] {
		o := e.object()
		if e.created > to || len(types) > 0 && !slices.Contains(types, any(thinPrefix+o.str("type"))) {
			continue
		}
		if id := c.params.str("object_id"); id != "" && o.child("data").child("object").str("id") != id {
			continue
		}
		found = append(found, e)
	}
	return c.pageV2(path, found, func(e *entry) string { return thinID(e.id, c.livemode) }, c.thinEvent)
}
