package pull_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/pull"
	"rightful/stripesim"
)

func (m *memory) Forget(_ context.Context, id int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.passes[id]; p.Ended == 0 {
		m.part(p.Type).Pass = nil
	}
	return nil
}

// copied is a copy in memory.
type copied struct {
	objects []rightful.MirrorObject
	claims  []pull.Claim
	left    pull.LeftOut
	fails   error // in the end
}

func (c *copied) Claims() []pull.Claim  { return c.claims }
func (c *copied) LeftOut() pull.LeftOut { return c.left }

func (c *copied) Objects(ctx context.Context) iter.Seq2[rightful.MirrorObject, error] {
	return func(yield func(rightful.MirrorObject, error) bool) {
		for _, o := range c.objects {
			if ctx.Err() != nil {
				yield(rightful.MirrorObject{}, ctx.Err())
				return
			}
			if !yield(o, nil) {
				return
			}
		}
		if c.fails != nil {
			yield(rightful.MirrorObject{}, c.fails)
		}
	}
}

// copy is what the simulator has now, as somebody would have it who claims all of it.
func (f *office) copy() *copied {
	f.Helper()
	at := f.reader.Bulk().Now().Unix()
	c := &copied{}
	for _, t := range rightful.ListedTypes() {
		for o, err := range f.reader.List(f.Context(), rightful.ListQuery{Type: t}) {
			if err != nil {
				f.Fatal(err)
			}
			c.objects = append(c.objects, rightful.MirrorObject{Object: o, AsOf: at, Exists: rightful.ExistsPresent})
		}
		c.claims = append(c.claims, pull.Claim{Type: t, AsOf: at, EvenNone: true})
	}
	f.before = f.sim.Counts()
	return c
}

func (f *office) imports(c *copied) *pull.Report {
	f.Helper()
	r, _, err := pull.Import(f.Context(), pull.ImportOptions{Copy: c, Store: f.store})
	if err != nil {
		f.Fatal(err)
	}
	return r
}

// TestFollowACopy fills a mirror from a copy, and goes on from there with events.
func TestFollowACopy(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 2000, stripesim.Options{Now: clock()})
	f.advance(48 * time.Hour) // what was just made is looked at again
	c := f.copy()
	r := f.imports(c)
	f.complete(r)
	if f.gets() != 0 {
		t.Errorf("%d requests", f.gets())
	}
	if l := list(r, rightful.TypeCustomer); l.How != pull.HowImport || l.Read != 2000 || l.New != 2000 || l.Objects != 2000 || l.Full != c.claims[0].AsOf || l.Followed != l.Full {
		t.Errorf("%+v", l)
	}
	f.same()
	f.advance(time.Hour)
	customers := f.ids(rightful.TypeCustomer)
	f.send(http.MethodDelete, "/v1/customers/"+customers[0], nil)
	for _, id := range customers[1:20] {
		f.post("/v1/customers/"+id, url.Values{"metadata[company_id]": {"77"}})
	}
	f.post("/v1/customers", url.Values{"email": {"new@example.com"}})
	f.advance(10 * time.Second)
	r = f.run(pull.Wish{})
	f.complete(r)
	if n := f.gets(); n > 10 || len(r.Because) > 0 || list(r, rightful.TypeSession).How != pull.HowEvents {
		t.Errorf("%d requests, %+v", n, r)
	}
	f.same()

	// The old copy again changes nothing that is newer, and takes nothing back.
	f.complete(f.run(pull.Wish{Full: true}))
	before := *f.store.part(rightful.TypeCustomer)
	f.imports(c)
	f.same()
	if after := *f.store.part(rightful.TypeCustomer); after != before {
		t.Errorf("%+v, and was %+v", after, before)
	}
}

// TestFollowAnOldCopy reads whole what cannot be followed any more.
func TestFollowAnOldCopy(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 300, stripesim.Options{Now: clock()})
	f.advance(48 * time.Hour)
	f.complete(f.imports(f.copy()))
	f.advance(31 * 24 * time.Hour)
	r := f.run(pull.Wish{})
	f.complete(r)
	if len(r.Because) != 5 || !strings.Contains(r.Because[0], "Stripe keeps events for 30 days only") || list(r, rightful.TypeCustomer).How != pull.HowFull {
		t.Errorf("%+v", r)
	}
	f.same()
}

// TestHalfACopy is never called whole, and does not stand in the way of what is.
func TestHalfACopy(t *testing.T) {
	t.Parallel()
	fault := errors.New("the disk is broken")
	for name, tt := range map[string]struct {
		change  func(*copied)
		because string
		err     error
	}{
		"something could not be read": {func(c *copied) { c.left.Bad = 3 }, "3 objects could not be read", nil},
		"nobody claims it":            {func(c *copied) { c.claims = nil }, "customer: nobody says as of when", nil},
		"it breaks":                   {func(c *copied) { c.fails = fault }, "", fault},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newOffice(t, 100, stripesim.Options{Now: clock()})
			f.advance(48 * time.Hour)
			c := f.copy()
			tt.change(c)
			r, _, err := pull.Import(t.Context(), pull.ImportOptions{Copy: c, Store: f.store})
			if !errors.Is(err, tt.err) || tt.because != "" && !strings.Contains(fmt.Sprint(r.IncompleteBecause), tt.because) {
				t.Errorf("%v %+v", err, r)
			}
			for _, typ := range rightful.ListedTypes() {
				if p := f.store.part(typ); p.Full != 0 || p.Followed != 0 || p.Pass != nil {
					t.Errorf("%+v", p)
				}
			}
			f.complete(f.run(pull.Wish{}))
			f.same()
		})
	}
}

// TestACopyThatLacksSomething is not called whole: what the mirror has may be gone, or not.
func TestACopyThatLacksSomething(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 100, stripesim.Options{Now: clock()})
	f.complete(f.run(pull.Wish{}))
	full := f.store.part(rightful.TypeCustomer).Full
	f.advance(48 * time.Hour)
	c := f.copy()
	c.objects = c.objects[1:]
	r := f.imports(c)
	if p := f.store.part(rightful.TypeCustomer); p.Full != full || p.Pass != nil || list(r, rightful.TypeCustomer).Problem == "" {
		t.Errorf("%+v %+v", p, r)
	}
	if p := f.store.part(rightful.TypeSubscription); p.Full != c.claims[2].AsOf {
		t.Errorf("%+v", p)
	}
	f.complete(f.run(pull.Wish{}))
	f.same()
}

// TestAReadingUnderWay is ended by a copy that has everything of then, and by no other.
func TestAReadingUnderWay(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 100, stripesim.Options{Now: clock()})
	f.advance(48 * time.Hour)
	c := f.copy()
	at := c.claims[0].AsOf
	begin := func(typ rightful.ObjectType, started int64) {
		t.Helper()
		if _, err := f.store.Begin(t.Context(), typ, started, []rightful.MirrorWindow{{ID: 1, To: started}}); err != nil {
			t.Fatal(err)
		}
	}
	begin(rightful.TypeCustomer, at-10)
	begin(rightful.TypeSubscription, at+10)
	r := f.imports(c)
	if p := f.store.part(rightful.TypeCustomer); p.Full != at-10 || p.Pass != nil {
		t.Errorf("%+v", p)
	}
	if p := f.store.part(rightful.TypeSubscription); p.Full != 0 || p.Pass == nil || !strings.Contains(list(r, rightful.TypeSubscription).Problem, "is under way") {
		t.Errorf("%+v %+v", p, r)
	}
	f.complete(f.run(pull.Wish{}))
	f.same()
}
