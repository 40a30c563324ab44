package judge

import (
	"slices"

	"rightful"
)

// Our own record tells for which user and company the resolver had a session made. It is
// the only history of who acted for whom of an app that keeps none, and is heard like
// this: where the session went through and its stamps still say the same, its user could
// act for its company for as long as the purchase took. It says nothing of any other time,
// names nobody by itself (what it says is what the checkout wrote), and is heard only of
// users of whom memberships are known at all: of others, nothing outside of these is held
// to be wrong anyway.

// stampedAs reports whether the session's own stamps name the user and the company of a
// record of its making: what is stamped otherwise was changed since, and not believed.
func (j *judge) stampedAs(session rightful.Object, in rightful.Intent) bool {
	user := j.userValue(session)
	if user == "" || in.CompanyID == "" || !rightful.SameID(user, in.UserID) {
		return false
	}
	return rightful.SameID(j.stampedCompany(session), in.CompanyID) || j.namedOnce(session, in.CompanyID)
}

// namedOnce reports whether a session's stamp, which no row explains, is what a company
// may have been called that has no row any more: where companies are stamped by another
// name than their id, that name went with the row.
func (j *judge) namedOnce(session rightful.Object, company string) bool {
	value := j.stampValue(session)
	return len(j.byStamp) > 0 && value != "" && j.stamped(value) == nil && j.company(company) == nil
}

// stampedCompany returns the id of the company that an object is stamped with: of one
// that has no row, the stamp itself.
func (j *judge) stampedCompany(o rightful.Object) string {
	value := j.stampValue(o)
	if c := j.stamped(value); c != nil {
		return c.ID
	}
	return value
}

// actedOf returns what a record of the session's making adds to what the database tells,
// if there is one: a membership that lasted for as long as the purchase took. tells is
// false where it adds nothing, be it that there is none.
func (j *judge) actedOf(p *purchase) (m rightful.Membership, tells bool) {
	s := p.session
	user, company := j.userValue(s), j.stampedCompany(s)
	if s.ID == "" || user == "" || company == "" || !p.done() || len(j.memberships[rightful.CanonicalID(user)]) == 0 {
		return m, false
	}
	until := p.latest()
	belonged := func(at int64) bool {
		return slices.Contains(j.waysInDatabase(user, at).All(), rightful.CanonicalID(company))
	}
	if belonged(s.Created) && belonged(until) {
		return m, false
	}
	return rightful.Membership{UserID: user, CompanyID: company, JoinedAt: s.Created, LeftAt: until + 1}, true
}

// recordOf returns what the record of a purchase adds, as it is kept.
func (j *judge) recordOf(p *purchase) (m rightful.Membership, tells bool) {
	in := j.sit.Made[p.session.ID]
	if p.session.ID == "" || in.ObjectID != p.session.ID || !j.stampedAs(p.session, in) {
		return m, false
	}
	return j.actedOf(p)
}

// takeRecords takes up what our own record adds, before anybody is heard.
func (j *judge) takeRecords() {
	if len(j.sit.Made) == 0 {
		return
	}
	for _, f := range j.families {
		for i := range f.purchases {
			p := &f.purchases[i]
			if in := j.sit.Made[p.session.ID]; p.session.ID != "" && in.ObjectID == p.session.ID && j.stampedAs(p.session, in) {
				j.mentioned[rightful.CanonicalID(j.stampedCompany(p.session))] = true
			}
			if m, tells := j.recordOf(p); tells {
				user := rightful.CanonicalID(m.UserID)
				j.acted[user] = append(j.acted[user], m)
			}
		}
	}
}

// hearRecord shows what our own record says of a purchase. It is no vote of its own: the
// request that made the checkout wrote both.
func (j *judge) hearRecord(f *family, p purchase) {
	if m, tells := j.recordOf(&p); tells {
		f.note(rightful.Signal{
			Place: "record:checkout.session/" + p.session.ID, Says: m.CompanyID, Voice: "checkout:" + p.id,
			Strength: rightful.Corroborates, AsOf: p.session.Created,
		})
	}
}

// unrecorded returns the sessions of which a record would add something, and was not
// asked for.
func (j *judge) unrecorded() []string {
	var ids []string
	for _, f := range j.families {
		if f.owner == foreign {
			continue
		}
		for i := range f.purchases {
			p := &f.purchases[i]
			if _, asked := j.sit.Made[p.session.ID]; asked {
				continue
			}
			value := j.stampValue(p.session)
			unexplained := value != "" && j.userValue(p.session) != "" && j.stamped(value) == nil && !j.remembered(value)
			if _, tells := j.actedOf(p); tells || unexplained {
				ids = append(ids, p.session.ID)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// unexplained returns the companies that stand in stamps of what may be ours, that no row
// explains, and of which our own record was not asked: it is the only memory of one whose
// row was deleted, and everything with it that named it.
func (j *judge) unexplained() []string {
	var ids []string
	for _, f := range j.families {
		if f.owner == foreign {
			continue
		}
		for _, o := range f.Objects() {
			value := j.stampValue(o)
			id := rightful.CanonicalID(value)
			if _, asked := j.sit.Existed[id]; id != "" && !asked && j.stamped(value) == nil && !j.remembered(value) {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
