package stripesim_test

import (
	"context"
	"testing"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

func TestPaymentIntentLife(t *testing.T) {
	t.Parallel()
	b, ctx := start(t, stripesim.Options{}), context.Background()
	customer := str(b.send("POST", "/v1/customers", "").at("id"))
	pi := must[*stripe.PaymentIntent](t)(b.V1PaymentIntents.Create(ctx, &stripe.PaymentIntentCreateParams{
		Amount: stripe.Int64(1500), Currency: stripe.String("USD"), Customer: &customer, Metadata: map[string]string{"company_id": "4"}}))
	equal(t, "status", pi.Status, stripe.PaymentIntentStatusRequiresPaymentMethod)
	equal(t, "currency", pi.Currency, "usd")
	equal(t, "customer", pi.Customer.ID, customer)

	pi = must[*stripe.PaymentIntent](t)(b.V1PaymentIntents.Update(ctx, pi.ID, &stripe.PaymentIntentUpdateParams{
		Amount: stripe.Int64(1700), PaymentMethod: stripe.String("pm_card_visa")}))
	equal(t, "status", pi.Status, stripe.PaymentIntentStatusRequiresConfirmation)
	pi = must[*stripe.PaymentIntent](t)(b.V1PaymentIntents.Confirm(ctx, pi.ID, nil))
	equal(t, "status", pi.Status, stripe.PaymentIntentStatusSucceeded)
	equal(t, "received", pi.AmountReceived, 1700)

	pi = must[*stripe.PaymentIntent](t)(b.V1PaymentIntents.Update(ctx, pi.ID, &stripe.PaymentIntentUpdateParams{
		Metadata: map[string]string{"company_id": "11"}, Description: stripe.String("corrected")}))
	equal(t, "metadata after success", pi.Metadata["company_id"], "11")
	_, err := b.V1PaymentIntents.Update(ctx, pi.ID, &stripe.PaymentIntentUpdateParams{Amount: stripe.Int64(1)})
	stripeError(t, err, 400, stripe.ErrorCodePaymentIntentUnexpectedState)
	_, err = b.V1PaymentIntents.Cancel(ctx, pi.ID, nil)
	stripeError(t, err, 400, stripe.ErrorCodePaymentIntentUnexpectedState)
	_, err = b.V1PaymentIntents.Confirm(ctx, pi.ID, nil)
	stripeError(t, err, 400, stripe.ErrorCodePaymentIntentUnexpectedState)

	read := must[*stripe.PaymentIntent](t)(b.V1PaymentIntents.Retrieve(ctx, pi.ID, nil))
	equal(t, "description", read.Description, "corrected")
}

func TestPaymentIntentStates(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	a := b.send("POST", "/v1/payment_intents", "amount=5&currency=usd&payment_method=pm_1&confirm=true")
	equal(t, "confirmed at once", a.at("status"), any("succeeded"))
	a = b.send("POST", "/v1/payment_intents", "amount=5&currency=usd")
	path := "/v1/payment_intents/" + str(a.at("id"))
	b.send("POST", path+"/confirm", "").wantError(t, 400, "payment_intent_unexpected_state", "payment_method", "missing a payment method")
	a = b.send("POST", path+"/cancel", "cancellation_reason=duplicate")
	equal(t, "status", a.at("status"), any("canceled"))
	equal(t, "reason", a.at("cancellation_reason"), any("duplicate"))
	equal(t, "metadata of a canceled intent", b.send("POST", path, "metadata[a]=1").at("metadata", "a"), any("1"))
}

func TestPaymentIntentRefusals(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	for _, c := range []struct{ form, code, param string }{
		{"currency=usd", "parameter_missing", "amount"},
		{"amount=5", "parameter_missing", "currency"},
		{"amount=0&currency=usd", "parameter_invalid_integer", "amount"},
		{"amount=5&currency=dollar", "", "currency"},
		{"amount=5&currency=usd&customer=cus_none", "resource_missing", "customer"},
		{"amount=5&currency=usd&confirm=true", "payment_intent_unexpected_state", "payment_method"},
		{"amount=5&currency=usd&capture_method=manual", "", "capture_method"},
		{"amount=5&currency=usd&confirm=yes", "", "confirm"},
	} {
		b.send("POST", "/v1/payment_intents", c.form).wantError(t, 400, c.code, c.param, "")
	}
	b.send("GET", "/v1/payment_intents/pi_none", "").wantError(t, 404, "resource_missing", "intent", "No such payment_intent: 'pi_none'")
}
