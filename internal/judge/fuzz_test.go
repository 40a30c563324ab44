package judge_test

import (
	"strings"
	"testing"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/judge"
)

// FuzzStamp judges whatever stands in metadata, ids and references. The judge does
// not panic, says the same twice, and never rewrites a stamp that names the company
// already.
func FuzzStamp(f *testing.F) {
	for _, seed := range [][3]string{
		{"11", "11", "7"}, {"11", "011", "7"}, {"11", " 11", ""}, {"11", "+11", "11"}, {"0", "00", "0"}, {"11", "", ""},
		{"a0b1c2d3-0001-4abc-8def-000000000000", "A0B1C2D3-0001-4ABC-8DEF-000000000000", "7"},
		{"acme", "ACME", "\x00"}, {"11", "11\n", "\xff"}, {"18446744073709551616", "18446744073709551616.0", "1e3"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, company, stamp, user string) {
		if company == "" {
			return
		}
		canonical(t, company, stamp)
		rules := judge.Rules{Keys: rightful.KeySet{Company: "company_id", User: "user_id", AlsoRead: []string{"org_id"}}}
		s := stampedWorld(company, stamp, user)
		v := judge.Judge(s, rules)
		if again := judge.Judge(s, rules); len(again.Findings) != len(v.Findings) {
			t.Errorf("%d findings, and then %d", len(v.Findings), len(again.Findings))
		}
		for _, found := range v.Findings {
			p := found.Proposal
			if p == nil || p.Place != rightful.PlaceStripe || p.From == nil || p.To == nil {
				continue
			}
			if rightful.SameID(*p.From, *p.To) {
				t.Errorf("%s rewrites %q to %q, which is the same", found.Code, *p.From, *p.To)
			}
		}
	})
}

// canonical holds two ids to the rules for what is the same.
func canonical(t *testing.T, a, b string) {
	t.Helper()
	ca, cb := rightful.CanonicalID(a), rightful.CanonicalID(b)
	switch {
	case rightful.CanonicalID(ca) != ca:
		t.Errorf("%q is %q, and that is %q", a, ca, rightful.CanonicalID(ca))
	case rightful.SameID(a, b) != rightful.SameID(b, a):
		t.Errorf("%q and %q are the same one way only", a, b)
	case rightful.SameID(a, b) && a != b && !strings.EqualFold(a, b):
		t.Errorf("%q and %q differ in more than case, and are the same", a, b)
	case rightful.SameID(a, b) && (a == "" || b == ""):
		t.Errorf("empty is the same as %q", a+b)
	case a != "" && b != "" && (ca == cb) != rightful.SameID(a, b):
		t.Errorf("%q is %q, %q is %q, and same is %v", a, ca, b, cb, rightful.SameID(a, b))
	}
}

// stampedWorld is a company with a customer and a purchase that hold what is given.
func stampedWorld(company, stamp, user string) *rightful.Situation {
	const now = 1_700_000_000
	meta := func() map[string]string {
		return map[string]string{"company_id": stamp, "user_id": user, "org_id": company}
	}
	s := &rightful.Situation{
		Now: now, Whole: true, Account: rightful.Account{ID: "acct_1", Livemode: true, LivemodeKnown: true},
		Mapping:     rightful.Mapping{Direct: true, Memberships: true, Link: true, LinkColumn: true, SubscriptionRows: true, Resolver: rightful.ResolverDirect},
		Companies:   []rightful.Company{{ID: company, StripeCustomerID: "cus_1"}, {ID: company + "2"}},
		Users:       []rightful.User{{ID: "7", Email: "u@example.com", CompanyID: company}},
		Memberships: []rightful.Membership{{UserID: "7", CompanyID: company}},
		Links:       []rightful.Link{{CompanyID: company, StripeCustomerID: "cus_1", Column: true}},
	}
	objects := []rightful.Object{
		{Type: rightful.TypeCustomer, ID: "cus_1", Email: "u@example.com", Created: now - 90_000, Metadata: meta()},
		{Type: rightful.TypeSession, ID: "cs_1", StripeCustomerID: "cus_1", SubscriptionID: "sub_1", ClientReferenceID: stamp, Status: "complete", PaymentStatus: "paid", Created: now - 80_000, Metadata: meta()},
		{Type: rightful.TypeSubscription, ID: "sub_1", StripeCustomerID: "cus_1", Status: "active", Created: now - 80_000, Metadata: map[string]string{"company_id": company}},
		{Type: rightful.TypeSchedule, ID: "sched_1", StripeCustomerID: "cus_1", SubscriptionID: "sub_1", Status: "active", Phases: []rightful.Phase{{Start: now, Metadata: meta()}}},
	}
	s.Families = collect.Families(objects, s.Links, s.SubscriptionRows, nil)
	return s
}
