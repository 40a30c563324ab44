package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"rightful"
)

// openStripeWriter makes both halves of one account from a world file.
type openStripeWriter = func(t *testing.T, world []byte) (rightful.StripeReader, rightful.StripeWriter)

// TestStripeWriter checks the contract of rightful.StripeWriter. open returns a
// reader and a writer of the account that a world file describes, as TestStripe
// wants its reader.
func TestStripeWriter(t *testing.T, open func(t *testing.T, world []byte) (rightful.StripeReader, rightful.StripeWriter)) {
	t.Run("one key of one object", func(t *testing.T) { testOneKey(t, open) })
	t.Run("again and back", func(t *testing.T) { testAgainAndBack(t, open) })
	t.Run("what is not written", func(t *testing.T) { testNotStamped(t, open) })
	t.Run("cancellation", func(t *testing.T) {
		r, w := open(t, smallWorld(t, true))
		before := stamps(t, r)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := w.SetMetadata(ctx, stampOf(rightful.TypeCustomer, "cus_old", "11")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		sameStamps(t, before, stamps(t, r))
	})
}

// stampOf is a write of a company; "" unsets it.
func stampOf(typ rightful.ObjectType, id, value string) rightful.MetadataWrite {
	w := rightful.MetadataWrite{Type: typ, ID: id, Key: "company_id", IdempotencyKey: "run/" + id + "/" + value}
	if value != "" {
		w.To = &value
	}
	return w
}

// stamps returns the identity metadata of every object, by type and id.
func stamps(t *testing.T, r rightful.StripeReader) map[string]map[string]string {
	t.Helper()
	found := map[string]map[string]string{}
	for _, typ := range rightful.ListedTypes() {
		objects, err := all(t.Context(), r, rightful.ListQuery{Type: typ})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			found[string(typ)+" "+o.ID] = maps.Clone(o.Metadata)
		}
	}
	return found
}

func sameStamps(t *testing.T, want, got map[string]map[string]string) {
	t.Helper()
	for _, m := range []map[string]map[string]string{want, got} {
		for _, values := range m {
			maps.DeleteFunc(values, func(_, v string) bool { return v == "" })
		}
		maps.DeleteFunc(m, func(_ string, values map[string]string) bool { return len(values) == 0 })
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("stamps (-want +got):\n%s", diff)
	}
}

// testOneKey writes and unsets one key of objects in every state, and compares
// everything that the reader sees.
func testOneKey(t *testing.T, open openStripeWriter) {
	for _, o := range []struct {
		typ rightful.ObjectType
		id  string
	}{
		{rightful.TypeCustomer, "cus_old"}, {rightful.TypeCustomer, "cus_new"}, {rightful.TypeCustomer, "cus_mid"},
		{rightful.TypeSession, "cs_1"}, {rightful.TypeSession, "cs_2"}, {rightful.TypeSession, "cs_3"},
		{rightful.TypeSubscription, "sub_active"}, {rightful.TypeSubscription, "sub_canceled"}, {rightful.TypeSubscription, "sub_incomplete"},
		{rightful.TypePaymentIntent, "pi_1"}, {rightful.TypePaymentIntent, "pi_2"},
	} {
		t.Run(o.id, func(t *testing.T) {
			r, w := open(t, smallWorld(t, true))
			want := stamps(t, r)
			key := string(o.typ) + " " + o.id
			if want[key] == nil {
				want[key] = map[string]string{}
			}
			for _, value := range []string{"11", "a company's \"id\" & more=é", ""} {
				if err := w.SetMetadata(t.Context(), stampOf(o.typ, o.id, value)); err != nil {
					t.Fatal(err)
				}
				want[key]["company_id"] = value
				got, _, err := r.Get(t.Context(), o.typ, o.id)
				if err != nil || got.Metadata["company_id"] != value {
					t.Errorf("Get: %q, %v; want %q", got.Metadata["company_id"], err, value)
				}
				sameStamps(t, clone(want), stamps(t, r))
			}
		})
	}
}

func clone(m map[string]map[string]string) map[string]map[string]string {
	out := map[string]map[string]string{}
	for k, v := range m {
		out[k] = maps.Clone(v)
	}
	return out
}

// testAgainAndBack: a write that is repeated is no error, and neither is one that
// changes nothing.
func testAgainAndBack(t *testing.T, open openStripeWriter) {
	r, w := open(t, smallWorld(t, true))
	want := stamps(t, r)
	writes := []rightful.MetadataWrite{
		stampOf(rightful.TypeCustomer, "cus_old", "11"), stampOf(rightful.TypeCustomer, "cus_old", "11"),
		stampOf(rightful.TypeCustomer, "cus_new", ""), stampOf(rightful.TypeCustomer, "cus_old", "4"),
	}
	for i, m := range writes {
		if err := w.SetMetadata(t.Context(), m); err != nil {
			t.Fatalf("write %d: %v", i, err)
		}
	}
	sameStamps(t, want, stamps(t, r))
}

func testNotStamped(t *testing.T, open openStripeWriter) {
	r, w := open(t, smallWorld(t, true))
	before := stamps(t, r)
	customer := rightful.TypeCustomer
	named := func(key, value string) rightful.MetadataWrite {
		m := stampOf(customer, "cus_old", "11")
		m.Key, m.To = key, &value
		return m
	}
	tests := map[string]struct {
		write rightful.MetadataWrite
		kind  rightful.ErrorKind
	}{
		"no such object":          {stampOf(customer, "cus_missing", "11"), rightful.KindNotFound},
		"an object of other type": {stampOf(rightful.TypeSubscription, "cus_old", "11"), rightful.KindNotFound},
		"a deleted customer":      {stampOf(customer, "cus_gone", "11"), rightful.KindNotFound},
		"a schedule":              {stampOf(rightful.TypeSchedule, "sub_sched_1", "11"), rightful.KindUnsupported},
		"an invoice":              {stampOf(rightful.TypeInvoice, "in_1", "11"), rightful.KindUnsupported},
		"a charge":                {stampOf(rightful.TypeCharge, "ch_1", "11"), rightful.KindUnsupported},
		"a payment method":        {stampOf(rightful.TypePaymentMethod, "pm_1", "11"), rightful.KindUnsupported},
		"a setup intent":          {stampOf("setup_intent", "seti_1", "11"), rightful.KindUnsupported},
		"an empty value":          {named("company_id", ""), rightful.KindInvalid},
		"no key":                  {named("", "11"), rightful.KindInvalid},
		"a key in brackets":       {named("a]b[company_id", "11"), rightful.KindInvalid},
		"a key of 41 characters":  {named(strings.Repeat("k", 41), "11"), rightful.KindInvalid},
	}
	for i, id := range oddIDs {
		tests[fmt.Sprintf("odd id %d", i)] = struct {
			write rightful.MetadataWrite
			kind  rightful.ErrorKind
		}{stampOf(customer, id, "11"), rightful.KindNotFound}
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		if err := w.SetMetadata(t.Context(), tests[name].write); rightful.KindOf(err) != tests[name].kind {
			t.Errorf("%s: got %v, want it of kind %s", name, err, tests[name].kind)
		}
	}
	sameStamps(t, before, stamps(t, r))
}
