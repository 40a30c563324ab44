package stripesim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
)

func webhookEndpointResource() *resource {
	return &resource{
		object: "webhook_endpoint", section: "webhook_endpoints", noun: "webhook endpoint", url: "/v1/webhook_endpoints",
		idParam: "webhook_endpoint", slug: "rak_webhook", sparse: true, undated: true,
	}
}

// webhookEndpointOperations register endpoints; webhooks.go delivers to them.
func webhookEndpointOperations(res *resource) []*operation {
	shared := shape{metadataParam(), textParam("description").orEmpty()}
	create := shared.with(textParam("url").must(), arrayParam("enabled_events", textParam("")).must(), textParam("api_version"), boolParam("connect"))
	update := shared.with(textParam("url"), arrayParam("enabled_events", textParam("")), boolParam("disabled"))
	creation := writeOperation(res, "webhook_endpoints.create", http.MethodPost, "", create, (*call).createWebhookEndpoint)
	creation.run = func(c *call) (json.RawMessage, *apiError) {
		e, err := c.createWebhookEndpoint()
		if err != nil {
			return nil, err
		}
		o := e.object() // the only answer that shows the secret
		o.set("secret", parseObject(e.hidden).get("secret"))
		return o.raw(), nil
	}
	return []*operation{
		creation,
		retrieveOperation(res, "webhook_endpoints.retrieve"),
		writeOperation(res, "webhook_endpoints.update", http.MethodPost, "/{id}", update, (*call).updateWebhookEndpoint),
		deleteOperation(res, "webhook_endpoints.delete", func(c *call) (*entry, *apiError) {
			e, err := c.find(res.object, c.id, http.StatusNotFound, res.idParam)
			if err == nil {
				c.remove(res.object, e)
			}
			return e, err
		}),
		listOperation(res, "webhook_endpoints.list"),
	}
}

func (c *call) createWebhookEndpoint() (*entry, *apiError) {
	version := c.params.str("api_version")
	if version != "" && !versionForm.MatchString(version) {
		return nil, invalid("", "api_version", "Invalid Stripe API version: %s", shorten(version))
	}
	id := c.freshID("webhook_endpoint", "we_1", 23)
	o := newObject(
		"id", id, "object", "webhook_endpoint", "api_version", nullable(version), "application", nil, "created", c.now,
		"description", nil, "enabled_events", []any{}, "livemode", c.livemode, "metadata", newObject(), "status", "enabled", "url", "")
	if err := c.setWebhookEndpoint(o); err != nil {
		return nil, err
	}
	hidden := newObject("secret", c.server.newSecret(c.account, id))
	if c.params.bool("connect") {
		hidden.set("connect", true)
	}
	return c.insert("webhook_endpoint", o, hidden), nil
}

func (c *call) updateWebhookEndpoint() (*entry, *apiError) {
	e, err := c.find("webhook_endpoint", c.id, http.StatusNotFound, "webhook_endpoint")
	if err != nil {
		return nil, err
	}
	o := e.object()
	if err := c.setWebhookEndpoint(o); err != nil {
		return nil, err
	}
	c.update("webhook_endpoint", e, o)
	return e, nil
}

func (c *call) setWebhookEndpoint(o *object) *apiError {
	p := c.params
	if p.has("url") {
		target, err := url.Parse(p.str("url"))
		switch {
		case err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https":
			return invalid("url_invalid", "url", "Invalid URL: An explicit scheme (such as https) must be provided.")
		case c.livemode && target.Scheme != "https":
			return invalid("url_invalid", "url", "Invalid URL: live webhook endpoints must use https.")
		}
	}
	if p.has("enabled_events") {
		types, _ := p.of["enabled_events"].([]any)
		if len(types) == 0 {
			return invalid("parameter_invalid_empty", "enabled_events", "Name at least one event type, or * for all.")
		}
		for i, kind := range types {
			if name, _ := kind.(string); name != "*" && !eventTypes[name] {
				return invalid("", under("enabled_events", strconv.Itoa(i)), "Invalid enabled_events[%d]: %s is not an event type of Stripe; use one of those, or * for all.", i, shorten(name))
			}
		}
	}
	p.copyTo(o, c.op.params, "url", "enabled_events", "description")
	if p.has("disabled") {
		o.set("status", "enabled")
		if p.bool("disabled") {
			o.set("status", "disabled")
		}
	}
	return p.metadata().mergeInto(o)
}
