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

// refuseRepeatedPrice: a price stands in a subscription once, with a quantity.
func refuseRepeatedPrice(items []*object) *apiError {
	seen := map[string]bool{}
	for _, item := range items {
		id := item.ref("price")
		if seen[id] {
			return refused("", "items", "Cannot add multiple subscription items with the same plan: %s", shorten(id))
		}
		seen[id] = true
	}
	return nil
}

// changeItems applies items[] of an update: an entry with an id changes or
// deletes that item, one without adds an item. otherRhythm is true when an item
// is billed in another interval than before.
func (c *call) changeItems(o *object) (otherRhythm bool, _ *apiError) {
	if !c.params.has("items") {
		return false, nil
	}
	var items []*object
	for _, raw := range elements(o.list("items")) {
		items = append(items, parseObject(raw))
	}
	for i, v := range c.params.hashes("items") {
		if !v.has("id") {
			item, err := c.newItem(v, itemName(i))
			if err != nil {
				return false, err
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
			return false, missing(http.StatusBadRequest, "subscription_item", v.str("id"), itemName(i)+"[id]", "")
		}
		if v.bool("deleted") {
			items = append(items[:at], items[at+1:]...)
			continue
		}
		before := rhythmOf(items[at])
		if err := c.changeItem(items[at], v, itemName(i)); err != nil {
			return false, err
		}
		otherRhythm = otherRhythm || rhythmOf(items[at]) != before
	}
	if len(items) == 0 {
		return false, refused("", "items", "A subscription must keep at least one item. To end it, cancel it.")
	}
	if err := refuseRepeatedPrice(items); err != nil {
		return false, err
	}
	o.set("items", itemList(o.str("id"), items))
	return otherRhythm, nil
}

// rhythmOf is how often an item is billed. A price without a rhythm (a world's)
// counts as monthly, as in periodEnd.
func rhythmOf(item *object) string {
	rhythm := item.child("price").child("recurring")
	return fmt.Sprint(max(1, rhythm.int("interval_count"))) + orElse(rhythm.str("interval"), "month")
}

// restartPeriod begins the period of every item now (Stripe docs:
// billing/subscriptions/change-price).
func (t *tx) restartPeriod(o *object) {
	var items []*object
	for _, raw := range elements(o.list("items")) {
		item := parseObject(raw)
		item.set("current_period_start", t.now)
		item.set("current_period_end", periodEnd(t.now, item.child("price")))
		items = append(items, item)
	}
	o.set("items", itemList(o.str("id"), items))
	o.set("billing_cycle_anchor", t.now)
	if o.bool("cancel_at_period_end") && len(items) > 0 {
		o.set("cancel_at", items[0].get("current_period_end"))
	}
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

// matchSubscriptions are the filters of the list that no tag can say. A period
// is that of the item where it is earliest (Stripe docs:
// api/subscriptions/list).
func matchSubscriptions(c *call) func(*entry) bool {
	start, byStart := c.params.of["current_period_start"].(span)
	end, byEnd := c.params.of["current_period_end"].(span)
	tax := c.params.hash("automatic_tax")
	if !byStart && !byEnd && tax == nil {
		return nil
	}
	return func(e *entry) bool {
		o := e.object()
		return (!byStart || start.holds(o, "current_period_start")) && (!byEnd || end.holds(o, "current_period_end")) &&
			(tax == nil || o.child("automatic_tax").bool("enabled") == tax.bool("enabled"))
	}
}

// holds reports that the earliest such time of a subscription's items lies in
// the span. Worlds may quote a version that has it on the subscription.
func (s span) holds(o *object, name string) bool {
	at, found := o.int(name), !o.null(name)
	for _, raw := range elements(o.list("items")) {
		if item := parseObject(raw); !item.null(name) && (!found || item.int(name) < at) {
			at, found = item.int(name), true
		}
	}
	return found && at >= s.from && at <= s.to
}
