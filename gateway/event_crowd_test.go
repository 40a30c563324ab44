package gateway_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"rightful"
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
