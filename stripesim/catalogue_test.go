package stripesim_test

import (
	"encoding/json"
	"strings"
	"testing"

	"rightful/stripesim"
)

func TestAnyPriceIsGoodUntilThereIsOne(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer := str(b.send("POST", "/v1/customers", "").at("id"))
	old := b.send("POST", "/v1/subscriptions", "customer="+customer+"&items[0][price]=price_any")
	equal(t, "assumed", old.at("items", "data", 0, "price", "unit_amount"), any(1000.0))
	product := str(b.send("POST", "/v1/products", "name=Pro&default_price_data[currency]=eur&default_price_data[unit_amount]=700&default_price_data[recurring][interval]=year").at("id"))
	price := str(b.send("GET", "/v1/products/"+product, "").at("default_price"))
	once := str(b.send("POST", "/v1/prices", "currency=eur&unit_amount=300&product="+product).at("id"))

	a := b.send("POST", "/v1/subscriptions", "customer="+customer+"&items[0][price]="+price+"&expand[]=items.data.price.product")
	for name, want := range map[string]any{"unit_amount": 700.0, "currency": "eur", "type": "recurring"} {
		equal(t, name, a.at("items", "data", 0, "price", name), want)
	}
	equal(t, "product", str(a.at("items", "data", 0, "price", "product", "name")), "Pro")
	equal(t, "interval", str(a.at("items", "data", 0, "price", "recurring", "interval")), "year")
	equal(t, "sold before", b.send("POST", "/v1/subscriptions", "customer="+customer+"&items[0][price]=price_any").status, 200)
	for _, c := range []struct{ path, form, code, param, message string }{
		{"/v1/subscriptions", "customer=" + customer + "&items[0][price]=price_other", "resource_missing", "items[0][price]", "No such price: 'price_other'"},
		{"/v1/subscriptions", "customer=" + customer + "&items[0][price]=" + once, "", "items[0]", "type=one_time"},
		{"/v1/subscriptions/" + str(old.at("id")), "items[0][price]=price_other", "resource_missing", "items[0][price]", ""},
		{"/v1/checkout/sessions", "mode=payment&success_url=https://x&line_items[0][quantity]=1&line_items[0][price]=price_other", "resource_missing", "line_items[0][price]", ""},
		{"/v1/checkout/sessions", "mode=payment&success_url=https://x&line_items[0][quantity]=1&line_items[0][price]=" + price, "", "line_items", "recurring price"},
		{"/v1/checkout/sessions", "mode=payment&success_url=https://x&line_items[0][quantity]=1&line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=1&line_items[0][price_data][product]=prod_none",
			"resource_missing", "line_items[0][price_data][product]", "No such product"},
	} {
		b.send("POST", c.path, c.form).wantError(t, 400, c.code, c.param, c.message)
	}
	b.send("POST", "/v1/prices/"+once, "active=false")
	session := "mode=payment&success_url=https://x&line_items[0][quantity]=1&line_items[0][price]=" + once
	b.send("POST", "/v1/checkout/sessions", session).wantError(t, 400, "", "line_items[0][price]", "inactive")
	b.send("POST", "/v1/prices/"+once, "active=true")
	a = b.send("POST", "/v1/checkout/sessions", session+"&expand[]=line_items")
	equal(t, "total", a.at("amount_total"), any(300.0))
	equal(t, "currency", str(a.at("currency")), "eur")
	equal(t, "line", str(a.at("line_items", "data", 0, "price", "id")), once)
}

func TestPriceRules(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	product := str(b.send("POST", "/v1/products", "name=Pro&id=prod_own").at("id"))
	equal(t, "own id", product, "prod_own")
	b.send("POST", "/v1/products", "name=Pro&id=prod_own").wantError(t, 400, "resource_already_exists", "id", "already exists")
	first := str(b.send("POST", "/v1/prices", "currency=usd&unit_amount=1&product=prod_own&lookup_key=pro&metadata[a]=b").at("id"))
	b.send("POST", "/v1/prices", "currency=usd&unit_amount=2&product=prod_own&lookup_key=pro").wantError(t, 400, "", "lookup_key", "already uses")
	second := b.send("POST", "/v1/prices", "currency=eur&unit_amount=2&product=prod_own&lookup_key=pro&transfer_lookup_key=true&recurring[interval]=month")
	equal(t, "moved", str(second.at("lookup_key")), "pro")
	equal(t, "away", b.send("GET", "/v1/prices/"+first, "").at("lookup_key"), nil)
	b.send("POST", "/v1/prices", "currency=usd&unit_amount=5&product_data[name]=Inline&product_data[metadata][k]=v")
	b.send("POST", "/v1/prices/"+first, "active=false")
	for query, want := range map[string]int{"": 3, "active=false": 1, "active=true": 2, "product=prod_own": 2, "currency=eur": 1, "type=recurring": 1,
		"recurring[interval]=month": 1, "recurring[interval]=year": 0, "recurring[usage_type]=licensed": 1, "lookup_keys[]=pro&lookup_keys[]=x": 1, "lookup_keys[]=x": 0} {
		equal(t, query, len(b.send("GET", "/v1/prices?"+query, "").ids()), want)
	}
	for query, want := range map[string]int{"": 2, "ids[]=prod_own": 1, "active=true": 2, "shippable=true": 0, "url=https://x": 0, "created[gt]=5": 2} {
		equal(t, query, len(b.send("GET", "/v1/products?"+query, "").ids()), want)
	}
	equal(t, "search", len(b.send("GET", "/v1/prices/search?query=active:'false'%20AND%20product:'prod_own'", "").ids()), 1)
	for form, param := range map[string]string{
		"unit_amount=1&product=prod_own": "currency", "currency=usd&product=prod_own": "unit_amount", "currency=usd&unit_amount=1": "product",
		"currency=usd&unit_amount=1&product=prod_own&product_data[name]=x": "product", "currency=usd&unit_amount=1&product=prod_none": "product",
		"currency=usd&unit_amount=1&product=prod_own&billing_scheme=tiered": "billing_scheme", "currency=usd&product=prod_own&unit_amount_decimal=1.5": "unit_amount_decimal",
	} {
		if a := b.send("POST", "/v1/prices", form); a.status != 400 || str(a.at("error", "param")) != param {
			t.Errorf("%s: %d %s, want param %s", form, a.status, a.raw, param)
		}
	}
	b.send("DELETE", "/v1/products/prod_own", "").wantError(t, 400, "", "id", "user-created prices")
	gone := str(b.send("POST", "/v1/products", "name=Gone").at("id"))
	equal(t, "events", b.caused(func() { b.send("DELETE", "/v1/products/"+gone, "") }), "product.deleted")
	b.send("GET", "/v1/products/"+gone, "").wantError(t, 404, "resource_missing", "id", "No such product")
	equal(t, "no trace in a dump", strings.Contains(string(must[json.RawMessage](t)(b.sim.Dump(""))), `"products":[{"id":"`+gone), false)
	equal(t, "updated", b.send("POST", "/v1/products/prod_own", "default_price="+first+"&images=").at("default_price"), any(first))
	b.send("POST", "/v1/products/prod_own", "default_price=price_none").wantError(t, 400, "resource_missing", "default_price", "")
}

func TestPaymentMethodRules(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	equal(t, "any id without methods", b.send("POST", "/v1/payment_intents", "amount=5&currency=usd&confirm=true&payment_method=pm_own").status, 200)
	customer, other := str(b.send("POST", "/v1/customers", "").at("id")), str(b.send("POST", "/v1/customers", "").at("id"))
	id := str(b.send("POST", "/v1/payment_methods", "type=card&card[token]=tok_visa&billing_details[name]=A").at("id"))
	b.send("POST", "/v1/payment_intents", "amount=5&currency=usd&confirm=true&payment_method=pm_own").wantError(t, 400, "resource_missing", "payment_method", "No such PaymentMethod")
	b.send("POST", "/v1/payment_methods", "type=card&card[number]=4242424242424242").wantError(t, 400, "", "card[number]", "")
	b.send("POST", "/v1/payment_methods", "type=klarna").wantError(t, 400, "", "type", "")
	path := "/v1/payment_methods/" + id
	b.send("POST", path+"/attach", "customer="+customer)
	b.send("POST", path+"/attach", "customer="+other).wantError(t, 400, "", "", "already been attached")
	b.send("POST", path+"/attach", "customer=cus_none").wantError(t, 400, "resource_missing", "customer", "")
	b.send("POST", "/v1/payment_methods/pm_card_visa/attach", "customer="+other)
	b.send("POST", "/v1/payment_methods/pm_none/attach", "customer="+other).wantError(t, 404, "resource_missing", "payment_method", "")
	equal(t, "of a customer", strings.Join(b.send("GET", "/v1/payment_methods?customer="+customer, "").ids(), " "), id)
	equal(t, "of the URL", strings.Join(b.send("GET", "/v1/customers/"+customer+"/payment_methods", "").ids(), " "), id)
	equal(t, "url", str(b.send("GET", "/v1/customers/"+customer+"/payment_methods", "").at("url")), "/v1/customers/"+customer+"/payment_methods")
	equal(t, "other type", len(b.send("GET", "/v1/payment_methods?type=us_bank_account", "").ids()), 0)
	b.send("GET", "/v1/customers/cus_none/payment_methods", "").wantError(t, 404, "resource_missing", "customer", "")
	b.send("GET", "/v1/payment_methods?created[gte]=1", "").wantError(t, 400, "parameter_unknown", "created", "")
	b.send("POST", path+"/detach", "")
	for _, use := range []string{"/v1/payment_intents", "/v1/setup_intents"} {
		form := "confirm=true&payment_method=" + id
		if strings.HasPrefix(use, "/v1/payment") {
			form += "&amount=5&currency=usd"
		}
		b.send("POST", use, form).wantError(t, 400, "", "payment_method", "may not be used again")
	}
	b.send("POST", path+"/attach", "customer="+customer).wantError(t, 400, "", "payment_method", "may not be used again")

	setup := "/v1/setup_intents/" + str(b.send("POST", "/v1/setup_intents", "customer="+customer).at("id"))
	b.send("POST", setup+"/confirm", "").wantError(t, 400, "setup_intent_unexpected_state", "payment_method", "missing a payment method")
	equal(t, "declined", b.caused(func() {
		b.send("POST", setup+"/confirm", "payment_method=pm_card_chargeDeclined").wantError(t, 402, "card_declined", "", "")
	}), "setup_intent.setup_failed")
	a := b.send("POST", setup+"/confirm", "payment_method=pm_card_visa&expand[]=payment_method")
	equal(t, "saved for", str(a.at("payment_method", "customer")), customer)
	b.send("POST", setup, "customer="+other).wantError(t, 400, "setup_intent_unexpected_state", "customer", "")
	b.send("POST", setup+"/cancel", "").wantError(t, 400, "setup_intent_unexpected_state", "", "")
	b.send("POST", setup+"/confirm", "").wantError(t, 400, "setup_intent_unexpected_state", "", "")
	equal(t, "stamp", str(b.send("POST", setup, "metadata[company_id]=11").at("metadata", "company_id")), "11")
}

func TestDeclinedPayments(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	form := "amount=5&currency=usd&confirm=true&payment_method=pm_card_chargeDeclined"
	a := b.send("POST", "/v1/payment_intents", form, "Idempotency-Key", "k")
	a.wantError(t, 402, "card_declined", "", "Your card was declined.")
	equal(t, "type", str(a.at("error", "type")), "card_error")
	id := str(a.at("error", "payment_intent", "id"))
	equal(t, "kept", b.send("POST", "/v1/payment_intents", form, "Idempotency-Key", "k").raw, a.raw)
	intent := b.send("GET", "/v1/payment_intents/"+id+"?expand[]=latest_charge", "")
	equal(t, "status", str(intent.at("status")), "requires_payment_method")
	equal(t, "error", str(intent.at("last_payment_error", "decline_code")), "generic_decline")
	equal(t, "charge", str(intent.at("latest_charge", "failure_code")), "card_declined")
	equal(t, "uncaptured", intent.at("latest_charge", "amount_captured"), any(0.0))
	equal(t, "one intent", len(b.send("GET", "/v1/payment_intents", "").ids()), 1)
}

func TestWebhookEndpointRules(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	made := b.send("POST", "/v1/webhook_endpoints", "url=https://x/hook&enabled_events[]=customer.updated&api_version="+stripesim.DefaultVersion, "Idempotency-Key", "k")
	id := str(made.at("id"))
	equal(t, "a replay shows the secret again", b.send("POST", "/v1/webhook_endpoints", "url=https://x/hook&enabled_events[]=customer.updated&api_version="+stripesim.DefaultVersion, "Idempotency-Key", "k").raw, made.raw)
	equal(t, "later it is gone", b.send("GET", "/v1/webhook_endpoints/"+id, "").at("secret"), nil)
	equal(t, "nor in lists", b.send("GET", "/v1/webhook_endpoints", "").at("data", 0, "secret"), nil)
	equal(t, "version", str(made.at("api_version")), stripesim.DefaultVersion)
	for form, param := range map[string]string{
		"enabled_events[]=*": "url", "url=https://x": "enabled_events", "url=x&enabled_events[]=*": "url", "url=ftp://x&enabled_events[]=*": "url",
		"url=https://x&enabled_events[]=Nonsense": "enabled_events[0]", "url=https://x&enabled_events[]=*&enabled_events[]=payment_intent.updated": "enabled_events[1]", "url=https://x&enabled_events[]=*&api_version=new": "api_version",
		"url=https://x&enabled_events[]=*&connect=maybe": "connect",
	} {
		if a := b.send("POST", "/v1/webhook_endpoints", form); a.status != 400 || str(a.at("error", "param")) != param {
			t.Errorf("%s: %d %s, want param %s", form, a.status, a.raw, param)
		}
	}
	b.send("POST", "/v1/webhook_endpoints", "url=http://x&enabled_events[]=*", "Authorization", "Bearer sk_live_1").wantError(t, 400, "url_invalid", "url", "https")
	b.send("POST", "/v1/webhook_endpoints/"+id, "api_version="+stripesim.DefaultVersion).wantError(t, 400, "parameter_unknown", "api_version", "")
	b.send("GET", "/v1/webhook_endpoints?created[gte]=1", "").wantError(t, 400, "parameter_unknown", "created", "")
	equal(t, "disabled", str(b.send("POST", "/v1/webhook_endpoints/"+id, "disabled=true").at("status")), "disabled")
	b.send("DELETE", "/v1/webhook_endpoints/"+id, "")
	b.send("GET", "/v1/webhook_endpoints/"+id, "").wantError(t, 404, "resource_missing", "webhook_endpoint", "")
}
