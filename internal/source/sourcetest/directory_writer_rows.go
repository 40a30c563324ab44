package sourcetest

import (
	"slices"
	"strings"
	"testing"

	"rightful"
)

// whole adds (from nothing) or takes away (to nothing) the row of a subscription.
func (k changer) whole(subscription string, from, to *rightful.RowValues) rightful.FieldChange {
	c := rightful.FieldChange{Object: rightful.Ref{Type: rightful.RefSubscriptionRow, ID: subscription}, Field: rightful.FieldRow}
	text := func(v *rightful.RowValues) *string {
		if v == nil {
			return nil
		}
		s := v.Text()
		return &s
	}
	c.From, c.To = text(from), text(to)
	return c
}

func (k changer) values(company int, customer, status string) *rightful.RowValues {
	return &rightful.RowValues{CompanyID: k.id(company), StripeCustomerID: customer, Status: status}
}

// testWholeRows adds rows and takes them away again. The id of a new row is the
// source's own, but there is one.
func testWholeRows(t *testing.T, kind IDs, open openDirectoryWriter) {
	k := changer{kind}
	reader, writer := open(t, small(kind))
	write := func(what string, commit bool, all ...rightful.FieldChange) {
		t.Helper()
		if err := writer.CompareAndSet(t.Context(), all, commit); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	refuse := func(what string, kind rightful.ErrorKind, says string, all ...rightful.FieldChange) {
		t.Helper()
		for _, commit := range []bool{false, true} {
			err := writer.CompareAndSet(t.Context(), all, commit)
			if rightful.KindOf(err) != kind || err != nil && !strings.Contains(err.Error(), says) {
				t.Errorf("%s: got %v, want it of kind %s with %s", what, err, kind, says)
			}
		}
	}
	is := func(what string, added ...rightful.SubscriptionRow) {
		t.Helper()
		want := small(kind)
		want.Subscriptions = append(want.Subscriptions, added...)
		got := read(t, reader, rightful.Select{})
		for i := range got.Subscriptions {
			r := &got.Subscriptions[i]
			if slices.ContainsFunc(added, func(a rightful.SubscriptionRow) bool { return a.StripeSubscriptionID == r.StripeSubscriptionID }) {
				if r.ID == "" {
					t.Errorf("%s: a row without an id: %+v", what, r)
				}
				r.ID = ""
			}
		}
		same(t, got, want)
	}
	const conflict, invalid, unsupported = rightful.KindConflict, rightful.KindInvalid, rightful.KindUnsupported
	values := k.values(12, "cus_9", "active")
	row := rightful.SubscriptionRow{CompanyID: k.id(12), StripeCustomerID: "cus_9", StripeSubscriptionID: "sub_9", Status: "active"}

	write("asked", false, k.whole("sub_9", nil, values))
	is("asked")
	write("added, after a link", true, k.company(11, "", "cus_A"), k.whole("sub_9", nil, values))
	write("the link is taken back", true, k.company(11, "cus_A", ""))
	is("added", row)

	refuse("twice", conflict, "already", k.whole("sub_9", nil, values))
	refuse("of a subscription that has rows", conflict, "already", k.whole("sub_1", nil, values))
	refuse("two in one", conflict, "already", k.whole("sub_8", nil, values), k.whole("sub_8", nil, values))
	refuse("of no company", conflict, k.id(404), k.whole("sub_8", nil, k.values(404, "cus_9", "active")))
	refuse("of another company", conflict, k.id(12), k.whole("sub_9", k.values(11, "cus_9", "active"), nil))
	refuse("of another customer", conflict, "cus_9", k.whole("sub_9", k.values(12, "cus_8", "active"), nil))
	refuse("of another status", conflict, "active", k.whole("sub_9", k.values(12, "cus_9", "trialing"), nil))
	refuse("of none", conflict, "sub_404", k.whole("sub_404", values, nil))
	refuse("of two", conflict, "sub_1", k.whole("sub_1", k.values(4, "cus_4", "active"), nil))
	refuse("replaced", unsupported, "", k.whole("sub_9", values, k.values(12, "cus_9", "trialing")))
	refuse("neither", unsupported, "", k.whole("sub_9", nil, nil))
	text := "company " + k.id(12)
	spoilt := k.whole("sub_9", nil, nil)
	spoilt.To = &text
	refuse("no values", invalid, "values", spoilt)
	is("refused", row)

	// A row that was changed since is another one.
	own := collect(t, reader.SubscriptionRows(t.Context(), rightful.Select{By: rightful.ByStripeSubscription, Values: []string{"sub_9"}}))
	if len(own) != 1 {
		t.Fatalf("rows of sub_9: %+v", own)
	}
	canceled, active := "canceled", "active"
	status := rightful.FieldChange{Object: rightful.Ref{Type: rightful.RefSubscriptionRow, ID: own[0].ID}, Field: rightful.FieldRowStatus, From: &active, To: &canceled}
	write("its status changes", true, status)
	refuse("changed since", conflict, "canceled", k.whole("sub_9", values, nil))
	status.From, status.To = status.To, status.From
	write("and back", true, status)

	write("asked to take it away", false, k.whole("sub_9", values, nil))
	is("asked to take it away", row)
	write("added and taken away at once", true, k.whole("sub_8", nil, values), k.payer(2, "cus_11", "cus_B"))
	write("both taken away", true, k.whole("sub_8", values, nil), k.whole("sub_9", values, nil), k.payer(2, "cus_B", "cus_11"))
	is("taken away")
	write("and once more", true, k.whole("sub_9", nil, values))
	is("once more", row)
}
