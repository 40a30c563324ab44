package judge

import (
	"slices"
	"strings"

	"rightful"
)

// companyFor returns the company that an object rightfully belongs to: that of a
// purchase which speaks for itself, else the family's. "" is nobody's to say: the
// purchase says one company, and another one links the customer that it charged.
func (j *judge) companyFor(f *family, o rightful.Object) string {
	p := f.purchaseOf(o.ID)
	switch {
	case p == nil:
		return f.CompanyID
	case p.child != "":
		return p.child
	}
	own := j.ownCompany(f, *p)
	switch {
	case own == "" || own == f.CompanyID || f.CompanyID == "":
		return f.CompanyID
	case j.linker(f) == "":
		return own // one customer for all companies of its user
	}
	return ""
}

// ownCompany returns the company that a purchase names for itself: all its parts
// agree, and its buyer belongs to it, or where nobody knows the buyer, a row
// agrees too. No other purchase of the same customer says
// that it is wrong.
func (j *judge) ownCompany(f *family, p purchase) string {
	own := ""
	for _, part := range p.objects {
		c := j.stamped(j.stampValue(part))
		if s := j.survivor(c); s != nil && !part.LiveSubscription() {
			c = s // it was right then, nobody stamps it anew, and what it names is the survivor today
		}
		switch {
		case c == nil && j.stampValue(part) != "", c != nil && !c.Live():
			return ""
		case c == nil:
		case own == "":
			own = rightful.CanonicalID(c.ID)
		case own != rightful.CanonicalID(c.ID):
			return ""
		}
	}
	if own == "" || j.rowSpeaks(f, p, own) {
		return own
	}
	if j.emailSpeaks(f, p, own) {
		return own
	}
	for _, carrier := range j.buyersOf(f, p.objects[0]) {
		user := j.userValue(carrier)
		if user != "" && (j.belongedThen(user, own, p.created) || j.belongsToday(user, own)) {
			return own
		}
	}
	return ""
}

// emailSpeaks reports whether, where nobody knows the buyer, the customer's email is
// that of users who belonged to the company that the purchase names. It is enough to
// leave a purchase alone, and never to change one.
func (j *judge) emailSpeaks(f *family, p purchase, company string) bool {
	for _, o := range append([]rightful.Object{f.Customer}, p.objects...) {
		if j.userValue(o) != "" {
			return false
		}
	}
	return slices.ContainsFunc(j.byEmail[strings.ToLower(f.Customer.Email)], func(u *rightful.User) bool {
		return f.Customer.Email != "" && !u.Inactive && (j.belongedThen(u.ID, company, p.created) || j.belongsToday(u.ID, company))
	})
}

// rowSpeaks reports whether, where nobody knows the buyer, a row gives what the
// purchase made to the company that its stamps name.
func (j *judge) rowSpeaks(f *family, p purchase, company string) bool {
	for _, o := range append([]rightful.Object{f.Customer}, p.objects...) {
		if j.userValue(o) != "" {
			return false
		}
	}
	return slices.ContainsFunc(p.objects, func(o rightful.Object) bool { return j.rowFor(o.ID, company) })
}
