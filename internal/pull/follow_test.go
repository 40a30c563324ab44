package pull_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/pull"
	"rightful/stripesim"
)

// TestFollow changes one object in a hundred, and counts the requests.
func TestFollow(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 10_000, stripesim.Options{Now: clock()})
	f.complete(f.run(pull.Wish{}))
	full := f.gets()
	f.advance(time.Hour)
	customers := f.ids(rightful.TypeCustomer)
	f.send(http.MethodDelete, "/v1/customers/"+customers[0], nil)
	for _, id := range customers[1:150] {
		f.post("/v1/customers/"+id, url.Values{"metadata[company_id]": {"77"}})
	}
	for _, id := range f.ids(rightful.TypeSubscription)[5000:5150] {
		f.post("/v1/subscriptions/"+id, url.Values{"metadata[company_id]": {"78"}})
	}
	f.post("/v1/customers", url.Values{"email": {"new@example.com"}})
	f.advance(10 * time.Second)
	r := f.run(pull.Wish{})
	f.complete(r)
	if n := f.gets(); n*50 > full {
		t.Errorf("%d requests after a full pass of %d", n, full)
	}
	f.same()
	// The deleted one's subscription was canceled.
	if c, s := list(r, rightful.TypeCustomer), list(r, rightful.TypeSubscription); c.How != pull.HowEvents || c.Changed != 150 || c.Gone != 1 || c.New != 1 || c.Objects != 10_000 || s.Changed != 151 || s.Gone != 0 {
		t.Errorf("%+v, %+v", c, s)
	}
	// What was taken in is not counted again, though its events are looked at again.
	f.advance(10 * time.Second)
	if r = f.run(pull.Wish{}); list(r, rightful.TypeCustomer).Changed != 0 || list(r, rightful.TypeCustomer).New != 0 {
		t.Errorf("%+v", r)
	}
}

// TestReplaced: what stood on an object before is kept, and of which time all is known.
func TestReplaced(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 200, stripesim.Options{Now: clock()})
	f.complete(f.run(pull.Wish{}))
	since := f.store.told.Since
	if now := f.reader.Bulk().Now().Unix(); since == 0 || since > now || len(f.store.told.Events) > 0 {
		t.Fatalf("%+v at %d", f.store.told, now)
	}
	id := f.ids(rightful.TypeCustomer)[3]
	was := f.store.objects[id].Metadata["company_id"]
	for _, company := range []string{"77", "78"} {
		f.advance(time.Hour)
		f.post("/v1/customers/"+id, url.Values{"metadata[company_id]": {company}})
		f.post("/v1/customers/"+id, url.Values{"email": {company + "@example.com"}})
		f.advance(10 * time.Second)
		f.complete(f.run(pull.Wish{}))
	}
	var before []string
	for _, e := range f.store.told.Events {
		if e.ObjectID != id || e.ObjectType != rightful.TypeCustomer || e.Type != "customer.updated" || e.Created < since || e.Body != nil {
			t.Errorf("%+v", e)
		}
		before = append(before, e.Previous["company_id"])
	}
	if told := f.store.told; !slices.Equal(before, []string{was, "77"}) || told.Since != since || told.Until < f.reader.Bulk().Now().Unix()-5 {
		t.Errorf("before stood %q, known of %d to %d", before, told.Since, told.Until)
	}
}

// TestTwoStatesInOneSecond has two changes of which nobody can tell which came last.
func TestTwoStatesInOneSecond(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 200, stripesim.Options{Now: clock()})
	f.complete(f.run(pull.Wish{}))
	f.advance(time.Hour)
	ids := f.ids(rightful.TypeCustomer)
	for _, company := range []string{"1", "2", "1", "3"} {
		f.post("/v1/customers/"+ids[3], url.Values{"metadata[company_id]": {company}})
	}
	f.post("/v1/customers/"+ids[4], url.Values{"name": {"says nothing of whose it is"}})
	f.post("/v1/customers/"+ids[4], url.Values{"name": {"nor does this"}})
	f.post("/v1/customers/"+ids[5], url.Values{"metadata[company_id]": {"5"}})
	f.send(http.MethodDelete, "/v1/customers/"+ids[5], nil)
	made := f.post("/v1/customers", url.Values{"email": {"new@example.com"}})
	f.post("/v1/customers/"+made, url.Values{"metadata[company_id]": {"9"}})
	f.advance(time.Minute)
	r := f.run(pull.Wish{})
	f.complete(r)
	f.same()
	// Created comes first and deleted last, and equal states need no order.
	if c := list(r, rightful.TypeCustomer); c.Lookups != 1 || c.Gone != 1 || c.New != 1 {
		t.Errorf("%+v", c)
	}
}

// TestWhatNoEventTells changes the metadata of a session, and makes one: the one is found
// by a sweep, the other by each run.
func TestWhatNoEventTells(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 200, stripesim.Options{Now: clock()})
	f.complete(f.run(pull.Wish{}))
	f.advance(24 * time.Hour)
	id := f.ids(rightful.TypeSession)[3]
	f.post("/v1/checkout/sessions/"+id, url.Values{"metadata[company_id]": {"77"}})
	price := f.post("/v1/prices", url.Values{"currency": {"usd"}, "unit_amount": {"900"}, "product_data[name]": {"Plan"}})
	made := f.post("/v1/checkout/sessions", url.Values{"mode": {"payment"}, "success_url": {"https://app.example.com"}, "line_items[0][price]": {price}, "line_items[0][quantity]": {"1"}})
	f.advance(time.Minute)
	f.complete(f.run(pull.Wish{}))
	if f.store.objects[made].Exists != rightful.ExistsPresent || f.store.objects[id].Metadata["company_id"] == "77" {
		t.Fatalf("%+v, %+v", f.store.objects[made], f.store.objects[id])
	}
	// Not due yet, then due.
	f.change = func(o *pull.Options) { o.Sweep = 3 * 24 * time.Hour }
	if r := f.run(pull.Wish{}); list(r, rightful.TypeSession).How != pull.HowEvents {
		t.Fatalf("%+v", r)
	}
	f.advance(3 * 24 * time.Hour)
	r := f.run(pull.Wish{})
	f.complete(r)
	for _, l := range r.Lists {
		if want := map[rightful.ObjectType]bool{rightful.TypeSession: true, rightful.TypePaymentIntent: true}[l.Type]; (l.How == pull.HowSweep) != want {
			t.Errorf("%+v", l)
		}
	}
	if len(r.Because) != 2 {
		t.Errorf("%q", r.Because)
	}
	f.same()
	f.post("/v1/checkout/sessions/"+id, url.Values{"metadata[company_id]": {"78"}})
	f.advance(time.Minute)
	f.complete(f.run(pull.Wish{Sweep: true}))
	f.same()
}

// TestAnEventThatNeverWas is found when the reading of the list is too old.
func TestAnEventThatNeverWas(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 200, stripesim.Options{Now: clock()})
	f.complete(f.run(pull.Wish{}))
	id := f.ids(rightful.TypeCustomer)[3]
	o := f.store.objects[id]
	o.Email = "of.another.time@example.com" // no event tells that it is not so
	f.store.objects[id] = o
	f.change = func(o *pull.Options) { o.Renew = 10 * 24 * time.Hour }
	f.advance(9 * 24 * time.Hour)
	if r := f.run(pull.Wish{}); list(r, rightful.TypeCustomer).How != pull.HowEvents {
		t.Fatalf("%+v", r)
	}
	f.advance(2 * 24 * time.Hour)
	r := f.run(pull.Wish{})
	f.complete(r)
	if list(r, rightful.TypeCustomer).How != pull.HowFull || len(r.Because) != 5 || !strings.Contains(r.Because[0], "customer: it was last read whole on") {
		t.Errorf("%+v", r)
	}
	f.same()
}
