package judge

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rightful"
)

// wasTheirs reports whether a stamp that was removed named the family's company,
// which still links the customer.
func (j *judge) wasTheirs(f *family) bool {
	return slices.Contains(f.restored, f.CompanyID) && j.linker(f) == f.CompanyID
}

// againstHistory returns why what was paid may not be given to the family's
// company without asking: its buyer did not belong to it then.
func (j *judge) againstHistory(f *family, o rightful.Object) string {
	made := []int64{o.Created}
	switch {
	case o.Type == rightful.TypeCustomer: // what was paid with it says when
		made = nil
		for _, p := range f.purchases {
			if slices.ContainsFunc(p.objects, func(o rightful.Object) bool { return o.LiveSubscription() || history(o) }) {
				made = append(made, p.created)
			}
		}
	case !history(o) && !o.LiveSubscription():
		return ""
	}
	for _, id := range f.users {
		for _, at := range made {
			if _, known := j.userSet(id, at); known && !j.belongedThen(id, f.CompanyID, at) && !j.belongedThen(id, f.CompanyID, o.Created) {
				return fmt.Sprintf("the buyer did not belong to company %s when it was paid", f.CompanyID)
			}
		}
	}
	return ""
}

// againstLive returns why a stamp that names a live company may not be replaced
// without asking. Other purchases of the same customer say nothing about this
// one, and a buyer who belongs to the stamped company may have meant it.
func (j *judge) againstLive(f *family, o rightful.Object, wrong *rightful.Company) string {
	if why := j.defended(f, o, wrong); why != "" {
		return why
	}
	if j.buyerBelongs(f, o, rightful.CanonicalID(wrong.ID)) {
		return fmt.Sprintf("the buyer belongs to company %s too, and may have meant it", wrong.ID)
	}
	if p := f.purchaseOf(o.ID); history(o) && (p == nil || !j.boughtByOutsider(*p, rightful.CanonicalID(wrong.ID))) {
		return fmt.Sprintf("nobody knows that it was wrong when it was made: its buyer is not known to have been outside company %s", wrong.ID)
	}
	if j.support(f, o) < 2 {
		return "the stamp names a live company, and fewer than two voices about this purchase say otherwise"
	}
	return ""
}

// support counts the voices about an object that name the family's company: all
// but those of other purchases, which say nothing about this one. About the
// customer, every purchase speaks.
func (j *judge) support(f *family, o rightful.Object) int {
	// A checkout whose parts disagree may have been settled by its own copy.
	if f.whole == nil {
		n := 0
		for _, v := range f.namers[f.CompanyID] {
			if len(v.said) == 1 {
				n++
			}
		}
		f.whole = &n
	}
	all := *f.whole
	own := f.purchaseOf(o.ID)
	if own == nil {
		return all
	}
	// The checkout that the customer was born with speaks for the customer.
	customers := j.voiceOf(f, f.Customer)
	if f.checkouts == nil {
		n := 0
		for _, v := range f.namers[f.CompanyID] {
			if strings.HasPrefix(v.id, "checkout:") && v.id != customers && len(v.said) == 1 {
				n++
			}
		}
		f.checkouts = &n
	}
	n := all - *f.checkouts
	if v := f.byID["checkout:"+own.id]; v != nil && v.id != customers && v.names() == f.CompanyID && len(v.said) == 1 {
		n++
	}
	return n
}

// otherKey returns a metadata key of the object that names another live company
// than the family's, "" when there is none.
func (j *judge) otherKey(f *family, o rightful.Object) string {
	_, read := j.stampOf(o)
	for _, key := range j.rules.Keys.AlsoRead {
		c := j.stamped(o.Metadata[key])
		if key != read && c != nil && c.Live() && rightful.CanonicalID(c.ID) != f.CompanyID {
			return key
		}
	}
	return ""
}

// goneBefore reports whether the company was already deleted when the object was
// made: nobody can have meant it.
func goneBefore(c *rightful.Company, o rightful.Object) bool {
	return c.Deleted && c.DeletedAt > 0 && c.DeletedAt <= o.Created
}

// neverTheirs reports whether a stamp that names a deleted company was wrong from
// the beginning: it was gone already, or the user who is stamped beside it is known
// never to have belonged to it.
func (j *judge) neverTheirs(f *family, o rightful.Object, gone *rightful.Company) bool {
	carriers := []rightful.Object{f.Customer, o}
	if p := f.purchaseOf(o.ID); p != nil {
		carriers = append(carriers, p.objects...)
	}
	never := goneBefore(gone, o)
	for _, c := range carriers {
		user := j.userValue(c)
		if user == "" || j.users[rightful.CanonicalID(user)] == nil {
			continue
		}
		if j.everBelonged(user, gone.ID) || j.belongedAt(user, gone.ID, o.Created) || j.belongsNow(user, gone.ID) {
			return false
		}
		_, known := j.userSet(user, o.Created)
		never = never || known
	}
	return never
}

// boundToTheDead returns a company that a link or row ties the family to and
// that is deleted or missing, unless it was merged into the family's own.
func (j *judge) boundToTheDead(f *family) string {
	gone := func(id string) bool {
		c := j.company(id)
		s := j.survivor(c)
		return id != "" && !j.live(id) && (s == nil || !rightful.SameID(s.ID, f.CompanyID))
	}
	var dead []string
	for _, l := range f.Links {
		dead = append(dead, l.CompanyID)
	}
	for _, r := range f.Rows {
		dead = append(dead, r.CompanyID)
	}
	dead = slices.DeleteFunc(dead, func(id string) bool { return !gone(id) })
	if len(dead) == 0 {
		return ""
	}
	return slices.Min(dead) // the same whatever the order of the rows
}

// stampedDead returns a company that a stamp of the family names and that is
// deleted, and not merged into the family's own, or "".
func (j *judge) stampedDead(f *family, wrong *rightful.Company) string {
	if f.deadStamps == nil {
		f.deadStamps = map[string]bool{}
		for _, o := range f.speaking() {
			c := j.stamped(j.stampValue(o))
			if c == nil || c.Live() {
				continue
			}
			if s := j.survivor(c); s == nil || !rightful.SameID(s.ID, f.CompanyID) {
				f.deadStamps[c.ID] = true
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(f.deadStamps)) {
		if wrong == nil || !rightful.SameID(id, wrong.ID) {
			return id
		}
	}
	return ""
}

// byCompany groups the families that were attributed to each company, and finds
// each customer's.
func (j *judge) byCompany() {
	j.attributed = map[string][]*family{}
	j.claimed = map[string][]*family{}
	j.byCustomer = map[string]*family{}
	j.subs = map[string]homed{}
	for _, f := range j.families {
		for _, s := range f.Subscriptions {
			j.subs[s.ID] = homed{s, f}
		}
		if !f.Guest() {
			j.byCustomer[f.StripeCustomerID] = f
		}
		if f.owner != ours {
			continue
		}
		if f.CompanyID != "" {
			j.attributed[f.CompanyID] = append(j.attributed[f.CompanyID], f)
		}
		for _, company := range f.Named {
			if company != f.CompanyID {
				j.claimed[company] = append(j.claimed[company], f)
			}
		}
	}
}

// restamp decides whether writing the rightful company into a stamp is
// automatic, and says why or why not. wrong is the company that the stamp names
// now, nil when it names none that exists.
func (j *judge) restamp(f *family, o rightful.Object, wrong *rightful.Company) (automatic bool, why string) {
	switch {
	case j.companyFor(f, o) != f.CompanyID:
		return false, "what was bought for one company was charged to the customer of another: a person decides"
	case f.Contested:
		return false, "the voices name different companies and none prevails: a person decides"
	case f.CompanyID == "":
		return false, "no voice names a live company: a person decides"
	case !f.carried && !j.wasTheirs(f):
		return false, fmt.Sprintf("only one voice names company %s and nothing corroborates it", f.CompanyID)
	case f.excluded(f.CompanyID):
		return false, fmt.Sprintf("the buyer does not belong to company %s", f.CompanyID)
	case f.inDatabase(f.CompanyID):
		return false, "a link or row of the database names another live company: a person decides"
	case f.dissent(f.CompanyID, j.voiceOf(f, o), wrong):
		return false, "another voice names another live company: a person decides"
	case j.otherKey(f, o) != "":
		return false, "metadata." + j.otherKey(f, o) + " names another live company: a person decides"
	case j.boundToTheDead(f) != "":
		return false, "a link or row names company " + j.boundToTheDead(f) + ", which is gone: what is still paid for it is a person's decision"
	case wrong != nil && !wrong.Live() && j.survivor(wrong) == nil && !j.neverTheirs(f, o, wrong):
		return false, fmt.Sprintf("company %s was deleted: what is still paid for it is a person's decision", wrong.ID)
	case wrong == nil && j.stamped(j.stampValue(o)) == nil && j.remembered(j.stampValue(o)):
		return false, fmt.Sprintf("rows still name company %s, so it did exist: a person decides", j.stampValue(o))
	}
	if why := j.againstHistory(f, o); why != "" {
		return false, why
	}
	if why := j.againstSharing(f, o); why != "" {
		return false, why
	}
	if other := j.buyerElsewhere(f, o); other != "" {
		return false, fmt.Sprintf("user %s, who is stamped on it, belongs to other companies only", other)
	}
	if gone := j.stampedDead(f, wrong); gone != "" {
		return false, fmt.Sprintf("another stamp names company %s, which is gone: what is still paid for it is a person's decision", gone)
	}
	if j.support(f, o) == 0 {
		return false, fmt.Sprintf("no voice about this purchase names company %s", f.CompanyID)
	}
	if j.support(f, o) < 2 && !j.backed(f, o) && !j.wasTheirs(f) {
		return false, fmt.Sprintf("about this purchase, one voice at most names company %s and nothing corroborates it", f.CompanyID)
	}
	if wrong != nil && wrong.Live() {
		if why := j.againstLive(f, o, wrong); why != "" {
			return false, why
		}
	}
	if bar := j.barred(f); bar != "" {
		return false, bar
	}
	if other := j.otherMoney(f); other != "" {
		return false, fmt.Sprintf("money stands on both sides: company %s already pays through %s", f.CompanyID, other)
	}
	if wrong != nil && wrong.Live() {
		return true, fmt.Sprintf("%d voices name company %s, and only the one under repair names another", f.Voices, f.CompanyID)
	}
	support := "an email corroborates it"
	switch {
	case f.Voices >= 2:
		support = fmt.Sprintf("%d voices agree", f.Voices)
	case !slices.ContainsFunc(f.mails, func(s rightful.Signal) bool { return s.Voice == "email" && s.Says == f.CompanyID }):
		support = "a stamp that was removed corroborates it"
	}
	return true, fmt.Sprintf("no live company is named now; a strong voice names company %s and %s", f.CompanyID, support)
}

// barred returns why nothing in the family may be automatic, or "".
func (j *judge) barred(f *family) string {
	if f.bar == nil {
		bar := j.findBar(f)
		f.bar = &bar
	}
	return *f.bar
}

func (j *judge) findBar(f *family) string {
	if j.sit.StripePartly {
		return "Stripe could not be read completely"
	}
	if j.sit.Crowded[f.CompanyID] {
		return "the company has more members than were looked at: only an audit of everything sees all their customers"
	}
	if f.young(j.sit.Now) {
		return youngWhy
	}
	for _, s := range f.Subscriptions {
		switch {
		case s.HasSchedule && s.LiveSubscription() && !f.scheduled(s.ID):
			return "subscription " + s.ID + " has a schedule, and what its phases will write is not known"
		case s.HasPendingUpdate:
			return "subscription " + s.ID + " has a pending update, which may write the stamp again"
		}
	}
	for _, s := range f.Schedules {
		if j.writesStamp(s) {
			return "schedule " + s.ID + " has a phase that writes the stamp again"
		}
	}
	if !f.Guest() && f.Exists == rightful.ExistsUnknown {
		return "customer " + f.StripeCustomerID + " could not be looked up"
	}
	return ""
}

// otherMoney returns another customer with money that the family's company links
// or is attributed, when this family has money too, or "". Guests pay once, and
// no search finds them.
func (j *judge) otherMoney(f *family) string {
	if f.rival == nil {
		rival := ""
		others := slices.Clone(j.attributed[f.CompanyID])
		for _, claimed := range j.claimed[f.CompanyID] {
			if claimed.CompanyID == "" { // one that belongs to somebody else pays for somebody else
				others = append(others, claimed)
			}
		}
		for _, customer := range j.links[f.CompanyID] {
			others = append(others, j.byCustomer[customer])
		}
		for _, other := range others {
			if f.money && other != nil && other != f && other.money && !other.Guest() && rival == "" {
				rival = other.Key
			}
		}
		f.rival = &rival
	}
	return *f.rival
}
