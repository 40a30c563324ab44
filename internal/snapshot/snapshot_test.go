package snapshot

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bytes"

	"rightful"
	"rightful/internal/cachevalue"
	"rightful/internal/stripeobject"
)

// TestObjectsComeBack: what is written of an object is read as the object, field
// by field.
func TestObjectsComeBack(t *testing.T) {
	t.Parallel()
	keys := rightful.KeySet{Company: "company_id", User: "user_id", AlsoRead: []string{"org_id"}, Ownership: "app"}
	stamped := map[string]string{"company_id": "11", "user_id": "7", "org_id": "x\ny", "app": "é", "orgId": "12"}
	whole := rightful.Object{
		Account: "acct_1", Livemode: true, Created: 1750000000, Metadata: stamped, StripeCustomerID: "cus_1", Status: "active",
	}
	with := func(of rightful.ObjectType, change func(*rightful.Object)) rightful.Object {
		o := whole
		o.Type, o.ID = of, "id_1"
		change(&o)
		return o
	}
	for _, o := range []rightful.Object{
		with(rightful.TypeCustomer, func(o *rightful.Object) {
			o.StripeCustomerID, o.Status = "", ""
			o.Email, o.Balance, o.HasSavedMethod, o.TestClock = "A@example.com", -5, true, "clock_1"
		}),
		with(rightful.TypeSession, func(o *rightful.Object) {
			o.SubscriptionID, o.PaymentIntentID, o.PaymentLink, o.ClientReferenceID = "sub_1", "pi_1", "plink_1", "11"
			o.Email, o.Mode, o.PaymentStatus, o.ExpiresAt = "a@example.com", "payment", "paid", 1750000001
		}),
		with(rightful.TypeSubscription, func(o *rightful.Object) {
			o.TestClock, o.EndedAt, o.Ending, o.HasSchedule, o.HasPendingUpdate = "clock_1", 1750000002, true, true, true
			o.Items = []rightful.Item{
				{PriceID: "price_1", ProductID: "prod_1", UnitAmount: 990, Currency: "eur", Interval: "month", IntervalCount: 3, Quantity: 2},
				{PriceID: "price_2"},
			}
		}),
		with(rightful.TypePaymentIntent, func(o *rightful.Object) { o.Email = "a@example.com" }),
		with(rightful.TypeSchedule, func(o *rightful.Object) {
			o.SubscriptionID = "sub_1"
			o.Phases = []rightful.Phase{{Start: 1, End: 2, Metadata: stamped}, {Start: 3}}
		}),
		with(rightful.TypeInvoice, func(o *rightful.Object) { o.SubscriptionID, o.AmountPaid, o.Snapshot = "sub_1", 990, stamped }),
		with(rightful.TypeCharge, func(o *rightful.Object) { o.PaymentIntentID, o.AmountPaid = "pi_1", 990 }),
		with(rightful.TypePaymentMethod, func(o *rightful.Object) { o.Status = "" }),
		{Account: "acct_1", Livemode: true, Type: rightful.TypeCustomer, ID: "cus_gone", Deleted: true},
	} {
		var raw bytes.Buffer
		oneLine(&raw, objectJSON(o))
		got, err := stripeobject.Decode(raw.Bytes(), o.Type, keys, stripeobject.Defaults{Account: "acct_1", Livemode: true})
		if err != nil {
			t.Errorf("%s: %v\n%s", o.Type, err, raw.Bytes())
			continue
		}
		if diff := cmp.Diff(o, got); diff != "" {
			t.Errorf("%s (-written +read):\n%s\n%s", o.Type, diff, raw.Bytes())
		}
	}
	e := rightful.Event{
		ID: "evt_1", Type: "customer.updated", Created: 1750000000, ObjectType: rightful.TypeCustomer, ObjectID: "cus_1",
		Previous: map[string]string{"company_id": "4"}, PendingWebhooks: 2, Account: "acct_2",
	}
	var raw bytes.Buffer
	oneLine(&raw, eventJSON(e))
	got, err := stripeobject.DecodeEvent(raw.Bytes(), keys)
	if diff := cmp.Diff(e, got); diff != "" || err != nil {
		t.Errorf("event: %v\n%s", err, diff)
	}
}

// TestCachedValuesComeBack: what is written under a key decodes to what was read
// there, and what could not be decoded cannot be for the same reason.
func TestCachedValuesComeBack(t *testing.T) {
	t.Parallel()
	const uuid = "0c6c1b0e-1b7c-4a53-9f0e-3b2f1c9d7a11"
	for _, setting := range []string{"", "text", "json:$", "json:company.id", "json:items.0.id", "php", "pickle"} {
		decode, err := cachevalue.ParseDecode(setting)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range []string{"11", "-4", uuid, "cus_1", "acme é", `back\slash`, "with spaces", "7." + strings.Repeat("y", 100)} {
			raw, ok := cachedJSON([]rightful.CacheEntry{{Decode: setting, Found: true, Value: value}}).(string)
			if got, undecodable := decode.Value(raw); !ok || got != value {
				t.Errorf("%q as %s: got %q, %s from %q", value, setting, got, undecodable, raw)
			}
		}
		reasons := map[string]bool{}
		for _, raw := range []string{"", "null", "true", `"x"`, "{}", "[", "a:1:{}", "N.", "\x01", strings.Repeat("x", 700), `{"company":null}`, `{"company":{"id":true}}`, `{"items":[]}`, `""`, "1.5"} {
			if _, undecodable := decode.Value(raw); undecodable != "" {
				reasons[undecodable] = true
			}
		}
		for reason := range reasons {
			raw, _ := cachedJSON([]rightful.CacheEntry{{Decode: setting, Found: true, Undecodable: reason}}).(string)
			if _, got := decode.Value(raw); got != reason {
				t.Errorf("%s: want %q, got %q from %q", setting, reason, got, raw)
			}
		}
	}
	several := []rightful.CacheEntry{{Decode: "json:company.id", Found: true, Value: "11"}, {Decode: "json:company.customer", Found: true, Value: "cus_1"}}
	if got := cachedJSON(several); got != `{"company":{"customer":"cus_1","id":"11"}}` {
		t.Errorf("two paths: %v", got)
	}
	hash := []rightful.CacheEntry{{Decode: "hash:a", Found: true, Value: "11"}, {Decode: "hash:b", Found: true, Undecodable: "the value is empty"}}
	if diff := cmp.Diff(any(map[string]string{"a": "11", "b": ""}), cachedJSON(hash)); diff != "" {
		t.Error(diff)
	}
}

// TestOrderOfATable: parts of one table come back in its order, whichever came
// first; answers that contradict each other lose nothing.
func TestOrderOfATable(t *testing.T) {
	t.Parallel()
	var k kept[string]
	for _, part := range []string{"df", "bde", "ab", "ace"} {
		before := ""
		for _, r := range part {
			k.keep(string(r), string(r), before)
			before = string(r)
		}
	}
	got := strings.Join(k.all(), "")
	for _, part := range []string{"df", "bde", "ab", "ace"} {
		at := -1
		for _, r := range part {
			if i := strings.IndexRune(got, r); i <= at {
				t.Errorf("%s is not in the order of %s", got, part)
			} else {
				at = i
			}
		}
	}
	k.keep("a", "a", "f")
	if got := k.all(); len(got) != 6 {
		t.Errorf("of a circle: %q", got)
	}
}

// TestRedactor: the same becomes the same, ids stay, and what differs still does.
func TestRedactor(t *testing.T) {
	t.Parallel()
	var rec Recorder
	for _, id := range []string{"11", "acme", "bela@example.org"} {
		rec.companies.keep(id, rightful.Company{ID: id}, "")
	}
	r := NewRedactor(&rec)
	for text, want := range map[string]string{
		"": "", "11": "11", "999": "999", " 04": " 04", "+4": "+4", "acme": "acme", "cus_A1": "cus_A1", "sub_sched_1": "sub_sched_1",
		"0C6C1B0E-1b7c-4a53-9f0e-3b2f1c9d7a11": "0C6C1B0E-1b7c-4a53-9f0e-3b2f1c9d7a11",
	} {
		if got := r.Text(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"Acme", "4abc", "Bela <bela@example.net>", "+55 11 91234-5678 000", "cus_é", "secret"} {
		if got := r.Text(text); got == text || strings.Contains(got, "bela") || r.Text(text) != got {
			t.Errorf("%q became %q", text, got)
		}
	}
	seen := map[string]string{}
	for _, email := range []string{"bela@example.net", "Bela@example.net", "BELA@example.net", "bela+x@example.net", "dora@example.net"} {
		got := r.Email(email)
		if strings.Contains(strings.ToLower(got), "bela") || seen[got] != "" || r.Email(email) != got || !strings.HasSuffix(strings.ToLower(got), "@example.com") {
			t.Errorf("%s became %s, as %s did", email, got, seen[got])
		}
		seen[got] = email
	}
	if a, b := r.Email("bela@example.net"), r.Email("BELA@example.net"); strings.ToLower(b) != a || a == b {
		t.Errorf("%s and %s", a, b)
	}
	if got := r.ID("bela@example.org"); got != r.Email("bela@example.org") || r.Text("bela@example.org") != got {
		t.Errorf("an id that is an address became %s", got)
	}
	pending := []*regexp.Regexp{regexp.MustCompile("^pending_")}
	if got := r.customer("pending_bela@example.net", pending); !strings.HasPrefix(got, "pending_") || strings.Contains(got, "bela") {
		t.Errorf("a placeholder became %q", got)
	}
	if got := r.customer("Bela's customer", pending); !strings.HasPrefix(got, "text-") {
		t.Errorf("what is no customer became %q", got)
	}
	var none *Redactor
	if none.Text("x y") != "x y" || none.Email("e@example.com") != "e@example.com" || none.ID("i") != "i" {
		t.Error("without a redactor something is replaced")
	}
	if diff := cmp.Diff(map[string]string{"company_id": "11", "note": r.Text("secret")}, r.Metadata(map[string]string{"company_id": "11", "note": "secret"}), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}
