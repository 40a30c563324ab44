package judge_test

import (
	"reflect"
	"slices"
	"testing"

	"rightful"
	"rightful/internal/judge"
)

// TestWhatARecordAdds: a record of how a session was made is heard where the session went
// through, its stamps still say the same, and it is not known already.
func TestWhatARecordAdds(t *testing.T) {
	t.Parallel()
	const made, now = 1_000_000, 2_000_000
	record := rightful.Intent{CompanyID: "11", UserID: "7"}
	for _, tt := range []struct {
		name   string
		change func(sit *rightful.Situation, s *rightful.Object, in *rightful.Intent)
		more   bool
		wanted bool // although it adds nothing
	}{
		{name: "of somebody who was never of the company", more: true},
		{name: "of a company stamped by another name", more: true, change: func(sit *rightful.Situation, s *rightful.Object, _ *rightful.Intent) {
			sit.Companies[0].StampValue, s.Metadata["company_id"] = "acme", "acme"
		}},
		{name: "of a checkout that was abandoned", change: func(_ *rightful.Situation, s *rightful.Object, _ *rightful.Intent) {
			s.Status, s.PaymentStatus = "expired", "unpaid"
		}},
		{name: "of one whose money is on its way", more: true, change: func(_ *rightful.Situation, s *rightful.Object, _ *rightful.Intent) {
			s.PaymentStatus = "unpaid"
		}},
		{name: "another company is stamped", wanted: true, change: func(_ *rightful.Situation, s *rightful.Object, _ *rightful.Intent) { s.Metadata["company_id"] = "12" }},
		{name: "another user is stamped", change: func(_ *rightful.Situation, s *rightful.Object, _ *rightful.Intent) { s.Metadata["user_id"] = "8" }},
		{name: "nobody is stamped", change: func(_ *rightful.Situation, s *rightful.Object, in *rightful.Intent) {
			delete(s.Metadata, "user_id")
			in.UserID = ""
		}},
		{name: "of another session", wanted: true, change: func(_ *rightful.Situation, _ *rightful.Object, in *rightful.Intent) { in.ObjectID = "cs_2" }},
		{name: "no memberships are known of them", change: func(sit *rightful.Situation, _ *rightful.Object, _ *rightful.Intent) { sit.Memberships = nil }},
		{name: "they were of the company then", change: func(sit *rightful.Situation, _ *rightful.Object, _ *rightful.Intent) {
			sit.Memberships[0].CompanyID, sit.Memberships[0].LeftAt = "11", made+1
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sit := &rightful.Situation{
				Now:         now,
				Mapping:     rightful.Mapping{Memberships: true},
				Companies:   []rightful.Company{{ID: "11"}, {ID: "12"}, {ID: "20"}},
				Users:       []rightful.User{{ID: "7"}, {ID: "8"}},
				Memberships: []rightful.Membership{{UserID: "7", CompanyID: "20", JoinedAt: 1}},
			}
			s := rightful.Object{
				Type: rightful.TypeSession, ID: "cs_1", Created: made, Status: "complete", PaymentStatus: "paid", StripeCustomerID: "cus_1",
				Metadata: map[string]string{"company_id": "11", "user_id": "7"},
			}
			in := record
			in.ObjectID = s.ID
			if tt.change != nil {
				tt.change(sit, &s, &in)
			}
			customer := rightful.Object{Type: rightful.TypeCustomer, ID: "cus_1", Created: 1, Metadata: map[string]string{}}
			sit.Families = []rightful.Family{{Key: "cus_1", StripeCustomerID: "cus_1", Exists: rightful.ExistsPresent, Customer: customer, Sessions: []rightful.Object{s}}}
			rules := judge.Rules{Keys: rightful.KeySet{Company: "company_id", User: "user_id"}}
			without := judge.Judge(sit, rules)
			if wanted := slices.Equal(without.Wanted.Made, []string{"cs_1"}); wanted != (tt.more || tt.wanted) || !wanted && len(without.Wanted.Made) > 0 {
				t.Errorf("wanted are %v", without.Wanted.Made)
			}
			sit.Made = map[string]rightful.Intent{in.ObjectID: in}
			with := judge.Judge(sit, rules)
			if in.ObjectID == s.ID && len(with.Wanted.Made) > 0 {
				t.Errorf("%v is wanted again", with.Wanted.Made)
			}
			heard := slices.ContainsFunc(with.Attributions[0].Signals, func(s rightful.Signal) bool {
				return s.Place == "record:checkout.session/cs_1" && s.Says == "11" && s.Strength == rightful.Corroborates && s.Voice == "checkout:cs_1"
			})
			if changed := !reflect.DeepEqual(without.Findings, with.Findings); heard != tt.more || changed && !tt.more || !changed && tt.more && s.SettledSession() {
				t.Errorf("heard %v, changes the verdict %v, want %v: %+v", heard, changed, tt.more, with.Findings)
			}
			if tt.more && s.ID == "cs_1" {
				fresh := *sit
				fresh.Now = made // the very second of its making
				v := judge.Judge(&fresh, rules)
				if held, _ := judge.HeldOf(&fresh, rules, v, "cus_1"); held.Belongs("7", "11") {
					t.Error("in the second of its making its buyer is of the company")
				}
				if v.Attributions[0].CompanyID != "11" {
					t.Errorf("in the second of its making it is company %q's", v.Attributions[0].CompanyID)
				}
			}
			if company := with.Attributions[0].CompanyID; tt.more && company != "11" {
				t.Errorf("it is company %q's", company)
			}
			if ways := judge.WaysOf(sit, rules, "7"); len(ways.Acted) > 0 {
				t.Errorf("it is heard of now: %+v", ways)
			}
		})
	}
}

// TestACompanyThatOnlyTheRecordKnows: a stamp that no row explains is asked about; one of
// a company that did exist is no nonsense, and its buyer's next company does not have it.
func TestACompanyThatOnlyTheRecordKnows(t *testing.T) {
	t.Parallel()
	stamps := map[string]string{"company_id": "11", "user_id": "7"}
	sit := &rightful.Situation{
		Now:       2_000_000,
		Mapping:   rightful.Mapping{Direct: true},
		Companies: []rightful.Company{{ID: "12"}},
		Users:     []rightful.User{{ID: "7", CompanyID: "12"}},
		Families: []rightful.Family{{
			Key: "cus_1", StripeCustomerID: "cus_1", Exists: rightful.ExistsPresent,
			Customer:      rightful.Object{Type: rightful.TypeCustomer, ID: "cus_1", Created: 1, Metadata: map[string]string{"company_id": "11"}},
			Subscriptions: []rightful.Object{{Type: rightful.TypeSubscription, ID: "sub_1", Created: 1_000_000, Status: "active", StripeCustomerID: "cus_1", Metadata: stamps}},
		}},
	}
	rules := judge.Rules{Keys: rightful.KeySet{Company: "company_id", User: "user_id"}}
	for _, tt := range []struct {
		existed map[string]bool
		wanted  []string
		company string
	}{
		{nil, []string{"11"}, "12"},
		{map[string]bool{"11": false}, nil, "12"},
		{map[string]bool{"11": true}, nil, ""},
	} {
		sit.Existed = tt.existed
		v := judge.Judge(sit, rules)
		if company := v.Attributions[0].CompanyID; company != tt.company || !slices.Equal(v.Wanted.Companies, tt.wanted) {
			t.Errorf("%v: it is company %q's, and %v are wanted", tt.existed, company, v.Wanted.Companies)
		}
		for _, f := range v.Findings {
			if f.Automatic && tt.existed["11"] {
				t.Errorf("put right without asking: %+v", f)
			}
		}
	}
}
