package stripesim

import (
	"encoding/json"
	"net/http"
	"strings"
)

// embeddedLimit is how many objects a list inside an object shows.
const embeddedLimit = 10

func customerResource() *resource {
	return &resource{
		events: lifeEvents("customer"),
		object: "customer", section: "customers", noun: "customer", url: "/v1/customers", idParam: "id", slug: "rak_customer",
		tags:       customerTags,
		filters:    shape{textParam("email").upTo(512), textParam("test_clock")},
		choose:     chooseCustomers,
		searchable: map[string]searchKind{"created": searchNumber, "email": searchText, "name": searchText, "phone": searchText},
		expands: expansions{
			"subscriptions":  {include: customerSubscriptions, shows: "subscription", inside: expansions{"data": {inside: subscriptionResource().expands}}},
			"default_source": {opaque: true}, "sources": {opaque: true}, "tax": {opaque: true}, "tax_ids": {opaque: true},
			"test_clock": {opaque: true}, "cash_balance": {opaque: true},
			"invoice_settings": {inside: expansions{"default_payment_method": {to: "payment_method"}}},
		},
	}
}

func customerOperations(res *resource) []*operation {
	create := customerParams().with(textParam("test_clock")).
		with(textParam("payment_method")).with(ignoredParams("tax_id_data")...)
	update := customerParams().with(clearableTexts("default_source")...).
		with(ignoredParams("bank_account", "card", "default_alipay_account", "default_bank_account", "default_card")...)
	return []*operation{
		writeOperation(res, "customers.create", http.MethodPost, "", create, func(c *call) (*entry, *apiError) {
			return c.createCustomer(create)
		}),
		retrieveOperation(res, "customers.retrieve"),
		writeOperation(res, "customers.update", http.MethodPost, "/{id}", update, func(c *call) (*entry, *apiError) {
			return c.updateCustomer(update)
		}),
		writeOperation(res, "customers.delete", http.MethodDelete, "/{id}", nil, (*call).deleteCustomer),
		listOperation(res, "customers.list"),
		searchOperation(res, "customers.search"),
	}
}

// customerParams are those that create and update share.
func customerParams() shape {
	return shape{
		hashParam("address", addressShape()).orEmpty(),
		intParam("balance"),
		textParam("email").upTo(512).orEmpty(),
		hashParam("invoice_settings", append(clearableTexts("default_payment_method", "footer"), ignoredParams("custom_fields", "rendering_options")...)),
		metadataParam(),
		intParam("next_invoice_sequence"),
		arrayParam("preferred_locales", textParam("")).orEmpty(),
		hashParam("shipping", shippingShape()).orEmpty(),
		oneOfParam("tax_exempt", "none", "exempt", "reverse").orEmpty(),
	}.with(clearableTexts("business_name", "description", "individual_name", "invoice_prefix", "name", "phone")...).
		with(ignoredParams("cash_balance", "source", "tax", "validate")...)
}

func addressShape() shape {
	return clearableTexts("city", "country", "line1", "line2", "postal_code", "state")
}

func shippingShape() shape {
	return shape{hashParam("address", addressShape()), textParam("name"), textParam("phone").orEmpty()}
}

var customerFields = []string{"address", "balance", "business_name", "default_source", "description", "email", "individual_name",
	"invoice_prefix", "name", "next_invoice_sequence", "phone", "preferred_locales", "shipping", "test_clock"}

func (t *tx) newCustomer(v *values, s shape) (*object, *apiError) {
	id := t.freshID("customer", "cus_", 14)
	o := newObject(
		"id", id, "object", "customer", "address", nil, "balance", 0, "created", t.now, "currency", nil,
		"customer_account", nil, "default_source", nil, "delinquent", false, "description", nil, "discount", nil, "email", nil,
		"invoice_prefix", strings.ToUpper(token(t.server.seed, id, 0, 8)),
		"invoice_settings", newObject("custom_fields", nil, "default_payment_method", nil, "footer", nil, "rendering_options", nil),
		"livemode", t.livemode, "metadata", newObject(), "name", nil, "next_invoice_sequence", 1, "phone", nil,
		"preferred_locales", []any{}, "shipping", nil, "tax_exempt", "none", "test_clock", nil)
	return o, setCustomer(o, v, s)
}

// setCustomer writes the parameters of a create or update into the customer.
func setCustomer(o *object, v *values, s shape) *apiError {
	if email := v.str("email"); v.given("email") && !looksLikeEmail(email) {
		return invalid("email_invalid", "email", "Invalid email address: %s", shorten(email))
	}
	v.copyTo(o, s, customerFields...)
	if v.has("tax_exempt") {
		o.set("tax_exempt", "none")
		if v.given("tax_exempt") {
			o.set("tax_exempt", v.str("tax_exempt"))
		}
	}
	if settings := v.hash("invoice_settings"); settings != nil {
		kept := o.child("invoice_settings")
		if kept == nil {
			kept = newObject()
		}
		settings.copyTo(kept, s.find("invoice_settings").fields, "default_payment_method", "footer")
		o.set("invoice_settings", kept)
	}
	return v.metadata().mergeInto(o)
}

func looksLikeEmail(s string) bool {
	name, domain, ok := strings.Cut(s, "@")
	return ok && name != "" && domain != "" && !strings.ContainsAny(s, " \t\r\n")
}

// createCustomer saves payment_method for the new customer. Naming a test
// method twice, there and as the default, means the one method that is saved.
func (c *call) createCustomer(s shape) (*entry, *apiError) {
	o, err := c.newCustomer(c.params, s)
	if err != nil {
		return nil, err
	}
	named, settings := c.params.str("payment_method"), o.child("invoice_settings")
	id := ""
	if named != "" {
		if id, err = c.methodNamed(named, http.StatusBadRequest, "payment_method"); err != nil {
			return nil, err
		}
	}
	if named != "" && settings.str("default_payment_method") == named {
		settings.set("default_payment_method", id)
		o.set("invoice_settings", settings)
	} else if err := c.checkDefaultMethod(o.str("id"), settings.str("default_payment_method"), "invoice_settings[default_payment_method]"); err != nil {
		return nil, err
	}
	if method := c.table("payment_method").byID[id]; method != nil {
		if owner := method.object().ref("customer"); owner != "" {
			return nil, refused("", "payment_method", "The payment method you provided has already been attached to a customer.")
		}
		if err := c.attach(method, o.str("id")); err != nil {
			return nil, err
		}
	}
	return c.insert("customer", o, nil), nil
}

// checkDefaultMethod refuses a default that the customer has not saved. As in
// methodNamed, an account without payment methods takes any id.
func (t *tx) checkDefaultMethod(customer, id, param string) *apiError {
	methods := t.table("payment_method").byID
	_, _, reserved := testMethodNamed(id)
	if id == "" || len(methods) == 0 && !reserved {
		return nil
	}
	if e := methods[id]; e != nil && e.object().ref("customer") == customer {
		return nil
	}
	return refused("resource_missing", param, "The customer does not have a payment method with the ID %s. The payment method must be attached to the customer.", shorten(id))
}

func (c *call) updateCustomer(s shape) (*entry, *apiError) {
	e, err := c.findLive("customer", c.id, http.StatusNotFound, "id")
	if err != nil {
		return nil, err
	}
	o := e.object()
	if err := setCustomer(o, c.params, s); err != nil {
		return nil, err
	}
	if err := c.checkDefaultMethod(e.id, c.params.hash("invoice_settings").str("default_payment_method"), "invoice_settings[default_payment_method]"); err != nil {
		return nil, err
	}
	c.update("customer", e, o)
	return e, nil
}

// deleteCustomer leaves a stub that can still be retrieved by id, and cancels
// the customer's live subscriptions at once (Stripe docs: api/customers/delete).
func (c *call) deleteCustomer() (*entry, *apiError) {
	e, err := c.findLive("customer", c.id, http.StatusNotFound, "id")
	if err != nil {
		return nil, err
	}
	subscriptions := c.table("subscription").smallest([]string{"customer=" + e.id})
	for _, sub := range append([]*entry(nil), subscriptions.entries...) {
		if sub.has([]string{tagCurrent}) && !sub.has([]string{tagEnded}) {
			c.cancelSubscription(sub, nil)
		}
	}
	e.deleted = true
	c.update("customer", e, newObject("id", e.id, "object", "customer", "deleted", true))
	return e, nil
}

// tagUnclocked marks what lists show by default: objects of test clocks are
// left out unless they are asked for.
const tagUnclocked = "unclocked"

func customerTags(tags []string, o *object) []string {
	if o.ref("test_clock") == "" {
		tags = append(tags, tagUnclocked)
	}
	return tagRef(tags, o, "test_clock", "email")
}

func chooseCustomers(c *call) ([]string, *apiError) {
	tags := chooseEqual(c, "email", "test_clock")
	if !c.params.has("test_clock") {
		tags = append(tags, tagUnclocked)
	}
	return tags, nil
}

// customerSubscriptions is the list behind expand[]=subscriptions: those that
// are not canceled, the first page of them.
func customerSubscriptions(t *tx, customer *object) json.RawMessage {
	if customer.bool("deleted") {
		return nil
	}
	id := customer.str("id")
	tags := []string{"customer=" + id, tagCurrent}
	within := t.table("subscription").smallest(tags)
	page, more := pageWalk{entries: within.entries, to: len(within.entries), tags: tags, limit: embeddedLimit}.page()
	items := make([]json.RawMessage, len(page))
	for i, e := range page {
		items[i] = e.raw
	}
	return embeddedList("/v1/customers/"+id+"/subscriptions", items, more)
}
