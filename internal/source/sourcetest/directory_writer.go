package sourcetest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"rightful"
)

// openDirectoryWriter makes both halves of a database with the rows. It skips the
// test when the source cannot hold ids of that kind.
type openDirectoryWriter = func(t *testing.T, rows DirectoryRows) (rightful.DirectoryReader, rightful.DirectoryWriter)

// TestDirectoryWriter checks that a writer to which every field is mapped keeps
// the contract of rightful.DirectoryWriter.
func TestDirectoryWriter(t *testing.T, open func(t *testing.T, rows DirectoryRows) (rightful.DirectoryReader, rightful.DirectoryWriter)) {
	for _, kind := range []IDs{IDsNumbers, IDsUUIDs, IDsText} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			t.Run("changes", func(t *testing.T) { testChanges(t, kind, open) })
			t.Run("one after the other", func(t *testing.T) { testManyChanges(t, kind, open) })
			t.Run("what does not fit", func(t *testing.T) { testMisfits(t, kind, open) })
			t.Run("whole rows", func(t *testing.T) { testWholeRows(t, kind, open) })
		})
	}
}

// changer writes changes with the ids of a kind. "" is null.
type changer struct{ IDs }

func (k changer) change(typ string, n int, field, from, to string) rightful.FieldChange {
	c := rightful.FieldChange{Object: rightful.Ref{Type: typ, ID: k.id(n)}, Field: field}
	if from != "" {
		c.From = &from
	}
	if to != "" {
		c.To = &to
	}
	return c
}

func (k changer) company(n int, from, to string) rightful.FieldChange {
	return k.change(rightful.RefCompany, n, rightful.FieldLink, from, to)
}

func (k changer) link(n int, from, to string) rightful.FieldChange {
	return k.change(rightful.RefLink, n, rightful.FieldLink, from, to)
}

func (k changer) payer(n int, from, to string) rightful.FieldChange {
	return k.change(rightful.RefSubscriptionRow, n, rightful.FieldRowCustomer, from, to)
}

func (k changer) status(n int, from, to string) rightful.FieldChange {
	return k.change(rightful.RefSubscriptionRow, n, rightful.FieldRowStatus, from, to)
}

// row moves a subscription row between companies; 0 is none.
func (k changer) row(n, from, to int) rightful.FieldChange {
	id := func(n int) string {
		if n == 0 {
			return ""
		}
		return k.id(n)
	}
	return k.change(rightful.RefSubscriptionRow, n, rightful.FieldRowCompany, id(from), id(to))
}

// testChanges makes changes, first without committing, and compares everything
// that the reader sees.
func testChanges(t *testing.T, kind IDs, open openDirectoryWriter) {
	k := changer{kind}
	type changes = []rightful.FieldChange
	for name, tt := range map[string]struct {
		make changes
		want func(*DirectoryRows)
	}{
		"a link is filled":     {changes{k.company(11, "", "cus_A")}, func(r *DirectoryRows) { r.Companies[1].StripeCustomerID = "cus_A" }},
		"a link is replaced":   {changes{k.company(4, "cus_4", "cus_A")}, func(r *DirectoryRows) { r.Companies[0].StripeCustomerID = "cus_A" }},
		"a link is cleared":    {changes{k.company(12, "cus_4", "")}, func(r *DirectoryRows) { r.Companies[2].StripeCustomerID = "" }},
		"a row moves":          {changes{k.row(1, 4, 11)}, func(r *DirectoryRows) { r.Subscriptions[0].CompanyID = k.id(11) }},
		"a row gets a company": {changes{k.row(4, 0, 12)}, func(r *DirectoryRows) { r.Subscriptions[3].CompanyID = k.id(12) }},
		"a row's payer":        {changes{k.payer(2, "cus_11", "cus_A")}, func(r *DirectoryRows) { r.Subscriptions[1].StripeCustomerID = "cus_A" }},
		"a row gets a payer":   {changes{k.payer(3, "", "cus_A")}, func(r *DirectoryRows) { r.Subscriptions[2].StripeCustomerID = "cus_A" }},
		"a row's status":       {changes{k.status(2, "canceled", "active")}, func(r *DirectoryRows) { r.Subscriptions[1].Status = "active" }},
		"a row gets a status":  {changes{k.status(3, "", "active")}, func(r *DirectoryRows) { r.Subscriptions[2].Status = "active" }},
		"an entry is added": {changes{k.link(12, "", "cus_A")}, func(r *DirectoryRows) {
			r.Links = append(r.Links, rightful.Link{CompanyID: k.id(12), StripeCustomerID: "cus_A"})
		}},
		"an entry beside others": {changes{k.link(4, "", "cus_A")}, func(r *DirectoryRows) {
			r.Links = append(r.Links, rightful.Link{CompanyID: k.id(4), StripeCustomerID: "cus_A"})
		}},
		"an entry is replaced": {changes{k.link(4, "cus_5", "cus_A")}, func(r *DirectoryRows) { r.Links[1].StripeCustomerID = "cus_A" }},
		"an entry is removed":  {changes{k.link(4, "cus_4", "")}, func(r *DirectoryRows) { r.Links = r.Links[1:] }},
		"release and take": {changes{k.company(4, "cus_4", ""), k.company(12, "cus_4", ""), k.company(11, "", "cus_4")}, func(r *DirectoryRows) {
			r.Companies[0].StripeCustomerID, r.Companies[1].StripeCustomerID, r.Companies[2].StripeCustomerID = "", "cus_4", ""
		}},
		"what an earlier one wrote": {changes{k.company(11, "", "cus_A"), k.company(11, "cus_A", "cus_B"), k.row(2, 11, 12), k.payer(2, "cus_11", "cus_B")}, func(r *DirectoryRows) {
			r.Companies[1].StripeCustomerID, r.Subscriptions[1].CompanyID, r.Subscriptions[1].StripeCustomerID = "cus_B", k.id(12), "cus_B"
		}},
		"none": {nil, func(*DirectoryRows) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := small(kind)
			reader, writer := open(t, small(kind))
			if err := writer.CompareAndSet(t.Context(), tt.make, false); err != nil {
				t.Fatal("asked:", err)
			}
			same(t, read(t, reader, rightful.Select{}), want)
			if err := writer.CompareAndSet(t.Context(), tt.make, true); err != nil {
				t.Fatal(err)
			}
			tt.want(&want)
			same(t, read(t, reader, rightful.Select{}), want)
		})
	}
}

// testManyChanges: what was committed is what the next change finds, and can be
// taken back.
func testManyChanges(t *testing.T, kind IDs, open openDirectoryWriter) {
	k := changer{kind}
	reader, writer := open(t, small(kind))
	for i, c := range []rightful.FieldChange{
		k.company(11, "", "cus_A"), k.company(11, "cus_A", "cus_B"), k.company(11, "cus_B", ""),
		k.row(1, 4, 11), k.row(1, 11, 4), k.payer(3, "", "cus_A"), k.payer(3, "cus_A", ""), k.status(1, "active", "canceled"), k.status(1, "canceled", "active"),
		k.link(11, "cus_4", ""), k.link(11, "", "cus_A"), k.link(11, "cus_A", "cus_4"),
	} {
		if err := writer.CompareAndSet(t.Context(), []rightful.FieldChange{c}, true); err != nil {
			t.Fatalf("change %d: %v", i, err)
		}
	}
	same(t, read(t, reader, rightful.Select{}), small(kind))
}

// testMisfits: changes that do not fit change nothing, committed or not, and say
// what stands there.
func testMisfits(t *testing.T, kind IDs, open openDirectoryWriter) {
	k := changer{kind}
	reader, writer := open(t, small(kind))
	type changes = []rightful.FieldChange
	const conflict, unsupported = rightful.KindConflict, rightful.KindUnsupported
	for name, tt := range map[string]struct {
		make changes
		kind rightful.ErrorKind
		says string
	}{
		"another customer":           {changes{k.company(4, "cus_5", "cus_A")}, conflict, `"cus_4"`},
		"a customer in capitals":     {changes{k.company(4, "CUS_4", "cus_A")}, conflict, `"cus_4"`},
		"a customer, where none is":  {changes{k.company(11, "cus_4", "cus_A")}, conflict, ""},
		"none, where one is":         {changes{k.company(4, "", "cus_A")}, conflict, `"cus_4"`},
		"no such company":            {changes{k.company(404, "", "cus_A")}, conflict, k.id(404)},
		"another company":            {changes{k.row(1, 11, 12)}, conflict, k.id(4)},
		"no company, where one is":   {changes{k.row(1, 0, 12)}, conflict, k.id(4)},
		"no such row":                {changes{k.row(404, 4, 12)}, conflict, k.id(404)},
		"another payer":              {changes{k.payer(1, "cus_11", "cus_A")}, conflict, `"cus_4"`},
		"no such entry":              {changes{k.link(11, "cus_5", "cus_A")}, conflict, "cus_5"},
		"an entry that is there":     {changes{k.link(4, "", "cus_5")}, conflict, "already"},
		"an entry becomes another":   {changes{k.link(4, "cus_4", "cus_5")}, conflict, "already"},
		"the last one":               {changes{k.company(11, "", "cus_A"), k.row(1, 4, 11), k.link(12, "", "cus_A"), k.company(12, "", "cus_A")}, conflict, `"cus_4"`},
		"twice":                      {changes{k.company(11, "", "cus_A"), k.company(11, "", "cus_A")}, conflict, `"cus_A"`},
		"a name":                     {changes{k.change(rightful.RefCompany, 4, "name", "Four", "Five")}, unsupported, ""},
		"another status":             {changes{k.status(1, "canceled", "active")}, conflict, `"active"`},
		"a status of a company":      {changes{k.change(rightful.RefCompany, 4, rightful.FieldRowStatus, "active", "canceled")}, unsupported, ""},
		"a user":                     {changes{k.change(rightful.RefUser, 7, rightful.FieldRowCompany, k.id(4), k.id(11))}, unsupported, ""},
		"one that is not, after one": {changes{k.company(11, "", "cus_A"), k.change(rightful.RefCompany, 4, "name", "Four", "Five")}, unsupported, ""},
	} {
		for _, commit := range []bool{false, true} {
			err := writer.CompareAndSet(t.Context(), tt.make, commit)
			if rightful.KindOf(err) != tt.kind || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: got %v, want it of kind %s with %s", name, err, tt.kind, tt.says)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := writer.CompareAndSet(ctx, changes{k.company(11, "", "cus_A")}, true); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	same(t, read(t, reader, rightful.Select{}), small(kind))
}
