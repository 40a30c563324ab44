package truth

import (
	"slices"
	"strings"

	"pgregory.net/rapid"

	"rightful"
)

// Want is a finding that a damage causes.
type Want struct {
	Code   rightful.Code
	Object rightful.Ref
}

// Damage is one place where a mutation can strike in a world.
type Damage struct {
	Where string
	// Finds are the errors and warnings that follow, all of them, if Exact is
	// true. Where what follows depends on too much else, only what is proposed is
	// held against the truth.
	Finds []Want
	Exact bool

	do     func()
	claims []string // see Places
	lied   []string
	erased []string
	copied []string
}

// Mutation is one way in which things go wrong, named as people would tell it.
type Mutation struct {
	Name   string
	Code   rightful.Code // what it is found as in the first place; empty for what only misleads
	places func(w *World) []Damage
}

// Places returns where the mutation can strike in the world, fairly.
//
// Nothing can tell the truth from what is told twice. So no two damages may
// claim the same wrong company for one family: a stamp and a link that both say
// 12, where 11 is true, are what a world would hold in which 12 is true and
// something else was damaged. Nor may one damage lie about a thing (a purchase
// or a customer) while another erases what the thing itself says: then the lie
// is all that is left. Nor is a thing copied that was lied about: the copy would tell
// the lie again.
func (m Mutation) Places(w *World) []Damage {
	told := w.honest()
	has := func(prefix string, names []string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return w.told[prefix+n] || told[prefix+n] })
	}
	return slices.DeleteFunc(m.places(w), func(d Damage) bool {
		return has("claim ", d.claims) || has("erased ", d.lied) || has("lied ", d.erased) || has("lied ", d.copied) || has("erased ", d.copied)
	})
}

// Strike damages the world.
func (w *World) Strike(m Mutation, d Damage) {
	d.do()
	for prefix, names := range map[string][]string{"claim ": d.claims, "lied ": d.lied, "erased ": d.erased} {
		for _, n := range names {
			w.told[prefix+n] = true
		}
	}
	for _, id := range d.about() {
		w.struck[id] = true
		if o := w.Object(id); o != nil {
			w.struck[w.family(o)] = true
			for _, p := range w.purchasesWith(w.family(o)) {
				for _, o := range p.Objects() {
					w.struck[o.ID] = true
				}
			}
		}
	}
	w.say("DAMAGE %s: %s", m.Name, d.Where)
}

// StrikeAny damages the world by one of the mutations, if any can strike in it.
func (w *World) StrikeAny(t *rapid.T, among []Mutation) (Mutation, Damage, bool) {
	m := rapid.SampledFrom(among).Draw(t, "mutation")
	places := m.Places(w)
	if len(places) == 0 {
		return m, Damage{}, false
	}
	d := places[rapid.IntRange(0, len(places)-1).Draw(t, "place")]
	w.Strike(m, d)
	return m, d, true
}

// StrikeNear damages the world where it was damaged before: in a family, by a user
// or at a company that an earlier damage was about. There the judge's guards have to
// hold, because the places that could contradict are fewer.
func (w *World) StrikeNear(t *rapid.T, among []Mutation) (Mutation, Damage, bool) {
	m := rapid.SampledFrom(among).Draw(t, "mutation")
	places := m.Places(w)
	near := slices.DeleteFunc(slices.Clone(places), func(d Damage) bool {
		return !slices.ContainsFunc(d.about(), func(id string) bool { return w.struck[id] })
	})
	if len(near) > 0 && rapid.IntRange(0, 3).Draw(t, "near") > 0 {
		places = near
	}
	if len(places) == 0 {
		return m, Damage{}, false
	}
	d := places[rapid.IntRange(0, len(places)-1).Draw(t, "place")]
	w.Strike(m, d)
	return m, d, true
}

// about are the ids that stand in what the damage says of itself.
func (d Damage) about() []string {
	var ids []string
	for _, text := range slices.Concat(d.claims, d.lied, d.erased, []string{d.Where}) {
		for _, word := range strings.Fields(strings.ReplaceAll(text, "'s", "")) {
			if strings.ContainsAny(word, "0123456789") && strings.Contains(word, "_") {
				ids = append(ids, word)
			}
		}
	}
	return ids
}

// finds says that the damage causes these findings and no others.
func (d Damage) finds(wants ...Want) Damage {
	d.Finds, d.Exact = wants, true
	return d
}

// lies says that the damage claims the objects for a company.
func (w *World) lies(d Damage, company string, objects ...*rightful.Object) Damage {
	for _, o := range objects {
		d.claims = append(d.claims, w.family(o)+" is "+company+"'s")
		if w.thing(o) != w.family(o) {
			d.claims = append(d.claims, w.thing(o)+" is "+company+"'s") // it may be charged to another customer
		}
		d.lied = append(d.lied, w.thing(o))
	}
	return d
}

// liesByUser says that the damage claims the objects for whatever a user has.
func (w *World) liesByUser(d Damage, user string, objects ...*rightful.Object) Damage {
	for _, m := range w.Companies {
		if w.everIn(user, m.ID) {
			d = w.lies(d, m.ID, objects...)
		}
	}
	return d
}

// sends says that the damage puts the user into a company.
func sends(d Damage, user, company string) Damage {
	d.claims = append(d.claims, "user "+user+" is "+company+"'s")
	return d
}

// erases says that the damage takes away what the objects say.
func (w *World) erases(d Damage, objects ...*rightful.Object) Damage {
	for _, o := range objects {
		d.erased = append(d.erased, w.thing(o))
	}
	return d
}

// honest are the lies that a healthy world tells. Where the database keeps no
// history, what somebody bought who has moved seems to be for where they are now.
// Where it does, a join counts from a day before. And an address speaks for
// whoever has it now.
func (w *World) honest() map[string]bool {
	var d Damage
	for _, p := range w.Purchases {
		for _, m := range w.Memberships {
			if ahead := m.JoinedAt - p.Objects()[0].Created; m.UserID == p.Buyer && m.CompanyID != p.Company && ahead > 0 && ahead <= rightful.JoinTolerance {
				d = w.lies(d, m.CompanyID, p.Objects()...)
			}
		}
		if !w.App.Memberships && !w.member(p.Buyer, w.final(p.Company)) {
			d = w.liesByUser(d, p.Buyer, p.Objects()...)
		}
	}
	for _, o := range w.ours() {
		if c := w.Company(w.Owner(o.ID)); c != nil && !c.Live() {
			d.lied = append(d.lied, w.thing(o)) // whatever lives speaks against what is gone
		}
		if u := o.Metadata[userKey]; u != "" && !w.App.Memberships && !w.member(u, w.Owner(o.ID)) {
			d = w.liesByUser(d, u, o)
		}
	}
	for _, o := range w.customers() {
		for _, u := range w.Users {
			if strings.EqualFold(u.Email, o.Email) && !w.member(u.ID, w.Owner(o.ID)) {
				d = w.liesByUser(d, u.ID, o)
				d.lied = append(d.lied, o.ID)
			}
		}
	}
	told := map[string]bool{}
	for _, c := range d.claims {
		told["claim "+c] = true
	}
	for _, l := range d.lied {
		told["lied "+l] = true
	}
	return told
}

// everIn reports whether a user belongs to the company, or the database says that
// they did.
func (w *World) everIn(user, company string) bool {
	return w.member(user, company) || slices.ContainsFunc(w.Memberships, func(m *rightful.Membership) bool {
		return m.UserID == user && m.CompanyID == company
	})
}

// purchaseOf returns the purchase that made an object, or nil.
func (w *World) purchaseOf(o *rightful.Object) *Purchase {
	for _, p := range w.Purchases {
		if p.Session == o || p.Made == o {
			return p
		}
	}
	return nil
}

// thing names what an object is part of: a purchase, or a customer.
func (w *World) thing(o *rightful.Object) string {
	if p := w.purchaseOf(o); p != nil {
		return p.id()
	}
	return o.ID
}

// family names the family that an object is in.
func (w *World) family(o *rightful.Object) string {
	if o.StripeCustomerID != "" {
		return o.StripeCustomerID
	}
	return w.thing(o)
}

// carriers are the objects that carry a user's id, or that the user made.
func (w *World) carriers(user string) []*rightful.Object {
	return slices.DeleteFunc(w.ours(), func(o *rightful.Object) bool {
		p := w.purchaseOf(o)
		return o.Metadata[userKey] != user && (p == nil || p.Buyer != user)
	})
}

// othersThan returns the live companies that are not the one.
func (w *World) othersThan(company string) []*rightful.Company {
	return slices.DeleteFunc(w.live(), func(c *rightful.Company) bool { return c.ID == company })
}

// ours are the app's own objects that say whose they are.
func (w *World) ours() []*rightful.Object {
	return slices.DeleteFunc(slices.Clone(w.Objects), func(o *rightful.Object) bool {
		return w.owner[o.ID] == "" || !slices.Contains(speaking, o.Type)
	})
}

// speaking are the types whose stamps speak: others hold copies, or what is yet to
// come.
var speaking = []rightful.ObjectType{rightful.TypeCustomer, rightful.TypeSession, rightful.TypeSubscription, rightful.TypePaymentIntent}

// customers are the app's customers that are there.
func (w *World) customers() []*rightful.Object {
	return slices.DeleteFunc(w.ours(), func(o *rightful.Object) bool { return o.Type != rightful.TypeCustomer || o.Deleted })
}

// restamp overwrites whatever stamp the object has; "" removes it.
func (w *World) restamp(o *rightful.Object, value string) {
	delete(o.Metadata, companyKey)
	delete(o.Metadata, alsoKey)
	if value != "" {
		o.Metadata[companyKey] = value
	}
}

// nobody is an id that never named a company.
func (w *World) nobody() string {
	if w.App.UUIDs {
		return uuid(9, 9)
	}
	return "4"
}
