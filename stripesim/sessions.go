package stripesim

import (
	"encoding/json"
	"net/http"
)

func sessionResource() *resource {
	return &resource{
		events: sessionEvents,
		object: "checkout.session", section: "checkout_sessions", noun: "checkout.session", url: "/v1/checkout/sessions",
		idParam: "session", slug: "rak_checkout_session",
		tags: sessionTags,
		filters: shape{textParam("customer"), textParam("customer_account"), textParam("payment_intent"), textParam("payment_link"),
			textParam("subscription"), oneOfParam("status", "open", "complete", "expired"),
			hashParam("customer_details", shape{textParam("email").must()})},
		choose: chooseSessions,
		expands: expansions{
			"customer": {to: "customer"}, "subscription": {to: "subscription"}, "payment_intent": {to: "payment_intent"},
			"line_items": {include: sessionLineItems, inside: expansions{"data": {inside: expansions{
				"price": {inside: expansions{"product": {to: "product"}}}}}}},
			"invoice": {to: "invoice"}, "payment_link": {opaque: true}, "setup_intent": {to: "setup_intent"},
			"consent": {opaque: true}, "customer_details": {inside: expansions{"tax_ids": {opaque: true}}},
			"total_details": {inside: expansions{"breakdown": {opaque: true}}},
		},
	}
}

func sessionTags(tags []string, o *object) []string {
	if status := o.str("status"); status != "" {
		tags = append(tags, "status="+status)
	}
	if details := o.child("customer_details"); details != nil {
		if email := details.str("email"); email != "" {
			tags = append(tags, "customer_details[email]="+email)
		}
	}
	return tagRef(tags, o, "customer", "customer_account", "payment_intent", "payment_link", "subscription")
}

func chooseSessions(c *call) ([]string, *apiError) {
	tags := chooseEqual(c, "customer_account", "payment_link", "status")
	for _, kind := range []string{"customer", "payment_intent", "subscription"} {
		more, err := chooseExisting(c, kind, kind)
		if err != nil {
			return nil, err
		}
		tags = append(tags, more...)
	}
	if details := c.params.hash("customer_details"); details != nil {
		tags = append(tags, "customer_details[email]="+details.str("email"))
	}
	return tags, nil
}

func sessionOperations(res *resource) []*operation {
	update := shape{metadataParam()}.with(ignoredParams("collected_information")...).
		with(unmodelledParams("line_items", "shipping_options")...)
	return []*operation{
		writeOperation(res, "checkout_sessions.create", http.MethodPost, "", sessionParams(), (*call).createSession),
		retrieveOperation(res, "checkout_sessions.retrieve"),
		writeOperation(res, "checkout_sessions.update", http.MethodPost, "/{id}", update, (*call).updateSession),
		writeOperation(res, "checkout_sessions.expire", http.MethodPost, "/{id}/expire", nil, (*call).expireSession),
		listOperation(res, "checkout_sessions.list"),
	}
}

// updateSession changes metadata and nothing else. Stripe lists
// client_reference_id and customer among the parameters of create only.
func (c *call) updateSession() (*entry, *apiError) {
	e, err := c.find("checkout.session", c.id, http.StatusNotFound, "session")
	if err != nil {
		return nil, err
	}
	o := e.object()
	if err := c.params.metadata().mergeInto(o); err != nil {
		return nil, err
	}
	c.update("checkout.session", e, o)
	return e, nil
}

func (c *call) expireSession() (*entry, *apiError) {
	e, err := c.find("checkout.session", c.id, http.StatusNotFound, "session")
	if err != nil {
		return nil, err
	}
	if status := e.object().str("status"); status != "open" {
		return nil, refused("", "session", "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of %s.", status)
	}
	c.expireCheckout(e)
	return e, nil
}

// sessionLineItems is the list behind expand[]=line_items.
func sessionLineItems(t *tx, session *object) json.RawMessage {
	id := session.str("id")
	var items []json.RawMessage
	if e := t.table("checkout.session").byID[id]; e != nil {
		items = elements(parseObject(e.hidden).get("line_items"))
	}
	more := len(items) > embeddedLimit
	return embeddedList("/v1/checkout/sessions/"+id+"/line_items", items[:min(len(items), embeddedLimit)], more)
}
