package stripesim_test

import (
	"context"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

func TestSubscriptionLife(t *testing.T) {
	t.Parallel()
	b, ctx := start(t, stripesim.Options{}), context.Background()
	id := str(b.send("POST", "/v1/customers", "").at("id"))
	p := subscriptionOf(id)
	p.Metadata = map[string]string{"company_id": "11"}
	p.Items[0] = &stripe.SubscriptionCreateItemParams{Quantity: stripe.Int64(3), PriceData: &stripe.SubscriptionCreateItemPriceDataParams{
		Currency: stripe.String("eur"), Product: stripe.String("prod_1"), UnitAmount: stripe.Int64(700),
		Recurring: &stripe.SubscriptionCreateItemPriceDataRecurringParams{Interval: stripe.String("year")}}}
	sub := must[*stripe.Subscription](t)(b.V1Subscriptions.Create(ctx, p))
	item := sub.Items.Data[0]
	equal(t, "status", sub.Status, stripe.SubscriptionStatusActive)
	equal(t, "customer", sub.Customer.ID, id)
	equal(t, "currency", sub.Currency, "eur")
	equal(t, "collection", sub.CollectionMethod, stripe.SubscriptionCollectionMethodChargeAutomatically)
	equal(t, "amount", item.Price.UnitAmount, 700)
	equal(t, "product", item.Price.Product.ID, "prod_1")
	equal(t, "interval", item.Price.Recurring.Interval, stripe.PriceRecurringIntervalYear)
	equal(t, "quantity", item.Quantity, 3)
	equal(t, "period start", item.CurrentPeriodStart, b.clock.unix())
	equal(t, "period end", item.CurrentPeriodEnd, b.clock.now().UTC().AddDate(1, 0, 0).Unix())

	sub = must[*stripe.Subscription](t)(b.V1Subscriptions.Update(ctx, sub.ID, &stripe.SubscriptionUpdateParams{
		CancelAtPeriodEnd: stripe.Bool(true), Metadata: map[string]string{"plan": "pro"},
		Items: []*stripe.SubscriptionUpdateItemParams{{ID: &item.ID, Price: stripe.String("price_team"), Quantity: stripe.Int64(5)}, {Price: stripe.String("price_addon")}},
	}))
	equal(t, "cancel at period end", sub.CancelAtPeriodEnd, true)
	equal(t, "cancel at the end of the monthly period", sub.CancelAt, b.clock.now().UTC().AddDate(0, 1, 0).Unix())
	equal(t, "kept stamp", sub.Metadata["company_id"], "11")
	equal(t, "items", len(sub.Items.Data), 2)
	equal(t, "same item", sub.Items.Data[0].ID, item.ID)
	equal(t, "new price", sub.Items.Data[0].Price.ID, "price_team")
	sub = must[*stripe.Subscription](t)(b.V1Subscriptions.Update(ctx, sub.ID, &stripe.SubscriptionUpdateParams{
		CancelAtPeriodEnd: stripe.Bool(false), Items: []*stripe.SubscriptionUpdateItemParams{{ID: &item.ID, Deleted: stripe.Bool(true)}}}))
	equal(t, "cancel at", sub.CancelAt, 0)
	equal(t, "items", len(sub.Items.Data), 1)

	b.clock.tick(time.Hour)
	sub = must[*stripe.Subscription](t)(b.V1Subscriptions.Cancel(ctx, sub.ID, &stripe.SubscriptionCancelParams{
		CancellationDetails: &stripe.SubscriptionCancelCancellationDetailsParams{Comment: stripe.String("bye")}}))
	equal(t, "status", sub.Status, stripe.SubscriptionStatusCanceled)
	equal(t, "ended", sub.EndedAt, b.clock.unix())
	equal(t, "comment", sub.CancellationDetails.Comment, "bye")
	_, err := b.V1Subscriptions.Cancel(ctx, sub.ID, nil)
	stripeError(t, err, 404, stripe.ErrorCodeResourceMissing)
}

func TestCanceledSubscriptionTakesOnlyMetadata(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer := str(b.send("POST", "/v1/customers", "").at("id"))
	id := str(b.send("POST", "/v1/subscriptions", "customer="+customer+"&items[0][price]=p").at("id"))
	b.send("DELETE", "/v1/subscriptions/"+id, "")
	a := b.send("POST", "/v1/subscriptions/"+id, "metadata[company_id]=11&cancellation_details[feedback]=unused")
	equal(t, "metadata", a.at("metadata", "company_id"), any("11"))
	equal(t, "feedback", a.at("cancellation_details", "feedback"), any("unused"))
	b.send("POST", "/v1/subscriptions/"+id, "metadata[a]=1&description=x").wantError(t, 400, "", "description", "A canceled subscription can only update its cancellation_details and metadata.")
	if got := b.send("GET", "/v1/subscriptions/"+id, "").at("metadata", "a"); got != nil {
		t.Error("a refused update changed metadata")
	}
}

func TestSubscriptionTrials(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer := str(b.send("POST", "/v1/customers", "").at("id"))
	a := b.send("POST", "/v1/subscriptions", "customer="+customer+"&items[0][price]=p&trial_period_days=7")
	equal(t, "status", a.at("status"), any("trialing"))
	equal(t, "trial end", a.at("trial_end"), any(float64(b.clock.unix()+7*86400)))
	equal(t, "period end", a.at("items", "data", 0, "current_period_end"), a.at("trial_end"))
	a = b.send("POST", "/v1/subscriptions/"+str(a.at("id")), "trial_end=now")
	equal(t, "status", a.at("status"), any("active"))
	a = b.send("POST", "/v1/subscriptions", "customer="+customer+"&items[0][price]=p&trial_end=1760500000")
	equal(t, "status", a.at("status"), any("trialing"))
}

func TestSubscriptionRefusals(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer := str(b.send("POST", "/v1/customers", "").at("id"))
	id := str(b.send("POST", "/v1/subscriptions", "customer="+customer+"&items[0][price]=p").at("id"))
	for _, c := range []struct{ path, form, code, param string }{
		{"", "items[0][price]=p", "parameter_missing", "customer"},
		{"", "customer=" + customer, "parameter_missing", "items"},
		{"", "customer=cus_none&items[0][price]=p", "resource_missing", "customer"},
		{"", "customer=" + customer + "&items[0][quantity]=2", "parameter_missing", "items[0]"},
		{"", "customer=" + customer + "&items[0][price]=p&trial_end=1760500000&trial_period_days=3", "", "trial_end"},
		{"/" + id, "customer=" + customer, "parameter_unknown", "customer"}, // the payer never changes
		{"/" + id, "items[0][id]=si_none&items[0][price]=p", "resource_missing", "items[0][id]"},
	} {
		b.send("POST", "/v1/subscriptions"+c.path, c.form).wantError(t, 400, c.code, c.param, "")
	}
	item := str(b.send("GET", "/v1/subscriptions/"+id, "").at("items", "data", 0, "id"))
	b.send("POST", "/v1/subscriptions/"+id, "items[0][id]="+item+"&items[0][deleted]=true").wantError(t, 400, "", "items", "at least one item")
	b.send("POST", "/v1/subscriptions/sub_none", "metadata[a]=b").wantError(t, 404, "resource_missing", "id", "No such subscription: 'sub_none'")
}

func TestMonthsEndWithinTheMonth(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	b := start(t, stripesim.Options{Now: func() time.Time { return now }})
	customer := str(b.send("POST", "/v1/customers", "").at("id"))
	a := b.send("POST", "/v1/subscriptions", "customer="+customer+"&items[0][price]=p")
	equal(t, "end", a.at("items", "data", 0, "current_period_end"), any(float64(time.Date(2026, 2, 28, 12, 0, 0, 0, time.UTC).Unix())))
}
