package judge

import (
	"slices"

	"rightful"
)

// Bought is one checkout session under the judge's eyes: whose it is, as of its
// creation, and what users have to do with it. One that nobody has paid is judged as
// it would be if it were paid.
type Bought struct {
	Family string // the key of its family

	// Ours is false for what another application made, and, where objects are tagged,
	// for what nothing of ours reaches.
	Ours bool
	// Foreign tells that it is tagged as another application's.
	Foreign bool
	// Companies are the live companies that may have it (canonical ids). Of a payment
	// that has moved on since, the one that it was bought for comes first, and then the
	// one of today.
	Companies []string
	// Contested tells that Companies are named, and that nobody can say which.
	Contested bool
	// Gone is the company that is gone and that it was bought for, as the stamp names
	// it; only where Companies is empty.
	Gone string
	// Firm tells that the purchase speaks for itself: its stamps, its buyer, its rows and
	// the link of its payer agree, on a live company or on one that was deleted. What else
	// was ever bought with the customer changes nothing.
	Firm bool

	j       *judge
	f       *family
	p       purchase
	session rightful.Object // as if it were paid
}

// BoughtOf judges one checkout session of a situation; false when no family has it.
func BoughtOf(sit *rightful.Situation, rules Rules, session string) (Bought, bool) {
	j := begin(asPaid(sit, session), rules)
	for _, f := range j.families {
		for _, s := range f.Sessions {
			if s.ID == session {
				b := Bought{Family: f.Key, j: j, f: f, p: *f.purchaseOf(session), session: s}
				b.Ours = f.owner == ours || f.owner == unreached && rules.Keys.Ownership == ""
				b.Foreign = f.owner == foreign
				b.decide()
				return b, true
			}
		}
	}
	return Bought{}, false
}

// asPaid returns the situation with the session paid: an unfinished checkout has no
// voice, and who asks whose it is wants to know what would be if it were gone through
// with.
func asPaid(sit *rightful.Situation, session string) *rightful.Situation {
	for i, f := range sit.Families {
		at := slices.IndexFunc(f.Sessions, func(o rightful.Object) bool { return o.ID == session })
		if at < 0 || f.Sessions[at].SettledSession() {
			continue
		}
		paid := *sit
		paid.Families = slices.Clone(sit.Families)
		paid.Families[i].Sessions = slices.Clone(f.Sessions)
		paid.Families[i].Sessions[at].Status, paid.Families[i].Sessions[at].PaymentStatus = "complete", "paid"
		return &paid
	}
	return sit
}

// decide says whose the session is, as the checks of its stamps say it.
func (b *Bought) decide() {
	j, f := b.j, b.f
	own, linker := j.ownCompany(f, b.p), j.linker(f)
	stamped := j.stamped(j.stampValue(b.session))
	if stamped != nil && !stamped.Live() {
		stamped = nil
	}
	split, _ := j.split(f, b.p)
	switch {
	case b.p.child != "":
		b.Companies = []string{b.p.child}
	case own != "" && (linker == "" || linker == own || f.CompanyID == own):
		b.Companies = []string{own}
		b.Firm = linker == own && f.owner == ours && b.stampedUser() && b.agreed(own)
	case own != "": // charged to the customer of another company
		b.Companies, b.Contested = distinctIDs(own, linker, f.CompanyID), true
	case j.splitReported(f, &b.p):
		b.Companies, b.Contested = distinctIDs(append(split, f.Named...)...), true
	case stamped != nil && j.boughtFor(f, b.session, rightful.CanonicalID(stamped.ID)):
		b.Companies = distinctIDs(rightful.CanonicalID(stamped.ID), f.CompanyID)
	case b.leftBehind():
		gone := j.stamped(j.stampValue(b.session))
		b.Gone, b.Firm = gone.ID, b.boughtAndOver(gone)
	case f.CompanyID != "":
		b.Companies = []string{f.CompanyID}
	case f.Contested && stamped != nil && len(split) == 1 && linker == rightful.CanonicalID(stamped.ID) && !j.boughtByOutsider(b.p, linker):
		b.Companies = []string{linker} // the database agrees with all of its stamps
	case f.Contested && stamped != nil:
		b.Companies, b.Contested = distinctIDs(append([]string{rightful.CanonicalID(stamped.ID)}, f.Named...)...), true
	case f.Contested:
		b.Companies, b.Contested = f.Named, true
	default:
		b.Gone = j.boughtForTheGone(f, b.session)
	}
}

// leftBehind reports whether the session was bought for a company that was deleted
// since, and nothing that it made says that it is another one's today.
func (b *Bought) leftBehind() bool {
	j := b.j
	c := j.stamped(j.stampValue(b.session))
	if c == nil || c.Live() || j.survivor(c) != nil || j.neverTheirs(b.f, b.session, c) {
		return false
	}
	return !slices.ContainsFunc(b.p.objects, func(o rightful.Object) bool {
		now := j.stamped(j.stampValue(o))
		return now != nil && now.Live() || o.LiveSubscription() && b.f.CompanyID != "" ||
			slices.ContainsFunc(j.rowsBySub[o.ID], func(r rightful.SubscriptionRow) bool { return j.live(r.CompanyID) })
	})
}

// boughtAndOver reports whether a session of a company that is gone is that company's
// whatever else was ever bought with its customer: nothing of it is alive, and the
// customer names nobody else.
func (b *Bought) boughtAndOver(gone *rightful.Company) bool {
	j, f := b.j, b.f
	other := func(c *rightful.Company) bool { return c == nil || !rightful.SameID(c.ID, gone.ID) }
	if value := j.stampValue(f.Customer); value != "" && other(j.stamped(value)) {
		return false
	}
	return f.owner == ours && b.stampedUser() &&
		!slices.ContainsFunc(f.Links, func(l rightful.Link) bool { return other(j.company(l.CompanyID)) }) &&
		!slices.ContainsFunc(b.p.objects, func(o rightful.Object) bool {
			value := j.stampValue(o)
			return o.LiveSubscription() || value != "" && other(j.stamped(value))
		})
}

// distinctIDs returns the ids that are one, each once, in their order.
func distinctIDs(ids ...string) []string {
	var out []string
	for _, id := range ids {
		if id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// boughtForTheGone returns the company that is gone and that a session was bought for,
// "" when nothing names one. A stamp that no row explains names one too: it may have
// been deleted without a trace.
func (j *judge) boughtForTheGone(f *family, s rightful.Object) string {
	value := j.stampValue(s)
	if c := j.stamped(value); c != nil {
		return c.ID // it is not live, or it would have been heard
	}
	if value != "" {
		return value
	}
	return j.goneOf(f, s)
}

// agreed reports whether every row of what the session made names the company, and
// every link of its payer a company that is known.
func (b *Bought) agreed(company string) bool {
	for _, o := range b.p.objects {
		for _, r := range b.j.rowsBySub[o.ID] {
			if !rightful.SameID(r.CompanyID, company) {
				return false
			}
		}
	}
	return !slices.ContainsFunc(b.f.Links, func(l rightful.Link) bool { return b.j.company(l.CompanyID) == nil })
}

// stampedUser reports whether the server wrote on the purchase who bought it.
func (b *Bought) stampedUser() bool {
	return slices.ContainsFunc(b.p.objects, func(o rightful.Object) bool { return b.j.userValue(o) != "" })
}

// Has reports whether a user may be told that the session is this company's: the user
// belongs to it now, or did when they bought it, whatever became of them since. Whoever
// belonged to a company that was merged belonged to its survivor.
func (b *Bought) Has(user, company string) bool {
	company = rightful.CanonicalID(company)
	return b.j.belongsToday(user, company) ||
		b.BoughtBy(user) && b.j.belongedThen(user, company, b.session.Created)
}

// MayHave reports whether a user bought the session for this company, by the server's
// word, and nothing tells whether they belonged to it then: the app keeps no history
// of who belonged where.
func (b *Bought) MayHave(user, company string) bool {
	c := b.j.stamped(b.j.stampValue(b.session))
	if s := b.j.survivor(c); s != nil {
		c = s
	}
	return c != nil && rightful.SameID(c.ID, company) && b.BoughtBy(user) && !b.j.waysNow(user).History
}

// MadeFor reports whether our own record says that the session was made for this user
// and company, or for one that became it.
func (b *Bought) MadeFor(user, company string) bool {
	in := b.j.sit.Made[b.session.ID]
	return in.ObjectID == b.session.ID && b.j.stampedAs(b.session, in) && rightful.SameID(in.UserID, user) && b.Became(in.CompanyID, company)
}

// Became reports whether a company is another one, or was merged into it.
func (b *Bought) Became(company, other string) bool {
	s := b.j.survivor(b.j.company(company))
	return rightful.SameID(company, other) || s != nil && rightful.SameID(s.ID, other)
}

// Had reports whether a user may be told that the session's company is gone: they
// bought it, or belonged to that company.
func (b *Bought) Had(user string) bool {
	return b.BoughtBy(user) || b.j.belongsNow(user, b.Gone) || b.j.everBelonged(user, b.Gone)
}

// BoughtBy reports whether the server wrote that this user bought it: on the purchase,
// or, where nobody stands there, on the customer that was made with it.
func (b *Bought) BoughtBy(user string) bool {
	carriers := b.p.objects
	if birth := b.f.birth(); !b.stampedUser() && birth != nil && birth.id == b.p.id {
		carriers = []rightful.Object{b.f.Customer}
	}
	return slices.ContainsFunc(carriers, func(o rightful.Object) bool { return rightful.SameID(b.j.userValue(o), user) })
}

// RawID returns a company's id as the database prints it.
func (b *Bought) RawID(company string) string { return *b.j.rawID(company) }

// Company returns a company's row, nil when there is none.
func (b *Bought) Company(id string) *rightful.Company { return b.j.company(id) }
