package gateway_test

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
)

// endless is a Stripe in which one customer has more than can ever be listed.
type endless struct {
	gateway.Stripe
	customer string
}

func (s endless) List(ctx context.Context, q rightful.ListQuery) iter.Seq2[rightful.Object, error] {
	if q.StripeCustomerID != s.customer || q.Type != rightful.TypePaymentIntent {
		return s.Stripe.List(ctx, q)
	}
	return func(yield func(rightful.Object, error) bool) {
		<-ctx.Done()
		yield(rightful.Object{}, context.Cause(ctx))
	}
}

// inShard returns an id of a shard's.
func inShard(shard int) string {
	for n := 0; ; n++ {
		if id := fmt.Sprintf("cus_Other%d", n); gateway.ShardOf(id) == shard {
			return id
		}
	}
}

// TestAHubHoldsNobodyUp: an unknown event of a customer with very many objects is looked
// at with everything around it the second time, which may take longer than a job has. The
// other families of its shard are judged all the same, and in the end it is given up as
// any other.
func TestAHubHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	const hub = "cus_Hub"
	o := openOffice(t, setup{options: func(o *gateway.Options) { o.Stripe = endless{o.Stripe, hub} }}, officeRows,
		`"customers": [{"id": "`+hub+`", "object": "customer", "created": 1, "livemode": true, "metadata": {"app": "ledgerly"}}]`)
	o.LookFor(20 * time.Millisecond)
	shard := gateway.ShardOf(hub)
	event := func(id, customer, company string) {
		o.accept(fmt.Sprintf(`{"id":"%s","object":"event","type":"customer.updated","created":%d,"livemode":true,
			"data":{"object":{"id":"%s","object":"customer","created":1,"metadata":{"app":"ledgerly"%s},"livemode":true}}}`, id, o.clock().Unix(), customer, company))
	}
	work := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // the job's
		defer cancel()
		if _, err := o.JudgeShard(ctx, shard); err != nil {
			t.Fatal(err)
		}
	}
	event("evt_hub", hub, "")
	work() // unknown, the first time
	o.later(60)
	event("evt_other", inShard(shard), `,"company_id":"11"`)
	work()
	if got := fmt.Sprint(o.statuses()); got != "map[mine:1 unknown:2]" {
		t.Errorf("got %s", got)
	}
	for range 5 {
		o.later(24 * 60 * 60)
		work()
	}
	if got := fmt.Sprint(o.statuses()); got != "map[dead:1 unknown:4]" {
		t.Errorf("in the end %s", got)
	}
}
