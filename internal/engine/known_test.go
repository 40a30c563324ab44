package engine_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/engine"
)

func about(kind, id string, minor int64, currency string, also ...string) rightful.Finding {
	return rightful.Finding{
		ID: kind + id, Severity: rightful.SeverityError, Object: rightful.Ref{Type: kind, ID: id}, Also: also,
		Amount: &rightful.Amount{MonthlyMinor: minor, Currency: currency},
	}
}

// TestMoneyIsCountedOnce, however many findings are about it.
func TestMoneyIsCountedOnce(t *testing.T) {
	t.Parallel()
	info := about("subscription", "sub_9", 7, "eur")
	info.Severity = rightful.SeverityInfo
	eur := func(n int64) []rightful.Amount { return []rightful.Amount{{MonthlyMinor: n, Currency: "eur"}} }
	tests := map[string]struct {
		findings []rightful.Finding
		want     []rightful.Amount
	}{
		"nothing":                     {nil, []rightful.Amount{}},
		"information is not at stake": {[]rightful.Finding{info}, []rightful.Amount{}},
		"one payment": {[]rightful.Finding{
			about("checkout.session", "cs_1", 9900, "eur", "cus_1"), about("customer", "cus_1", 9900, "eur"),
			about("subscription", "sub_1", 9900, "eur", "cus_1"), about("link", "11", 9900, "eur", "cus_1"),
			about("subscription_row", "4", 9900, "eur", "cus_1", "sub_1"),
		}, eur(9900)},
		"two subscriptions of a customer": {[]rightful.Finding{
			about("subscription", "sub_1", 100, "eur", "cus_1"), about("subscription", "sub_2", 50, "eur", "cus_1"), about("customer", "cus_1", 100, "eur"),
		}, eur(150)},
		"two rows of a customer": {[]rightful.Finding{
			about("subscription_row", "1", 100, "eur", "cus_1", "sub_1"), about("subscription_row", "2", 50, "eur", "cus_1", "sub_2"),
		}, eur(150)},
		"two customers of a link": {[]rightful.Finding{
			about("customer", "cus_1", 100, "eur"), about("customer", "cus_2", 50, "eur"), about("link", "11", 150, "eur", "cus_1", "cus_2"),
		}, eur(150)},
		"two companies with one id of the app": {[]rightful.Finding{
			about("customer", "cus_1", 100, "eur", "11"), about("customer", "cus_2", 50, "eur", "11"),
		}, eur(150)},
		"currencies, the most first": {[]rightful.Finding{
			about("subscription", "sub_1", 5, "brl"), about("subscription", "sub_2", 10, "usd"),
		}, []rightful.Amount{{MonthlyMinor: 10, Currency: "usd"}, {MonthlyMinor: 5, Currency: "brl"}}},
		"more than 64 bits": {[]rightful.Finding{
			about("subscription", "sub_1", 1<<62, "eur"), about("subscription", "sub_2", 1<<62, "eur"), about("subscription", "sub_3", 1<<62, "eur"),
		}, eur(1<<63 - 1)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, engine.AtStake(tt.findings)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
