package stripesim

import "net/http"

// tagCurrent marks the subscriptions that a list shows by default, and
// tagEnded those of status=ended (Stripe docs: api/subscriptions/list).
const (
	tagCurrent = "current"
	tagEnded   = "ended"
)

func subscriptionResource() *resource {
	return &resource{
		events: subscriptionEvents,
		object: "subscription", section: "subscriptions", noun: "subscription", url: "/v1/subscriptions", idParam: "id", slug: "rak_subscription",
		tags: subscriptionTags,
		filters: shape{
			oneOfParam("status", "active", "all", "canceled", "ended", "incomplete", "incomplete_expired", "past_due", "paused", "trialing", "unpaid"),
			textParam("customer"), textParam("customer_account"), textParam("price"), textParam("plan"), textParam("test_clock"),
			oneOfParam("collection_method", "charge_automatically", "send_invoice"),
			rangeParam("current_period_end"), rangeParam("current_period_start"), hashParam("automatic_tax", shape{boolParam("enabled").must()}),
		},
		choose:     chooseSubscriptions,
		match:      func(c *call) (func(*entry) bool, *apiError) { return matchSubscriptions(c), nil },
		searchable: map[string]searchKind{"created": searchNumber, "canceled_at": searchNumber, "status": searchText},
		expands: expansions{
			"customer": {to: "customer"},
			"items": {inside: expansions{"data": {inside: expansions{
				"price": {inside: expansions{"product": {to: "product"}, "tiers": {opaque: true}}}}}}},
			"application": {opaque: true}, "default_payment_method": {to: "payment_method"}, "default_source": {opaque: true},
			"discounts": {opaque: true}, "latest_invoice": {to: "invoice"}, "on_behalf_of": {opaque: true},
			"pending_setup_intent": {to: "setup_intent"}, "schedule": {to: "subscription_schedule"}, "test_clock": {opaque: true},
		},
	}
}

func subscriptionTags(tags []string, o *object) []string {
	status := o.str("status")
	tags = append(tags, "status="+status)
	if status != "canceled" {
		tags = append(tags, tagCurrent)
	}
	if status == "canceled" || status == "incomplete_expired" {
		tags = append(tags, tagEnded)
	}
	if o.ref("test_clock") == "" {
		tags = append(tags, tagUnclocked)
	}
	for _, item := range elements(o.list("items")) {
		if price := parseObject(item).ref("price"); price != "" {
			tags = append(tags, "price="+price)
		}
	}
	return tagRef(tags, o, "customer", "customer_account", "collection_method", "test_clock")
}

func chooseSubscriptions(c *call) ([]string, *apiError) {
	tags, err := chooseExisting(c, "customer", "customer")
	if err != nil {
		return nil, err
	}
	tags = append(tags, chooseEqual(c, "customer_account", "price", "collection_method", "test_clock")...)
	if c.params.has("plan") { // plans are prices under their older name
		tags = append(tags, "price="+c.params.str("plan"))
	}
	switch status := c.params.str("status"); status {
	case "":
		tags = append(tags, tagCurrent)
	case "all":
	case "ended":
		tags = append(tags, tagEnded)
	default:
		tags = append(tags, "status="+status)
	}
	if !c.params.has("customer") && !c.params.has("test_clock") {
		tags = append(tags, tagUnclocked)
	}
	return tags, nil
}

func subscriptionOperations(res *resource) []*operation {
	create := subscriptionParams(false).with(textParam("customer").must(), intParam("trial_period_days").between(0, 730)).
		with(textParam("currency"), textParam("customer_account"), offSessionParam(), paymentBehaviorParam()).
		with(ignoredParams("backdate_start_date", "billing_cycle_anchor_config", "billing_mode", "trial_from_plan")...)
	update := subscriptionParams(true).with(cancellationParam(), offSessionParam(), paymentBehaviorParam()).
		with(ignoredParams("pause_collection", "proration_date", "trial_from_plan")...)
	return []*operation{
		writeOperation(res, "subscriptions.create", http.MethodPost, "", create, (*call).createSubscription),
		retrieveOperation(res, "subscriptions.retrieve"),
		writeOperation(res, "subscriptions.update", http.MethodPost, "/{id}", update, func(c *call) (*entry, *apiError) {
			return c.updateSubscription(update)
		}),
		writeOperation(res, "subscriptions.cancel", http.MethodDelete, "/{id}",
			shape{cancellationParam()}.with(ignoredParams("invoice_now", "prorate")...), (*call).cancel),
		listOperation(res, "subscriptions.list"),
		searchOperation(res, "subscriptions.search"),
	}
}

func subscriptionParams(update bool) shape {
	item := shape{textParam("price"), hashParam("price_data", priceShape(false)), intParam("quantity").between(0, 1<<31), metadataParam()}.
		with(ignoredParams("billing_thresholds", "discounts", "tax_rates", "clear_usage")...).
		with(unmodelledParams("plan")...)
	if update {
		item = item.with(textParam("id"), boolParam("deleted"))
	}
	items := arrayParam("items", hashParam("", item))
	items.required = !update
	return shape{
		items, metadataParam(), boolParam("cancel_at_period_end"), timeParam("cancel_at").orEmpty(),
		timeParam("trial_end"), intParam("days_until_due"), textParam("description").upTo(500).orEmpty(),
		oneOfParam("collection_method", "charge_automatically", "send_invoice"),
	}.with(clearableTexts("default_payment_method", "default_source", "on_behalf_of")...).
		with(ignoredParams("add_invoice_items", "application_fee_percent", "automatic_tax", "billing_cycle_anchor", "billing_schedules",
			"billing_thresholds", "default_tax_rates", "discounts", "invoice_settings", "payment_settings", "pending_invoice_item_interval", "proration_behavior", "transfer_data", "trial_settings")...)
}

func cancellationParam() param {
	return hashParam("cancellation_details", shape{textParam("comment").orEmpty(),
		oneOfParam("feedback", "customer_service", "low_quality", "missing_features", "other", "switched_service", "too_complex", "too_expensive", "unused").orEmpty()})
}

var subscriptionFields = []string{"cancel_at_period_end", "days_until_due", "description", "collection_method",
	"default_payment_method", "default_source", "on_behalf_of"}

// newSubscription makes a subscription of these items that starts now. trialEnd
// is 0 for none.
func (t *tx) newSubscription(customer *entry, items []*object, trialEnd int64, metadata *object) *object {
	id := t.freshID("subscription", "sub_1", 23)
	status := "active"
	var trialStart, trialStop, clock any
	anchor := t.now
	if trialEnd > t.now {
		status, trialStart, trialStop, anchor = "trialing", t.now, trialEnd, trialEnd
	}
	if name := customer.object().ref("test_clock"); name != "" {
		clock = name
	}
	o := newObject(
		"id", id, "object", "subscription", "application", nil, "application_fee_percent", nil,
		"automatic_tax", newObject("disabled_reason", nil, "enabled", false, "liability", nil),
		"billing_cycle_anchor", anchor, "billing_cycle_anchor_config", nil,
		"billing_mode", newObject("type", "classic"), "billing_schedules", []any{}, "billing_thresholds", nil, "cancel_at", nil, "cancel_at_period_end", false,
		"canceled_at", nil, "cancellation_details", newObject("comment", nil, "feedback", nil, "reason", nil),
		"collection_method", "charge_automatically", "created", t.now, "currency", items[0].child("price").str("currency"),
		"customer", customer.id, "customer_account", nil, "days_until_due", nil, "default_payment_method", nil,
		"default_source", nil, "default_tax_rates", []any{}, "description", nil, "discounts", []any{}, "ended_at", nil,
		"invoice_settings", newObject("account_tax_ids", nil, "issuer", newObject("type", "self")),
		"items", nil, "latest_invoice", nil, "livemode", t.livemode, "metadata", metadata,
		"next_pending_invoice_item_invoice", nil, "on_behalf_of", nil, "pause_collection", nil,
		"payment_settings", newObject("payment_method_options", nil, "payment_method_types", nil, "save_default_payment_method", "off"),
		"pending_invoice_item_interval", nil, "pending_setup_intent", nil, "pending_update", nil, "schedule", nil,
		"start_date", t.now, "status", status, "test_clock", clock, "transfer_data", nil,
		"trial_end", trialStop, "trial_settings", newObject("end_behavior", newObject("missing_payment_method", "create_invoice")),
		"trial_start", trialStart)
	for _, item := range items {
		item.set("subscription", id)
		end := periodEnd(t.now, item.child("price"))
		if trialEnd > t.now {
			end = trialEnd
		}
		item.set("current_period_end", end)
	}
	o.set("items", itemList(id, items))
	return o
}

func (c *call) createSubscription() (*entry, *apiError) {
	p := c.params
	items := make([]*object, 0, 1)
	for i, v := range p.hashes("items") {
		item, err := c.newItem(v, itemName(i))
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	if len(items) == 0 {
		return nil, invalid("parameter_missing", "items", "Missing required param: items.")
	}
	if err := refuseRepeatedPrice(items); err != nil {
		return nil, err
	}
	if p.str("payment_behavior") == pendingIncomplete {
		return nil, invalid("", "payment_behavior", "payment_behavior=%s is only for updates of a subscription.", pendingIncomplete)
	}
	customer, err := c.findLive("customer", p.str("customer"), http.StatusBadRequest, "customer")
	if err != nil {
		return nil, err
	}
	if err := c.checkDefaultMethod(customer.id, p.str("default_payment_method"), "default_payment_method"); err != nil {
		return nil, err
	}
	trialEnd := p.moment("trial_end", c.now)
	if days := p.int("trial_period_days"); days > 0 {
		if p.has("trial_end") {
			return nil, invalid("", "trial_end", "You may only specify one of these parameters: trial_end, trial_period_days.")
		}
		trialEnd = c.now + days*86400
	}
	metadata, err := p.metadata().fresh()
	if err != nil {
		return nil, err
	}
	o := c.newSubscription(customer, items, trialEnd, metadata)
	p.copyTo(o, c.op.params, subscriptionFields...)
	c.setCancelAt(o)
	if err := c.refusePayment(o, customer.object()); err != nil {
		return nil, err
	}
	return c.addSubscription(o, customer, billing{held: p.str("payment_behavior") == defaultIncomplete, how: c.attempt()}), nil
}

// addSubscription bills and stores a new subscription. It is incomplete while
// the first invoice waits for its payment.
func (t *tx) addSubscription(o *object, customer *entry, b billing) *entry {
	b.reason = "subscription_create"
	invoice := t.billSubscription(o, customer, b)
	o.set("latest_invoice", invoice.id)
	if t.unpaid(invoice) {
		o.set("status", "incomplete")
	}
	return t.insert("subscription", o, nil)
}
