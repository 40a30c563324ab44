package stripesim_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

func sessionOf(mode stripe.CheckoutSessionMode, amount int64) *stripe.CheckoutSessionCreateParams {
	price := &stripe.CheckoutSessionCreateLineItemPriceDataParams{Currency: stripe.String("BRL"), UnitAmount: &amount,
		ProductData: &stripe.CheckoutSessionCreateLineItemPriceDataProductDataParams{Name: stripe.String("Pro")}}
	if mode == stripe.CheckoutSessionModeSubscription {
		price.Recurring = &stripe.CheckoutSessionCreateLineItemPriceDataRecurringParams{Interval: stripe.String("month")}
	}
	return &stripe.CheckoutSessionCreateParams{Mode: stripe.String(string(mode)), SuccessURL: stripe.String("https://app.example/ok?a=1&b=2"),
		LineItems: []*stripe.CheckoutSessionCreateLineItemParams{{PriceData: price, Quantity: stripe.Int64(2)}}}
}

func TestSubscriptionCheckout(t *testing.T) {
	t.Parallel()
	b, ctx := start(t, stripesim.Options{}), context.Background()
	p := sessionOf(stripe.CheckoutSessionModeSubscription, 9900)
	p.ClientReferenceID = stripe.String("org-11")
	p.Metadata = map[string]string{"company_id": "11"}
	p.SubscriptionData = &stripe.CheckoutSessionCreateSubscriptionDataParams{Metadata: map[string]string{"company_id": "11", "plan": "pro"}, Description: stripe.String("Pro plan")}
	s := must[*stripe.CheckoutSession](t)(b.V1CheckoutSessions.Create(ctx, p))
	equal(t, "status", s.Status, stripe.CheckoutSessionStatusOpen)
	equal(t, "payment status", s.PaymentStatus, stripe.CheckoutSessionPaymentStatusUnpaid)
	equal(t, "expires", s.ExpiresAt, b.clock.unix()+86400)
	equal(t, "total", s.AmountTotal, 19800)
	equal(t, "currency", s.Currency, "brl")
	equal(t, "reference", s.ClientReferenceID, "org-11")
	equal(t, "success url", s.SuccessURL, "https://app.example/ok?a=1&b=2")
	equal(t, "customer creation", s.CustomerCreation, stripe.CheckoutSessionCustomerCreationAlways)
	if !strings.HasPrefix(s.ID, "cs_test_") || !strings.Contains(s.URL, s.ID) || s.Subscription != nil || s.Customer != nil || s.PaymentIntent != nil {
		t.Errorf("an open session should have a URL and nothing created yet: %+v", s)
	}
	raw := b.send("GET", "/v1/checkout/sessions/"+s.ID, "").raw
	if strings.Contains(raw, "subscription_data") || strings.Contains(raw, "line_items") {
		t.Errorf("the session shows what Stripe keeps to itself: %s", raw)
	}

	b.clock.tick(time.Minute)
	if err := b.sim.CompleteCheckout("", s.ID, stripesim.CompleteOptions{Email: "bela@example.com", Name: "Bela"}); err != nil {
		t.Fatal(err)
	}
	get := &stripe.CheckoutSessionRetrieveParams{}
	get.AddExpand("customer")
	get.AddExpand("subscription")
	get.AddExpand("line_items")
	s = must[*stripe.CheckoutSession](t)(b.V1CheckoutSessions.Retrieve(ctx, s.ID, get))
	equal(t, "status", s.Status, stripe.CheckoutSessionStatusComplete)
	equal(t, "payment status", s.PaymentStatus, stripe.CheckoutSessionPaymentStatusPaid)
	equal(t, "url", s.URL, "")
	equal(t, "details", s.CustomerDetails.Email, "bela@example.com")
	equal(t, "new customer", s.Customer.Email, "bela@example.com")
	equal(t, "new customer's metadata", len(s.Customer.Metadata), 0)
	equal(t, "lines", s.LineItems.Data[0].AmountTotal, 19800)
	sub := s.Subscription
	equal(t, "subscription status", sub.Status, stripe.SubscriptionStatusActive)
	equal(t, "subscription metadata", sub.Metadata["plan"], "pro")
	equal(t, "subscription description", sub.Description, "Pro plan")
	equal(t, "subscription customer", sub.Customer.ID, s.Customer.ID)
	equal(t, "subscription price", sub.Items.Data[0].Price.UnitAmount, 9900)
	equal(t, "subscription quantity", sub.Items.Data[0].Quantity, 2)
	equal(t, "session metadata", s.Metadata["plan"], "")

	if err := b.sim.CompleteCheckout("", s.ID, stripesim.CompleteOptions{}); err == nil || !strings.Contains(err.Error(), "complete") {
		t.Errorf("paying twice: got %v", err)
	}
}

func TestPaymentCheckout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		amount   int64
		creation string
		customer bool
		paid     stripe.CheckoutSessionPaymentStatus
		want     string // "", "new" or "given"
	}{
		{name: "a guest stays a guest", amount: 500, paid: "paid"},
		{name: "customer_creation always", amount: 500, creation: "always", paid: "paid", want: "new"},
		{name: "a given customer is charged", amount: 500, customer: true, paid: "paid", want: "given"},
		{name: "nothing due", amount: 0, paid: "no_payment_required"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, ctx := start(t, stripesim.Options{}), context.Background()
			p := sessionOf(stripe.CheckoutSessionModePayment, c.amount)
			p.PaymentIntentData = &stripe.CheckoutSessionCreatePaymentIntentDataParams{Metadata: map[string]string{"company_id": "4"}}
			p.Metadata = map[string]string{"company_id": "11"}
			given := ""
			if c.creation != "" {
				p.CustomerCreation = &c.creation
			}
			if c.customer {
				given = str(b.send("POST", "/v1/customers", "email=known@example.com").at("id"))
				p.Customer = &given
			}
			s := must[*stripe.CheckoutSession](t)(b.V1CheckoutSessions.Create(ctx, p))
			opts := stripesim.CompleteOptions{Email: "guest@example.com"}
			if c.customer {
				opts.Email = "" // the customer's own is used
			}
			if err := b.sim.CompleteCheckout(stripesim.DefaultAccount, s.ID, opts); err != nil {
				t.Fatal(err)
			}
			get := &stripe.CheckoutSessionRetrieveParams{}
			get.AddExpand("payment_intent")
			s = must[*stripe.CheckoutSession](t)(b.V1CheckoutSessions.Retrieve(ctx, s.ID, get))
			equal(t, "payment status", s.PaymentStatus, c.paid)
			got := ""
			if s.Customer != nil {
				got = "new"
				if s.Customer.ID == given {
					got = "given"
				}
			}
			equal(t, "customer", got, c.want)
			if c.amount == 0 {
				if s.PaymentIntent != nil {
					t.Error("a free session has a payment intent")
				}
				return
			}
			equal(t, "intent", s.PaymentIntent.Status, stripe.PaymentIntentStatusSucceeded)
			equal(t, "intent amount", s.PaymentIntent.AmountReceived, 2*c.amount)
			equal(t, "intent metadata", s.PaymentIntent.Metadata["company_id"], "4")
			if (s.PaymentIntent.Customer != nil) != (c.want != "") {
				t.Errorf("intent customer: %v", s.PaymentIntent.Customer)
			}
		})
	}
}

func TestTrialCheckoutNeedsNoPayment(t *testing.T) {
	t.Parallel()
	b, ctx := start(t, stripesim.Options{}), context.Background()
	p := sessionOf(stripe.CheckoutSessionModeSubscription, 9900)
	p.SubscriptionData = &stripe.CheckoutSessionCreateSubscriptionDataParams{TrialPeriodDays: stripe.Int64(14)}
	s := must[*stripe.CheckoutSession](t)(b.V1CheckoutSessions.Create(ctx, p))
	equal(t, "due today", s.AmountTotal, 0)
	if err := b.sim.CompleteCheckout("", s.ID, stripesim.CompleteOptions{Email: "a@example.com"}); err != nil {
		t.Fatal(err)
	}
	a := b.send("GET", "/v1/checkout/sessions/"+s.ID+"?expand[]=subscription", "")
	equal(t, "payment status", a.at("payment_status"), any("no_payment_required"))
	equal(t, "status", a.at("subscription", "status"), any("trialing"))
	equal(t, "trial end", a.at("subscription", "trial_end"), any(float64(b.clock.unix()+14*86400)))
}

func TestSetupCheckout(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	a := b.send("POST", "/v1/checkout/sessions", "mode=setup&success_url=https://x&customer_creation=always")
	id := str(a.at("id"))
	if err := b.sim.CompleteCheckout("", id, stripesim.CompleteOptions{Email: "a@example.com"}); err != nil {
		t.Fatal(err)
	}
	a = b.send("GET", "/v1/checkout/sessions/"+id, "")
	equal(t, "payment status", a.at("payment_status"), any("no_payment_required"))
	if str(a.at("customer")) == "" || a.at("amount_total") != nil {
		t.Errorf("setup session: %s", a.raw)
	}
}

func TestSessionUpdateAndExpire(t *testing.T) {
	t.Parallel()
	b, ctx := start(t, stripesim.Options{}), context.Background()
	s := must[*stripe.CheckoutSession](t)(b.V1CheckoutSessions.Create(ctx, sessionOf(stripe.CheckoutSessionModePayment, 5)))
	update := func() *stripe.CheckoutSession {
		return must[*stripe.CheckoutSession](t)(b.V1CheckoutSessions.Update(ctx, s.ID, &stripe.CheckoutSessionUpdateParams{Metadata: map[string]string{"company_id": "11"}}))
	}
	equal(t, "metadata of an open session", update().Metadata["company_id"], "11")
	expired := must[*stripe.CheckoutSession](t)(b.V1CheckoutSessions.Expire(ctx, s.ID, nil))
	equal(t, "status", expired.Status, stripe.CheckoutSessionStatusExpired)
	equal(t, "metadata of an expired session", update().Metadata["company_id"], "11")
	b.send("POST", "/v1/checkout/sessions/"+s.ID+"/expire", "").wantError(t, 400, "", "session", "status of expired")
	for _, name := range []string{"client_reference_id", "customer", "subscription_data[metadata][a]"} {
		param, _, _ := strings.Cut(name, "[")
		b.send("POST", "/v1/checkout/sessions/"+s.ID, name+"=x").wantError(t, 400, "parameter_unknown", param, "unknown parameter")
	}
	b.send("POST", "/v1/checkout/sessions/cs_none/expire", "").wantError(t, 404, "resource_missing", "session", "No such checkout.session: 'cs_none'")
	if err := b.sim.CompleteCheckout("", s.ID, stripesim.CompleteOptions{Email: "a@example.com"}); err == nil {
		t.Error("an expired session was paid")
	}
}

func TestSessionCreateRefusals(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	line := "&success_url=https://x&line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=5&line_items[0][price_data][product]=prod_1&line_items[0][quantity]=1"
	recurring := line + "&line_items[0][price_data][recurring][interval]=month"
	for _, c := range []struct{ form, code, param, message string }{
		{"success_url=https://x", "parameter_missing", "mode", "Missing required param: mode."},
		{"mode=gift" + line, "", "mode", "must be one of payment, setup, subscription"},
		{"mode=payment&line_items[0][price]=p&line_items[0][quantity]=1", "parameter_missing", "success_url", "success_url"},
		{"mode=payment&success_url=https://x", "parameter_missing", "line_items", "line_items"},
		{"mode=setup" + line, "", "line_items", "setup"},
		{"mode=subscription" + line, "", "line_items", "recurring price"},
		{"mode=payment" + recurring, "", "line_items", "recurring price"},
		{"mode=payment" + line + "&customer=cus_none", "resource_missing", "customer", "No such customer"},
		{"mode=payment" + line + "&subscription_data[metadata][a]=b", "", "subscription_data", "payment"},
		{"mode=subscription" + recurring + "&payment_intent_data[metadata][a]=b", "", "payment_intent_data", "subscription"},
		{"mode=subscription" + recurring + "&customer_creation=always", "", "customer_creation", "always creates"},
		{"mode=payment" + line + "&client_reference_id=" + strings.Repeat("é", 201), "", "client_reference_id", "at most 200 characters"},
		{"mode=payment" + line + "&expires_at=5", "", "expires_at", "30 minutes"},
		{"mode=payment" + line + "&customer_email=nope", "email_invalid", "customer_email", "nope"},
		{"mode=payment&success_url=https://x&line_items[0][quantity]=1", "parameter_missing", "line_items[0]", "price"},
		{"mode=payment&success_url=https://x&line_items[0][price]=p", "parameter_missing", "line_items[0][quantity]", "Quantity"},
		{"mode=payment&success_url=https://x&line_items[][price]=p&line_items[][colour]=red", "parameter_unknown", "line_items[0][colour]", "colour"},
	} {
		a := b.send("POST", "/v1/checkout/sessions", c.form)
		a.wantError(t, 400, c.code, c.param, c.message)
	}
	equal(t, "200 characters fit", b.send("POST", "/v1/checkout/sessions", "mode=payment"+line+"&client_reference_id="+strings.Repeat("é", 200)).status, 200)
}

func TestCompleteCheckoutRefusals(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	id := str(b.send("POST", "/v1/checkout/sessions", "mode=payment&success_url=https://x&line_items[0][price]=p&line_items[0][quantity]=1").at("id"))
	for _, c := range []struct{ account, session, email, want string }{
		{"acct_none", id, "a@example.com", "no account acct_none"},
		{"", "cs_none", "a@example.com", "no session cs_none"},
		{"", id, "", "CompleteOptions.Email"},
	} {
		err := b.sim.CompleteCheckout(c.account, c.session, stripesim.CompleteOptions{Email: c.email})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
	b.clock.tick(24 * time.Hour)
	if err := b.sim.CompleteCheckout("", id, stripesim.CompleteOptions{Email: "a@example.com"}); err == nil || !strings.Contains(err.Error(), `its status is "expired"`) {
		t.Errorf("a session past its time: %v", err)
	}
	// One of a world that was past its time when it came stays as it was written.
	loadWorld(t, b.sim, fmt.Sprintf(`{"stripe":{"checkout_sessions":[{"id":"cs_late","status":"open","mode":"payment","expires_at":%d}]}}`, b.clock.unix()-1))
	equal(t, "written", str(b.send("GET", "/v1/checkout/sessions/cs_late", "").at("status")), "open")
	if err := b.sim.CompleteCheckout("", "cs_late", stripesim.CompleteOptions{Email: "a@example.com"}); err == nil || !strings.Contains(err.Error(), "could be paid until") {
		t.Errorf("a session past its time: %v", err)
	}
}

func TestBarePriceOfAWorldKeepsItsAmount(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	loadWorld(t, b.sim, `{"stripe":{"subscriptions":[{"id":"sub_1","customer":"cus_1","status":"active","created":5,
		"items":{"data":[{"price":{"id":"price_pro","unit_amount":9900,"currency":"brl"},"quantity":1}]}}]}}`)
	a := b.send("POST", "/v1/checkout/sessions", "mode=subscription&success_url=https://x&line_items[0][price]=price_pro&line_items[0][quantity]=3")
	equal(t, "amount", a.at("amount_total"), any(29700.0))
	equal(t, "currency", a.at("currency"), any("brl"))
	a = b.send("POST", "/v1/checkout/sessions", "mode=subscription&success_url=https://x&line_items[0][price]=price_unknown&line_items[0][quantity]=3")
	equal(t, "assumed amount", a.at("amount_total"), any(3000.0))
}
