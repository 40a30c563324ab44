package judge

import (
	"slices"
	"strings"

	"rightful"
)

// hearUsers weighs the users whose ids the server wrote on the objects. All
// ways of getting a user's company are one voice.
func (j *judge) hearUsers(f *family, of func(string) *voice) {
	for _, id := range f.users {
		if u := j.users[id]; u != nil {
			j.hearUser(of("user:"+id), f, u, f.stampedBy[id])
		}
	}
}

// belongings is what is known of a user's companies around the objects that
// carry the user's id.
type belongings struct {
	at      int64    // the time that the user is asked about
	ways    Ways     // at that time
	set     []string // live companies at that time
	known   bool     // membership rows exist: what is not listed is wrong, not unknown
	allowed []string // every company that the user belonged to then or belongs to now
	moved   bool     // the companies of then are not those of now
	// stampedOwn are the companies that the objects are stamped with and that
	// the user belonged to, dead ones included.
	stampedOwn []string
	// stampedGone are companies that the objects are stamped with and that are
	// deleted or merged; where no rows say who belonged to them, the user may have.
	stampedGone []*rightful.Company
}

// belongingsOf looks at a user as of now, or, where only settled purchases carry
// the id, as of then.
func (j *judge) belongingsOf(f *family, u *rightful.User, objects []rightful.Object) belongings {
	b := belongings{at: j.sit.Now, ways: j.waysNow(u.ID)}
	if !slices.ContainsFunc(objects, func(o rightful.Object) bool { return !history(o) }) {
		b.at = objects[0].Created
		b.ways = j.waysOf(u.ID, b.at)
	}
	b.set, b.known = j.liveOf(b.ways)
	today := j.relevant(j.waysNow(u.ID).All(), objects)
	b.allowed = slices.Concat(b.set, today)
	for _, o := range objects {
		ways := j.waysOf(u.ID, o.Created).All()
		then := j.relevant(slices.Clone(ways), objects)
		b.moved = b.moved || len(then) > 0 && !slices.Equal(then, today)
		// Who belonged nowhere when they bought, and joined later, did not buy for
		// the company of today: what they had then, nobody knows any more.
		b.moved = b.moved || b.known && len(then) == 0 && o.Type != rightful.TypeCustomer
		b.allowed = append(b.allowed, then...)
		for _, id := range ways { // whoever belonged to a merged company belonged to what took it over, whatever is stamped
			b.allowed = append(b.allowed, j.became(id)...)
		}
		stamp, _ := j.stampOf(o)
		company := rightful.CanonicalID(stamp) // of one whose row is gone, the id is all there is
		if c := j.stamped(stamp); c != nil {
			company = rightful.CanonicalID(c.ID)
			if !c.Live() && !goneBefore(c, o) {
				b.stampedGone = append(b.stampedGone, c)
			}
		} else if j.remembered(stamp) {
			b.stampedGone = append(b.stampedGone, nil) // its row is gone, and others still name it
		}
		if company != "" && slices.Contains(b.allowed, company) {
			b.stampedOwn = append(b.stampedOwn, company)
		}
	}
	b.boughtForGone(j, f, u)
	return b
}

// boughtForGone adds what a user bought, by the id on the customer alone, for a company
// of theirs that is gone: then the customer is not simply what they have today.
func (b *belongings) boughtForGone(j *judge, f *family, u *rightful.User) {
	if !b.known || !rightful.SameID(j.userValue(f.Customer), u.ID) {
		return
	}
	for _, p := range f.purchases {
		o := p.objects[0]
		c := j.stamped(j.stampValue(o))
		if !p.done() || c == nil || c.Live() || j.survivor(c) != nil || j.buyersOf(f, o)[0].ID != f.Customer.ID {
			continue
		}
		if id := rightful.CanonicalID(c.ID); j.belongedAt(u.ID, id, o.Created) {
			b.stampedOwn = append(b.stampedOwn, id)
		}
	}
}

// relevant leaves out companies that are gone and that none of the objects is
// stamped with: that somebody once belonged to them says nothing here.
func (j *judge) relevant(companies []string, objects []rightful.Object) []string {
	return slices.DeleteFunc(companies, func(id string) bool {
		return j.company(id) != nil && !j.live(id) && !slices.ContainsFunc(objects, func(o rightful.Object) bool {
			stamp := j.stampValue(o)
			c := j.stamped(stamp)
			return rightful.SameID(stamp, id) || c != nil && rightful.SameID(c.ID, id)
		})
	})
}

// hearUser weighs one user.
//
// A user who belonged to the stamped company when the object was made does not
// speak against it, whatever happened later. One whose companies were others
// then has moved, and names none. Without membership history a company that is
// not among the user's is unknown, not wrong: such a user supports what the
// database says of the family, and never contradicts it.
func (j *judge) hearUser(v *voice, f *family, u *rightful.User, objects []rightful.Object) {
	b := j.belongingsOf(f, u, objects)
	if b.known {
		v.excludes = func(company string) bool { return !slices.Contains(b.allowed, company) }
	}
	signal := rightful.Signal{
		Place:    "db:users/" + u.ID + " (" + b.ways.text() + ")",
		Says:     strings.Join(b.set, ", "),
		Voice:    v.id,
		Strength: rightful.Strong,
		AsOf:     b.at,
	}
	one := b.names(j.databaseSays(f))
	if !b.known && slices.ContainsFunc(b.stampedGone, func(c *rightful.Company) bool {
		s := j.survivor(c)
		return s == nil || !rightful.SameID(s.ID, one)
	}) {
		one = "" // perhaps they bought it for the company that is gone
	}
	switch {
	case one != "":
		v.hear(signal, j.company(one))
	case b.known && len(b.stampedOwn) == 0:
		v.hear(signal, nil) // it names none, and knows which are wrong
	default:
		signal.Strength = rightful.Corroborates
		f.note(signal)
	}
}

// names returns the one company that the user votes for, or "". database are the
// companies that links and rows tie to the family.
func (b belongings) names(database []string) string {
	if len(b.set) != 1 || b.moved {
		return ""
	}
	one := b.set[0]
	if slices.ContainsFunc(b.stampedOwn, func(c string) bool { return c != one }) {
		return ""
	}
	if !b.known && database != nil && !slices.Contains(database, one) {
		return ""
	}
	return one
}

// databaseSays returns the live companies that links and rows tie to a family.
func (j *judge) databaseSays(f *family) []string {
	var ids []string
	for _, l := range f.Links {
		if j.live(l.CompanyID) {
			ids = append(ids, rightful.CanonicalID(l.CompanyID))
		}
	}
	for _, r := range f.Rows {
		if j.live(r.CompanyID) {
			ids = append(ids, rightful.CanonicalID(r.CompanyID))
		}
	}
	return ids
}
