package stripesim

import (
	"encoding/json"
	"fmt"
)

func phaseShape() shape {
	item := shape{textParam("price"), hashParam("price_data", priceShape(false)), intParam("quantity").between(0, 1<<31), metadataParam()}.
		with(ignoredParams("billing_thresholds", "discounts", "tax_rates")...).with(unmodelledParams("plan")...)
	return shape{
		arrayParam("items", hashParam("", item)).must(), metadataParam(), timeParam("end_date"),
		hashParam("duration", shape{oneOfParam("interval", "day", "week", "month", "year").must(), intParam("interval_count").between(1, 1095)}),
		oneOfParam("billing_cycle_anchor", "automatic", "phase_start"), textParam("currency"), textParam("default_payment_method"),
		oneOfParam("collection_method", "charge_automatically", "send_invoice"), textParam("description").upTo(500).orEmpty(),
		oneOfParam("proration_behavior", "always_invoice", "create_prorations", "none"),
	}.with(ignoredParams("add_invoice_items", "application_fee_percent", "automatic_tax", "billing_thresholds", "default_tax_rates",
		"discounts", "invoice_settings", "on_behalf_of", "transfer_data")...).
		with(unmodelledParams("iterations", "trial", "trial_end")...)
}

// phases makes a chain of phases that begins at start. prices gets the prices
// that only this schedule knows.
func (c *call) phases(given []*values, start int64, prices *object) ([]*object, *apiError) {
	var chain []*object
	for i, v := range given {
		where := fmt.Sprintf("phases[%d]", i)
		if i > 0 && v.has("start_date") && v.moment("start_date", c.now) != start {
			return nil, invalid("", where+"[start_date]", "A phase starts when the one before it ends (%d).", start)
		}
		phase, err := c.newPhase(v, where, start, i == len(given)-1, prices)
		if err != nil {
			return nil, err
		}
		chain = append(chain, phase)
		start = phase.int("end_date")
	}
	if start <= c.now {
		return nil, invalid("", "phases", "The last phase must end in the future; it ended at %d.", start)
	}
	return chain, nil
}

func (c *call) newPhase(v *values, where string, start int64, last bool, prices *object) (*object, *apiError) {
	var items []*object
	var first *object
	for j, item := range v.hashes("items") {
		at := fmt.Sprintf("%s[items][%d]", where, j)
		made, err := c.newItem(item, at)
		if err != nil {
			return nil, err
		}
		price := made.child("price")
		if first == nil {
			first = price
		}
		prices.set(price.str("id"), price)
		items = append(items, phaseItem(price.str("id"), made.int("quantity"), made.child("metadata")))
	}
	if first == nil {
		return nil, invalid("parameter_missing", where+"[items]", "Missing required param: %s[items].", where)
	}
	var end int64
	switch length := v.hash("duration"); {
	case length != nil && v.has("end_date"):
		return nil, invalid("", where+"[end_date]", "You may only specify one of these parameters: duration, end_date.")
	case length != nil:
		end = periodEnd(start, newObject("recurring", recurringObject(length.str("interval"), max(1, length.int("interval_count")))))
	case v.has("end_date"):
		end = v.moment("end_date", c.now)
	case last:
		end = periodEnd(start, first)
	default:
		return nil, invalid("parameter_missing", where, "Every phase but the last one needs an end_date or a duration: %s.", where)
	}
	if end <= start {
		return nil, invalid("", where+"[end_date]", "A phase must end after it starts: %s ends at %d and starts at %d.", where, end, start)
	}
	phase := blankPhase(first.str("currency"), start, end, items)
	phase.set("metadata", phaseMetadata(v.metadata()))
	v.copyTo(phase, phaseShape(), "billing_cycle_anchor", "collection_method", "default_payment_method", "description", "proration_behavior")
	return phase, nil
}

func phaseItem(price string, quantity int64, metadata *object) *object {
	return newObject("billing_thresholds", nil, "discounts", []any{}, "metadata", metadata, "price", price, "quantity", quantity, "tax_rates", []any{})
}

func blankPhase(currency string, start, end int64, items []*object) *object {
	return newObject("add_invoice_items", []any{}, "application_fee_percent", nil, "billing_cycle_anchor", nil, "billing_thresholds", nil,
		"collection_method", nil, "currency", currency, "default_payment_method", nil, "default_tax_rates", []any{}, "description", nil,
		"discounts", []any{}, "end_date", end, "invoice_settings", nil, "items", rawList(items), "metadata", newObject(), "on_behalf_of", nil,
		"proration_behavior", "create_prorations", "start_date", start, "transfer_data", nil, "trial_end", nil)
}

// phaseMetadata keeps empty values: they are an instruction to drop the key
// from the subscription when the phase begins.
func phaseMetadata(m metadataChange) *object {
	o := newObject()
	for _, key := range m.names {
		o.set(key, m.to[key])
	}
	return o
}

// phaseOfSubscription is a subscription as a phase. The subscription's
// metadata does not come along.
func (t *tx) phaseOfSubscription(sub, prices *object) *object {
	start, end := sub.int("start_date"), int64(0)
	var items []*object
	for _, raw := range elements(sub.list("items")) {
		item := parseObject(raw)
		price := item.child("price")
		prices.set(price.str("id"), price)
		metadata := metadataField(item)
		items = append(items, phaseItem(price.str("id"), max(1, item.int("quantity")), metadata))
		if from := item.int("current_period_start"); from > 0 {
			start = from
		}
		end = item.int("current_period_end")
		if end == 0 {
			end = periodEnd(t.now, price)
		}
	}
	return blankPhase(sub.str("currency"), start, max(end, start+1), items)
}

func scheduledPhases(o *object) []*object {
	var phases []*object
	for _, raw := range elements(o.get("phases")) {
		if phase := parseObject(raw); phase != nil {
			phases = append(phases, phase)
		}
	}
	return phases
}

func rawList(items []*object) json.RawMessage {
	raw := make([]json.RawMessage, len(items))
	for i, item := range items {
		raw[i] = item.raw()
	}
	return array(raw)
}
