package stripesim

import (
	"encoding/json"
	"net/http"
	"slices"
)

func productResource() *resource {
	return &resource{
		object: "product", section: "products", noun: "product", url: "/v1/products", idParam: "id", slug: "rak_product", sparse: true,
		tags:    func(tags []string, o *object) []string { return tagValue(tags, o, "active", "shippable", "url") },
		filters: shape{boolParam("active"), boolParam("shippable"), textParam("url"), arrayParam("ids", textParam(""))},
		choose: func(c *call) ([]string, *apiError) {
			return append(chooseBool(c, "active", "shippable"), chooseEqual(c, "url")...), nil
		},
		match:  func(c *call) (func(*entry) bool, *apiError) { return matchTexts(c, "ids", (*entry).name), nil },
		events: lifeEvents("product"),
		searchable: map[string]searchKind{"active": searchText, "description": searchText, "name": searchText,
			"shippable": searchText, "url": searchText},
		expands: expansions{"default_price": {to: "price"}, "tax_code": {opaque: true}},
	}
}

func productOperations(res *resource) []*operation {
	shared := shape{
		boolParam("active"), metadataParam(), textParam("statement_descriptor").upTo(22), boolParam("shippable"),
		arrayParam("images", textParam("")).orEmpty(),
		arrayParam("marketing_features", hashParam("", shape{textParam("name").upTo(80).must()})).orEmpty(),
	}.with(clearableTexts("description", "tax_code", "unit_label", "url")...).
		with(ignoredParams("package_dimensions")...)
	create := shared.with(textParam("id"), textParam("name").must(), hashParam("default_price_data", priceShape(false).
		with(metadataParam()).with(ignoredParams("currency_options", "custom_unit_amount")...).without("product")))
	update := shared.with(textParam("name"), textParam("default_price"))
	return []*operation{
		writeOperation(res, "products.create", http.MethodPost, "", create, (*call).createProduct),
		retrieveOperation(res, "products.retrieve"),
		writeOperation(res, "products.update", http.MethodPost, "/{id}", update, (*call).updateProduct),
		deleteOperation(res, "products.delete", (*call).deleteProduct),
		listOperation(res, "products.list"),
		searchOperation(res, "products.search"),
	}
}

var productFields = []string{"active", "name", "description", "images", "marketing_features", "shippable",
	"statement_descriptor", "tax_code", "unit_label", "url", "default_price"}

func (t *tx) newProduct(id, name string, metadata *object) *object {
	if id == "" {
		id = t.freshID("product", "prod_", 14)
	}
	return newObject(
		"id", id, "object", "product", "active", true, "created", t.now, "default_price", nil,
		"description", nil, "images", []any{}, "livemode", t.livemode, "marketing_features", []any{}, "metadata", metadata,
		"name", name, "package_dimensions", nil, "shippable", nil, "statement_descriptor", nil, "tax_code", nil,
		"unit_label", nil, "updated", t.now, "url", nil)
}

func (c *call) createProduct() (*entry, *apiError) {
	p := c.params
	if id := p.str("id"); id != "" && c.table("product").byID[id] != nil {
		return nil, refused("resource_already_exists", "id", "Product already exists.")
	}
	metadata, err := p.metadata().fresh()
	if err != nil {
		return nil, err
	}
	o := c.newProduct(p.str("id"), p.str("name"), metadata)
	p.copyTo(o, c.op.params, productFields...)
	noNulls(o, "images", "marketing_features")
	var price *object
	if data := p.hash("default_price_data"); data != nil {
		if price, err = c.priceFromData(data, o.str("id"), "default_price_data"); err != nil {
			return nil, err
		}
	}
	e := c.insert("product", o, nil)
	if price != nil {
		c.insert("price", price, nil)
		o.set("default_price", price.str("id"))
		c.update("product", e, o)
	}
	return e, nil
}

func (c *call) updateProduct() (*entry, *apiError) {
	e, err := c.find("product", c.id, http.StatusNotFound, "id")
	if err != nil {
		return nil, err
	}
	p, o := c.params, e.object()
	if p.has("default_price") {
		if _, err := c.find("price", p.str("default_price"), http.StatusBadRequest, "default_price"); err != nil {
			return nil, err
		}
	}
	if err := p.metadata().mergeInto(o); err != nil {
		return nil, err
	}
	p.copyTo(o, c.op.params, productFields...)
	noNulls(o, "images", "marketing_features")
	if previousOf(e.object(), o) != nil {
		o.set("updated", c.now)
	}
	c.update("product", e, o)
	return e, nil
}

// deleteProduct leaves no stub: a deleted product is simply unknown. One with
// prices cannot be deleted, and prices can never be.
func (c *call) deleteProduct() (*entry, *apiError) {
	e, err := c.find("product", c.id, http.StatusNotFound, "id")
	if err != nil {
		return nil, err
	}
	if len(c.table("price").smallest([]string{"product=" + e.id}).entries) > 0 {
		return nil, refused("", "id", "This product cannot be deleted because it has one or more user-created prices.")
	}
	c.remove("product", e)
	return e, nil
}

// deleteOperation is DELETE url/{id} for objects that leave no stub behind.
func deleteOperation(res *resource, name string, run func(*call) (*entry, *apiError)) *operation {
	op := writeOperation(res, name, http.MethodDelete, "/{id}", nil, run)
	op.returns = nil
	op.run = func(c *call) (json.RawMessage, *apiError) {
		e, err := run(c)
		if err != nil {
			return nil, err
		}
		return newObject("id", e.id, "object", res.object, "deleted", true).raw(), nil
	}
	return op
}

// productNamed checks a product id in a parameter. As with prices, any id is
// good as long as the account has no product at all.
func (t *tx) productNamed(id, param string) *apiError {
	if len(t.table("product").byID) == 0 {
		return nil
	}
	_, err := t.find("product", id, http.StatusBadRequest, param)
	return err
}

// noNulls makes empty arrays of arrays that were unset.
func noNulls(o *object, names ...string) {
	for _, name := range names {
		if o.null(name) {
			o.set(name, []any{})
		}
	}
}

func (e *entry) name() string { return e.id }

// matchTexts asks that a text of the object is one of those in an array
// parameter; nil when the parameter is not there.
func matchTexts(c *call, param string, of func(*entry) string) func(*entry) bool {
	wanted, _ := c.params.of[param].([]any)
	if len(wanted) == 0 {
		return nil
	}
	return func(e *entry) bool { return slices.Contains(wanted, any(of(e))) }
}
