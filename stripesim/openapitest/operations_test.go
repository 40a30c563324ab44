package openapitest_test

import (
	"os"
	"regexp"
	"testing"

	"rightful/stripesim"
	"rightful/stripesim/openapitest"
)

// Every operation of the simulator answers what Stripe's document says.
func TestEveryAnswerFitsStripesDocument(t *testing.T) {
	d := newDrive(t)
	for _, part := range []struct {
		name string
		run  func(d *drive)
	}{
		{"accounts", driveAccounts}, {"customers", driveCustomers}, {"catalogue", driveCatalogue}, {"payment methods", drivePaymentMethods},
		{"intents", driveIntents}, {"subscriptions", driveSubscriptions}, {"invoices", driveInvoices},
		{"checkout", driveCheckout}, {"portal", drivePortal}, {"webhook endpoints", driveWebhookEndpoints}, {"events", driveEvents},
		{"schedules", driveSchedules}, {"their events", driveEvents}, // here months go by, and old events are gone
	} {
		t.Run(part.name, func(t *testing.T) {
			d.T = t
			part.run(d)
		})
		d.T = t
	}
	t.Logf("%d answers compared with Stripe's document of %s", d.answers, d.spec.Info.Version)
	if t.Failed() {
		return
	}
	counted := d.sim.Counts().Operations
	page, err := os.ReadFile("../../docs/stripesim.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\| `[A-Z]+ /v1/").FindAllStringSubmatch(string(page), -1)
	if len(names) == 0 {
		t.Fatal("docs/stripesim.md lists no operation")
	}
	for _, m := range names {
		if counted[m[1]] == 0 {
			t.Errorf("%s is not compared with Stripe's document", m[1])
		}
	}
}

func driveAccounts(d *drive) {
	account := d.get("/v1/account")
	d.get("/v1/accounts/" + account.str("id"))
	d.do(403, "GET", "/v1/accounts/acct_other", "")
	d.get("/v1/balance")
	for _, id := range []string{"acct_a", "acct_b"} {
		if err := d.sim.AddAccount(id); err != nil {
			d.Fatal(err)
		}
		d.get("/v1/accounts/" + id)
	}
	d.get("/v1/accounts?limit=1&starting_after=acct_b&created[gte]=1")
	d.do(400, "GET", "/v1/accounts?starting_after=acct_none", "")
}

const address = "address[line1]=1+Way&address[city]=Rome&address[country]=IT"

func driveCustomers(d *drive) {
	bare := d.post("/v1/customers", "").str("id")
	id := d.post("/v1/customers", "email=a@example.com&name=A&phone=1&description=d&preferred_locales[]=it&shipping[name]=A&shipping["+
		"address][line1]=1+Way&invoice_settings[footer]=f&metadata[company_id]=4&"+address).str("id")
	d.stamps("/v1/customers", id)
	d.common("/v1/customers", id, "subscriptions")
	d.get("/v1/customers?email=a@example.com&created[gte]=1")
	d.get("/v1/customers/search?query=email:'a@example.com'&limit=1")
	d.do(400, "GET", "/v1/customers/search?query=nonsense", "")
	d.do(400, "POST", "/v1/customers", "email=nonsense")
	d.delete("/v1/customers/" + bare)
	d.get("/v1/customers/" + bare)
	d.do(404, "DELETE", "/v1/customers/"+bare, "")
}

func driveCatalogue(d *drive) {
	gone := d.post("/v1/products", "name=Gone").str("id")
	d.delete("/v1/products/" + gone)
	d.do(404, "GET", "/v1/products/"+gone, "")
	product := d.post("/v1/products", "name=Pro&id=prod_own&description=d&images[]=https://x/y.png&marketing_features[0][name]=fast&shippable=false&url=https://x&"+
		"unit_label=seat&default_price_data[currency]=usd&default_price_data[unit_amount]=900&default_price_data[recurring][interval]=month&metadata[company_id]=4").str("id")
	d.stamps("/v1/products", product)
	d.common("/v1/products", product, "default_price")
	d.get("/v1/products?active=true&ids[]=" + product)
	d.get("/v1/products/search?query=name:'Pro'")
	d.do(400, "POST", "/v1/products", "name=Pro&id=prod_own")
	d.do(400, "DELETE", "/v1/products/"+product, "")

	price := d.post("/v1/prices", "currency=eur&unit_amount=1200&product="+product+"&recurring[interval]=year&nickname=n&lookup_key=pro&tax_behavior=inclusive").str("id")
	d.post("/v1/prices", "currency=usd&unit_amount=500&product_data[name]=Setup")
	d.stamps("/v1/prices", price)
	d.common("/v1/prices", price, "product")
	d.get("/v1/prices?lookup_keys[]=pro&type=recurring&recurring[interval]=year&product=" + product)
	d.get("/v1/prices/search?query=lookup_key:'pro'")
	d.post("/v1/prices/"+price, "active=false")
	d.do(400, "POST", "/v1/prices", "currency=usd&unit_amount=1&product=prod_none")
	d.do(400, "POST", "/v1/subscriptions", "customer="+d.customer()+"&items[0][price]=price_none")
}

// customer makes one more customer.
func (d *drive) customer() string {
	d.Helper()
	return d.post("/v1/customers", "email=b@example.com").str("id")
}

// price makes one more recurring price.
func (d *drive) price() string {
	d.Helper()
	return d.post("/v1/prices", "currency=usd&unit_amount=700&product=prod_own&recurring[interval]=month").str("id")
}

func drivePaymentMethods(d *drive) {
	customer := d.customer()
	id := d.post("/v1/payment_methods", "type=card&card[token]=tok_visa&billing_details[email]=a@x&billing_details["+"address][city]=Rome").str("id")
	bank := d.post("/v1/payment_methods", "type=us_bank_account").str("id")
	d.get("/v1/payment_methods/" + bank)
	d.stamps("/v1/payment_methods", id)
	d.post("/v1/payment_methods/"+id+"/attach", "customer="+customer)
	d.post("/v1/payment_methods/pm_card_visa/attach", "customer="+customer)
	d.common("/v1/payment_methods", id, "customer")
	d.get("/v1/payment_methods?type=card&customer=" + customer)
	d.get("/v1/customers/" + customer + "/payment_methods?limit=1")
	d.do(400, "POST", "/v1/payment_methods/"+id+"/attach", "customer="+d.customer())
	d.do(402, "POST", "/v1/payment_methods/pm_card_chargeDeclined/attach", "customer="+customer)
	d.post("/v1/payment_methods/"+id+"/detach", "")
	d.do(400, "POST", "/v1/payment_methods/"+id+"/detach", "")
}

func driveIntents(d *drive) {
	customer := d.customer()
	paid := d.post("/v1/payment_intents", "amount=900&currency=usd&payment_method=pm_card_visa&confirm=true&description=d&metadata[company_id]=4&customer="+customer+
		"&shipping[name]=A&shipping[address][line1]=1+Way")
	id := paid.str("id")
	d.stamps("/v1/payment_intents", id)
	d.common("/v1/payment_intents", id, "customer", "latest_charge", "payment_method", "latest_charge.customer")
	d.get("/v1/payment_intents?customer=" + customer)
	d.get("/v1/payment_intents/search?query=amount>100")
	d.do(400, "POST", "/v1/payment_intents/"+id+"/cancel", "")

	open := d.post("/v1/payment_intents", "amount=900&currency=usd").str("id")
	d.do(402, "POST", "/v1/payment_intents/"+open+"/confirm", "payment_method=pm_card_chargeDeclined")
	d.get("/v1/payment_intents/" + open + "?expand[]=latest_charge")
	d.post("/v1/payment_intents/"+open, "payment_method=pm_card_visa&amount=1000")
	d.post("/v1/payment_intents/"+open+"/confirm", "")
	d.post("/v1/payment_intents/"+d.post("/v1/payment_intents", "amount=5&currency=eur").str("id")+"/cancel", "cancellation_reason=duplicate")
	slow := d.post("/v1/payment_intents", "amount=5&currency=usd&payment_method=pm_usBankAccount_success&confirm=true").str("id")
	d.settle(slow, true)
	d.get("/v1/payment_intents/" + slow + "?expand[]=latest_charge")
	failed := d.post("/v1/payment_intents", "amount=5&currency=usd&payment_method=pm_usBankAccount_success&confirm=true").str("id")
	d.settle(failed, false)
	d.get("/v1/payment_intents/" + failed)

	for _, method := range []string{"chargeDeclinedExpiredCard", "radarBlock", "chargeDeclinedIncorrectCvc", "authenticationRequired&off_session=true"} {
		refused := d.do(402, "POST", "/v1/payment_intents", "amount=5&currency=usd&confirm=true&payment_method=pm_card_"+method).str("error", "payment_intent", "id")
		d.get("/v1/payment_intents/" + refused + "?expand[]=latest_charge")
	}
	for _, succeeded := range []bool{true, false} {
		asked := d.post("/v1/payment_intents", "amount=5&currency=usd&confirm=true&return_url=https://x&payment_method=pm_card_authenticationRequired").str("id")
		d.settle(asked, succeeded)
		d.get("/v1/payment_intents/" + asked)
		waiting := d.post("/v1/setup_intents", "confirm=true&payment_method=pm_card_authenticationRequired").str("id")
		if err := d.sim.SettleSetup("", waiting, succeeded); err != nil {
			d.Fatal(err)
		}
		d.get("/v1/setup_intents/" + waiting)
	}
	for _, card := range []string{"amex", "diners", "unionpay", "jcb", "de"} {
		d.post("/v1/payment_methods/pm_card_"+card+"/attach", "customer="+customer)
	}

	charge := d.get("/v1/payment_intents/" + id).str("latest_charge")
	d.stamps("/v1/charges", charge)
	d.post("/v1/charges/"+charge, "description=d&fraud_details[user_report]=safe&receipt_email=a@x")
	d.common("/v1/charges", charge, "customer", "payment_intent")
	d.get("/v1/charges?payment_intent=" + id)
	d.get("/v1/charges/search?query=status:'succeeded'")

	setup := d.post("/v1/setup_intents", "customer="+customer+"&description=d&metadata[company_id]=4").str("id")
	d.do(400, "POST", "/v1/setup_intents/"+setup+"/confirm", "")
	d.do(402, "POST", "/v1/setup_intents/"+setup+"/confirm", "payment_method=pm_card_chargeDeclined")
	d.get("/v1/setup_intents/" + setup)
	d.post("/v1/setup_intents/"+setup+"/confirm", "payment_method=pm_card_visa")
	d.stamps("/v1/setup_intents", setup)
	d.common("/v1/setup_intents", setup, "customer", "payment_method")
	d.get("/v1/setup_intents?customer=" + customer)
	d.post("/v1/setup_intents", "confirm=true&payment_method=pm_card_visa")
	d.post("/v1/setup_intents/"+d.post("/v1/setup_intents", "").str("id")+"/cancel", "cancellation_reason=abandoned")
}

func (d *drive) settle(intent string, succeeded bool) {
	d.Helper()
	if err := d.sim.SettlePayment("", intent, succeeded); err != nil {
		d.Fatal(err)
	}
}

func driveSubscriptions(d *drive) {
	customer, price := d.customer(), d.price()
	id := d.post("/v1/subscriptions", "customer="+customer+"&items[0][price]="+price+"&metadata[company_id]=4&description=d").str("id")
	d.post("/v1/subscriptions", "customer="+customer+"&items[0][price]="+price+"&trial_period_days=7&collection_method=charge_automatically")
	ended := d.post("/v1/subscriptions", "customer="+customer+"&items[0][price_data][currency]=eur&items[0][price_data][unit_amount]=5&items[0][price_data]["+
		"product]=prod_own&items[0][price_data][recurring][interval]=week&items[0][quantity]=3").str("id")
	waiting := d.post("/v1/subscriptions", "customer="+customer+"&payment_behavior=default_incomplete&items[0][price]="+price+
		"&expand[]=latest_invoice.confirmation_secret&expand[]=latest_invoice.payments")
	d.do(400, "POST", "/v1/subscriptions/"+waiting.str("id"), "description=d")
	d.post("/v1/payment_intents/"+waiting.str("latest_invoice", "payments", "data", 0, "payment", "payment_intent")+"/confirm", "payment_method=pm_card_visa")
	d.get("/v1/subscriptions/" + waiting.str("id"))
	never := d.post("/v1/subscriptions", "customer="+customer+"&payment_behavior=default_incomplete&items[0][price]="+price).str("id")
	d.delete("/v1/subscriptions/" + never)
	card := d.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer="+customer).str("id")
	d.do(402, "POST", "/v1/subscriptions", "customer="+customer+"&payment_behavior=error_if_incomplete&items[0][price]="+price+"&default_payment_method="+card)
	d.stamps("/v1/subscriptions", id)
	d.common("/v1/subscriptions", id, "customer", "latest_invoice")
	d.get("/v1/subscriptions/" + id + "?expand[]=items.data.price.product")
	d.get("/v1/subscriptions/" + id + "?expand[]=latest_invoice.payments")
	d.get("/v1/subscriptions?status=all&customer=" + customer + "&price=" + price)
	d.get("/v1/subscriptions/search?query=status:'active'")
	d.get("/v1/customers/" + customer + "?expand[]=subscriptions.data.latest_invoice")
	d.post("/v1/subscriptions/"+id, "cancel_at_period_end=true")
	d.post("/v1/subscriptions/"+id, "cancel_at_period_end=false&items[0][price]="+d.price())
	d.delete("/v1/subscriptions/" + ended)
	d.post("/v1/subscriptions/"+ended, "metadata[company_id]=11")
	d.do(400, "POST", "/v1/subscriptions/"+ended, "description=x")
}

func driveInvoices(d *drive) {
	customer, price := d.customer(), d.price()
	sub := d.post("/v1/subscriptions", "customer="+customer+"&items[0][price]="+price+"&collection_method=send_invoice&days_until_due=5&metadata[company_id]=4")
	invoice := sub.str("latest_invoice")
	d.stamps("/v1/invoices", invoice)
	d.do(400, "DELETE", "/v1/invoices/"+invoice, "")
	d.post("/v1/invoices/"+invoice+"/finalize", "")
	d.do(402, "POST", "/v1/invoices/"+invoice+"/pay", "payment_method=pm_card_chargeDeclined")
	d.post("/v1/invoices/"+invoice+"/pay", "payment_method=pm_card_visa")
	d.common("/v1/invoices", invoice, "customer", "payments", "parent.subscription_details.subscription")
	d.get("/v1/invoices?status=paid&subscription=" + sub.str("id"))
	d.get("/v1/invoices?due_date[gte]=1&collection_method=send_invoice")
	d.get("/v1/invoices/search?query=total>0")
	draft := d.post("/v1/invoices", "customer="+customer+"&description=d&metadata[company_id]=4&days_until_due=3&collection_method=send_invoice").str("id")
	d.post("/v1/invoices/"+draft, "footer=f&auto_advance=true")
	d.delete("/v1/invoices/" + draft)
	d.post("/v1/invoices/"+d.post("/v1/invoices", "subscription="+sub.str("id")).str("id")+"/finalize", "")
	for _, end := range []string{"void", "mark_uncollectible"} {
		other := d.post("/v1/subscriptions", "customer="+customer+"&items[0][price]="+price+"&collection_method=send_invoice&days_until_due=5").str("latest_invoice")
		d.do(400, "POST", "/v1/invoices/"+other+"/"+end, "")
		d.post("/v1/invoices/"+other+"/finalize", "")
		d.post("/v1/invoices/"+other+"/"+end, "")
	}
}

func driveSchedules(d *drive) {
	customer, price := d.customer(), d.price()
	item := func(i, company string) string {
		return "&phases[" + i + "][items][0][price]=" + price + "&phases[" + i + "][metadata][company_id]=" + company
	}
	schedule := d.post("/v1/subscription_schedules", "customer="+customer+"&start_date=now&end_behavior=cancel"+item("0", "4")+"&phases[0][duration][interval]=month"+item("1", "11"))
	id := schedule.str("id")
	d.stamps("/v1/subscription_schedules", id)
	d.common("/v1/subscription_schedules", id, "customer", "subscription", "phases.items.price")
	d.get("/v1/subscriptions/" + schedule.str("subscription") + "?expand[]=schedule")
	d.now.Add(40 * 86400)
	d.get("/v1/subscription_schedules/" + id)
	d.now.Add(40 * 86400)
	d.get("/v1/subscription_schedules/" + id)
	d.do(400, "POST", "/v1/subscription_schedules/"+id, "metadata[a]=b")

	sub := d.post("/v1/subscriptions", "customer="+customer+"&items[0][price]="+price).str("id")
	of := d.post("/v1/subscription_schedules", "from_subscription="+sub)
	start := of.at("phases", 0, "start_date").(interface{ String() string }).String()
	d.post("/v1/subscription_schedules/"+of.str("id"), "phases[0][start_date]="+start+item("0", "4")+"&phases[0][duration][interval]=year")
	d.post("/v1/subscription_schedules/"+of.str("id")+"/release", "")
	later := d.post("/v1/subscription_schedules", "customer="+customer+"&start_date=1990000000"+item("0", "4")).str("id")
	d.get("/v1/subscription_schedules?scheduled=true&customer=" + customer)
	d.post("/v1/subscription_schedules/"+later+"/cancel", "")
	d.do(400, "POST", "/v1/subscription_schedules/"+later+"/cancel", "")
}

func driveCheckout(d *drive) {
	price := d.price()
	const pages = "&success_url=https://x/ok&cancel_url=https://x/no&metadata[company_id]=4"
	sub := d.post("/v1/checkout/sessions", "mode=subscription&client_reference_id=r&line_items[0][quantity]=1&line_items[0][price]="+price+pages+"&subscription_data[metadata][company_id]=4").str("id")
	line := "&line_items[0][quantity]=2&line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=300&line_items[0][price_data][product_data][name]=Thing"
	pay := d.post("/v1/checkout/sessions", "mode=payment&customer="+d.customer()+line+pages).str("id")
	slow := d.post("/v1/checkout/sessions", "mode=payment"+line+pages).str("id")
	setup := d.post("/v1/checkout/sessions", "mode=setup&currency=usd&customer_email=c@example.com"+pages).str("id")
	gone := d.post("/v1/checkout/sessions", "mode=payment&ui_mode=embedded_page&return_url=https://x"+line).str("id")
	for id, delayed := range map[string]bool{sub: false, pay: false, slow: true, setup: false} {
		if err := d.sim.CompleteCheckout("", id, stripesim.CompleteOptions{Email: "c@example.com", Name: "C", Delayed: delayed}); err != nil {
			d.Fatal(err)
		}
	}
	d.settle(d.get("/v1/checkout/sessions/"+slow).str("payment_intent"), true)
	d.post("/v1/checkout/sessions/"+gone+"/expire", "")
	d.do(400, "POST", "/v1/checkout/sessions/"+gone+"/expire", "")
	d.stamps("/v1/checkout/sessions", sub)
	d.common("/v1/checkout/sessions", sub, "customer", "subscription", "invoice", "line_items")
	d.common("/v1/checkout/sessions", pay, "payment_intent", "payment_intent.latest_charge")
	d.common("/v1/checkout/sessions", setup, "setup_intent", "setup_intent.payment_method")
	d.get("/v1/checkout/sessions?status=complete&customer_details[email]=c@example.com")
	d.do(400, "POST", "/v1/checkout/sessions", "mode=payment")
	d.do(400, "POST", "/v1/checkout/sessions/"+sub, "client_reference_id=x")
}

func driveWebhookEndpoints(d *drive) {
	made := d.post("/v1/webhook_endpoints", "url=https://x/hook&enabled_events[]=customer.updated&enabled_events[]=*&api_version="+stripesim.DefaultVersion+"&description=d")
	id := made.str("id")
	if made.str("secret") == "" || d.get("/v1/webhook_endpoints/"+id).str("secret") != "" {
		d.Error("the secret is shown at creation and only then")
	}
	d.stamps("/v1/webhook_endpoints", id)
	d.post("/v1/webhook_endpoints/"+id, "disabled=true&url=https://x/other")
	d.common("/v1/webhook_endpoints", id)
	d.do(400, "POST", "/v1/webhook_endpoints", "url=nonsense&enabled_events[]=*")
	d.delete("/v1/webhook_endpoints/" + id)
	d.do(404, "DELETE", "/v1/webhook_endpoints/"+id, "")
}

// driveEvents reads back what all the rest caused: the objects inside are
// answers too.
func driveEvents(d *drive) {
	types := map[string]bool{}
	after := ""
	for {
		page := d.get("/v1/events?limit=100" + after)
		events, _ := page["data"].([]any)
		for _, raw := range events {
			event := object(raw.(map[string]any))
			types[event.str("type")] = true
			after = "&starting_after=" + event.str("id")
			d.snapshot(event)
		}
		if page["has_more"] != true {
			break
		}
	}
	d.Logf("%d types of events", len(types))
	d.common("/v1/events", after[len("&starting_after="):])
	d.get("/v1/events?type=customer.*&created[gte]=1")
	d.get("/v1/events?types[]=customer.updated&types[]=price.created")
	for _, never := range []string{"payment_intent.updated", "setup_intent.updated", "checkout.session.updated", "checkout.session.created"} {
		if types[never] {
			d.Errorf("Stripe has no event %s", never)
		}
	}
}

// snapshot validates the object of an event, and that previous_attributes are
// fields of it.
func (d *drive) snapshot(event object) {
	shown, _ := event.at("data", "object").(map[string]any)
	kind, _ := shown["object"].(string)
	d.answers++
	for _, violation := range d.spec.Validate(&openapitest.Schema{Ref: "#/components/schemas/" + kind}, shown) {
		d.Errorf("%s: %s", event.str("type"), violation)
	}
	previous, _ := event.at("data", "previous_attributes").(map[string]any)
	for name := range previous {
		if _, there := shown[name]; !there {
			d.Errorf("%s: previous_attributes has %s, which the object has not", event.str("type"), name)
		}
	}
}

func drivePortal(d *drive) {
	customer := d.customer()
	d.post("/v1/billing_portal/sessions", "customer="+customer+"&return_url=https://x&locale=de&flow_data[type]=payment_method_update")
	d.post("/v1/billing_portal/sessions", "customer="+customer+"&configuration=bpc_1")
	d.do(400, "POST", "/v1/billing_portal/sessions", "customer=cus_none")
	d.do(400, "POST", "/v1/billing_portal/sessions", "return_url=https://x")
}
