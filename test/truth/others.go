package truth

import (
	"fmt"
	"maps"

	"rightful"
)

// others puts objects of other applications into the account. They count their
// companies from 1 too, and have customers with the same emails.
func (w *World) others() {
	for n := range 1 + w.pick("others", 2) {
		id := fmt.Sprintf("cus_other%d", n)
		meta := map[string]string{}
		status := "active"
		switch {
		case w.App.Tagged != "" && w.chance("tagged as another's", 2):
			meta[tagKey], meta[companyKey], meta[userKey] = "other", w.Companies[0].ID, w.Users[0].ID
		case w.App.Tagged != "":
			// Untagged, a number reaches nobody; anything else would be ours.
			meta[companyKey] = "11"
		default:
			// Without a tag, whatever bears our keys is ours, and whatever is paid for
			// is nobody's.
			status = "incomplete_expired"
		}
		if w.chance("another spelling", 2) {
			meta["orgId"] = w.Companies[0].ID
		}
		w.Objects = append(w.Objects,
			&rightful.Object{Type: rightful.TypeCustomer, ID: id, Email: of(w, "other's email", w.Users[0].Email, "x@example.com"), Created: w.Now, Livemode: true, Account: "acct_1", Metadata: meta},
			&rightful.Object{Type: rightful.TypeSubscription, ID: "sub_other" + fmt.Sprint(n), StripeCustomerID: id, Status: status, Created: w.Now, Livemode: true, Account: "acct_1", Metadata: maps.Clone(meta)})
	}
}
