package sourcetest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"rightful"
)

// OpenMirror opens the mirror of an account in the mirror of a test.
type OpenMirror func(account string, livemode bool, keys rightful.KeySet) rightful.MirrorStore

// TestMirror checks the contract of rightful.MirrorStore, beyond that of
// rightful.StripeReader: run TestStripe on what it holds too. open returns an empty
// mirror; what it opens twice for one account is the same mirror.
func TestMirror(t *testing.T, open func(t *testing.T) OpenMirror) {
	for name, test := range map[string]func(*testing.T, OpenMirror){
		"nothing yet":     testMirrorEmpty,
		"pass":            testMirrorPass,
		"resumed":         testMirrorResumed,
		"later wins":      testMirrorLater,
		"gone":            testMirrorGone,
		"moved":           testMirrorMoved,
		"unseen":          testMirrorUnseen,
		"follow":          testMirrorFollow,
		"replaced":        testMirrorReplaced,
		"all or nothing":  testMirrorAtomic,
		"keys":            testMirrorKeys,
		"accounts":        testMirrorAccounts,
		"drop":            testMirrorDrop,
		"refused":         testMirrorRefused,
		"many at a time":  testMirrorTogether,
		"least data":      testMirrorLeast,
		"pages of a list": testMirrorPages,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// mirrored is an object of the suite's account as it stood at a time.
func mirrored(typ rightful.ObjectType, id string, created, asOf int64, change ...func(*rightful.Object)) rightful.MirrorObject {
	o := rightful.MirrorObject{
		Object: rightful.Object{Account: stripeAccount, Livemode: true, Type: typ, ID: id, Created: created}, AsOf: asOf, Exists: rightful.ExistsPresent,
	}
	for _, c := range change {
		c(&o.Object)
	}
	return o
}

// tombstone says that an object was not there at a time.
func tombstone(typ rightful.ObjectType, id string, asOf int64, exists rightful.Existence) rightful.MirrorObject {
	return rightful.MirrorObject{Object: rightful.Object{Type: typ, ID: id}, AsOf: asOf, Exists: exists}
}

func status(s string) func(*rightful.Object) { return func(o *rightful.Object) { o.Status = s } }

func payer(id string) func(*rightful.Object) {
	return func(o *rightful.Object) { o.StripeCustomerID = id }
}

func stamped(key, value string) func(*rightful.Object) {
	return func(o *rightful.Object) {
		if o.Metadata == nil {
			o.Metadata = map[string]string{}
		}
		o.Metadata[key] = value
	}
}

func pageOf(pass int64, objects ...rightful.MirrorObject) rightful.MirrorPage {
	return rightful.MirrorPage{Pass: pass, Objects: objects}
}

func mustKeep(t *testing.T, m rightful.MirrorStore, pages ...rightful.MirrorPage) {
	t.Helper()
	if err := m.Keep(t.Context(), pages); err != nil {
		t.Fatal(err)
	}
}

func mustBegin(t *testing.T, m rightful.MirrorStore, typ rightful.ObjectType, started int64, windows ...rightful.MirrorWindow) rightful.MirrorPass {
	t.Helper()
	p, err := m.Begin(t.Context(), typ, started, windows)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustEnd(t *testing.T, m rightful.MirrorStore, pass, ended int64) {
	t.Helper()
	if err := m.End(t.Context(), pass, ended); err != nil {
		t.Fatal(err)
	}
}

// partOf returns what the mirror knows of one list.
func partOf(t *testing.T, m rightful.MirrorStore, typ rightful.ObjectType) rightful.MirrorPart {
	t.Helper()
	parts, err := m.Parts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var types []rightful.ObjectType
	for _, p := range parts {
		types = append(types, p.Type)
	}
	if !slices.Equal(types, rightful.ListedTypes()) {
		t.Fatalf("parts of %v", types)
	}
	return parts[slices.Index(types, typ)]
}

func mustPart(t *testing.T, m rightful.MirrorStore, want rightful.MirrorPart) {
	t.Helper()
	if got := partOf(t, m, want.Type); !reflect.DeepEqual(got, want) {
		t.Errorf("part:\ngot  %+v\nwant %+v", got, want)
	}
}

func mustList(t *testing.T, m rightful.MirrorStore, q rightful.ListQuery, want string) {
	t.Helper()
	objects, err := all(t.Context(), m, q)
	if err != nil {
		t.Fatal(err)
	}
	if got := idsOf(objects); got != want {
		t.Errorf("%+v: got %q, want %q", q, got, want)
	}
}

func idsOf(objects []rightful.Object) string {
	var ids []string
	for _, o := range objects {
		ids = append(ids, o.ID)
	}
	return strings.Join(ids, " ")
}

func mustGet(t *testing.T, m rightful.MirrorStore, typ rightful.ObjectType, id string, exists rightful.Existence, want rightful.Object) {
	t.Helper()
	got, is, err := m.Get(t.Context(), typ, id)
	if err != nil || is != exists || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %v, %v\ngot  %+v\nwant %v, %+v", id, is, err, got, exists, want)
	}
}

func unseen(ctx context.Context, m rightful.MirrorStore, pass int64) (ids []string, err error) {
	for id, err := range m.Unseen(ctx, pass) {
		if err != nil {
			return ids, err
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, nil
}

func mustUnseen(t *testing.T, m rightful.MirrorStore, pass int64, want string) {
	t.Helper()
	ids, err := unseen(t.Context(), m, pass)
	if got := strings.Join(ids, " "); err != nil || got != want {
		t.Errorf("unseen: got %q, %v; want %q", got, err, want)
	}
}

func mirrorOf(open OpenMirror) rightful.MirrorStore { return open(stripeAccount, true, StripeKeys()) }

func testMirrorEmpty(t *testing.T, open OpenMirror) {
	m := mirrorOf(open)
	for _, typ := range rightful.ListedTypes() {
		mustPart(t, m, rightful.MirrorPart{Type: typ})
		mustList(t, m, rightful.ListQuery{Type: typ}, "")
	}
	mustGet(t, m, rightful.TypeCustomer, "cus_1", rightful.ExistsUnknown, rightful.Object{})
	if found, err := m.Search(t.Context(), rightful.TypeCustomer, "company_id", "4"); err != nil || len(found) > 0 {
		t.Errorf("search: %v, %v", found, err)
	}
	if err := m.Drop(t.Context()); err != nil {
		t.Errorf("drop: %v", err)
	}
	if err := m.Keep(t.Context(), nil); err != nil {
		t.Errorf("keep: %v", err)
	}
}

func testMirrorLater(t *testing.T, open OpenMirror) {
	m := mirrorOf(open)
	const typ = rightful.TypeSubscription
	is := func(want string) {
		t.Helper()
		mustGet(t, m, typ, "sub_1", rightful.ExistsPresent, mirrored(typ, "sub_1", 100, 0, payer("cus_1"), status(want)).Object)
	}
	at := func(asOf int64, s string) rightful.MirrorObject {
		return mirrored(typ, "sub_1", 100, asOf, payer("cus_1"), status(s))
	}
	mustKeep(t, m, pageOf(0, at(10, "trialing")))
	is("trialing")
	mustKeep(t, m, pageOf(0, at(9, "incomplete")))
	is("trialing")
	mustKeep(t, m, pageOf(0, at(10, "active")))
	is("active")
	mustKeep(t, m, pageOf(0, at(11, "paused")))
	is("paused")
	mustKeep(t, m, pageOf(0, at(13, "active"), at(12, "unpaid")), pageOf(0, at(13, "past_due"), at(11, "trialing")))
	is("past_due")
	mustPart(t, m, rightful.MirrorPart{Type: typ, Objects: 1})
	// A state that was kept again stood so later: what is older stays out.
	mustKeep(t, m, pageOf(0, at(20, "past_due")))
	mustKeep(t, m, pageOf(0, at(15, "canceled")))
	is("past_due")
}

func testMirrorGone(t *testing.T, open OpenMirror) {
	m := mirrorOf(open)
	const typ = rightful.TypeCustomer
	mustKeep(t, m, pageOf(0, mirrored(typ, "cus_1", 100, 10, stamped("company_id", "4")), mirrored(typ, "cus_2", 100, 10), mirrored(typ, "cus_3", 100, 10),
		mirrored(rightful.TypeSubscription, "sub_1", 200, 10, payer("cus_1"), stamped("company_id", "4"))))
	stub := mirrored(typ, "cus_1", 0, 20)
	stub.Deleted = true // as Stripe returns it
	mustKeep(t, m, pageOf(0, stub, tombstone(typ, "cus_2", 20, rightful.ExistsMissing), tombstone(typ, "cus_3", 9, rightful.ExistsDeleted), tombstone(typ, "cus_4", 20, rightful.ExistsDeleted)))
	deleted := func(id string) rightful.Object {
		return rightful.Object{Account: stripeAccount, Livemode: true, Type: typ, ID: id, Deleted: true}
	}
	mustGet(t, m, typ, "cus_1", rightful.ExistsDeleted, deleted("cus_1"))
	mustGet(t, m, typ, "cus_2", rightful.ExistsMissing, rightful.Object{})
	mustGet(t, m, typ, "cus_3", rightful.ExistsPresent, mirrored(typ, "cus_3", 100, 0).Object)
	mustGet(t, m, typ, "cus_4", rightful.ExistsDeleted, deleted("cus_4"))
	mustGet(t, m, typ, "cus_5", rightful.ExistsUnknown, rightful.Object{})
	mustList(t, m, rightful.ListQuery{Type: typ}, "cus_3")
	mustPart(t, m, rightful.MirrorPart{Type: typ, Objects: 1})
	if found, err := m.Search(t.Context(), typ, "company_id", "4"); err != nil || len(found) > 0 {
		t.Errorf("found %+v, %v", found, err)
	}
	// What was older does not bring it back, and what is newer does.
	mustKeep(t, m, pageOf(0, mirrored(typ, "cus_1", 100, 15), mirrored(typ, "cus_2", 100, 21)))
	mustGet(t, m, typ, "cus_1", rightful.ExistsDeleted, deleted("cus_1"))
	mustGet(t, m, typ, "cus_2", rightful.ExistsPresent, mirrored(typ, "cus_2", 100, 0).Object)
	mustPart(t, m, rightful.MirrorPart{Type: typ, Objects: 2})
	mustKeep(t, m, pageOf(0, tombstone(rightful.TypeSubscription, "sub_1", 30, rightful.ExistsMissing)))
	mustGet(t, m, rightful.TypeSubscription, "sub_1", rightful.ExistsMissing, rightful.Object{})
	mustList(t, m, rightful.ListQuery{Type: rightful.TypeSubscription, StripeCustomerID: "cus_1"}, "")
	mustPart(t, m, rightful.MirrorPart{Type: rightful.TypeSubscription})
}

// testMirrorMoved gives an object a payer that it had not, and another one.
func testMirrorMoved(t *testing.T, open OpenMirror) {
	m := mirrorOf(open)
	const typ = rightful.TypeSession
	mustKeep(t, m, pageOf(0, mirrored(typ, "cs_1", 100, 10)))
	for i, to := range []string{"cus_1", "cus_2", "", "cus_1"} {
		asOf := int64(20 + i)
		mustKeep(t, m, pageOf(0, mirrored(typ, "cs_1", 100, asOf, payer(to))))
		mustGet(t, m, typ, "cs_1", rightful.ExistsPresent, mirrored(typ, "cs_1", 100, 0, payer(to)).Object)
		mustList(t, m, rightful.ListQuery{Type: typ}, "cs_1")
		mustKeep(t, m, pageOf(0, mirrored(typ, "cs_1", 100, asOf-1, payer("cus_9"))))
		for _, c := range []string{"cus_1", "cus_2", "cus_9", "cs_1"} {
			want := ""
			if c == to {
				want = "cs_1"
			}
			mustList(t, m, rightful.ListQuery{Type: typ, StripeCustomerID: c}, want)
		}
		mustPart(t, m, rightful.MirrorPart{Type: typ, Objects: 1})
	}
}

// testMirrorLeast keeps metadata that nobody asked for.
func testMirrorLeast(t *testing.T, open OpenMirror) {
	m := mirrorOf(open)
	private := map[string]string{"company_id": "4", "note": "private", "": "private"}
	o := mirrored(rightful.TypeSchedule, "sub_sched_1", 100, 1000)
	o.Metadata, o.Snapshot = private, private
	o.Phases = []rightful.Phase{{Start: 1, Metadata: private}, {Start: 2, Metadata: map[string]string{"note": "private"}}}
	mustKeep(t, m, pageOf(0, o))
	want := o.Object
	own := map[string]string{"company_id": "4"}
	want.Metadata, want.Snapshot = own, own
	want.Phases = []rightful.Phase{{Start: 1, Metadata: own}, {Start: 2}}
	mustGet(t, m, rightful.TypeSchedule, "sub_sched_1", rightful.ExistsPresent, want)
	if len(private) != 3 || len(o.Phases[1].Metadata) != 1 {
		t.Error("what was handed over was changed")
	}
}

// testMirrorPages lists more than any page holds, most of them of one second and one
// customer.
func testMirrorPages(t *testing.T, open OpenMirror) {
	m := mirrorOf(open)
	const typ, n = rightful.TypeSession, 1500
	objects := []rightful.MirrorObject{mirrored(typ, "cs_first", 1000, 1), mirrored(typ, "cs_last", 3000, 1)}
	for i := range n {
		objects = append(objects, mirrored(typ, fmt.Sprintf("cs_%04d", i), 2000+int64(i/700), 1, payer("cus_hub")))
	}
	p := mustBegin(t, m, typ, 5000)
	mustKeep(t, m, pageOf(p.ID, objects...))
	for _, q := range []rightful.ListQuery{{Type: typ}, {Type: typ, StripeCustomerID: "cus_hub"}, {Type: typ, CreatedFrom: 2000, CreatedTo: 3000}} {
		listed, err := all(t.Context(), m, q)
		want := n
		if q == (rightful.ListQuery{Type: typ}) {
			want = n + 2
		}
		ids := map[string]bool{}
		for _, o := range listed {
			ids[o.ID] = true
		}
		if err != nil || len(listed) != want || len(ids) != want {
			t.Errorf("%+v: %d objects, %d distinct, %v", q, len(listed), len(ids), err)
		}
		if !slices.IsSortedFunc(listed, func(a, b rightful.Object) int { return int(b.Created - a.Created) }) {
			t.Errorf("%+v: not newest first", q)
		}
	}
	mustEnd(t, m, p.ID, 5001)
	next := mustBegin(t, m, typ, 6000)
	if ids, err := unseen(t.Context(), m, next.ID); err != nil || len(ids) != n+2 || len(slices.Compact(ids)) != n+2 {
		t.Errorf("%d unseen, %v", len(ids), err)
	}
}
