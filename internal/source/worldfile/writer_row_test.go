package worldfile_test

import (
	"strings"
	"testing"

	"rightful"
)

func wholeRow(subscription, company string, add bool) rightful.FieldChange {
	text := rightful.RowValues{CompanyID: company, StripeCustomerID: "cus_A", Status: "active"}.Text()
	c := rightful.FieldChange{Object: rightful.Ref{Type: rightful.RefSubscriptionRow, ID: subscription}, Field: rightful.FieldRow}
	if add {
		c.To = &text
	} else {
		c.From = &text
	}
	return c
}

// TestRowInFile: a new row stands behind the others, laid out as they are, with the
// next id, written as theirs is; one that is taken away leaves nothing behind.
func TestRowInFile(t *testing.T) {
	t.Parallel()
	const added = `"stripe_customer_id": "cus_A", "stripe_subscription_id": "sub_A", "status": "active"}`
	for before, after := range map[string]string{
		"[]":                                   `[{"id": "1", "company_id": 11, ` + added + `]`,
		`[{"id": 31}]`:                         `[{"id": 31},{"id": 32, "company_id": 11, ` + added + `]`,
		`[{"id": "31"}]`:                       `[{"id": "31"},{"id": "32", "company_id": 11, ` + added + `]`,
		"[\n  {\"id\": 7},\n  {\"id\": 5}\n ]": "[\n  {\"id\": 7},\n  {\"id\": 5},\n  {\"id\": 8, \"company_id\": 11, " + added + "\n ]",
		`[{"id": "r_1"}]`:                      `[{"id": "r_1"},{"id": "sub_A", "company_id": 11, ` + added + `]`,
	} {
		head := `{"db": {"companies": [{"id": 11}], "subscriptions": `
		w := parse(t, []byte(head+before+`}}`))
		for _, step := range []struct {
			add  bool
			want string
		}{{true, after}, {false, before}, {true, after}} {
			if err := w.Writer().CompareAndSet(t.Context(), []rightful.FieldChange{wholeRow("sub_A", "11", step.add)}, true); err != nil {
				t.Fatal(err)
			}
			if got := string(w.Bytes()); got != head+step.want+`}}` {
				t.Errorf("%s: saved %s, want %s", before, got, head+step.want+`}}`)
			}
		}
		again := parse(t, w.Bytes())
		if err := again.Writer().CompareAndSet(t.Context(), []rightful.FieldChange{wholeRow("sub_A", "11", false)}, true); err != nil {
			t.Error(err)
		}
		if got := string(again.Bytes()); got != head+before+`}}` {
			t.Errorf("%s: taken away after saving: %s", before, got)
		}
	}
	w := parse(t, []byte(`{"db": {"companies": [{"id": 11}]}}`))
	if err := w.Writer().CompareAndSet(t.Context(), []rightful.FieldChange{wholeRow("sub_A", "11", true)}, true); rightful.KindOf(err) != rightful.KindUnsupported {
		t.Errorf("without a table: %v", err)
	}
}

// TestRowsTakenAwayFromTheMiddle keep what stood around them.
func TestRowsTakenAwayFromTheMiddle(t *testing.T) {
	t.Parallel()
	row := func(id string) string {
		return `{"id": "` + id + `", "company_id": "11", "stripe_customer_id": "cus_A", "stripe_subscription_id": "` + id + `", "status": "active", "x":  1}`
	}
	text := func(ids ...string) string {
		var rows []string
		for _, id := range ids {
			rows = append(rows, row(id))
		}
		return "{\"db\": {\"companies\": [{\"id\": \"11\"}], \"subscriptions\": [\n " + strings.Join(rows, ",\n ") + "\n]}}"
	}
	for gone, left := range map[string]string{"a": "b c", "b": "a c", "c": "a b", "a b": "c", "b c": "a", "a c": "b"} {
		w := parse(t, []byte(text("a", "b", "c")))
		var all []rightful.FieldChange
		for _, id := range strings.Fields(gone) {
			all = append(all, wholeRow(id, "11", false))
		}
		if err := w.Writer().CompareAndSet(t.Context(), all, true); err != nil {
			t.Fatal(err)
		}
		if got, want := string(w.Bytes()), text(strings.Fields(left)...); got != want {
			t.Errorf("without %s:\n%s\nwant\n%s", gone, got, want)
		}
	}
}
