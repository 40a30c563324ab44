package stripesim_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"rightful/stripesim"
)

const day = 86400

func (b *bench) subscription(id string) answer { return b.send("GET", "/v1/subscriptions/"+id, "") }
func (b *bench) schedule(id string) answer {
	return b.send("GET", "/v1/subscription_schedules/"+id, "")
}

func phase(i int, price, more string) string {
	return fmt.Sprintf("&phases[%d][items][0][price]=%s&%s", i, price, strings.ReplaceAll(more, "PHASE", fmt.Sprintf("phases[%d]", i)))
}

func TestPhasesStartAndEndWithTheClock(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer, price := b.shop()
	t0 := b.clock.unix()
	form := fmt.Sprintf("customer=%s&start_date=%d&end_behavior=cancel", customer, t0+10*day) +
		phase(0, price, "PHASE[duration][interval]=month&PHASE[metadata][company_id]=4&PHASE[metadata][plan]=trial") +
		phase(1, price, "PHASE[items][0][quantity]=5&PHASE[duration][interval]=day&PHASE[duration][interval_count]=10&PHASE[metadata][company_id]=11&PHASE[metadata][plan]=")
	made := b.send("POST", "/v1/subscription_schedules", form)
	id := str(made.at("id"))
	equal(t, "status", str(made.at("status")), "not_started")
	equal(t, "no subscription", made.at("subscription"), nil)
	equal(t, "no phase", made.at("current_phase"), nil)
	equal(t, "phases are a chain", made.at("phases", 0, "end_date"), made.at("phases", 1, "start_date"))
	equal(t, "empty values stay", made.at("phases", 1, "metadata", "plan"), any(""))
	equal(t, "scheduled", len(b.send("GET", "/v1/subscription_schedules?scheduled=true", "").ids()), 1)

	b.clock.tick(10*day*time.Second - time.Second)
	equal(t, "a second early", str(b.schedule(id).at("status")), "not_started")
	b.clock.tick(3 * time.Hour)
	a := b.schedule(id)
	equal(t, "status", str(a.at("status")), "active")
	equal(t, "phase", a.at("current_phase", "start_date"), any(float64(t0+10*day)))
	sub := str(a.at("subscription"))
	s := b.subscription(sub)
	equal(t, "started when the phase did", s.at("created"), any(float64(t0+10*day)))
	equal(t, "stamp of the phase", str(s.at("metadata", "company_id")), "4")
	equal(t, "schedule", str(s.at("schedule")), id)
	equal(t, "billed", str(b.send("GET", "/v1/invoices/"+str(s.at("latest_invoice")), "").at("status")), "paid")
	equal(t, "scheduled", len(b.send("GET", "/v1/subscription_schedules?scheduled=true", "").ids()), 0)

	// A repair of the subscription alone comes undone: that is what rightful
	// must be able to see.
	b.send("POST", "/v1/subscriptions/"+sub, "metadata[company_id]=12&metadata[kept]=1")
	equal(t, "repaired", str(b.subscription(sub).at("metadata", "company_id")), "12")
	b.clock.tick(31 * day * time.Second)
	s = b.subscription(sub)
	equal(t, "undone by the next phase", str(s.at("metadata", "company_id")), "11")
	equal(t, "dropped by an empty value", s.at("metadata", "plan"), nil)
	equal(t, "other keys stay", str(s.at("metadata", "kept")), "1")
	equal(t, "items of the phase", s.at("items", "data", 0, "quantity"), any(5.0))
	equal(t, "one item", s.at("items", "data", 1), nil)

	b.clock.tick(10 * day * time.Second)
	a = b.schedule(id)
	equal(t, "status", str(a.at("status")), "completed")
	equal(t, "completed at its end", a.at("completed_at"), made.at("phases", 1, "end_date"))
	equal(t, "canceled with it", b.subscription(sub).at("canceled_at"), made.at("phases", 1, "end_date"))
	equal(t, "events", strings.Join(b.types("type=subscription_schedule.*"), " "), "subscription_schedule.updated subscription_schedule.completed")
	equal(t, "no request", b.send("GET", "/v1/events?limit=1", "").at("data", 0, "request", "id"), nil)
	b.send("POST", "/v1/subscription_schedules/"+id, "metadata[a]=b").wantError(t, 400, "", "", "currently in the `completed` status")
}

// However rarely somebody looks, the same things happen at the same moments.
func TestTimePassesTheSameInOneStepOrMany(t *testing.T) {
	t.Parallel()
	run := func(steps int) string {
		b := start(t, stripesim.Options{Account: "acct_1"})
		customer, price := b.shop()
		for i := range 3 {
			b.send("POST", "/v1/subscription_schedules", fmt.Sprintf("customer=%s&start_date=%d", customer, b.clock.unix()+int64(i)*day)+
				phase(0, price, fmt.Sprintf("PHASE[duration][interval]=week&PHASE[metadata][n]=%d", i))+phase(1, price, "PHASE[metadata][second]=1"))
		}
		for range steps {
			b.sim.Advance(60 * day * time.Second / time.Duration(steps))
			must[json.RawMessage](t)(b.sim.Dump(""))
		}
		return string(must[json.RawMessage](t)(b.sim.Dump("")))
	}
	once, often := run(1), run(60)
	if once != often {
		t.Errorf("one step:\n%s\nmany steps:\n%s", once, often)
	}
	if !strings.Contains(once, `"status":"released"`) {
		t.Errorf("nothing was released: %s", once)
	}
}

func TestScheduleOfASubscription(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer, price := b.shop()
	sub := b.send("POST", "/v1/subscriptions", "customer="+customer+"&items[0][price]="+price+"&items[0][quantity]=2&metadata[company_id]=4")
	subID := str(sub.at("id"))
	b.send("POST", "/v1/subscription_schedules", "from_subscription="+subID+"&customer="+customer).wantError(t, 400, "", "customer", "from_subscription")
	made := b.send("POST", "/v1/subscription_schedules", "from_subscription="+subID)
	id, path := str(made.at("id")), "/v1/subscription_schedules/"+str(made.at("id"))
	equal(t, "status", str(made.at("status")), "active")
	equal(t, "phase", made.at("phases", 0, "end_date"), sub.at("items", "data", 0, "current_period_end"))
	equal(t, "quantity", made.at("phases", 0, "items", 0, "quantity"), any(2.0))
	equal(t, "linked", str(b.send("GET", "/v1/subscriptions/"+subID+"?expand[]=schedule", "").at("schedule", "id")), id)
	b.send("POST", "/v1/subscription_schedules", "from_subscription="+subID).wantError(t, 400, "", "from_subscription", "already attached")

	b.send("POST", path, strings.TrimPrefix(phase(0, price, "PHASE[metadata][company_id]=11"), "&")).wantError(t, 400, "parameter_missing", "phases[0][start_date]", "needs its start_date")
	start := fmt.Sprintf("PHASE[start_date]=%d", b.clock.unix())
	a := b.send("POST", path, "end_behavior=release"+phase(0, price, start+"&PHASE[metadata][company_id]=11&PHASE[duration][interval]=month")+phase(1, price, "PHASE[metadata][company_id]=12"))
	equal(t, "phases", len(a.at("phases").([]any)), 2)
	s := b.subscription(subID)
	equal(t, "the running phase counts at once", str(s.at("metadata", "company_id")), "11")
	equal(t, "same item", s.at("items", "data", 0, "id"), sub.at("items", "data", 0, "id"))

	b.clock.tick(32 * day * time.Second)
	equal(t, "second phase", str(b.subscription(subID).at("metadata", "company_id")), "12")
	b.send("POST", path, "metadata[company_id]=12")
	a = b.send("POST", path+"/release", "")
	equal(t, "released", str(a.at("released_subscription")), subID)
	equal(t, "unlinked", a.at("subscription"), nil)
	s = b.subscription(subID)
	equal(t, "goes on", str(s.at("status")), "active")
	equal(t, "alone", s.at("schedule"), nil)
	b.send("POST", path+"/cancel", "").wantError(t, 400, "", "", "currently in the `released` status")

	again := b.send("POST", "/v1/subscription_schedules", "from_subscription="+subID)
	equal(t, "events", b.caused(func() { b.send("DELETE", "/v1/subscriptions/"+subID, "") }), "customer.subscription.deleted subscription_schedule.canceled")
	equal(t, "canceled with its subscription", str(b.schedule(str(again.at("id"))).at("status")), "canceled")
	b.send("POST", "/v1/subscription_schedules", "from_subscription="+subID).wantError(t, 400, "", "from_subscription", "canceled")
	for query, want := range map[string]int{"": 2, "released_at[gte]=1": 1, "canceled_at[gte]=1": 1, "completed_at[gte]=1": 0, "customer=" + customer: 2, "created[lt]=5": 0} {
		equal(t, query, len(b.send("GET", "/v1/subscription_schedules?"+query, "").ids()), want)
	}
}

func TestScheduleRefusals(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer, price := b.shop()
	for _, c := range []struct{ form, code, param string }{
		{"", "parameter_missing", "customer"},
		{"customer=" + customer, "parameter_missing", "phases"},
		{"customer=cus_none" + phase(0, price, ""), "resource_missing", "customer"},
		{"customer=" + customer + phase(0, "price_none", ""), "resource_missing", "phases[0][items][0][price]"},
		{"customer=" + customer + phase(0, price, "") + phase(1, price, ""), "parameter_missing", "phases[0]"},
		{"customer=" + customer + phase(0, price, "PHASE[end_date]=5"), "", "phases[0][end_date]"},
		{"customer=" + customer + phase(0, price, "PHASE[end_date]=1960000000&PHASE[duration][interval]=day"), "", "phases[0][end_date]"},
		{"customer=" + customer + "&start_date=1000000000" + phase(0, price, "PHASE[end_date]=1000000001"), "", "phases"},
		{"customer=" + customer + phase(0, price, "PHASE[iterations]=3"), "", "phases[0][iterations]"},
		{"from_subscription=sub_none", "resource_missing", "from_subscription"},
	} {
		b.send("POST", "/v1/subscription_schedules", c.form).wantError(t, 400, c.code, c.param, "")
	}
	b.send("GET", "/v1/subscription_schedules/sub_sched_none", "").wantError(t, 404, "resource_missing", "schedule", "No such subscription_schedule")
}

// After a reset, time is as good as new for schedules.
func TestResetForgetsWhenSchedulesWereDue(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	later := func() string {
		customer, price := b.shop()
		return str(b.send("POST", "/v1/subscription_schedules", fmt.Sprintf("customer=%s&start_date=%d", customer, b.clock.unix()+day)+phase(0, price, "")).at("id"))
	}
	later()
	b.sim.Advance(40 * day * time.Second)
	b.send("GET", "/v1/events", "")
	b.sim.Reset()
	id := later()
	equal(t, "waits", str(b.schedule(id).at("status")), "not_started")
	b.sim.Advance(day * time.Second)
	equal(t, "starts", str(b.schedule(id).at("status")), "active")
}

// What began before a world was loaded has been carried out already.
func TestSchedulesOfWorlds(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	now := b.clock.unix()
	loadWorld(t, b.sim, fmt.Sprintf(`{"stripe":{"account":{"id":"a","livemode":true},"customers":[{"id":"c1"}],
		"subscriptions":[{"id":"s1","customer":"c1","status":"active","schedule":"d1","metadata":{"company_id":"4"},"items":{"data":[{"id":"si_1","price":{"id":"p1","unit_amount":700,"currency":"usd"},"quantity":1}]}}],
		"subscription_schedules":[{"id":"d1","customer":"c1","subscription":"s1","status":"active","phases":[
			{"start_date":5,"end_date":%d,"items":[{"price":"p1"}],"metadata":{"company_id":"9"}},
			{"start_date":%d,"end_date":%d,"items":[{"price":"p2","quantity":2}],"metadata":{"company_id":"11"}}]},
			{"id":"d2","customer":"c1","status":"released","phases":[]}]}}`, now+day, now+day, now+2*day))
	equal(t, "untouched", str(b.subscription("s1").at("metadata", "company_id")), "4")
	b.clock.tick(day * time.Second)
	s := b.subscription("s1")
	equal(t, "second phase", str(s.at("metadata", "company_id")), "11")
	equal(t, "price", str(s.at("items", "data", 0, "price", "id")), "p2")
	b.clock.tick(day * time.Second)
	equal(t, "released at the end", str(b.schedule("d1").at("status")), "released")
	equal(t, "goes on", str(b.subscription("s1").at("status")), "active")
}
