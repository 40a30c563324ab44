package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
)

// TestWatchList: Stripe's list is read, each event is shown once, and nothing is kept.
func TestWatchList(t *testing.T) {
	onEngines(t, func(t *testing.T, o *office) {
		before := o.mine("11")
		o.later(10)
		s := watch(t, o, list(o))
		past := list(o)
		past.Since = noon - 1
		all := watch(t, o, past)
		same(t, "what was before", s.shown())
		same(t, "with since", all.shown(), "mine customer.created "+before+" 11")

		asked := o.sim.Counts().GETs
		first, second := o.mine("11"), o.mine("12")
		o.later(1)
		o.post("/v1/customers/"+first, "name", "A")
		want := []string{"mine customer.created " + first + " 11", "mine customer.created " + second + " 12", "mine customer.updated " + first + " 11"}
		got := s.look(t)
		slices.Sort(got[:min(2, len(got))])
		slices.Sort(want[:2])
		same(t, "new", got, want...)
		if n := o.sim.Counts().GETs - asked; n != 1 {
			t.Errorf("%d requests", n)
		}
		for range 3 {
			o.later(40)
			same(t, "nothing new", s.look(t))
		}
		o.later(1000)
		late := o.mine("11")
		same(t, "after a while", s.look(t), "mine customer.created "+late+" 11")

		rows := 0
		if entries, err := o.store.InboxEntriesAfter(t.Context(), 0, 10); err != nil || len(entries) > 0 {
			t.Errorf("%d events were kept, %v", len(entries), err)
		}
		if err := o.db.QueryRowContext(t.Context(), "SELECT count(*) FROM companies WHERE stripe_customer_id IS NOT NULL").Scan(&rows); err != nil || rows > 0 {
			t.Errorf("%d links were written, %v", rows, err)
		}
	})
}

// TestWatchListAsksOnce about two events of one second that say different things.
func TestWatchListAsksOnce(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	s := watch(t, o, list(o))
	id := o.postID("/v1/customers", "metadata[company_id]", "99", "metadata[app]", "ledgerly")
	o.post("/v1/customers/"+id, "metadata[org_id]", "98")
	before := o.sim.Counts()
	same(t, "new", s.look(t), "unknown customer.created "+id, "unknown customer.updated "+id)
	const looks = 5
	for range looks {
		o.later(61)
		same(t, "then", s.look(t))
	}
	after := o.sim.Counts()
	if n := after.Operations["customers.retrieve"] - before.Operations["customers.retrieve"]; n != 1 || after.GETs-before.GETs != looks+2 {
		t.Errorf("asked %d times for the customer, %d in all", n, after.GETs-before.GETs)
	}
}

// TestWatchListGoesOn: Stripe is away for a while, and a revoked key does not end it.
func TestWatchListGoesOn(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	var answer atomic.Int64
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := answer.Load(); status != 0 {
			w.WriteHeader(int(status))
			fmt.Fprint(w, `{"error":{"type":"invalid_request_error","message":"no"}}`)
			return
		}
		o.sim.ServeHTTP(w, r)
	}))
	t.Cleanup(door.Close)
	options := list(o)
	away := &atomic.Bool{}
	options.Stripe, options.Directory = openStripe(t, door.URL, noRest), absent{o.opt.Directory, away}
	s := watch(t, o, options)
	for i, status := range []int64{503, 401} {
		answer.Store(status)
		id := o.mine("11")
		same(t, "away", s.look(t))
		same(t, "away", s.look(t))
		answer.Store(0)
		same(t, "back", s.look(t), "mine customer.created "+id+" 11")
		if len(s.trouble) != 2*i+2 || s.trouble[2*i] == nil || s.trouble[2*i+1] != nil {
			t.Errorf("told %v", s.trouble)
		}
		o.later(1)
	}

	// The database is away: what was listed is not forgotten.
	s.trouble = nil
	away.Store(true)
	id := o.mine("11")
	same(t, "no database", s.look(t))
	away.Store(false)
	same(t, "with the database", s.look(t), "mine customer.created "+id+" 11")
	if len(s.trouble) != 2 {
		t.Errorf("told %v", s.trouble)
	}

	// It answers with nonsense: nobody can be named, and that is said.
	s.trouble = nil
	o.exec("ALTER TABLE companies RENAME TO moved")
	id = o.mine("12")
	same(t, "no table", s.look(t), "unknown customer.created "+id)
	o.exec("ALTER TABLE moved RENAME TO companies")
	if len(s.trouble) != 1 || !strings.Contains(s.trouble[0].Error(), "companies") {
		t.Errorf("told %v", s.trouble)
	}
	o.later(60)
	same(t, "with the table", s.look(t), "mine customer.created "+id+" 12 again")
	if len(s.trouble) != 2 {
		t.Errorf("told %v", s.trouble)
	}
}

// absent is a database that does not always answer.
type absent struct {
	rightful.DirectoryReader
	away *atomic.Bool
}

func (a absent) Companies(ctx context.Context, q rightful.Select) iter.Seq2[rightful.Company, error] {
	if a.away.Load() {
		return func(yield func(rightful.Company, error) bool) {
			yield(rightful.Company{}, &rightful.Error{Kind: rightful.KindUnreachable, Place: "directory", Message: "gone"})
		}
	}
	return a.DirectoryReader.Companies(ctx, q)
}

// TestWatchDoesNotBegin: the first look has to succeed.
func TestWatchDoesNotBegin(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	for _, c := range map[string]struct {
		change func(*gateway.WatchOptions)
		part   string
	}{
		"another account": {func(w *gateway.WatchOptions) { w.Account = "acct_another" }, "acct_another is expected"},
		"a wrong mode":    {func(w *gateway.WatchOptions) { w.Livemode = new(bool) }, "test mode is expected"},
	} {
		options := list(o)
		options.Keys, options.Now, options.Every = keySet(), o.clock, time.Second
		c.change(&options)
		w, err := gateway.NewWatch(options)
		if err != nil {
			t.Fatal(err)
		}
		wantKind(t, w.Run(t.Context(), func(gateway.Watched) error { return nil }), rightful.KindRefused, c.part)
		_, err = w.Account(t.Context())
		wantKind(t, err, rightful.KindRefused, c.part)
	}
	for part, options := range map[string]gateway.WatchOptions{
		"Inbox: it, or Stripe and Directory": {Every: time.Second},
		"Every: it is required":              {Inbox: o.store},
		"Directory: it is required":          {Every: time.Second, Stripe: o.opt.Stripe, Keys: keySet()},
	} {
		_, err := gateway.NewWatch(options)
		wantKind(t, err, rightful.KindInvalid, part)
	}

	// Who shows may end it.
	enough := errors.New("enough")
	o.mine("11")
	o.settle()
	w, err := gateway.NewWatch(gateway.WatchOptions{Inbox: o.store, Every: time.Second, Since: 1, Keys: keySet(), Now: o.clock})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Run(t.Context(), func(gateway.Watched) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
}
