package gateway_test

import (
	"fmt"
	"testing"
)

// TestEventsOfAMergedCompany: what a company bought that was merged since is its
// survivor's from the first look on, as an investigation has it, also where that one
// was merged too.
func TestEventsOfAMergedCompany(t *testing.T) {
	onEngines(t, func(t *testing.T, o *office) {
		o.exec("INSERT INTO companies (id, name, merged_into) VALUES (13, 'Thirteen', 12)")
		id := o.postID("/v1/customers", "metadata[company_id]", "13", "metadata[app]", "ledgerly")
		o.exec("UPDATE companies SET stripe_customer_id = '" + id + "' WHERE id = 13")
		o.settle()
		o.exec("UPDATE companies SET merged_into = 11 WHERE id = 12")
		o.later(5)
		o.post("/v1/customers/"+id, "name", "Ana")
		o.settle()
		if got := fmt.Sprint(o.toldNotices()); got != fmt.Sprintf("[12 customer.created %s 11 customer.updated %s]", id, id) {
			t.Errorf("told %s", got)
		}
	})
}
