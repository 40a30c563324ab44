package stripesim

import (
	"net/http"
	"net/url"
)

// portalResource are the sessions of the customer portal. They are made, and
// neither retrieved nor listed, as at Stripe.
func portalResource() *resource {
	return &resource{
		object: "billing_portal.session", section: "billing_portal_sessions", noun: "billing_portal.session", url: "/v1/billing_portal/sessions",
		idParam: "session", slug: "rak_customer_portal", sparse: true,
		events: func(before, _ *object) []string {
			if before == nil {
				return []string{"billing_portal.session.created"}
			}
			return nil
		},
		tags: func(tags []string, o *object) []string {
			if u, err := url.Parse(o.str("url")); err == nil {
				tags = append(tags, "page="+u.Path)
			}
			return tags
		},
		expands: expansions{"configuration": {opaque: true}},
	}
}

func portalOperations(res *resource) []*operation {
	create := shape{textParam("customer"), textParam("customer_account"), textParam("configuration"), textParam("return_url"),
		textParam("locale"), textParam("on_behalf_of")}.with(ignoredParams("flow_data")...)
	return []*operation{writeOperation(res, "billing_portal_sessions.create", http.MethodPost, "", create, (*call).createPortal)}
}

func (c *call) createPortal() (*entry, *apiError) {
	p := c.params
	if !p.has("customer") {
		return nil, invalid("parameter_missing", "customer", "Missing required param: customer.")
	}
	if _, err := c.findLive("customer", p.str("customer"), http.StatusBadRequest, "customer"); err != nil {
		return nil, err
	}
	if p.has("return_url") && webAddress(p.str("return_url")) == "" {
		return nil, invalid("url_invalid", "return_url", "Not a valid URL")
	}
	id := c.freshID("billing_portal.session", "bps_1", 23)
	o := newObject("id", id, "object", "billing_portal.session", "configuration", orElse(p.str("configuration"), "bpc_1"+token(c.server.seed, c.account.id, 0, 23)),
		"created", c.now, "customer", p.str("customer"), "customer_account", nil, "flow", nil, "livemode", c.livemode, "locale", nil,
		"on_behalf_of", nil, "return_url", nil, "url", c.base+portalPrefix+modeName(c.livemode)+"_"+token(c.server.seed, c.account.id+id, 0, 40))
	p.copyTo(o, c.op.params, "customer_account", "locale", "on_behalf_of", "return_url")
	return c.insert("billing_portal.session", o, nil), nil
}
