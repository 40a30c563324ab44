package collect_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/collect"
)

func TestCloserReadsMoney(t *testing.T) {
	t.Parallel()
	r, src, opt := read(t, small)
	sit := everything(t, src, opt)
	err := collect.Closer(t.Context(), src, opt, sit, collect.Wanted{Customers: []string{"cus_1", "cus_gone", "cus_1", "cus_unheard_of"}})
	if err != nil {
		t.Fatal(err)
	}
	f := family(t, sit, "cus_1")
	if got := ids(f.Invoices) + " " + ids(f.Charges) + ids(f.Methods); got != "in_1 in_2 ch_1" || !f.MoneyRead {
		t.Errorf("cus_1: %s, read %v", got, f.MoneyRead)
	}
	if f := family(t, sit, "cus_gone"); !f.MoneyRead || len(f.Invoices)+len(f.Charges)+len(f.Methods) > 0 {
		t.Errorf("cus_gone: %+v", f)
	}
	if f := family(t, sit, "cus_2"); f.MoneyRead || len(f.Methods) > 0 {
		t.Error("cus_2 was not wanted")
	}
	if r.times("invoice/cus_1") != 1 || r.times("invoice/cus_unheard_of") != 0 || len(sit.Incomplete)+len(sit.Unheard) > 0 || sit.StripePartly {
		t.Errorf("asked %v, incomplete %v, unheard %v", r.asked, sit.Incomplete, sit.Unheard)
	}
	if got := eventIDs(sit.Events); got != "evt_5 evt_4 evt_2 evt_1" {
		t.Errorf("events that nobody wanted: %s", got)
	}
	src.Stripe = nil
	if err := collect.Closer(t.Context(), src, opt, sit, collect.Wanted{Customers: []string{"cus_1"}, Removals: true}); err != nil {
		t.Errorf("without Stripe: %v", err)
	}
}

// TestCloserFailing: money that was not read is not "no money".
func TestCloserFailing(t *testing.T) {
	t.Parallel()
	fault := func(kind rightful.ErrorKind) error {
		return &rightful.Error{Kind: kind, Place: "stripe", Message: "fault"}
	}
	tests := map[string]struct {
		what       string
		kind       rightful.ErrorKind
		read       string // the customers whose money counts as read
		incomplete string
	}{
		"a type is forbidden":     {"charge", rightful.KindForbidden, "", "Stripe's list of charge: stripe: fault"},
		"one list fails":          {"invoice/cus_1", rightful.KindUnavailable, "cus_2", "Stripe's list of invoice of cus_1: stripe: fault"},
		"a list has no filter":    {"charge/cus_2", rightful.KindInvalid, "cus_1", "Stripe's list of charge of cus_2: stripe: fault"},
		"Stripe does not answer":  {"payment_method/cus_1", rightful.KindUnreachable, "", "Stripe's list of payment_method of cus_1: stripe: fault"},
		"the key is revoked then": {"invoice/cus_2", rightful.KindUnauthorized, "cus_1", "Stripe's list of invoice of cus_2: stripe: fault"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, src, opt := read(t, small)
			sit := everything(t, src, opt)
			r.fail[tt.what] = fault(tt.kind)
			if err := collect.Closer(t.Context(), src, opt, sit, collect.Wanted{Customers: []string{"cus_1", "cus_2"}}); err != nil {
				t.Fatal(err)
			}
			var read []string
			for _, f := range sit.Families {
				if f.MoneyRead {
					read = append(read, f.Key)
				}
			}
			if diff := cmp.Diff(tt.read, strings.Join(read, " ")); diff != "" {
				t.Errorf("money read (-want +got):\n%s", diff)
			}
			if got := strings.Join(sit.Incomplete, "; "); got != tt.incomplete || !sit.StripePartly {
				t.Errorf("incomplete: %q, partly %v", got, sit.StripePartly)
			}
		})
	}
}

// TestCloserDoesNotRepeatARefusal: a permission that is missing for one customer
// is missing for thousands.
func TestCloserDoesNotRepeatARefusal(t *testing.T) {
	t.Parallel()
	r, src, opt := read(t, `{"stripe": {}}`)
	sit := &rightful.Situation{}
	var all []string
	for i := range 1000 {
		id := fmt.Sprintf("cus_%04d", i)
		all = append(all, id)
		sit.Families = append(sit.Families, rightful.Family{Key: id, StripeCustomerID: id})
	}
	r.fail["invoice"] = &rightful.Error{Kind: rightful.KindForbidden, Message: "lacks the permission rak_invoice_read"}
	if err := collect.Closer(t.Context(), src, opt, sit, collect.Wanted{Customers: all}); err != nil {
		t.Fatal(err)
	}
	if n := r.times("invoice"); n == 0 || n > 8 {
		t.Errorf("invoices were asked for %d times", n)
	}
	if r.times("charge") != 1000 || len(sit.Incomplete) != 1 || sit.Families[0].MoneyRead {
		t.Errorf("charges were asked for %d times, incomplete %v", r.times("charge"), sit.Incomplete)
	}
}

func TestCloserReadsRemovals(t *testing.T) {
	t.Parallel()
	r, src, opt := read(t, small)
	sit := everything(t, src, opt) // holds all but evt_3: evt_1 was not delivered, the others are the last of their type that were
	if err := collect.Closer(t.Context(), src, opt, sit, collect.Wanted{Removals: true}); err != nil {
		t.Fatal(err)
	}
	if got := eventIDs(sit.Events); got != "evt_5 evt_4 evt_3 evt_2 evt_1" || len(sit.Unheard) > 0 {
		t.Errorf("events %s, unheard %v", got, sit.Unheard)
	}
	if r.times("invoice") > 0 {
		t.Error("money was read that nobody wanted")
	}
	r.fail["events"] = &rightful.Error{Kind: rightful.KindForbidden, Place: "stripe.key", Message: "lacks the permission rak_event_read"}
	if err := collect.Closer(t.Context(), src, opt, sit, collect.Wanted{Removals: true}); err != nil {
		t.Fatal(err)
	}
	if len(sit.Incomplete) > 0 || sit.StripePartly || len(sit.Unheard) != 1 || !strings.Contains(sit.Unheard[0], "rak_event_read") {
		t.Errorf("incomplete %v, unheard %v", sit.Incomplete, sit.Unheard)
	}
}

func TestRemovalsAreBounded(t *testing.T) {
	t.Parallel()
	r, src, opt := read(t, small)
	sit := everything(t, src, opt)
	sit.Events = nil
	r.events = endless("customer.updated", map[string]string{"company_id": "4"})
	if err := collect.Closer(t.Context(), src, opt, sit, collect.Wanted{Removals: true}); err != nil {
		t.Fatal(err)
	}
	if len(sit.Events) != 20_000 || len(sit.Unheard) != 1 || !strings.Contains(sit.Unheard[0], "newest 20000") {
		t.Errorf("%d events, unheard %v", len(sit.Events), sit.Unheard)
	}
}

func TestCloserInterrupted(t *testing.T) {
	t.Parallel()
	_, src, opt := read(t, small)
	sit := everything(t, src, opt)
	cause := errors.New("Ctrl-C")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	for _, want := range []collect.Wanted{{Customers: []string{"cus_1"}}, {Removals: true}} {
		if err := collect.Closer(ctx, src, opt, sit, want); !errors.Is(err, cause) {
			t.Errorf("%+v: got %v", want, err)
		}
	}
	if f := family(t, sit, "cus_1"); f.MoneyRead || len(sit.Incomplete) > 0 {
		t.Errorf("money read %v, incomplete %v", f.MoneyRead, sit.Incomplete)
	}
}
