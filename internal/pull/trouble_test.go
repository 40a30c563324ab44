package pull_test

import (
	"errors"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/pull"
	"rightful/stripesim"
)

// TestTroubleIsNeverComplete has one list that cannot be read to its end, in different
// ways: it is named, the others go on, and nothing of it is called complete. The next run
// has only that to do.
func TestTroubleIsNeverComplete(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault stripesim.FaultRule
		says  string
	}{
		"forbidden":     {stripesim.FaultRule{Status: 403, Type: "invalid_request_error", Message: "The provided key does not have the required permissions for this endpoint. Having the 'rak_customer_read' permission would allow this request to continue.", Nth: 5, Times: -1}, "rak_customer_read"},
		"the same page": {stripesim.FaultRule{Then: stripesim.FaultSamePage, Nth: 3, Times: -1}, "read before"},
		"once more":     {stripesim.FaultRule{Then: stripesim.FaultDuplicate, Nth: 3, Times: -1}, "twice"},
		"no JSON":       {stripesim.FaultRule{Status: 404, Body: "<html>", Nth: 4, Times: -1}, "status 404"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newOffice(t, 1500, stripesim.Options{Now: clock()})
			c.fault.Operation = "customers.list"
			if err := f.sim.Fault(c.fault); err != nil {
				t.Fatal(err)
			}
			r := f.run(pull.Wish{})
			if len(r.IncompleteBecause) != 1 || !strings.Contains(r.IncompleteBecause[0], "customer: ") || !strings.Contains(r.IncompleteBecause[0], c.says) {
				t.Fatalf("%q", r.IncompleteBecause)
			}
			for _, l := range r.Lists {
				if (l.Full == 0) != (l.Type == rightful.TypeCustomer) || (l.Problem != "") != (l.Type == rightful.TypeCustomer) {
					t.Errorf("%+v", l)
				}
			}
			f.sim.ClearFaults()
			r = f.run(pull.Wish{})
			f.complete(r)
			f.same()
			if l := list(r, rightful.TypeCustomer); !l.Resumed || l.Full == 0 {
				t.Errorf("%+v", l)
			}
			if l := list(r, rightful.TypeSubscription); l.How != pull.HowEvents || l.Pages > 0 {
				t.Errorf("%+v", l)
			}
		})
	}
}

func TestCutAnswersAreReadAgain(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 1000, stripesim.Options{Now: clock()})
	for _, rule := range []stripesim.FaultRule{
		{Operation: "customers.list", Then: stripesim.FaultTruncate, Bytes: 2000, Nth: 4, Times: 2},
		{Operation: "subscriptions.list", Then: stripesim.FaultDrop, AfterEffect: true, Bytes: 2000, Nth: 4, Times: 2},
		{Operation: "checkout_sessions.list", Status: 500, Nth: 4, Times: 2},
	} {
		if err := f.sim.Fault(rule); err != nil {
			t.Fatal(err)
		}
	}
	f.complete(f.run(pull.Wish{}))
	f.same()
}

func TestRefusedKeyEndsTheRun(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 1000, stripesim.Options{Now: clock()})
	f.sim.RevokeKey(liveKey)
	if _, err := f.try(t.Context(), pull.Wish{}); rightful.KindOf(err) != rightful.KindUnauthorized {
		t.Fatalf("got %v", err)
	}
	if n := f.sim.Counts().Operations["events.list"]; n > 0 {
		t.Errorf("events were asked for all the same: %d requests", n)
	}
}

func TestAMirrorThatDoesNotKeepEndsTheRun(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 3000, stripesim.Options{Now: clock()})
	full := &rightful.Error{Kind: rightful.KindUnavailable, Place: "mirror", Message: "the disk is full"}
	n := 0
	f.store.fail = func() error {
		if n++; n > 2 {
			return full
		}
		return nil
	}
	if _, err := f.try(t.Context(), pull.Wish{}); !errors.Is(err, full) {
		t.Fatalf("got %v", err)
	}
	if n > 3 {
		t.Errorf("it was tried again %d times", n-3)
	}
	f.store.fail = nil
	f.complete(f.run(pull.Wish{}))
	f.same()
}

// TestAListThatIgnoresTheTimes would give each window the whole list.
func TestAListThatIgnoresTheTimes(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 3000, stripesim.Options{Now: clock()})
	bulk := f.reader.Bulk()
	r, err := f.with(t.Context(), &ignoring{between{Stripe: bulk}}, pull.Wish{})
	if err != nil || len(r.IncompleteBecause) != 3 || !strings.Contains(r.IncompleteBecause[0], "creation times") {
		t.Fatalf("%v, %+v", err, r.IncompleteBecause)
	}
}

// TestEventsThatCannotBeRead are no reason to read everything again: the lists are read,
// and it is said that they are not followed.
func TestEventsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 500, stripesim.Options{Now: clock()})
	if err := f.sim.Fault(stripesim.FaultRule{Operation: "events.list", Status: 403, Times: -1, Message: "Having the 'rak_event_read' permission would allow this request to continue."}); err != nil {
		t.Fatal(err)
	}
	r := f.run(pull.Wish{})
	if len(r.IncompleteBecause) != 1 || !strings.Contains(r.IncompleteBecause[0], "rak_event_read") {
		t.Fatalf("%q", r.IncompleteBecause)
	}
	if l := list(r, rightful.TypeCustomer); l.Full == 0 || l.Followed != l.Full {
		t.Errorf("%+v", l)
	}
	// When they are cut, the passes wait for them.
	f.store = newMemory()
	f.sim.ClearFaults()
	if err := f.sim.Fault(stripesim.FaultRule{Operation: "events.list", Status: 400, Times: -1}); err != nil {
		t.Fatal(err)
	}
	if r = f.run(pull.Wish{}); list(r, rightful.TypeCustomer).Full != 0 || len(r.IncompleteBecause) == 0 {
		t.Fatalf("%+v", r)
	}
	f.sim.ClearFaults()
	r = f.run(pull.Wish{})
	f.complete(r)
	if l := list(r, rightful.TypeCustomer); l.Full == 0 || l.Pages != 1 {
		t.Errorf("%+v", l)
	}
	f.same()
}
