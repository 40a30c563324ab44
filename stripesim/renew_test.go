package stripesim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rightful/stripesim"
)

func (b *bench) sub(id string) answer {
	b.Helper()
	return b.send("GET", "/v1/subscriptions/"+id+"?expand[]=latest_invoice", "")
}

// at moves the clock to a moment.
func (b *bench) at(seconds int64) { b.clock.seconds.Store(seconds) }

func seconds(v any) int64 {
	n, _ := v.(float64)
	return int64(n)
}

// look lets time be noticed.
func (b *bench) look() { b.send("GET", "/v1/balance", "") }

const renewal = "invoice.created invoice.finalized invoice.updated payment_intent.created charge.succeeded payment_intent.succeeded " +
	"invoice.paid invoice.payment_succeeded invoice.updated customer.subscription.updated"

// A period ends at its second, and the next one is billed, on the anchor's day.
func TestSubscriptionsRenew(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	b.at(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC).Unix())
	customer, price := b.shop()
	id := str(b.send("POST", "/v1/subscriptions", "customer="+customer+"&metadata[company_id]=4&items[0][quantity]=2&items[0][price]="+price).at("id"))
	first := str(b.sub(id).at("latest_invoice", "id"))
	end := time.Date(2026, 2, 28, 12, 0, 0, 0, time.UTC)
	equal(t, "first end", seconds(b.sub(id).at("items", "data", 0, "current_period_end")), end.Unix())
	equal(t, "too early", b.caused(func() { b.at(end.Unix() - 1); b.look() }), "")
	equal(t, "renewed", b.caused(func() { b.at(end.Unix()); b.look() }), renewal)
	a := b.sub(id)
	equal(t, "start", seconds(a.at("items", "data", 0, "current_period_start")), end.Unix())
	equal(t, "end", seconds(a.at("items", "data", 0, "current_period_end")), time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC).Unix())
	if str(a.at("latest_invoice", "id")) == first {
		t.Error("the latest invoice is still the first one")
	}
	equal(t, "reason", str(a.at("latest_invoice", "billing_reason")), "subscription_cycle")
	equal(t, "total", a.at("latest_invoice", "total"), any(1800.0))
	equal(t, "stamp", str(a.at("latest_invoice", "parent", "subscription_details", "metadata", "company_id")), "4")
	equal(t, "period", seconds(a.at("latest_invoice", "lines", "data", 0, "period", "start")), end.Unix())
	updated := b.send("GET", "/v1/events?limit=1&type=customer.subscription.updated", "").at("data", 0)
	previous := answer{body: map[string]any{"e": updated}}
	equal(t, "before", str(previous.at("e", "data", "previous_attributes", "latest_invoice")), first)
	equal(t, "no request", previous.at("e", "request", "id"), nil)

	// A year at once is billed month by month.
	b.at(end.AddDate(1, 0, 0).Unix())
	b.look()
	equal(t, "invoices", len(b.send("GET", "/v1/invoices?limit=100&subscription="+id, "").ids()), 14)
}

func TestSubscriptionsEndByThemselves(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer, price := b.shop()
	form := "customer=" + customer + "&items[0][price]=" + price
	id := str(b.send("POST", "/v1/subscriptions", form).at("id"))
	a := b.send("POST", "/v1/subscriptions/"+id, "cancel_at_period_end=true")
	asked := b.clock.unix()
	b.at(seconds(a.at("cancel_at")))
	equal(t, "ended", strings.Join(b.types(fmt.Sprintf("created[gte]=%d", b.clock.unix())), " "), "customer.subscription.deleted")
	equal(t, "status", str(b.sub(id).at("status")), "canceled")
	equal(t, "asked", seconds(b.sub(id).at("canceled_at")), asked)
	equal(t, "ended at", b.sub(id).at("ended_at"), a.at("cancel_at"))
	equal(t, "still said", b.sub(id).at("cancel_at_period_end"), any(true))

	// cancel_at in the middle of a period; taken back, it has no effect.
	id = str(b.send("POST", "/v1/subscriptions", fmt.Sprintf("%s&cancel_at=%d", form, b.clock.unix()+86400)).at("id"))
	kept := str(b.send("POST", "/v1/subscriptions", fmt.Sprintf("%s&cancel_at=%d", form, b.clock.unix()+86400)).at("id"))
	b.send("POST", "/v1/subscriptions/"+kept, "cancel_at=")
	b.clock.tick(24 * time.Hour)
	equal(t, "at a day", str(b.sub(id).at("status")), "canceled")
	equal(t, "kept", str(b.sub(kept).at("status")), "active")
}

// A schedule that ends with the period ends the subscription before that is
// billed again.
func TestSchedulesEndBeforeRenewals(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer, price := b.shop()
	sub := b.send("POST", "/v1/subscriptions", "customer="+customer+"&items[0][price]="+price)
	id, end := str(sub.at("id")), seconds(sub.at("items", "data", 0, "current_period_end"))
	schedule := b.send("POST", "/v1/subscription_schedules", "from_subscription="+id)
	a := b.send("POST", "/v1/subscription_schedules/"+str(schedule.at("id")), fmt.Sprintf("end_behavior=cancel&phases[0][start_date]=%d&phases[0][end_date]=%d&phases[0][items][0][price]=%s",
		b.clock.unix(), end, price))
	equal(t, "scheduled", a.status, 200)
	b.at(end + 60)
	equal(t, "status", str(b.sub(id).at("status")), "canceled")
	equal(t, "invoices", len(b.send("GET", "/v1/invoices?subscription="+id, "").ids()), 1)
}

func TestTrialsEnd(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer, price := b.shop()
	begin := b.clock.unix()
	id := str(b.send("POST", "/v1/subscriptions", "trial_period_days=7&customer="+customer+"&items[0][price]="+price).at("id"))
	equal(t, "announced", b.caused(func() { b.at(begin + 4*86400); b.look() }), "customer.subscription.trial_will_end")
	equal(t, "over", b.caused(func() { b.at(begin + 7*86400); b.look() }), renewal)
	a := b.sub(id)
	equal(t, "status", str(a.at("status")), "active")
	equal(t, "billed", a.at("latest_invoice", "amount_paid"), any(900.0))
	equal(t, "period", seconds(a.at("items", "data", 0, "current_period_start")), begin+7*86400)
}

// A renewal that is not paid is past due until its invoice is.
func TestRenewalsThatAreNotPaid(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer, price := b.shop()
	card := str(b.send("POST", "/v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer="+customer).at("id"))
	good := str(b.send("POST", "/v1/payment_methods/pm_card_visa/attach", "customer="+customer).at("id"))
	id := str(b.send("POST", "/v1/subscriptions", "customer="+customer+"&default_payment_method="+good+"&items[0][price]="+price).at("id"))
	a := b.send("POST", "/v1/subscriptions/"+id, "default_payment_method="+card)
	b.at(seconds(a.at("items", "data", 0, "current_period_end")))
	got := strings.Join(b.types(fmt.Sprintf("limit=100&created[gte]=%d", b.clock.unix())), " ")
	for _, want := range []string{"charge.failed", "payment_intent.payment_failed", "invoice.payment_failed", "customer.subscription.updated"} {
		if !strings.Contains(got, want) {
			t.Errorf("the failed renewal caused %s, and no %s", got, want)
		}
	}
	equal(t, "status", str(b.sub(id).at("status")), "past_due")
	b.send("POST", "/v1/invoices/"+str(b.sub(id).at("latest_invoice", "id"))+"/pay", "payment_method="+good)
	equal(t, "paid later", str(b.sub(id).at("status")), "active")
}

// Sessions expire at their second, with the payment that was tried.
func TestSessionsExpireByThemselves(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	id, address := b.session("mode=payment&" + oneItem + fmt.Sprintf("&expires_at=%d", b.clock.unix()+3600))
	b.browse(address, b.browse(address, nil).fill(t, "method", "pm_card_chargeDeclined")).want(t, 402)
	paid, other := b.session("mode=payment&" + oneItem)
	b.browse(other, b.browse(other, nil).fill(t))
	equal(t, "early", b.caused(func() { b.clock.tick(time.Hour - time.Second); b.look() }), "")
	equal(t, "expired", b.caused(func() { b.clock.tick(time.Second); b.look() }), "checkout.session.expired payment_intent.canceled")
	a := b.send("GET", "/v1/checkout/sessions/"+id+"?expand[]=payment_intent", "")
	equal(t, "status", str(a.at("status")), "expired")
	equal(t, "url", a.at("url"), nil)
	equal(t, "why", str(a.at("payment_intent", "cancellation_reason")), "expired")
	equal(t, "listed", strings.Join(b.send("GET", "/v1/checkout/sessions?status=expired", "").ids(), " "), id)
	b.clock.tick(48 * time.Hour)
	equal(t, "paid stays", str(b.send("GET", "/v1/checkout/sessions/"+paid, "").at("status")), "complete")
}

// What a world brings goes on from when it was loaded, in live mode too.
func TestWorldsGoOn(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	now := b.clock.unix()
	loadWorld(t, b.sim, fmt.Sprintf(`{"stripe":{"account":{"id":"acct_w","livemode":true},"customers":[{"id":"cus_1"}],
		"checkout_sessions":[{"id":"cs_1","status":"open","expires_at":%d}],
		"subscriptions":[{"id":"sub_1","customer":"cus_1","status":"active","currency":"usd","items":{"data":[{"id":"si_1","quantity":1,"current_period_end":%d,"price":{"id":"p","unit_amount":700,"currency":"usd"}}]}},
			{"id":"sub_2","customer":"cus_1","status":"active","items":{"data":[{"id":"si_2","current_period_end":%d,"price":{"id":"p"}}]}},
			{"id":"sub_3","customer":"cus_1","status":"active","items":{"data":[{"id":"si_3","price":{"id":"p"}}]}}]}}`, now+60, now+120, now-60))
	equal(t, "nothing yet", b.caused(b.look), "")
	b.send("POST", "/_sim/clock", `{"advance": "1h"}`)
	equal(t, "expired", str(b.send("GET", "/v1/checkout/sessions/cs_1", "").at("status")), "expired")
	equal(t, "renewed", b.sub("sub_1").at("latest_invoice", "amount_paid"), any(700.0))
	equal(t, "over when it came", len(b.send("GET", "/v1/invoices?subscription=sub_2", "").ids()), 0)
	equal(t, "without a period", len(b.send("GET", "/v1/invoices?subscription=sub_3", "").ids()), 0)
	b.sim.Reset()
	b.send("POST", "/_sim/clock", `{"advance": "9000h"}`)
	equal(t, "forgotten", b.caused(b.look), "")
}
