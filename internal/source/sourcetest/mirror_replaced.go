package sourcetest

import (
	"fmt"
	"reflect"
	"testing"

	"rightful"
)

// replacing is an event that tells what company stood on a customer before.
func replacing(id string, created int64, company string) rightful.Event {
	return rightful.Event{
		ID: id, Type: "customer.updated", Created: created, ObjectType: rightful.TypeCustomer, ObjectID: "cus_1",
		Previous: map[string]string{StripeKeys().Company: company},
	}
}

// testMirrorReplaced keeps what stood on objects before, and of which time all is known.
func testMirrorReplaced(t *testing.T, open OpenMirror) {
	m := mirrorOf(open)
	keep := func(m rightful.MirrorStore, events ...rightful.Event) {
		t.Helper()
		mustKeep(t, m, rightful.MirrorPage{Replaced: events})
	}
	must := func(m rightful.MirrorStore, since, until int64, ids string) {
		t.Helper()
		got, err := m.Replaced(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var all string
		for _, e := range got.Events {
			all += e.ID + " "
		}
		if got.Since != since || got.Until != until || all != ids {
			t.Fatalf("of %d to %d: %q, want %d to %d: %q", got.Since, got.Until, all, since, until, ids)
		}
	}
	follow := func(m rightful.MirrorStore, from, until int64) {
		t.Helper()
		if err := m.Follow(t.Context(), nil, from, until); err != nil {
			t.Fatal(err)
		}
	}
	must(m, 0, 0, "")
	told := replacing("evt_2", 200, "7\x00\xff")
	told.Body, told.PendingWebhooks = []byte("{}"), 3
	told.Previous["nobody asked"] = "secret"
	keep(m, replacing("evt_1", 100, "6"), told, rightful.Event{ID: "evt_says_nothing", Created: 150})
	keep(m, replacing("evt_1", 100, "told again"), replacing("evt_3", 200, "8"))
	must(m, 0, 0, "evt_2 evt_3 evt_1 ")
	got, err := m.Replaced(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []rightful.Event{replacing("evt_2", 200, "7\x00\xff"), replacing("evt_3", 200, "8"), replacing("evt_1", 100, "6")}
	if !reflect.DeepEqual(got.Events, want) {
		t.Errorf("got %+v, want %+v", got.Events, want)
	}
	for _, step := range []struct{ from, until, since, known int64 }{
		{1000, 2000, 1000, 2000},
		{1900, 3000, 1000, 3000}, // joins on
		{3000, 3500, 1000, 3500},
		{1200, 1300, 1000, 3500}, // within
		{100, 500, 1000, 3500},   // before, with a gap: the later one is worth more
		{900, 1100, 900, 3500},
		{4000, 5000, 4000, 5000}, // after a gap
	} {
		follow(m, step.from, step.until)
		must(m, step.since, step.known, "evt_2 evt_3 evt_1 ")
	}
	other := StripeKeys()
	other.Company = "tenant"
	for name, m := range map[string]rightful.MirrorStore{
		"keys": open(stripeAccount, true, other), "account": open("acct_other", true, StripeKeys()), "mode": open(stripeAccount, false, StripeKeys()),
	} {
		if got, err := m.Replaced(t.Context()); err != nil || !reflect.DeepEqual(got, rightful.MirrorReplaced{}) {
			t.Errorf("another %s knows %+v, %v", name, got, err)
		}
	}
	// What is older than Stripe's events is forgotten.
	const month = 31 * 24 * 60 * 60
	follow(m, 4500, 150+month)
	must(m, 4000, 150+month, "evt_2 evt_3 ")
	if err := m.Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	must(m, 0, 0, "")
	var many []rightful.Event
	for i := range 300 {
		many = append(many, replacing(fmt.Sprintf("evt_%d", i), int64(i), "9"))
	}
	keep(m, many...)
	if got, err := m.Replaced(t.Context()); err != nil || len(got.Events) != len(many) {
		t.Errorf("%d events of %d, %v", len(got.Events), len(many), err)
	}
}
