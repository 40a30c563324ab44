package stripesim_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

// types lists the types of the events, oldest first.
func (b *bench) types(query string) []string {
	b.Helper()
	a := b.send("GET", "/v1/events?limit=100&"+query, "")
	data, ok := a.at("data").([]any)
	if !ok {
		b.Fatalf("no list of events: %s", a.raw)
	}
	var types []string
	for _, e := range slices.Backward(data) {
		types = append(types, str(e.(map[string]any)["type"]))
	}
	return types
}

// caused runs requests and returns the types of the events they caused.
func (b *bench) caused(run func()) string {
	b.Helper()
	before := len(b.types(""))
	run()
	return strings.Join(b.types("")[before:], " ")
}

func TestEventsOfEachChange(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	var ids = map[string]string{}
	post := func(path, form string) func() {
		return func() { ids[path] = str(b.send("POST", path, form).at("id")) }
	}
	update := func(path, verb, form string) func() {
		return func() {
			if a := b.send("POST", path+"/"+ids[path]+verb, form); a.status != 200 {
				t.Errorf("%s: %s", path, a.raw)
			}
		}
	}
	for _, c := range []struct {
		name string
		run  func()
		want string
	}{
		{"customer", post("/v1/customers", "email=a@x"), "customer.created"},
		{"customer updated", update("/v1/customers", "", "metadata[company_id]=11"), "customer.updated"},
		{"nothing changed", update("/v1/customers", "", "metadata[company_id]=11"), ""},
		{"product", post("/v1/products", "name=Pro"), "product.created"},
		{"price", func() {
			post("/v1/prices", "currency=usd&unit_amount=900&recurring[interval]=month&product="+ids["/v1/products"])()
		}, "price.created"},
		{"product updated", update("/v1/products", "", "name=Max"), "product.updated"},
		{"price updated", update("/v1/prices", "", "nickname=n"), "price.updated"},
		{"intent", post("/v1/payment_intents", "amount=5&currency=usd"), "payment_intent.created"},
		{"stamp of an intent", update("/v1/payment_intents", "", "metadata[company_id]=11&description=d"), ""},
		{"declined", func() {
			b.send("POST", "/v1/payment_intents/"+ids["/v1/payment_intents"]+"/confirm", "payment_method=pm_card_chargeDeclined")
		}, "charge.failed payment_intent.payment_failed"},
		{"paid", update("/v1/payment_intents", "/confirm", "payment_method=pm_card_visa"), "charge.succeeded payment_intent.succeeded"},
		{"canceled", func() {
			post("/v1/payment_intents", "amount=5&currency=usd")()
			update("/v1/payment_intents", "/cancel", "")()
		}, "payment_intent.created payment_intent.canceled"},
		{"processing", post("/v1/payment_intents", "amount=5&currency=usd&confirm=true&payment_method=pm_usBankAccount"), "payment_intent.created payment_intent.processing"},
		{"setup intent", post("/v1/setup_intents", ""), "setup_intent.created"},
		{"stamp of a setup intent", update("/v1/setup_intents", "", "metadata[company_id]=11"), ""},
		{"setup done", update("/v1/setup_intents", "/confirm", "payment_method=pm_card_visa"), "setup_intent.succeeded"},
		{"setup canceled", func() { post("/v1/setup_intents", "")(); update("/v1/setup_intents", "/cancel", "")() }, "setup_intent.created setup_intent.canceled"},
		{"subscription", func() {
			post("/v1/subscriptions", "customer="+ids["/v1/customers"]+"&items[0][price]="+ids["/v1/prices"])()
		}, "invoice.created invoice.finalized invoice.updated payment_intent.created charge.succeeded payment_intent.succeeded invoice.paid invoice.payment_succeeded invoice.updated customer.subscription.created"},
		{"stamp of a subscription", update("/v1/subscriptions", "", "metadata[company_id]=11"), "customer.subscription.updated"},
		{"session", post("/v1/checkout/sessions", "mode=setup&success_url=https://x"), ""},
		{"stamp of a session", update("/v1/checkout/sessions", "", "metadata[company_id]=11"), ""},
		{"expired", update("/v1/checkout/sessions", "/expire", ""), "checkout.session.expired"},
		{"attached", func() {
			ids["/v1/payment_methods"] = str(b.send("POST", "/v1/payment_methods/pm_card_visa/attach", "customer="+ids["/v1/customers"]).at("id"))
		}, "payment_method.attached"},
		{"method updated", update("/v1/payment_methods", "", "metadata[a]=b"), "payment_method.updated"},
		{"detached", update("/v1/payment_methods", "/detach", ""), "payment_method.detached"},
		{"endpoint", post("/v1/webhook_endpoints", "url=https://x&enabled_events[]=*"), ""},
		{"customer deleted", func() { b.send("DELETE", "/v1/customers/"+ids["/v1/customers"], "") }, "customer.subscription.deleted customer.deleted"},
	} {
		if got := b.caused(c.run); got != c.want {
			t.Errorf("%s: got events %q, want %q", c.name, got, c.want)
		}
	}
	for _, kind := range b.types("") {
		if !slices.Contains(stripesEventTypes, stripe.EventType(kind)) {
			t.Errorf("Stripe has no event %s", kind)
		}
	}
}

// stripesEventTypes are those of stripe-go that the simulator may use.
var stripesEventTypes = []stripe.EventType{
	stripe.EventTypeCustomerCreated, stripe.EventTypeCustomerUpdated, stripe.EventTypeCustomerDeleted,
	stripe.EventTypeCustomerSubscriptionCreated, stripe.EventTypeCustomerSubscriptionUpdated, stripe.EventTypeCustomerSubscriptionDeleted,
	stripe.EventTypeCheckoutSessionCompleted, stripe.EventTypeCheckoutSessionExpired,
	stripe.EventTypeCheckoutSessionAsyncPaymentSucceeded, stripe.EventTypeCheckoutSessionAsyncPaymentFailed,
	stripe.EventTypePaymentIntentCreated, stripe.EventTypePaymentIntentSucceeded, stripe.EventTypePaymentIntentCanceled,
	stripe.EventTypePaymentIntentProcessing, stripe.EventTypePaymentIntentPaymentFailed,
	stripe.EventTypeSetupIntentCreated, stripe.EventTypeSetupIntentSucceeded, stripe.EventTypeSetupIntentCanceled, stripe.EventTypeSetupIntentSetupFailed,
	stripe.EventTypeInvoiceCreated, stripe.EventTypeInvoiceFinalized, stripe.EventTypeInvoicePaid, stripe.EventTypeInvoicePaymentSucceeded,
	stripe.EventTypeInvoicePaymentFailed, stripe.EventTypeInvoiceUpdated, stripe.EventTypeInvoiceVoided, stripe.EventTypeInvoiceMarkedUncollectible, stripe.EventTypeInvoiceDeleted,
	stripe.EventTypeChargeSucceeded, stripe.EventTypeChargeFailed, stripe.EventTypeChargeUpdated,
	stripe.EventTypeSubscriptionScheduleCreated, stripe.EventTypeSubscriptionScheduleUpdated, stripe.EventTypeSubscriptionScheduleCanceled,
	stripe.EventTypeSubscriptionScheduleCompleted, stripe.EventTypeSubscriptionScheduleReleased,
	stripe.EventTypeProductCreated, stripe.EventTypeProductUpdated, stripe.EventTypeProductDeleted, stripe.EventTypePriceCreated, stripe.EventTypePriceUpdated,
	stripe.EventTypePaymentMethodAttached, stripe.EventTypePaymentMethodDetached, stripe.EventTypePaymentMethodUpdated,
}

func TestEventsSayWhatChangedAndWhoDidIt(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	id := str(b.send("POST", "/v1/customers", "email=a@x&name=A&metadata[company_id]=4&metadata[kept]=1").at("id"))
	created := b.send("GET", "/v1/events", "").at("data", 0).(map[string]any)
	if _, there := created["data"].(map[string]any)["previous_attributes"]; there {
		t.Error("a creation has previous_attributes")
	}
	update := b.send("POST", "/v1/customers/"+id, "email=b@x&metadata[company_id]=11&metadata[fresh]=2", "Idempotency-Key", "repair-1")
	b.send("POST", "/v1/customers/"+id, "email=b@x&metadata[company_id]=11&metadata[fresh]=2", "Idempotency-Key", "repair-1") // a replay changes nothing
	a := b.send("GET", "/v1/events?type=customer.updated", "")
	equal(t, "events", len(a.ids()), 1)
	equal(t, "previous", fmt.Sprint(a.at("data", 0, "data", "previous_attributes")), "map[email:a@x metadata:map[company_id:4 fresh:<nil>]]")
	equal(t, "object", str(a.at("data", 0, "data", "object", "metadata", "company_id")), "11")
	equal(t, "request", str(a.at("data", 0, "request", "id")), update.header.Get("Request-Id"))
	equal(t, "key", str(a.at("data", 0, "request", "idempotency_key")), "repair-1")
	equal(t, "version", str(a.at("data", 0, "api_version")), stripesim.DefaultVersion)
	b.send("POST", "/v1/customers/"+id, "name=&metadata[company_id]=12")
	got := b.send("GET", "/v1/events?limit=1", "")
	equal(t, "previous", fmt.Sprint(got.at("data", 0, "data", "previous_attributes")), "map[metadata:map[company_id:11] name:A]")
	equal(t, "the first snapshot stays", str(b.send("GET", "/v1/events/"+str(a.at("data", 0, "id")), "").at("data", "object", "metadata", "company_id")), "11")
	equal(t, "no key", got.at("data", 0, "request", "idempotency_key"), nil)
	b.send("DELETE", "/v1/customers/"+id, "")
	equal(t, "a deleted customer is shown as it was", str(b.send("GET", "/v1/events?limit=1", "").at("data", 0, "data", "object", "email")), "b@x")
	b.send("POST", "/v1/customers", "email=nonsense")
	equal(t, "a refusal is no event", b.types("")[len(b.types(""))-1], "customer.deleted")
}

func TestEventLists(t *testing.T) {
	t.Parallel()
	b, ctx := start(t, stripesim.Options{}), context.Background()
	old := str(b.send("POST", "/v1/customers", "").at("id"))
	first := b.send("GET", "/v1/events", "").ids()[0]
	b.clock.tick(time.Hour)
	b.send("POST", "/v1/customers/"+old, "name=A")
	b.send("POST", "/v1/products", "name=Pro")
	b.send("POST", "/v1/subscriptions", "customer="+old+"&items[0][price]=p")
	for query, want := range map[string]string{
		"type=customer.created":        "customer.created",
		"type=customer.*":              "customer.created customer.updated customer.subscription.created",
		"type=customer.subscription.*": "customer.subscription.created",
		"type=*.created":               "customer.created product.created invoice.created payment_intent.created customer.subscription.created",
		"type=c*omer.*d":               "customer.created customer.updated customer.subscription.created",
		"type=nonsense":                "",
		"types[]=product.created":      "product.created",
		"types[0]=charge.succeeded&types[1]=customer.updated": "customer.updated charge.succeeded",
		fmt.Sprintf("created[lt]=%d", b.clock.unix()):         "customer.created",
		fmt.Sprintf("created=%d&type=prod*", b.clock.unix()):  "product.created",
		"ending_before=" + first + "&type=customer.updated":   "customer.updated",
		"starting_after=" + first:                             "",
		"limit=1&type=customer.*":                             "customer.subscription.created",
		"limit=1&type=customer.*&ending_before=" + first:      "customer.updated",
	} {
		equal(t, query, strings.Join(b.types(query), " "), want)
	}
	twenty := strings.Repeat("types[]=a.b&", 20)
	b.send("GET", "/v1/events?"+twenty, "")
	b.send("GET", "/v1/events?"+twenty+"types[]=a.b", "").wantError(t, 400, "", "types", "at most 20")
	b.send("GET", "/v1/events?type=a.b&types[]=a.b", "").wantError(t, 400, "", "types", "only specify one")
	list := &stripe.EventListParams{Types: stripe.StringSlice([]string{"customer.created", "customer.updated"})}
	found(t, "by stripe-go", b.V1Events.List(ctx, list), 2)

	b.clock.tick(30*24*time.Hour - time.Hour)
	equal(t, "at 30 days", len(b.types("type=customer.created")), 1)
	b.clock.tick(time.Second)
	equal(t, "after 30 days", len(b.types("type=customer.created")), 0)
	b.send("GET", "/v1/events/"+first, "").wantError(t, 404, "resource_missing", "id", "No such event")
	equal(t, "younger ones", len(b.types("type=customer.updated")), 1)
}

// What time and buyers do has no request behind it.
func TestEventsOfCheckouts(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	line := "success_url=https://x&line_items[0][quantity]=1&line_items[0][price]=p_"
	pay := func(mode string, opts stripesim.CompleteOptions) string {
		id := str(b.send("POST", "/v1/checkout/sessions", line+mode+"&mode="+mode).at("id"))
		opts.Email = "a@x"
		if err := b.sim.CompleteCheckout("", id, opts); err != nil {
			t.Fatal(err)
		}
		return id
	}
	equal(t, "guest", b.caused(func() { pay("payment", stripesim.CompleteOptions{}) }),
		"payment_intent.created charge.succeeded payment_intent.succeeded checkout.session.completed")
	equal(t, "subscription", b.caused(func() { pay("subscription", stripesim.CompleteOptions{}) }), "customer.created payment_method.attached "+
		"invoice.created invoice.finalized invoice.updated payment_intent.created charge.succeeded payment_intent.succeeded "+
		"invoice.paid invoice.payment_succeeded invoice.updated customer.subscription.created checkout.session.completed")
	equal(t, "no request", b.send("GET", "/v1/events?limit=1", "").at("data", 0, "request", "id"), nil)

	for _, c := range []struct {
		succeeded            bool
		events, status, paid string
	}{
		{true, "charge.succeeded payment_intent.succeeded checkout.session.async_payment_succeeded", "succeeded", "paid"},
		{false, "charge.failed payment_intent.payment_failed checkout.session.async_payment_failed", "requires_payment_method", "unpaid"},
	} {
		var session, intent string
		equal(t, "delayed", b.caused(func() { session = pay("payment", stripesim.CompleteOptions{Delayed: true}) }),
			"payment_intent.created payment_intent.processing checkout.session.completed")
		a := b.send("GET", "/v1/checkout/sessions/"+session, "")
		intent = str(a.at("payment_intent"))
		equal(t, "before", str(a.at("payment_status")), "unpaid")
		equal(t, "settled", b.caused(func() {
			if err := b.sim.SettlePayment("", intent, c.succeeded); err != nil {
				t.Fatal(err)
			}
		}), c.events)
		equal(t, "after", str(b.send("GET", "/v1/checkout/sessions/"+session, "").at("payment_status")), c.paid)
		equal(t, "intent", str(b.send("GET", "/v1/payment_intents/"+intent, "").at("status")), c.status)
		if err := b.sim.SettlePayment("", intent, true); err == nil || !strings.Contains(err.Error(), "only one that waits") {
			t.Errorf("settled twice: %v", err)
		}
	}
	for _, err := range []error{b.sim.SettlePayment("acct_none", "pi_1", true), b.sim.SettlePayment("", "pi_none", true),
		b.sim.CompleteCheckout("", str(b.send("POST", "/v1/checkout/sessions", "success_url=https://x&mode=setup").at("id")), stripesim.CompleteOptions{Email: "a@x", Delayed: true})} {
		if err == nil {
			t.Error("nothing was refused")
		}
	}
}

func TestWorldsBringTheirOwnEvents(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	loadWorld(t, b.sim, fmt.Sprintf(`{"stripe":{"account":{"id":"a","livemode":true},"customers":[{"id":"c1"}],
		"events":[{"id":"evt_old","type":"customer.created","created":5},{"id":"evt_new","type":"customer.updated","created":%d,"data":{"object":{"id":"c1"}}}]}}`, b.clock.unix()-60))
	equal(t, "listed", strings.Join(b.send("GET", "/v1/events", "").ids(), " "), "evt_new")
	b.send("GET", "/v1/events/evt_old", "").wantError(t, 404, "resource_missing", "id", "")
	equal(t, "served as it is", str(b.send("GET", "/v1/events/evt_new", "").at("data", "object", "id")), "c1")
	if dump, err := b.sim.Dump("a"); err != nil || !strings.Contains(string(dump), `"evt_old"`) {
		t.Errorf("the dump lost an old event: %s %v", dump, err)
	}
}
