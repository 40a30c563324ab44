package stripesim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Event destinations (API v2): where events go, in place of webhook endpoints.
// Theirs can be thin: events that name an object instead of showing it.

const (
	thinPayload  = "thin"
	thinPrefix   = "v1." // of the type of a thin event about an object of API v1
	fromSelf     = "@self"
	fromAccounts = "@accounts"
)

func destinationResource() *resource {
	return &resource{
		object: "v2.core.event_destination", section: "event_destinations", noun: "event destination", url: "/v2/core/event_destinations",
		idParam: "id", slug: "rak_webhook", sparse: true, undated: true,
	}
}

func destinationOperations(res *resource) []*operation {
	include := arrayParam("include", oneOfParam("", "webhook_endpoint.signing_secret", "webhook_endpoint.url"))
	change := shape{textParam("name"), textParam("description").orEmpty(), arrayParam("enabled_events", textParam("")), metadataParam(), include,
		hashParam("webhook_endpoint", shape{textParam("url").must()})}
	create := change.with(oneOfParam("type", "webhook_endpoint").must(), oneOfParam("event_payload", thinPayload, "snapshot").must(),
		arrayParam("events_from", oneOfParam("", fromSelf, fromAccounts)), textParam("snapshot_api_version"))
	write := func(name, action string, params shape, run func(*call) (*entry, *apiError)) *operation {
		return &operation{name: "core_event_destinations." + name, method: http.MethodPost, path: res.url + action, permission: res.slug + "_write",
			writes: true, v2: true, params: params, run: func(c *call) (json.RawMessage, *apiError) {
				e, err := run(c)
				if err != nil {
					return nil, err
				}
				return c.renderDestination(e), nil
			}}
	}
	return []*operation{
		write("create", "", create, (*call).createDestination),
		write("update", "/{id}", change, (*call).updateDestination),
		write("disable", "/{id}/disable", nil, func(c *call) (*entry, *apiError) { return c.switchDestination("disabled") }),
		write("enable", "/{id}/enable", nil, func(c *call) (*entry, *apiError) { return c.switchDestination("enabled") }),
		{name: "core_event_destinations.retrieve", method: http.MethodGet, path: res.url + "/{id}", permission: res.slug + "_read", v2: true,
			params: shape{include}, run: func(c *call) (json.RawMessage, *apiError) {
				e, err := c.destination()
				if err != nil {
					return nil, err
				}
				return c.renderDestination(e), nil
			}},
		{name: "core_event_destinations.list", method: http.MethodGet, path: res.url, permission: res.slug + "_read", v2: true,
			params: pageParams().with(include), run: func(c *call) (json.RawMessage, *apiError) {
				return c.pageV2(res.url, slices.Clone(c.table(res.object).smallest([]string{tagAll}).entries),
					func(e *entry) string { return e.id }, c.renderDestination)
			}},
		{name: "core_event_destinations.delete", method: http.MethodDelete, path: res.url + "/{id}", permission: res.slug + "_write", writes: true, v2: true,
			run: func(c *call) (json.RawMessage, *apiError) {
				e, err := c.destination()
				if err != nil {
					return nil, err
				}
				c.remove(res.object, e)
				return newObject("id", e.id, "object", res.object).raw(), nil
			}},
	}
}

func (c *call) destination() (*entry, *apiError) {
	return c.find("v2.core.event_destination", c.id, http.StatusNotFound, "id")
}

func (c *call) createDestination() (*entry, *apiError) {
	p := c.params
	for _, name := range []string{"name", "enabled_events", "webhook_endpoint"} {
		if !p.has(name) {
			return nil, invalid("parameter_missing", name, "Missing required param: %s.", name)
		}
	}
	payload, version := p.str("event_payload"), p.str("snapshot_api_version")
	switch {
	case payload == thinPayload && version != "":
		return nil, invalid("", "snapshot_api_version", "snapshot_api_version is only for destinations with event_payload=snapshot.")
	case version != "" && !versionForm.MatchString(version):
		return nil, invalid("", "snapshot_api_version", "Invalid Stripe API version: %s", shorten(version))
	case payload != thinPayload && version == "":
		version = DefaultVersion
	}
	id := c.freshID("v2.core.event_destination", "ed_"+modeName(c.livemode)+"_61", 38)
	var from any = []any{fromSelf}
	if p.has("events_from") {
		from = p.of["events_from"]
	}
	o := newObject("id", id, "object", "v2.core.event_destination", "created", moment(c.now), "description", "", "enabled_events", []any{},
		"event_payload", payload, "events_from", from, "livemode", c.livemode, "metadata", newObject(), "name", "", "snapshot_api_version", nullable(version),
		"status", "enabled", "status_details", nil, "type", "webhook_endpoint", "updated", moment(c.now), "webhook_endpoint", newObject("url", ""))
	if err := c.setDestination(o); err != nil {
		return nil, err
	}
	return c.insert("v2.core.event_destination", o, newObject("secret", c.server.newSecret(c.account, id))), nil
}

func (c *call) updateDestination() (*entry, *apiError) {
	e, err := c.destination()
	if err != nil {
		return nil, err
	}
	o := e.object()
	if err := c.setDestination(o); err != nil {
		return nil, err
	}
	o.set("updated", moment(c.now))
	c.update("v2.core.event_destination", e, o)
	return e, nil
}

func (c *call) switchDestination(status string) (*entry, *apiError) {
	e, err := c.destination()
	if err != nil {
		return nil, err
	}
	o := e.object()
	o.set("status", status)
	o.set("status_details", nil)
	if status == "disabled" {
		o.set("status_details", newObject("disabled", newObject("reason", "user")))
	}
	o.set("updated", moment(c.now))
	c.update("v2.core.event_destination", e, o)
	return e, nil
}

func (c *call) setDestination(o *object) *apiError {
	p := c.params
	if endpoint := p.hash("webhook_endpoint"); endpoint != nil {
		target, err := url.Parse(endpoint.str("url"))
		if err != nil || target.Host == "" || target.Scheme != "https" && (target.Scheme != "http" || c.livemode) {
			return invalid("url_invalid", "webhook_endpoint[url]", "Invalid URL: an address of the web is needed, and in live mode one with https.")
		}
		o.set("webhook_endpoint", newObject("url", endpoint.str("url")))
	}
	if p.has("enabled_events") {
		kinds, _ := p.of["enabled_events"].([]any)
		if len(kinds) == 0 {
			return invalid("parameter_invalid_empty", "enabled_events", "Name at least one event type.")
		}
		thin := o.str("event_payload") == thinPayload
		for i, kind := range kinds {
			name, _ := kind.(string)
			rest, about := strings.CutPrefix(name, thinPrefix)
			if known := thin && (about && eventTypes[rest] || strings.HasPrefix(name, "v2.")) || !thin && eventTypes[name] || name == "*"; !known {
				return invalid("", under("enabled_events", strconv.Itoa(i)), "%s is not a type of %s event.", shorten(name), o.str("event_payload"))
			}
		}
	}
	p.copyTo(o, c.op.params, "name", "enabled_events")
	if p.has("description") {
		o.set("description", p.str("description"))
	}
	return p.metadata().mergeInto(o)
}

// renderDestination shows the address and the secret only when they are asked
// for, the secret only when the destination is made.
func (c *call) renderDestination(e *entry) json.RawMessage {
	o, shown := e.object(), newObject()
	asked, _ := c.params.of["include"].([]any)
	if slices.Contains(asked, any("webhook_endpoint.signing_secret")) && c.op.name == "core_event_destinations.create" {
		shown.set("signing_secret", c.server.secretsOf(c.account, e, c.now)[0])
	}
	if slices.Contains(asked, any("webhook_endpoint.url")) {
		shown.set("url", o.child("webhook_endpoint").get("url"))
	}
	o.set("webhook_endpoint", shown)
	return o.raw()
}

// moment writes a time as API v2 does.
func moment(seconds int64) string { return unixUTC(seconds).Format("2006-01-02T15:04:05.000Z07:00") }

// parseMoment reads a time of API v2, or Unix seconds.
func parseMoment(s string) (int64, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	at, err := time.Parse(time.RFC3339, s)
	return at.Unix(), err == nil
}

func pageParams() shape {
	return shape{intParam("limit").between(1, 100), textParam("page")}
}

// pageV2 is a page of a list of API v2: newest first, with the address of the
// next page.
func (c *call) pageV2(path string, entries []*entry, idOf func(*entry) string, show func(*entry) json.RawMessage) (json.RawMessage, *apiError) {
	slices.Reverse(entries)
	limit := int(c.params.int("limit"))
	if limit == 0 {
		limit = 20
	}
	if after := c.params.str("page"); after != "" {
		at := slices.IndexFunc(entries, func(e *entry) bool { return idOf(e) == after })
		if at < 0 {
			return nil, invalid("", "page", "There is no such page: %s", shorten(after))
		}
		entries = entries[at+1:]
	}
	var next any
	if len(entries) > limit {
		entries = entries[:limit]
		query := url.Values{}
		for _, name := range c.params.names {
			addQuery(query, name, c.params.of[name])
		}
		query.Set("page", idOf(entries[limit-1]))
		next = path + "?" + query.Encode()
	}
	data := make([]json.RawMessage, len(entries))
	for i, e := range entries {
		data[i] = show(e)
	}
	return newObject("data", array(data), "next_page_url", next, "previous_page_url", nil).raw(), nil
}

// addQuery writes a checked parameter as it was sent.
func addQuery(query url.Values, name string, value any) {
	switch value := value.(type) {
	case string:
		query.Set(name, value)
	case int64:
		query.Set(name, strconv.FormatInt(value, 10))
	case []any:
		for i, item := range value {
			addQuery(query, name+"["+strconv.Itoa(i)+"]", item)
		}
	case *values:
		for _, inner := range value.names {
			addQuery(query, name+"["+inner+"]", value.of[inner])
		}
	}
}
