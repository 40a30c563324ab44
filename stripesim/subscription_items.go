package stripesim

import (
	"encoding/json"
	"fmt"
	"net/http"
)

func itemName(i int) string { return fmt.Sprintf("items[%d]", i) }

func itemList(subscription string, items []*object) json.RawMessage {
	raw := make([]json.RawMessage, len(items))
	for i, item := range items {
		raw[i] = item.raw()
	}
	return newObject("object", "list", "data", array(raw), "has_more", false,
		"url", "/v1/subscription_items?subscription="+subscription).raw()
}

// newItem makes a subscription item that starts now. Since 2025-03-31.basil
// the billing period belongs to the items, not to the subscription.
func (t *tx) newItem(v *values, where string) (*object, *apiError) {
	price, err := t.itemPrice(v, where, true)
	if err != nil {
		return nil, err
	}
	if price.null("recurring") {
		return nil, refused("", where, "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.")
	}
	quantity := int64(1)
	if v.has("quantity") {
		quantity = v.int("quantity")
	}
	metadata, err := v.metadata().fresh()
	if err != nil {
		return nil, err
	}
	return t.subscriptionItem(price, quantity, metadata), nil
}

func (t *tx) subscriptionItem(price *object, quantity int64, metadata *object) *object {
	return newObject(
		"id", t.newID("si_", 14), "object", "subscription_item", "billing_thresholds", nil, "created", t.now,
		"current_period_end", periodEnd(t.now, price), "current_period_start", t.now, "discounts", []any{},
		"metadata", metadata, "price", price, "quantity", quantity, "subscription", "", "tax_rates", []any{})
}

// changeItems applies items[] of an update: an entry with an id changes or
// deletes that item, one without adds an item.
func (c *call) changeItems(o *object) *apiError {
	if !c.params.has("items") {
		return nil
	}
	var items []*object
	for _, raw := range elements(o.list("items")) {
		items = append(items, parseObject(raw))
	}
	for i, v := range c.params.hashes("items") {
		if !v.has("id") {
			item, err := c.newItem(v, itemName(i))
			if err != nil {
				return err
			}
			item.set("subscription", o.str("id"))
			items = append(items, item)
			continue
		}
		at := -1
		for j := range items {
			if items[j].str("id") == v.str("id") {
				at = j
			}
		}
		if at < 0 {
			return missing(http.StatusBadRequest, "subscription_item", v.str("id"), itemName(i)+"[id]", "")
		}
		if v.bool("deleted") {
			items = append(items[:at], items[at+1:]...)
			continue
		}
		if err := c.changeItem(items[at], v, itemName(i)); err != nil {
			return err
		}
	}
	if len(items) == 0 {
		return refused("", "items", "A subscription must keep at least one item. To end it, cancel it.")
	}
	o.set("items", itemList(o.str("id"), items))
	return nil
}

func (c *call) changeItem(item *object, v *values, where string) *apiError {
	if v.has("price") || v.has("price_data") {
		price, err := c.itemPrice(v, where, true)
		if err != nil {
			return err
		}
		item.set("price", price)
	}
	if v.has("quantity") {
		item.set("quantity", v.int("quantity"))
	}
	return v.metadata().mergeInto(item)
}

// setCancelAt applies cancel_at and cancel_at_period_end.
func (c *call) setCancelAt(o *object) {
	switch {
	case c.params.bool("cancel_at_period_end"):
		o.set("canceled_at", c.now)
		for _, raw := range elements(o.list("items")) {
			if end := parseObject(raw).int("current_period_end"); end > 0 {
				o.set("cancel_at", end)
				break
			}
		}
	case c.params.given("cancel_at"):
		o.set("canceled_at", c.now)
		o.set("cancel_at", c.params.moment("cancel_at", c.now))
	case c.params.has("cancel_at") || c.params.has("cancel_at_period_end"):
		o.set("canceled_at", nil)
		o.set("cancel_at", nil)
	}
}

// setTrialEnd moves the end of the trial; in the past or "now" it ends it.
func setTrialEnd(o *object, end, now int64) {
	if end > now {
		if o.null("trial_start") {
			o.set("trial_start", now)
		}
		o.set("status", "trialing")
	} else {
		end = now
		if o.str("status") == "trialing" {
			o.set("status", "active")
		}
	}
	o.set("trial_end", end)
	o.set("billing_cycle_anchor", end)
}
