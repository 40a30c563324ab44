package stripesim

import (
	"encoding/json"
	"net/http"
	"strings"
)

func paymentMethodResource() *resource {
	return &resource{
		object: "payment_method", section: "payment_methods", noun: "PaymentMethod", url: "/v1/payment_methods",
		idParam: "payment_method", slug: "rak_payment_method", sparse: true, undated: true,
		tags: func(tags []string, o *object) []string {
			return tagRef(tagValue(tags, o, "type", "allow_redisplay"), o, "customer", "customer_account")
		},
		filters: paymentMethodFilters().with(textParam("customer"), textParam("customer_account")),
		choose: func(c *call) ([]string, *apiError) {
			tags, err := chooseExisting(c, "customer", "customer")
			return append(tags, chooseEqual(c, "type", "allow_redisplay", "customer_account")...), err
		},
		events:  paymentMethodEvents,
		expands: expansions{"customer": {to: "customer"}},
	}
}

func paymentMethodFilters() shape {
	return shape{textParam("type"), oneOfParam("allow_redisplay", "always", "limited", "unspecified")}
}

// otherMethods are the parameters of kinds of payment methods that are not
// modelled, as Stripe's OpenAPI document of 2026-08-26 lists them.
const otherMethods = `acss_debit affirm afterpay_clearpay alipay alma amazon_pay au_becs_debit bacs_debit bancontact billie bizum blik boleto
cashapp crypto custom customer_balance eps fpx giropay grabpay ideal interac_present kakao_pay klarna konbini kr_card link mb_way mobilepay
multibanco naver_pay nz_bank_account oxxo p24 pay_by_bank payco paynow paypal payto pix promptpay revolut_pay samsung_pay satispay scalapay
sepa_debit sofort sunbit swish twint upi wechat_pay zip`

func paymentMethodOperations(res *resource) []*operation {
	billing := hashParam("billing_details", shape{hashParam("address", addressShape()).orEmpty()}.
		with(clearableTexts("email", "name", "phone", "tax_id")...))
	redisplay := oneOfParam("allow_redisplay", "always", "limited", "unspecified")
	// A card's number has no business in a simulator: Stripe refuses it, too,
	// from accounts without a special permission.
	card := hashParam("card", shape{textParam("token"), intParam("exp_month").between(1, 12), intParam("exp_year").between(1970, 2100)}.
		with(ignoredParams("networks", "wallet")...).with(unmodelledParams("number", "cvc")...))
	create := shape{oneOfParam("type", "card", "us_bank_account").must(), metadataParam(), billing, redisplay, card}.
		with(ignoredParams("radar_options", "us_bank_account")...).
		with(unmodelledParams("customer", "payment_method")...).
		with(unmodelledParams(strings.Fields(otherMethods)...)...)
	update := shape{metadataParam(), billing, redisplay, card}.with(ignoredParams("us_bank_account")...).with(unmodelledParams("payto")...)
	mine := &operation{name: "customers.list_payment_methods", method: http.MethodGet, path: "/v1/customers/{id}/payment_methods",
		permission: res.slug + "_read", returns: res, lists: true,
		params: paymentMethodFilters().with(limitParam(), textParam("starting_after"), textParam("ending_before")),
		run: func(c *call) (json.RawMessage, *apiError) {
			e, err := c.findLive("customer", c.id, http.StatusNotFound, "customer")
			if err != nil {
				return nil, err
			}
			return c.listTagged(res, "/v1/customers/"+e.id+"/payment_methods",
				append(chooseEqual(c, "type", "allow_redisplay"), "customer="+e.id))
		}}
	return []*operation{
		writeOperation(res, "payment_methods.create", http.MethodPost, "", create, (*call).createPaymentMethod),
		retrieveOperation(res, "payment_methods.retrieve"),
		writeOperation(res, "payment_methods.update", http.MethodPost, "/{id}", update, (*call).updatePaymentMethod),
		writeOperation(res, "payment_methods.attach", http.MethodPost, "/{id}/attach",
			shape{textParam("customer").must()}.with(unmodelledParams("customer_account")...), (*call).attachPaymentMethod),
		writeOperation(res, "payment_methods.detach", http.MethodPost, "/{id}/detach", nil, (*call).detachPaymentMethod),
		listOperation(res, "payment_methods.list"),
		mine,
	}
}

// newPaymentMethod makes a payment method that says nothing about anybody but
// what the test method looks like.
func (t *tx) newPaymentMethod(m testMethod, metadata *object) *object {
	id := t.freshID("payment_method", "pm_1", 23)
	o := newObject(
		"id", id, "object", "payment_method", "allow_redisplay", "unspecified",
		"billing_details", newObject("address", newObject("city", nil, "country", nil, "line1", nil, "line2", nil, "postal_code", nil, "state", nil),
			"email", nil, "name", nil, "phone", nil, "tax_id", nil),
		"created", t.now, "customer", nil, "customer_account", nil, "livemode", t.livemode, "metadata", metadata, "type", m.kind)
	if m.kind == "card" {
		o.set("card", newObject("brand", m.brand,
			"checks", newObject("address_line1_check", nil, "address_postal_code_check", nil, "cvc_check", nil),
			"country", m.country, "display_brand", displayBrand(m.brand), "exp_month", 12, "exp_year", 2034, "fingerprint", token(t.server.seed, id, 0, 16),
			"funding", m.funding, "generated_from", nil, "last4", m.last4,
			"networks", newObject("available", []any{m.brand}, "preferred", nil), "regulated_status", "unregulated",
			"three_d_secure_usage", newObject("supported", true), "wallet", nil))
		return o
	}
	o.set(m.kind, newObject("account_holder_type", "individual", "account_type", "checking", "bank_name", "STRIPE TEST BANK",
		"financial_connections_account", nil, "fingerprint", token(t.server.seed, id, 0, 16), "last4", m.last4,
		"networks", newObject("preferred", "ach", "supported", []any{"ach"}), "routing_number", "110000000", "status_details", newObject()))
	return o
}

// displayBrand is a brand as display_brand spells it (Stripe's OpenAPI document).
func displayBrand(brand string) string {
	switch brand {
	case "amex":
		return "american_express"
	case "diners":
		return "diners_club"
	case "unionpay":
		return "union_pay"
	}
	return brand
}

func (c *call) createPaymentMethod() (*entry, *apiError) {
	metadata, err := c.params.metadata().fresh()
	if err != nil {
		return nil, err
	}
	name := "pm_card_visa"
	if kind := c.params.str("type"); kind == "us_bank_account" {
		name = "pm_usBankAccount_success"
	} else if card := c.params.hash("card"); card.has("token") {
		known := false
		if name, known = testToken(card.str("token")); !known {
			return nil, missing(http.StatusBadRequest, "token", card.str("token"), "card[token]", "")
		}
	}
	o := c.newPaymentMethod(testMethods[name], metadata)
	if err := c.setPaymentMethod(o); err != nil {
		return nil, err
	}
	return c.insert("payment_method", o, newObject("test", name)), nil
}

func (c *call) updatePaymentMethod() (*entry, *apiError) {
	e, err := c.find("payment_method", c.id, http.StatusNotFound, "payment_method")
	if err != nil {
		return nil, err
	}
	o := e.object()
	if err := c.setPaymentMethod(o); err != nil {
		return nil, err
	}
	c.update("payment_method", e, o)
	return e, nil
}

// setPaymentMethod writes what create and update share.
func (c *call) setPaymentMethod(o *object) *apiError {
	c.params.copyTo(o, c.op.params, "allow_redisplay", "billing_details")
	if card := c.params.hash("card"); card != nil && !o.null("card") {
		shown := o.child("card")
		card.copyTo(shown, c.op.params.find("card").fields, "exp_month", "exp_year")
		o.set("card", shown)
	}
	return c.params.metadata().mergeInto(o)
}

func (c *call) attachPaymentMethod() (*entry, *apiError) {
	customer, err := c.findLive("customer", c.params.str("customer"), http.StatusBadRequest, "customer")
	if err != nil {
		return nil, err
	}
	id, err := c.methodNamed(c.id, http.StatusNotFound, "payment_method")
	if err != nil {
		return nil, err
	}
	e, err := c.find("payment_method", id, http.StatusNotFound, "payment_method")
	if err != nil {
		return nil, err
	}
	if owner := e.object().ref("customer"); owner != "" && owner != customer.id {
		return nil, refused("", "", "The payment method you provided has already been attached to a customer.")
	}
	return e, c.attach(e, customer.id)
}

// attach gives a payment method to a customer.
func (t *tx) attach(e *entry, customer string) *apiError {
	if parseObject(e.hidden).bool("spent") {
		return refused("", "", "This PaymentMethod was detached from a customer and may not be used again. Create a new one.")
	}
	if m, _ := t.behaviourOf(e.id); m.onAttach != nil {
		return m.onAttach.error(newObject())
	}
	o := e.object()
	o.set("customer", customer)
	t.update("payment_method", e, o)
	return nil
}

// detachPaymentMethod is final: a detached method is never used again.
func (c *call) detachPaymentMethod() (*entry, *apiError) {
	e, err := c.find("payment_method", c.id, http.StatusNotFound, "payment_method")
	if err != nil {
		return nil, err
	}
	o := e.object()
	if o.ref("customer") == "" {
		return nil, refused("", "", "The payment method you provided is not attached to a customer so detachment is impossible.")
	}
	e.hidden = newObject("spent", true).raw()
	o.set("customer", nil)
	c.update("payment_method", e, o)
	return e, nil
}

// methodNamed resolves an id in a parameter. The name of one of Stripe's test
// methods makes a new payment method each time; one that is not modelled is
// missing. An account without any payment method takes every other id, so that
// a test need not make one.
func (t *tx) methodNamed(id string, status int, param string) (string, *apiError) {
	table := t.table("payment_method")
	e := table.byID[id]
	m, modelled, reserved := testMethodNamed(id)
	switch {
	case e != nil && parseObject(e.hidden).bool("spent"):
		return "", refused("", param, "The PaymentMethod %s was detached from a customer and may not be used again. Create a new one.", shorten(id))
	case e != nil:
		return id, nil
	case modelled:
		return t.insert("payment_method", t.newPaymentMethod(m, newObject()), newObject("test", id)).id, nil
	case reserved:
		return "", missing(status, table.res.noun, id, param, ". The simulator models no such test payment method; docs/stripesim.md lists those it does.")
	case len(table.byID) == 0 && status == http.StatusBadRequest:
		return id, nil
	}
	_, err := t.find("payment_method", id, status, param)
	return "", err
}
