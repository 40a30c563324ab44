package sourcetest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
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

func testMirrorPass(t *testing.T, open OpenMirror) {
	m := mirrorOf(open)
	const typ = rightful.TypeCustomer
	windows := []rightful.MirrorWindow{{ID: 1, From: 0, To: 500}, {ID: 2, From: 500, To: 1000}}
	p := mustBegin(t, m, typ, 1000, windows...)
	if p.ID == 0 || p.Type != typ || p.Started != 1000 || p.Ended != 0 || p.Pages != 0 || p.Objects != 0 || !reflect.DeepEqual(p.Windows, windows) {
		t.Errorf("begun: %+v", p)
	}
	mustPart(t, m, rightful.MirrorPart{Type: typ, Pass: &p})

	mustKeep(t, m,
		rightful.MirrorPage{Pass: p.ID, Objects: []rightful.MirrorObject{mirrored(typ, "cus_2", 700, 1000)}, Windows: []rightful.MirrorWindow{{ID: 2, From: 500, To: 1000, After: "cus_2", AfterCreated: 700}}},
		rightful.MirrorPage{Pass: p.ID, Objects: []rightful.MirrorObject{mirrored(typ, "cus_1", 100, 1000), mirrored(typ, "cus_0", 100, 1000)}, Windows: []rightful.MirrorWindow{{ID: 1, From: 0, To: 500, After: "cus_0", AfterCreated: 100, Done: true}}},
	)
	// An idle worker takes half of the window that is left.
	mustKeep(t, m, rightful.MirrorPage{Pass: p.ID, Windows: []rightful.MirrorWindow{{ID: 2, From: 600, To: 1000, After: "cus_2", AfterCreated: 700}, {ID: 3, From: 500, To: 600}}})
	want := p
	want.Pages, want.Objects = 3, 3
	want.Windows = []rightful.MirrorWindow{
		{ID: 1, From: 0, To: 500, After: "cus_0", AfterCreated: 100, Done: true}, {ID: 2, From: 600, To: 1000, After: "cus_2", AfterCreated: 700}, {ID: 3, From: 500, To: 600},
	}
	mustPart(t, m, rightful.MirrorPart{Type: typ, Objects: 3, Pass: &want})
	if err := m.End(t.Context(), p.ID, 2000); rightful.KindOf(err) != rightful.KindInvalid {
		t.Errorf("a pass with a window that is not done ended: %v", err)
	}
	mustKeep(t, m, rightful.MirrorPage{Pass: p.ID, Windows: []rightful.MirrorWindow{{ID: 2, From: 600, To: 1000, Done: true}, {ID: 3, From: 500, To: 600, Done: true}}})
	mustEnd(t, m, p.ID, 2000)
	mustPart(t, m, rightful.MirrorPart{Type: typ, Objects: 3, Full: 1000, Followed: 1000})
	mustPart(t, m, rightful.MirrorPart{Type: rightful.TypeSession})

	again := mustBegin(t, m, typ, 3000)
	if again.ID <= p.ID || again.Started != 3000 || again.Pages != 0 || len(again.Windows) != 0 {
		t.Errorf("begun again: %+v", again)
	}
	mustPart(t, m, rightful.MirrorPart{Type: typ, Objects: 3, Full: 1000, Followed: 1000, Pass: &again})
}

func testMirrorResumed(t *testing.T, open OpenMirror) {
	m := mirrorOf(open)
	const typ = rightful.TypeSession
	p := mustBegin(t, m, typ, 1000, rightful.MirrorWindow{ID: 1, To: 1000})
	mustKeep(t, m, rightful.MirrorPage{Pass: p.ID, Objects: []rightful.MirrorObject{mirrored(typ, "cs_1", 500, 1000)}, Windows: []rightful.MirrorWindow{{ID: 1, To: 1000, After: "cs_1", AfterCreated: 500}}})
	got := mustBegin(t, mirrorOf(open), typ, 2000, rightful.MirrorWindow{ID: 7, To: 2000}, rightful.MirrorWindow{ID: 8, To: 2000})
	want := rightful.MirrorPass{ID: p.ID, Type: typ, Started: 1000, Pages: 1, Objects: 1, Windows: []rightful.MirrorWindow{{ID: 1, To: 1000, After: "cs_1", AfterCreated: 500}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
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

func testMirrorUnseen(t *testing.T, open OpenMirror) {
	m := mirrorOf(open)
	const typ = rightful.TypeCustomer
	var before []rightful.MirrorObject
	for _, id := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		before = append(before, mirrored(typ, "cus_"+id, 100, 10))
	}
	mustKeep(t, m, pageOf(0, before...), pageOf(0, mirrored(rightful.TypeSubscription, "sub_a", 100, 10, payer("cus_a")), tombstone(typ, "cus_gone", 10, rightful.ExistsDeleted)))
	p := mustBegin(t, m, typ, 1000)
	mustUnseen(t, m, p.ID, "cus_a cus_b cus_c cus_d cus_e cus_f cus_g")
	mustKeep(t, m, pageOf(p.ID,
		mirrored(typ, "cus_a", 100, 1000), // as it was
		mirrored(typ, "cus_b", 100, 1000, status("changed")),
		mirrored(typ, "cus_c", 100, 5, status("older than what is there")),
		mirrored(typ, "cus_new", 999, 1000)))
	if err := m.Follow(t.Context(), []rightful.MirrorObject{mirrored(typ, "cus_d", 100, 1100)}, 1100); err != nil {
		t.Fatal(err)
	}
	mustKeep(t, m, pageOf(0, mirrored(typ, "cus_e", 100, 1100), tombstone(typ, "cus_f", 1100, rightful.ExistsDeleted), mirrored(typ, "cus_after", 1000, 1100)))
	mustUnseen(t, m, p.ID, "cus_g")
	mustGet(t, m, typ, "cus_c", rightful.ExistsPresent, mirrored(typ, "cus_c", 100, 0).Object)
	mustKeep(t, m, pageOf(0, tombstone(typ, "cus_g", 1100, rightful.ExistsMissing)))
	mustUnseen(t, m, p.ID, "")
	mustEnd(t, m, p.ID, 1200)
	// Another pass of another list makes nothing unseen here.
	other := mustBegin(t, m, rightful.TypeSubscription, 2000)
	mustUnseen(t, m, other.ID, "sub_a")
	next := mustBegin(t, m, typ, 2000)
	mustUnseen(t, m, next.ID, "cus_a cus_after cus_b cus_c cus_d cus_e cus_new")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := unseen(gone, m, next.ID); err == nil {
		t.Error("a cancelled look at what is unseen said nothing")
	}
	if _, err := unseen(t.Context(), m, next.ID+1); rightful.KindOf(err) != rightful.KindInvalid {
		t.Errorf("unseen of no pass: %v", err)
	}
}

func testMirrorFollow(t *testing.T, open OpenMirror) {
	m := mirrorOf(open)
	follow := func(until int64, objects ...rightful.MirrorObject) {
		t.Helper()
		if err := m.Follow(t.Context(), objects, until); err != nil {
			t.Fatal(err)
		}
	}
	follow(500, mirrored(rightful.TypeCustomer, "cus_1", 100, 500), mirrored(rightful.TypeInvoice, "in_1", 100, 500, payer("cus_1")))
	mustPart(t, m, rightful.MirrorPart{Type: rightful.TypeCustomer, Objects: 1})
	p := mustBegin(t, m, rightful.TypeCustomer, 1000)
	follow(1500)
	mustEnd(t, m, p.ID, 2000)
	mustPart(t, m, rightful.MirrorPart{Type: rightful.TypeCustomer, Objects: 1, Full: 1000, Followed: 1000})
	mustPart(t, m, rightful.MirrorPart{Type: rightful.TypeSession})
	follow(3000, mirrored(rightful.TypeSession, "cs_1", 2500, 3000))
	mustPart(t, m, rightful.MirrorPart{Type: rightful.TypeCustomer, Objects: 1, Full: 1000, Followed: 3000})
	mustPart(t, m, rightful.MirrorPart{Type: rightful.TypeSession, Objects: 1})
	follow(2000)
	mustPart(t, m, rightful.MirrorPart{Type: rightful.TypeCustomer, Objects: 1, Full: 1000, Followed: 3000})
	// A pass that began before the last follow takes nothing of it back, and one that
	// began later brings it forward.
	for _, started := range []int64{2500, 4000} {
		p = mustBegin(t, m, rightful.TypeCustomer, started)
		mustEnd(t, m, p.ID, 5000)
		mustEnd(t, m, p.ID, 5001) // whose answer was lost
		mustPart(t, m, rightful.MirrorPart{Type: rightful.TypeCustomer, Objects: 1, Full: started, Followed: max(3000, started)})
	}
	mustGet(t, m, rightful.TypeInvoice, "in_1", rightful.ExistsPresent, mirrored(rightful.TypeInvoice, "in_1", 100, 0, payer("cus_1")).Object)
}

func testMirrorAtomic(t *testing.T, open OpenMirror) {
	m := mirrorOf(open)
	p := mustBegin(t, m, rightful.TypeCustomer, 1000, rightful.MirrorWindow{ID: 1, To: 1000})
	good := rightful.MirrorPage{Pass: p.ID, Objects: []rightful.MirrorObject{mirrored(rightful.TypeCustomer, "cus_1", 100, 1000)}, Windows: []rightful.MirrorWindow{{ID: 1, To: 1000, Done: true}}}
	for name, bad := range map[string]rightful.MirrorPage{
		"no id":               pageOf(p.ID, mirrored(rightful.TypeCustomer, "", 1, 1)),
		"no such type":        pageOf(p.ID, mirrored("quote", "qt_1", 1, 1)),
		"nobody knows":        pageOf(p.ID, tombstone(rightful.TypeCustomer, "cus_2", 1, rightful.ExistsUnknown)),
		"another account":     pageOf(p.ID, mirrored(rightful.TypeCustomer, "cus_2", 1, 1, func(o *rightful.Object) { o.Account = "acct_other" })),
		"another mode":        pageOf(p.ID, mirrored(rightful.TypeCustomer, "cus_2", 1, 1, func(o *rightful.Object) { o.Livemode = false })),
		"no such pass":        pageOf(p.ID+1, mirrored(rightful.TypeCustomer, "cus_2", 1, 1)),
		"windows of no pass":  {Windows: []rightful.MirrorWindow{{ID: 1}}},
		"no pass at all, bad": {Pass: -1},
	} {
		if err := m.Keep(t.Context(), []rightful.MirrorPage{good, bad}); rightful.KindOf(err) != rightful.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
		mustPart(t, m, rightful.MirrorPart{Type: rightful.TypeCustomer, Pass: &p})
		mustGet(t, m, rightful.TypeCustomer, "cus_1", rightful.ExistsUnknown, rightful.Object{})
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Keep(gone, []rightful.MirrorPage{good}); err == nil {
		t.Error("kept after it was cancelled")
	}
	mustKeep(t, m, good)
	mustEnd(t, m, p.ID, 2000)
	if err := m.Keep(t.Context(), []rightful.MirrorPage{good}); rightful.KindOf(err) != rightful.KindInvalid {
		t.Errorf("a page of a pass that has ended: %v", err)
	}
}

// testMirrorKeys reads with other identity keys than the mirror was filled with.
func testMirrorKeys(t *testing.T, open OpenMirror) {
	const typ = rightful.TypeCustomer
	old := mirrorOf(open)
	keys := StripeKeys()
	keys.Company, keys.AlsoRead = "tenant", []string{"company_id"}
	now := open(stripeAccount, true, keys)
	p := mustBegin(t, old, typ, 1000)
	mustKeep(t, old, pageOf(p.ID, mirrored(typ, "cus_1", 100, 1000, stamped("company_id", "4"), stamped("user_id", "7"), stamped("org_id", "o"))))
	mustEnd(t, old, p.ID, 1100)
	mustPart(t, old, rightful.MirrorPart{Type: typ, Objects: 1, Full: 1000, Followed: 1000})
	mustPart(t, now, rightful.MirrorPart{Type: typ, Objects: 1})

	// What was read is told under the name that it had, if that is wanted still.
	mustGet(t, now, typ, "cus_1", rightful.ExistsPresent, mirrored(typ, "cus_1", 100, 0, stamped("company_id", "4"), stamped("user_id", "7"), stamped("org_id", "o")).Object)
	if found, err := now.Search(t.Context(), typ, "tenant", "4"); err != nil || len(found) > 0 {
		t.Errorf("found under a key that it never had: %+v, %v", found, err)
	}
	none := open(stripeAccount, true, rightful.KeySet{Company: "account_number"})
	mustGet(t, none, typ, "cus_1", rightful.ExistsPresent, mirrored(typ, "cus_1", 100, 0, stamped("company_id", "4"), stamped("org_id", "o")).Object) // they look like tenants

	// A pass that was begun with other keys is not gone on with.
	half := mustBegin(t, old, typ, 2000)
	mustPart(t, now, rightful.MirrorPart{Type: typ, Objects: 1})
	again := mustBegin(t, now, typ, 3000)
	if again.ID == half.ID || again.Started != 3000 {
		t.Errorf("begun: %+v", again)
	}
	if err := old.Keep(t.Context(), []rightful.MirrorPage{pageOf(half.ID, mirrored(typ, "cus_2", 100, 2000))}); rightful.KindOf(err) != rightful.KindInvalid {
		t.Errorf("the former pass went on: %v", err)
	}
	// What is written meanwhile with the old keys has not been seen by it.
	mustKeep(t, now, pageOf(again.ID, mirrored(typ, "cus_1", 100, 3000, stamped("tenant", "4"))))
	mustKeep(t, old, pageOf(0, mirrored(typ, "cus_1", 100, 3001, stamped("company_id", "4")), mirrored(typ, "cus_3", 100, 3001)))
	mustUnseen(t, now, again.ID, "cus_1 cus_3")
	mustKeep(t, now, pageOf(0, mirrored(typ, "cus_1", 100, 3002, stamped("tenant", "4")), mirrored(typ, "cus_3", 100, 3002)))
	mustUnseen(t, now, again.ID, "")
	mustEnd(t, now, again.ID, 4000)
	mustPart(t, now, rightful.MirrorPart{Type: typ, Objects: 2, Full: 3000, Followed: 3000})
	mustPart(t, old, rightful.MirrorPart{Type: typ, Objects: 2})
	if found, err := now.Search(t.Context(), typ, "tenant", "4"); err != nil || idsOf(found) != "cus_1" {
		t.Errorf("found %+v, %v", found, err)
	}
	// And what comes after with the old keys makes it as good as never read again.
	if err := old.Follow(t.Context(), []rightful.MirrorObject{mirrored(typ, "cus_1", 100, 5000)}, 5000); err != nil {
		t.Fatal(err)
	}
	mustPart(t, now, rightful.MirrorPart{Type: typ, Objects: 2})
}

func testMirrorAccounts(t *testing.T, open OpenMirror) {
	const typ = rightful.TypeCustomer
	stores := map[string]rightful.MirrorStore{"live": mirrorOf(open), "test": open(stripeAccount, false, StripeKeys()), "other": open("acct_other", true, StripeKeys())}
	for name, m := range stores {
		a, err := m.Account(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		p := mustBegin(t, m, typ, 1000)
		of := func(o *rightful.Object) {
			o.Account, o.Livemode, o.Email, o.SubscriptionID, o.PaymentIntentID = a.ID, a.Livemode, "a@example.com", "sub_1", "pi_1"
		}
		mustKeep(t, m, pageOf(p.ID, mirrored(typ, "cus_"+name, 100, 10, of), mirrored(typ, "cus_same", 100, 10, of, stamped("company_id", "4"), stamped("user_id", "7"), stamped("org_id", name)),
			mirrored(rightful.TypeSession, "cs_same", 100, 10, of, status(name))))
		if _, err := m.Begin(t.Context(), rightful.TypeSchedule, 1, nil); err != nil {
			t.Fatal(err)
		}
	}
	for name, m := range stores {
		for _, key := range []string{"company_id", "user_id", "org_id"} {
			value := map[string]string{"company_id": "4", "user_id": "7", "org_id": name}[key]
			if found, err := m.Search(t.Context(), typ, key, value); err != nil || len(found) != 1 || found[0].Metadata["org_id"] != name {
				t.Errorf("%s: search by %s: %+v, %v", name, key, found, err)
			}
		}
		for _, q := range []rightful.ListQuery{{Type: rightful.TypeSession}, {Type: rightful.TypeSession, Email: "a@example.com"}, {Type: rightful.TypeSession, SubscriptionID: "sub_1"}, {Type: rightful.TypeSession, PaymentIntentID: "pi_1"}} {
			if objects, err := all(t.Context(), m, q); err != nil || len(objects) != 1 || objects[0].Status != name {
				t.Errorf("%s: %+v: %+v, %v", name, q, objects, err)
			}
		}
		if o, _, err := m.Get(t.Context(), rightful.TypeSession, "cs_same"); err != nil || o.Status != name {
			t.Errorf("%s: got %+v, %v", name, o, err)
		}
		if part := partOf(t, m, typ); part.Objects != 2 || part.Pass == nil || part.Pass.Objects != 3 {
			t.Errorf("%s: %+v", name, part)
		}
	}
}

func testMirrorDrop(t *testing.T, open OpenMirror) {
	const typ = rightful.TypeCustomer
	m, other := mirrorOf(open), open("acct_other", true, StripeKeys())
	of := func(o *rightful.Object) { o.Account = "acct_other" }
	mustKeep(t, other, pageOf(0, mirrored(typ, "cus_1", 100, 10, of)))
	p := mustBegin(t, m, typ, 1000)
	mustKeep(t, m, pageOf(p.ID, mirrored(typ, "cus_1", 100, 10), mirrored(typ, "cus_2", 100, 10)))
	for range 2 {
		if err := m.Drop(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustPart(t, m, rightful.MirrorPart{Type: typ})
		mustList(t, m, rightful.ListQuery{Type: typ}, "")
		mustGet(t, m, typ, "cus_1", rightful.ExistsUnknown, rightful.Object{})
	}
	if err := m.Keep(t.Context(), []rightful.MirrorPage{pageOf(p.ID, mirrored(typ, "cus_1", 100, 10))}); rightful.KindOf(err) != rightful.KindInvalid {
		t.Errorf("a dropped pass went on: %v", err)
	}
	mustList(t, other, rightful.ListQuery{Type: typ}, "cus_1")
	mustKeep(t, m, pageOf(0, mirrored(typ, "cus_3", 100, 10)))
	mustList(t, m, rightful.ListQuery{Type: typ}, "cus_3")
}

func testMirrorRefused(t *testing.T, open OpenMirror) {
	m := mirrorOf(open)
	for _, typ := range []rightful.ObjectType{"", "quote", rightful.TypeInvoice, rightful.TypeCharge, rightful.TypePaymentMethod} {
		if _, err := m.Begin(t.Context(), typ, 1, nil); rightful.KindOf(err) != rightful.KindInvalid {
			t.Errorf("%q: %v", typ, err)
		}
	}
	for _, pass := range []int64{0, -1, 99} {
		if err := m.End(t.Context(), pass, 1); rightful.KindOf(err) != rightful.KindInvalid {
			t.Errorf("end of pass %d: %v", pass, err)
		}
	}
}

// testMirrorTogether lets several write and read the same things.
func testMirrorTogether(t *testing.T, open OpenMirror) {
	m := mirrorOf(open)
	const typ, workers, rounds = rightful.TypeSubscription, 6, 8
	p := mustBegin(t, m, typ, 1000)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for r := range rounds {
				var objects []rightful.MirrorObject
				for i := range 40 {
					objects = append(objects, mirrored(typ, fmt.Sprintf("sub_%d", (w*17+i*7+r)%100), 100, int64(r), payer(fmt.Sprintf("cus_%d", (w+r)%5)), status("active")))
				}
				if err := m.Keep(t.Context(), []rightful.MirrorPage{pageOf(p.ID, objects...)}); err != nil {
					t.Errorf("keep: %v", err)
				}
				if listed, err := all(t.Context(), m, rightful.ListQuery{Type: typ}); err != nil || len(listed) > 100 {
					t.Errorf("list: %d, %v", len(listed), err)
				}
			}
		})
	}
	group.Wait()
	listed, err := all(t.Context(), m, rightful.ListQuery{Type: typ})
	part := partOf(t, m, typ)
	if err != nil || part.Objects != int64(len(listed)) || part.Pass.Pages != workers*rounds || part.Pass.Objects != workers*rounds*40 {
		t.Errorf("%d listed, %v; %+v", len(listed), err, part)
	}
	ids := map[string]bool{}
	for _, o := range listed {
		ids[o.ID] = true
	}
	if len(ids) != len(listed) {
		t.Errorf("%d of %d came twice", len(listed)-len(ids), len(listed))
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
