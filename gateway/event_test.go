package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
)

func TestDispositions(t *testing.T) {
	onEngines(t, func(t *testing.T, o *office) {
		mine := o.postID("/v1/customers", "metadata[company_id]", "11", "metadata[app]", "ledgerly")
		o.postID("/v1/customers", "metadata[company_id]", "11", "metadata[app]", "another")
		o.postID("/v1/customers", "metadata[company_id]", "11") // a bare number does not reach it
		nobody := o.postID("/v1/customers", "metadata[company_id]", "99", "metadata[app]", "ledgerly")
		o.post("/v1/products", "name", "Plan")
		o.settle()
		if got := fmt.Sprint(o.toldNotices()); got != "[11 customer.created "+mine+"]" {
			t.Errorf("told %s", got)
		}
		if got := fmt.Sprint(o.statuses()); got != "map[foreign:1 ignored:1 mine:1 unknown:2]" {
			t.Errorf("got %s", got)
		}

		// The link comes later: the event is looked at again, and told then.
		o.exec("UPDATE companies SET stripe_customer_id = '" + nobody + "' WHERE id = 12")
		o.judge()
		if got := o.toldNotices(); len(got) != 0 {
			t.Errorf("told early: %v", got)
		}
		o.later(60)
		o.judge()
		if got := fmt.Sprint(o.toldNotices()); got != "[12 customer.created "+nobody+"]" {
			t.Errorf("told %s", got)
		}
		o.statuses()
		// The other one is dead in the end, and everything is at rest.
		for range 8 {
			o.later(24 * 60 * 60)
			o.judge()
		}
		if got := fmt.Sprint(o.statuses()); got != "map[dead:1 unknown:4]" {
			t.Errorf("got %s", got)
		}
	})
}

// TestANewEventBringsTheOldOnesAlong: when the second event of a family says whose it
// is, the first is told before it.
func TestANewEventBringsTheOldOnesAlong(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	id := o.postID("/v1/customers", "metadata[app]", "ledgerly")
	o.settle()
	o.later(5)
	o.post("/v1/customers/"+id, "metadata[company_id]", "11")
	o.settle()
	if got := fmt.Sprint(o.toldNotices()); got != fmt.Sprintf("[11 customer.created %s superseded 11 customer.updated %s]", id, id) {
		t.Errorf("told %s", got)
	}
}

// TestFindingsOfAFamilyAreTold: what disagrees is noticed when it is born.
func TestFindingsOfAFamilyAreTold(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	id := o.postID("/v1/customers", "metadata[company_id]", "11", "metadata[app]", "ledgerly")
	o.exec("UPDATE companies SET stripe_customer_id = '" + id + "' WHERE id = 11")
	o.settle()
	o.statuses()
	o.later(5)
	o.post("/v1/customers/"+id, "metadata[company_id]", "4")
	o.settle()
	o.noticed.Lock()
	last := o.notices[len(o.notices)-1]
	o.noticed.Unlock()
	if last.CompanyID != "11" || fmt.Sprint(last.Findings) != "[RF101]" {
		t.Errorf("got %+v", last)
	}
	d := o.premises.told(gateway.DecidedWebhook)
	if len(d) != 1 || len(d[0].Codes) != 1 || d[0].CompanyID != "11" || d[0].EventID != last.ID {
		t.Fatalf("got %+v", d)
	}
	if f := d[0].Findings; len(f) != 1 || f[0].Code != rightful.CodeStampMissing || f[0].Object.ID != id {
		t.Errorf("to be kept: %+v", f)
	}
}

// TestThinEvents: the object is read once, however many events are about it.
func TestThinEvents(t *testing.T) {
	onEngines(t, func(t *testing.T, o *office) {
		id := o.postID("/v1/customers", "metadata[company_id]", "11", "metadata[app]", "ledgerly")
		product := o.postID("/v1/prices", "currency", "usd", "unit_amount", "1000", "recurring[interval]", "month", "product_data[name]", "Plan")
		sub := o.postID("/v1/subscriptions", "customer", id, "items[0][price]", product, "payment_behavior", "default_incomplete")
		thin := func(event, related, kind string) {
			body := fmt.Sprintf(`{"id":"%s","object":"v2.core.event","type":"v1.%s.updated","created":"2026-09-21T14:13:20.5Z","livemode":true,"related_object":{"id":"%s","type":"%s"}}`, event, kind, related, kind)
			if err := o.Accept(t.Context(), []byte(body), signed(officeSecret, body, o.clock().Unix())); err != nil {
				t.Fatal(err)
			}
		}
		thin("evt_thin1", sub, "subscription")
		thin("evt_thin2", sub, "subscription")
		thin("evt_thin3", "sub_missing", "subscription")
		before := o.sim.Counts().Operations["subscriptions.retrieve"]
		o.judge()
		o.judge()
		if n := o.sim.Counts().Operations["subscriptions.retrieve"] - before; n != 2 {
			t.Errorf("%d subscriptions were read", n)
		}
		if got := fmt.Sprint(o.statuses()); got != "map[unknown:3]" {
			t.Errorf("got %s", got) // the subscription carries no stamp, and the customer was not seen
		}
		o.deliver() // the customer's own event says whose it is
		o.judge()
		if got := o.statuses(); got["mine"] < 4 {
			t.Errorf("got %v", got)
		}
	})
}

// TestAFailingNoticeHoldsItsFamilyBack, and no other one.
func TestAFailingNoticeHoldsItsFamilyBack(t *testing.T) {
	onEngines(t, func(t *testing.T, o *office) {
		a := o.postID("/v1/customers", "metadata[company_id]", "11", "metadata[app]", "ledgerly")
		o.deliver()
		o.undecided = fmt.Errorf("not now")
		o.judge()
		o.later(1)
		o.post("/v1/customers/"+a, "name", "A")
		b := o.postID("/v1/customers", "metadata[company_id]", "12", "metadata[app]", "ledgerly")
		o.deliver()
		o.undecided = nil
		o.judge()
		if got := fmt.Sprint(o.toldNotices()); got != "[12 customer.created "+b+"]" {
			t.Errorf("told %s", got)
		}
		o.later(10)
		o.judge()
		if got := o.toldNotices(); len(got) != 2 || !strings.HasPrefix(got[0], "11 customer.created "+a) || got[1] != "11 customer.updated "+a {
			t.Errorf("told %v", got)
		}

		// After a day it is given up, said so, and the next goes on.
		o.later(1)
		o.post("/v1/customers/"+a, "name", "B")
		o.deliver()
		o.undecided = fmt.Errorf("not now")
		o.statuses()
		for range 30 {
			o.judge()
			o.later(60 * 60)
		}
		if got := o.statuses(); got["untold"] != 1 {
			t.Errorf("got %v", got)
		}
		o.undecided = nil
		o.post("/v1/customers/"+a, "name", "C")
		o.settle()
		if got := fmt.Sprint(o.toldNotices()); got != "[11 customer.updated "+a+"]" {
			t.Errorf("told %s", got)
		}
	})
}

// TestCatchUp: what was never delivered is found in Stripe's list.
func TestCatchUp(t *testing.T) {
	onEngines(t, func(t *testing.T, o *office) {
		catchUp := func() int {
			t.Helper()
			n, err := o.CatchUp(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := catchUp(); n != 0 { // begins here
			t.Errorf("missed %d", n)
		}
		lost := o.postID("/v1/customers", "metadata[company_id]", "11", "metadata[app]", "ledgerly")
		o.post("/v1/customers/"+lost, "name", "A")
		if n := catchUp(); n != 0 { // it may still come
			t.Errorf("missed %d", n)
		}
		o.later(6 * 60)
		if n := catchUp(); n != 2 {
			t.Errorf("missed %d", n)
		}
		if n := catchUp(); n != 0 {
			t.Errorf("missed %d again", n)
		}
		if d := o.premises.told(gateway.DecidedWebhook); len(d) != 2 || d[0].Status != "missed" || d[0].Codes[0] != "RF905" {
			t.Errorf("got %+v", d)
		}
		o.judge()
		o.judge()
		if got := o.toldNotices(); len(got) != 2 {
			t.Errorf("told %v", got)
		}
		o.settle() // and when they do come, they are doubles
		if got := o.toldNotices(); len(got) != 0 {
			t.Errorf("told %v", got)
		}
	})
}

// TestOnlyOneWorkerAtAShard: the second is told so, and one that died is replaced.
func TestOnlyOneWorkerAtAShard(t *testing.T) {
	onEngines(t, func(t *testing.T, o *office) {
		until := o.clock().Add(time.Minute).Unix()
		if taken, err := o.store.TakeShard(t.Context(), rightful.LaneJudge, 3, "another", until); !taken || err != nil {
			t.Fatal(taken, err)
		}
		if taken, err := o.JudgeShard(t.Context(), 3); taken || err != nil {
			t.Error(taken, err)
		}
		if taken, err := o.JudgeShard(t.Context(), 4); !taken || err != nil {
			t.Error(taken, err)
		}
		o.later(60)
		if taken, err := o.JudgeShard(t.Context(), 3); !taken || err != nil {
			t.Error(taken, err)
		}
		err := o.store.SettleEvents(t.Context(), 3, "another", until, nil, nil)
		wantKind(t, err, rightful.KindConflict, "taken")
	})
}

// TestABusyFamilyIsNotGivenUpEarly: how often others come does not count.
func TestABusyFamilyIsNotGivenUpEarly(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	id := o.postID("/v1/customers", "metadata[app]", "ledgerly")
	for n := range 10 {
		o.settle()
		o.later(1)
		o.post("/v1/customers/"+id, "name", fmt.Sprint(n))
	}
	o.settle()
	if got := fmt.Sprint(o.statuses()); got != "map[unknown:11]" {
		t.Errorf("got %s", got)
	}
}

// TestTheSecondNoticeWaitsForTheFirst, also when both are told of in one go.
func TestTheSecondNoticeWaitsForTheFirst(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	id := o.postID("/v1/customers", "metadata[company_id]", "11", "metadata[app]", "ledgerly")
	o.later(1)
	o.post("/v1/customers/"+id, "name", "A")
	o.refuse = "customer.created"
	o.settle()
	if got := o.toldNotices(); len(got) != 0 {
		t.Errorf("told %v", got)
	}
	o.refuse = ""
	o.later(10)
	o.judge()
	if got := fmt.Sprint(o.toldNotices()); got != fmt.Sprintf("[11 customer.created %s superseded 11 customer.updated %s]", id, id) {
		t.Errorf("told %s", got)
	}
}
