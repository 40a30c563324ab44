package truth

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"rightful"
)

// Grow makes a healthy world.
func Grow(t *rapid.T) *World { return grow(t, false) }

// GrowPlain makes a healthy world of the usual kind, in which it is certain what
// a damage causes: one linked customer for each company, rows, and nobody moves.
func GrowPlain(t *rapid.T) *World { return grow(t, true) }

func grow(t *rapid.T, plain bool) *World {
	w := newWorld(t, plain)
	w.pass()
	w.buy()
	for range w.pick("steps", 6) {
		w.pass()
		if plain {
			w.plainStep()
		} else {
			w.step()
		}
	}
	if w.App.Others {
		w.others()
	}
	w.finish()
	return w
}

func (w *World) pass() {
	w.Now += of(w, "pass", int64(86400*30), 120, 86400*2, 86400*200, 7200)
}

// step is one more thing that happens.
func (w *World) step() {
	u := of(w, "who", w.Users...)
	switch of(w, "step", "buy", "buy", "buy", "join", "leave", "move", "cancel", "delete", "merge", "email", "user") {
	case "buy":
		w.buy()
	case "join":
		w.join(u, of(w, "joined", w.live()...))
	case "leave":
		if len(w.belongs[u.ID]) > 0 && w.mayGo(u) {
			w.leave(u, w.Company(of(w, "left", w.belongs[u.ID]...)))
		}
	case "move":
		to := of(w, "moves to", w.live()...)
		if len(w.belongs[u.ID]) > 0 && w.mayGo(u) && !w.member(u.ID, to.ID) {
			w.leave(u, w.Company(of(w, "moves from", w.belongs[u.ID]...)))
			w.join(u, to)
		}
	case "cancel":
		for _, p := range w.Purchases {
			if p.Live() && w.chance("cancel "+p.Made.ID, 2) {
				w.cancel(p)
			}
		}
	case "delete":
		w.remove(of(w, "deleted", w.live()...))
	case "merge":
		w.merge(of(w, "merged", w.live()...), of(w, "survivor", w.live()...))
	case "email":
		w.changeEmail()
	case "user":
		w.newUser()
	}
}

// plainStep is one more thing that happens where nobody moves.
func (w *World) plainStep() {
	switch of(w, "step", "buy", "buy", "join", "user") {
	case "buy":
		w.buy()
	case "join":
		w.join(of(w, "who", w.Users...), of(w, "joined", w.live()...))
	case "user":
		w.newUser()
	}
}

// mayGo reports whether a user may leave a company. Where the database keeps no
// history, and neither rows nor links say whose a customer is, the data of
// somebody who left is that of somebody who bought for a strange company.
func (w *World) mayGo(u *rightful.User) bool {
	if w.App.Memberships || w.App.Rows && w.App.Link != LinkNone {
		return true
	}
	return !slices.ContainsFunc(w.Purchases, func(p *Purchase) bool { return p.Buyer == u.ID })
}

// cancel ends a subscription.
func (w *World) cancel(p *Purchase) {
	w.say("%s is cancelled", p.Made.ID)
	p.Made.Status, p.Made.EndedAt = "canceled", w.Now
	p.Made.HasSchedule = false
	if s := w.scheduleOf(p); s != nil {
		s.Status = "canceled"
	}
	if p.Row != nil {
		p.Row.Status = "canceled"
	}
}

// inFamily reports whether a company pays for another or is paid for.
func (w *World) inFamily(c *rightful.Company) bool {
	return c.BillingParentID != "" || slices.ContainsFunc(w.Companies, func(o *rightful.Company) bool { return o.BillingParentID == c.ID })
}

// remove deletes a company the right way: what it paid for is cancelled, and its
// people leave.
func (w *World) remove(c *rightful.Company) {
	if len(w.live()) < 2 || w.inFamily(c) {
		return
	}
	for _, p := range w.Purchases {
		if p.Live() && w.final(p.Company) == c.ID {
			w.cancel(p)
		}
	}
	c.Deleted, c.DeletedAt = true, w.Now
	for _, u := range w.everybodyLeaves(c) {
		// Where there is no history, see mayGo.
		if !w.App.Memberships && len(w.belongs[u.ID]) == 0 {
			w.join(u, of(w, "joins after", w.live()...))
		}
	}
	for _, o := range w.customers() {
		idle := w.Owner(o.ID) == c.ID && !slices.ContainsFunc(w.purchasesWith(o.ID), (*Purchase).Done)
		if idle && stampOf(o) == "" && len(w.linkedBy(o.ID)) == 0 {
			o.Deleted = true // nothing would say any more whose it was
			continue
		}
		if w.App.Customers == PerUser && stampOf(o) != "" && w.named(stampOf(o)) == c {
			w.restamp(o, "") // its user goes on with it
		}
	}
	if w.chance("link is cleared", 2) {
		w.unlink(c)
	}
	w.forget(c.ID)
	w.say("company %s is deleted", c.ID)
}

// forget drops the customers that the app keeps for a company.
func (w *World) forget(company string) {
	for holder, customer := range w.uses {
		if w.App.Customers != PerUser && w.Owner(customer) == company {
			delete(w.uses, holder)
		}
	}
}

// merge makes one company part of another the right way: what lives is stamped
// anew, rows, links and people move. Two that both have customers are not merged:
// which one to keep would be a question.
func (w *World) merge(from, to *rightful.Company) {
	has := func(c *rightful.Company) bool {
		return len(w.linksOf(c)) > 0 || slices.ContainsFunc(w.Objects, func(o *rightful.Object) bool {
			return o.Type == rightful.TypeCustomer && w.Owner(o.ID) == c.ID
		})
	}
	if from == to || w.inFamily(from) || w.inFamily(to) || has(from) && has(to) && w.App.Customers == PerCompany {
		return
	}
	w.say("company %s is merged into %s", from.ID, to.ID)
	for _, o := range w.Objects {
		past := o.Type == rightful.TypeSession || o.Type == rightful.TypePaymentIntent || o.Type == rightful.TypeSubscription && !o.LiveSubscription()
		if !past && stampOf(o) != "" && w.named(stampOf(o)) == from {
			w.stamp(o, to)
		}
		for i := range o.Phases {
			if v := stampOf(&rightful.Object{Metadata: o.Phases[i].Metadata}); v != "" && w.named(v) == from {
				o.Phases[i].Metadata = map[string]string{w.keyNow(): stampFor(to)}
			}
		}
	}
	for _, r := range w.Rows {
		if r.CompanyID == from.ID {
			r.CompanyID = to.ID
		}
	}
	customers := w.linksOf(from)
	w.unlink(from)
	for _, customer := range customers {
		w.link(to, customer)
	}
	for holder, customer := range w.uses {
		who, colleague := strings.CutSuffix(holder, " for "+from.ID)
		switch {
		case holder == from.ID && w.App.Customers == PerCompany: // a user may have the same number
			delete(w.uses, holder)
			w.uses[to.ID] = customer
		case colleague:
			delete(w.uses, holder)
			if w.uses[who+" for "+to.ID] == "" {
				w.uses[who+" for "+to.ID] = customer
			}
		}
	}
	for _, u := range w.everybodyLeaves(from) {
		w.join(u, to)
	}
	from.MergedInto = to.ID
}

// stampOf returns an object's stamp under whichever key.
func stampOf(o *rightful.Object) string {
	if v := o.Metadata[companyKey]; v != "" {
		return v
	}
	return o.Metadata[alsoKey]
}

// named returns the company that a stamp names, or nil.
func (w *World) named(stamp string) *rightful.Company {
	i := slices.IndexFunc(w.Companies, func(c *rightful.Company) bool { return rightful.SameID(stampFor(c), stamp) })
	if i < 0 {
		return nil
	}
	return w.Companies[i]
}

// finish fills the cache, asks the running app, and lets some time pass.
func (w *World) finish() {
	if w.App.Cached {
		w.fillCache()
	}
	if w.App.Probed {
		w.Revision = "rev1"
		for _, u := range w.Users {
			w.Probe[u.ID] = w.resolve(u)
		}
	}
	if w.App.Endpoints {
		w.deliver()
	}
	w.Now += of(w, "until now", int64(86400*10), 1800, 86400*300, 3600*5)
	for _, p := range w.Purchases {
		// Of a company that is gone, open checkouts are ended with it.
		there := w.Company(p.Company) != nil && w.Company(p.Company).Live()
		if p.Kind == "abandoned" && there && w.Now-p.Session.Created < 86400 && w.chance("still open", 2) {
			p.Session.Status = "open"
		}
	}
}

// resolve is the running app's answer, with the resolver that the database
// implies; of several companies it takes the first.
func (w *World) resolve(u *rightful.User) string {
	if w.App.Direct {
		return u.CompanyID
	}
	if all := w.belongs[u.ID]; len(all) > 0 {
		return all[0]
	}
	return ""
}

func (w *World) fillCache() {
	for _, u := range w.Users {
		if len(w.belongs[u.ID]) > 0 {
			w.Cache["user:"+u.ID+":company"] = of(w, "cached", w.belongs[u.ID]...)
		}
	}
	for _, c := range w.live() {
		if customers := w.linksOf(c); len(customers) > 0 {
			w.Cache["company:"+c.ID+":cus"] = customers[0]
		}
	}
	for _, o := range w.Objects {
		if c := w.Company(w.Owner(o.ID)); o.Type == rightful.TypeCustomer && c != nil && c.Live() {
			w.Cache[fmt.Sprintf("cus:%s", o.ID)] = c.ID
		}
	}
}
