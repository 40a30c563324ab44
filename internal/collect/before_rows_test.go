package collect_test

import (
	"context"
	"iter"
	"slices"
	"testing"

	"rightful"
	"rightful/internal/collect"
)

// rowsOnly is a database of subscription rows.
type rowsOnly struct {
	rightful.DirectoryReader
	rows []rightful.SubscriptionRow
}

// SubscriptionRows yields the selected rows.
func (d rowsOnly) SubscriptionRows(_ context.Context, sel rightful.Select) iter.Seq2[rightful.SubscriptionRow, error] {
	return func(yield func(rightful.SubscriptionRow, error) bool) {
		for _, r := range d.rows {
			value := map[rightful.Column]string{
				rightful.ByID: r.ID, rightful.ByCompany: r.CompanyID, rightful.ByStripeSubscription: r.StripeSubscriptionID, rightful.ByStripeCustomer: r.StripeCustomerID,
			}[sel.By]
			if (sel.By == "" || slices.Contains(sel.Values, value)) && !yield(r, nil) {
				return
			}
		}
	}
}

// TestRowsAsBefore: a row that was added is left out while it is as it was added, and
// a status is what it was.
func TestRowsAsBefore(t *testing.T) {
	t.Parallel()
	added := rightful.RowValues{CompanyID: "11", StripeCustomerID: "cus_A", Status: "active"}.Text()
	canceled, active := "canceled", "active"
	writes := []rightful.Proposal{
		{Place: rightful.PlaceDB, Object: rightful.Ref{Type: rightful.RefSubscriptionRow, ID: "sub_A"}, Field: rightful.FieldRow, To: &added},
		{Place: rightful.PlaceDB, Object: rightful.Ref{Type: rightful.RefSubscriptionRow, ID: "31"}, Field: rightful.FieldRowStatus, From: &canceled, To: &active},
	}
	row := func(id, company, subscription, status string) rightful.SubscriptionRow {
		return rightful.SubscriptionRow{ID: id, CompanyID: company, StripeCustomerID: "cus_A", StripeSubscriptionID: subscription, Status: status}
	}
	for name, tt := range map[string]struct {
		now, before rightful.SubscriptionRow
	}{
		"added":                 {row("32", "11", "sub_A", "active"), rightful.SubscriptionRow{}},
		"added, and changed":    {row("32", "11", "sub_A", "canceled"), row("32", "11", "sub_A", "canceled")},
		"of another company":    {row("32", "12", "sub_A", "active"), row("32", "12", "sub_A", "active")},
		"another":               {row("33", "11", "sub_B", "active"), row("33", "11", "sub_B", "active")},
		"a status":              {row("31", "11", "sub_C", "active"), row("31", "11", "sub_C", "canceled")},
		"a status, and changed": {row("31", "11", "sub_C", "paused"), row("31", "11", "sub_C", "paused")},
		"a status of another":   {row("30", "11", "sub_C", "active"), row("30", "11", "sub_C", "active")},
	} {
		src := collect.AsBefore(collect.Sources{Directory: rowsOnly{rows: []rightful.SubscriptionRow{tt.now}}}, writes)
		for _, sel := range []rightful.Select{
			{}, {By: rightful.ByStripeSubscription, Values: []string{tt.now.StripeSubscriptionID}}, {By: rightful.ByCompany, Values: []string{tt.now.CompanyID}},
			{By: rightful.ByID, Values: []string{tt.now.ID}}, {By: rightful.ByStripeCustomer, Values: []string{"cus_A"}},
		} {
			var got rightful.SubscriptionRow
			for r, err := range src.Directory.SubscriptionRows(t.Context(), sel) {
				if err != nil {
					t.Fatal(err)
				}
				got = r
			}
			if got != tt.before {
				t.Errorf("%s, by %q: %+v, want %+v", name, sel.By, got, tt.before)
			}
		}
	}
}
