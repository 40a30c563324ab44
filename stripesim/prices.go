package stripesim

import (
	"net/http"
	"strconv"
)

// As long as an account has no price objects, any price id is accepted: a test
// need not build a catalogue to sell something. What such a price costs is
// taken from a subscription of the account that has it (a world's, for
// example), and otherwise assumed as below. With the first price object the
// account is as strict as Stripe.
const (
	assumedAmount   = 1000 // minor units
	assumedCurrency = "usd"
)

// priceShape is price_data of a checkout line or a subscription item.
func priceShape(productData bool) shape {
	s := shape{
		textParam("currency").must(),
		textParam("product"),
		hashParam("recurring", shape{oneOfParam("interval", "day", "week", "month", "year").must(), intParam("interval_count").between(1, 1095)}),
		oneOfParam("tax_behavior", "exclusive", "inclusive", "unspecified"),
		intParam("unit_amount").between(0, 99999999),
	}.with(unmodelledParams("unit_amount_decimal")...)
	if productData {
		s = s.with(hashParam("product_data", shape{textParam("name").must(), textParam("description"), metadataParam()}.
			with(ignoredParams("images", "tax_code", "unit_label")...)))
	}
	return s
}

// itemPrice makes the price of a line or item from its price or price_data.
// where names the line for errors.
func (t *tx) itemPrice(item *values, where string, recurring bool) (*object, *apiError) {
	data := item.hash("price_data")
	id := item.str("price")
	switch {
	case id == "" && data == nil:
		return nil, invalid("parameter_missing", where, "Each item needs a price: pass %s[price] or %s[price_data].", where, where)
	case id != "" && data != nil:
		return nil, invalid("", where, "You may only specify one of these parameters: price, price_data.")
	case id != "":
		return t.knownPrice(id, where, recurring)
	}
	switch {
	case !data.has("unit_amount"):
		return nil, invalid("parameter_missing", where+"[price_data]", "Missing required param: %s[price_data][unit_amount].", where)
	case data.has("product") == data.has("product_data"):
		return nil, invalid("parameter_missing", where+"[price_data]", "Pass exactly one of %s[price_data][product] and [product_data].", where)
	case recurring && data.hash("recurring") == nil:
		return nil, invalid("", where, "A subscription needs a recurring price: pass %s[price_data][recurring][interval].", where)
	}
	product := data.str("product")
	if product == "" {
		product = t.newID("prod_", 14)
	} else if err := t.productNamed(product, where+"[price_data][product]"); err != nil {
		return nil, err
	}
	return t.priceFromData(data, product, where+"[price_data]")
}

// knownPrice is a price named by id alone; where names the line or item.
func (t *tx) knownPrice(id, where string, recurring bool) (*object, *apiError) {
	prices := t.table("price").byID
	if e := prices[id]; e != nil {
		o := e.object()
		if string(o.get("active")) == "false" {
			return nil, refused("", where+"[price]", "The price specified is inactive. This field only accepts active prices.")
		}
		return o, nil
	}
	if price := t.soldPrice(id); price != nil {
		return price, nil
	}
	if len(prices) > 0 {
		_, err := t.find("price", id, http.StatusBadRequest, where+"[price]")
		return nil, err
	}
	return t.assumedPrice(id, recurring), nil
}

// soldPrice is a price that a subscription of the account has.
func (t *tx) soldPrice(id string) *object {
	for _, e := range t.table("subscription").smallest([]string{"price=" + id}).entries {
		for _, item := range elements(e.object().list("items")) {
			price := parseObject(item).child("price")
			if price.str("id") != id || price.null("unit_amount") || price.null("currency") {
				continue
			}
			if price.null("recurring") { // a world left it out
				price.set("recurring", recurringObject("month", 1))
			}
			return price
		}
	}
	return nil
}

func (t *tx) assumedPrice(id string, recurring bool) *object {
	var rhythm *object
	if recurring {
		rhythm = recurringObject("month", 1)
	}
	return t.priceObject(id, "prod_"+token(t.server.seed, id, 0, 14), assumedAmount, assumedCurrency, rhythm)
}

func recurringObject(interval string, count int64) *object {
	return newObject("interval", interval, "interval_count", count, "meter", nil, "usage_type", "licensed")
}

func (t *tx) priceObject(id, product string, amount int64, currency string, recurring *object) *object {
	kind := "one_time"
	if recurring != nil {
		kind = "recurring"
	}
	return newObject(
		"id", id, "object", "price", "active", true, "billing_scheme", "per_unit", "created", t.now, "currency", currency,
		"custom_unit_amount", nil, "livemode", t.livemode, "lookup_key", nil, "metadata", newObject(), "nickname", nil,
		"product", product, "recurring", recurring, "tax_behavior", "unspecified", "tiers_mode", nil,
		"transform_quantity", nil, "type", kind, "unit_amount", amount, "unit_amount_decimal", strconv.FormatInt(amount, 10))
}

// periodEnd is when a period that starts at the given time ends, in Unix
// seconds, by the price's rhythm; a price without one counts as monthly.
func periodEnd(start int64, price *object) int64 {
	rhythm := price.child("recurring")
	count := int(max(1, rhythm.int("interval_count")))
	at := unixUTC(start)
	switch rhythm.str("interval") {
	case "day":
		return at.AddDate(0, 0, count).Unix()
	case "week":
		return at.AddDate(0, 0, 7*count).Unix()
	case "year":
		return addMonths(at, 12*count).Unix()
	}
	return addMonths(at, count).Unix()
}
