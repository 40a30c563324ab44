package gateway_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rightful/gateway"
)

// TestEveryFamilyHasItsTurn: of many families of which nobody can be named at first, all
// are looked at closer in the end, however many stand before them, and none is given up
// before it was; and never are more than a few looked at in one go.
func TestEveryFamilyHasItsTurn(t *testing.T) {
	onEngines(t, func(t *testing.T, o *office) {
		const crowd, shard = 25, 3
		var ids []string
		for n := 0; len(ids) < crowd; n++ {
			if id := fmt.Sprintf("cus_%03d", n); gateway.ShardOf(id) == shard {
				ids = append(ids, id)
			}
		}
		mine := ids[crowd-1] // the last in every order
		var subscriptions []string
		stamped := []string{mine + " company_id=11 app=ledgerly"}
		for _, id := range ids {
			subscriptions = append(subscriptions, fmt.Sprintf(`{"id": "sub_%s", "created": %d, "customer": %q, "status": "active", "metadata": {}}`, id[4:], old, id))
			if id != mine {
				stamped = append(stamped, id+" app=ledgerly")
			}
		}
		world := customers(stamped...) + `, "subscriptions": [` + strings.Join(subscriptions, ", ") + `]`
		if err := o.sim.LoadWorld(strings.NewReader(`{"stripe": {"account": {"id": "` + simAccount + `", "livemode": true}, ` + world + `}}`)); err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			o.accept(fmt.Sprintf(`{"id":"evt_%s","object":"event","type":"customer.subscription.updated","created":%d,"livemode":true,
				"data":{"object":{"id":"sub_%s","object":"subscription","created":%d,"customer":%q,"status":"active","metadata":{},"livemode":true}}}`, id, o.clock().Unix(), id[4:], old, id))
		}
		judge := func() int64 {
			t.Helper()
			before := o.sim.Counts().Operations["customers.retrieve"]
			if taken, err := o.JudgeShard(t.Context(), shard); err != nil || !taken {
				t.Fatal(taken, err)
			}
			return o.sim.Counts().Operations["customers.retrieve"] - before
		}
		judge()
		var told []string
		for range 4 {
			o.later(60)
			if n := judge(); n > 10 {
				t.Errorf("%d customers were looked at in one go", n)
			}
			if _, err := o.TellShard(t.Context(), shard); err != nil {
				t.Fatal(err)
			}
			told = append(told, o.toldNotices()...)
		}
		if !slices.Equal(told, []string{"11 customer.subscription.updated sub_" + mine[4:]}) {
			t.Errorf("told %v", told)
		}
		// The others are given up in the end, and not before.
		for range 12 {
			o.later(24 * 60 * 60)
			judge()
		}
		if got := o.statuses(); got["dead"] != crowd-1 || got["mine"] != 1 {
			t.Errorf("got %v", got)
		}
	})
}
