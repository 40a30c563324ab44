package stripesim

import "net/http"

func priceResource() *resource {
	return &resource{
		object: "price", section: "prices", noun: "price", url: "/v1/prices", idParam: "price", slug: "rak_plan", sparse: true,
		tags: func(tags []string, o *object) []string {
			tags = tagValue(tags, o, "active", "currency", "type")
			rhythm := o.child("recurring")
			for _, name := range []string{"interval", "usage_type", "meter"} {
				if value := rhythm.str(name); value != "" {
					tags = append(tags, "recurring["+name+"]="+value)
				}
			}
			return tagRef(tags, o, "product")
		},
		filters: shape{boolParam("active"), textParam("currency"), textParam("product"), oneOfParam("type", "one_time", "recurring"),
			arrayParam("lookup_keys", textParam("").upTo(200)),
			hashParam("recurring", shape{oneOfParam("interval", "day", "week", "month", "year"),
				oneOfParam("usage_type", "licensed", "metered"), textParam("meter")})},
		choose: func(c *call) ([]string, *apiError) {
			tags := append(chooseBool(c, "active"), chooseEqual(c, "currency", "product", "type")...)
			for _, name := range []string{"interval", "usage_type", "meter"} {
				if rhythm := c.params.hash("recurring"); rhythm.has(name) {
					tags = append(tags, "recurring["+name+"]="+rhythm.str(name))
				}
			}
			return tags, nil
		},
		match: func(c *call) (func(*entry) bool, *apiError) {
			return matchTexts(c, "lookup_keys", func(e *entry) string { return e.object().str("lookup_key") }), nil
		},
		events: lifeEvents("price"),
		searchable: map[string]searchKind{"active": searchText, "currency": searchText, "lookup_key": searchText,
			"product": searchText, "type": searchText},
		expands: expansions{"product": {to: "product"}, "currency_options": {opaque: true}, "tiers": {opaque: true}},
	}
}

func priceOperations(res *resource) []*operation {
	shared := shape{boolParam("active"), metadataParam(), textParam("lookup_key").upTo(200).orEmpty(), textParam("nickname").orEmpty(),
		boolParam("transfer_lookup_key"), oneOfParam("tax_behavior", "exclusive", "inclusive", "unspecified")}.
		with(ignoredParams("currency_options")...)
	create := priceShape(true).without("tax_behavior").with(shared...).
		with(oneOfParam("billing_scheme", "per_unit")).
		with(unmodelledParams("custom_unit_amount", "tiers", "tiers_mode", "transform_quantity")...)
	return []*operation{
		writeOperation(res, "prices.create", http.MethodPost, "", create, (*call).createPrice),
		retrieveOperation(res, "prices.retrieve"),
		writeOperation(res, "prices.update", http.MethodPost, "/{id}", shared, (*call).updatePrice),
		listOperation(res, "prices.list"),
		searchOperation(res, "prices.search"),
	}
}

func (c *call) createPrice() (*entry, *apiError) {
	p := c.params
	if p.has("product") == p.has("product_data") {
		return nil, invalid("parameter_missing", "product", "Pass exactly one of product and product_data.")
	}
	product, id := p.hash("product_data"), p.str("product")
	var inline *object
	if product != nil {
		metadata, err := product.metadata().fresh()
		if err != nil {
			return nil, err
		}
		inline = c.newProduct("", product.str("name"), metadata)
		id = inline.str("id")
	} else if _, err := c.find("product", id, http.StatusBadRequest, "product"); err != nil {
		return nil, err
	}
	o, err := c.priceFromData(p, id, "")
	if err != nil {
		return nil, err
	}
	p.copyTo(o, c.op.params, "active", "nickname")
	if err := c.claimLookupKey(o); err != nil {
		return nil, err
	}
	if inline != nil {
		c.insert("product", inline, nil)
	}
	return c.insert("price", o, nil), nil
}

func (c *call) updatePrice() (*entry, *apiError) {
	e, err := c.find("price", c.id, http.StatusNotFound, "price")
	if err != nil {
		return nil, err
	}
	o := e.object()
	if err := c.params.metadata().mergeInto(o); err != nil {
		return nil, err
	}
	c.params.copyTo(o, c.op.params, "active", "nickname", "tax_behavior")
	if err := c.claimLookupKey(o); err != nil {
		return nil, err
	}
	c.update("price", e, o)
	return e, nil
}

// claimLookupKey gives a price the lookup key of the request. A key belongs to
// one price; transfer_lookup_key takes it away from another one.
func (c *call) claimLookupKey(o *object) *apiError {
	if !c.params.has("lookup_key") {
		return nil
	}
	key := c.params.str("lookup_key")
	if key == "" {
		o.set("lookup_key", nil)
		return nil
	}
	for _, e := range c.table("price").smallest([]string{tagAll}).entries {
		other := e.object()
		if other.str("lookup_key") != key || e.id == o.str("id") {
			continue
		}
		if !c.params.bool("transfer_lookup_key") {
			return refused("", "lookup_key", "A price (`%s`) already uses that lookup key. Pass transfer_lookup_key=true to move it.", e.id)
		}
		other.set("lookup_key", nil)
		c.update("price", e, other)
	}
	o.set("lookup_key", key)
	return nil
}

// priceFromData makes a price of the parameters of priceShape. where is the
// name of the hash for errors, "" for the request itself.
func (t *tx) priceFromData(p *values, product, where string) (*object, *apiError) {
	if !p.has("unit_amount") {
		return nil, invalid("parameter_missing", under(where, "unit_amount"), "Missing required param: %s.", under(where, "unit_amount"))
	}
	currency, err := checkCurrency(p.str("currency"), under(where, "currency"))
	if err != nil {
		return nil, err
	}
	metadata, err := p.metadata().fresh()
	if err != nil {
		return nil, err
	}
	var rhythm *object
	if r := p.hash("recurring"); r != nil {
		rhythm = recurringObject(r.str("interval"), max(1, r.int("interval_count")))
	}
	o := t.priceObject(t.freshID("price", "price_1", 23), product, p.int("unit_amount"), currency, rhythm)
	o.set("metadata", metadata)
	if p.has("tax_behavior") {
		o.set("tax_behavior", p.str("tax_behavior"))
	}
	return o, nil
}
