package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"rightful"
)

// TestNoEmailIsKept: a buyer may type an email where a reference is expected. Neither the
// event nor what is known of its object holds it; another reference stays.
func TestNoEmailIsKept(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	for id, reference := range map[string]string{"cs_live_email": "ana@example.com", "cs_live_company": "11"} {
		o.accept(fmt.Sprintf(`{"id":"evt_%[1]s","object":"event","type":"checkout.session.completed","created":%[2]d,"livemode":true,
			"data":{"object":{"id":"%[1]s","object":"checkout.session","created":1,"mode":"payment","status":"complete","payment_status":"paid",
			"client_reference_id":"%[3]s","metadata":{"app":"ledgerly","company_id":"11"},"livemode":true}}}`, id, o.clock().Unix(), reference))
	}
	payloads := func() string {
		var all strings.Builder
		for shard := range rightful.InboxShards {
			events, err := o.store.OpenEvents(t.Context(), shard, 10, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				all.WriteString(e.Payload)
			}
		}
		return all.String()
	}
	check := func(kept string) {
		t.Helper()
		if strings.Contains(kept, "@") || !strings.Contains(kept, `"client_reference_id":"11"`) {
			t.Errorf("kept is %s", kept)
		}
	}
	check(payloads())
	o.judge()
	objects, err := o.store.InboxObjects(t.Context(), true, nil, []string{"cs_live_email", "cs_live_company"})
	if err != nil || len(objects) != 2 {
		t.Fatal(err, objects)
	}
	check(objects[0].Snapshot + objects[1].Snapshot)
}
