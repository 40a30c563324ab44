package sourcetest

import (
	"context"
	"reflect"
	"testing"

	"rightful"
)

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

func testMirrorUnseen(t *testing.T, open OpenMirror) {
	m := mirrorOf(open)
	const typ = rightful.TypeCustomer
	var before []rightful.MirrorObject
	for _, id := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		before = append(before, mirrored(typ, "cus_"+id, 100, 10))
	}
	mustKeep(t, m, pageOf(0, before...), pageOf(0, mirrored(rightful.TypeSubscription, "sub_a", 100, 10, payer("cus_a")), tombstone(typ, "cus_gone", 10, rightful.ExistsDeleted)))
	mustKeep(t, m, pageOf(0, mirrored(typ, "cus_edge", 1000, 10)))
	p := mustBegin(t, m, typ, 1000)
	mustUnseen(t, m, p.ID, "cus_a cus_b cus_c cus_d cus_e cus_f cus_g")
	mustKeep(t, m, pageOf(p.ID,
		mirrored(typ, "cus_a", 100, 1000), // as it was
		mirrored(typ, "cus_b", 100, 1000, status("changed")),
		mirrored(typ, "cus_c", 100, 5, status("older than what is there")),
		mirrored(typ, "cus_new", 999, 1000)))
	if err := m.Follow(t.Context(), []rightful.MirrorObject{mirrored(typ, "cus_d", 100, 1100)}, 1000, 1100); err != nil {
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
	mustUnseen(t, m, next.ID, "cus_a cus_after cus_b cus_c cus_d cus_e cus_edge cus_new")
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
		if err := m.Follow(t.Context(), objects, until-100, until); err != nil {
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
