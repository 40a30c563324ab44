package gateway_test

import (
	"slices"
	"strings"
	"testing"
)

// TestTheTagIsTheCustomers: a subscription that is tagged as another app's hangs on a
// customer that the database links and that no event has told of. The customer's tag
// counts, as in an audit: the event must not be foreign for ever because of the order
// in which things came.
func TestTheTagIsTheCustomers(t *testing.T) {
	t.Parallel()
	rows := append([]string{}, officeRows...)
	rows = append(rows, linking(11, "cus_Ours"), linking(12, "cus_Theirs"))
	o := openOffice(t, setup{}, rows, customers("cus_Ours company_id=11 app=ledgerly", "cus_Theirs company_id=12 app=another"))
	price := o.postID("/v1/prices", "currency", "usd", "unit_amount", "1000", "recurring[interval]", "month", "product_data[name]", "Plan")
	subscribe := func(customer string) string {
		return o.postID("/v1/subscriptions", "customer", customer, "items[0][price]", price, "payment_behavior", "default_incomplete", "metadata[app]", "another")
	}
	ours := subscribe("cus_Ours")
	subscribe("cus_Theirs")
	o.settle()
	if got := o.toldNotices(); len(got) != 0 {
		t.Errorf("told early: %v", got)
	}
	o.later(60)
	o.judge()
	told := o.toldNotices()
	if !slices.Contains(told, "11 customer.subscription.created "+ours) {
		t.Errorf("told %v", told)
	}
	if i := slices.IndexFunc(told, func(line string) bool { return !strings.HasPrefix(line, "11 ") }); i >= 0 {
		t.Errorf("told %s", told[i])
	}
}
