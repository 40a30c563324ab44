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
	"rightful/stripesim"
)

// spectator watches, one look at a time: the test says when.
type spectator struct {
	o       *office
	looks   chan struct{} // one more look
	looked  chan time.Duration
	lines   []gateway.Watched
	trouble []error
	stop    context.CancelFunc
	ended   chan error
}

// watch begins to watch, and returns after the first look.
func watch(t *testing.T, o *office, options gateway.WatchOptions) *spectator {
	t.Helper()
	s := &spectator{o: o, looks: make(chan struct{}), looked: make(chan time.Duration), ended: make(chan error, 1)}
	ctx, stop := context.WithCancel(t.Context())
	s.stop = stop
	options.Keys, options.Now = keySet(), o.clock
	options.Every = time.Second
	options.OnTrouble = func(err error) { s.trouble = append(s.trouble, err) }
	options.Wait = func(ctx context.Context, d time.Duration) {
		select {
		case s.looked <- d:
		case <-ctx.Done():
		}
		select {
		case <-s.looks:
		case <-ctx.Done():
		}
	}
	w, err := gateway.NewWatch(options)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		s.ended <- w.Run(ctx, func(e gateway.Watched) error {
			s.lines = append(s.lines, e)
			return nil
		})
	}()
	t.Cleanup(func() {
		stop()
		if err, open := <-s.ended; open && err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
	s.await(t)
	return s
}

// list watches Stripe's list, inbox an inbox.
func list(o *office) gateway.WatchOptions {
	return gateway.WatchOptions{Stripe: o.opt.Stripe, Directory: o.opt.Directory, OwnershipValue: o.opt.OwnershipValue}
}

func inbox(o *office) gateway.WatchOptions { return gateway.WatchOptions{Inbox: o.store} }

func (s *spectator) await(t *testing.T) time.Duration {
	t.Helper()
	select {
	case d := <-s.looked:
		return d
	case err := <-s.ended:
		close(s.ended)
		t.Fatalf("it ended: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("it does not look")
	}
	return 0
}

// look looks once more and returns what was shown: status, type, object, company.
func (s *spectator) look(t *testing.T) []string {
	t.Helper()
	s.looks <- struct{}{}
	s.await(t)
	return s.shown()
}

func (s *spectator) shown() []string {
	var out []string
	for _, w := range s.lines {
		line := string(w.Status) + " " + w.Type + " " + w.Object.ID
		if w.CompanyID != nil {
			line += " " + *w.CompanyID
		}
		if w.Again {
			line += " again"
		}
		out = append(out, line)
	}
	s.lines = nil
	return out
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\ngot  %q\nwant %q", what, got, want)
	}
}

// mine makes a customer of a company.
func (o *office) mine(company string) string {
	o.t.Helper()
	user := map[string]string{"11": "7", "12": "8", "99": "7"}[company]
	return o.postID("/v1/customers", "metadata[company_id]", company, "metadata[app]", "ledgerly", "metadata[user_id]", user)
}

// TestWatchInbox: what is judged is shown once, in the order in which it came.
func TestWatchInbox(t *testing.T) {
	onEngines(t, func(t *testing.T, o *office) {
		before := o.mine("11")
		o.settle()
		s, all := watch(t, o, inbox(o)), watch(t, o, gateway.WatchOptions{Inbox: o.store, Since: noon - 60})
		same(t, "what came before", s.shown())
		same(t, "with since", all.shown(), "mine customer.created "+before+" 11")

		first, second := o.mine("11"), o.mine("12")
		o.deliver()
		same(t, "not judged", s.look(t))
		o.judge()
		o.judge()
		want := []string{"mine customer.created " + first + " 11", "mine customer.created " + second + " 12"}
		for _, w := range []*spectator{s, all} {
			same(t, "judged", w.look(t), want...)
		}
		o.settle()
		o.later(1)
		same(t, "nothing new", s.look(t))

		// A double is no event.
		body := fmt.Sprintf(`{"id":"evt_twice","object":"event","type":"customer.updated","created":%d,"livemode":true,"data":{"object":{"id":"%s","object":"customer"}}}`, noon, first)
		for range 2 {
			if err := o.Accept(t.Context(), []byte(body), signed(officeSecret, body, o.clock().Unix())); err != nil {
				t.Fatal(err)
			}
			o.judge()
		}
		same(t, "a double", s.look(t), "mine customer.updated "+first+" 11")
		third := o.mine("11") // PostgreSQL has given the double a number
		o.settle()
		same(t, "after a gap", s.look(t), "mine customer.created "+third+" 11")
	})
}

// TestWatchedIsDescribed: users, stamps, payments and findings are told.
func TestWatchedIsDescribed(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, twoCompanies, "")
	quiet := inbox(o)
	quiet.Off = map[rightful.Code]bool{rightful.CodeStampMissing: true}
	mild := list(o)
	mild.Severity = map[rightful.Code]rightful.Severity{rightful.CodeStampMissing: rightful.SeverityInfo}
	spectators := []*spectator{watch(t, o, inbox(o)), watch(t, o, list(o)), watch(t, o, quiet), watch(t, o, mild)}
	id := o.mine("11")
	o.exec("UPDATE companies SET stripe_customer_id = '" + id + "' WHERE id = 11")
	o.post("/v1/customers/"+id, "metadata[company_id]", "4")
	session := o.postID("/v1/checkout/sessions", "customer", id, "success_url", "https://app.example.com/", "metadata[company_id]", "11", "mode", "payment",
		"line_items[0][quantity]", "2", "line_items[0][price_data][currency]", "usd", "line_items[0][price_data][unit_amount]", "500", "line_items[0][price_data][product_data][name]", "Thing")
	if err := o.sim.CompleteCheckout("", session, stripesim.CompleteOptions{Email: "ana@example.com"}); err != nil {
		t.Fatal(err)
	}
	o.settle()
	for i, s := range spectators {
		s.looks <- struct{}{}
		s.await(t)
		listed := i == 1 || i == 3
		seen := map[string]gateway.Watched{}
		for _, w := range s.lines {
			seen[w.Type] = w
		}
		if changed := seen["customer.updated"]; changed.UserID == nil || *changed.UserID != "7" || changed.Stamp == nil || *changed.Stamp != "4" || changed.CompanyID == nil || *changed.CompanyID != "11" ||
			changed.Family != id || changed.Account != "" || !changed.Livemode || changed.At != noon || changed.Paid {
			t.Errorf("%d: %+v", i, changed)
		} else {
			codes, troubled := "[]", false
			for _, f := range changed.Findings {
				codes, troubled = fmt.Sprintf("[%s %s %s]", f.Code, f.Severity, f.Title), changed.Troubled()
			}
			want := []string{
				"[RF101 error stamp names a company that does not exist]", "[RF101 error stamp names a company that does not exist]", "[]",
				"[RF101 info stamp names a company that does not exist]",
			}[i]
			if codes != want || troubled != (i < 2) {
				t.Errorf("%d: found %s, troubled %v", i, codes, troubled)
			}
		}
		bought := seen["checkout.session.completed"]
		amount := "nothing"
		if bought.Amount != nil {
			amount = fmt.Sprint(*bought.Amount)
		}
		if want := map[bool]string{true: "{1000 usd }", false: "nothing"}[listed]; !bought.Paid || amount != want {
			t.Errorf("%d: %+v costs %s", i, bought, amount)
		}
	}
}

// TestWatchUnknown: what nobody could be named for is shown again when somebody can.
func TestWatchUnknown(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]func(*office) gateway.WatchOptions{"inbox": inbox, "list": list} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := openOffice(t, setup{}, twoCompanies, "")
			s := watch(t, o, how(o))
			id := o.postID("/v1/customers", "metadata[company_id]", "99", "metadata[app]", "ledgerly")
			o.postID("/v1/customers", "metadata[company_id]", "11", "metadata[app]", "another")
			foreign := o.postID("/v1/customers", "metadata[company_id]", "11", "metadata[app]", "another")
			o.settle()
			got := s.look(t)
			if len(got) != 3 || got[0] != "unknown customer.created "+id || got[2] != "foreign customer.created "+foreign {
				t.Errorf("got %q", got)
			}
			o.exec("UPDATE companies SET stripe_customer_id = '" + id + "' WHERE id = 12")
			o.later(30)
			o.settle()
			same(t, "before its time", s.look(t))
			before := o.sim.Counts().GETs
			o.later(60)
			o.settle()
			same(t, "when its time has come", s.look(t), "mine customer.created "+id+" 12 again")
			if name == "list" && o.sim.Counts().GETs != before+1 {
				t.Errorf("%d requests for what the database knows", o.sim.Counts().GETs-before)
			}
			o.later(60)
			o.settle()
			same(t, "then", s.look(t))
		})
	}
}

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

// TestWatchListReadsWhatIsNotCarried: two events of one second that say different things.
func TestWatchListAsksOnce(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, twoCompanies, "")
	s := watch(t, o, list(o))
	id := o.mine("99")
	o.post("/v1/customers/"+id, "metadata[user_id]", "8")
	asked := o.sim.Counts().Operations["customers.retrieve"]
	if got := s.look(t); len(got) != 2 {
		t.Errorf("got %q", got)
	}
	for range 5 {
		o.later(61)
		s.look(t)
	}
	if n := o.sim.Counts().Operations["customers.retrieve"] - asked; n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// flaky is an inbox that cannot always be asked.
type flaky struct {
	rightful.InboxLog
	broken atomic.Bool
	hide   atomic.Int64 // this number is not committed yet
}

func (f *flaky) InboxEntriesAfter(ctx context.Context, after int64, limit int) ([]rightful.InboxEntry, error) {
	if f.broken.Load() {
		return nil, &rightful.Error{Kind: rightful.KindUnreachable, Place: "state", Message: "gone"}
	}
	entries, err := f.InboxLog.InboxEntriesAfter(ctx, after, limit)
	return slices.DeleteFunc(entries, func(e rightful.InboxEntry) bool { return e.Seq == f.hide.Load() }), err
}

// TestWatchGoesOn: an interruption is told once, asked about more and more seldom, and
// nothing is missed.
func TestWatchGoesOn(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, twoCompanies, "")
	f := &flaky{InboxLog: o.store}
	s := watch(t, o, gateway.WatchOptions{Inbox: f})
	f.broken.Store(true)
	id := o.mine("11")
	o.settle()
	waits := []time.Duration{}
	for range 6 {
		s.looks <- struct{}{}
		waits = append(waits, s.await(t))
	}
	if got := fmt.Sprint(waits); got != "[2s 4s 8s 16s 16s 16s]" {
		t.Errorf("waited %s", got)
	}
	if len(s.trouble) != 1 || rightful.KindOf(s.trouble[0]) != rightful.KindUnreachable {
		t.Errorf("told %v", s.trouble)
	}
	f.broken.Store(false)
	same(t, "back", s.look(t), "mine customer.created "+id+" 11")
	if len(s.trouble) != 2 || s.trouble[1] != nil {
		t.Errorf("told %v", s.trouble)
	}
}

// TestWatchSeesWhatIsCommittedLate: a number that was skipped may still come.
func TestWatchSeesWhatIsCommittedLate(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, twoCompanies, "")
	f := &flaky{InboxLog: o.store}
	f.hide.Store(1)
	s := watch(t, o, gateway.WatchOptions{Inbox: f})
	first, second := o.mine("11"), o.mine("12")
	o.settle()
	if first > second {
		first, second = second, first
	}
	if got := s.look(t); len(got) != 1 {
		t.Errorf("got %q", got)
	}
	o.later(50)
	same(t, "not yet", s.look(t))
	f.hide.Store(0)
	if got := s.look(t); len(got) != 1 {
		t.Errorf("what was committed late: got %q", got)
	}
	o.later(100)
	same(t, "then", s.look(t))
}

// TestWatchSaysThatNobodyJudges: accepted events that nobody looks at, and that do not
// hold up others for ever.
func TestWatchSaysThatNobodyJudges(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, twoCompanies, "")
	s := watch(t, o, inbox(o))
	stays := o.mine("11")
	o.deliver()
	same(t, "accepted", s.look(t))
	o.later(61)
	s.look(t)
	s.look(t)
	if len(s.trouble) != 1 || !strings.Contains(s.trouble[0].Error(), "1 accepted events have not been judged") {
		t.Errorf("told %v", s.trouble)
	}
	o.judge()
	same(t, "judged", s.look(t), "mine customer.created "+stays+" 11")
	if len(s.trouble) != 2 || s.trouble[1] != nil {
		t.Errorf("told %v", s.trouble)
	}
}

// TestWatchKeepsOrder: one that is judged late holds later ones up, for a moment.
func TestWatchKeepsOrder(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, twoCompanies, "")
	s := watch(t, o, inbox(o))
	for range 8 {
		o.mine("11")
	}
	o.deliver()
	entries, err := o.store.InboxEntriesAfter(t.Context(), 0, 10)
	if err != nil || len(entries) != 8 {
		t.Fatal(len(entries), err)
	}
	judge := func(wanted func(shard int) bool) {
		for shard := range rightful.InboxShards {
			if wanted(shard) {
				if _, err := o.JudgeShard(t.Context(), shard); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	first := gateway.ShardOf(entries[0].Family)
	judge(func(shard int) bool { return shard != first })
	same(t, "the first one is missing", s.look(t))
	judge(func(shard int) bool { return shard == first })
	var want []string
	for _, e := range entries {
		want = append(want, "mine customer.created "+e.ObjectID+" 11")
	}
	same(t, "all", s.look(t), want...)

	last := o.mine("11")
	o.deliver()
	s.look(t)
	o.later(5)
	other := o.mine("12")
	for gateway.ShardOf(other) == gateway.ShardOf(last) {
		other = o.mine("12")
	}
	o.deliver()
	judge(func(shard int) bool { return shard == gateway.ShardOf(other) })
	if got := s.look(t); !slices.Contains(got, "mine customer.created "+other+" 12") {
		t.Errorf("it is held up: %q", got)
	}
}

// TestWatchListGoesOn: Stripe is away for a while, and a revoked key does not end it.
func TestWatchListGoesOn(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, twoCompanies, "")
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
	o := openOffice(t, setup{}, twoCompanies, "")
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
