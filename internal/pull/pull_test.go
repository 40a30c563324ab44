package pull_test

import (
	"net/url"
	"testing"
	"time"

	"rightful"
	"rightful/internal/pull"
	"rightful/stripesim"
)

func TestFirstPass(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 5000, stripesim.Options{Now: clock(), Latency: stripesim.FixedLatency(5 * time.Millisecond)})
	f.read(1e4, 400)
	r := f.run(pull.Wish{})
	f.complete(r)
	t.Logf("%+v", f.sim.Counts().Operations)
	// Three lists of 50 pages; two more are empty. Every list is looked at once more.
	if n := f.lists(); n > 3*50*110/100+2+5 {
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

func TestFollow(t *testing.T) {
	t.Parallel()
	f := newOffice(t, 2000, stripesim.Options{Now: clock()})
	f.complete(f.run(pull.Wish{}))
	full := f.gets()
	f.sim.Advance(time.Hour)
	for i, id := range f.ids(rightful.TypeCustomer)[:20] {
		switch i {
		case 0:
			f.send("DELETE", "/v1/customers/"+id, nil)
		default:
			f.post("/v1/customers/"+id, url.Values{"metadata[company_id]": {"77"}})
		}
	}
	f.post("/v1/customers", url.Values{"email": {"new@example.com"}})
	f.sim.Advance(time.Hour)
	f.before = f.sim.Counts()
	r := f.run(pull.Wish{})
	f.complete(r)
	if n := f.gets(); n*50 > full {
		t.Errorf("%d requests after a full pass of %d: %v", n, full, f.sim.Counts().Operations)
	}
	f.same()
	if c := list(r, rightful.TypeCustomer); c.How != pull.HowEvents || c.Changed != 20 || c.Gone != 1 || c.New != 1 || c.Objects != 2000 {
		t.Errorf("%+v", c)
	}
}
