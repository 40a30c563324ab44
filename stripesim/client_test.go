package stripesim_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

// found checks a list of stripe-go: it has this many objects, all decoded.
func found[T any](t *testing.T, what string, list *stripe.V1List[T], want int) {
	t.Helper()
	equal(t, what, len(must[[]T](t)(collect(list.All(context.Background())))), want)
}

func searched[T any](t *testing.T, what string, list *stripe.V1SearchList[T], want int) {
	t.Helper()
	equal(t, what, len(must[[]T](t)(collect(list.All(context.Background())))), want)
}

// Stripe's own client drives every operation there is; what it decodes is
// checked where it is not another test's business.
func TestStripesClientDrivesEveryOperation(t *testing.T) {
	t.Parallel()
	b, ctx := start(t, stripesim.Options{}), context.Background()
	customer := b.driveCustomers(ctx)
	product, price := b.driveCatalogue(ctx)
	b.drivePaymentMethods(ctx, customer)
	b.driveIntents(ctx, customer)
	b.driveSubscriptions(ctx, customer, price)
	b.driveSessions(ctx, customer, price)
	portal := must[*stripe.BillingPortalSession](t)(b.V1BillingPortalSessions.Create(ctx, &stripe.BillingPortalSessionCreateParams{Customer: &customer}))
	equal(t, "portal", portal.Customer, customer)
	b.driveEndpointsAndEvents(ctx)
	b.driveDestinations(ctx)
	b.driveAccount(ctx)
	_, err := b.V1Products.Delete(ctx, product, nil)
	stripeError(t, err, 400, "")
	counted := b.sim.Counts().Operations
	for _, op := range b.sim.OperationNames() {
		if name, _, _ := strings.Cut(op, " "); counted[name] == 0 {
			t.Errorf("stripe-go does not drive %s", name)
		}
	}
}

func (b *bench) driveCustomers(ctx context.Context) string {
	t := b.T
	c := must[*stripe.Customer](t)(b.V1Customers.Create(ctx, &stripe.CustomerCreateParams{Email: stripe.String("a@example.com"), Metadata: map[string]string{"company_id": "4"}}))
	gone := must[*stripe.Customer](t)(b.V1Customers.Create(ctx, nil))
	must[*stripe.Customer](t)(b.V1Customers.Delete(ctx, gone.ID, nil))
	c = must[*stripe.Customer](t)(b.V1Customers.Update(ctx, c.ID, &stripe.CustomerUpdateParams{Metadata: map[string]string{"company_id": "11"}}))
	c = must[*stripe.Customer](t)(b.V1Customers.Retrieve(ctx, c.ID, nil))
	equal(t, "stamp", c.Metadata["company_id"], "11")
	found(t, "customers", b.V1Customers.List(ctx, nil), 1)
	searched(t, "customers", b.V1Customers.Search(ctx, &stripe.CustomerSearchParams{SearchParams: stripe.SearchParams{Query: "email:'a@example.com'"}}), 1)
	return c.ID
}

func (b *bench) driveCatalogue(ctx context.Context) (product, price string) {
	t := b.T
	p := must[*stripe.Product](t)(b.V1Products.Create(ctx, &stripe.ProductCreateParams{Name: stripe.String("Pro")}))
	gone := must[*stripe.Product](t)(b.V1Products.Create(ctx, &stripe.ProductCreateParams{Name: stripe.String("Gone")}))
	equal(t, "deleted", must[*stripe.Product](t)(b.V1Products.Delete(ctx, gone.ID, nil)).Deleted, true)
	_, err := b.V1Products.Retrieve(ctx, gone.ID, nil)
	stripeError(t, err, 404, stripe.ErrorCodeResourceMissing)
	must[*stripe.Product](t)(b.V1Products.Update(ctx, p.ID, &stripe.ProductUpdateParams{Description: stripe.String("d")}))
	equal(t, "description", must[*stripe.Product](t)(b.V1Products.Retrieve(ctx, p.ID, nil)).Description, "d")
	found(t, "products", b.V1Products.List(ctx, &stripe.ProductListParams{Active: stripe.Bool(true)}), 1)
	searched(t, "products", b.V1Products.Search(ctx, &stripe.ProductSearchParams{SearchParams: stripe.SearchParams{Query: "name:'pro'"}}), 1)

	c := must[*stripe.Price](t)(b.V1Prices.Create(ctx, &stripe.PriceCreateParams{Currency: stripe.String("eur"), UnitAmount: stripe.Int64(900), Product: &p.ID,
		LookupKey: stripe.String("pro"), Recurring: &stripe.PriceCreateRecurringParams{Interval: stripe.String("year")}}))
	must[*stripe.Price](t)(b.V1Prices.Update(ctx, c.ID, &stripe.PriceUpdateParams{Nickname: stripe.String("n")}))
	get := &stripe.PriceRetrieveParams{}
	get.AddExpand("product")
	c = must[*stripe.Price](t)(b.V1Prices.Retrieve(ctx, c.ID, get))
	equal(t, "nickname", c.Nickname, "n")
	equal(t, "expanded product", c.Product.Name, "Pro")
	equal(t, "interval", c.Recurring.Interval, stripe.PriceRecurringIntervalYear)
	found(t, "prices", b.V1Prices.List(ctx, &stripe.PriceListParams{LookupKeys: stripe.StringSlice([]string{"pro"})}), 1)
	searched(t, "prices", b.V1Prices.Search(ctx, &stripe.PriceSearchParams{SearchParams: stripe.SearchParams{Query: "currency:'eur'"}}), 1)
	return p.ID, c.ID
}

func (b *bench) drivePaymentMethods(ctx context.Context, customer string) {
	t := b.T
	m := must[*stripe.PaymentMethod](t)(b.V1PaymentMethods.Create(ctx, &stripe.PaymentMethodCreateParams{Type: stripe.String("card")}))
	must[*stripe.PaymentMethod](t)(b.V1PaymentMethods.Attach(ctx, m.ID, &stripe.PaymentMethodAttachParams{Customer: &customer}))
	must[*stripe.PaymentMethod](t)(b.V1PaymentMethods.Update(ctx, m.ID, &stripe.PaymentMethodUpdateParams{Metadata: map[string]string{"company_id": "11"}}))
	found(t, "methods", b.V1PaymentMethods.List(ctx, &stripe.PaymentMethodListParams{Customer: &customer, Type: stripe.String("card")}), 1)
	found(t, "the customer's", b.V1Customers.ListPaymentMethods(ctx, &stripe.CustomerListPaymentMethodsParams{Customer: &customer}), 1)
	must[*stripe.PaymentMethod](t)(b.V1PaymentMethods.Detach(ctx, m.ID, nil))
	m = must[*stripe.PaymentMethod](t)(b.V1PaymentMethods.Retrieve(ctx, m.ID, nil))
	if m.Customer != nil || m.Card.Last4 != "4242" || m.Metadata["company_id"] != "11" {
		t.Errorf("the detached method is %+v", m)
	}
}

func (b *bench) driveIntents(ctx context.Context, customer string) {
	t := b.T
	p := must[*stripe.PaymentIntent](t)(b.V1PaymentIntents.Create(ctx, &stripe.PaymentIntentCreateParams{Amount: stripe.Int64(900), Currency: stripe.String("usd"),
		Customer: &customer, Metadata: map[string]string{"company_id": "4"}}))
	must[*stripe.PaymentIntent](t)(b.V1PaymentIntents.Update(ctx, p.ID, &stripe.PaymentIntentUpdateParams{PaymentMethod: stripe.String("pm_card_visa")}))
	must[*stripe.PaymentIntent](t)(b.V1PaymentIntents.Confirm(ctx, p.ID, nil))
	other := must[*stripe.PaymentIntent](t)(b.V1PaymentIntents.Create(ctx, &stripe.PaymentIntentCreateParams{Amount: stripe.Int64(9), Currency: stripe.String("usd")}))
	must[*stripe.PaymentIntent](t)(b.V1PaymentIntents.Cancel(ctx, other.ID, nil))
	get := &stripe.PaymentIntentRetrieveParams{}
	get.AddExpand("latest_charge")
	p = must[*stripe.PaymentIntent](t)(b.V1PaymentIntents.Retrieve(ctx, p.ID, get))
	equal(t, "snapshot", p.LatestCharge.Metadata["company_id"], "4")
	found(t, "intents", b.V1PaymentIntents.List(ctx, &stripe.PaymentIntentListParams{Customer: &customer}), 1)
	searched(t, "intents", b.V1PaymentIntents.Search(ctx, &stripe.PaymentIntentSearchParams{SearchParams: stripe.SearchParams{Query: "status:'canceled'"}}), 1)

	must[*stripe.Charge](t)(b.V1Charges.Update(ctx, p.LatestCharge.ID, &stripe.ChargeUpdateParams{Description: stripe.String("d")}))
	equal(t, "charge", must[*stripe.Charge](t)(b.V1Charges.Retrieve(ctx, p.LatestCharge.ID, nil)).Description, "d")
	found(t, "charges", b.V1Charges.List(ctx, &stripe.ChargeListParams{PaymentIntent: &p.ID}), 1)
	searched(t, "charges", b.V1Charges.Search(ctx, &stripe.ChargeSearchParams{SearchParams: stripe.SearchParams{Query: "amount:900"}}), 1)

	s := must[*stripe.SetupIntent](t)(b.V1SetupIntents.Create(ctx, &stripe.SetupIntentCreateParams{Customer: &customer}))
	must[*stripe.SetupIntent](t)(b.V1SetupIntents.Update(ctx, s.ID, &stripe.SetupIntentUpdateParams{Metadata: map[string]string{"company_id": "11"}}))
	must[*stripe.SetupIntent](t)(b.V1SetupIntents.Confirm(ctx, s.ID, &stripe.SetupIntentConfirmParams{PaymentMethod: stripe.String("pm_card_visa")}))
	second := must[*stripe.SetupIntent](t)(b.V1SetupIntents.Create(ctx, nil))
	must[*stripe.SetupIntent](t)(b.V1SetupIntents.Cancel(ctx, second.ID, nil))
	s = must[*stripe.SetupIntent](t)(b.V1SetupIntents.Retrieve(ctx, s.ID, nil))
	equal(t, "status", s.Status, stripe.SetupIntentStatusSucceeded)
	found(t, "setup intents", b.V1SetupIntents.List(ctx, &stripe.SetupIntentListParams{PaymentMethod: &s.PaymentMethod.ID}), 1)
}

func (b *bench) driveSubscriptions(ctx context.Context, customer, price string) {
	t := b.T
	s := must[*stripe.Subscription](t)(b.V1Subscriptions.Create(ctx, &stripe.SubscriptionCreateParams{Customer: &customer, CollectionMethod: stripe.String("send_invoice"),
		DaysUntilDue: stripe.Int64(7), Items: []*stripe.SubscriptionCreateItemParams{{Price: &price}}}))
	must[*stripe.Subscription](t)(b.V1Subscriptions.Update(ctx, s.ID, &stripe.SubscriptionUpdateParams{Metadata: map[string]string{"company_id": "11"}}))
	found(t, "subscriptions", b.V1Subscriptions.List(ctx, &stripe.SubscriptionListParams{Price: &price}), 1)
	searched(t, "subscriptions", b.V1Subscriptions.Search(ctx, &stripe.SubscriptionSearchParams{SearchParams: stripe.SearchParams{Query: "metadata['company_id']:'11'"}}), 1)

	in := s.LatestInvoice.ID
	must[*stripe.Invoice](t)(b.V1Invoices.Update(ctx, in, &stripe.InvoiceUpdateParams{Description: stripe.String("d")}))
	must[*stripe.Invoice](t)(b.V1Invoices.FinalizeInvoice(ctx, in, nil))
	must[*stripe.Invoice](t)(b.V1Invoices.MarkUncollectible(ctx, in, nil))
	must[*stripe.Invoice](t)(b.V1Invoices.Pay(ctx, in, &stripe.InvoicePayParams{PaymentMethod: stripe.String("pm_card_visa")}))
	get := &stripe.InvoiceRetrieveParams{}
	get.AddExpand("payments")
	paid := must[*stripe.Invoice](t)(b.V1Invoices.Retrieve(ctx, in, get))
	equal(t, "paid", paid.AmountPaid, 900)
	equal(t, "snapshot", paid.Parent.SubscriptionDetails.Metadata["company_id"], "11")
	equal(t, "paid by", paid.Payments.Data[0].Status, "paid")
	found(t, "invoices", b.V1Invoices.List(ctx, &stripe.InvoiceListParams{Subscription: &s.ID, Status: stripe.String("paid")}), 1)
	searched(t, "invoices", b.V1Invoices.Search(ctx, &stripe.InvoiceSearchParams{SearchParams: stripe.SearchParams{Query: "total:900"}}), 1)
	draft := must[*stripe.Invoice](t)(b.V1Invoices.Create(ctx, &stripe.InvoiceCreateParams{Customer: &customer}))
	equal(t, "deleted", must[*stripe.Invoice](t)(b.V1Invoices.Delete(ctx, draft.ID, nil)).Deleted, true)
	second := must[*stripe.Subscription](t)(b.V1Subscriptions.Create(ctx, &stripe.SubscriptionCreateParams{Customer: &customer, CollectionMethod: stripe.String("send_invoice"),
		DaysUntilDue: stripe.Int64(7), Items: []*stripe.SubscriptionCreateItemParams{{Price: &price}}}))
	must[*stripe.Invoice](t)(b.V1Invoices.FinalizeInvoice(ctx, second.LatestInvoice.ID, nil))
	equal(t, "void", must[*stripe.Invoice](t)(b.V1Invoices.VoidInvoice(ctx, second.LatestInvoice.ID, nil)).Status, stripe.InvoiceStatusVoid)

	c := must[*stripe.SubscriptionSchedule](t)(b.V1SubscriptionSchedules.Create(ctx, &stripe.SubscriptionScheduleCreateParams{FromSubscription: &s.ID}))
	must[*stripe.SubscriptionSchedule](t)(b.V1SubscriptionSchedules.Update(ctx, c.ID, &stripe.SubscriptionScheduleUpdateParams{EndBehavior: stripe.String("cancel")}))
	equal(t, "schedule", must[*stripe.SubscriptionSchedule](t)(b.V1SubscriptionSchedules.Retrieve(ctx, c.ID, nil)).EndBehavior, stripe.SubscriptionScheduleEndBehaviorCancel)
	found(t, "schedules", b.V1SubscriptionSchedules.List(ctx, &stripe.SubscriptionScheduleListParams{Customer: &customer}), 1)
	must[*stripe.SubscriptionSchedule](t)(b.V1SubscriptionSchedules.Release(ctx, c.ID, nil))
	c = must[*stripe.SubscriptionSchedule](t)(b.V1SubscriptionSchedules.Create(ctx, &stripe.SubscriptionScheduleCreateParams{FromSubscription: &second.ID}))
	must[*stripe.SubscriptionSchedule](t)(b.V1SubscriptionSchedules.Cancel(ctx, c.ID, nil))
	equal(t, "canceled with its schedule", must[*stripe.Subscription](t)(b.V1Subscriptions.Retrieve(ctx, second.ID, nil)).Status, stripe.SubscriptionStatusCanceled)
	must[*stripe.Subscription](t)(b.V1Subscriptions.Cancel(ctx, s.ID, nil))
}

func (b *bench) driveSessions(ctx context.Context, customer, price string) {
	t := b.T
	create := &stripe.CheckoutSessionCreateParams{Mode: stripe.String("subscription"), Customer: &customer, SuccessURL: stripe.String("https://x"),
		LineItems: []*stripe.CheckoutSessionCreateLineItemParams{{Price: &price, Quantity: stripe.Int64(1)}}}
	s := must[*stripe.CheckoutSession](t)(b.V1CheckoutSessions.Create(ctx, create))
	must[*stripe.CheckoutSession](t)(b.V1CheckoutSessions.Update(ctx, s.ID, &stripe.CheckoutSessionUpdateParams{Metadata: map[string]string{"company_id": "11"}}))
	gone := must[*stripe.CheckoutSession](t)(b.V1CheckoutSessions.Create(ctx, create))
	must[*stripe.CheckoutSession](t)(b.V1CheckoutSessions.Expire(ctx, gone.ID, nil))
	if err := b.sim.CompleteCheckout("", s.ID, stripesim.CompleteOptions{}); err != nil {
		t.Fatal(err)
	}
	get := &stripe.CheckoutSessionRetrieveParams{}
	get.AddExpand("invoice")
	s = must[*stripe.CheckoutSession](t)(b.V1CheckoutSessions.Retrieve(ctx, s.ID, get))
	equal(t, "invoice of the session", s.Invoice.AmountPaid, 900)
	found(t, "sessions", b.V1CheckoutSessions.List(ctx, &stripe.CheckoutSessionListParams{Status: stripe.String("complete")}), 1)
}

func (b *bench) driveEndpointsAndEvents(ctx context.Context) {
	t := b.T
	w := must[*stripe.WebhookEndpoint](t)(b.V1WebhookEndpoints.Create(ctx, &stripe.WebhookEndpointCreateParams{URL: stripe.String("https://x/hook"), EnabledEvents: stripe.StringSlice([]string{"*"})}))
	if !strings.HasPrefix(w.Secret, "whsec_") {
		t.Errorf("the secret is %q", w.Secret)
	}
	w = must[*stripe.WebhookEndpoint](t)(b.V1WebhookEndpoints.Update(ctx, w.ID, &stripe.WebhookEndpointUpdateParams{Disabled: stripe.Bool(true)}))
	w = must[*stripe.WebhookEndpoint](t)(b.V1WebhookEndpoints.Retrieve(ctx, w.ID, nil))
	equal(t, "status", w.Status, "disabled")
	equal(t, "secret", w.Secret, "")
	found(t, "endpoints", b.V1WebhookEndpoints.List(ctx, nil), 1)
	must[*stripe.WebhookEndpoint](t)(b.V1WebhookEndpoints.Delete(ctx, w.ID, nil))

	events := must[[]*stripe.Event](t)(collect(b.V1Events.List(ctx, &stripe.EventListParams{Type: stripe.String("checkout.session.completed")}).All(ctx)))
	equal(t, "events", len(events), 1)
	e := must[*stripe.Event](t)(b.V1Events.Retrieve(ctx, events[0].ID, nil))
	equal(t, "type", e.Type, stripe.EventTypeCheckoutSessionCompleted)
	equal(t, "object", e.GetObjectValue("object"), "checkout.session")
}

func (b *bench) driveAccount(ctx context.Context) {
	t := b.T
	a := must[*stripe.Account](t)(b.V1Accounts.Retrieve(ctx, nil))
	equal(t, "account", must[*stripe.Account](t)(b.V1Accounts.GetByID(ctx, a.ID, nil)).ID, stripesim.DefaultAccount)
	if err := b.sim.AddAccount("acct_1Connected"); err != nil {
		t.Fatal(err)
	}
	found(t, "accounts", b.V1Accounts.List(ctx, &stripe.AccountListParams{CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: 5}}), 1)
	equal(t, "livemode", must[*stripe.Balance](t)(b.V1Balance.Retrieve(ctx, nil)).Livemode, false)
}
