package mirror_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"rightful"
	"rightful/internal/source/mirror"
	"rightful/internal/source/sourcetest"
)

// someText draws texts that Stripe returns, and such as a buyer may have typed.
func someText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.Just(""),
		rapid.StringMatching(`[a-z]{2,4}_[A-Za-z0-9]{1,14}`),
		rapid.StringN(0, 20, -1), // any runes
		rapid.SampledFrom([]string{"\x00", "a\x00b", "\x7f", "\x7fZm9v", "\xff\xfe", "é\xff", "日本", "4' OR 1=1", `"`, " ", "%", "$1", "?1"}),
	)
}

func someWhole() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(-10, 2_000_000_000), rapid.Int64())
}

// someMetadata draws pairs whose keys carry identity.
func someMetadata() *rapid.Generator[map[string]string] {
	return rapid.MapOfN(rapid.SampledFrom([]string{"company_id", "org_id", "user_id", "app", "Company_ID", "tenant", "workspaceId"}), someText(), 0, 4)
}

// someObject draws any object of an account, the odd ones too: a customer with a
// payer, a session that is its own.
func someObject() *rapid.Generator[rightful.Object] {
	return rapid.Custom(func(t *rapid.T) rightful.Object {
		text := func(label string) string { return someText().Draw(t, label) }
		whole := func(label string) int64 { return someWhole().Draw(t, label) }
		flag := func(label string) bool { return rapid.Bool().Draw(t, label) }
		o := rightful.Object{
			Account: "acct_1", Livemode: true, Type: rapid.SampledFrom(rightful.StripeTypes()).Draw(t, "type"),
			ID: rapid.OneOf(rapid.SampledFrom([]string{"a_1", "a_2", "a_3"}), someText().Filter(func(s string) bool { return s != "" })).Draw(t, "id"), Created: whole("created"), Metadata: someMetadata().Draw(t, "metadata"),
		}
		if flag("full") {
			o.SubscriptionID, o.PaymentIntentID, o.PaymentLink, o.ClientReferenceID = text("subscription"), text("intent"), text("link"), text("reference")
			o.Email, o.Mode, o.Status, o.PaymentStatus, o.ReturnsTo, o.TestClock = text("email"), text("mode"), text("status"), text("payment status"), text("returns"), text("clock")
			o.ExpiresAt, o.EndedAt, o.Balance, o.AmountPaid = whole("expires"), whole("ended"), whole("balance"), whole("paid")
			o.Ending, o.HasSchedule, o.HasPendingUpdate, o.HasSavedMethod = flag("ending"), flag("schedule"), flag("pending"), flag("method")
			o.Snapshot = someMetadata().Draw(t, "snapshot")
			for i := range rapid.IntRange(0, 3).Draw(t, "items") {
				at := fmt.Sprint("item", i)
				o.Items = append(o.Items, rightful.Item{PriceID: text(at), ProductID: text(at), UnitAmount: whole(at), Currency: text(at), Interval: text(at), IntervalCount: whole(at), Quantity: whole(at)})
			}
			for i := range rapid.IntRange(0, 3).Draw(t, "phases") {
				at := fmt.Sprint("phase", i)
				o.Phases = append(o.Phases, rightful.Phase{Start: whole(at), End: whole(at), Metadata: someMetadata().Draw(t, at)})
			}
		}
		o.StripeCustomerID = rapid.OneOf(someText(), rapid.SampledFrom([]string{"cus_1", "a_1", o.ID})).Draw(t, "payer")
		return o
	})
}

// TestObjectsComeBack keeps any objects and reads them by every way.
func TestObjectsComeBack(t *testing.T) {
	onBoth(t, func(t *testing.T, address func(*testing.T) string) {
		m := open(t, address(t))
		keys := sourcetest.StripeKeys()
		asOf := int64(0)
		rapid.Check(t, func(r *rapid.T) {
			a := m.Of("acct_1", true, keys)
			objects := rapid.SliceOfNDistinct(someObject(), 1, 6, func(o rightful.Object) string { return string(o.Type) + " " + o.ID }).Draw(r, "objects")
			asOf++
			page := rightful.MirrorPage{}
			for _, o := range objects {
				page.Objects = append(page.Objects, rightful.MirrorObject{Object: o, AsOf: asOf, Exists: rightful.ExistsPresent})
			}
			if err := a.Keep(t.Context(), []rightful.MirrorPage{page}); err != nil {
				r.Fatal(err)
			}
			same := func(how string, want, got rightful.Object) {
				r.Helper()
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					r.Errorf("%s (-want +got):\n%s", how, diff)
				}
			}
			for _, want := range objects {
				got, exists, err := a.Get(t.Context(), want.Type, want.ID)
				if err != nil || exists != rightful.ExistsPresent {
					r.Fatalf("get: %v, %v", exists, err)
				}
				same("get", want, got)
				for how, q := range map[string]rightful.ListQuery{
					"customer": {StripeCustomerID: want.StripeCustomerID}, "email": {Email: want.Email},
					"subscription": {SubscriptionID: want.SubscriptionID}, "intent": {PaymentIntentID: want.PaymentIntentID},
				} {
					if q == (rightful.ListQuery{}) || want.Type == rightful.TypeCustomer && how == "customer" || want.Type == rightful.TypePaymentMethod && how != "customer" {
						continue
					}
					q.Type = want.Type
					found := false
					for o, err := range a.List(t.Context(), q) {
						if err != nil {
							r.Fatal(err)
						}
						if o.ID == want.ID {
							found = true
							same("list by "+how, want, o)
						}
					}
					if !found {
						r.Errorf("%s %q is not listed by %s", want.Type, want.ID, how)
					}
				}
			}
			streamed := map[string]rightful.Object{}
			for part, err := range a.Families(t.Context(), 0, 1) {
				if err != nil {
					r.Fatal(err)
				}
				for _, o := range part.Objects {
					streamed[string(o.Type)+" "+o.ID] = o
				}
			}
			for _, want := range objects {
				same("families", want, streamed[string(want.Type)+" "+want.ID])
			}
		})
	})
}

// TestEachFieldIsNews changes one field at a time.
func TestEachFieldIsNews(t *testing.T) {
	onBoth(t, func(t *testing.T, address func(*testing.T) string) {
		a := open(t, address(t)).Of("acct_1", true, sourcetest.StripeKeys())
		asOf := int64(0)
		keep := func(o rightful.Object) {
			t.Helper()
			asOf++
			if err := a.Keep(t.Context(), []rightful.MirrorPage{{Objects: []rightful.MirrorObject{{Object: o, AsOf: asOf, Exists: rightful.ExistsPresent}}}}); err != nil {
				t.Fatal(err)
			}
			if got, _, err := a.Get(t.Context(), o.Type, o.ID); err != nil || !cmp.Equal(o, got, cmpopts.EquateEmpty()) {
				t.Errorf("%v (-want +got):\n%s", err, cmp.Diff(o, got))
			}
		}
		o := rightful.Object{Account: "acct_1", Livemode: true, Type: rightful.TypeSubscription, ID: "sub_1"}
		keep(o)
		for field, value := range reflect.ValueOf(&o).Elem().Fields() {
			if slices.Contains([]string{"Account", "Livemode", "Type", "ID", "Deleted"}, field.Name) {
				continue
			}
			switch value.Kind() {
			case reflect.String:
				value.SetString("x")
			case reflect.Int64:
				value.SetInt(7)
			case reflect.Bool:
				value.SetBool(true)
			case reflect.Map:
				value.Set(reflect.ValueOf(map[string]string{"org_id": "x"}))
			case reflect.Slice:
				value.Set(reflect.MakeSlice(value.Type(), 1, 1))
			default:
				t.Fatalf("a field of a new sort: %s", field.Name)
			}
			keep(o)
		}
		for _, key := range []string{"company_id", "user_id"} {
			for _, v := range []string{"", "4", "5"} {
				o.Metadata = maps.Clone(o.Metadata)
				o.Metadata[key] = v
				keep(o)
			}
		}
	})
}

// TestFamilies streams families in shards: each once, whole, and its customer first.
func TestFamilies(t *testing.T) {
	onBoth(t, func(t *testing.T, address func(*testing.T) string) {
		m := open(t, address(t))
		a := m.Of("acct_1", true, sourcetest.StripeKeys())
		if err := m.Of("acct_2", true, sourcetest.StripeKeys()).Keep(t.Context(), []rightful.MirrorPage{{Objects: []rightful.MirrorObject{
			{Object: rightful.Object{Account: "acct_2", Livemode: true, Type: rightful.TypeCustomer, ID: "cus_other"}, Exists: rightful.ExistsPresent}}}}); err != nil {
			t.Fatal(err)
		}
		const families, hub = 300, 2500
		page := rightful.MirrorPage{}
		add := func(typ rightful.ObjectType, id, customer string, exists rightful.Existence) {
			page.Objects = append(page.Objects, rightful.MirrorObject{Object: rightful.Object{Account: "acct_1", Livemode: true, Type: typ, ID: id, StripeCustomerID: customer}, AsOf: 1, Exists: exists})
		}
		want := map[string]int{"cus_hub": hub, "cs_guest": 1, "cus_unseen": 1, "cus_deleted": 1, "cus_missing": 0}
		for i := range families {
			id := fmt.Sprintf("cus_%d", i)
			add(rightful.TypeCustomer, id, "", rightful.ExistsPresent)
			add(rightful.TypeSubscription, fmt.Sprintf("sub_%d", i), id, rightful.ExistsPresent)
			want[id] = 2
		}
		for i := range hub {
			add(rightful.TypeSession, fmt.Sprintf("cs_%d", i), "cus_hub", rightful.ExistsPresent)
		}
		add(rightful.TypeSession, "cs_guest", "", rightful.ExistsPresent)
		add(rightful.TypeSession, "cs_unseen", "cus_unseen", rightful.ExistsPresent)
		add(rightful.TypeSession, "cs_deleted", "cus_deleted", rightful.ExistsPresent)
		add(rightful.TypeCustomer, "cus_deleted", "", rightful.ExistsDeleted)
		add(rightful.TypeCustomer, "cus_missing", "", rightful.ExistsMissing)
		if err := a.Keep(t.Context(), []rightful.MirrorPage{page}); err != nil {
			t.Fatal(err)
		}
		exists := func(key string) rightful.Existence {
			switch key {
			case "cus_deleted":
				return rightful.ExistsDeleted
			case "cus_missing":
				return rightful.ExistsMissing
			case "cus_hub", "cus_unseen", "cs_guest":
				return rightful.ExistsUnknown
			}
			return rightful.ExistsPresent
		}
		for _, of := range []int{1, 2, 3, 7} {
			got := map[string]int{}
			for shard := range of {
				size, more, parts := 0, "", map[string]bool{}
				for part, err := range a.Families(t.Context(), shard, of) {
					if err != nil {
						t.Fatal(err)
					}
					if more != "" && part.Key != more || more == "" && parts[part.Key] {
						t.Errorf("%d of %d: %s comes in between", shard, of, part.Key)
					}
					if len(part.Objects) > 1000 || part.More && len(part.Objects) != 1000 {
						t.Errorf("a part of %d objects, more: %v", len(part.Objects), part.More)
					}
					if part.Customer != exists(part.Key) {
						t.Errorf("%s: customer %v", part.Key, part.Customer)
					}
					if _, is := got[part.Key]; !is && exists(part.Key) == rightful.ExistsPresent && part.Objects[0].Type != rightful.TypeCustomer {
						t.Errorf("%s begins with %s", part.Key, part.Objects[0].ID)
					}
					parts[part.Key] = true
					got[part.Key] += len(part.Objects)
					size += len(part.Objects)
					if more = ""; part.More {
						more = part.Key
					}
				}
				if of == 2 && size < families/2 {
					t.Errorf("shard %d of %d has %d objects", shard, of, size)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%d shards (-want +got):\n%s", of, diff)
			}
		}
		var asked []string
		few := map[string]int{}
		for part, err := range a.FamiliesOf(t.Context(), []string{"cus_7", "cus_nowhere", "cus_hub", "cs_guest", "cus_other", "cus_missing", "cus_deleted"}) {
			if err != nil || part.Customer != exists(part.Key) {
				t.Fatalf("%+v, %v", part, err)
			}
			if few[part.Key] == 0 {
				asked = append(asked, part.Key)
			}
			few[part.Key] += len(part.Objects)
		}
		if diff := cmp.Diff([]string{"cus_7", "cus_hub", "cs_guest", "cus_missing", "cus_deleted"}, asked); diff != "" || few["cus_7"] != 2 || few["cus_hub"] != hub {
			t.Errorf("asked for by their keys: %v (-want +got):\n%s", few, diff)
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for range 40 { // stopping early leaves no connection behind: there are fewer
			for _, err := range a.Families(soon, 0, 1) {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
			for _, err := range a.FamiliesOf(soon, []string{"cus_1", "cus_2"}) {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
		}
		for _, bad := range [][2]int{{0, 0}, {1, 1}, {-1, 2}, {0, 1 << 20}} {
			for part, err := range a.Families(t.Context(), bad[0], bad[1]) {
				if rightful.KindOf(err) != rightful.KindInvalid || part.Key != "" {
					t.Errorf("shard %v: %+v, %v", bad, part, err)
				}
			}
		}
	})
}

// TestSlotsStay pins where families lie: another hash would not find them.
func TestSlotsStay(t *testing.T) {
	t.Parallel()
	for family, want := range map[string]int64{"": 714, "cus_NffrFeUfNV2Hib": 2873, "cs_test_a1": 1375} {
		if got := mirror.SlotOf(family); got != want {
			t.Errorf("%q lies in %d, not %d", family, got, want)
		}
	}
	counts := map[int64]int{}
	for i := range 1 << 16 {
		counts[mirror.SlotOf(fmt.Sprintf("cus_%014d", i))]++
	}
	for slot, n := range counts {
		if n > 64 {
			t.Errorf("slot %d has %d of 65536 families", slot, n)
		}
	}
	if len(counts) < 4000 {
		t.Errorf("%d slots are used", len(counts))
	}
}

// FuzzRest reads packed fields that nobody packed.
func FuzzRest(f *testing.F) {
	f.Add([]byte{1, 2, 'a', 'b'})
	f.Add([]byte{13, 0xfe, 0xff, 0xff, 0xff, 0x0f})
	f.Add([]byte{2, 4, 1, 'a'})
	f.Fuzz(func(t *testing.T, raw []byte) {
		o, err := mirror.Unpack(raw)
		if err == nil && len(raw) > 0 && len(o.Items)+len(o.Phases) > len(raw) {
			t.Errorf("%d bytes became %d items and %d phases", len(raw), len(o.Items), len(o.Phases))
		}
	})
}

// TestStrangeFields says which part of a file was not written by this code.
func TestStrangeFields(t *testing.T) {
	t.Parallel()
	m := open(t, "sqlite:"+filepath.Join(t.TempDir(), "mirror.db"))
	a := m.Of("acct_1", true, sourcetest.StripeKeys())
	if err := a.Keep(t.Context(), []rightful.MirrorPage{{Objects: []rightful.MirrorObject{
		{Object: rightful.Object{Account: "acct_1", Livemode: true, Type: rightful.TypeCustomer, ID: "cus_1", Balance: 5}, Exists: rightful.ExistsPresent}}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.DB().ExecContext(t.Context(), `UPDATE object SET rest = x'ee01'`); err != nil {
		t.Fatal(err)
	}
	if _, exists, err := a.Get(t.Context(), rightful.TypeCustomer, "cus_1"); rightful.KindOf(err) != rightful.KindUnavailable || exists != rightful.ExistsUnknown {
		t.Errorf("get: %v, %v", exists, err)
	}
	for part, err := range a.Families(t.Context(), 0, 1) {
		if rightful.KindOf(err) != rightful.KindUnavailable || part.Key != "" {
			t.Errorf("families: %+v, %v", part, err)
		}
	}
}
