package gateway_test

import (
	"context"
	"fmt"
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
	o := openOffice(t, setup{options: func(o *gateway.Options) { o.Stripe = leisurely{o.Stripe} }}, twoCompanies, "")
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
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond) // of 750 that all take
		_, _ = o.JudgeShard(ctx, 3)                                           // it may well be called off
		cancel()
	}
	if got := fmt.Sprint(o.statuses()); got != fmt.Sprintf("map[unknown:%d]", many) {
		t.Errorf("got %s", got)
	}
}
