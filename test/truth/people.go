package truth

import (
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// people puts the first companies and users into a world.
func (w *World) people() {
	for range 2 + w.pick("companies", 2) {
		w.newCompany("")
	}
	if w.App.Parents {
		w.Companies[1].BillingParentID = w.Companies[0].ID
	}
	for range 1 + w.pick("users", 3) {
		w.newUser()
	}
}

// newCompany adds a company; one with an owner is that user's own.
func (w *World) newCompany(owner string) *rightful.Company {
	n := len(w.Companies)
	c := &rightful.Company{ID: fmt.Sprint(11 + n), OwnerUserID: owner}
	if w.App.UUIDs {
		c.ID = uuid(1, n)
	}
	if w.App.Slugs == "all" || w.App.Slugs == "some" && n%2 == 1 {
		c.StampValue = fmt.Sprintf("acme-%d", n)
		if w.App.UUIDs {
			c.StampValue = uuid(2, n)
		}
	}
	if w.App.Pending {
		c.StripeCustomerID = fmt.Sprintf("pending_%d", n)
	}
	w.Companies = append(w.Companies, c)
	return c
}

// newUser adds a user, who joins a company or two.
func (w *World) newUser() {
	n := len(w.Users)
	u := &rightful.User{ID: fmt.Sprint(of(w, "first user", 7, 11) + n)} // numbers of users and companies collide
	for w.user(u.ID) != nil {
		u.ID += "0"
	}
	if w.App.UUIDs {
		u.ID = uuid(3, n)
	}
	u.Email = fmt.Sprintf("u%d@example.com", n)
	if n > 0 && w.chance("shared mailbox", 6) {
		u.Email = w.Users[0].Email
	}
	w.Users = append(w.Users, u)
	companies := w.live()
	w.join(u, companies[(n+w.pick("home", len(companies)))%len(companies)])
	if w.chance("second home", 3) {
		w.join(u, of(w, "second", companies...))
	}
	if w.App.Personal {
		c := w.newCompany("")
		w.say("company %s is user %s's own", c.ID, u.ID)
		w.join(u, c)
	}
}

// member reports whether a user belongs to a company today.
func (w *World) member(user, company string) bool { return slices.Contains(w.belongs[user], company) }

// join puts a user into a company, in every way that the app has. Where it has
// no way to write it down, nobody joins.
func (w *World) join(u *rightful.User, c *rightful.Company) {
	a := w.App
	owns := a.Owner && c.OwnerUserID == ""
	first := len(w.belongs[u.ID]) == 0
	if w.member(u.ID, c.ID) || !a.Memberships && !owns && !(a.Direct && first) {
		return
	}
	w.say("user %s joins company %s", u.ID, c.ID)
	w.belongs[u.ID] = append(w.belongs[u.ID], c.ID)
	if a.Memberships {
		w.Memberships = append(w.Memberships, &rightful.Membership{UserID: u.ID, CompanyID: c.ID, JoinedAt: w.Now})
	}
	if a.Direct && u.CompanyID == "" {
		u.CompanyID = c.ID
	}
	if owns {
		c.OwnerUserID = u.ID
	}
}

// leave takes a user out of a company in every way.
func (w *World) leave(u *rightful.User, c *rightful.Company) {
	w.say("user %s leaves company %s", u.ID, c.ID)
	w.belongs[u.ID] = slices.DeleteFunc(w.belongs[u.ID], func(id string) bool { return id == c.ID })
	for _, m := range w.Memberships {
		if m.UserID == u.ID && m.CompanyID == c.ID && m.LeftAt == 0 {
			m.LeftAt = w.Now
		}
	}
	if u.CompanyID == c.ID {
		u.CompanyID = ""
		if len(w.belongs[u.ID]) > 0 {
			u.CompanyID = w.belongs[u.ID][0]
		}
	}
	if c.OwnerUserID != u.ID {
		return
	}
	c.OwnerUserID = ""
	for _, o := range w.Users {
		if c.OwnerUserID == "" && w.member(o.ID, c.ID) {
			c.OwnerUserID = o.ID
		}
	}
}

// everybodyLeaves empties a company that goes.
func (w *World) everybodyLeaves(c *rightful.Company) []*rightful.User {
	var gone []*rightful.User
	for _, u := range w.Users {
		if w.member(u.ID, c.ID) {
			w.leave(u, c)
			gone = append(gone, u)
		}
	}
	c.OwnerUserID = ""
	return gone
}

// changeEmail gives a user another address. At times somebody else gets the old
// one, as company addresses go.
func (w *World) changeEmail() {
	u := of(w, "whose email", w.Users...)
	old := u.Email
	u.Email = fmt.Sprintf("new%d@example.com", len(w.Log))
	w.say("user %s has a new email", u.ID)
	if heir := of(w, "who gets it", w.Users...); heir != u && w.chance("inherited", 2) {
		heir.Email = old
		w.say("user %s gets the old one", heir.ID)
	}
}

// emailFor returns what stands on a customer that somebody made.
func (w *World) emailFor(u *rightful.User) string {
	kind := w.App.Email
	if kind == "mixed" {
		kind = of(w, "this email", "buyer", "none", "upper", "plus", "billing")
	}
	switch kind {
	case "buyer":
		return u.Email
	case "upper":
		return strings.ToUpper(u.Email[:1]) + u.Email[1:]
	case "plus":
		name, host, _ := strings.Cut(u.Email, "@")
		return name + "+billing@" + host
	case "billing":
		return "billing@example.com"
	}
	return ""
}
