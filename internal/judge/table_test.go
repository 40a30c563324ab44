package judge

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/collect"
)

// The moments of the tiny situations.
const (
	tableNow  = 1_750_000_000
	long      = tableNow - 90*86400 // when an older customer was made
	made      = tableNow - 10*86400 // when things were bought
	justPrior = made - 60           // when a customer was made by the checkout
	removedAt = tableNow - 86400
	phase     = tableNow + 86400
)

// place is one case: a situation in which a place says something, and which
// statement it is.
type place struct {
	row     string // the first cell of its row in docs/judgement.md
	sit     rightful.Situation
	objects []rightful.Object
	family  func(*rightful.Family) // what only a closer look reads
	at      string                 // the place of the statement
	in      rightful.Code          // the finding whose evidence it is; empty: it is heard of the family
	says    string                 // empty: the statement names company 1
}

// TestTableOfPlaces holds the table of docs/judgement.md against the code. Each row
// has a case, each case a row, and the statement is as the row says.
func TestTableOfPlaces(t *testing.T) {
	t.Parallel()
	rows := tableRows(t)
	told := map[string]bool{}
	for _, p := range places() {
		told[p.row] = true
		cells, known := rows[p.row]
		if !known {
			t.Errorf("the case %q has no row", p.row)
			continue
		}
		t.Run(p.row, func(t *testing.T) {
			t.Parallel()
			p.compare(t, cells)
		})
	}
	for row := range rows {
		if !told[row] {
			t.Errorf("the row %q has no case", row)
		}
	}
}

// tableRows reads the table: the cells after the first one, by the first one.
func tableRows(t *testing.T) map[string][]string {
	t.Helper()
	raw, err := os.ReadFile("../../docs/judgement.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(raw), "\n## What places say, and what it weighs\n")
	section, _, ended := strings.Cut(section, "\n## ")
	if !found || !ended {
		t.Fatal("the section with the table is not there")
	}
	rows := map[string][]string{}
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if !strings.HasPrefix(line, "| ") || cells[0] == "---" || cells[0] == "place" {
			continue
		}
		if len(cells) != 7 {
			t.Fatalf("%d cells, want 7: %s", len(cells), line)
		}
		if rows[cells[0]] != nil {
			t.Errorf("the row %q is there twice", cells[0])
		}
		rows[cells[0]] = cells[1:]
	}
	if len(rows) == 0 {
		t.Fatal("the table has no rows")
	}
	return rows
}

// compare holds what the judge heard against the cells of a row.
func (p place) compare(t *testing.T, cells []string) {
	t.Helper()
	j := p.judged()
	if cells[0] == "not heard" {
		for _, f := range j.families {
			if len(f.Signals) > 0 {
				t.Errorf("it is heard: %+v", f.Signals)
			}
		}
		return
	}
	s, f := p.find(j)
	if f == nil {
		t.Fatalf("%s is not said:\n%+v\n%+v", p.at, j.families[0].Signals, j.findings)
	}
	voice, strength, vote, forgeable, asOf := cells[1], cells[2], cells[3], cells[4], cells[5]
	if !saidBy(s.Voice, voice) {
		t.Errorf("voice %q, the row says %s", s.Voice, voice)
	}
	if string(s.Strength) != strength {
		t.Errorf("strength %q, the row says %s", s.Strength, strength)
	}
	if got := voteOf(f, s); got != vote {
		t.Errorf("vote %s, the row says %s", got, vote)
	}
	if got := map[bool]string{true: "yes", false: "no"}[s.Forgeable]; got != forgeable {
		t.Errorf("forgeable %s, the row says %s", got, forgeable)
	}
	moments := map[string][]int64{
		"its creation": {long, justPrior, made}, "the first purchase": {made}, "now": {tableNow},
		"the event": {removedAt}, "the phase's start": {phase}, "no time": {0},
	}
	if !slices.Contains(moments[asOf], s.AsOf) {
		t.Errorf("as of %d, the row says %s", s.AsOf, asOf)
	}
}

// saidBy reports whether a voice has one of the forms that the cell gives in code.
func saidBy(voice, cell string) bool {
	for _, form := range regexp.MustCompile("`([a-z]+)(:[A-Z]+)?`").FindAllStringSubmatch(cell, -1) {
		kind, id, named := strings.Cut(voice, ":")
		if kind == form[1] && named == (form[2] != "") && (id != "") == named {
			return true
		}
	}
	return false
}

// voteOf says what a statement weighs in whose the family is.
func voteOf(f *family, s rightful.Signal) string {
	v := f.byID[s.Voice]
	switch {
	case v != nil && slices.Contains(v.parts, s) && slices.Contains(v.said, s.Says):
		return "yes"
	case v != nil && slices.Contains(v.parts, s) && v.excludes != nil && v.excludes("9"):
		return "excludes"
	case slices.Contains(f.mails, s) && (f.backing[s.Says] || s.Voice != "email" && slices.Contains(f.restored, s.Says)):
		return "backs"
	}
	return "no"
}

// judged judges the case up to its findings, with all that was heard.
func (p place) judged() *judge {
	sit := p.sit
	sit.Now = tableNow
	sit.Account = rightful.Account{ID: "acct_1", Livemode: true}
	sit.Families = collect.Families(p.objects, sit.Links, sit.SubscriptionRows, map[string]rightful.Existence{"cus_gone": rightful.ExistsDeleted})
	if sit.Companies == nil {
		sit.Companies = []rightful.Company{{ID: "1"}, {ID: "2"}}
	}
	for i := range sit.Families {
		if p.family != nil {
			p.family(&sit.Families[i])
		}
	}
	rules := Rules{Keys: rightful.KeySet{Company: "company_id", User: "user_id"}}
	j := begin(&sit, rules)
	for _, check := range checks {
		check(j)
	}
	return j
}

// find returns the statement of the case, and the family in which it would count.
func (p place) find(j *judge) (rightful.Signal, *family) {
	says := p.says
	if says == "" {
		says = "1"
	}
	is := func(s rightful.Signal) bool { return s.Place == p.at && s.Says == says }
	for _, f := range j.families {
		if i := slices.IndexFunc(f.Signals, is); p.in == "" && i >= 0 {
			return f.Signals[i], f
		}
	}
	for _, finding := range j.findings {
		if i := slices.IndexFunc(finding.Evidence, is); finding.Code == p.in && i >= 0 {
			return finding.Evidence[i], firstFamily(j.families)
		}
	}
	return rightful.Signal{}, nil
}

// firstFamily returns the one family of a case, or an empty one where the statement
// is about none.
func firstFamily(all []*family) *family {
	if len(all) > 0 {
		return all[0]
	}
	return &family{}
}

// object is a Stripe object with a stamp and a user.
func object(t rightful.ObjectType, id, company, user string, created int64) rightful.Object {
	o := rightful.Object{Type: t, ID: id, Created: created, Metadata: map[string]string{}}
	if company != "" {
		o.Metadata["company_id"] = company
	}
	if user != "" {
		o.Metadata["user_id"] = user
	}
	switch t {
	case rightful.TypeSession:
		o.Status, o.PaymentStatus = "complete", "paid"
	case rightful.TypePaymentIntent:
		o.Status = "succeeded"
	case rightful.TypeSubscription:
		o.Status = "active"
	}
	if t != rightful.TypeCustomer {
		o.StripeCustomerID = "cus_1"
	}
	return o
}

// places returns the cases. In all of them company 1 is named, unless the case says
// otherwise; company 2 lives too.
func places() []place {
	const (
		customer = rightful.TypeCustomer
		session  = rightful.TypeSession
		sub      = rightful.TypeSubscription
		intent   = rightful.TypePaymentIntent
	)
	cus := func(company string) rightful.Object { return object(customer, "cus_1", company, "", long) }
	born := func(company string) rightful.Object { return object(customer, "cus_1", company, "", justPrior) }
	checkout := func(company, user string) []rightful.Object {
		s := object(session, "cs_1", company, user, made)
		s.SubscriptionID = "sub_1"
		return []rightful.Object{s, object(sub, "sub_1", company, user, made)}
	}
	with := func(o rightful.Object, change func(*rightful.Object)) rightful.Object {
		change(&o)
		return o
	}
	one := func(o ...rightful.Object) []rightful.Object { return o }
	reference := func(ref, link string) []rightful.Object {
		return one(with(object(session, "cs_1", "", "", made), func(o *rightful.Object) { o.ClientReferenceID, o.PaymentLink = ref, link }))
	}
	mailed := func(o rightful.Object) rightful.Object {
		return with(o, func(o *rightful.Object) { o.Email = "ana@example.com" })
	}
	// linked adds the link of a company, in its own column, to a situation.
	linked := func(s rightful.Situation, company, customer string) rightful.Situation {
		s.Mapping.Link, s.Mapping.LinkColumn = true, true
		s.Links = append(slices.Clone(s.Links), rightful.Link{CompanyID: company, StripeCustomerID: customer, Column: true})
		return s
	}
	rowed := func(company, status string) rightful.Situation {
		return rightful.Situation{
			Mapping:          rightful.Mapping{SubscriptionRows: true},
			SubscriptionRows: []rightful.SubscriptionRow{{ID: "r", CompanyID: company, StripeSubscriptionID: "sub_1", StripeCustomerID: "cus_1", Status: status}},
		}
	}
	// ana is user 7 with her email, a member of companies since then.
	ana := func(since int64, companies ...string) rightful.Situation {
		s := rightful.Situation{Mapping: rightful.Mapping{Memberships: true}, Users: []rightful.User{{ID: "7", Email: "ana@example.com"}}}
		for _, c := range companies {
			s.Memberships = append(s.Memberships, rightful.Membership{UserID: "7", CompanyID: c, JoinedAt: since})
		}
		return s
	}
	acted := ana(1, "2")
	acted.Made = map[string]rightful.Intent{"cs_1": {ObjectID: "cs_1", CompanyID: "1", UserID: "7"}}
	moved := ana(removedAt, "1")
	moved.Memberships = append(moved.Memberships, rightful.Membership{UserID: "7", CompanyID: "2", JoinedAt: 1, LeftAt: removedAt})
	family := rightful.Situation{Companies: []rightful.Company{{ID: "1", BillingParentID: "2"}, {ID: "2"}}}
	merged := rightful.Situation{Companies: []rightful.Company{{ID: "1"}, {ID: "3", MergedInto: "1"}}}
	removal := rightful.Situation{Events: []rightful.Event{{ID: "evt_1", Created: removedAt, ObjectType: sub, ObjectID: "sub_1", Previous: map[string]string{"company_id": "1"}}}}
	carl := ana(1, "2") // user 8 is gone, and 7 has the email
	knownBy := rightful.Situation{Mapping: rightful.Mapping{Direct: true}, Users: []rightful.User{{ID: "7", CompanyID: "1"}}}
	direct := ana(1, "2")
	direct.Mapping.Direct, direct.Mapping.Resolver = true, rightful.ResolverDirect
	direct.Users[0].CompanyID = "1"
	probed := ana(1, "1")
	probed.Mapping.Resolver = rightful.ResolverMembership
	probed.Probe = &rightful.ProbeReport{Users: map[string]rightful.ProbeAnswer{"7": {CompanyID: "2"}}}
	cached := rightful.Situation{Cache: []rightful.CacheEntry{{Key: "c:cus_1", Holds: rightful.HoldsCompany, StripeCustomerID: "cus_1", Found: true, Value: "2"}}}
	unheard := rightful.Situation{
		Companies: []rightful.Company{{ID: "1", Name: "Ana Ltd"}},
		Users:     []rightful.User{{ID: "7", EmailVerified: true}}, Memberships: []rightful.Membership{{UserID: "7", CompanyID: "1", Role: "owner"}},
	}
	outgrown := append(checkout("2", "7"), cus("2"))
	outgrown[0].Metadata["company_id"] = "1"

	return []place{
		{row: "stamp on a customer older than its first checkout", objects: append(checkout("", ""), cus("1")), at: "stripe:customer/cus_1.metadata.company_id"},
		{row: "stamp on a customer born with a checkout", objects: append(checkout("", ""), born("1")), at: "stripe:customer/cus_1.metadata.company_id"},
		{row: "stamp on a completed session", objects: one(object(session, "cs_1", "1", "", made)), at: "stripe:checkout.session/cs_1.metadata.company_id"},
		{row: "stamp on a subscription or payment intent", objects: checkout("1", ""), at: "stripe:subscription/sub_1.metadata.company_id"},
		{row: "stamp on a subscription or payment intent", objects: one(object(intent, "pi_1", "1", "", made)), at: "stripe:payment_intent/pi_1.metadata.company_id"},
		{row: "stamp on a session whose live subscription is stamped differently, and whose stamped buyer belonged to the session's company then",
			sit: ana(1, "1"), objects: outgrown, at: "stripe:checkout.session/cs_1.metadata.company_id"},
		{row: "stamp on a purchase for a child", sit: linked(family, "2", "cus_1"), objects: append(checkout("1", ""), cus("2")), at: "stripe:subscription/sub_1.metadata.company_id"},
		{row: "stamp of a child on a customer that the payer's company links", sit: linked(family, "2", "cus_1"), objects: one(cus("1")), at: "stripe:customer/cus_1.metadata.company_id"},
		{row: "stamp of an abandoned checkout", objects: one(with(object(session, "cs_1", "1", "", made), func(o *rightful.Object) { o.Status, o.PaymentStatus = "expired", "unpaid" })),
			at: "stripe:checkout.session/cs_1.metadata.company_id"},
		{row: "stamp that was removed, as an event says", sit: removal, objects: one(object(sub, "sub_1", "", "", made), cus("1")),
			at: "stripe:event/evt_1.previous_attributes.metadata.company_id"},
		{row: "metadata key that looks like the company's", objects: one(with(object(sub, "sub_1", "", "", made), func(o *rightful.Object) { o.Metadata["org_id"] = "1" }), cus("1")),
			in: rightful.CodeStampOtherKey, at: "stripe:subscription/sub_1.metadata.org_id"},
		{row: "phase of a schedule", objects: append(checkout("2", ""), cus("2"), rightful.Object{
			Type: rightful.TypeSchedule, ID: "sub_sched_1", StripeCustomerID: "cus_1", SubscriptionID: "sub_1", Status: "active",
			Phases: []rightful.Phase{{Start: phase, Metadata: map[string]string{"company_id": "1"}}},
		}), in: rightful.CodeScheduleStamp, at: "stripe:subscription_schedule/sub_sched_1.phases.metadata"},
		{row: "stamp on a saved payment method", objects: one(cus("2")), family: func(f *rightful.Family) {
			f.MoneyRead, f.Methods = true, one(object(rightful.TypePaymentMethod, "pm_1", "1", "", made))
		}, in: rightful.CodeMethodOther, at: "stripe:payment_method/pm_1.metadata.company_id"},

		{row: "`client_reference_id` of a completed session made by the server", objects: reference("1", ""), at: "stripe:checkout.session/cs_1.client_reference_id"},
		{row: "`client_reference_id` that is also the id of a user", sit: rightful.Situation{Users: []rightful.User{{ID: "1"}}}, objects: reference("1", ""),
			at: "stripe:checkout.session/cs_1.client_reference_id"},
		{row: "`client_reference_id` of a payment link", objects: reference("1", "plink_1"), at: "stripe:checkout.session/cs_1.client_reference_id"},
		{row: "the same, naming a company that links another customer (RF504)", sit: linked(rightful.Situation{}, "1", "cus_2"),
			objects: append(reference("1", "plink_1"), cus("2"), object(customer, "cus_2", "1", "", long)),
			in:      rightful.CodeTypedReference, at: "stripe:checkout.session/cs_1.client_reference_id"},

		{row: "link that agrees with an older customer's stamp", sit: linked(rightful.Situation{}, "1", "cus_1"), objects: append(checkout("", ""), cus("1")), at: "db:companies/1.stripe_customer_id"},
		{row: "link of an older customer without a stamp", sit: linked(rightful.Situation{}, "1", "cus_1"), objects: append(checkout("", ""), cus("")), at: "db:companies/1.stripe_customer_id"},
		{row: "link that agrees with a checkout", sit: linked(rightful.Situation{}, "1", "cus_1"), objects: append(checkout("1", ""), born("")), at: "db:companies/1.stripe_customer_id"},
		{row: "link that contradicts them", sit: linked(rightful.Situation{}, "1", "cus_1"), objects: append(checkout("2", ""), cus("2")), at: "db:companies/1.stripe_customer_id"},
		{row: "subscription row that agrees with the customer or its checkout", sit: rowed("1", "active"), objects: append(checkout("1", ""), cus("2")), at: "db:subscriptions/r.company_id"},
		{row: "subscription row that agrees with the customer or its checkout", sit: rowed("1", "active"), objects: append(checkout("2", ""), cus("1")), at: "db:subscriptions/r.company_id"},
		{row: "subscription row that contradicts them", sit: rowed("1", "active"), objects: append(checkout("2", ""), cus("2")), at: "db:subscriptions/r.company_id"},

		{row: "user id on what is judged as of now, of a user with one company", sit: ana(1, "1"), objects: checkout("", "7"), at: "db:users/7 (member of 1)"},
		{row: "user id on settled purchases only, of a user who had one company then", sit: ana(1, "1"), objects: one(object(session, "cs_1", "", "7", made)), at: "db:users/7 (member of 1)"},
		{row: "user id, of a user with membership rows who has several companies, none, or moved", sit: ana(1, "1", "2"), objects: checkout("", "7"), at: "db:users/7 (member of 1, 2)", says: "1, 2"},
		{row: "user id, of a user with membership rows who has several companies, none, or moved", sit: moved, objects: checkout("", "7"), at: "db:users/7 (member of 1)"},
		{row: "the same, where the user belonged to the company that is stamped beside the id", sit: ana(1, "1", "2"), objects: checkout("2", "7"), at: "db:users/7 (member of 1, 2)", says: "1, 2"},
		{row: "the same, where the user belonged to the company that is stamped beside the id", sit: moved, objects: checkout("2", "7"), at: "db:users/7 (member of 1)"},
		{row: "user id, of a user without membership rows whom the database contradicts", sit: linked(knownBy, "2", "cus_1"), objects: append(checkout("", "7"), cus("")), at: "db:users/7 (direct 1)"},
		{row: "user id, of a user who is gone (RF501)", sit: carl, objects: one(mailed(object(customer, "cus_1", "1", "8", long))),
			in: rightful.CodeUserReturned, at: "stripe:customer/cus_1.metadata.user_id", says: "8"},
		{row: "our own record of a session that went through and is stamped as then, where its user is known not to have been of the company",
			sit: acted, objects: checkout("1", "7"), at: "record:checkout.session/cs_1"},
		{row: "merge record", sit: merged, objects: one(cus("3")), at: "db:companies/3.merged_into"},

		{row: "email of a customer that the server made before the first checkout", sit: ana(1, "1"), objects: one(mailed(cus("1"))), at: "stripe:customer/cus_1.email = db:users/7.email"},
		{row: "the same, where they share several companies", sit: ana(1, "1", "2"), objects: one(mailed(cus("1"))), at: "stripe:customer/cus_1.email = db:users/7.email"},
		{row: "email of a session or payment intent, or of a customer that a checkout made", sit: ana(1, "1"), objects: one(mailed(object(session, "cs_1", "1", "", made))),
			at: "stripe:checkout.session/cs_1.email = db:users/7.email"},
		{row: "email of a session or payment intent, or of a customer that a checkout made", sit: ana(1, "1"), objects: append(checkout("1", ""), mailed(object(customer, "cus_1", "", "", made))),
			at: "stripe:customer/cus_1.email = db:users/7.email"},

		{row: "payer, as Stripe says", sit: linked(rightful.Situation{}, "1", "cus_2"), objects: append(checkout("1", ""), cus("1"), object(customer, "cus_2", "1", "", long)),
			in: rightful.CodeAlsoCharged, at: "stripe:subscription/sub_1.customer", says: "cus_1"},
		{row: "status, as Stripe says", sit: rightful.Situation{Mapping: rightful.Mapping{SubscriptionRows: true}}, objects: checkout("1", ""),
			in: rightful.CodePaidUnreflected, at: "stripe:subscription/sub_1.status", says: "active"},
		{row: "deleted, as Stripe says", sit: linked(rightful.Situation{}, "1", "cus_gone"), in: rightful.CodeLinkDeleted, at: "stripe:customer/cus_gone.deleted", says: "true"},
		{row: "status in a subscription row", sit: rowed("1", "active"), objects: one(with(object(sub, "sub_1", "1", "", made), func(o *rightful.Object) { o.Status = "canceled" })),
			in: rightful.CodeReflectedUnpaid, at: "db:subscriptions/r.status", says: "active"},
		{row: "way of getting a user's company (RF702)", sit: direct, in: rightful.CodeWaysDisagree, at: "db:users/7.company_id"},
		{row: "cached value", sit: cached, objects: one(cus("1")), in: rightful.CodeCacheStale, at: "cache:c:cus_1", says: "2"},
		{row: "answer of the running app", sit: probed, in: rightful.CodeDeployOther, at: "app:users/7", says: "2"},
		{row: "company name, a member's role, whether an email is verified", sit: unheard, objects: checkout("", "")},
	}
}
