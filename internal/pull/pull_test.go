package pull_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rightful"
	"rightful/internal/pull"
	"rightful/stripesim"
)

func TestFirstPass(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 5000, stripesim.Options{Now: clock()})
	r := f.run(pull.Wish{})
	f.complete(r)
	// Three lists of 50 pages, two that are empty, and each is looked at once more.
	if n := f.lists(); n > 3*(50+9)+2+5 {
		t.Errorf("%d list requests", n)
	}
	f.same()
	for _, l := range r.Lists {
		if l.How != pull.HowFull || l.Full == 0 || l.Followed < l.Full || l.New != l.Objects {
			t.Errorf("%+v", l)
		}
	}
	if c := list(r, rightful.TypeCustomer); c.Objects != 5000 || c.Read != 5000 || c.Ideal != 50 {
		t.Errorf("%+v", c)
	}
}

// TestResume stops a pass in the middle, several times, and goes on.
func TestResume(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 5000, stripesim.Options{Now: clock()})
	for range 3 {
		ctx, stop := context.WithCancelCause(t.Context())
		var mu sync.Mutex
		pages := 0
		enough := errors.New("enough")
		_, err := f.with(ctx, &between{Stripe: f.reader.Bulk(), page: func(rightful.ListQuery, string) error {
			mu.Lock()
			defer mu.Unlock()
			if pages++; pages > 40 {
				stop(enough)
			}
			return nil
		}}, pull.Wish{})
		if !errors.Is(err, enough) {
			t.Fatalf("got %v", err)
		}
		parts, _ := f.store.Parts(t.Context())
		for _, p := range parts {
			if p.Full != 0 {
				t.Fatalf("the pass over %s is called complete", p.Type)
			}
		}
	}
	r := f.run(pull.Wish{})
	f.complete(r)
	if c := list(r, rightful.TypeCustomer); !c.Resumed || c.Read == 5000 || c.Pages > 55 {
		t.Errorf("%+v", c)
	}
	// What was on its way is asked for again: at most eight pages of each of three lists,
	// three times.
	if n := f.lists(); n > 3*(50+9)+2+5+3*(24+2) {
		t.Errorf("%d list requests", n)
	}
	f.same()
}

// TestCursorVanishes deletes the object behind which the reading is about to go on, again
// and again. Seven objects share each second.
func TestCursorVanishes(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 3000, stripesim.Options{Now: clock()})
	var mu sync.Mutex
	gone := map[string]bool{}
	r, err := f.with(t.Context(), &between{Stripe: f.reader.Bulk(), page: func(q rightful.ListQuery, after string) error {
		mu.Lock()
		defer mu.Unlock()
		if q.Type == rightful.TypeCustomer && after != "" && len(gone) < 12 && !gone[after] {
			gone[after] = true
			f.send(http.MethodDelete, "/v1/customers/"+after, nil)
		}
		return nil
	}}, pull.Wish{})
	if err != nil {
		t.Fatal(err)
	}
	f.complete(r)
	f.same()
	if len(gone) != 12 {
		t.Fatalf("%d deleted", len(gone))
	}
	for id := range gone {
		if f.store.objects[id].Exists != rightful.ExistsDeleted {
			t.Errorf("%s: %+v", id, f.store.objects[id])
		}
	}
	if c := list(r, rightful.TypeCustomer); c.Pages > 30+8+12+2 {
		t.Errorf("%d pages", c.Pages)
	}
}

// TestWhatHappensMeanwhile changes, makes and deletes objects behind and before the reading.
func TestWhatHappensMeanwhile(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 2000, stripesim.Options{Now: clock()})
	f.complete(f.run(pull.Wish{}))
	ids := f.ids(rightful.TypeCustomer)
	f.store = newMemory()
	price := f.post("/v1/prices", url.Values{"currency": {"usd"}, "unit_amount": {"900"}, "product_data[name]": {"Plan"}})
	var mu sync.Mutex
	n := 0
	r, err := f.with(t.Context(), &between{Stripe: f.reader.Bulk(), page: func(q rightful.ListQuery, after string) error {
		mu.Lock()
		defer mu.Unlock()
		if n++; n%3 == 0 && n < 60 {
			f.sim.Advance(time.Second)
			f.post("/v1/customers/"+ids[n], url.Values{"metadata[company_id]": {"77"}})
			f.post("/v1/customers/"+ids[len(ids)-n], url.Values{"metadata[company_id]": {"78"}})
			f.post("/v1/customers", url.Values{"email": {"new@example.com"}})
			f.send(http.MethodDelete, "/v1/customers/"+ids[n+1], nil)
			// No event tells of a session that is made.
			f.post("/v1/checkout/sessions", url.Values{"mode": {"payment"}, "success_url": {"https://app.example.com"}, "line_items[0][price]": {price}, "line_items[0][quantity]": {"1"}})
		}
		return nil
	}}, pull.Wish{})
	if err != nil {
		t.Fatal(err)
	}
	f.complete(r)
	f.same()
}

// TestUnseen has a customer deleted of which no event tells any more: it is looked up.
func TestUnseen(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 500, stripesim.Options{Now: clock()})
	f.complete(f.run(pull.Wish{}))
	id := f.ids(rightful.TypeCustomer)[7]
	f.send(http.MethodDelete, "/v1/customers/"+id, nil)
	// And one that never was: of a test clock that was deleted, say.
	ghost := rightful.Object{Account: stripesim.DefaultAccount, Livemode: true, Type: rightful.TypeSubscription, ID: "sub_ghost", Created: 1_700_000_000}
	if err := f.store.Keep(t.Context(), []rightful.MirrorPage{{Objects: []rightful.MirrorObject{{Object: ghost, AsOf: 1_700_000_000, Exists: rightful.ExistsPresent}}}}); err != nil {
		t.Fatal(err)
	}
	f.advance(40 * 24 * time.Hour)
	r := f.run(pull.Wish{})
	f.complete(r)
	f.same()
	if f.store.objects[id].Exists != rightful.ExistsDeleted || f.store.objects["sub_ghost"].Exists != rightful.ExistsMissing {
		t.Errorf("%+v, %+v", f.store.objects[id], f.store.objects["sub_ghost"])
	}
	if c := list(r, rightful.TypeCustomer); c.How != pull.HowFull || c.Gone != 1 || c.Lookups != 1 || c.Objects != 499 || c.New != 0 {
		t.Errorf("%+v", c)
	}
	if len(r.Because) != 5 || !strings.Contains(r.Because[0], "30 days") {
		t.Errorf("%q", r.Because)
	}
}

// TestUnlisted has an object that the list leaves out and that is there all the same.
func TestUnlisted(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 300, stripesim.Options{Now: clock()})
	f.complete(f.run(pull.Wish{}))
	f.advance(time.Hour)
	hidden := f.ids(rightful.TypeCustomer)[5]
	r, err := f.with(t.Context(), &between{Stripe: f.reader.Bulk(), answer: func(q rightful.ListQuery, page rightful.ListPage) rightful.ListPage {
		page.Objects = slices.DeleteFunc(page.Objects, func(o rightful.Object) bool { return o.ID == hidden })
		return page
	}}, pull.Wish{Full: true})
	if err != nil {
		t.Fatal(err)
	}
	f.complete(r)
	if c := list(r, rightful.TypeCustomer); c.Unlisted != 1 || c.Gone != 0 || c.Objects != 300 {
		t.Errorf("%+v", c)
	}
	f.same()
}
