package stripesim_test

import (
	"testing"
	"time"

	"rightful/stripesim"
)

// Stripe starts a new period at once when the interval changes, and bills it;
// another price of the same interval waits for the next period.
func TestAnotherIntervalStartsAPeriod(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer, monthly := b.shop()
	product := str(b.send("GET", "/v1/prices/"+monthly, "").at("product"))
	make := func(amount, interval string) string {
		return str(b.send("POST", "/v1/prices", "currency=usd&unit_amount="+amount+"&recurring[interval]="+interval+"&product="+product).at("id"))
	}
	bigger, yearly := make("1900", "month"), make("9000", "year")
	sub := b.send("POST", "/v1/subscriptions", "customer="+customer+"&items[0][price]="+monthly+"&cancel_at_period_end=true")
	path, item, first := "/v1/subscriptions/"+str(sub.at("id")), str(sub.at("items", "data", 0, "id")), str(sub.at("latest_invoice"))
	began := float64(b.clock.unix())
	b.clock.tick(48 * time.Hour)
	now := float64(b.clock.unix())

	sub = b.send("POST", path, "items[0][id]="+item+"&items[0][price]="+bigger)
	equal(t, "same interval", sub.at("items", "data", 0, "current_period_start"), any(began))
	equal(t, "no invoice", str(sub.at("latest_invoice")), first)

	sub = b.send("POST", path, "items[0][id]="+item+"&items[0][price]="+yearly+"&expand[]=latest_invoice")
	end := float64(b.clock.now().UTC().AddDate(1, 0, 0).Unix())
	equal(t, "start", sub.at("items", "data", 0, "current_period_start"), any(now))
	equal(t, "end", sub.at("items", "data", 0, "current_period_end"), any(end))
	equal(t, "anchor", sub.at("billing_cycle_anchor"), any(now))
	equal(t, "still to end", sub.at("cancel_at"), any(end))
	equal(t, "billed", sub.at("latest_invoice", "total"), any(9000.0))
	equal(t, "reason", str(sub.at("latest_invoice", "billing_reason")), "subscription_update")
	equal(t, "paid", str(sub.at("latest_invoice", "status")), "paid")
	equal(t, "line", sub.at("latest_invoice", "lines", "data", 0, "period", "end"), any(end))
}

func TestUnpaidUpdatesArePastDue(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer, monthly := b.shop()
	sub := b.send("POST", "/v1/subscriptions", "customer="+customer+"&items[0][price]="+monthly)
	path, item := "/v1/subscriptions/"+str(sub.at("id")), str(sub.at("items", "data", 0, "id"))
	saved := str(b.send("POST", "/v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer="+customer).at("id"))
	yearly := "items[0][id]=" + item + "&items[0][price_data][currency]=usd&items[0][price_data][unit_amount]=5&items[0][price_data][recurring][interval]=year&items[0][price_data][product]=" +
		str(sub.at("items", "data", 0, "price", "product")) + "&default_payment_method=" + saved
	b.send("POST", path, yearly+"&payment_behavior=error_if_incomplete").wantError(t, 402, "card_declined", "", "")
	b.send("POST", path, yearly+"&payment_behavior=pending_if_incomplete").wantError(t, 400, "", "payment_behavior", "does not model")
	equal(t, "nothing changed", str(b.send("GET", path, "").at("items", "data", 0, "price", "recurring", "interval")), "month")
	sub = b.send("POST", path, yearly)
	equal(t, "past due", str(sub.at("status")), "past_due")
	b.send("POST", "/v1/invoices/"+str(sub.at("latest_invoice"))+"/pay", "payment_method=pm_card_visa")
	equal(t, "paid", b.status(path), "active")
}

func TestTheEndOfATrialStartsAPeriod(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer, monthly := b.shop()
	id := str(b.send("POST", "/v1/subscriptions", "customer="+customer+"&trial_period_days=30&items[0][price]="+monthly).at("id"))
	b.clock.tick(time.Hour)
	sub := b.send("POST", "/v1/subscriptions/"+id, "trial_end=now")
	equal(t, "start", sub.at("items", "data", 0, "current_period_start"), any(float64(b.clock.unix())))
	equal(t, "end", sub.at("items", "data", 0, "current_period_end"), any(float64(b.clock.now().UTC().AddDate(0, 1, 0).Unix())))
}

func TestAPriceStandsInASubscriptionOnce(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer, price := b.shop()
	form := "customer=" + customer + "&items[0][price]=" + price
	b.send("POST", "/v1/subscriptions", form+"&items[1][price]="+price).wantError(t, 400, "", "items", "multiple subscription items with the same plan: "+price)
	sub := b.send("POST", "/v1/subscriptions", form)
	b.send("POST", "/v1/subscriptions/"+str(sub.at("id")), "items[0][price]="+price).wantError(t, 400, "", "items", price)
}
