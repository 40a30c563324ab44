package mirror_test

import (
	"path/filepath"
	"strings"
	"testing"

	"rightful"
)

// TestIndexesServe what is asked: no list scans an account, and only what is about one
// customer, email, subscription or intent is sorted.
func TestIndexesServe(t *testing.T) {
	t.Parallel()
	m := open(t, "sqlite:"+filepath.Join(t.TempDir(), "mirror.db"))
	for name, tt := range map[string]struct {
		q    rightful.ListQuery
		want string
	}{
		"all":          {rightful.ListQuery{Type: rightful.TypeCustomer}, "USING INDEX object_created (type=?"},
		"recent":       {rightful.ListQuery{Type: rightful.TypeSession, CreatedFrom: 5, CreatedTo: 9}, "USING INDEX object_created (type=? AND created>? AND created<?"},
		"customer":     {rightful.ListQuery{Type: rightful.TypeSession, StripeCustomerID: "cus_1", CreatedFrom: 5}, "USING PRIMARY KEY (place=? AND family=? AND type=?"},
		"email":        {rightful.ListQuery{Type: rightful.TypeCustomer, Email: "a@example.com"}, "USING INDEX object_email (email=?"},
		"subscription": {rightful.ListQuery{Type: rightful.TypeSession, SubscriptionID: "sub_1"}, "USING INDEX object_subscription (subscription=?"},
		"intent":       {rightful.ListQuery{Type: rightful.TypeSession, PaymentIntentID: "pi_1"}, "USING INDEX object_payment_intent (payment_intent=?"},
	} {
		for _, next := range []bool{false, true} {
			plan, err := m.Plan(t.Context(), tt.q, next)
			if err != nil || !strings.Contains(plan, tt.want) {
				t.Errorf("%s, next page %v: %v\ngot  %s\nwant %s", name, next, err, plan, tt.want)
			}
			if whole := name == "all" || name == "recent"; whole && strings.Contains(plan, "TEMP B-TREE") {
				t.Errorf("%s, next page %v: sorts: %s", name, next, plan)
			}
		}
	}
}
