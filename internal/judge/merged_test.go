package judge_test

import (
	"testing"

	"rightful"
	"rightful/internal/judge"
)

// TestMergedAndDeletedSince: a company took another one over, and was deleted itself. Who
// belonged to the first belonged to it: their customer is no more another company's than
// if they had joined it themselves.
func TestMergedAndDeletedSince(t *testing.T) {
	t.Parallel()
	const made, merged, deleted = now - 90*86400, now - 60*86400, now - 30*86400
	memberships := map[string][]rightful.Membership{
		"people moved along": {{UserID: "7", CompanyID: "5", LeftAt: merged}, {UserID: "7", CompanyID: "6", JoinedAt: merged, LeftAt: deleted}, {UserID: "7", CompanyID: "1"}},
		"people stayed":      {{UserID: "7", CompanyID: "5"}, {UserID: "7", CompanyID: "1"}},
	}
	for name, rows := range memberships {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := stamped(rightful.TypeCustomer, "cus_1", "", "6", "7", made)
			c.Email = "a@example.com"
			sit := situation(rightful.Situation{
				Companies:   []rightful.Company{{ID: "1"}, {ID: "5", MergedInto: "6"}, {ID: "6", Deleted: true, DeletedAt: deleted}},
				Users:       []rightful.User{{ID: "7", Email: "a@example.com", CompanyID: "1"}},
				Memberships: rows,
			}, c)
			if a := attributionOf(t, sit); a.CompanyID != "" || a.Contested {
				t.Errorf("company %q, contested %v; want nobody's", a.CompanyID, a.Contested)
			}
			for _, f := range judge.Judge(sit, rules()).Findings {
				t.Errorf("%s (automatic %v): %s", f.Code, f.Automatic, f.Message)
			}
		})
	}
}

// TestMergedBesideAnother: one customer for all companies of a user may be stamped with
// any that it was made to buy for. A merge stamps the customer anew and leaves what
// nobody went through with, or what has ended, as it was.
func TestMergedBesideAnother(t *testing.T) {
	t.Parallel()
	const made, merged, again = now - 90*86400, now - 60*86400, now - 30*86400
	open := stamped(rightful.TypeSession, "cs_1", "cus_1", "3", "", made)
	open.Status, open.PaymentStatus = "expired", "unpaid"
	ended := stamped(rightful.TypeSubscription, "sub_1", "cus_1", "3", "", made)
	ended.Status = "canceled"
	for name, first := range map[string]rightful.Object{"abandoned": open, "ended": ended, "paid": stamped(rightful.TypeSession, "cs_1", "cus_1", "3", "", made)} {
		for stays, left := range map[string]int64{"who stays": 0, "who leaves": again + 86400} {
			t.Run(name+" by somebody "+stays, func(t *testing.T) {
				t.Parallel()
				sit := situation(rightful.Situation{
					Companies: []rightful.Company{{ID: "1"}, {ID: "2"}, {ID: "3", MergedInto: "1"}},
					Users:     []rightful.User{{ID: "8", Email: "b@example.com", CompanyID: "2"}},
					Memberships: []rightful.Membership{
						{UserID: "8", CompanyID: "3", LeftAt: merged}, {UserID: "8", CompanyID: "2"}, {UserID: "8", CompanyID: "1", JoinedAt: merged, LeftAt: left},
					},
				}, stamped(rightful.TypeCustomer, "cus_1", "", "1", "8", made), first, stamped(rightful.TypeSession, "cs_2", "cus_1", "2", "", again))
				for _, f := range judge.Judge(sit, rules()).Findings {
					t.Errorf("%s on %s: %s", f.Code, f.Object.ID, f.Message)
				}
			})
		}
	}
}

// TestBoughtForTheGone: the id on a customer is all that says who paid for a company that
// was deleted since. That its user has another company today gives that one nothing.
func TestBoughtForTheGone(t *testing.T) {
	t.Parallel()
	const made, deleted = now - 90*86400, now - 30*86400
	paid := stamped(rightful.TypeSession, "cs_1", "cus_1", "6", "", made)
	open := paid
	open.Status, open.PaymentStatus = "expired", "unpaid"
	for name, tt := range map[string]struct {
		session rightful.Object
		since   int64
		company string
	}{
		"paid":             {paid, 0, ""},
		"abandoned":        {open, 0, "1"},
		"before they came": {paid, made + 10*86400, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sit := situation(rightful.Situation{
				Companies: []rightful.Company{{ID: "1"}, {ID: "6", Deleted: true, DeletedAt: deleted}},
				Users:     []rightful.User{{ID: "7", CompanyID: "1"}, {ID: "8"}},
				Memberships: []rightful.Membership{
					{UserID: "7", CompanyID: "6", JoinedAt: tt.since, LeftAt: deleted}, {UserID: "7", CompanyID: "1"}, {UserID: "8", CompanyID: "6", LeftAt: deleted},
				},
			}, stamped(rightful.TypeCustomer, "cus_1", "", "", "7", made), tt.session)
			if a := attributionOf(t, sit); a.CompanyID != tt.company {
				t.Errorf("company %q, want %q", a.CompanyID, tt.company)
			}
		})
	}
}
