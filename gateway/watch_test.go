package gateway_test

import (
	"cmp"
	"context"
	"fmt"
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
	options.Every = cmp.Or(options.Every, time.Second)
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
	o := openOffice(t, setup{}, officeRows, "")
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
			changed.Family != id || changed.Account != simAccount || !changed.Livemode || changed.At != noon || changed.Paid {
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
			o := openOffice(t, setup{}, officeRows, "")
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
	o := openOffice(t, setup{}, officeRows, "")
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
	o := openOffice(t, setup{}, officeRows, "")
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
	o := openOffice(t, setup{}, officeRows, "")
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
	o := openOffice(t, setup{}, officeRows, "")
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
