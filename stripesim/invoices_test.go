package stripesim_test

import (
	"encoding/json"
	"strings"
	"testing"

	"rightful/stripesim"
)

// shop is an account with a customer and a price of 9.00 USD a month.
func (b *bench) shop() (customer, price string) {
	b.Helper()
	customer = str(b.send("POST", "/v1/customers", "email=a@x").at("id"))
	product := str(b.send("POST", "/v1/products", "name=Pro").at("id"))
	price = str(b.send("POST", "/v1/prices", "currency=usd&unit_amount=900&recurring[interval]=month&product="+product).at("id"))
	return customer, price
}

func TestFirstInvoiceOfASubscription(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer, price := b.shop()
	sub := b.send("POST", "/v1/subscriptions", "customer="+customer+"&items[0][price]="+price+"&items[0][quantity]=3&metadata[company_id]=4&expand[]=latest_invoice")
	in := str(sub.at("latest_invoice", "id"))
	for name, want := range map[string]any{"status": "paid", "billing_reason": "subscription_create", "amount_paid": 2700.0, "total": 2700.0,
		"amount_remaining": 0.0, "customer": customer, "customer_email": "a@x", "currency": "usd", "attempted": true} {
		equal(t, name, sub.at("latest_invoice", name), want)
	}
	a := b.send("GET", "/v1/invoices/"+in+"?expand[]=payments.data.payment.payment_intent&expand[]=parent.subscription_details.subscription", "")
	equal(t, "subscription", str(a.at("parent", "subscription_details", "subscription", "id")), str(sub.at("id")))
	equal(t, "line", a.at("lines", "data", 0, "amount"), any(2700.0))
	equal(t, "price", str(a.at("lines", "data", 0, "pricing", "price_details", "price")), price)
	equal(t, "item", a.at("lines", "data", 0, "parent", "subscription_item_details", "subscription_item"), sub.at("items", "data", 0, "id"))
	equal(t, "period", a.at("lines", "data", 0, "period", "end"), sub.at("items", "data", 0, "current_period_end"))
	equal(t, "intent", str(a.at("payments", "data", 0, "payment", "payment_intent", "status")), "succeeded")
	charge := b.send("GET", "/v1/charges/"+str(a.at("payments", "data", 0, "payment", "payment_intent", "latest_charge")), "")
	equal(t, "charge", charge.at("amount"), any(2700.0))
	equal(t, "no stamp travels to the charge", charge.at("metadata", "company_id"), nil)
	if number := str(a.at("number")); !strings.HasSuffix(number, "-0001") {
		t.Errorf("the number is %s", number)
	}
}

func TestInvoiceSnapshotsOfMetadata(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer, price := b.shop()
	sub := b.send("POST", "/v1/subscriptions", "customer="+customer+"&items[0][price]="+price+"&metadata[company_id]=4")
	id, paid := str(sub.at("id")), "/v1/invoices/"+str(sub.at("latest_invoice"))
	draft := "/v1/invoices/" + str(b.send("POST", "/v1/invoices", "subscription="+id).at("id"))
	stamp := func(path string) string {
		return str(b.send("GET", path, "").at("parent", "subscription_details", "metadata", "company_id"))
	}
	equal(t, "events", b.caused(func() { b.send("POST", "/v1/subscriptions/"+id, "metadata[company_id]=11") }), "customer.subscription.updated")
	equal(t, "finalized", stamp(paid), "4")
	equal(t, "draft", stamp(draft), "11")
	equal(t, "line", str(b.send("GET", paid, "").at("lines", "data", 0, "metadata", "company_id")), "11")
	equal(t, "own metadata", b.send("GET", paid, "").at("metadata", "company_id"), nil)
	b.send("POST", paid, "metadata[company_id]=11")
	equal(t, "the snapshot is no field of ours", stamp(paid), "4")
	b.send("POST", draft+"/finalize", "")
	b.send("POST", "/v1/subscriptions/"+id, "metadata[company_id]=12")
	equal(t, "now finalized", stamp(draft), "11")
	equal(t, "paid at once", str(b.send("GET", draft, "").at("status")), "paid") // nothing was due
	a := b.send("GET", "/v1/invoices?subscription="+id, "")
	equal(t, "of the subscription", len(a.ids()), 2)
	b.send("GET", "/v1/invoices?subscription=sub_none", "").wantError(t, 400, "resource_missing", "subscription", "No such subscription")
}

func TestInvoiceStates(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer, price := b.shop()
	send := "customer=" + customer + "&items[0][price]=" + price + "&collection_method=send_invoice&days_until_due=5"
	draft := func() string {
		return "/v1/invoices/" + str(b.send("POST", "/v1/subscriptions", send).at("latest_invoice"))
	}
	one := draft()
	equal(t, "draft", str(b.send("GET", one, "").at("status")), "draft")
	equal(t, "due", b.send("GET", one, "").at("due_date"), any(float64(b.clock.unix()+5*86400)))
	b.send("POST", one+"/void", "").wantError(t, 400, "", "", "its status is draft")
	b.send("DELETE", one, "").wantError(t, 400, "invoice_not_editable", "", "not created for a subscription")
	b.send("POST", one, "description=d&collection_method=send_invoice")
	b.send("POST", one+"/finalize", "")
	b.send("POST", one+"/finalize", "").wantError(t, 400, "invoice_not_editable", "", "already finalized")
	b.send("POST", one, "description=e").wantError(t, 400, "invoice_not_editable", "description", "Finalized invoices can't be updated")
	equal(t, "metadata is open", str(b.send("POST", one, "metadata[company_id]=11").at("metadata", "company_id")), "11")
	equal(t, "declined", b.caused(func() {
		b.send("POST", one+"/pay", "payment_method=pm_card_chargeDeclined").wantError(t, 402, "card_declined", "", "declined")
	}), "payment_intent.created charge.failed payment_intent.payment_failed invoice.updated invoice.payment_failed")
	equal(t, "still open", str(b.send("GET", one, "").at("status")), "open")
	b.send("POST", one+"/pay", "payment_method=pm_card_visa")
	b.send("POST", one+"/pay", "").wantError(t, 400, "", "", "already paid")

	two := draft()
	a := b.send("POST", two+"/pay", "paid_out_of_band=true")
	equal(t, "out of band", a.at("amount_paid_off_stripe"), any(900.0))
	three := draft()
	b.send("POST", three+"/finalize", "")
	equal(t, "voided", b.caused(func() { b.send("POST", three+"/void", "") }), "invoice.voided invoice.updated")
	b.send("POST", three+"/pay", "").wantError(t, 400, "", "", "it is void")
	four := draft()
	b.send("POST", four+"/finalize", "")
	b.send("POST", four+"/mark_uncollectible", "")
	for query, want := range map[string]int{"": 4, "status=paid": 2, "status=void": 1, "status=uncollectible": 1, "status=draft": 0,
		"customer=" + customer: 4, "collection_method=send_invoice": 4, "due_date[gt]=1": 4, "due_date[lt]=1": 0, "created[gte]=1": 4} {
		equal(t, query, len(b.send("GET", "/v1/invoices?"+query, "").ids()), want)
	}

	loose := "/v1/invoices/" + str(b.send("POST", "/v1/invoices", "customer="+customer+"&metadata[company_id]=4").at("id"))
	equal(t, "deleted", b.caused(func() { b.send("DELETE", loose, "") }), "invoice.deleted")
	b.send("GET", loose, "").wantError(t, 404, "resource_missing", "invoice", "No such invoice")
	b.send("POST", "/v1/invoices", "").wantError(t, 400, "parameter_missing", "customer", "")
	other := str(b.send("POST", "/v1/customers", "").at("id"))
	b.send("POST", "/v1/invoices", "customer="+other+"&subscription="+str(b.send("POST", "/v1/subscriptions", send).at("id"))).wantError(t, 400, "", "customer", "does not have a subscription")
}

func TestTrialsAreBilledLater(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer, price := b.shop()
	sub := b.send("POST", "/v1/subscriptions", "customer="+customer+"&items[0][price]="+price+"&trial_period_days=7&expand[]=latest_invoice")
	equal(t, "nothing due", sub.at("latest_invoice", "total"), any(0.0))
	equal(t, "paid", str(sub.at("latest_invoice", "status")), "paid")
	equal(t, "no charge", len(b.send("GET", "/v1/charges", "").ids()), 0)
	sub = b.send("POST", "/v1/subscriptions/"+str(sub.at("id")), "trial_end=now&expand[]=latest_invoice")
	equal(t, "due", sub.at("latest_invoice", "amount_paid"), any(900.0))
	equal(t, "charged", len(b.send("GET", "/v1/charges?customer="+customer, "").ids()), 1)
}

func TestChargesKeepTheMetadataOfTheirBirth(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	pi := "/v1/payment_intents/" + str(b.send("POST", "/v1/payment_intents", "amount=500&currency=usd&metadata[company_id]=4&transfer_group=g").at("id"))
	b.send("POST", pi, "metadata[company_id]=5")
	charge := "/v1/charges/" + str(b.send("POST", pi+"/confirm", "payment_method=pm_card_visa").at("latest_charge"))
	b.send("POST", pi, "metadata[company_id]=11")
	equal(t, "snapshot", str(b.send("GET", charge, "").at("metadata", "company_id")), "5")
	equal(t, "events", b.caused(func() { b.send("POST", charge, "metadata[company_id]=11") }), "charge.updated")
	equal(t, "repaired", str(b.send("GET", charge, "").at("metadata", "company_id")), "11")
	equal(t, "the intent", str(b.send("GET", pi, "").at("metadata", "company_id")), "11")
	equal(t, "by group", len(b.send("GET", "/v1/charges?transfer_group=g", "").ids()), 1)
	customer := str(b.send("POST", "/v1/customers", "").at("id"))
	equal(t, "a guest gets a customer", str(b.send("POST", charge, "customer="+customer).at("customer")), customer)
	b.send("POST", charge, "customer="+str(b.send("POST", "/v1/customers", "").at("id"))).wantError(t, 400, "", "customer", "cannot change the customer")
	b.send("GET", "/v1/charges?payment_intent=pi_none", "").wantError(t, 400, "resource_missing", "payment_intent", "")
	b.send("POST", "/v1/charges", "amount=5").wantError(t, 404, "", "", "Unrecognized")
}

// An invoice of a subscription that a session sold says everything about it.
func TestCheckoutBillsOneTimeItemsToo(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	_, price := b.shop()
	product := str(b.send("GET", "/v1/prices/"+price, "").at("product"))
	setup := str(b.send("POST", "/v1/prices", "currency=usd&unit_amount=5000&product="+product).at("id"))
	session := str(b.send("POST", "/v1/checkout/sessions", "mode=subscription&success_url=https://x&line_items[0][price]="+price+"&line_items[0][quantity]=2&line_items[1][price]="+
		setup+"&line_items[1][quantity]=1&subscription_data[metadata][company_id]=11").at("id"))
	if err := b.sim.CompleteCheckout("", session, stripesim.CompleteOptions{Email: "a@x"}); err != nil {
		t.Fatal(err)
	}
	a := b.send("GET", "/v1/checkout/sessions/"+session+"?expand[]=invoice&expand[]=subscription.default_payment_method", "")
	equal(t, "total", a.at("invoice", "amount_paid"), any(6800.0))
	equal(t, "total of the session", a.at("amount_total"), any(6800.0))
	equal(t, "stamp", str(a.at("invoice", "parent", "subscription_details", "metadata", "company_id")), "11")
	equal(t, "lines", a.at("invoice", "lines", "data", 1, "parent", "type"), any("invoice_item_details"))
	equal(t, "items", a.at("subscription", "items", "data", 1), nil)
	equal(t, "method", a.at("subscription", "default_payment_method", "customer"), a.at("customer"))

	// A dump remembers by what an invoice was paid.
	c := start(t, stripesim.Options{})
	loadWorld(t, c.sim, `{"stripe":`+string(must[json.RawMessage](t)(b.sim.Dump("")))+`}`)
	in := c.send("GET", "/v1/invoices/"+str(a.at("invoice", "id"))+"?expand[]=payments", "")
	equal(t, "payments", len(in.at("payments", "data").([]any)), 1)
}
