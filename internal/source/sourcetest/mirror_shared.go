package sourcetest

import (
	"fmt"
	"sync"
	"testing"

	"rightful"
)

// testMirrorKeys reads with other identity keys than the mirror was filled with.
func testMirrorKeys(t *testing.T, open OpenMirror) {
	const typ = rightful.TypeCustomer
	old := mirrorOf(open)
	keys := StripeKeys()
	keys.Company, keys.AlsoRead = "tenant", []string{"company_id"}
	now := open(stripeAccount, true, keys)
	p := mustBegin(t, old, typ, 1000)
	mustKeep(t, old, pageOf(p.ID, mirrored(typ, "cus_1", 100, 1000, stamped("company_id", "4"), stamped("user_id", "7"), stamped("org_id", "o"), stamped("app", "ledgerly"))))
	mustEnd(t, old, p.ID, 1100)
	mustPart(t, old, rightful.MirrorPart{Type: typ, Objects: 1, Full: 1000, Followed: 1000})
	mustPart(t, now, rightful.MirrorPart{Type: typ, Objects: 1})

	// What was read is told under the name that it had, if that is wanted still.
	mustGet(t, now, typ, "cus_1", rightful.ExistsPresent, mirrored(typ, "cus_1", 100, 0, stamped("company_id", "4"), stamped("user_id", "7"), stamped("org_id", "o"), stamped("app", "ledgerly")).Object)
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
	if err := old.Follow(t.Context(), []rightful.MirrorObject{mirrored(typ, "cus_1", 100, 5000)}, 4000, 5000); err != nil {
		t.Fatal(err)
	}
	mustPart(t, now, rightful.MirrorPart{Type: typ, Objects: 2})
	if err := now.Follow(t.Context(), nil, 5000, 6000); err != nil {
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
		mustKeep(t, m, pageOf(p.ID, mirrored(typ, "cus_"+name, 100, 10, of, stamped("org_id", "else")), mirrored(typ, "cus_same", 100, 10, of, stamped("company_id", "4"), stamped("user_id", "7"), stamped("org_id", name)),
			mirrored(rightful.TypeSession, "cs_same", 100, 10, of, status(name))))
		for _, other := range stores {
			page := []rightful.MirrorPage{{Pass: p.ID}}
			if err := other.Keep(t.Context(), page); other != m && rightful.KindOf(err) != rightful.KindInvalid {
				t.Errorf("%s: a page of its pass was kept for another account: %v", name, err)
			}
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
		if part := partOf(t, m, typ); part.Objects != 2 || part.Pass == nil || part.Pass.Objects != 3 || part.Pass.Pages != 2 {
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
