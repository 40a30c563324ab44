package gateway_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
)

// accept takes an event as if Stripe had sent it.
func (o *office) accept(body string) {
	o.t.Helper()
	if err := o.Accept(o.t.Context(), []byte(body), signed(officeSecret, body, o.clock().Unix())); err != nil {
		o.t.Fatal(err)
	}
}

// TestAFamilyLargerThanABatch: a customer of whom nobody can be named, and about whom
// more events come than are judged together, holds up neither itself nor others.
func TestAFamilyLargerThanABatch(t *testing.T) {
	onEngines(t, func(t *testing.T, o *office) {
		const many = 520
		for n := range many {
			o.accept(fmt.Sprintf(`{"id":"evt_%d","object":"event","type":"customer.updated","created":%d,"livemode":true,
				"data":{"object":{"id":"cus_Hub","object":"customer","created":1,"metadata":{"app":"ledgerly"},"livemode":true}}}`, n, o.clock().Unix()-many+int64(n)))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for shard := range rightful.InboxShards {
			if _, err := o.JudgeShard(ctx, shard); err != nil {
				t.Fatalf("shard %d: %v", shard, err)
			}
		}
		if got := fmt.Sprint(o.statuses()); got != fmt.Sprintf("map[unknown:%d]", many) {
			t.Errorf("got %s", got)
		}
	})
}

// leisurely is a Stripe that takes its time for each answer.
type leisurely struct{ gateway.Stripe }

func (s leisurely) Get(ctx context.Context, t rightful.ObjectType, id string) (rightful.Object, rightful.Existence, error) {
	timer := time.NewTimer(20 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return rightful.Object{}, rightful.ExistsUnknown, ctx.Err()
	}
	return s.Stripe.Get(ctx, t, id)
}

// TestWhatWasReadIsKept: a flood of events without objects, as after an outage, is
// worked off in parts. No part lasts so long that its worker is called off, with
// nothing written down.
func TestWhatWasReadIsKept(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{options: func(o *gateway.Options) { o.Stripe = leisurely{o.Stripe} }}, officeRows, "")
	o.ReadFor(200 * time.Millisecond)
	const many = 150
	var ids []string
	for n := 0; len(ids) < many; n++ {
		if id := fmt.Sprintf("cus_%d", n); gateway.ShardOf(id) == 3 {
			ids = append(ids, id)
		}
	}
	for n, id := range ids {
		o.accept(fmt.Sprintf(`{"id":"evt_%d","object":"v2.core.event","type":"v1.customer.updated","created":"2026-09-21T14:13:20.5Z","livemode":true,
			"related_object":{"id":"%s","type":"customer"}}`, n, id))
	}
	told := map[gateway.Status]int{}
	for range 60 { // ten suffice, but nobody knows how busy this machine is
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond) // of the 3000 that all take
		_, _ = o.JudgeShard(ctx, 3)                                           // it may well be called off
		cancel()
		for status, n := range o.statuses() {
			told[status] += n
		}
		if told["unknown"] == many {
			break
		}
	}
	if got := fmt.Sprint(told); got != fmt.Sprintf("map[unknown:%d]", many) {
		t.Errorf("got %s", got)
	}
}

// lateAnswer is an inbox whose answer to a taken shard comes after the caller went.
type lateAnswer struct{ rightful.InboxWork }

func (l lateAnswer) TakeShard(ctx context.Context, lane rightful.InboxLane, shard int, worker string, until int64) (bool, error) {
	taken, err := l.InboxWork.TakeShard(context.WithoutCancel(ctx), lane, shard, worker, until)
	return taken && ctx.Err() == nil, cmp.Or(err, ctx.Err())
}

// TestACalledOffWorkerHoldsNothing: a worker that is called off while it takes a shard
// does not keep others from it.
func TestACalledOffWorkerHoldsNothing(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	hooks, err := o.gateway().Webhooks(gateway.WebhookOptions{Inbox: lateAnswer{o.store}, Secrets: []string{officeSecret}})
	if err != nil {
		t.Fatal(err)
	}
	off, cancel := context.WithCancel(t.Context())
	cancel()
	if taken, err := hooks.JudgeShard(off, 3); taken || !errors.Is(err, context.Canceled) {
		t.Fatalf("called off: %v, %v", taken, err)
	}
	if taken, err := hooks.JudgeShard(t.Context(), 3); !taken || err != nil {
		t.Errorf("the next one: %v, %v", taken, err)
	}
}

// tiring is a Stripe whose list of events is longer than there is time for.
type tiring struct {
	gateway.Stripe
	most int // how many events are listed until the time is over
	left int
}

func (s *tiring) Events(ctx context.Context, q rightful.EventQuery) iter.Seq2[rightful.Event, error] {
	return func(yield func(rightful.Event, error) bool) {
		for e, err := range s.Stripe.Events(ctx, q) {
			if s.left--; s.left < 0 {
				yield(rightful.Event{}, context.DeadlineExceeded)
				return
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// TestALongOutageIsCaughtUpInParts: what was missed is found also when all of it cannot
// be listed in one go.
func TestALongOutageIsCaughtUpInParts(t *testing.T) {
	t.Parallel()
	s := &tiring{most: 4, left: 4}
	o := openOffice(t, setup{options: func(o *gateway.Options) { s.Stripe, o.Stripe = o.Stripe, s }}, officeRows, "")
	if _, err := o.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	const lost = 12
	for range lost {
		o.postID("/v1/customers", "metadata[company_id]", "11", "metadata[app]", "ledgerly")
		o.later(60 * 60)
	}
	missed := 0
	for range lost {
		s.left = s.most
		n, _ := o.CatchUp(t.Context()) // the time may be over
		missed += n
	}
	if s.left = s.most; missed != lost {
		t.Errorf("%d of %d were found", missed, lost)
	}
	if n, err := o.CatchUp(t.Context()); n != 0 || err != nil {
		t.Errorf("%d are found again, %v", n, err)
	}
}
