package judge

import (
	"hash/maphash"
	"runtime"
	"slices"
	"strings"
	"sync"

	"rightful"
)

// partSize is about how many companies, users and families are judged together where a
// situation may be cut. What is connected is never cut, so that a part may be bigger.
var partSize = 512 // a variable for tests

// cut divides what was left of a screened account into parts that have nothing to do
// with each other: no id, no email and no value of a stamp stands in two of them. A
// verdict on one needs none of the others. It returns nil where the situation is to
// be judged as a whole. The places are those of the families of each part.
//
// The first part holds what concerns the whole account, and nobody.
func cut(sit *rightful.Situation, rules Rules) (parts []*rightful.Situation, places [][]int) {
	if !sit.Screened || sit.Beside <= wantedInAll || len(sit.Companies)+len(sit.Users)+len(sit.Families) <= partSize {
		return nil, nil
	}
	for i := range sit.Companies {
		if sit.Companies[i].ID == "" {
			return nil, nil
		}
	}
	for i := range sit.Users {
		if sit.Users[i].ID == "" {
			return nil, nil
		}
	}
	k := knots{rules: rules, seed: maphash.MakeSeed(), of: map[uint64]int32{}}
	k.tie(sit)
	bare := *sit
	bare.Companies, bare.Users, bare.Memberships, bare.SubscriptionRows, bare.Links = nil, nil, nil, nil, nil
	bare.Families, bare.Events, bare.Cache, bare.Probe = nil, nil, nil, nil
	bare.Endpoints, bare.EndpointsRead = nil, false
	first := bare
	first.Events, first.Endpoints, first.EndpointsRead = sit.Events, sit.Endpoints, sit.EndpointsRead
	if p := sit.Probe; p != nil {
		first.Probe = &rightful.ProbeReport{Revision: p.Revision, ExpectedRevision: p.ExpectedRevision}
	}
	parts, places = append(parts, &first), append(places, nil)

	at := map[int32]int{} // knot -> its part
	size := partSize
	part := func(name byte, id string) *rightful.Situation {
		knot := k.root(k.knot(name, id))
		i, known := at[knot]
		if !known {
			if size >= partSize {
				empty := bare
				parts, places, size = append(parts, &empty), append(places, nil), 0
			}
			i = len(parts) - 1
			at[knot] = i
		}
		if i == len(parts)-1 {
			size++
		}
		return parts[i]
	}
	for i := range sit.Families {
		p := part(stripes, sit.Families[i].Key)
		p.Families = append(p.Families, sit.Families[i])
		to := at[k.root(k.knot(stripes, sit.Families[i].Key))]
		places[to] = append(places[to], i)
	}
	for _, c := range sit.Companies {
		p := part(ofCompany, rightful.CanonicalID(c.ID))
		p.Companies = append(p.Companies, c)
	}
	for _, u := range sit.Users {
		p := part(ofUser, rightful.CanonicalID(u.ID))
		p.Users = append(p.Users, u)
	}
	for _, m := range sit.Memberships {
		p := part(ofUser, rightful.CanonicalID(m.UserID))
		p.Memberships = append(p.Memberships, m)
	}
	for _, l := range sit.Links {
		p := part(ofCompany, rightful.CanonicalID(l.CompanyID))
		p.Links = append(p.Links, l)
	}
	for _, r := range sit.SubscriptionRows {
		p := part(ofRow, r.ID)
		p.SubscriptionRows = append(p.SubscriptionRows, r)
	}
	for _, e := range sit.Cache {
		p := part(ofKey, e.Key)
		p.Cache = append(p.Cache, e)
	}
	for _, e := range sit.Events {
		if len(e.Previous) > 0 { // what it says of its object; what it says of the account is in the first part
			e.Account, e.PendingWebhooks = "", 0
			p := part(stripes, e.ObjectID)
			p.Events = append(p.Events, e)
		}
	}
	if sit.Probe != nil {
		for id, answer := range sit.Probe.Users {
			p := part(ofUser, id)
			if p.Probe == nil {
				p.Probe = &rightful.ProbeReport{Users: map[string]rightful.ProbeAnswer{}}
			}
			p.Probe.Users[id] = answer
		}
	}
	return parts, places
}

// judgeParts judges parts side by side, and says about them what would be said about the
// whole. A part is given back once it was judged.
func judgeParts(sit *rightful.Situation, parts []*rightful.Situation, places [][]int, rules Rules) Verdict {
	v := Verdict{Attributions: make([]rightful.Attribution, len(sit.Families)), Owners: make([]Owner, len(sit.Families))}
	var mu sync.Mutex
	var group sync.WaitGroup
	next := 0
	take := func() (int, *rightful.Situation) {
		mu.Lock()
		defer mu.Unlock()
		if next == len(parts) {
			return 0, nil
		}
		i, part := next, parts[next]
		parts[i] = nil
		next++
		return i, part
	}
	for range min(runtime.GOMAXPROCS(0), len(parts)) {
		group.Go(func() {
			for i, part := take(); part != nil; i, part = take() {
				one := judgeWhole(part, rules)
				mu.Lock()
				v.Findings = append(v.Findings, one.Findings...)
				v.Muted = append(v.Muted, one.Muted...)
				for n, at := range places[i] {
					v.Attributions[at], v.Owners[at] = one.Attributions[n], one.Owners[n]
				}
				v.Ownership.Ours += one.Ownership.Ours
				v.Ownership.Foreign += one.Ownership.Foreign
				v.Ownership.Unreached += one.Ownership.Unreached
				v.Wanted.Customers = append(v.Wanted.Customers, one.Wanted.Customers...)
				v.Wanted.Unread = append(v.Wanted.Unread, one.Wanted.Unread...)
				v.Wanted.Made = append(v.Wanted.Made, one.Wanted.Made...)
				v.Wanted.Companies = append(v.Wanted.Companies, one.Wanted.Companies...)
				v.Wanted.Removals = v.Wanted.Removals || one.Wanted.Removals
				mu.Unlock()
			}
		})
	}
	group.Wait()
	// No two findings compare as equal: one code says one thing about one object.
	slices.SortFunc(v.Findings, compareFindings)
	slices.SortFunc(v.Muted, compareFindings)
	slices.Sort(v.Wanted.Customers)
	slices.Sort(v.Wanted.Unread)
	slices.Sort(v.Wanted.Made)
	slices.Sort(v.Wanted.Companies)
	return v
}

// What ids are of. Stripe's ids are unique among all of its objects.
const (
	ofCompany byte = 'c' // canonical id, or the value of a stamp
	ofUser    byte = 'u' // canonical id
	ofEmail   byte = 'e'
	ofRow     byte = 'r'
	ofKey     byte = 'k'
	stripes   byte = 's'
)

// knots ties together what has something to do with each other. Ids are kept as hashes: two
// with one hash are tied together, which costs time and changes nothing.
type knots struct {
	rules Rules
	seed  maphash.Seed
	of    map[uint64]int32
	up    []int32 // of each knot: another one that it is tied to, or itself
}

// knot returns the knot of an id.
func (k *knots) knot(name byte, id string) int32 {
	hash := maphash.String(k.seed, id) ^ uint64(name)*0x9e3779b97f4a7c15
	knot, known := k.of[hash]
	if !known {
		knot = int32(len(k.up))
		k.of[hash] = knot
		k.up = append(k.up, knot)
	}
	return knot
}

func (k *knots) root(knot int32) int32 {
	for k.up[knot] != knot {
		k.up[knot] = k.up[k.up[knot]]
		knot = k.up[knot]
	}
	return knot
}

// thread is something with several ids, on which these are tied.
type thread struct {
	*knots
	last int32 // -1 before the first
}

func (k *knots) thread() *thread { return &thread{k, -1} }

func (t *thread) add(name byte, id string) {
	knot := t.root(t.knot(name, id))
	if t.last >= 0 {
		t.up[knot] = t.root(t.last)
	}
	t.last = knot
}

func (t *thread) some(name byte, ids ...string) {
	for _, id := range ids {
		if id != "" {
			t.add(name, id)
		}
	}
}

func (t *thread) company(ids ...string) {
	for _, id := range ids {
		t.some(ofCompany, rightful.CanonicalID(id))
	}
}

func (t *thread) user(id string) { t.some(ofUser, rightful.CanonicalID(id)) }

func (t *thread) link(company, customer string) {
	t.add(ofCompany, rightful.CanonicalID(company))
	if !isPlaceholder(t.rules, customer) {
		t.some(stripes, customer)
	}
}

func (t *thread) row(r *rightful.SubscriptionRow) {
	t.add(ofRow, r.ID)
	t.company(r.CompanyID)
	t.some(stripes, r.StripeCustomerID, r.StripeSubscriptionID)
}

// stamps are values of metadata. Under whatever key one stands, it may name a company.
func (t *thread) stamps(metadata map[string]string) {
	for key, value := range metadata {
		switch key {
		case t.rules.Keys.User:
			t.user(value)
		case t.rules.Keys.Ownership:
		default:
			t.company(value)
		}
	}
}

func (t *thread) object(o *rightful.Object) {
	t.some(stripes, o.ID, o.StripeCustomerID, o.SubscriptionID, o.PaymentIntentID)
	t.some(ofEmail, strings.ToLower(o.Email))
	t.stamps(o.Metadata)
	t.stamps(o.Snapshot)
	for _, p := range o.Phases {
		t.stamps(p.Metadata)
	}
	t.company(o.ClientReferenceID)
	t.user(o.ClientReferenceID)
}

func (t *thread) family(f *rightful.Family) {
	t.add(stripes, f.Key)
	t.some(stripes, f.StripeCustomerID)
	t.object(&f.Customer)
	for _, list := range [][]rightful.Object{f.Sessions, f.Subscriptions, f.PaymentIntents, f.Schedules, f.Invoices, f.Charges, f.Methods} {
		for i := range list {
			t.object(&list[i])
		}
	}
	for _, l := range f.Links {
		t.link(l.CompanyID, l.StripeCustomerID)
	}
	for i := range f.Rows {
		t.row(&f.Rows[i])
	}
}

func (k *knots) tie(sit *rightful.Situation) {
	for i := range sit.Families {
		k.thread().family(&sit.Families[i])
	}
	for _, c := range sit.Companies {
		t := k.thread()
		t.link(c.ID, c.StripeCustomerID)
		t.company(c.StampValue, c.MergedInto, c.BillingParentID)
		t.user(c.OwnerUserID)
	}
	for _, u := range sit.Users {
		t := k.thread()
		t.user(u.ID)
		t.some(ofEmail, strings.ToLower(u.Email))
		t.company(u.CompanyID)
	}
	for _, m := range sit.Memberships {
		t := k.thread()
		t.add(ofUser, rightful.CanonicalID(m.UserID))
		t.company(m.CompanyID)
	}
	for _, l := range sit.Links {
		k.thread().link(l.CompanyID, l.StripeCustomerID)
	}
	for i := range sit.SubscriptionRows {
		k.thread().row(&sit.SubscriptionRows[i])
	}
	for user, r := range sit.Resolved {
		t := k.thread()
		t.user(user)
		t.company(r.CompanyID)
	}
	for session, in := range sit.Made {
		t := k.thread()
		t.some(stripes, session, in.ObjectID)
		t.company(in.CompanyID)
		t.user(in.UserID)
	}
	for _, e := range sit.Cache {
		t := k.thread()
		t.add(ofKey, e.Key)
		t.company(e.CompanyID, e.Value)
		t.user(e.UserID)
		t.some(stripes, e.StripeCustomerID, e.Value)
	}
	for _, e := range sit.Events {
		if len(e.Previous) > 0 {
			t := k.thread()
			t.add(stripes, e.ObjectID)
			t.stamps(e.Previous)
		}
	}
	if sit.Probe != nil {
		for user, answer := range sit.Probe.Users {
			t := k.thread()
			t.user(user)
			t.company(answer.CompanyID)
		}
	}
}
