package pull_test

import (
	"fmt"
	"testing"

	"rightful"
	"rightful/internal/pull"
)

// TestDelivered: of what came alone, a state gives way to what a run has learned of its
// second, created comes before everything else of it, and deleted after.
func TestDelivered(t *testing.T) {
	t.Parallel()
	account := rightful.Account{ID: "acct_1"}
	for _, c := range []struct {
		kind, object, body string
		asOf               int64
		exists             rightful.Existence
	}{
		{kind: "customer.created", asOf: 998, exists: rightful.ExistsPresent},
		{kind: "customer.updated", asOf: 999, exists: rightful.ExistsPresent},
		{kind: "customer.deleted", asOf: 1000, exists: rightful.ExistsDeleted},
		{kind: "customer.discount.created"},                // of another object
		{kind: "invoice.paid"},                             // a mirror does not list it
		{kind: "customer.updated", object: "cus_2"},        // the event is about another one
		{kind: "customer.updated", body: `{"data": {}}`},   // carries nothing
		{kind: "customer.updated", body: `{"data": {"obj`}, // is cut off
	} {
		if c.object == "" {
			c.object = "cus_1"
		}
		if c.body == "" {
			c.body = `{"livemode": false, "data": {"object": {"id": "cus_1", "object": "customer", "livemode": false, "metadata": {"company_id": "7", "note": "private"}}}}`
		}
		t.Run(fmt.Sprint(c.kind, c.object, len(c.body)), func(t *testing.T) {
			o, ok := pull.Delivered(rightful.Event{Type: c.kind, Created: 1000, ObjectType: rightful.TypeCustomer, ObjectID: c.object, Body: []byte(c.body)}, account, rightful.KeySet{Company: "company_id"})
			if ok != (c.asOf > 0) || o.AsOf != c.asOf || ok && o.Exists != c.exists {
				t.Fatalf("%+v, %t", o, ok)
			}
			if ok && (o.ID != "cus_1" || o.Account != "acct_1" || o.Type != rightful.TypeCustomer) {
				t.Errorf("%+v", o)
			}
			if o.Exists == rightful.ExistsPresent && ok && (len(o.Metadata) != 1 || o.Metadata["company_id"] != "7") {
				t.Errorf("%+v", o.Metadata)
			}
		})
	}
}
