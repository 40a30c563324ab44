package gateway_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/stripesim"
)

// TestWatchWaitsNoLongerThanMinutes while Stripe is away, however seldom it is asked.
func TestWatchWaitsNoLongerThanMinutes(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	f := &flaky{InboxLog: o.store}
	s := watch(t, o, gateway.WatchOptions{Inbox: f, Every: 2 * time.Minute})
	f.broken.Store(true)
	waits := []time.Duration{}
	for range 3 {
		s.looks <- struct{}{}
		waits = append(waits, s.await(t))
	}
	if got := fmt.Sprint(waits); got != "[4m0s 5m0s 5m0s]" {
		t.Errorf("waited %s", got)
	}
}

// TestWatchedPurchases: a completed session may still be unpaid, a stamp may stand under
// another key that is read, and whose an event is is told also of what is ignored.
func TestWatchedPurchases(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	s, listed := watch(t, o, inbox(o)), watch(t, o, list(o))
	session := func(id, status string) string {
		return fmt.Sprintf(`{"id":"evt_%s","object":"event","type":"checkout.session.completed","created":%d,"livemode":true,
			"data":{"object":{"id":"%s","object":"checkout.session","payment_status":"%s","metadata":{"org_id":"11","app":"ledgerly"},"livemode":true}}}`, id, o.clock().Unix(), id, status)
	}
	for _, status := range []string{"paid", "unpaid", "no_payment_required"} {
		o.accept(session("cs_"+status, status))
	}
	o.judge()
	s.looks <- struct{}{}
	s.await(t)
	paid := []string{}
	for _, w := range s.lines {
		if w.Stamp == nil || *w.Stamp != "11" {
			t.Errorf("%s: stamped %v", w.Object.ID, w.Stamp)
		}
		if w.Paid {
			paid = append(paid, w.Object.ID)
		}
	}
	same(t, "paid", paid, "cs_paid", "cs_no_payment_required")

	o.post("/v1/products", "name", "Plan")
	listed.looks <- struct{}{}
	listed.await(t)
	if len(listed.lines) != 1 || listed.lines[0].Status != rightful.InboxIgnored || listed.lines[0].Account != simAccount {
		t.Errorf("got %+v", listed.lines)
	}
}

// TestWatchBeginsInTheMiddle of what is going on: what was accepted and not judged yet,
// or not committed yet, is shown; what was shown to others, or came before the time that
// was asked for, is not.
func TestWatchBeginsInTheMiddle(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	accept := func(id string) {
		o.accept(customerEvent(o, "evt_"+id, "cus_"+id, `"company_id":"11","app":"ledgerly"`, ""))
	}
	accept("Long")
	o.judge()
	o.later(61)
	accept("Hidden")
	accept("Before")
	o.judge()
	o.later(20)
	accept("Pending")
	f := &flaky{InboxLog: o.store}
	f.hide.Store(2)
	s := watch(t, o, gateway.WatchOptions{Inbox: f})
	since := watch(t, o, gateway.WatchOptions{Inbox: f, Since: o.clock().Unix() - 10})
	for _, w := range []*spectator{s, since} {
		same(t, "at the beginning", w.shown())
	}
	o.judge()
	f.hide.Store(0)
	for _, w := range []*spectator{s, since} {
		got := w.look(t)
		slices.Sort(got)
		same(t, "then", got, "mine customer.updated cus_Hidden 11", "mine customer.updated cus_Pending 11")
	}
}

// TestWatchShowsAllOfAFlood in one look.
func TestWatchShowsAllOfAFlood(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	s := watch(t, o, inbox(o))
	var events []rightful.InboxEvent
	const many = 1001
	for n := range many {
		events = append(events, rightful.InboxEvent{Livemode: true, ID: fmt.Sprint("evt_", n), Type: "a", Status: rightful.InboxForeign, ReceivedAt: o.clock().Unix()})
	}
	if _, err := o.store.AcceptEvents(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	if got := s.look(t); len(got) != many {
		t.Errorf("%d are shown", len(got))
	}
}

// odd is an inbox that counts how often numbers are looked up, and in which an event is
// for a moment what it is not.
type odd struct {
	rightful.InboxLog
	asked   atomic.Int64
	pending atomic.Bool
}

func (l *odd) InboxEntries(ctx context.Context, numbers []int64) ([]rightful.InboxEntry, error) {
	l.asked.Add(1)
	entries, err := l.InboxLog.InboxEntries(ctx, numbers)
	for i := range entries {
		if l.pending.Load() {
			entries[i].Status = rightful.InboxPending
		}
	}
	return entries, err
}

// TestWatchAsksSeldomForUnknownOnes: every ten seconds, and one that turns out to be of
// another family is nothing new until it is judged with that.
func TestWatchAsksSeldomForUnknownOnes(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	l := &odd{InboxLog: o.store}
	s := watch(t, o, gateway.WatchOptions{Inbox: l})
	o.accept(customerEvent(o, "evt_1", "cus_1", `"company_id":"99","app":"ledgerly"`, ""))
	o.judge()
	same(t, "unknown", s.look(t), "unknown customer.updated cus_1")
	l.asked.Store(0)
	for range 20 {
		o.later(1)
		same(t, "nothing new", s.look(t))
	}
	if n := l.asked.Load(); n != 2 {
		t.Errorf("asked %d times in 20 seconds", n)
	}
	l.pending.Store(true)
	o.later(10)
	same(t, "of another family", s.look(t))
	l.pending.Store(false)
	o.exec("UPDATE companies SET stripe_customer_id = 'cus_1' WHERE id = 12")
	o.later(60)
	o.judge()
	same(t, "judged", s.look(t), "mine customer.updated cus_1 12 again")
}

// vanished is an inbox that has forgotten what it had.
type vanished struct {
	rightful.InboxLog
	gone atomic.Bool
}

func (l *vanished) InboxEntries(ctx context.Context, numbers []int64) ([]rightful.InboxEntry, error) {
	if l.gone.Load() {
		return nil, nil
	}
	return l.InboxLog.InboxEntries(ctx, numbers)
}

// TestWatchForgetsWhatTheInboxForgot: it does not wait for it any more.
func TestWatchForgetsWhatTheInboxForgot(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	l := &vanished{InboxLog: o.store}
	s := watch(t, o, gateway.WatchOptions{Inbox: l})
	o.accept(customerEvent(o, "evt_1", "cus_1", `"company_id":"11","app":"ledgerly"`, ""))
	same(t, "not judged", s.look(t))
	l.gone.Store(true)
	o.later(100)
	same(t, "gone", s.look(t))
	if len(s.trouble) != 0 {
		t.Errorf("told %v", s.trouble)
	}
}

// papers is Stripe's list of events as a test wants it.
type papers struct {
	rightful.StripeReader
	late   string       // the object whose events do not appear yet
	bare   string       // the type of those that come without their body
	most   int          // how many are listed until it breaks off; 0: all
	listed atomic.Int64 // how many were
}

func (p *papers) Events(ctx context.Context, q rightful.EventQuery) iter.Seq2[rightful.Event, error] {
	return func(yield func(rightful.Event, error) bool) {
		n := 0
		for e, err := range p.StripeReader.Events(ctx, q) {
			if err == nil && p.late != "" && e.ObjectID == p.late {
				continue
			}
			if e.Type == p.bare {
				e.Body = nil
			}
			if n++; p.most > 0 && n > p.most {
				yield(rightful.Event{}, &rightful.Error{Kind: rightful.KindUnreachable, Place: "stripe", Message: "it broke off"})
				return
			}
			p.listed.Add(1)
			if !yield(e, err) {
				return
			}
		}
	}
}

func listOf(o *office, p *papers) gateway.WatchOptions {
	p.StripeReader = o.opt.Stripe
	options := list(o)
	options.Stripe = p
	return options
}

// TestWatchListIsIncomplete: events that appear after younger ones, and lists that break
// off, lose nothing. The first look reads no more of the past than it has to.
func TestWatchListIsIncomplete(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	for range 20 {
		o.mine("11")
	}
	o.later(1000)
	o.mine("11")
	p := &papers{}
	s := watch(t, o, listOf(o, p))
	same(t, "at the beginning", s.shown())
	if n := p.listed.Load(); n > 2 {
		t.Errorf("%d events were read for a beginning", n)
	}
	late := o.mine("11")
	p.late = late
	o.later(100)
	first := o.mine("12")
	same(t, "one is not there yet", s.look(t), "mine customer.created "+first+" 12")
	p.late = ""
	same(t, "now it is", s.look(t), "mine customer.created "+late+" 11")

	o.later(1)
	second := o.mine("11")
	o.later(1)
	third := o.mine("12")
	p.most = 1
	same(t, "it breaks off", s.look(t))
	p.most = 0
	same(t, "whole", s.look(t), "mine customer.created "+second+" 11", "mine customer.created "+third+" 12")
}

// TestWatchListReadsWhatAnEventLacks: its object, once, and shows it in the same look.
func TestWatchListReadsWhatAnEventLacks(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	id := o.mine("11")
	session := o.postID("/v1/checkout/sessions", "customer", id, "success_url", "https://app.example.com/", "metadata[company_id]", "11", "mode", "payment",
		"line_items[0][quantity]", "2", "line_items[0][price_data][currency]", "usd", "line_items[0][price_data][unit_amount]", "500", "line_items[0][price_data][product_data][name]", "Thing")
	o.exec("UPDATE companies SET stripe_customer_id = '" + id + "' WHERE id = 11")
	o.later(1)
	s := watch(t, o, listOf(o, &papers{bare: "checkout.session.completed"}))
	if err := o.sim.CompleteCheckout("", session, stripesim.CompleteOptions{Email: "ana@example.com"}); err != nil {
		t.Fatal(err)
	}
	if got := s.look(t); !slices.Contains(got, "mine checkout.session.completed "+session+" 11") {
		t.Errorf("got %q", got)
	}
}

// TestWatchListHearsTheFamily: a new event of the family brings unknown ones along before
// their time, what they said is still superseded, and after an hour nobody asks any more.
func TestWatchListHearsTheFamily(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	s := watch(t, o, list(o))
	id := o.postID("/v1/customers", "metadata[company_id]", "99", "metadata[app]", "ledgerly")
	o.post("/v1/customers/"+id, "metadata[org_id]", "98") // in the same second
	same(t, "unknown", s.look(t), "unknown customer.created "+id, "unknown customer.updated "+id)
	o.later(5)
	o.post("/v1/customers/"+id, "name", "A")
	o.exec("UPDATE companies SET stripe_customer_id = '" + id + "' WHERE id = 12")
	s.looks <- struct{}{}
	s.await(t)
	for i, w := range s.lines {
		if w.Superseded != (i < 2) {
			t.Errorf("%s: superseded %v", w.Type, w.Superseded)
		}
	}
	same(t, "heard", s.shown(), "mine customer.created "+id+" 12 again", "mine customer.updated "+id+" 12 again", "mine customer.updated "+id+" 12")

	forgotten := o.postID("/v1/customers", "metadata[company_id]", "99", "metadata[app]", "ledgerly")
	same(t, "another", s.look(t), "unknown customer.created "+forgotten)
	o.later(3600)
	same(t, "after an hour", s.look(t))
	o.exec("UPDATE companies SET stripe_customer_id = '" + forgotten + "' WHERE id = 11")
	o.later(60)
	if got := s.look(t); strings.Contains(fmt.Sprint(got), forgotten) {
		t.Errorf("it is still asked about: %q", got)
	}
}
