package judge_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/judge"
)

const now = 1_750_000_000

func rules() judge.Rules {
	return judge.Rules{Keys: rightful.KeySet{Company: "company_id", User: "user_id"}}
}

// situation puts objects and rows together as collect does.
func situation(s rightful.Situation, objects ...rightful.Object) *rightful.Situation {
	s.Now = now
	s.Account = rightful.Account{ID: "acct_1", Livemode: true}
	s.Families = collect.Families(objects, s.Links, s.SubscriptionRows, nil)
	return &s
}

func stamped(t rightful.ObjectType, id, customer, company, user string, created int64) rightful.Object {
	o := rightful.Object{Type: t, ID: id, StripeCustomerID: customer, Created: created, Metadata: map[string]string{}, Status: "active"}
	if company != "" {
		o.Metadata["company_id"] = company
	}
	if user != "" {
		o.Metadata["user_id"] = user
	}
	if t == rightful.TypeSession {
		o.Status, o.PaymentStatus = "complete", "paid"
	}
	return o
}

func attributionOf(t *testing.T, sit *rightful.Situation) rightful.Attribution {
	t.Helper()
	if len(sit.Families) != 1 {
		t.Fatalf("%d families, want one", len(sit.Families))
	}
	return judge.Judge(sit, rules()).Attributions[0]
}

// TestVoices states rule by rule what counts as one voice and what as two.
func TestVoices(t *testing.T) {
	t.Parallel()
	old, young := int64(now-90*86400), int64(now-10*86400)
	customer := func(stamp, user string, created int64) rightful.Object {
		return stamped(rightful.TypeCustomer, "cus_1", "", stamp, user, created)
	}
	checkout := func(stamp string) []rightful.Object {
		s := stamped(rightful.TypeSession, "cs_1", "cus_1", stamp, "", young)
		s.SubscriptionID = "sub_1"
		return []rightful.Object{s, stamped(rightful.TypeSubscription, "sub_1", "cus_1", stamp, "", young+10)}
	}
	companies := []rightful.Company{{ID: "1"}, {ID: "2"}, {ID: "3", MergedInto: "1"}, {ID: "4"}}
	link := func(company string) []rightful.Link {
		return []rightful.Link{{CompanyID: company, StripeCustomerID: "cus_1"}}
	}
	row := func(company string) []rightful.SubscriptionRow {
		return []rightful.SubscriptionRow{{ID: "r", CompanyID: company, StripeSubscriptionID: "sub_1"}}
	}
	member := func(user string, companies ...string) (m []rightful.Membership) {
		for _, c := range companies {
			m = append(m, rightful.Membership{UserID: user, CompanyID: c, JoinedAt: 1})
		}
		return m
	}
	users := []rightful.User{{ID: "7", Email: "seven@example.com"}}

	tests := []struct {
		name      string
		situation rightful.Situation
		objects   []rightful.Object
		company   string
		voices    int
		contested bool
	}{
		{"a checkout and the customer born with it are one voice", rightful.Situation{}, append(checkout("1"), customer("1", "", young-60)), "1", 1, false},
		{"an older customer is a voice of its own", rightful.Situation{}, append(checkout("1"), customer("1", "", old)), "1", 2, false},
		{"a link that agrees with the checkout is its copy", rightful.Situation{Links: link("1")}, append(checkout("1"), customer("1", "", young-60)), "1", 1, false},
		{"a link that contradicts it is a voice", rightful.Situation{Links: link("2")}, append(checkout("1"), customer("1", "", young-60)), "", 0, true},
		{"link and row that contradict together are one voice", rightful.Situation{Links: link("2"), SubscriptionRows: row("2")}, append(checkout("1"), customer("1", "", young-60)), "", 0, true},
		{"a link belongs to the older customer's voice", rightful.Situation{Links: link("1")}, []rightful.Object{customer("", "", old)}, "1", 1, false},
		{"two voices against one", rightful.Situation{Links: link("1"), Users: users, Memberships: member("7", "1")}, append(checkout("2"), customer("1", "7", old)), "1", 2, false},
		{"two against two is contested", rightful.Situation{Users: users, Memberships: member("7", "2")}, append(checkout("2"), customer("1", "7", old),
			stamped(rightful.TypeSubscription, "sub_2", "cus_1", "1", "", young+5000)), "", 0, true},
		{"a user of several companies names none", rightful.Situation{Users: users, Memberships: member("7", "1", "2")}, []rightful.Object{customer("9", "7", old)}, "", 0, false},
		{"a user of one company names it", rightful.Situation{Users: users, Memberships: member("7", "1")}, []rightful.Object{customer("9", "7", old)}, "1", 1, false},
		{"a buyer who never belonged excludes", rightful.Situation{Users: users, Memberships: member("7", "2", "4")}, []rightful.Object{customer("1", "7", old)}, "", 0, true},
		{"a buyer who belonged to what was merged into it does not", rightful.Situation{Users: users, Memberships: member("7", "2", "3")}, []rightful.Object{customer("1", "7", old)}, "1", 1, false},
		{"a merge record speaks for the survivor", rightful.Situation{}, []rightful.Object{customer("3", "", old)}, "1", 1, false},
		{"a stamp of a company that does not exist names nobody", rightful.Situation{}, []rightful.Object{customer("99", "", old)}, "", 0, false},
		{"an email alone names nobody", rightful.Situation{Users: []rightful.User{{ID: "7", Email: "a@example.com", CompanyID: "1"}}},
			[]rightful.Object{{Type: rightful.TypeCustomer, ID: "cus_1", Email: "A@example.com", Created: old}}, "", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.situation.Companies = companies
			a := attributionOf(t, situation(tt.situation, tt.objects...))
			if a.CompanyID != tt.company || a.Voices != tt.voices || a.Contested != tt.contested {
				t.Errorf("company %q by %d voices, contested %v; want %q by %d, %v\n%+v",
					a.CompanyID, a.Voices, a.Contested, tt.company, tt.voices, tt.contested, a.Signals)
			}
		})
	}
}

// TestTypedByTheBuyerHasNoVote: on a payment link the reference is heard as
// suspicion; on a session of the server it belongs to the checkout.
func TestTypedByTheBuyerHasNoVote(t *testing.T) {
	t.Parallel()
	for paymentLink, want := range map[string]string{"plink_1": "", "": "1"} {
		o := stamped(rightful.TypeSession, "cs_1", "cus_1", "", "", now-86400)
		o.ClientReferenceID, o.PaymentLink = "1", paymentLink
		sit := situation(rightful.Situation{Companies: []rightful.Company{{ID: "1"}}}, o)
		if a := attributionOf(t, sit); a.CompanyID != want {
			t.Errorf("payment link %q: company %q, want %q", paymentLink, a.CompanyID, want)
		}
	}
}

// TestMonthlyAmounts compares months as people count them.
func TestMonthlyAmounts(t *testing.T) {
	t.Parallel()
	item := func(amount int64, interval string, every, quantity int64) rightful.Item {
		return rightful.Item{UnitAmount: amount, Currency: "eur", Interval: interval, IntervalCount: every, Quantity: quantity}
	}
	tests := []struct {
		name  string
		items []rightful.Item
		want  *rightful.Amount
	}{
		{"month", []rightful.Item{item(9900, "month", 1, 1)}, &rightful.Amount{MonthlyMinor: 9900, Currency: "eur"}},
		{"year, half up", []rightful.Item{item(99000, "year", 1, 1)}, &rightful.Amount{MonthlyMinor: 8250, Currency: "eur"}},
		{"half a minor unit rounds up", []rightful.Item{item(6, "year", 1, 1)}, &rightful.Amount{MonthlyMinor: 1, Currency: "eur"}},
		{"week", []rightful.Item{item(1200, "week", 1, 1)}, &rightful.Amount{MonthlyMinor: 5200, Currency: "eur"}},
		{"every three months, two seats", []rightful.Item{item(3000, "month", 3, 2)}, &rightful.Amount{MonthlyMinor: 2000, Currency: "eur"}},
		{"two items", []rightful.Item{item(100, "month", 1, 1), item(50, "month", 1, 3)}, &rightful.Amount{MonthlyMinor: 250, Currency: "eur"}},
		{"more than 64 bits on the way", []rightful.Item{item(1<<62, "year", 1, 2)}, &rightful.Amount{MonthlyMinor: 768614336404564651, Currency: "eur"}},
		{"an interval that is not known", []rightful.Item{item(100, "fortnight", 1, 1)}, nil},
		{"no price", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sub := stamped(rightful.TypeSubscription, "sub_1", "cus_1", "99", "", now-86400)
			sub.Items = tt.items
			v := judge.Judge(situation(rightful.Situation{}, sub), rules())
			if len(v.Findings) != 1 {
				t.Fatalf("%d findings, want the wrong stamp", len(v.Findings))
			}
			if diff := cmp.Diff(tt.want, v.Findings[0].Amount); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestOrderChangesNothing judges random situations in two orders: the same
// findings, word for word, in the same order.
func TestOrderChangesNothing(t *testing.T) {
	t.Parallel()
	id := rapid.SampledFrom([]string{"", "1", "2", "3", "99"})
	rapid.Check(t, func(t *rapid.T) {
		s := rightful.Situation{
			Mapping:   rightful.Mapping{Owner: true, Direct: true, Memberships: true, SubscriptionRows: true, Link: true, Resolver: rightful.ResolverDirect},
			Companies: []rightful.Company{{ID: "1", OwnerUserID: "7"}, {ID: "2", OwnerUserID: "8"}, {ID: "3", MergedInto: "1"}},
			Users:     []rightful.User{{ID: "7", Email: "a@example.com", CompanyID: id.Draw(t, "direct")}, {ID: "8", Email: "b@example.com"}},
		}
		for range rapid.IntRange(0, 3).Draw(t, "memberships") {
			s.Memberships = append(s.Memberships, rightful.Membership{UserID: rapid.SampledFrom([]string{"7", "8"}).Draw(t, "user"), CompanyID: rapid.SampledFrom([]string{"1", "2"}).Draw(t, "company")})
		}
		var objects []rightful.Object
		customer := rapid.SampledFrom([]string{"cus_1", "cus_2", "cus_3"})
		for _, c := range []string{"cus_1", "cus_2", "cus_3"} {
			o := stamped(rightful.TypeCustomer, c, "", id.Draw(t, "stamp"), rapid.SampledFrom([]string{"", "7", "8"}).Draw(t, "user"), now-int64(rapid.IntRange(2, 100).Draw(t, "age"))*86400)
			o.Email = rapid.SampledFrom([]string{"", "a@example.com", "b@example.com"}).Draw(t, "email")
			objects = append(objects, o)
		}
		for i := range rapid.IntRange(0, 4).Draw(t, "subscriptions") {
			objects = append(objects, stamped(rightful.TypeSubscription, "sub_"+string(rune('a'+i)), customer.Draw(t, "payer"), id.Draw(t, "stamp"), "", now-86400))
		}
		for range rapid.IntRange(0, 3).Draw(t, "links") {
			s.Links = append(s.Links, rightful.Link{CompanyID: rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "linker"), StripeCustomerID: customer.Draw(t, "linked")})
		}
		for i := range rapid.IntRange(0, 3).Draw(t, "rows") {
			s.SubscriptionRows = append(s.SubscriptionRows, rightful.SubscriptionRow{ID: string(rune('a' + i)), CompanyID: id.Draw(t, "row"), StripeSubscriptionID: "sub_a"})
		}
		one := judge.Judge(situation(s, objects...), rules())

		other := s
		other.Companies = slices.Clone(s.Companies)
		slices.Reverse(other.Companies)
		other.Users = slices.Clone(s.Users)
		slices.Reverse(other.Users)
		other.Memberships = rapid.Permutation(s.Memberships).Draw(t, "memberships'")
		other.Links = rapid.Permutation(s.Links).Draw(t, "links'")
		other.SubscriptionRows = rapid.Permutation(s.SubscriptionRows).Draw(t, "rows'")
		two := judge.Judge(situation(other, rapid.Permutation(objects).Draw(t, "objects'")...), rules())
		if diff := cmp.Diff(one, two, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("another order, another verdict:\n%s", diff)
		}
		for _, f := range one.Findings {
			if f.Automatic && f.Proposal == nil {
				t.Fatalf("%s is automatic and proposes nothing", f.ID)
			}
			if f.Automatic && f.Security {
				t.Fatalf("%s is a security finding and automatic", f.ID)
			}
		}
		ids := map[string]bool{}
		for _, f := range one.Findings {
			if ids[f.ID] {
				t.Fatalf("two findings have the id %s", f.ID)
			}
			ids[f.ID] = true
		}
	})
}
