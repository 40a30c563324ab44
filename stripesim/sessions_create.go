package stripesim

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// sessionLife is how long a session stays open when nothing else is asked,
// and the most that can be asked for, in seconds.
const (
	sessionLife      = 24 * 60 * 60
	shortSessionLife = 30 * 60
)

func sessionParams() shape {
	line := shape{textParam("price"), hashParam("price_data", priceShape(true)), intParam("quantity").between(0, 1<<31), metadataParam()}.
		with(ignoredParams("adjustable_quantity", "dynamic_tax_rates", "tax_rates")...)
	subscriptionData := shape{metadataParam(), textParam("description").upTo(500), intParam("trial_period_days").between(1, 730), intParam("trial_end").between(0, 1<<53)}.
		with(ignoredParams("application_fee_percent", "billing_cycle_anchor", "billing_cycle_anchor_config", "billing_mode", "default_tax_rates",
			"invoice_settings", "on_behalf_of", "pending_invoice_item_interval", "proration_behavior", "transfer_data", "trial_settings")...)
	paymentData := shape{metadataParam(), textParam("description"), textParam("receipt_email"), textParam("statement_descriptor"),
		textParam("statement_descriptor_suffix"), oneOfParam("setup_future_usage", "off_session", "on_session"), textParam("transfer_group")}.
		with(ignoredParams("application_fee_amount", "on_behalf_of", "shipping", "transfer_data")...).
		with(unmodelledParams("capture_method")...)
	return shape{
		oneOfParam("mode", "payment", "setup", "subscription").must(),
		arrayParam("line_items", hashParam("", line)),
		textParam("customer"), textParam("customer_account"), textParam("customer_email").upTo(800),
		oneOfParam("customer_creation", "always", "if_required"),
		textParam("client_reference_id").upTo(200), metadataParam(), textParam("success_url"), textParam("cancel_url"), textParam("return_url"),
		textParam("currency"), intParam("expires_at").between(0, 1<<53), textParam("locale"), boolParam("allow_promotion_codes"),
		oneOfParam("ui_mode", "hosted_page", "embedded_page", "elements", "form"),
		oneOfParam("payment_method_collection", "always", "if_required"),
		oneOfParam("submit_type", "auto", "book", "donate", "pay", "subscribe"),
		oneOfParam("billing_address_collection", "auto", "required"),
		arrayParam("payment_method_types", textParam("")),
		hashParam("subscription_data", subscriptionData), hashParam("payment_intent_data", paymentData),
		hashParam("setup_intent_data", shape{metadataParam(), textParam("description")}.with(ignoredParams("on_behalf_of")...)),
	}.with(ignoredParams("adaptive_pricing", "after_expiration", "automatic_tax", "branding_settings", "consent_collection",
		"custom_fields", "custom_text", "customer_update", "discounts", "excluded_payment_method_types", "integration_identifier",
		"invoice_creation", "managed_payments", "name_collection", "optional_items", "origin_context",
		"payment_method_configuration", "payment_method_data", "payment_method_options", "permissions", "phone_number_collection",
		"redirect_on_completion", "saved_payment_method_options", "shipping_address_collection", "shipping_options",
		"tax_id_collection", "wallet_options")...)
}

// checkSession holds the rules between parameters, before anything is made.
func checkSession(p *values) *apiError {
	mode := p.str("mode")
	for _, only := range []struct{ param, mode string }{
		{"subscription_data", "subscription"}, {"payment_intent_data", "payment"}, {"setup_intent_data", "setup"},
	} {
		if p.has(only.param) && mode != only.mode {
			return invalid("", only.param, "You can not pass `%s` in `%s` mode.", only.param, mode)
		}
	}
	hosted := !p.has("ui_mode") || p.str("ui_mode") == "hosted_page"
	switch {
	case hosted && !p.has("success_url"):
		return invalid("parameter_missing", "success_url", "Missing required param: success_url.")
	case mode != "setup" && len(p.hashes("line_items")) == 0:
		return invalid("parameter_missing", "line_items", "Missing required param: line_items. It is required in `%s` mode.", mode)
	case mode == "setup" && p.has("line_items"):
		return invalid("", "line_items", "You can not pass `line_items` in `setup` mode.")
	case p.has("customer") && p.has("customer_email"):
		return invalid("", "customer", "You may only specify one of these parameters: customer, customer_email.")
	case p.has("customer_creation") && mode == "subscription":
		return invalid("", "customer_creation", "`customer_creation` can only be used in `payment` and `setup` mode: `subscription` mode always creates a customer.")
	case p.has("customer_creation") && p.has("customer"):
		return invalid("", "customer_creation", "`customer_creation` cannot be used together with `customer`.")
	case p.has("customer_email") && !looksLikeEmail(p.str("customer_email")):
		return invalid("email_invalid", "customer_email", "Invalid email address: %s", shorten(p.str("customer_email")))
	}
	if data := p.hash("subscription_data"); data.has("trial_period_days") && data.has("trial_end") {
		return invalid("", "subscription_data[trial_end]", "You may only specify one of these parameters: trial_end, trial_period_days.")
	}
	return nil
}

func (c *call) createSession() (*entry, *apiError) {
	p := c.params
	if err := checkSession(p); err != nil {
		return nil, err
	}
	expires := c.now + sessionLife
	if p.has("expires_at") {
		expires = p.int("expires_at")
		if expires < c.now+shortSessionLife || expires > c.now+sessionLife {
			return nil, invalid("", "expires_at", "`expires_at` must be between 30 minutes and 24 hours from now (now is %d).", c.now)
		}
	}
	if p.has("customer") {
		if _, err := c.findLive("customer", p.str("customer"), http.StatusBadRequest, "customer"); err != nil {
			return nil, err
		}
	}
	metadata, err := p.metadata().fresh()
	if err != nil {
		return nil, err
	}
	lines, err := c.lineItems(p)
	if err != nil {
		return nil, err
	}
	hidden, err := c.hiddenSession(p, lines)
	if err != nil {
		return nil, err
	}
	return c.insert("checkout.session", c.newSession(p, lines, metadata, expires), hidden), nil
}

// lineItems makes the lines and checks that they fit the mode.
func (c *call) lineItems(p *values) ([]*object, *apiError) {
	mode := p.str("mode")
	recurring := 0
	var lines []*object
	for i, v := range p.hashes("line_items") {
		where := fmt.Sprintf("line_items[%d]", i)
		price, err := c.itemPrice(v, where, mode == "subscription" && v.has("price"))
		if err != nil {
			return nil, err
		}
		if !v.has("quantity") {
			return nil, invalid("parameter_missing", where+"[quantity]", "Quantity is required. Add `quantity` to `%s`.", where)
		}
		if !price.null("recurring") {
			recurring++
		}
		metadata, err := v.metadata().fresh()
		if err != nil {
			return nil, err
		}
		amount := price.int("unit_amount") * v.int("quantity")
		description := v.hash("price_data").hash("product_data").str("name")
		lines = append(lines, newObject("id", c.newID("li_1", 23), "object", "item", "amount_discount", 0, "amount_subtotal", amount,
			"amount_tax", 0, "amount_total", amount, "currency", price.str("currency"), "description", nullable(description),
			"metadata", metadata, "price", price, "quantity", v.int("quantity")))
	}
	switch {
	case mode == "subscription" && recurring == 0:
		return nil, invalid("", "line_items", "You must provide at least one recurring price in `subscription` mode.")
	case mode == "payment" && recurring > 0:
		return nil, invalid("", "line_items", "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.")
	}
	return lines, nil
}

// hiddenSession keeps what the session will need when it is paid but does not
// show: Stripe does not return subscription_data and its like.
func (c *call) hiddenSession(p *values, lines []*object) (*object, *apiError) {
	raw := make([]json.RawMessage, len(lines))
	for i, line := range lines {
		raw[i] = line.raw()
	}
	hidden := newObject("line_items", array(raw))
	for _, name := range []string{"subscription_data", "payment_intent_data", "setup_intent_data"} {
		data := p.hash(name)
		if data == nil {
			continue
		}
		metadata, err := data.metadata().fresh()
		if err != nil {
			return nil, err
		}
		o := newObject("metadata", metadata)
		data.copyTo(o, c.op.params.find(name).fields, "description", "trial_period_days", "trial_end", "receipt_email",
			"statement_descriptor", "statement_descriptor_suffix", "setup_future_usage", "transfer_group")
		hidden.set(name, o)
	}
	return hidden, nil
}

func (c *call) newSession(p *values, lines []*object, metadata *object, expires int64) *object {
	mode := p.str("mode")
	id := c.freshID("checkout.session", "cs_"+modeName(c.livemode)+"_a1", 56)
	var total, subtotal, currency, creation any
	if mode != "setup" {
		sum := int64(0)
		for _, line := range lines {
			sum += line.int("amount_total")
		}
		total, subtotal, currency = sum, sum, lines[0].str("currency")
		if data := p.hash("subscription_data"); data.has("trial_period_days") || data.has("trial_end") {
			sum = 0 // today only what is sold a single time is due
			for _, line := range lines {
				if line.child("price").null("recurring") {
					sum += line.int("amount_total")
				}
			}
			total, subtotal = sum, sum
		}
	}
	if !p.has("customer") {
		creation = "if_required"
		if mode == "subscription" {
			creation = "always"
		}
	}
	collection, uiMode := "if_required", "hosted_page"
	if mode == "subscription" {
		collection = "always"
	}
	if p.has("ui_mode") {
		uiMode = p.str("ui_mode")
	}
	var url, secret any = c.base + payPrefix + id, nil
	if uiMode != "hosted_page" {
		url, secret = nil, id+"_secret_"+token(c.server.seed, id, 0, 40)
	}
	o := newObject(
		"id", id, "object", "checkout.session", "adaptive_pricing", nil, "after_expiration", nil, "allow_promotion_codes", nil,
		"amount_subtotal", subtotal, "amount_total", total,
		"automatic_tax", newObject("enabled", false, "liability", nil, "provider", nil, "status", nil),
		"billing_address_collection", nil, "cancel_url", nil, "client_reference_id", nil, "client_secret", secret,
		"collected_information", nil, "consent", nil, "consent_collection", nil, "created", c.now, "currency", currency,
		"currency_conversion", nil, "custom_fields", []any{},
		"custom_text", newObject("after_submit", nil, "shipping_address", nil, "submit", nil, "terms_of_service_acceptance", nil),
		"customer", nil, "customer_account", nil, "customer_creation", creation, "customer_details", nil, "customer_email", nil,
		"discounts", []any{}, "expires_at", expires, "invoice", nil, "invoice_creation", nil, "livemode", c.livemode, "locale", nil,
		"metadata", metadata, "mode", mode, "origin_context", nil, "payment_intent", nil, "payment_link", nil,
		"payment_method_collection", collection, "payment_method_configuration_details", nil,
		"payment_method_options", newObject(), "payment_method_types", []any{"card"}, "payment_status", "unpaid",
		"permissions", nil, "phone_number_collection", newObject("enabled", false), "recovered_from", nil,
		"saved_payment_method_options", nil, "setup_intent", nil, "shipping_address_collection", nil, "shipping_cost", nil,
		"shipping_options", []any{}, "status", "open", "submit_type", nil, "subscription", nil, "success_url", nil,
		"total_details", totalDetails(mode), "ui_mode", uiMode, "url", url, "wallet_options", nil)
	p.copyTo(o, c.op.params, "customer", "customer_account", "customer_email", "customer_creation", "client_reference_id", "success_url",
		"cancel_url", "return_url", "locale", "allow_promotion_codes", "payment_method_collection", "submit_type",
		"billing_address_collection", "payment_method_types")
	return o
}

func totalDetails(mode string) any {
	if mode == "setup" {
		return nil
	}
	return newObject("amount_discount", 0, "amount_shipping", 0, "amount_tax", 0)
}
